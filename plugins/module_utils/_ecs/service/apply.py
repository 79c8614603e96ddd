# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creates, updates and deletes services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import tag_list
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.plan import SERVICE
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change


@dataclass(frozen=True)
class Run:
    """What the calls of one run need.

    current, wanted: by AWS's name, as describe and plan have them
    counts:  how many tasks a new service starts with
    answers: receives {name: the service as the call gave it}; its PRIMARY deployment is the one that the call started
    """

    ecs: Any
    cluster: str
    current: Mapping[str, Mapping[str, Any]]
    wanted: Mapping[str, Mapping[str, Any]]
    counts: Mapping[str, int]
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)


def handlers(run: Run) -> dict[tuple[str, Action], Callable[[Change], None]]:
    return {
        (SERVICE, "create"): partial(create, run),
        (SERVICE, "update"): partial(update, run),
        (SERVICE, "delete"): lambda change: api.delete_service(run.ecs, run.cluster, change.name),
    }


def create(run: Run, change: Change) -> None:
    """The service's name makes the call idempotent: a repeated one with the same parameters gives the same service."""
    after = change.after
    settings = {
        "cluster": run.cluster,
        "serviceName": change.name,
        "desiredCount": run.counts[change.name],
        "schedulingStrategy": "REPLICA",
        "tags": tag_list(after["tags"], "key", "value"),
        "enableECSManagedTags": True,
        **parameters({**after, "count": None}),
    }
    if not after["capacity_providers"]:
        settings["launchType"] = "FARGATE"
    run.answers[change.name] = api.create_service(run.ecs, **settings)


def update(run: Run, change: Change) -> None:
    if "tags" in change.after:
        api.tag(run.ecs, run.current[change.name]["arn"], tag_list(change.after["tags"], "key", "value"))
    wanted = run.wanted[change.name]
    settings = parameters({name: wanted[name] for name in change.after if name != "tags"})
    if "capacity_providers" in change.after:
        settings["forceNewDeployment"] = True  # AWS asks for it with a changed strategy
    if settings:
        run.answers[change.name] = api.update_service(run.ecs, cluster=run.cluster, service=change.name, **settings)


_DIRECT = {
    "task_definition": "taskDefinition",
    "count": "desiredCount",
    "platform_version": "platformVersion",
    "grace": "healthCheckGracePeriodSeconds",
    "execute_command": "enableExecuteCommand",
    "propagate_tags": "propagateTags",
    "zone_rebalancing": "availabilityZoneRebalancing",
}


def parameters(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Our fields as CreateService and UpdateService take them."""
    given = {field: value for field, value in wanted.items() if value is not None}
    settings = {aws: given[ours] for ours, aws in _DIRECT.items() if ours in given}
    if "network" in given:
        settings["networkConfiguration"] = {
            "awsvpcConfiguration": {
                "subnets": given["network"]["subnets"],
                "securityGroups": given["network"]["security_groups"],
                "assignPublicIp": "ENABLED" if given["network"]["public_ip"] else "DISABLED",
            }
        }
    if "deployment" in given:
        settings["deploymentConfiguration"] = deployment(given["deployment"])
    if "load_balancers" in given:
        settings["loadBalancers"] = [
            {"targetGroupArn": it["target_group"], "containerName": it["container"], "containerPort": it["port"]}
            for it in given["load_balancers"]
        ]
    if given.get("capacity_providers"):
        settings["capacityProviderStrategy"] = [
            {"capacityProvider": it["provider"], "weight": it["weight"], "base": it["base"]}
            for it in given["capacity_providers"]
        ]
    return settings


def deployment(wanted: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "minimumHealthyPercent": wanted["minimum"],
        "maximumPercent": wanted["maximum"],
        "deploymentCircuitBreaker": {"enable": wanted["breaker"], "rollback": wanted["rollback"]},
    }
    if wanted["alarms"]:
        settings["alarms"] = {"alarmNames": wanted["alarms"], "enable": True, "rollback": wanted["rollback"]}
    return settings
