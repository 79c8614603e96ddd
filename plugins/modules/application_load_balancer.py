# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: application_load_balancer
short_description: Application load balancers and target groups of a stack
description:
  - Makes the load balancers and target groups of a stack and keeps their settings, all in one call and one plan,
    where M(amazon.aws.elb_application_lb) and M(community.aws.elb_target_group) take a task for each.
  - Does not wait until a load balancer is active; M(slipway.aws.alb_listener) does, and makes the listeners.
  - A setting that is left out is not managed. What AWS cannot change is refused before anything is touched.
  - What bears one of our names and belongs to somebody else is refused, with its owner named.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  vpc_id:
    description: The VPC of the target groups. May be empty in check mode.
    type: str
    default: ""
  subnets:
    description: The stack's subnets by name, each with C(id), C(tier) and C(zone), as C(networking_result.subnets).
    type: dict
    default: {}
  security_groups:
    description: Ids of security groups by name, as C(networking_result.security_groups).
    type: dict
    default: {}
  state:
    description:
      - V(absent) removes the stack's own load balancers and target groups of these names, and waits until their
        network interfaces are gone.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.load_balancers
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keep a load balancer
  slipway.aws.application_load_balancer:
    stack: {name: tvshows, environment: prod, role: alb}
    vpc_id: "{{ networking_result.vpc_id }}"
    subnets: "{{ networking_result.subnets }}"
    security_groups: "{{ networking_result.security_groups }}"
    load_balancers:
      - name: web
        security_groups: [alb]
        idle_timeout: 60
        target_groups:
          - {name: web, port: 3000, health_check: {path: /up, interval: 30, timeout: 5, healthy: 2, unhealthy: 3}}
"""

RETURN = r"""
changes:
  description: The plan, each step with action, resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
result:
  description:
    - V(alb_result) of role alb, without listeners. C(result.load_balancers) by name with C(arn), C(dns_name),
      C(zone_id), C(full_name) and C(listeners); C(result.target_groups) by name with C(arn), C(full_name), C(port)
      and C(protocol).
  type: dict
  returned: always
api_calls:
  description: How many calls to AWS it took.
  type: int
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.apply import handlers
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.arguments import LOAD_BALANCERS
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.describe import read_both, result
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.plan import (
    aws_names,
    desired_load_balancers,
    desired_target_groups,
    plan,
    plan_removal,
    refuse_problems,
    refuse_unknown,
    target_group_items,
)
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import outcome, walk

ARGUMENTS: dict[str, Any] = {
    "load_balancers": LOAD_BALANCERS,
    "vpc_id": {"type": "str", "default": ""},
    "subnets": {"type": "dict", "default": {}},
    "security_groups": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    items = params["load_balancers"]
    refuse_problems(items, stack)
    names = aws_names(items, stack), aws_names(target_group_items(items), stack)
    balancers, groups = read_both(aws, *names)
    wanted_groups = desired_target_groups(items, params["vpc_id"], stack)
    wanted_balancers = desired_load_balancers(items, params["subnets"], params["security_groups"], stack)
    if params["state"] == "absent":
        changes = plan_removal(balancers, groups, stack)
    else:
        changes = plan(balancers, groups, wanted_balancers, wanted_groups, stack)
    if not module.check_mode:
        refuse_unknown(changes)
    walk(changes, handlers(aws, balancers, groups), check=module.check_mode)
    if params["state"] == "absent":
        balancers, groups = {}, {}
    return outcome(changes, result=result(balancers, groups, wanted_balancers, wanted_groups), api_calls=aws.api_calls)


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
