# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_exec
short_description: The command that opens a shell in a running task
description:
  - Finds the newest running task of a service in which ECS Exec works and prints the command. It opens nothing
    itself.
  - Fails, naming what is missing, where ECS Exec is off.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  container:
    description: The container. Without it the first essential one.
    type: str
    default: ""
  command:
    description: What to run there.
    type: str
    default: /bin/sh
extends_documentation_fragment:
  - slipway.aws.stack
  - slipway.aws.operations
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Find a task to open a shell in
  slipway.aws.stack_exec:
    stack: {name: "{{ stack_name }}", environment: "{{ stack_environment }}", role: operations}
    cluster: "{{ ecs_services_result.cluster }}"
    services: "{{ ecs_services_services }}"
    service: web
"""

RETURN = r"""
command:
  description: What to type.
  type: str
  returned: always
task:
  description: The id of the task.
  type: str
  returned: always
report:
  description: The same as tables.
  type: list
  elements: dict
  returned: always
"""

import shutil
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api as ecs_api
from ansible_collections.slipway.aws.plugins.module_utils._operations import api, shell
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import chosen, last_part, only, table
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "service": {"type": "str", "default": ""},
    "container": {"type": "str", "default": ""},
    "command": {"type": "str", "default": "/bin/sh"},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    name, ours = only(chosen(params["services"], stack, params["service"]), "exec")
    ecs, cluster = aws.client("ecs"), params["cluster"]
    service = api.services(ecs, cluster, [name])[name]
    definition = ecs_api.task_definition(ecs, service["taskDefinition"]) or {}
    shell.require_shell(ours, service, definition)
    container = shell.container_of(definition, params["container"])
    task = shell.task_of(ours, api.tasks(ecs, cluster, "RUNNING", name), container)
    command = shell.shell_command(cluster, task, container, params["command"], aws.region)
    rows = [[command, ""]]  # only the last column is wrapped: a command is copied
    if not shutil.which("session-manager-plugin"):
        rows.append(["(first install the Session Manager plugin: session-manager-plugin is not on this machine)", ""])
    return {
        "changed": False,
        "command": command,
        "task": last_part(task["taskArn"]),
        "report": [table(f"A shell in container {container} of {ours}", ["type", ""], rows)],
    }


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
