# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CloudWatch alarms and logs.

API: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/ and
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from moto.cloudwatch import models, responses
from moto.core.responses import ActionResult, EmptyResult
from moto.logs import models as logs
from moto.logs.exceptions import InvalidParameterException

from ..patching import adds, replaces

# API_PutRetentionPolicy.html, retentionInDays, Possible values
RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def initial_state() -> None:
    """A new alarm has INSUFFICIENT_DATA; a changed one keeps its state (API_PutMetricAlarm.html)."""

    @replaces(models.Alarm, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        self.state_value = "INSUFFICIENT_DATA"

    @replaces(models.CloudWatchBackend, "put_metric_alarm")
    def put(original: Any, self: Any, **options: Any) -> Any:
        known = self.alarms.get(options.get("name"))
        alarm = original(self, **options)
        if known is not None:
            for key in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history"):
                setattr(self.alarms[options["name"]], key, getattr(known, key))
        return alarm


def composite_alarms() -> None:
    """PutCompositeAlarm, and DescribeAlarms by type (API_PutCompositeAlarm.html, API_DescribeAlarms.html)."""

    @adds(responses.CloudWatchResponse, "put_composite_alarm")
    def put(self: Any) -> EmptyResult:
        given = self._get_params()
        backend = self.cloudwatch_backend
        known = backend.alarms.get(given["AlarmName"])
        alarm = models.Alarm(
            account_id=backend.account_id,
            region_name=backend.region_name,
            name=given["AlarmName"],
            namespace="",
            metric_name="",
            metric_data_queries=None,
            comparison_operator="",
            evaluation_periods=0,
            datapoints_to_alarm=None,
            period=0,
            threshold=0.0,
            statistic="",
            extended_statistic=None,
            description=given.get("AlarmDescription") or "",
            dimensions=[],
            alarm_actions=list(given.get("AlarmActions") or []),
            ok_actions=list(given.get("OKActions") or []),
            insufficient_data_actions=list(given.get("InsufficientDataActions") or []),
            unit=None,
            actions_enabled=given.get("ActionsEnabled"),
            treat_missing_data=None,
            evaluate_low_sample_count_percentile=None,
            threshold_metric_id=None,
            rule=given["AlarmRule"],
        )
        backend.alarms[given["AlarmName"]] = alarm
        if known is None and given.get("Tags"):
            backend.tagger.tag_resource(alarm.alarm_arn, list(given["Tags"]))
        return EmptyResult()

    @replaces(responses.CloudWatchResponse, "describe_alarms")
    def describe(original: Any, self: Any) -> ActionResult:
        found = original(self).result
        types = self._get_param("AlarmTypes") or ["MetricAlarm"]
        if self._get_param("AlarmNames") and not self._get_param("AlarmTypes"):
            types = ["MetricAlarm", "CompositeAlarm"]
        kept = {
            "MetricAlarms": found["MetricAlarms"] if "MetricAlarm" in types else [],
            "CompositeAlarms": [_shown(a) for a in found["CompositeAlarms"]] if "CompositeAlarm" in types else [],
        }
        return ActionResult(kept)


def _shown(alarm: Any) -> dict[str, Any]:
    return {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.alarm_arn,
        "AlarmDescription": alarm.description,
        "AlarmRule": alarm.rule,
        "ActionsEnabled": alarm.actions_enabled,
        "AlarmActions": alarm.alarm_actions,
        "OKActions": alarm.ok_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "AlarmConfigurationUpdatedTimestamp": alarm.configuration_updated_timestamp,
        "StateValue": alarm.state_value,
        "StateReason": alarm.state_reason,
        "StateUpdatedTimestamp": alarm.state_updated_timestamp,
    }


def log_retention() -> None:
    """Only some numbers of days can be kept (API_PutRetentionPolicy.html)."""

    @replaces(logs.LogsBackend, "put_retention_policy")
    def put(original: Any, self: Any, log_group_name: str, retention_in_days: Any) -> Any:
        if int(retention_in_days) not in RETENTIONS:
            constraint = f"Member must satisfy enum value set: {list(RETENTIONS)}"
            raise InvalidParameterException(constraint=constraint, parameter="retentionInDays", value=retention_in_days)
        return original(self, log_group_name, retention_in_days)


FIXES = (initial_state, composite_alarms, log_retention)
