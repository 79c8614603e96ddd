# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS has, in our shape.

log_groups:    {name: {retention_days, kms_key, arn, tags}}
filters:       {"group name": {group, name, pattern, namespace, metric, value, default, unit}}
topics:        {name: {arn, tags}}
subscriptions: {topic: [{arn, protocol, endpoint}]}; an endpoint may hold a key, so they are never printed
alarms:        {name: see alarms.wanted, with arn and tags}

Whose an alarm or a topic is, its tags say, and CloudWatch tells the tags of one alarm a call. So the tagging API is
asked once for all that is ours. It may lag: what it does not name is asked for by itself, which on a second run is
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, tag_dict, together
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch import api
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import Place
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

TYPES = ("cloudwatch", "sns")  # a topic's ARN names no type, so neither can a filter
Current = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Scope:
    """What to read: AWS's names, and whether alarms and topics are managed at all (then all of ours are read)."""

    stack: Stack
    place: Place
    log_groups: Collection[str] = ()
    filter_groups: Collection[str] = ()
    topics: Collection[str] | None = None
    alarms: Collection[str] | None = None

    @property
    def prefix(self) -> str:
        return self.stack.named("")

    @property
    def tags(self) -> dict[str, str]:
        """What makes a resource one of this role of this stack."""
        bare = Stack(self.stack.name, self.stack.environment, self.stack.role)
        return bare.owned()


def read(aws: Clients, scope: Scope) -> Current:
    """Everything in the scope that exists, in two rounds of calls side by side."""
    logs, cloudwatch = aws.client("logs"), aws.client("cloudwatch")
    listed = scope.topics is not None or scope.alarms is not None
    tagging = aws.client("resourcegroupstaggingapi") if listed else None
    sns = aws.client("sns") if scope.topics is not None else None
    first = together(
        {
            "ours": lambda: api.tagged(tagging, scope.tags, TYPES) if listed else {},
            "alarms": lambda: api.alarms_by_prefix(cloudwatch, scope.prefix) if scope.alarms is not None else [],
            "groups": lambda: each(lambda name: api.log_group(logs, name), scope.log_groups),
            "filters": lambda: each(lambda group: api.metric_filters(logs, group), scope.filter_groups),
            "topics": lambda: _topics(sns, scope.place, scope.topics or ()),
        }
    )
    ours: Mapping[str, Mapping[str, str]] = first["ours"]
    more = together(
        {
            "alarms": lambda: _alarms(cloudwatch, scope, first["alarms"], ours),
            "topics": lambda: _topics(sns, scope.place, _other_topics(scope, ours)),
            "groups": lambda: _groups(logs, [group for group in first["groups"] if group]),
        }
    )
    subscriptions = {**first["topics"], **more["topics"]}
    return {
        "log_groups": more["groups"],
        "filters": {
            f"{group} {it['filterName']}": metric_filter(group, it)
            for group, some in zip(scope.filter_groups, first["filters"], strict=True)
            for it in some
        },
        "topics": _tagged_topics(sns, scope.place, subscriptions, ours),
        "subscriptions": subscriptions,
        "alarms": more["alarms"],
    }


def _alarms(
    cloudwatch: Any, scope: Scope, found: list[dict[str, Any]], ours: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, Any]]:
    """With those of ours that bear another name, wanted or left over, and everybody's tags."""
    seen = {it["AlarmName"] for it in found}
    left = {arn.split(":", 6)[6] for arn in ours if arn.split(":")[5] == "alarm"}
    others = sorted(name for name in {*(scope.alarms or ()), *left} - seen if not name.startswith(scope.prefix))
    everything = [*found, *(api.alarms_by_name(cloudwatch, others) if others else [])]
    unknown = [it["AlarmArn"] for it in everything if it["AlarmArn"] not in ours]
    tags = dict(zip(unknown, each(lambda arn: tag_dict(api.alarm_tags(cloudwatch, arn)), unknown), strict=True))
    return {it["AlarmName"]: alarm(it, ours.get(it["AlarmArn"]) or tags.get(it["AlarmArn"], {})) for it in everything}


