# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.checks import Check, report
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.facts import Facts, Reference, Unseen
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.judge import judge

GROUP = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/0123456789abcdef"
DEFINITION = {
    "taskDefinitionArn": "arn:aws:ecs:us-east-1:111122223333:task-definition/api:7",
    "family": "api",
    "cpu": "256",
    "memory": "512",
    "requiresCompatibilities": ["FARGATE"],
    "containerDefinitions": [{"name": "web", "image": "nginx:1", "portMappings": [{"containerPort": 80}]}],
}
SERVICE = {
    "name": "web",
    "task_definition": "api",
    "count": 4,
    "subnets": ["subnet-a", "subnet-b"],
    "security_groups": ["sg-web"],
    "load_balancers": [{"target_group": GROUP, "container": "web", "port": 80}],
    "found": {"desiredCount": 4, "runningCount": 4},
}
TARGET_GROUP = {
    "TargetType": "ip",
    "VpcId": "vpc-1",
    "LoadBalancerArns": ["arn"],
    "HealthCheckIntervalSeconds": 30,
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 3,
}
OUT = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}


def subnet(name, free):
    return {"SubnetId": name, "VpcId": "vpc-1", "AvailableIpAddressCount": free, "CidrBlock": "10.0.0.0/24"}


def facts(*, service=None, definition=None, group=None, free=(100, 100), **more):
    given = {
        "region": "us-east-1",
        "definitions": {"api": {**DEFINITION, **(definition or {})}},
        "services": [{**SERVICE, **(service or {})}],
        "target_groups": {GROUP: {**TARGET_GROUP, **(group or {})}},
        "subnets": {name: subnet(name, n) for name, n in zip(("subnet-a", "subnet-b"), free, strict=True)},
        "route_tables": [
            {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": True}], "Routes": [NAT]}
        ],
        "groups": {"sg-web": {"GroupId": "sg-web", "GroupName": "web", "IpPermissionsEgress": [OUT]}},
    }
    return Facts(**{**given, **more})


def container(**more):
    return {"containerDefinitions": [{**DEFINITION["containerDefinitions"][0], **more}]}


def table(**route):
    return {
        "route_tables": [{"RouteTableId": "r", "VpcId": "vpc-1", "Associations": [{"Main": True}], "Routes": [route]}]
    }


IGW = table(DestinationCidrBlock="0.0.0.0/0", GatewayId="igw-1", State="active")


@pytest.mark.parametrize(
    ("given", "what", "level", "why"),
    [
        pytest.param(facts(), "addresses", "OK", "may start 4 tasks beside 4", id="room for the surge"),
        pytest.param(facts(free=(0, 0)), "addresses", "FAIL", "0 addresses free in 2", id="no address at all"),
        pytest.param(facts(free=(2, 1)), "addresses", "WARN", "3 addresses free", id="fewer than the surge"),
        pytest.param(
            facts(free=(2, 1), service={"found": {}}),
            "addresses",
            "FAIL",
            "8 tasks beside 0",
            id="fewer than the count",
        ),
        pytest.param(
            facts(free=(4, 4), service={"deployment": {"maximum": 150}}), "addresses", "OK", "2 tasks", id="150 percent"
        ),
        pytest.param(
            facts(service={"scaling": {"min": 1, "max": 9}, "found": {"desiredCount": 7, "runningCount": 7}}),
            "addresses",
            "OK",
            "may start 7 tasks beside 7",
            id="what runs counts under auto scaling",
        ),
        pytest.param(facts(), "route", "OK", "by nat-1", id="a NAT gateway"),
        pytest.param(facts(**IGW), "route", "FAIL", "no public address", id="an internet gateway is not enough"),
        pytest.param(facts(**IGW, service={"public_ip": True}), "route", "OK", "by igw-1", id="with public addresses"),
        pytest.param(
            facts(**table(**{**NAT, "State": "blackhole"})),
            "route",
            "FAIL",
            "leads to something that is gone",
            id="gone",
        ),
        pytest.param(facts(endpoints=Unseen("AccessDenied"), **IGW), "route", "WARN", "not checked", id="not allowed"),
        pytest.param(
            facts(groups={"sg-web": {"GroupId": "sg-web", "IpPermissionsEgress": []}}),
            "security groups",
            "FAIL",
            "none of them lets port 443 out",
            id="nothing goes out",
        ),
        pytest.param(
            facts(
                groups={
                    "sg-web": {
                        "GroupId": "sg-web",
                        "IpPermissionsEgress": [
                            {
                                "IpProtocol": "tcp",
                                "FromPort": 443,
                                "ToPort": 443,
                                "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
                            }
                        ],
                    }
                }
            ),
            "security groups",
            "WARN",
            "some addresses only",
            id="only the VPC",
        ),
        pytest.param(facts(groups={}), "security group", "FAIL", "it is not there", id="a group is gone"),
        pytest.param(
            facts(definition={"memory": "4096"}), "task size", "FAIL", "no memory 4096 with cpu 256", id="size"
        ),
        pytest.param(facts(definitions={"api": None}), "task definition", "FAIL", "not registered", id="no definition"),
        pytest.param(facts(), "image", "WARN", "another registry", id="an image of another registry"),
        pytest.param(
            facts(),
            "health check",
            "OK",
            "healthy at the latest 60 s after its start, stopped by failing checks after 90",
        ),
        pytest.param(
            facts(definition=container(healthCheck={"command": ["x"], "startPeriod": 120})),
            "health check",
            "WARN",
            "healthy at the latest 180 s after its start, stopped by failing checks after 90 s",
            id="no grace for a slow start",
        ),
        pytest.param(
            facts(definition=container(healthCheck={"command": ["x"], "startPeriod": 120}), service={"grace": 180}),
            "health check",
            "OK",
            "stopped by failing checks after 180 s",
            id="grace for a slow start",
        ),
        pytest.param(
            facts(group={"HealthCheckTimeoutSeconds": 30}),
            "health check",
            "FAIL",
            "not below the interval",
            id="time-out",
        ),
        pytest.param(
            facts(definition=container(healthCheck={"command": ["x"], "timeout": 30})),
            "health check",
            "WARN",
            "timeout 30 s is not below the interval of 30 s",
            id="the container's time-out",
        ),
        pytest.param(
            facts(service={"deployment": {"breaker": False}}), "circuit breaker", "WARN", "it is off", id="breaker off"
        ),
        pytest.param(facts(subnets={}), "subnet", "FAIL", "it is not there", id="a subnet is gone"),
    ],
)
def test_a_fact_is_judged(given, what, level, why):
    found = [it for it in judge(given) if it.what == what and why in it.why]
    assert [it.level for it in found][:1] == [level], judge(given)
    assert level == "OK" or found[0].next


def test_one_without_addresses_in_one_zone_is_told_of_the_zone():
    (check,) = [it for it in judge(facts(free=(0, 50))) if it.on == "subnet-a"]
    assert check.level == "WARN"


def test_nothing_that_could_not_be_looked_at_is_a_failure():
    refused = Unseen("AccessDenied")
    names = ("target_groups", "subnets", "route_tables", "endpoints", "groups", "parameters")
    checks = judge(replace(facts(), **dict.fromkeys(names, refused)))
    assert {it.level for it in checks} == {"OK", "WARN"}
    roles = {
        "executionRoleArn": "arn:aws:iam::111122223333:role/e",
        **container(image=f"{'1' * 12}.dkr.ecr.x.amazonaws.com/a:1"),
    }
    secrets = [
        {"name": "A", "valueFrom": "arn:aws:secretsmanager:us-east-1:1:secret:a-AbCdEf"},
        {"name": "B", "valueFrom": "/p"},
    ]
    roles["containerDefinitions"][0]["secrets"] = secrets
    checks = judge(facts(definition=copy.deepcopy(roles), parameters=refused))
    assert {it.what for it in checks if it.level == "WARN"} == {"image", "role", "secret", "parameter", "permission"}
    assert not [it for it in checks if it.level == "FAIL"]


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ("arn:aws:secretsmanager:r:1:secret:a-AbCdEf", Reference("arn:aws:secretsmanager:r:1:secret:a-AbCdEf")),
        ("arn:aws:secretsmanager:r:1:secret:a:k::", Reference("arn:aws:secretsmanager:r:1:secret:a", "k")),
        (
            "arn:aws:secretsmanager:r:1:secret:a::AWSPREVIOUS:",
            Reference("arn:aws:secretsmanager:r:1:secret:a", "", "AWSPREVIOUS"),
        ),
        ("arn:aws:secretsmanager:r:1:secret:a:k::v1", Reference("arn:aws:secretsmanager:r:1:secret:a", "k", "", "v1")),
        ("/app/key", Reference("/app/key", parameter=True)),
    ],
)
def test_references_are_read_as_ecs_reads_them(value, reference):
    assert Reference.of(value) == reference


def test_the_report_lists_what_is_bad_and_counts_what_is_good():
    good = [Check("OK", "image", str(n), "there") for n in (1, 2)]
    (table_,) = report([*good, Check("WARN", "route", "a", "w", "do"), Check("FAIL", "role", "b", "f", "fix")], "T")
    assert table_["title"] == "T: 2 OK, 1 WARN, 1 FAIL"
    assert table_["rows"] == [
        ["FAIL", "role", "b", "f. fix"],
        ["WARN", "route", "a", "w. do"],
        ["OK", "image", "2 checked", ""],
    ]
