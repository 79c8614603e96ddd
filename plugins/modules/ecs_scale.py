# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_scale
short_description: Another number of tasks
description:
  - Sets the count of a service, or the limits of its auto scaling, waits until as many tasks run, and says who owns
    the count from then on.
  - Under auto scaling a count beyond its limits is refused unless the limits are moved too.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  count:
    description: How many tasks run.
    type: int
  min:
    description: How many tasks auto scaling keeps at least.
    type: int
  max:
    description: How many tasks auto scaling allows.
    type: int
  timeout:
    description: Seconds in which the tasks have to run.
    type: int
    default: 600
  poll_interval:
    description: Seconds between two looks.
    type: float
    default: 5
extends_documentation_fragment:
  - slipway.aws.stack
  - slipway.aws.operations
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Run three tasks
  slipway.aws.ecs_scale:
    stack: {name: "{{ stack_name }}", environment: "{{ stack_environment }}", role: operations}
    cluster: "{{ ecs_services_result.cluster }}"
    services: "{{ ecs_services_services }}"
    service: web
    count: 3
"""

RETURN = r"""
changes:
  description: The plan, each step with action, resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
owner:
  description: Who owns the count, in words.
  type: str
  returned: always
report:
  description: The same as tables.
  type: list
  elements: dict
  returned: always
"""

import time
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api as ecs_api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling import describe as scaling_describe
from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling.describe import resource_id
from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling.plan import TARGET
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.plan import SERVICE
from ansible_collections.slipway.aws.plugins.module_utils._operations import api, rollout, scale
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import chosen, only, table
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, outcome, walk
from ansible_collections.slipway.aws.plugins.module_utils._plan import table as plan_table
from ansible_collections.slipway.aws.plugins.module_utils._wait import wait_for

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "service": {"type": "str", "default": ""},
    "count": {"type": "int"},
    "min": {"type": "int"},
    "max": {"type": "int"},
    "timeout": {"type": "int", "default": 600},
    "poll_interval": {"type": "float", "default": 5.0},
}


def run(module: Any, clock: Any = time) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    cluster = params["cluster"]
    name, ours = only(chosen(params["services"], stack, params["service"]), "scale")
    have = rollout.read(aws, cluster, {name: ours}, stack)[name]
    limits = scaling_describe.read(aws, cluster, [name])["targets"].get(name)
    asked = scale.Asked(params["count"], params["min"], params["max"])
    scale.require(ours, asked, limits)
    changes = scale.plan(name, have["count"], asked, limits)
    wanted = scale.wanted_limits(asked, limits) if limits else None
    walk(changes, handlers(aws, cluster, wanted), check=module.check_mode)
    item = next(it for it in params["services"] if it["name"] == ours)
    told = scale.owner_told(item, limits, wanted)
    if not module.check_mode:
        wait_for(
            f"Scaling service {ours} of cluster {cluster}",
            lambda: api.services(aws.client("ecs"), cluster, [name])[name],
            scale.settled,
            timeout=params["timeout"],
            interval=params["poll_interval"],
            hint="The count stays as it is now. Find out why: --tags diagnose.",
            clock=clock,
        )
    parts = [plan_table(changes)] if changes else [table("", ["service", "count"], [[ours, have["count"]]])]
    return outcome(changes, owner=told, report=[*parts, table("", ["who owns the count"], [[told]])])


def handlers(aws: Clients, cluster: str, wanted: dict[str, int] | None) -> dict[Any, Any]:
    def limits(change: Change) -> None:
        if wanted is None:
            raise AssertionError("only a service with auto scaling has limits")
        client = aws.client("application-autoscaling")
        ecs_api.register_target(client, resource_id(cluster, change.name), wanted["min"], wanted["max"])

    def count(change: Change) -> None:
        wanted = change.after["count"]
        ecs_api.update_service(aws.client("ecs"), cluster=cluster, service=change.name, desiredCount=wanted)

    return {(TARGET, "update"): limits, (SERVICE, "update"): count}


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
