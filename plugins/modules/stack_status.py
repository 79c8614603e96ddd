# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_status
short_description: One screen of a stack
description:
  - Services, deployments that have not ended, tasks, targets, alarms, database, cache, and secrets without a value.
  - Reads side by side, in two rounds. A look that is not allowed costs its part of the screen alone.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  results:
    description: The roles' results by the role's name, of C(database), C(cache), C(secrets) and C(monitoring).
    type: dict
    default: {}
  lease_table:
    description: The DynamoDB table of leases. Without it nothing is said of the lease.
    type: str
    default: ""
extends_documentation_fragment:
  - slipway.aws.stack
  - slipway.aws.operations
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Show how the stack is
  slipway.aws.stack_status:
    stack: {name: "{{ stack_name }}", environment: "{{ stack_environment }}", role: operations}
    cluster: "{{ ecs_services_result.cluster }}"
    services: "{{ ecs_services_services }}"
    results: {database: "{{ database_result }}", cache: "{{ cache_result }}", monitoring: "{{ monitoring_result }}"}
"""

RETURN = r"""
healthy:
  description: >-
    Whether all services run what they should, no target is sick, no alarm is in ALARM, no value is missing.
  type: bool
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
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._operations import status
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import chosen
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "service": {"type": "str", "default": ""},
    "results": {"type": "dict", "default": {}},
    "lease_table": {"type": "str", "default": ""},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    names, results = chosen(params["services"], stack, params["service"]), params["results"]
    alarms = [arn.rpartition(":")[2] for arn in (results.get("monitoring") or {}).get("alarms", {}).values()]
    seen = status.read(
        aws, params["cluster"], names, alarm_names=alarms, lease_table=params["lease_table"], stack=stack.prefix
    )
    stores = {name: results.get(name) or {} for name in ("database", "cache", "secrets")}
    return {
        "changed": False,
        "healthy": status.healthy(seen, stores["secrets"]),
        "report": status.report(seen, names, now=time.time(), **stores),
        "api_calls": aws.api_calls,
    }


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
