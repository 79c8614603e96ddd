# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_command
short_description: What a one-off command of a service needs
description:
  - >-
    Turns a command line into the options of M(slipway.aws.ecs_task_run), so that it runs as the service's own tasks
    do: same revision, network and capacity. It runs nothing.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  container:
    description: The container that runs the command. Without it the first essential one.
    type: str
    default: ""
  command:
    description: The command line. Quotes hold words together, there is no shell.
    type: str
    required: true
extends_documentation_fragment:
  - slipway.aws.stack
  - slipway.aws.operations
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Prepare the command
  slipway.aws.stack_command:
    stack: {name: "{{ stack_name }}", environment: "{{ stack_environment }}", role: operations}
    cluster: "{{ ecs_services_result.cluster }}"
    services: "{{ ecs_services_services }}"
    service: web
    command: bin/rails db:seed
  register: prepared
"""

RETURN = r"""
request:
  description: >-
    C(task_definition), C(containers), C(subnets), C(security_groups), C(assign_public_ip), C(launch_type),
    C(capacity_providers) and C(platform_version).
  type: dict
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api as ecs_api
from ansible_collections.slipway.aws.plugins.module_utils._operations import api, shell
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import chosen, only
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "service": {"type": "str", "default": ""},
    "container": {"type": "str", "default": ""},
    "command": {"type": "str", "required": True},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    words = shell.words_of(params["command"])
    name, _ours = only(chosen(params["services"], stack, params["service"]), "run")
    ecs = aws.client("ecs")
    service = api.services(ecs, params["cluster"], [name])[name]
    definition = ecs_api.task_definition(ecs, service["taskDefinition"]) or {}
    container = shell.container_of(definition, params["container"])
    return {"changed": False, "request": shell.request(service, definition, container, words)}


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
