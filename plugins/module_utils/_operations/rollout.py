# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends services to another revision, or gives them new tasks of the same one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api as ecs_api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.describe import describe
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.plan import SERVICE
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._operations import api
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import last_part
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, require_ours
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change

Services = Mapping[str, Mapping[str, Any]]


def read(aws: Clients, cluster: str, names: Mapping[str, str], stack: Stack) -> dict[str, dict[str, Any]]:
    """The services in ecs_service's shape, by AWS's name. Raises where one is not there, or not ours."""
    found = {name: describe(it) for name, it in api.services(aws.client("ecs"), cluster, names).items()}
    for name, it in found.items():
        require_ours(stack, SERVICE, name, it["tags"])
    return found


def require_rolling(services: Services) -> None:
    """Raise where deployments are somebody else's to make: UpdateService would be refused half-way through."""
    for name, it in services.items():
        if it["controller"] != "ECS":
            raise SlipwayError(
                f"{SERVICE} {name} cannot be updated from here",
                f"its deployment controller is {it['controller']}",
                "Nothing was touched. Make a deployment there (CODE_DEPLOY: aws deploy create-deployment).",
            )


def plan(services: Services, targets: Mapping[str, str], *, force: bool) -> list[Change]:
    """targets: {AWS's name: ARN of a task definition}; force: new tasks where the revision stays the same."""
    changes = []
    for name, it in services.items():
        now, to = it["task_definition"], targets.get(name) or it["task_definition"]
        if last_part(to) != last_part(now):
            before, after = {"task_definition": last_part(now)}, {"task_definition": last_part(to)}
            changes.append(Change("update", SERVICE, name, before, after))
        elif force:
            changes.append(Change("update", SERVICE, name, reason=f"new tasks of {last_part(now)}"))
    return changes


def handlers(
    aws: Clients, cluster: str, targets: Mapping[str, str], answers: dict[str, dict[str, Any]]
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    """answers: receives {name: the service as UpdateService gave it}, in ecs_service's shape."""

    def update(change: Change) -> None:
        settings: dict[str, Any] = {"forceNewDeployment": True}
        if change.after:
            settings = {"taskDefinition": targets[change.name]}
        given = ecs_api.update_service(aws.client("ecs"), cluster=cluster, service=change.name, **settings)
        answers[change.name] = describe(given)

    return {(SERVICE, "update"): update}


def rollouts(changes: list[Change], after: Services) -> list[dict[str, str]]:
    """What this call started, and what an earlier one started whose end nobody saw, for ecs_deployment_wait."""
    started = {change.name for change in changes}
    return [
        {"name": name, "deployment_id": it["primary"]["id"], "task_definition": it["primary"]["task_definition"]}
        for name, it in after.items()
        if it["primary"] and (name in started or it["primary"]["rollout_state"] == "IN_PROGRESS")
    ]
