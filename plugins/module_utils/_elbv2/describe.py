# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS has, in our shape: flat fields under the inventory's words.

A load balancer: {arn, aws_name, dns_name, zone_id, full_name, vpc_id, state, reason, scheme, subnets, security_groups,
tags, and what ATTRIBUTES names}.
A target group: {arn, aws_name, full_name, port, protocol, protocol_version, vpc_id, target_type, tags, what
HEALTH_CHECK and TARGET_ATTRIBUTES name}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, together
from ansible_collections.slipway.aws.plugins.module_utils._elbv2 import api

Described = dict[str, dict[str, Any]]


def flag(text: str) -> bool:
    return text == "true"


# {our field: (AWS's attribute, how to read its text)}
ATTRIBUTES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "idle_timeout": ("idle_timeout.timeout_seconds", int),
    "keep_alive": ("client_keep_alive.seconds", int),
    "http2": ("routing.http2.enabled", flag),
    "deletion_protection": ("deletion_protection.enabled", flag),
    "drop_invalid_headers": ("routing.http.drop_invalid_header_fields.enabled", flag),
    "access_logs.enabled": ("access_logs.s3.enabled", flag),
    "access_logs.bucket": ("access_logs.s3.bucket", str),
    "access_logs.prefix": ("access_logs.s3.prefix", str),
}
TARGET_ATTRIBUTES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "deregistration_delay": ("deregistration_delay.timeout_seconds", int),
    "slow_start": ("slow_start.duration_seconds", int),
    "algorithm": ("load_balancing.algorithm.type", str),
    "stickiness.enabled": ("stickiness.enabled", flag),
    "stickiness.type": ("stickiness.type", str),
    "stickiness.duration": ("stickiness.lb_cookie.duration_seconds", int),
    "stickiness.cookie": ("stickiness.app_cookie.cookie_name", str),
    "stickiness.cookie_duration": ("stickiness.app_cookie.duration_seconds", int),
}
# {our field: the parameter of CreateTargetGroup and ModifyTargetGroup}
HEALTH_CHECK = {
    "health_check.path": "HealthCheckPath",
    "health_check.port": "HealthCheckPort",
    "health_check.protocol": "HealthCheckProtocol",
    "health_check.interval": "HealthCheckIntervalSeconds",
    "health_check.timeout": "HealthCheckTimeoutSeconds",
    "health_check.healthy": "HealthyThresholdCount",
    "health_check.unhealthy": "UnhealthyThresholdCount",
}
MATCHER = "health_check.matcher"


def read_both(
    aws: Clients, balancers: Mapping[str, str], groups: Mapping[str, str], *, details: bool = True
) -> tuple[Described, Described]:
    """(load balancers, target groups) that exist, by the inventory's names; both arguments are {name: AWS's name}.

    Two calls for what is there, then tags (20 a call) and attributes (one call each) side by side; without `details`
    the first two only.
    """
    elb = aws.client("elbv2")
    found = together(
        {
            "balancers": lambda: api.load_balancers(elb, list(balancers.values())) if balancers else [],
            "groups": lambda: api.target_groups(elb, list(groups.values())) if groups else [],
        }
    )
    by_name = {raw["LoadBalancerName"]: raw for raw in found["balancers"]}
    groups_by_name = {raw["TargetGroupName"]: raw for raw in found["groups"]}
    arns = [raw["LoadBalancerArn"] for raw in by_name.values()]
    group_arns = [raw["TargetGroupArn"] for raw in groups_by_name.values()]
    more = _details(elb, arns, group_arns) if details and arns + group_arns else {"tags": {}, "attributes": {}}
    return (
        {
            name: load_balancer(by_name[aws_name], more["tags"], more["attributes"])
            for name, aws_name in balancers.items()
            if aws_name in by_name
        },
        {
            name: target_group(groups_by_name[aws_name], more["tags"], more["attributes"])
            for name, aws_name in groups.items()
            if aws_name in groups_by_name
        },
    )


