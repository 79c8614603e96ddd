# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.describe import load_balancer, result, target_group
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.plan import (
    UNKNOWN,
    desired_load_balancers,
    desired_target_groups,
    judge_active,
    pick_subnets,
    plan,
    plan_removal,
    refuse_problems,
    refuse_unknown,
)
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

STACK = Stack("tvshows", "prod", "alb", {"team": "tv"})
OURS = {"slipway:stack": "tvshows", "slipway:environment": "prod", "slipway:role": "alb", "team": "tv"}
ARN = "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/tvshows-prod-web/1a"
GROUP_ARN = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/tvshows-prod-web/2b"
SUBNETS = {
    "public-a": {"id": "subnet-a", "tier": "public", "zone": "us-east-1a"},
    "public-b": {"id": "subnet-b", "tier": "public", "zone": "us-east-1b"},
    "public-b2": {"id": "subnet-b2", "tier": "public", "zone": "us-east-1b"},
    "private-a": {"id": "subnet-p", "tier": "private", "zone": "us-east-1a"},
}
GROUP = {
    "name": "web",
    "port": 3000,
    "health_check": {"path": "/up", "interval": 30, "timeout": 5, "healthy": 2, "unhealthy": 3},
    "deregistration_delay": 30,
}
WEB = {"name": "web", "security_groups": ["alb"], "target_groups": [GROUP]}
RAW = {
    "LoadBalancerArn": ARN,
    "LoadBalancerName": "tvshows-prod-web",
    "DNSName": "web.elb.amazonaws.com",
    "CanonicalHostedZoneId": "Z1",
    "VpcId": "vpc-1",
    "State": {"Code": "active"},
    "Scheme": "internet-facing",
    "AvailabilityZones": [{"SubnetId": "subnet-a"}, {"SubnetId": "subnet-b"}],
    "SecurityGroups": ["sg-alb"],
}
ATTRIBUTES = {
    "idle_timeout.timeout_seconds": "60",
    "routing.http2.enabled": "true",
    "deletion_protection.enabled": "false",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
}
RAW_GROUP = {
    "TargetGroupArn": GROUP_ARN,
    "TargetGroupName": "tvshows-prod-web",
    "Port": 3000,
    "Protocol": "HTTP",
    "ProtocolVersion": "HTTP1",
    "VpcId": "vpc-1",
    "TargetType": "ip",
    "HealthCheckPath": "/up",
    "HealthCheckPort": "traffic-port",
    "HealthCheckProtocol": "HTTP",
    "HealthCheckIntervalSeconds": 30,
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 3,
    "Matcher": {"HttpCode": "200"},
}
GROUP_ATTRIBUTES = {"deregistration_delay.timeout_seconds": "30", "stickiness.enabled": "false"}


def balancer(tags=None, attributes=None, **fields):
    return load_balancer(
        {**RAW, **fields}, {ARN: OURS if tags is None else tags}, {ARN: {**ATTRIBUTES, **(attributes or {})}}
    )


def group(tags=None, attributes=None, **fields):
    return target_group(
        {**RAW_GROUP, **fields},
        {GROUP_ARN: OURS if tags is None else tags},
        {GROUP_ARN: {**GROUP_ATTRIBUTES, **(attributes or {})}},
    )


def changes(item=WEB, *, balancers=None, groups=None, vpc="vpc-1", subnets=SUBNETS, ids=None):
    return plan(
        {"web": balancer()} if balancers is None else balancers,
        {"web": group()} if groups is None else groups,
        desired_load_balancers([item], subnets, {"alb": "sg-alb"} if ids is None else ids, STACK),
        desired_target_groups([item], vpc, STACK),
        STACK,
    )


def updates(**arguments):
    return [(change.resource, change.after) for change in changes(**arguments)]


