# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the inventory's service, which refers by name, to one that refers by id and ARN. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

UNKNOWN = "(not made yet)"


def service_name(item: Mapping[str, Any], stack: Stack) -> str:
    """AWS's name of a service."""
    return str(item.get("aws_name") or stack.named(item["name"]))


def given(item: Mapping[str, Any]) -> dict[str, Any]:
    """A service as Ansible hands it over, without a `scaling` in which nothing is set: it means none."""
    scaling = item.get("scaling") or {}
    return {**item, "scaling": scaling if any(value is not None for value in scaling.values()) else None}


def resolve(
    item: Mapping[str, Any],
    *,
    networking: Mapping[str, Any],
    alb: Mapping[str, Any],
    task_definitions: Mapping[str, str],
    check: bool,
) -> dict[str, Any]:
    """networking, alb: the roles' results; task_definitions: {name: ARN}. Check mode takes what is not made yet."""

    def known(where: Mapping[str, Any], name: str, kind: str) -> Any:
        if where.get(name):
            return where[name]
        if check:
            return UNKNOWN
        raise SlipwayError(
            f"Service {item['name']} refers to {kind} {name}",
            "there is none of that name in this stack",
            f"Known are: {', '.join(sorted(where)) or 'none'}.",
        )

    tier = item.get("subnets") or "private"
    subnets = known(networking.get("tiers") or {}, tier, "subnet tier")
    groups = networking.get("security_groups") or {}
    target_groups = alb.get("target_groups") or {}
    return {
        **item,
        "task_definition": known(task_definitions, item["task_definition"], "task definition"),
        "subnets": [UNKNOWN] if subnets == UNKNOWN else subnets,
        "security_groups": [known(groups, name, "security group") for name in item.get("security_groups") or []],
        "load_balancers": [
            {**it, "target_group": arn(known(target_groups, it["target_group"], "target group"))}
            for it in item.get("load_balancers") or []
        ],
        "scaling": scaling(item, alb),
    }


def arn(target_group: Any) -> str:
    return str(target_group["arn"] or UNKNOWN) if isinstance(target_group, Mapping) else UNKNOWN


def scaling(item: Mapping[str, Any], alb: Mapping[str, Any]) -> dict[str, Any] | None:
    """With the label that names load balancer and target group where scaling follows the requests."""
    wanted = item.get("scaling")
    if not wanted or wanted.get("requests") is None:
        return dict(wanted) if wanted else None
    target_group = (item.get("load_balancers") or [{}])[0].get("target_group", "")
    group = (alb.get("target_groups") or {}).get(target_group) or {}
    balancers: Mapping[str, Any] = alb.get("load_balancers") or {}
    balancer: Mapping[str, Any] = balancers.get(group.get("load_balancer", "")) or next(iter(balancers.values()), {})
    return {**wanted, "label": f"{balancer.get('full_name', UNKNOWN)}/{group.get('full_name', UNKNOWN)}"}