def _other_topics(scope: Scope, ours: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Topics of ours that are not wanted any more."""
    if scope.topics is None:
        return []
    found = [arn.rpartition(":")[2] for arn in ours if arn.split(":")[2] == "sns"]
    return [name for name in found if name not in scope.topics]


def _topics(sns: Any, place: Place, names: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """The subscriptions of the topics that exist."""
    wanted = list(names)
    found = each(lambda name: api.subscriptions(sns, place.arn("sns", name)), wanted)
    return {
        name: [
            {"arn": it["SubscriptionArn"], "protocol": it["Protocol"], "endpoint": it.get("Endpoint", "")}
            for it in some
            if it["SubscriptionArn"] != "Deleted"
        ]
        for name, some in zip(wanted, found, strict=True)
        if some is not None
    }


def _tagged_topics(
    sns: Any, place: Place, names: Iterable[str], ours: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, Any]]:
    arns = {name: place.arn("sns", name) for name in names}
    unknown = [arn for arn in arns.values() if arn not in ours]
    tags = dict(zip(unknown, each(lambda arn: tag_dict(api.topic_tags(sns, arn)), unknown), strict=True))
    return {name: {"arn": arn, "tags": dict(ours.get(arn) or tags.get(arn, {}))} for name, arn in arns.items()}


def _groups(logs: Any, found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    arns = [it["arn"].removesuffix(":*") for it in found]
    tags = each(lambda arn: api.log_group_tags(logs, arn), arns)
    return {it["logGroupName"]: log_group(it, some) for it, some in zip(found, tags, strict=True)}


def log_group(group: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """One log group: DescribeLogGroups' entry and its tags. A retention of 0 days is for ever."""
    return {
        "arn": group["arn"].removesuffix(":*"),
        "retention_days": int(group.get("retentionInDays") or 0),
        "kms_key": group.get("kmsKeyId") or "",
        "tags": dict(tags),
    }


def metric_filter(group: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """One metric filter: DescribeMetricFilters' entry."""
    to = found["metricTransformations"][0]
    default = to.get("defaultValue")
    return {
        "group": group,
        "name": found["filterName"],
        "pattern": found.get("filterPattern") or "",
        "namespace": to["metricNamespace"],
        "metric": to["metricName"],
        "value": str(to["metricValue"]),
        "default": None if default is None else float(default),
        "unit": to.get("unit") or "None",
    }


def alarm(found: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """One alarm: DescribeAlarms' entry and its tags. CloudWatch leaves out what is at its default."""
    queries = sorted(found.get("Metrics") or [], key=lambda query: (len(query["Id"]), query["Id"]))
    expressions = [query["Expression"] for query in queries if query.get("Expression")]
    measures = [_measure(query["MetricStat"]) for query in queries if query.get("MetricStat")]
    return {
        "arn": found["AlarmArn"],
        "measures": measures if queries else [_single(found)],
        "expression": "; ".join(expressions),
        "comparison": found.get("ComparisonOperator", ""),
        "threshold": found.get("Threshold"),
        "periods": found["EvaluationPeriods"],
        "datapoints": found.get("DatapointsToAlarm") or found["EvaluationPeriods"],
        "missing": found.get("TreatMissingData") or "missing",
        "description": found.get("AlarmDescription") or "",
        "enabled": found.get("ActionsEnabled", True),
        "actions": sorted(found.get("AlarmActions") or []),
        "ok_actions": sorted(found.get("OKActions") or []),
        "no_data_actions": sorted(found.get("InsufficientDataActions") or []),
        "tags": dict(tags),
    }


def _single(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "namespace": found.get("Namespace", ""),
        "metric": found.get("MetricName", ""),
        "dimensions": tag_dict(found.get("Dimensions"), "Name"),
        "period": found.get("Period"),
        "statistic": found.get("Statistic") or found.get("ExtendedStatistic") or "",
        "unit": found.get("Unit") or "",
    }


def _measure(stat: Mapping[str, Any]) -> dict[str, Any]:
    metric = stat["Metric"]
    return {
        "namespace": metric.get("Namespace", ""),
        "metric": metric.get("MetricName", ""),
        "dimensions": tag_dict(metric.get("Dimensions"), "Name"),
        "period": stat["Period"],
        "statistic": stat["Stat"],
    }
