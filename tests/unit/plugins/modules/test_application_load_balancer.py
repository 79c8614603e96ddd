# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "alb", "tags": {"team": "tv"}}
GROUP = {
    "name": "web",
    "port": 3000,
    "health_check": {"path": "/up", "interval": 30, "timeout": 5, "healthy": 2, "unhealthy": 3},
    "deregistration_delay": 30,
}
WEB = {"name": "web", "security_groups": ["alb"], "idle_timeout": 60, "http2": True, "target_groups": [GROUP]}


@pytest.fixture
def network(cloud):
    """A VPC with two public subnets and a security group: the options that networking_result gives."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = {}
    for number, zone in enumerate(("us-east-1a", "us-east-1b"), 1):
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)
        subnets[f"public-{zone[-1]}"] = {"id": made["Subnet"]["SubnetId"], "tier": "public", "zone": zone}
    group = ec2.create_security_group(GroupName="alb", Description="alb", VpcId=vpc)["GroupId"]
    return {"vpc_id": vpc, "subnets": subnets, "security_groups": {"alb": group}}


def keep(network, *items, **options):
    return call("application_load_balancer", stack=STACK, load_balancers=list(items or [WEB]), **network, **options)


def steps(result):
    return [(change["action"], change["resource"], change["name"], change["after"]) for change in result["changes"]]


def test_check_mode_on_an_empty_account_needs_nothing_from_networking(cloud):
    announced = call("application_load_balancer", check=True, stack=STACK, load_balancers=[WEB])
    assert [step[:3] for step in steps(announced)] == [
        ("create", "target group", "web"),
        ("create", "load balancer", "web"),
    ]
    assert announced["result"] == {
        "load_balancers": {"web": {"arn": "", "dns_name": "", "zone_id": "", "full_name": "", "listeners": {}}},
        "target_groups": {"web": {"arn": "", "full_name": "", "port": 3000, "protocol": "HTTP"}},
    }
    assert cloud.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    with pytest.raises(ModuleFailed, match="networking gave no ids"):
        call("application_load_balancer", stack=STACK, load_balancers=[WEB])
    assert cloud.client("elbv2").describe_target_groups()["TargetGroups"] == []


def test_check_create_again_remove(cloud, network):
    elb = cloud.client("elbv2")
    announced = keep(network, check=True)
    made = keep(network)
    assert made["changes"] == announced["changes"]

    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    assert balancer["LoadBalancerName"] == "tvshows-prod-web"
    assert balancer["Scheme"] == "internet-facing"
    assert len(balancer["AvailabilityZones"]) == 2
    assert balancer["SecurityGroups"] == [network["security_groups"]["alb"]]
    found = elb.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    attributes = {it["Key"]: it["Value"] for it in found}
    assert attributes["idle_timeout.timeout_seconds"] == "60"
    assert attributes["routing.http2.enabled"] == "true"

    (group,) = elb.describe_target_groups()["TargetGroups"]
    assert (group["TargetGroupName"], group["Port"], group["Protocol"]) == ("tvshows-prod-web", 3000, "HTTP")
    assert (group["TargetType"], group["VpcId"]) == ("ip", network["vpc_id"])
    assert (group["HealthCheckPath"], group["HealthCheckIntervalSeconds"]) == ("/up", 30)
    assert (group["HealthCheckTimeoutSeconds"], group["HealthyThresholdCount"]) == (5, 2)
    assert group["UnhealthyThresholdCount"] == 3

    result = made["result"]
    assert result["load_balancers"]["web"]["arn"] == balancer["LoadBalancerArn"]
    assert result["load_balancers"]["web"]["zone_id"] == balancer["CanonicalHostedZoneId"]
    assert balancer["LoadBalancerArn"].endswith(result["load_balancers"]["web"]["full_name"])
    assert result["target_groups"]["web"]["full_name"].startswith("targetgroup/tvshows-prod-web/")

    again = keep(network)
    assert not again["changed"]
    assert again["api_calls"] == 5
    assert again["result"] == result

    removed = keep(network, state="absent")
    assert [step[:3] for step in steps(removed)] == [
        ("delete", "load balancer", "web"),
        ("delete", "target group", "web"),
    ]
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    assert elb.describe_target_groups()["TargetGroups"] == []
    assert not keep(network, state="absent")["changed"]


def test_drift_is_repaired_and_nothing_else(cloud, network):
    elb = cloud.client("elbv2")
    made = keep(network)["result"]
    elb.modify_target_group(TargetGroupArn=made["target_groups"]["web"]["arn"], HealthCheckPath="/")
    assert steps(keep(network)) == [("update", "target group", "web", {"health_check.path": "/up"})]
    elb.modify_target_group_attributes(
        TargetGroupArn=made["target_groups"]["web"]["arn"],
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "300"}],
    )
    assert steps(keep(network)) == [("update", "target group", "web", {"deregistration_delay": 30})]
    arn = made["load_balancers"]["web"]["arn"]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "400"}]
    )
    assert steps(keep(network)) == [("update", "load balancer", "web", {"idle_timeout": 60})]
    other = cloud.client("ec2").create_security_group(GroupName="x", Description="x", VpcId=network["vpc_id"])
    elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other["GroupId"]])
    assert steps(keep(network)) == [
        ("update", "load balancer", "web", {"security_groups": [network["security_groups"]["alb"]]})
    ]
    elb.remove_tags(ResourceArns=[arn], TagKeys=["team"])
    assert [step[3]["tags"]["team"] for step in steps(keep(network))] == ["tv"]
    assert not keep(network)["changed"]


def test_a_run_that_was_killed_half_way_is_completed(cloud, network):
    """The target group is there with its tags, its attributes are not, the load balancer is missing."""
    owned = {"slipway:stack": "tvshows", "slipway:environment": "prod", "slipway:role": "alb", "team": "tv"}
    cloud.client("elbv2").create_target_group(
        Name="tvshows-prod-web",
        Protocol="HTTP",
        Port=3000,
        VpcId=network["vpc_id"],
        TargetType="ip",
        Tags=[{"Key": key, "Value": value} for key, value in owned.items()],
    )
    assert [step[:3] for step in steps(keep(network))] == [
        ("update", "target group", "web"),
        ("create", "load balancer", "web"),
    ]
    assert not keep(network)["changed"]


def test_a_foreign_target_group_of_our_name_is_refused_before_anything_is_made(cloud, network):
    cloud.client("elbv2").create_target_group(
        Name="tvshows-prod-web",
        Protocol="HTTP",
        Port=3000,
        VpcId=network["vpc_id"],
        Tags=[{"Key": "team", "Value": "billing"}],
    )
    with pytest.raises(ModuleFailed, match="team=billing"):
        keep(network)
    assert cloud.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert not keep(network, state="absent")["changed"]


def test_what_aws_cannot_change_is_refused_with_what_to_do(cloud, network):
    keep(network)
    with pytest.raises(ModuleFailed, match=r"port is 3000, wanted 8080.*another name"):
        keep(network, {**WEB, "target_groups": [{**GROUP, "port": 8080}]})
    with pytest.raises(ModuleFailed, match="scheme is internet-facing, wanted internal"):
        keep(network, {**WEB, "scheme": "internal"})


def test_a_load_balancer_without_security_groups_gets_the_default_of_aws(cloud, network):
    bare = {"name": "web"}
    assert keep(network, bare)["changed"]
    assert not keep(network, bare)["changed"]


def test_a_protected_load_balancer_is_not_removed(cloud, network):
    keep(network, {**WEB, "deletion_protection": True})
    with pytest.raises(ModuleFailed, match="deletion_protection: false"):
        keep(network, state="absent")
    assert len(cloud.client("elbv2").describe_load_balancers()["LoadBalancers"]) == 1
    keep(network, {**WEB, "deletion_protection": False})
    assert keep(network, state="absent")["changed"]


def test_two_stacks_do_not_see_each_other(cloud, network):
    keep(network)
    other = {**STACK, "environment": "dev"}
    made = call("application_load_balancer", stack=other, load_balancers=[WEB], **network)
    assert made["changed"]
    call("application_load_balancer", stack=other, load_balancers=[WEB], **network, state="absent")
    assert not keep(network)["changed"]


def test_a_mistake_is_refused_before_anything_is_asked(cloud):
    with pytest.raises(ModuleFailed, match=r"alb_load_balancers\[web\].*two listeners on port 80"):
        call(
            "application_load_balancer",
            stack=STACK,
            load_balancers=[{**WEB, "listeners": [{"port": 80, "target_group": "web"}] * 2}],
        )


def test_a_run_that_aws_refuses_half_way_says_why_and_the_next_one_completes_it(cloud, network):
    fault = {
        "kind": "api_error",
        "times": 1,
        "match": {"operation": "CreateLoadBalancer"},
        "code": "TooManyLoadBalancers",
        "message": "You have reached your limit of load balancers",
        "status": 400,
    }
    cloud.post("/local-cloud/faults", fault)
    with pytest.raises(ModuleFailed, match=r"create load balancer web: TooManyLoadBalancers.*quota") as failure:
        keep(network)
    assert [change["name"] for change in failure.value.result["changes"]] == ["web"]
    assert [step[:3] for step in steps(keep(network))] == [("create", "load balancer", "web")]
    assert not keep(network)["changed"]
