# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_history
short_description: What was deployed when, and how that ended
description:
  - The deployments of the services as ECS remembers them, for 90 days. Where they may not be read, the revisions of
    their task definitions.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  limit:
    description: How many of each service.
    type: int
    default: 10
  records_table:
    description: The DynamoDB table of releases. Without it they are left out.
    type: str
    default: ""
extends_documentation_fragment:
  - slipway.aws.stack
  - slipway.aws.operations
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Show what was deployed
  slipway.aws.stack_history:
    stack: {name: "{{ stack_name }}", environment: "{{ stack_environment }}", role: operations}
    cluster: "{{ ecs_services_result.cluster }}"
    services: "{{ ecs_services_services }}"
"""

RETURN = r"""
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

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api as ecs_api
from ansible_collections.slipway.aws.plugins.module_utils._operations import api, revisions
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import Glance, chosen
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "service": {"type": "str", "default": ""},
    "limit": {"type": "int", "default": 10},
    "records_table": {"type": "str", "default": ""},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    names, glance, limit = chosen(params["services"], stack, params["service"]), Glance(), params["limit"]
    ecs, cluster = aws.client("ecs"), params["cluster"]
    rows: list[list[Any]] = []
    for name, service in api.services(ecs, cluster, names).items():
        past = revisions.past(aws, cluster, name, glance, limit)
        if "service deployments" in glance.refused:
            family = revisions.family_of(service["taskDefinition"])
            known = api.definitions(ecs, ecs_api.active_revisions(ecs, family)[-limit:])
            rows += revisions.revision_rows(names[name], known.values())
        else:
            known = api.definitions(ecs, [it["definition"] for it in past])
            rows += revisions.rows_of(names[name], past, known)
    releases = glance.at(
        "recorded releases", lambda: api.records(aws, params["records_table"], stack.prefix, limit), []
    )
    return {"changed": False, "report": revisions.report(rows, releases, glance), "api_calls": aws.api_calls}


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
