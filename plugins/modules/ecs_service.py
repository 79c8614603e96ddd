# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_service
short_description: ECS services of a stack with their auto scaling
description:
  - Makes the services of a stack, repairs what differs, starts deployments and returns their ids. It does not wait,
    M(slipway.aws.ecs_deployment_wait) does.
  - Under auto scaling the count is left alone.
  - M(community.aws.ecs_service) does not see changed subnets, security groups, circuit breaker or capacity providers,
    and calls an unset count or a full task definition ARN changed every time.
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
    required: true
    suboptions:
      name:
        description: The service's name in the inventory; AWS's is C(<stack>-<environment>-<name>).
        type: str
        required: true
      aws_name:
        description: AWS's name, where it is to be another.
        type: str
      task_definition:
        description: Name of the task definition.
        type: str
        required: true
      count:
        description: How many tasks run. Left alone where the service has C(scaling), and where it is not given.
        type: int
      subnets:
        description: Tier of the subnets. Without it V(private).
        type: str
      security_groups:
        description: Names of the security groups.
        type: list
        elements: str
      public_ip:
        description: Whether tasks get public addresses.
        type: bool
      load_balancers:
        description: Target groups that the tasks are registered in.
        type: list
        elements: dict
        suboptions:
          target_group:
            description: Name of the target group.
            type: str
            required: true
          container:
            description: Name of the container.
            type: str
            required: true
          port:
            description: The container's port.
            type: int
            required: true
      capacity_providers:
        description: Where the tasks run. Without it launch type FARGATE.
        type: list
        elements: dict
        suboptions:
          provider:
            description: FARGATE or FARGATE_SPOT.
            type: str
            required: true
          weight:
            description: Its share of the tasks beyond the bases.
            type: int
          base:
            description: How many tasks it runs at least.
            type: int
      platform_version:
        description: Fargate's platform version.
        type: str
      grace:
        description: Seconds after a task's start in which failing health checks do not stop it.
        type: int
      execute_command:
        description: Whether ECS Exec may open a shell.
        type: bool
      zone_rebalancing:
        description: Whether ECS evens tasks out over the zones.
        type: str
        choices: [ENABLED, DISABLED]
      deployment:
        description: How a deployment goes.
        type: dict
        suboptions:
          minimum:
            description: Percent of the count that stays healthy. Without it 100.
            type: int
          maximum:
            description: Percent of the count that may run at once. Without it 200.
            type: int
          breaker:
            description: Whether ECS gives a deployment up whose tasks do not come up. Without it true.
            type: bool
          rollback:
            description: Whether ECS goes back to the last good deployment then. Without it true.
            type: bool
          alarms:
            description: AWS's names of alarms that fail a deployment.
            type: list
            elements: str
      scaling:
        description: Auto scaling of the count; cooldowns are seconds.
        type: dict
        suboptions:
          min:
            description: How many tasks at least. Needed, unless C(scaling) is empty, then there is none.
            type: int
          max:
            description: How many tasks at most. Needed like C(min).
            type: int
          cpu:
            description: Target of the average CPU utilisation in percent.
            type: float
          memory:
            description: Target of the average memory utilisation in percent.
            type: float
          requests:
            description: Target of the requests per task and minute at the first load balancer.
            type: float
          out_cooldown:
            description: Seconds after scaling out. Without it 300.
            type: int
          in_cooldown:
            description: Seconds after scaling in. Without it 300.
            type: int
          scale_in:
            description: Whether scaling in is allowed. Without it it is.
            type: bool
  task_definitions:
    description: The ARN of each task definition.
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
  timeout:
    description: How many seconds O(state=absent) waits for the last tasks to stop.
    type: int
    default: 600
  poll_interval:
    description: Seconds between two looks while waiting.
    type: float
    default: 5
  state:
    description: V(absent) removes the stack's own services and waits until their tasks are gone.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Update the services
  slipway.aws.ecs_service:
    stack: {name: tvshows, environment: prod, role: ecs_services}
    cluster: tvshows-prod
    services:
      - name: web
        task_definition: tv-shows-api
        count: 2
        security_groups: [ecs]
        load_balancers: [{target_group: web, container: web, port: 3000}]
        scaling: {min: 2, max: 10, cpu: 70}
    task_definitions: {tv-shows-api: "arn:aws:ecs:…:task-definition/tv-shows-api:7"}
    networking: "{{ networking_result }}"
    alb: "{{ alb_result }}"
"""

RETURN = r"""
changes:
  description: The plan, each step with action, resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
services:
  description: By the inventory's name, C(name) (AWS's), C(arn), C(task_definition), C(desired) and C(running).
  type: dict
  returned: always
