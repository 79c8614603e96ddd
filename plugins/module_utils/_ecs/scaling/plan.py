# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of auto scaling. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling import named
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare

TARGET = "scalable target"
POLICY = "scaling policy"


def desired(services: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """services: {AWS's name: the module's item}. In the shape of describe.read."""
    scaled = {name: item["scaling"] for name, item in services.items() if item.get("scaling")}
    return {
        "targets": {name: {"min": it["min"], "max": it["max"]} for name, it in scaled.items()},
        "policies": {
            f"{name}/{name}-{metric.name}": policy(it, metric)
            for name, it in scaled.items()
            for metric in named.METRICS
            if it.get(metric.name) is not None
        },
    }


def policy(scaling: Mapping[str, Any], metric: named.Metric) -> dict[str, Any]:
    return {
        "metric": metric.predefined,
        "label": scaling.get("label") or "" if metric.labelled else "",
        "target": float(scaling[metric.name]),
        "out_cooldown": 300 if scaling.get("out_cooldown") is None else scaling["out_cooldown"],
        "in_cooldown": 300 if scaling.get("in_cooldown") is None else scaling["in_cooldown"],
        "scale_in": scaling.get("scale_in") is not False,
    }


def plan(current: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]) -> list[Change]:
    """A policy that a target loses is deleted first; with a target that goes, its policies go by themselves."""
    going = [name for name in current["targets"] if name not in wanted["targets"]]
    policies = {key: it for key, it in current["policies"].items() if key.split("/")[0] not in going}
    made = compare(POLICY, policies, wanted["policies"], purge=True)
    return [
        *[change for change in made if change.action == "delete"],
        *compare(TARGET, current["targets"], wanted["targets"], purge=True),
        *[change for change in made if change.action != "delete"],
    ]