def _details(elb: Any, arns: list[str], group_arns: list[str]) -> dict[str, Any]:
    def attributes() -> dict[str, dict[str, str]]:
        reads = [(arn, api.load_balancer_attributes) for arn in arns]
        reads += [(arn, api.target_group_attributes) for arn in group_arns]
        answers = each(lambda entry: entry[1](elb, entry[0]), reads)
        return {arn: answer for (arn, _read), answer in zip(reads, answers, strict=True)}

    return together({"tags": lambda: api.tags(elb, arns + group_arns), "attributes": attributes})


def load_balancer(
    raw: Mapping[str, Any], tags: Mapping[str, Mapping[str, str]], attributes: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    arn = raw["LoadBalancerArn"]
    return {
        "arn": arn,
        "aws_name": raw["LoadBalancerName"],
        "dns_name": raw.get("DNSName", ""),
        "zone_id": raw.get("CanonicalHostedZoneId", ""),
        "full_name": arn.split(":loadbalancer/", 1)[-1],
        "vpc_id": raw.get("VpcId", ""),
        "state": raw.get("State", {}).get("Code", ""),
        "reason": raw.get("State", {}).get("Reason", ""),
        "scheme": raw.get("Scheme", ""),
        "subnets": frozenset(zone["SubnetId"] for zone in raw.get("AvailabilityZones", [])),
        "security_groups": frozenset(raw.get("SecurityGroups", [])),
        "tags": dict(tags.get(arn, {})),
        **_ours(ATTRIBUTES, attributes.get(arn, {})),
    }


def target_group(
    raw: Mapping[str, Any], tags: Mapping[str, Mapping[str, str]], attributes: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    arn = raw["TargetGroupArn"]
    return {
        "arn": arn,
        "aws_name": raw["TargetGroupName"],
        "full_name": full_name(arn),
        "port": raw.get("Port", 0),
        "protocol": raw.get("Protocol", ""),
        "protocol_version": raw.get("ProtocolVersion", ""),
        "vpc_id": raw.get("VpcId", ""),
        "target_type": raw.get("TargetType", ""),
        "tags": dict(tags.get(arn, {})),
        **{field: raw.get(parameter) for field, parameter in HEALTH_CHECK.items()},
        MATCHER: (raw.get("Matcher") or {}).get("HttpCode") or (raw.get("Matcher") or {}).get("GrpcCode"),
        **_ours(TARGET_ATTRIBUTES, attributes.get(arn, {})),
    }


def full_name(arn: str) -> str:
    """What CloudWatch calls a target group: targetgroup/<name>/<id>."""
    return arn.rsplit(":", 1)[-1]


def _ours(table: Mapping[str, tuple[str, Callable[[str], Any]]], attributes: Mapping[str, str]) -> dict[str, Any]:
    return {field: read(attributes[key]) for field, (key, read) in table.items() if key in attributes}


def result(
    balancers: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Mapping[str, Any]],
    names: Mapping[str, Any],
    wanted_groups: Mapping[str, Mapping[str, Any]],
    listeners: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """alb_result, see _stack.AlbResult. What is not there yet has empty ids.

    names: the load balancers' names; wanted_groups: {name: what plan.desired_target_groups gives}
    listeners: {load balancer: {port: ARN}}
    """
    fields = ("arn", "dns_name", "zone_id", "full_name")
    return {
        "load_balancers": {
            name: {
                **{field: balancers.get(name, {}).get(field, "") for field in fields},
                "listeners": dict((listeners or {}).get(name, {})),
            }
            for name in names
        },
        "target_groups": {
            name: {
                "arn": groups.get(name, {}).get("arn", ""),
                "full_name": groups.get(name, {}).get("full_name", ""),
                "port": wanted["port"],
                "protocol": wanted["protocol"],
            }
            for name, wanted in wanted_groups.items()
        },
    }
