# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of services. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling import named
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, guarded
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare

SERVICE = "ECS service"
# What UpdateService does not take: AWS wants another service for it.
FIXED = ("controller",)
DEFAULTS = {"minimum": 100, "maximum": 200, "breaker": True, "rollback": True, "alarms": []}


def desired(item: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    """One service of the module's options in the shape of describe. What is None stays as it is.

    Under auto scaling the count is left alone: it belongs to the scaling policies.
    """
    return {
        "task_definition": item["task_definition"] or None,
        "count": None if item.get("scaling") else item.get("count"),
        "capacity_providers": providers(item.get("capacity_providers")),
        "platform_version": item.get("platform_version"),
        "network": {
            "subnets": sorted(item["subnets"]),
            "security_groups": sorted(item["security_groups"]),
            "public_ip": bool(item.get("public_ip")),
        },
        "deployment": {**DEFAULTS, **{k: v for k, v in (item.get("deployment") or {}).items() if v is not None}},
        "grace": item.get("grace"),
        "execute_command": item.get("execute_command"),
        "load_balancers": sorted(item.get("load_balancers") or [], key=lambda it: str(it["target_group"])),
        "propagate_tags": "SERVICE",
        "zone_rebalancing": item.get("zone_rebalancing"),
        "tags": stack.owned(),
    }


def providers(items: list[Mapping[str, Any]] | None) -> list[dict[str, Any]] | None:
    if not items:
        return None
    shaped = [
        {"provider": it["provider"], "weight": it.get("weight") or 0, "base": it.get("base") or 0} for it in items
    ]
    return sorted(shaped, key=lambda it: str(it["provider"]))


def plan(
    current: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]], stack: Stack
) -> list[Change]:
    """Both by AWS's name. A service that is still DRAINING from its removal is no service to update."""
    known = guarded(stack, SERVICE, current, wanted)
    for name, have in current.items():
        if have["status"] == "DRAINING":
            raise SlipwayError(
                f"{SERVICE} {name} is being removed",
                "its status is DRAINING: its last tasks are stopping",
                "Repeat the run in a minute, it makes the service then.",
            )
    return compare(SERVICE, known, wanted, fixed=FIXED)


def starts_deployment(change: Change) -> bool:
    """Whether ECS starts a deployment for this change: the count, the grace period and tags alone start none."""
    quiet = {"count", "grace", "tags", "propagate_tags", "execute_command", "zone_rebalancing", "deployment"}
    return change.action == "create" or bool(set(change.after) - quiet)


def plan_removal(current: Mapping[str, Mapping[str, Any]], stack: Stack) -> list[Change]:
    return [
        Change("delete", SERVICE, name, {"arn": have["arn"]})
        for name, have in current.items()
        if stack.owns(have["tags"])
    ]


def problems(
    services: list[Mapping[str, Any]],
    task_definitions: list[Mapping[str, Any]],
    target_groups: Mapping[str, Mapping[str, Any]],
    security_groups: set[str],
    tiers: set[str],
) -> list[str]:
    """What is wrong with ecs_services_services, references included, before anything is touched."""
    definitions = {it["name"]: it for it in task_definitions}
    found = []
    for item in services:
        where = f"ecs_services_services: {item['name']}"
        definition = definitions.get(item["task_definition"])
        if definition is None:
            found.append(
                f"{where}: task_definition {item['task_definition']} is not in ecs_services_task_definitions"
                f" ({', '.join(definitions) or 'which is empty'})"
            )
        found += [f"{where}: {text}" for text in _network_problems(item, security_groups, tiers)]
        found += [f"{where}: {text}" for text in _load_balancer_problems(item, definition or {}, target_groups)]
        found += [f"{where}: {text}" for text in named.problems(item.get("scaling"), item.get("count"))]
    return found


def _network_problems(item: Mapping[str, Any], security_groups: set[str], tiers: set[str]) -> list[str]:
    found = [
        f"security group {name} is not in networking_security_groups ({', '.join(sorted(security_groups)) or 'empty'})"
        for name in item.get("security_groups") or []
        if name not in security_groups
    ]
    tier = item.get("subnets") or "private"
    if tier not in tiers:
        found.append(f"networking_subnets has no subnet of tier {tier}")
    return found


def _load_balancer_problems(
    item: Mapping[str, Any], definition: Mapping[str, Any], target_groups: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    ports = {
        it["name"]: [p["port"] if isinstance(p, Mapping) else p for p in it.get("ports") or []]
        for it in definition.get("containers") or []
    }
    found = []
    if item.get("grace") is not None and not item.get("load_balancers"):
        found.append("grace is for services with load_balancers, ECS refuses it elsewhere")
    for entry in item.get("load_balancers") or []:
        if entry["target_group"] not in target_groups:
            found.append(f"target group {entry['target_group']} is not in alb_load_balancers")
        if ports and entry["container"] not in ports:
            found.append(f"container {entry['container']} is not in its task definition ({', '.join(ports)})")
        elif ports and entry["port"] not in ports[entry["container"]]:
            listed = ", ".join(map(str, ports[entry["container"]])) or "none"
            found.append(f"container {entry['container']} does not list port {entry['port']} (it lists {listed})")
    return found