rollouts:
  description: >-
    Deployments that this call started or found in progress, as O(slipway.aws.ecs_deployment_wait#module:services)
    takes them.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: AWS's name of the service.
      type: str
    deployment_id:
      description: The id of the deployment.
      type: str
    task_definition:
      description: The revision that it rolls out.
      type: str
    rollback_to:
      description: The revision that ran before, of a deployment that this call started.
      type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute, together
from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling import apply as scaling_apply
from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling import describe as scaling_describe
from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling import plan as scaling_plan
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service import apply, describe, plan
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.resolve import given, resolve, service_name
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, outcome, walk
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, PENDING, wait_for

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "aws_name": {"type": "str"},
            "task_definition": {"type": "str", "required": True},
            "count": {"type": "int"},
            "subnets": {"type": "str"},
            "security_groups": {"type": "list", "elements": "str"},
            "public_ip": {"type": "bool"},
            "load_balancers": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "target_group": {"type": "str", "required": True},
                    "container": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                },
            },
            "capacity_providers": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "provider": {"type": "str", "required": True},
                    "weight": {"type": "int"},
                    "base": {"type": "int"},
                },
            },
            "platform_version": {"type": "str"},
            "grace": {"type": "int"},
            "execute_command": {"type": "bool"},
            "zone_rebalancing": {"type": "str", "choices": ["ENABLED", "DISABLED"]},
            "deployment": {
                "type": "dict",
                "options": {
                    "minimum": {"type": "int"},
                    "maximum": {"type": "int"},
                    "breaker": {"type": "bool"},
                    "rollback": {"type": "bool"},
                    "alarms": {"type": "list", "elements": "str"},
                },
            },
            "scaling": {
                "type": "dict",
                "options": {
                    "min": {"type": "int"},
                    "max": {"type": "int"},
                    "cpu": {"type": "float"},
                    "memory": {"type": "float"},
                    "requests": {"type": "float"},
                    "out_cooldown": {"type": "int"},
                    "in_cooldown": {"type": "int"},
                    "scale_in": {"type": "bool"},
                },
            },
        },
    },
    "task_definitions": {"type": "dict", "default": {}},
    "networking": {"type": "dict", "default": {}},
    "alb": {"type": "dict", "default": {}},
    "timeout": {"type": "int", "default": 600},
    "poll_interval": {"type": "float", "default": 5.0},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    cluster, items = params["cluster"], {service_name(it, stack): given(it) for it in params["services"]}
    found = together(
        {
            "services": lambda: describe.read(aws, cluster, items),
            "scaling": lambda: scaling_describe.read(aws, cluster, items),
        }
    )
    if params["state"] == "absent":
        return run_removal(module, aws, found, stack)
    resolved = {
        name: resolve(
            item,
            networking=params["networking"],
            alb=params["alb"],
            task_definitions=params["task_definitions"],
            check=module.check_mode,
        )
        for name, item in items.items()
    }
    wanted = {name: plan.desired(item, stack) for name, item in resolved.items()}
    scaling = scaling_plan.desired(resolved)
    changes = [*plan.plan(found["services"], wanted, stack), *scaling_plan.plan(found["scaling"], scaling)]
    calls = apply.Run(aws.client("ecs"), cluster, found["services"], wanted, counts(items))
    handlers = {**apply.handlers(calls), **scaling_apply.handlers(aws, cluster, scaling)}
    walk(changes, handlers, check=module.check_mode)
    after = {**found["services"], **{name: describe.describe(it) for name, it in calls.answers.items()}}
    return outcome(
        changes,
        services={item["name"]: describe.shown(name, after.get(name)) for name, item in items.items()},
        rollouts=rollouts(changes, after, found["services"]),
    )


def counts(items: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """How many tasks a new service starts with: its count, else scaling's minimum, else one."""
    floor = {name: (item.get("scaling") or {}).get("min") or 1 for name, item in items.items()}
    return {name: floor[name] if item.get("count") is None else item["count"] for name, item in items.items()}


def rollouts(
    changes: list[Change], after: Mapping[str, Mapping[str, Any]], before: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, str]]:
    """What this call started, with what ran before, and what an earlier run started and nobody saw the end of."""
    started = {change.name for change in changes if change.resource == plan.SERVICE and plan.starts_deployment(change)}
    return [
        {
            "name": name,
            "deployment_id": it["primary"]["id"],
            "task_definition": it["primary"]["task_definition"],
            **({"rollback_to": before[name]["task_definition"]} if name in started and name in before else {}),
        }
        for name, it in after.items()
        if it["primary"] and (name in started or it["primary"]["rollout_state"] == "IN_PROGRESS")
    ]


def run_removal(module: Any, aws: Clients, found: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    cluster, ecs = module.params["cluster"], aws.client("ecs")
    ours = [name for name, it in found["services"].items() if stack.owns(it["tags"])]
    targets = {"targets": {n: it for n, it in found["scaling"]["targets"].items() if n in ours}, "policies": {}}
    nothing: dict[str, Any] = {"targets": {}, "policies": {}}
    changes = [*scaling_plan.plan(targets, nothing), *plan.plan_removal(found["services"], stack)]
    calls = apply.Run(ecs, cluster, found["services"], {}, {})
    walk(changes, {**apply.handlers(calls), **scaling_apply.handlers(aws, cluster, nothing)}, check=module.check_mode)
    if ours and not module.check_mode:
        wait_for(
            f"Removing services {', '.join(ours)}",
            lambda: describe.read(aws, cluster, ours),
            lambda left: PENDING if any(it["running"] or it["status"] == "DRAINING" for it in left.values()) else DONE,
            timeout=module.params["timeout"],
            interval=module.params["poll_interval"],
        )
    return outcome(changes, services={}, rollouts=[])


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
