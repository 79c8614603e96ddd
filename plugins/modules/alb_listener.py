# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_listener
short_description: Listeners and rules of application load balancers, exactly
description:
  - Keeps the listeners and rules of a stack's load balancers, exactly as they are listed, and waits until the load
    balancers are active. M(amazon.aws.elb_application_lb) reports a weighted forward as changed every time, and fails
    when a listener and its rules are new together.
  - Which target groups a listener forwards to is set by the inventory, how much traffic each gets is left to traffic
    shifts unless O(load_balancers[].listeners[].manage_weights) says otherwise.
  - An HTTPS listener whose certificate is not issued yet is left out, or keeps the certificate that it has, and stands
    under RV(missing). Until then a rule that no request can meet ties its target groups to the load balancer, as ECS
    makes no service for a target group that stands alone.
  - Listeners of load balancers that belong to somebody else are never touched.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  target_groups:
    description: Target groups by name with C(arn), as C(alb_result.target_groups). Without them they are read.
    type: dict
  certificates:
    description:
      - Certificates by domain with C(arn), C(status) and C(validation_records), as
        C(certificate_result.certificates).
    type: dict
    default: {}
  wait_timeout:
    description:
      - How many seconds to wait until the load balancers are active. V(0) does not wait.
      - A load balancer that has failed ends the wait at once, with AWS's reason.
    type: int
    default: 600
  wait_interval:
    description: Seconds between two looks.
    type: int
    default: 5
extends_documentation_fragment:
  - slipway.aws.load_balancers
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keep the listeners
  slipway.aws.alb_listener:
    stack: {name: tvshows, environment: prod, role: alb}
    target_groups: "{{ alb_result.target_groups }}"
    certificates: "{{ certificate_result.certificates }}"
    load_balancers:
      - name: web
        certificate: {domain: api.tvshows.example.com}
        listeners: [{port: 80, redirect: 443}, {port: 443, target_group: web}]
        target_groups: [{name: web, port: 3000}]

- name: Keep path rules, and two versions side by side
  slipway.aws.alb_listener:
    stack: {name: tvshows, environment: prod, role: alb}
    load_balancers:
      - name: web
        target_groups: [{name: blue, port: 3000}, {name: green, port: 3000}, {name: admin, port: 4000}]
        listeners:
          - port: 80
            target_groups: [{name: blue, weight: 100}, {name: green, weight: 0}]
            rules:
              - {priority: 10, path: [/admin/*], target_group: admin}
              - {priority: 20, host: [old.example.com], fixed_response: {status: 410}}
"""

RETURN = r"""
changes:
  description: The plan, each step with action, resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
result:
  description: V(alb_result) of role alb, with C(listeners) of each load balancer, ARNs by port.
  type: dict
  returned: always
missing:
  description: Listeners that wait for a certificate, each with C(what) and, line by line, C(how).
  type: list
  elements: dict
  returned: always
waited_s:
  description: How many seconds were waited.
  type: float
  returned: always
api_calls:
  description: How many calls to AWS it took.
  type: int
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.apply import wait_active
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.arguments import LOAD_BALANCERS
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.describe import result
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.listener_apply import Writer
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.listener_describe import by_port, read, read_owners
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.listener_plan import (
    desired,
    plan,
    refuse_missing,
    refuse_unknown,
    require_owned,
)
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.plan import (
    aws_names,
    desired_target_groups,
    refuse_problems,
    target_group_items,
)
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import outcome, walk

ARGUMENTS: dict[str, Any] = {
    "load_balancers": LOAD_BALANCERS,
    "target_groups": {"type": "dict"},
    "certificates": {"type": "dict", "default": {}},
    "wait_timeout": {"type": "int", "default": 600},
    "wait_interval": {"type": "int", "default": 5},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    items, check = params["load_balancers"], module.check_mode
    refuse_problems(items, stack)
    names = aws_names(items, stack)
    balancers, groups = read_owners(aws, names, params["target_groups"], aws_names(target_group_items(items), stack))
    arns = {name: it["arn"] for name, it in balancers.items()}
    group_arns = {name: it.get("arn") or "" for name, it in groups.items()}
    listeners, rules = read(aws, balancers, group_arns)
    require_owned(balancers, stack)
    wanted_listeners, wanted_rules, missing = desired(items, params["certificates"], stack)
    changes = plan(listeners, rules, wanted_listeners, wanted_rules)
    if not check:
        refuse_missing(names, balancers)
        refuse_unknown(changes)
    writer = Writer(aws, arns, group_arns, listeners, rules)
    walk(changes, writer.handlers(), check=check)
    waited = 0.0
    if params["wait_timeout"] and not check:
        waited = wait_active(aws, balancers, timeout=params["wait_timeout"], interval=params["wait_interval"])
    return outcome(
        changes,
        result=result(balancers, groups, names, desired_target_groups(items, "", stack), by_port(writer.listeners)),
        missing=missing,
        waited_s=waited,
        api_calls=aws.api_calls,
    )


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
