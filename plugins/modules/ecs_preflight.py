# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_preflight
short_description: Verifies before a rollout what its tasks will need
description:
  - Looks at everything that the tasks of the services need from their start on, before anything is changed. Images with
    their architecture, secrets with value and JSON key, roles and what they may do, log groups, target groups, task
    sizes, free addresses, routes and security groups, health checks and the circuit breaker.
  - Each check is V(OK), V(WARN) or V(FAIL) and says why and what to do next. Fails where one is V(FAIL).
  - What this run may not look at is V(WARN), never V(FAIL).
  - What the execution role may do is asked of IAM's policy simulation; where that is refused, the role's own policies
    are judged. Of secrets only the names of JSON keys are used, their values are neither returned nor kept.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
  services:
    description: The services, as the variable C(ecs_services_services) has them.
    type: list
    elements: dict
    default: []
  task_definitions:
    description: The ARN of each task definition, as it is to run. Those that no service uses are looked at too.
    type: dict
    default: {}
  networking:
    description: C(networking_result), for the ids of subnets and security groups.
    type: dict
    default: {}
  alb:
    description: C(alb_result), for the ARNs of target groups.
    type: dict
    default: {}
  fail:
    description: Whether the module fails where a check does.
    type: bool
    default: true
attributes:
  check_mode:
    description: The same, as nothing is changed.
    support: full
  diff_mode:
    description: Nothing is changed.
    support: none
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Verify what the tasks need
  slipway.aws.ecs_preflight:
    stack: {name: tvshows, environment: prod, role: release}
    cluster: tvshows-prod
    services: "{{ ecs_services_services }}"
    task_definitions: "{{ ecs_services_result.task_definitions }}"
    networking: "{{ networking_result }}"
    alb: "{{ alb_result }}"
"""

RETURN = r"""
ok:
  description: Whether no check failed.
  type: bool
  returned: always
checks:
  description: All checks.
  type: list
  elements: dict
  returned: always
  contains:
    level:
      description: V(OK), V(WARN) or V(FAIL).
      type: str
    what:
      description: What was checked.
      type: str
    "on":
      description: On what.
      type: str
    why:
      description: What was found.
      type: str
    next:
      description: What to do, "" where there is nothing to do.
      type: str
report:
  description: The same as a table, with one row for each kind of check that is OK.
  type: list
  elements: dict
  returned: always
api_calls:
  description: How many calls to AWS it took.
  type: int
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.checks import FAIL, Check, report
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.judge import judge
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.look import look
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.resolve import resolve, service_name
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "default": []},
    "task_definitions": {"type": "dict", "default": {}},
    "networking": {"type": "dict", "default": {}},
    "alb": {"type": "dict", "default": {}},
    "fail": {"type": "bool", "default": True},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    services = [
        {
            **resolve(
                item,
                networking=params["networking"],
                alb=params["alb"],
                task_definitions=params["task_definitions"],
                check=False,
            ),
            "task_definition": item["task_definition"],
            "aws_name": service_name(item, stack),
        }
        for item in params["services"]
    ]
    checks = judge(look(aws, params["cluster"], services, params["task_definitions"]))
    failed = [it for it in checks if it.level == FAIL]
    result: dict[str, Any] = {
        "ok": not failed,
        "checks": [it.as_dict() for it in checks],
        "report": report(checks, f"Preflight of {stack.prefix}"),
        "api_calls": aws.api_calls,
    }
    if failed and params["fail"]:
        raise SlipwayError(*told(failed, stack), **result)
    return {"changed": False, **result}


def told(failed: list[Check], stack: Stack) -> tuple[str, str, str]:
    """(what, why, hint) with every failed check in words."""
    lines = "".join(f"\n  {it.sentence}" for it in failed)
    what = f"The tasks of {stack.prefix} would not come up, {len(failed)} of the checks before the rollout failed"
    return what, lines, "\nNothing was changed on the services. Correct it and repeat the run."


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
