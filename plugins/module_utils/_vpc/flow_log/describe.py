# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS has: {"log_group", "role", "flow_log"}, each in our shape or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_dict, together
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._vpc.flow_log import api


def read(aws: Clients, stack: Stack, group: str, role: str) -> dict[str, Any]:
    """Five reads, side by side. Flow logs go by the stack's tags: their VPC may not be there yet, or any more."""
    ec2, logs, iam = aws.client("ec2"), aws.client("logs"), aws.client("iam")
    reads: dict[str, Callable[[], Any]] = {
        "log_group": partial(api.log_group, logs, group),
        "role": partial(api.role, iam, role),
        "policy": partial(api.policy, iam, role),
        "flow_logs": partial(api.flow_logs, ec2, stack.filters()),
    }
    found = together(reads)
    return {
        "log_group": _group(found["log_group"]),
        "role": _role(found["role"], found["policy"]),
        "flow_log": _flow_log(found["flow_logs"]),
    }


def _group(it: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if it is None:
        return None
    return {"arn": it["arn"], "retention_days": it.get("retentionInDays", 0), "tags": dict(it["tags"])}


def _role(it: Mapping[str, Any] | None, policy: Mapping[str, Any]) -> dict[str, Any] | None:
    if it is None:
        return None
    return {
        "arn": it["Arn"],
        "trust": it["AssumeRolePolicyDocument"],
        "policy": dict(policy),
        "tags": tag_dict(it.get("Tags")),
    }


def _flow_log(found: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not found:
        return None
    it = found[0]
    return {
        "id": it["FlowLogId"],
        "vpc": it["ResourceId"],
        "traffic": it["TrafficType"],
        "log_group": it.get("LogGroupName", ""),
        "role": it.get("DeliverLogsPermissionArn", "").rpartition("/")[2],
        "interval": it.get("MaxAggregationInterval", 600),
        "delivery": it.get("DeliverLogsErrorMessage", ""),
        "tags": tag_dict(it.get("Tags")),
    }


def result(current: Mapping[str, Any], group: str) -> dict[str, str]:
    def of(part: str, field: str) -> str:
        return str((current.get(part) or {}).get(field, ""))

    return {
        "flow_log_id": of("flow_log", "id"),
        "log_group": group,
        "log_group_arn": of("log_group", "arn"),
        "role_arn": of("role", "arn"),
        "delivery_error": of("flow_log", "delivery"),
    }
