# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services in our shape, from DescribeServices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_dict
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.cluster.describe import strategy


def read(aws: Clients, cluster: str, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{AWS's name: our shape} of the services that are ACTIVE or DRAINING."""
    found = api.services(aws.client("ecs"), cluster, list(names))
    return {it["serviceName"]: describe(it) for it in found}


def describe(service: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "arn": service["serviceArn"],
        "status": service["status"],
        "task_definition": service["taskDefinition"],
        "count": service["desiredCount"],
        "running": service.get("runningCount", 0),
        "launch_type": service.get("launchType") or "",
        "controller": service.get("deploymentController", {}).get("type", "ECS"),
        "capacity_providers": strategy(service.get("capacityProviderStrategy") or []),
        "platform_version": service.get("platformVersion") or "",
        "network": network(service.get("networkConfiguration") or {}),
        "deployment": deployment(service.get("deploymentConfiguration") or {}),
        "grace": service.get("healthCheckGracePeriodSeconds") or 0,
        "execute_command": bool(service.get("enableExecuteCommand")),
        "load_balancers": load_balancers(service.get("loadBalancers") or []),
        "propagate_tags": service.get("propagateTags") or "NONE",
        "zone_rebalancing": service.get("availabilityZoneRebalancing") or "DISABLED",
        "tags": tag_dict(service.get("tags"), "key", "value"),
        "primary": primary(service),
    }


def network(configuration: Mapping[str, Any]) -> dict[str, Any]:
    vpc = configuration.get("awsvpcConfiguration") or {}
    return {
        "subnets": sorted(vpc.get("subnets") or []),
        "security_groups": sorted(vpc.get("securityGroups") or []),
        "public_ip": vpc.get("assignPublicIp") == "ENABLED",
    }


def deployment(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Percentages of the desired count; the breaker's threshold is AWS's where none is set."""
    breaker = configuration.get("deploymentCircuitBreaker") or {}
    alarms = configuration.get("alarms") or {}
    return {
        "minimum": configuration.get("minimumHealthyPercent"),
        "maximum": configuration.get("maximumPercent"),
        "breaker": bool(breaker.get("enable")),
        "rollback": bool(breaker.get("rollback")),
        "alarms": sorted(alarms.get("alarmNames") or []) if alarms.get("enable") else [],
    }


def load_balancers(items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    shaped = [
        {"target_group": it.get("targetGroupArn", ""), "container": it["containerName"], "port": it["containerPort"]}
        for it in items
    ]
    return sorted(shaped, key=lambda it: str(it["target_group"]))


def primary(service: Mapping[str, Any]) -> dict[str, str]:
    """The PRIMARY deployment: what runs or is being rolled out. {} where there is none (task sets)."""
    found = next((it for it in service.get("deployments") or [] if it["status"] == "PRIMARY"), None)
    if found is None:
        return {}
    return {
        "id": found["id"],
        "task_definition": found["taskDefinition"],
        "rollout_state": found.get("rolloutState", "COMPLETED"),
    }


def shown(name: str, have: Mapping[str, Any] | None) -> dict[str, Any]:
    """One service of ecs_services_result, see _stack.Service. name: AWS's."""
    it = have or {}
    return {
        "name": name,
        "arn": it.get("arn", ""),
        "task_definition": it.get("task_definition", ""),
        "desired": it.get("count", 0),
        "running": it.get("running", 0),
    }
