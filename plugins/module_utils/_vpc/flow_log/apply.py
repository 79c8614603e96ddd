# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a plan out, call by call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change
from ansible_collections.slipway.aws.plugins.module_utils._vpc.flow_log import api
from ansible_collections.slipway.aws.plugins.module_utils._vpc.flow_log.plan import FLOW_LOG, LOG_GROUP, ROLE
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, Clock, Judgement, failed, wait_for

# How long a role may take to be known to the service that is to use it, in seconds.
_ROLE_SETTLES = 60.0
_NOT_YET = ("assume", "access", "permission", "unauthorized", "role")


@dataclass
class Work:
    """What the handlers of one run share."""

    aws: Clients
    current: Mapping[str, Any]
    wanted: Mapping[str, Mapping[str, Any]]
    vpc_id: str
    clock: Clock = time
    role_arn: str = ""

    def __post_init__(self) -> None:
        self.role_arn = (self.current["role"] or {}).get("arn", "")


def handlers(work: Work) -> dict[tuple[str, Action], Callable[[Change], None]]:
    ec2, logs, iam = (work.aws.client(service) for service in ("ec2", "logs", "iam"))
    return {
        (LOG_GROUP, "create"): partial(_create_group, logs),
        (LOG_GROUP, "update"): partial(_update_group, logs, work),
        (LOG_GROUP, "delete"): lambda change: api.delete_log_group(logs, change.name),
        (ROLE, "create"): partial(_create_role, iam, work),
        (ROLE, "update"): partial(_update_role, iam),
        (ROLE, "delete"): lambda change: api.delete_role(iam, change.name),
        (FLOW_LOG, "create"): partial(_create_flow_log, ec2, work),
        (FLOW_LOG, "update"): partial(_update_flow_log, ec2, work),
        (FLOW_LOG, "delete"): partial(_delete_flow_log, ec2, work),
    }


def _create_group(logs: Any, change: Change) -> None:
    api.create_log_group(logs, change.name, change.after["tags"])
    if change.after["retention_days"]:
        api.retention(logs, change.name, change.after["retention_days"])


def _update_group(logs: Any, work: Work, change: Change) -> None:
    if "retention_days" in change.after:
        api.retention(logs, change.name, change.after["retention_days"])
    if "tags" in change.after:
        api.tag_log_group(logs, work.current["log_group"]["arn"], change.after["tags"])


def _create_role(iam: Any, work: Work, change: Change) -> None:
    work.role_arn = api.create_role(iam, change.name, change.after["trust"], change.after["tags"])
    api.put_policy(iam, change.name, change.after["policy"])


def _update_role(iam: Any, change: Change) -> None:
    if "trust" in change.after:
        api.trust(iam, change.name, change.after["trust"])
    if "policy" in change.after:
        api.put_policy(iam, change.name, change.after["policy"])
    if "tags" in change.after:
        api.tag_role(iam, change.name, change.after["tags"])


def _create_flow_log(ec2: Any, work: Work, _change: Change) -> None:
    """A role made a moment ago may not be known yet; then AWS has made nothing and is asked again."""
    want = work.wanted["flow_log"]
    settings = {
        "TrafficType": want["traffic"],
        "LogGroupName": want["log_group"],
        "DeliverLogsPermissionArn": work.role_arn,
        **({"MaxAggregationInterval": want["interval"]} if want["interval"] else {}),
    }
    wait_for(
        f"Creating flow log {want['name']}",
        lambda: api.create_flow_log(ec2, work.vpc_id, want["tags"], **settings),
        created_verdict,
        timeout=_ROLE_SETTLES,
        clock=work.clock,
    )


def created_verdict(answer: tuple[str, str]) -> Judgement:
    """One answer of CreateFlowLogs: (id, why there is none)"""
    made, why = answer
    if made:
        return DONE
    return Judgement("pending", why) if any(word in why.lower() for word in _NOT_YET) else failed(why)


def _update_flow_log(ec2: Any, work: Work, change: Change) -> None:
    """AWS changes nothing but tags, and takes no second one with the same destination: the old one goes first."""
    if set(change.after) == {"tags"}:
        api.tag_flow_log(ec2, work.current["flow_log"]["id"], change.after["tags"])
        return
    _delete_flow_log(ec2, work, change)
    _create_flow_log(ec2, work, change)


def _delete_flow_log(ec2: Any, work: Work, change: Change) -> None:
    why = api.delete_flow_log(ec2, work.current["flow_log"]["id"])
    if why:
        raise SlipwayError(f"AWS keeps flow log {change.name}", why)
