# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alarms as they are wanted, in the shape of describe. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.metrics import (
    METRICS,
    Dimensions,
    Metric,
    dimensions,
    source,
)

MISSING = {"missing": "missing", "ignore": "ignore", "breaching": "breaching", "not_breaching": "notBreaching"}
_FOR = re.compile(r"(?:(?P<datapoints>\d+)/)?(?P<periods>\d+)x(?P<seconds>\d+)s")


def window(text: str) -> tuple[int, int, int] | None:
    """`for`: 2x300s is two periods of 300 s, 2/3x60s two out of three of 60 s. (datapoints, periods, seconds)."""
    found = _FOR.fullmatch(text)
    if found is None:
        return None
    periods = int(found["periods"])
    return int(found["datapoints"] or periods), periods, int(found["seconds"])


def wanted(
    alarm: Mapping[str, Any],
    resources: Mapping[str, Any],
    topics: Mapping[str, str],
    prefix: str,
    *,
    check: bool = False,
) -> dict[str, Any]:
    """One alarm; `topics` is {name: ARN}. It has been through problems()."""
    found = window(str(alarm["for"]))
    if found is None:
        raise AssertionError("found has to be known here")
    datapoints, periods, seconds = found
    metrics = [named(alarm, name) for name in alarm.get("rate") or [alarm["metric"]]]
    below = alarm.get("below") is not None
    places = dimensions(alarm, resources, prefix, check=check)
    measures = [measure(metric, place, seconds, alarm.get("statistic")) for metric in metrics for place in places]
    text = expression(metrics, len(places), alarm, below=below)
    threshold = float(alarm["below"] if below else alarm["above"])
    scale = 1 if alarm.get("rate") or alarm.get("percent_of") else metrics[0].scale
    actions = [topics[name] for name in names(alarm.get("topic"))]
    return {
        "measures": [{**measures[0], "unit": ""}] if text is None else measures,
        "expression": text or "",
        "comparison": "LessThanThreshold" if below else "GreaterThanThreshold",
        "threshold": threshold * scale,
        "periods": periods,
        "datapoints": datapoints,
        "missing": MISSING[alarm.get("missing") or _missing(alarm, metrics)],
        "description": alarm.get("description") or describe(alarm),
        "enabled": alarm.get("enabled") is not False,
        "actions": sorted(actions),
        "ok_actions": sorted(actions) if alarm.get("notify_ok") is not False else [],
        "no_data_actions": [],  # what silence means, `missing` says
    }


def names(topic: Any) -> list[str]:
    """The topics that an alarm names: one, several or none."""
    if isinstance(topic, str):
        return [topic] if topic else []
    return list(topic or [])


def named(alarm: Mapping[str, Any], name: str) -> Metric:
    """The metric of a name: of what the alarm watches, or as it is in the alarm's own namespace."""
    kind, _rest = source(alarm)
    return (
        METRICS[kind][name]
        if kind
        else Metric(str(alarm["namespace"]), name, "Sum" if alarm.get("rate") else "Average")
    )


def measure(metric: Metric, place: Dimensions, seconds: int, statistic: str | None) -> dict[str, Any]:
    return {
        "namespace": metric.namespace,
        "metric": metric.name,
        "dimensions": dict(place),
        "period": seconds,
        "statistic": statistic or metric.statistic,
    }


def expression(metrics: Sequence[Metric], places: int, alarm: Mapping[str, Any], *, below: bool) -> str | None:
    """The metric math of an alarm over m1, m2, …; None where a plain metric does.

    A rate counts a period without the first metric as zero, and divides by one where there is nothing to divide by:
    CloudWatch drops a point that was divided by zero, and an alarm of dropped points says nothing.
    """
    values = []
    for number, metric in enumerate(metrics):
        ids = [f"m{number * places + place}" for place in range(1, places + 1)]
        function = "SUM" if metric.statistic == "Sum" else "MIN" if below else "MAX"
        values.append(ids[0] if places == 1 else f"{function}([{', '.join(ids)}])")
    if alarm.get("rate"):
        part, whole = (f"FILL({value}, 0)" for value in values)
        return f"100 * {part} / IF({whole} > 0, {whole}, 1)"
    if alarm.get("percent_of"):
        return f"100 * {values[0]} / {_number(alarm['percent_of'] * metrics[0].scale)}"
    return values[0] if places > 1 else None


def _missing(alarm: Mapping[str, Any], metrics: Sequence[Metric]) -> str:
    """Counts are not sent where there is nothing to count; silence of anything else is left for CloudWatch to judge."""
    return "not_breaching" if alarm.get("rate") or metrics[0].statistic == "Sum" else "missing"


def describe(alarm: Mapping[str, Any]) -> str:
    """Web cpu above 80 for 2x300s: what the mail of an alarm starts with."""
    kind, name = source(alarm)
    what = {"": str(alarm.get("namespace")), "database": "database", "cache": "cache"}.get(kind, f"{kind} {name}")
    of = " of ".join(str(it) for it in alarm["rate"]) + " in percent" if alarm.get("rate") else str(alarm["metric"])
    if alarm.get("percent_of"):
        of += f" in percent of {_number(alarm['percent_of'])}"
    limit = f"below {_number(alarm['below'])}" if alarm.get("below") is not None else f"above {_number(alarm['above'])}"
    return f"{what.replace('_', ' ')}: {of.replace('_', ' ')} {limit} for {alarm['for']}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)
