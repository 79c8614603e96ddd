# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elastic Load Balancing as the API reference has it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from local_cloud_stack import Stack, build
from local_cloud_support import Cloud, until


@pytest.fixture
def stack(cloud: Cloud) -> Stack:
    return build(cloud, define=False)


def test_attributes_of_a_load_balancer_are_complete(stack: Stack) -> None:
    elb = stack.cloud.client("elbv2")
    balancer = elb.describe_load_balancers(Names=["web"])["LoadBalancers"][0]
    found = elb.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    attributes = {item["Key"]: item["Value"] for item in found}
    assert attributes["idle_timeout.timeout_seconds"] == "60"
    assert attributes["routing.http2.enabled"] == "true"
    assert attributes["deletion_protection.enabled"] == "false"
    assert balancer["CanonicalHostedZoneId"] == "Z35SXDOTRQ7X7K"


def test_attributes_of_a_target_group_are_complete(stack: Stack) -> None:
    elb = stack.cloud.client("elbv2")
    found = elb.describe_target_group_attributes(TargetGroupArn=stack.target_group)["Attributes"]
    attributes = {item["Key"]: item["Value"] for item in found}
    assert attributes["stickiness.lb_cookie.duration_seconds"] == "86400"
    assert attributes["stickiness.type"] == "lb_cookie"
    assert attributes["deregistration_delay.timeout_seconds"] == "300"
    group = elb.describe_target_groups(Names=["web"])["TargetGroups"][0]
    assert (group["HealthCheckPath"], group["HealthCheckTimeoutSeconds"]) == ("/", 5)


def test_a_load_balancer_is_provisioning_first(stack: Stack) -> None:
    elb = stack.cloud.client("elbv2")
    stack.cloud.control("POST", "settings", {"load_balancer_seconds": 0.2})
    created = elb.create_load_balancer(Name="slow", Subnets=stack.subnets)["LoadBalancers"][0]
    assert created["State"]["Code"] == "provisioning"
    look = lambda: elb.describe_load_balancers(Names=["slow"])["LoadBalancers"][0]["State"]["Code"]  # noqa: E731
    assert look() == "provisioning"
    until(look, lambda state: state == "active")


def test_a_protected_load_balancer_is_not_deleted(stack: Stack) -> None:
    elb = stack.cloud.client("elbv2")
    arn = elb.describe_load_balancers(Names=["web"])["LoadBalancers"][0]["LoadBalancerArn"]
    protection = {"Key": "deletion_protection.enabled", "Value": "true"}
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protection])
    with pytest.raises(ClientError) as caught:
        elb.delete_load_balancer(LoadBalancerArn=arn)
    assert caught.value.response["Error"]["Code"] == "OperationNotPermitted"
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{**protection, "Value": "false"}])
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert elb.describe_target_groups(Names=["web"])["TargetGroups"][0].get("LoadBalancerArns", []) == []


def test_targets_become_healthy_and_drain(stack: Stack) -> None:
    elb = stack.cloud.client("elbv2")
    stack.cloud.control("POST", "settings", {"target_healthy_seconds": 0.2, "deregistration_seconds": 0.2})
    target = {"Id": "10.0.0.9", "Port": 3000}

    def state() -> str:
        found = elb.describe_target_health(TargetGroupArn=stack.target_group)["TargetHealthDescriptions"]
        return str(found[0]["TargetHealth"]["State"]) if found else "gone"

    elb.register_targets(TargetGroupArn=stack.target_group, Targets=[target])
    assert state() == "initial"
    until(state, lambda seen: seen == "healthy")
    elb.deregister_targets(TargetGroupArn=stack.target_group, Targets=[target])
    assert state() == "draining"
    until(state, lambda seen: seen == "gone")


def test_a_target_without_a_load_balancer_is_unused(stack: Stack) -> None:
    elb = stack.cloud.client("elbv2")
    vpc = elb.describe_target_groups(Names=["web"])["TargetGroups"][0]["VpcId"]
    lonely = elb.create_target_group(Name="lonely", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    arn = lonely["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.0.9"}])
    health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"][0]["TargetHealth"]
    assert (health["State"], health["Reason"]) == ("unused", "Target.NotInUse")
