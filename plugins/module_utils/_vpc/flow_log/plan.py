# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that bring flow logs from what is to what is wanted. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, managed, require_ours
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare

LOG_GROUP = "log group"
ROLE = "IAM role"
FLOW_LOG = "flow log"
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html; 0 for ever
RETENTIONS = (
    0,
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
INTERVALS = (60, 600)
LONGEST_ROLE = 64


def problems(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What is wrong with networking_flow_logs, in words. prefix: as of Stack"""
    found = []
    group, role = settings.get("log_group"), f"{prefix}-flow-logs"
    if group and not re.fullmatch(r"[a-zA-Z0-9_\-/.#]{1,512}", group):
        found.append(f"networking_flow_logs: log_group {group} is no name that CloudWatch takes")
    if settings and len(role) > LONGEST_ROLE:
        found.append(
            f"networking_flow_logs: their role would be called {role}: that is {len(role)} characters, "
            f"IAM takes {LONGEST_ROLE}; a shorter stack_name or stack_environment helps"
        )
    days, interval = settings.get("retention_days"), settings.get("interval")
    if days is not None and days not in RETENTIONS:
        near = min(RETENTIONS[1:], key=lambda known: abs(known - int(days)))
        found.append(
            f"networking_flow_logs: retention_days {days} is not a time that CloudWatch knows; the nearest is {near}"
        )
    if interval is not None and interval not in INTERVALS:
        found.append(f"networking_flow_logs: interval {interval} is neither 60 nor 600 seconds")
    return found


def desired(settings: Mapping[str, Any], stack: Stack, region: str) -> dict[str, dict[str, Any]]:
    """settings: the module's options."""
    group, role = log_group_name(settings, stack), stack.named("flow-logs")
    return {
        "log_group": {"name": group, "retention_days": settings.get("retention_days"), "tags": stack.owned()},
        "role": {
            "name": role,
            "trust": trust(settings.get("account_id"), region),
            "policy": policy(group, region),
            "tags": stack.owned(),
        },
        "flow_log": {
            "name": stack.named("flow-logs"),
            "vpc": settings.get("vpc_id") or None,
            "traffic": (settings.get("traffic") or "all").upper(),
            "log_group": group,
            "role": role,
            "interval": settings.get("interval"),
            "tags": stack.owned(stack.named("flow-logs")),
        },
    }


def log_group_name(settings: Mapping[str, Any], stack: Stack) -> str:
    return str(settings.get("log_group") or f"/vpc/{stack.prefix}/flow-logs")


def trust(account_id: str | None, region: str) -> dict[str, Any]:
    """Only flow logs of this account may use the role.

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    if account_id:
        source = f"arn:{partition(region)}:ec2:{region}:{account_id}:vpc-flow-log/*"
        statement["Condition"] = {
            "StringEquals": {"aws:SourceAccount": account_id},
            "ArnLike": {"aws:SourceArn": source},
        }
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy(group: str, region: str) -> dict[str, Any]:
    """Writing to that log group, and nothing else. Its account is the role's own: "*" reaches no further."""
    arn = f"arn:{partition(region)}:logs:{region}:*:log-group:{group}"
    write = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": write, "Resource": [arn, f"{arn}:*"]},
            {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*"},
        ],
    }


def partition(region: str) -> str:
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rpartition("-")[0].rpartition("-")[0], "aws")


def plan(current: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]], stack: Stack) -> list[Change]:
    changes: list[Change] = []
    for part, kind in (("log_group", LOG_GROUP), ("role", ROLE), ("flow_log", FLOW_LOG)):
        have, want = current[part], dict(wanted[part])
        name = want.pop("name")
        if have is None:
            known = {}
        else:
            require_ours(stack, kind, name, have["tags"])
            known = {name: {**have, "tags": managed(have["tags"], want["tags"])}}
        changes += [_explained(change) for change in compare(kind, known, {name: want})]
    return changes


def _explained(change: Change) -> Change:
    if change.resource == FLOW_LOG and change.action == "update" and set(change.after) != {"tags"}:
        differ = ", ".join(f"{field} {change.before[field]} -> {value}" for field, value in change.after.items())
        return Change("update", FLOW_LOG, change.name, change.before, change.after, f"made anew, as AWS asks: {differ}")
    return change


def plan_removal(current: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]], stack: Stack) -> list[Change]:
    """Ours, in reverse order."""
    return [
        Change("delete", kind, wanted[part]["name"], {"id": current[part].get("id") or current[part].get("arn")})
        for part, kind in (("flow_log", FLOW_LOG), ("role", ROLE), ("log_group", LOG_GROUP))
        if current[part] is not None and stack.owns(current[part]["tags"])
    ]
