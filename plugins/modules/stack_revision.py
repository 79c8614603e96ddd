# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_revision
short_description: Which revision a rollback goes to
description:
  - Finds, for each service, the last revision that served before the running one, or the one that is asked for, and
    fails unless it is active and all its images are still in ECR. It changes nothing, M(slipway.aws.ecs_rollout)
    does.
  - Where ECS itself has rolled the last deployment back, what runs is what served before, and nothing further is
    gone back to unless O(to) says so.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  to:
    description: >-
      A revision (V(7), V(tv-shows-api:7)), a tag or a digest of an image. Without it the last one that served.
    type: str
    default: ""
  records_table:
    description: The DynamoDB table of releases. Without it ECS's own memory of deployments decides.
    type: str
    default: ""
extends_documentation_fragment:
  - slipway.aws.stack
  - slipway.aws.operations
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Find what to go back to
  slipway.aws.stack_revision:
    stack: {name: "{{ stack_name }}", environment: "{{ stack_environment }}", role: operations}
    cluster: "{{ ecs_services_result.cluster }}"
    services: "{{ ecs_services_services }}"
  register: revisions
"""

RETURN = r"""
targets:
  description: The ARN of the revision by the inventory's name of the service.
  type: dict
  returned: always
before:
  description: What runs now, in the same way.
  type: dict
  returned: always
images:
  description: The digest by repository of what is gone back to.
  type: dict
  returned: always
differs:
  description: Whether anything else runs than what is gone back to.
  type: bool
  returned: always
revisions:
  description: The same with C(service), C(from), C(to) and C(why).
  type: list
  elements: dict
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

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._operations import api, revisions
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import Glance, chosen, last_part, table
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

DEPTH = 20  # how many recorded releases are looked through

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "service": {"type": "str", "default": ""},
    "to": {"type": "str", "default": ""},
    "records_table": {"type": "str", "default": ""},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    names, glance = chosen(params["services"], stack, params["service"]), Glance()
    cluster, to, records = params["cluster"], params["to"], params["records_table"]
    services = api.services(aws.client("ecs"), cluster, names)
    require_one_family(to, {revisions.family_of(it["taskDefinition"]) for it in services.values()})
    releases = [] if to else glance.at("recorded releases", lambda: api.records(aws, records, stack.prefix, DEPTH), [])
    found: list[revisions.Target] = []
    targets, images = {}, {}
    for name, service in services.items():
        past = [] if to else revisions.past(aws, cluster, name, glance)
        target = revisions.choose(aws, names[name], service["taskDefinition"], to, deployments=past, releases=releases)
        definition = revisions.check(aws, target)
        targets[target.service] = definition["taskDefinitionArn"]
        images.update(revisions.repository_digests(definition))
        found.append(target)
    rows = [[it.service, last_part(it.now), last_part(it.to) or it.to, it.why] for it in found]
    return {
        "changed": False,
        "targets": targets,
        "before": {it.service: it.now for it in found},
        "images": images,
        "differs": any(targets[it.service] != it.now for it in found),
        "revisions": [it.as_dict() for it in found],
        "report": [table("", ["service", "runs", "goes back to", "why"], rows), *glance.table()],
        "api_calls": aws.api_calls,
    }


def require_one_family(to: str, families: set[str]) -> None:
    if to.isdigit() and len(families) > 1:
        raise SlipwayError(
            f"Revision {to} is not clear",
            f"the services run {', '.join(sorted(families))}",
            f"Say which service, -e service=, or which task definition, -e to={min(families)}:{to}.",
        )


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
