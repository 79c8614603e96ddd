# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of CloudWatch Logs. API: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/"""

from __future__ import annotations

import json
from typing import Any

from moto.logs import models, responses
from moto.logs.exceptions import ResourceNotFoundException

from ..patching import replaces


def filters_by_name() -> None:
    """PutMetricFilter creates or updates: a log group has one filter of a name (API_PutMetricFilter.html)."""

    @replaces(models.LogsBackend, "put_metric_filter")
    def put(original: Any, self: Any, filter_name: str, filter_pattern: str, log_group_name: str, *more: Any) -> Any:
        if log_group_name not in self.groups:
            raise ResourceNotFoundException
        self.filters.delete_filter(filter_name, log_group_name)
        return original(self, filter_name, filter_pattern, log_group_name, *more)


def filters_go_with_their_group() -> None:
    """DeleteLogGroup takes everything of the group along (API_DeleteLogGroup.html), what filters it included."""

    @replaces(models.LogsBackend, "delete_log_group")
    def delete(original: Any, self: Any, log_group_name: str) -> Any:
        answer = original(self, log_group_name)
        kept = [it for it in self.filters.metric_filters if it["logGroupName"] != log_group_name]
        self.filters.metric_filters[:] = kept
        return answer


def filters_of_no_group() -> None:
    """DescribeMetricFilters of a group that is not there is an error (API_DescribeMetricFilters.html, Errors)."""

    @replaces(models.LogsBackend, "describe_metric_filters")
    def describe(original: Any, self: Any, prefix: Any = None, log_group_name: Any = None, *more: Any) -> Any:
        if log_group_name is not None and log_group_name not in self.groups:
            raise ResourceNotFoundException
        return original(self, prefix, log_group_name, *more)


def streams_by_prefix() -> None:
    """FilterLogEvents with logStreamNamePrefix searches the streams so named alone (API_FilterLogEvents.html)."""

    @replaces(responses.LogsResponse, "filter_log_events")
    def answer(original: Any, self: Any) -> str:
        prefix, group = self._get_param("logStreamNamePrefix"), self._get_param("logGroupName")
        if not prefix or group not in self.logs_backend.groups:
            return str(original(self))
        names = [name for name in self.logs_backend.groups[group].streams if name.startswith(prefix)]
        if not names:
            return json.dumps({"events": [], "searchedLogStreams": []})
        self.body = json.dumps({**json.loads(self.body), "logStreamNames": names})
        return str(original(self))


FIXES = (filters_by_name, filters_go_with_their_group, filters_of_no_group, streams_by_prefix)
