# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries the plan of load balancers and target groups out, call by call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._elbv2 import api
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.describe import (
    ATTRIBUTES,
    HEALTH_CHECK,
    MATCHER,
    TARGET_ATTRIBUTES,
    Described,
    load_balancer,
    target_group,
)
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.plan import LOAD_BALANCER, TARGET_GROUP, judge_active
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, Clock, Judgement, wait_for

GONE_S = 600.0  # interfaces of a deleted load balancer stay for some minutes and hold its subnets


def handlers(
    aws: Clients, balancers: Described, groups: Described, *, clock: Clock = time
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    """What to do for each kind of change; the arguments are what exists, by the inventory's names.

    What is made is added to them as AWS's answer describes it: asked for by name it may not be found for some seconds.
    """
    elb = aws.client("elbv2")
    return {
        (TARGET_GROUP, "create"): partial(create_target_group, elb, groups),
        (TARGET_GROUP, "update"): partial(update_target_group, elb, groups),
        (TARGET_GROUP, "delete"): lambda change: delete_target_group(elb, groups[change.name]["arn"], clock),
        (LOAD_BALANCER, "create"): partial(create_load_balancer, elb, balancers),
        (LOAD_BALANCER, "update"): partial(update_load_balancer, elb, balancers),
        (LOAD_BALANCER, "delete"): lambda change: delete_load_balancer(aws, balancers[change.name], clock),
    }


def attributes(table: Mapping[str, tuple[str, Any]], fields: Mapping[str, Any]) -> dict[str, str]:
    """Our fields as AWS's attributes, in its text form."""
    return {key: text(fields[field]) for field, (key, _read) in table.items() if fields.get(field) is not None}


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def health_check(fields: Mapping[str, Any], version: str | None = None) -> dict[str, Any]:
    found = {parameter: fields[field] for field, parameter in HEALTH_CHECK.items() if fields.get(field) is not None}
    if fields.get(MATCHER):
        found["Matcher"] = {"GrpcCode" if version == "GRPC" else "HttpCode": str(fields[MATCHER])}
    return found


def create_target_group(elb: Any, groups: Described, change: Change) -> None:
    wanted = change.after
    settings = {
        "Protocol": wanted["protocol"],
        "Port": wanted["port"],
        "VpcId": wanted["vpc_id"],
        "TargetType": wanted["target_type"],
        "Tags": tag_list(wanted["tags"]),
        **health_check(wanted, wanted["protocol_version"]),
    }
    if wanted["protocol_version"]:
        settings["ProtocolVersion"] = wanted["protocol_version"]
    made = target_group(api.create_target_group(elb, wanted["aws_name"], **settings), {}, {})
    groups[change.name] = made
    more = attributes(TARGET_ATTRIBUTES, wanted)
    if more:
        api.set_target_group_attributes(elb, made["arn"], more)


def update_target_group(elb: Any, groups: Described, change: Change) -> None:
    have, after = groups[change.name], change.after
    checks = health_check(after, have["protocol_version"])
    if checks:
        api.modify_target_group(elb, have["arn"], **checks)
    more = attributes(TARGET_ATTRIBUTES, after)
    if more:
        api.set_target_group_attributes(elb, have["arn"], more)
    if "tags" in after:
        api.tag(elb, have["arn"], after["tags"])


def create_load_balancer(elb: Any, balancers: Described, change: Change) -> None:
    wanted = change.after
    settings = {
        "Scheme": wanted["scheme"],
        "Subnets": sorted(wanted["subnets"]),
        "Tags": tag_list(wanted["tags"]),
    }
    if wanted["security_groups"]:
        settings["SecurityGroups"] = sorted(wanted["security_groups"])
    made = load_balancer(api.create_load_balancer(elb, wanted["aws_name"], **settings), {}, {})
    balancers[change.name] = made
    more = attributes(ATTRIBUTES, wanted)
    if more:
        api.set_load_balancer_attributes(elb, made["arn"], more)


def update_load_balancer(elb: Any, balancers: Described, change: Change) -> None:
    arn, after = balancers[change.name]["arn"], change.after
    if "subnets" in after:
        api.set_subnets(elb, arn, after["subnets"])
    if "security_groups" in after:
        api.set_security_groups(elb, arn, after["security_groups"])
    more = attributes(ATTRIBUTES, after)
    if more:
        api.set_load_balancer_attributes(elb, arn, more)
    if "tags" in after:
        api.tag(elb, arn, after["tags"])


def delete_load_balancer(aws: Clients, have: Mapping[str, Any], clock: Clock) -> None:
    """Delete, and wait until its interfaces are gone: what they hold could not be removed before."""
    elb, ec2 = aws.client("elbv2"), aws.client("ec2")
    api.delete_load_balancer(elb, have["arn"])

    def judge(left: tuple[list[Any], list[str]]) -> Judgement:
        balancers, interfaces = left
        if not balancers and not interfaces:
            return DONE
        return Judgement("pending", f"network interfaces {', '.join(interfaces)} are left" if interfaces else "")

    wait_for(
        f"Deleting load balancer {have['aws_name']}",
        lambda: (api.load_balancers(elb, [have["aws_name"]]), api.network_interfaces(ec2, have["full_name"])),
        judge,
        timeout=GONE_S,
        interval=5.0,
        clock=clock,
    )


def delete_target_group(elb: Any, arn: str, clock: Clock) -> None:
    """Delete, waiting for a load balancer that has just been deleted to let go of it."""

    def attempt() -> Judgement:
        try:
            api.delete_target_group(elb, arn)
        except Exception as error:
            if not is_code(error, "ResourceInUse"):
                raise
            return Judgement("pending", str(error))
        return DONE

    wait_for(f"Deleting target group {arn}", attempt, lambda verdict: verdict, timeout=120.0, interval=3.0, clock=clock)


def wait_active(aws: Clients, balancers: Described, *, timeout: float, interval: float, clock: Clock = time) -> float:
    """Wait until all load balancers serve; `balancers` then holds the last look. Gives the seconds waited.

    Raises SlipwayError at once when one is in state failed, with AWS's reason, and after `timeout`.
    """
    if judge_active(list(balancers.values())).state == "done":
        return 0.0
    elb = aws.client("elbv2")
    names = {have["aws_name"]: name for name, have in balancers.items()}

    def look() -> list[dict[str, Any]]:
        for raw in api.load_balancers(elb, list(names)):
            name = names[raw["LoadBalancerName"]]
            balancers[name] = {**balancers[name], **load_balancer(raw, {}, {}), "tags": balancers[name]["tags"]}
        return list(balancers.values())

    hint = "Remove it and repeat the run; see the load balancer's state reason in the console."
    what = "Waiting for the load balancers to become active"
    return wait_for(what, look, judge_active, timeout=timeout, interval=interval, hint=hint, clock=clock).waited_s
