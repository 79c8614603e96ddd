# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics that the inventory can name for auto scaling, and what can be wrong with a `scaling` setting. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """name: in the inventory; predefined: Application Auto Scaling's; labelled: it needs a target group."""

    name: str
    predefined: str
    labelled: bool = False


METRICS = (
    Metric("cpu", "ECSServiceAverageCPUUtilization"),
    Metric("memory", "ECSServiceAverageMemoryUtilization"),
    Metric("requests", "ALBRequestCountPerTarget", labelled=True),
)


def problems(scaling: Mapping[str, Any] | None, count: int | None) -> list[str]:
    if not scaling:
        return []
    found = []
    low, high = scaling.get("min"), scaling.get("max")
    if low is None or high is None:
        return ["scaling needs min and max"]
    if low > high:
        found.append(f"scaling has min {low} above max {high}")
    if count is not None and not low <= count <= high:
        found.append(f"count {count} is outside of scaling's {low} to {high}")
    if not any(scaling.get(metric.name) is not None for metric in METRICS):
        found.append(f"scaling names no target: one of {', '.join(metric.name for metric in METRICS)}")
    found += [
        f"scaling's {name} {scaling[name]} is not a percentage above 0"
        for name in ("cpu", "memory")
        if scaling.get(name) is not None and not 0 < scaling[name] <= 100
    ]
    return found