def test_what_is_missing_is_created_target_groups_first():
    first, second = changes(balancers={}, groups={})
    assert [(it.action, it.resource, it.name) for it in (first, second)] == [
        ("create", "target group", "web"),
        ("create", "load balancer", "web"),
    ]
    assert first.after["aws_name"] == "tvshows-prod-web"
    assert first.after["vpc_id"] == "vpc-1"
    assert second.after["subnets"] == {"subnet-a", "subnet-b"}
    assert second.after["security_groups"] == {"sg-alb"}
    assert second.after["tags"] == OURS


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param({}, [], id="nothing differs"),
        pytest.param({"item": {**WEB, "idle_timeout": 60, "http2": True}}, [], id="nothing differs in attributes"),
        pytest.param(
            {"item": {**WEB, "idle_timeout": 120}},
            [("load balancer", {"idle_timeout": 120})],
            id="an attribute differs",
        ),
        pytest.param(
            {"balancers": {"web": balancer(SecurityGroups=["sg-alb", "sg-x"])}},
            [("load balancer", {"security_groups": frozenset(["sg-alb"])})],
            id="a security group too many goes",
        ),
        pytest.param(
            {"balancers": {"web": balancer(AvailabilityZones=[{"SubnetId": "subnet-a"}])}},
            [("load balancer", {"subnets": frozenset(["subnet-a", "subnet-b"])})],
            id="a zone is missing",
        ),
        pytest.param(
            {"item": {**WEB, "access_logs": {"bucket": "logs", "prefix": "web"}}},
            [
                (
                    "load balancer",
                    {"access_logs.enabled": True, "access_logs.bucket": "logs", "access_logs.prefix": "web"},
                )
            ],
            id="access logs are switched on",
        ),
        pytest.param(
            {"item": {**WEB, "access_logs": {"enabled": False}}}, [], id="access logs are off as they should be"
        ),
        pytest.param({"item": {**WEB, "security_groups": []}}, [], id="no security group listed leaves what is there"),
        pytest.param({"balancers": {"web": balancer(tags={**OURS, "cost": "1"})}}, [], id="others' tags stay"),
        pytest.param(
            {"balancers": {"web": balancer(tags={**OURS, "team": "x"})}},
            [("load balancer", {"tags": OURS})],
            id="our tag is put right",
        ),
        pytest.param(
            {"groups": {"web": group(HealthCheckPath="/", UnhealthyThresholdCount=2)}},
            [("target group", {"health_check.path": "/up", "health_check.unhealthy": 3})],
            id="the health check is put right",
        ),
        pytest.param(
            {"groups": {"web": group(attributes={"deregistration_delay.timeout_seconds": "300"})}},
            [("target group", {"deregistration_delay": 30})],
            id="the delay is put right",
        ),
        pytest.param(
            {"groups": {"web": group(Matcher={"HttpCode": "200-499"}, HealthCheckPort="9000")}},
            [],
            id="what is left out is not managed",
        ),
        pytest.param(
            {"item": {**WEB, "target_groups": [{**GROUP, "stickiness": {"duration": 600}}]}},
            [
                (
                    "target group",
                    {"stickiness.enabled": True, "stickiness.type": "lb_cookie", "stickiness.duration": 600},
                )
            ],
            id="stickiness by the load balancer's cookie",
        ),
        pytest.param(
            {"item": {**WEB, "target_groups": [{**GROUP, "stickiness": {"cookie": "sid", "duration": 60}}]}},
            [
                (
                    "target group",
                    {
                        "stickiness.enabled": True,
                        "stickiness.type": "app_cookie",
                        "stickiness.cookie": "sid",
                        "stickiness.cookie_duration": 60,
                    },
                )
            ],
            id="stickiness by the application's cookie",
        ),
        pytest.param(
            {"item": {**WEB, "target_groups": [{**GROUP, "stickiness": {"enabled": False, "duration": 5}}]}},
            [],
            id="stickiness is off as it should be",
        ),
        pytest.param({"vpc": "", "subnets": {}, "ids": {}}, [], id="what exists does not differ from unknown ids"),
    ],
)
def test_exactly_what_differs_is_changed(arguments, expected):
    assert updates(**arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(
            {"item": {**WEB, "scheme": "internal"}}, "scheme is internet-facing, wanted internal", id="scheme"
        ),
        pytest.param({"groups": {"web": group(Port=8080)}}, "port is 8080, wanted 3000.*another name", id="port"),
        pytest.param({"groups": {"web": group(Protocol="HTTPS")}}, "protocol is HTTPS, wanted HTTP", id="protocol"),
        pytest.param({"groups": {"web": group(VpcId="vpc-9")}}, "vpc_id is vpc-9, wanted vpc-1", id="VPC"),
        pytest.param({"groups": {"web": group(TargetType="instance")}}, "target_type is instance", id="target type"),
        pytest.param({"balancers": {"web": balancer(tags={"team": "billing"})}}, "team=billing", id="a foreign one"),
        pytest.param(
            {"groups": {"web": group(tags={**OURS, "slipway:stack": "jiki"})}}, "stack jiki-prod", id="another stack's"
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_touched(arguments, words):
    with pytest.raises(SlipwayError, match=words):
        changes(**arguments)


def test_on_an_empty_account_a_plan_comes_out_and_is_not_carried_out_by_mistake():
    found = changes(balancers={}, groups={}, vpc="", subnets={}, ids={})
    assert [change.after.get("vpc_id") for change in found] == [UNKNOWN, None]
    assert found[1].after["subnets"] == {UNKNOWN}
    with pytest.raises(SlipwayError, match="target group web cannot be made: networking gave no ids for vpc_id"):
        refuse_unknown(found)
    refuse_unknown(changes(balancers={}, groups={}))


def test_one_subnet_in_each_zone():
    assert pick_subnets("public", SUBNETS) == ["subnet-a", "subnet-b"]
    assert pick_subnets("database", SUBNETS) == [UNKNOWN]


def test_an_internal_load_balancer_stands_in_the_private_tier():
    item = {"name": "web", "scheme": "internal"}
    assert desired_load_balancers([item], SUBNETS, {}, STACK)["web"]["subnets"] == {"subnet-p"}


def test_mistakes_are_refused_in_one_error():
    with pytest.raises(SlipwayError, match=r"33 characters.*needs exactly one of"):
        refuse_problems([{"name": "a" * 20, "listeners": [{"port": 80}]}], STACK)


def test_removal_leaves_what_is_not_ours_and_takes_load_balancers_first():
    steps = plan_removal(
        {"web": balancer(), "other": balancer(tags={})}, {"web": group(), "other": group(tags={})}, STACK
    )
    assert [(it.action, it.resource, it.name) for it in steps] == [
        ("delete", "load balancer", "web"),
        ("delete", "target group", "web"),
    ]


def test_a_protected_load_balancer_is_not_removed():
    with pytest.raises(SlipwayError, match="deletion_protection: false"):
        plan_removal({"web": balancer(attributes={"deletion_protection.enabled": "true"})}, {}, STACK)


@pytest.mark.parametrize(
    ("states", "verdict", "words"),
    [
        pytest.param(["active", "active"], "done", "", id="all serve"),
        pytest.param([], "done", "", id="nothing to wait for"),
        pytest.param(["active_impaired"], "done", "", id="serves, though it cannot grow"),
        pytest.param(["active", "provisioning"], "pending", "tvshows-prod-web is provisioning", id="one is not ready"),
        pytest.param(["provisioning", "failed"], "failed", "no free addresses", id="one has failed"),
    ],
)
def test_the_verdict_on_a_look(states, verdict, words):
    found = judge_active([balancer(State={"Code": state, "Reason": "no free addresses"}) for state in states])
    assert found.state == verdict
    assert words in found.reason


def test_the_result_has_every_key_whether_things_exist_or_not():
    wanted_groups = desired_target_groups([WEB], "", STACK)
    assert result({}, {}, {"web": ""}, wanted_groups) == {
        "load_balancers": {"web": {"arn": "", "dns_name": "", "zone_id": "", "full_name": "", "listeners": {}}},
        "target_groups": {"web": {"arn": "", "full_name": "", "port": 3000, "protocol": "HTTP"}},
    }
    assert result({"web": balancer()}, {"web": group()}, {"web": ""}, wanted_groups, {"web": {"80": "arn:l"}}) == {
        "load_balancers": {
            "web": {
                "arn": ARN,
                "dns_name": "web.elb.amazonaws.com",
                "zone_id": "Z1",
                "full_name": "app/tvshows-prod-web/1a",
                "listeners": {"80": "arn:l"},
            }
        },
        "target_groups": {
            "web": {
                "arn": GROUP_ARN,
                "full_name": "targetgroup/tvshows-prod-web/2b",
                "port": 3000,
                "protocol": "HTTP",
            }
        },
    }
