# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_diagnose
short_description: Why a stack is not healthy
description:
  - Classifies the tasks that stopped within the last hour, unhealthy tasks and targets, and the scheduler's events,
    says what to do about each, and shows the last log lines of what failed.
  - Names the secrets without a value that the services need. A look that is not allowed costs its part alone.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  secrets:
    description: C(secrets) of C(secrets_result).
    type: dict
    default: {}
  task_definitions:
    description: The task definitions, as the variable C(ecs_services_task_definitions) has them.
    type: list
    elements: dict
    default: []
  log_lines:
    description: How many last log lines of a container that failed are shown. V(0) reads none.
    type: int
    default: 15
extends_documentation_fragment:
  - slipway.aws.stack
  - slipway.aws.operations
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Find out what is wrong
  slipway.aws.stack_diagnose:
    stack: {name: "{{ stack_name }}", environment: "{{ stack_environment }}", role: operations}
    cluster: "{{ ecs_services_result.cluster }}"
    services: "{{ ecs_services_services }}"
    secrets: "{{ secrets_result.secrets }}"
    task_definitions: "{{ ecs_services_task_definitions }}"
"""

RETURN = r"""
healthy:
  description: Whether everything serves now, whatever happened within the last hour.
  type: bool
  returned: always
findings:
  description: >-
    What was found, each with C(service), C(what) (where it was seen), C(code) (the reason), C(text) (as AWS gave it),
    C(hint) and C(seen) (how often).
  type: list
  elements: dict
  returned: always
logs:
  description: The last log lines by service and container.
  type: dict
  returned: always
report:
  description: The same as tables.
  type: list
  elements: dict
  returned: always
api_calls:
  description: How many calls it took.
  type: int
  returned: always
"""

import time
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._operations import diagnose
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import Glance, chosen
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "service": {"type": "str", "default": ""},
    "secrets": {"type": "dict", "default": {}, "no_log": False},
    "task_definitions": {"type": "list", "elements": "dict", "default": []},
    "log_lines": {"type": "int", "default": 15},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    names, glance, now = chosen(params["services"], stack, params["service"]), Glance(), time.time()
    cluster, lines = params["cluster"], params["log_lines"]
    seen = diagnose.read(aws, cluster, names, glance)
    empty = [name for name, it in params["secrets"].items() if not it["has_value"]]
    found = diagnose.secret_findings(names, params["services"], params["task_definitions"], empty)
    healthy = not found and diagnose.now_healthy(seen)
    found += [one for name, it in seen.items() for one in diagnose.findings(names[name], it, now)]
    tails = {
        names[name]: glance.at("logs", partial(diagnose.logs_of, aws, cluster, name, it, lines), {})
        for name, it in seen.items()
        if lines
    }
    return {
        "changed": False,
        "healthy": healthy,
        "findings": [one.as_dict() for one in found],
        "logs": {service: it for service, it in tails.items() if it},
        "report": diagnose.report(found, tails, glance, healthy=healthy, now=now),
        "api_calls": aws.api_calls,
    }


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
