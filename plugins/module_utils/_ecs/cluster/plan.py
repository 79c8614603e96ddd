# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a cluster. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, guarded
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare

CLUSTER = "ECS cluster"


def desired(params: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    """From the module's options; a default strategy that is not given is FARGATE alone."""
    strategy = params["default_strategy"] or [{"provider": params["capacity_providers"][0], "weight": 1, "base": 0}]
    shaped = [
        {"provider": it["provider"], "weight": it.get("weight") or 0, "base": it.get("base") or 0} for it in strategy
    ]
    return {
        "container_insights": params["container_insights"],
        "capacity_providers": sorted(params["capacity_providers"]),
        "default_strategy": sorted(shaped, key=lambda it: str(it["provider"])),
        "tags": stack.owned(),
    }


def plan(name: str, current: Mapping[str, Any] | None, wanted: Mapping[str, Any], stack: Stack) -> list[Change]:
    there = {} if current is None else {name: current}
    return compare(CLUSTER, guarded(stack, CLUSTER, there, {name: wanted}), {name: wanted})


def plan_removal(name: str, current: Mapping[str, Any] | None, stack: Stack) -> list[Change]:
    if current is None or not stack.owns(current["tags"]):
        return []
    return [Change("delete", CLUSTER, name, {"arn": current["arn"]})]
