# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a plan out, call by call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch import api
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.plan import (
    ALARM,
    FILTER,
    LOG_GROUP,
    SUBSCRIPTION,
    TOPIC,
    Wanted,
)
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import Place
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change

_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")  # others are percentiles and the like


def handlers(aws: Clients, wanted: Wanted, place: Place) -> dict[tuple[str, Action], Callable[[Change], None]]:
    """What to do for each kind of change."""
    logs, sns, cloudwatch = aws.client("logs"), aws.client("sns"), aws.client("cloudwatch")
    return {
        (LOG_GROUP, "create"): partial(create_log_group, logs),
        (LOG_GROUP, "update"): partial(update_log_group, logs, place),
        (LOG_GROUP, "delete"): lambda change: api.delete_log_group(logs, change.name),
        (FILTER, "create"): partial(put_filter, logs, wanted),
        (FILTER, "update"): partial(put_filter, logs, wanted),
        (FILTER, "delete"): lambda change: api.delete_metric_filter(
            logs, change.before["group"], change.before["name"]
        ),
        (TOPIC, "create"): lambda change: api.create_topic(sns, change.name, tag_list(change.after["tags"])),
        (TOPIC, "update"): lambda change: api.tag_topic(
            sns, place.arn("sns", change.name), tag_list(change.after["tags"])
        ),
        (TOPIC, "delete"): lambda change: api.delete_topic(sns, change.before["arn"]),
        (SUBSCRIPTION, "create"): partial(subscribe, sns, wanted, place),
        (SUBSCRIPTION, "delete"): lambda change: api.unsubscribe(sns, change.before["arn"]),
        (ALARM, "create"): partial(create_alarm, cloudwatch),
        (ALARM, "update"): partial(update_alarm, cloudwatch, wanted, place),
        (ALARM, "delete"): lambda change: api.delete_alarm(cloudwatch, change.name),
    }


def create_log_group(logs: Any, change: Change) -> None:
    wanted = change.after
    key = {"kmsKeyId": wanted["kms_key"]} if wanted["kms_key"] else {}
    api.create_log_group(logs, change.name, tags=wanted["tags"], **key)
    if wanted["retention_days"]:
        api.retention(logs, change.name, wanted["retention_days"])


def update_log_group(logs: Any, place: Place, change: Change) -> None:
    name, after = change.name, change.after
    if "retention_days" in after:
        api.retention(logs, name, after["retention_days"])
    if "kms_key" in after:
        api.log_group_key(logs, name, after["kms_key"])
    if "tags" in after:
        api.tag_log_group(logs, place.arn("logs", f"log-group:{name}"), after["tags"])


def put_filter(logs: Any, wanted: Wanted, change: Change) -> None:
    """PutMetricFilter replaces the whole filter."""
    it = (wanted.filters or {})[change.name]
    transformation = {
        "metricNamespace": it["namespace"],
        "metricName": it["metric"],
        "metricValue": it["value"],
        "unit": it["unit"],
    }
    if it["default"] is not None:
        transformation["defaultValue"] = it["default"]
    api.put_metric_filter(logs, it["group"], it["name"], it["pattern"], transformation)


def subscribe(sns: Any, wanted: Wanted, place: Place, change: Change) -> None:
    topic = change.after["topic"]
    (subscription,) = [it for it in (wanted.topics or {})[topic] if f"{topic}: {it.shown}" == change.name]
    if subscription.endpoint is None:
        raise AssertionError("subscription.endpoint has to be known here")
    api.subscribe(sns, place.arn("sns", topic), subscription.protocol, subscription.endpoint)


def create_alarm(cloudwatch: Any, change: Change) -> None:
    api.put_alarm(cloudwatch, change.name, **settings(change.after), Tags=tag_list(change.after["tags"]))


def update_alarm(cloudwatch: Any, wanted: Wanted, place: Place, change: Change) -> None:
    """PutMetricAlarm replaces the whole alarm, but for its tags, which it takes at creation only."""
    if set(change.after) - {"tags"}:
        api.put_alarm(cloudwatch, change.name, **settings((wanted.alarms or {})[change.name]))
    if "tags" in change.after:
        arn = place.arn("cloudwatch", f"alarm:{change.name}")
        api.tag_alarm(cloudwatch, arn, tag_list(change.after["tags"]))


def settings(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of PutMetricAlarm."""
    return {
        "AlarmDescription": alarm["description"],
        "ActionsEnabled": alarm["enabled"],
        "AlarmActions": alarm["actions"],
        "OKActions": alarm["ok_actions"],
        "InsufficientDataActions": alarm["no_data_actions"],
        "ComparisonOperator": alarm["comparison"],
        "Threshold": alarm["threshold"],
        "EvaluationPeriods": alarm["periods"],
        "DatapointsToAlarm": alarm["datapoints"],
        "TreatMissingData": alarm["missing"],
        **(math(alarm) if alarm["expression"] else plain(alarm["measures"][0])),
    }


def plain(measure: Mapping[str, Any]) -> dict[str, Any]:
    statistic = "Statistic" if measure["statistic"] in _STATISTICS else "ExtendedStatistic"
    return {
        "Namespace": measure["namespace"],
        "MetricName": measure["metric"],
        "Dimensions": tag_list(measure["dimensions"], "Name"),
        "Period": measure["period"],
        statistic: measure["statistic"],
    }


def math(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """m1, m2, … are the measures in their order; the expression is what the alarm looks at."""
    queries: list[dict[str, Any]] = [
        {
            "Id": f"m{number}",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {
                    "Namespace": it["namespace"],
                    "MetricName": it["metric"],
                    "Dimensions": tag_list(it["dimensions"], "Name"),
                },
                "Period": it["period"],
                "Stat": it["statistic"],
            },
        }
        for number, it in enumerate(alarm["measures"], 1)
    ]
    label = alarm["description"][:255]
    return {"Metrics": [*queries, {"Id": "e1", "Expression": alarm["expression"], "Label": label, "ReturnData": True}]}
