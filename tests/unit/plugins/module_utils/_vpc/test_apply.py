# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import boto3
import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change
from ansible_collections.slipway.aws.plugins.module_utils._vpc.apply import (
    Work,
    carry_out,
    endpoints_verdict,
    gone_verdict,
    interfaces_verdict,
    nat_verdict,
)
from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import Network
from ansible_collections.slipway.aws.plugins.module_utils._vpc.rules import Rule
from botocore.stub import Stubber

TABLE = {"private": {"id": "rtb-1", "default_route": "", "tags": {}}}
NAT = {"nat": {"id": "nat-1", "subnet": "public-a", "state": "pending", "tags": {}}}


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.slept.append(seconds)


@pytest.fixture
def ec2():
    return boto3.client("ec2", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def stub(ec2):
    with Stubber(ec2) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def work(ec2, current=None, wanted=None, **options):
    return Work(ec2, current or Network(), wanted or Network(), clock=Clock(), **options)


def nats(state, **fields):
    return {"NatGateways": [{"NatGatewayId": "nat-1", "State": state, **fields}]}


@pytest.mark.parametrize(
    ("verdict", "look", "state", "reason"),
    [
        pytest.param(nat_verdict, {"State": "pending"}, "pending", "it is pending", id="a NAT gateway starts"),
        pytest.param(nat_verdict, {"State": "available"}, "done", "", id="a NAT gateway is there"),
        pytest.param(
            nat_verdict,
            {"State": "failed", "FailureCode": "Gateway.NotAttached", "FailureMessage": "Network vpc-1 has no gateway"},
            "failed",
            "it is failed (Gateway.NotAttached) Network vpc-1 has no gateway",
            id="a NAT gateway failed, with AWS's reason",
        ),
        pytest.param(
            nat_verdict, {"State": "deleting"}, "failed", "it is deleting", id="somebody deletes it meanwhile"
        ),
        pytest.param(gone_verdict, None, "done", "", id="no longer known is gone"),
        pytest.param(gone_verdict, {"State": "deleted"}, "done", "", id="deleted is gone"),
        pytest.param(gone_verdict, {"State": "Deleting"}, "pending", "it is Deleting", id="deleting is not gone"),
        pytest.param(
            endpoints_verdict,
            [{"VpcEndpointId": "vpce-1", "State": "available"}, {"VpcEndpointId": "vpce-2", "State": "Pending"}],
            "pending",
            "vpce-2 is pending",
            id="one endpoint is not there yet",
        ),
        pytest.param(endpoints_verdict, [{"VpcEndpointId": "vpce-1", "State": "Available"}], "done", "", id="all are"),
        pytest.param(
            endpoints_verdict,
            [{"VpcEndpointId": "vpce-1", "State": "failed", "LastError": {"Message": "no room"}}],
            "failed",
            "vpce-1 is failed no room",
            id="an endpoint failed",
        ),
        pytest.param(interfaces_verdict, [], "done", "", id="nothing is left in a subnet"),
        pytest.param(
            interfaces_verdict,
            [{"NetworkInterfaceId": "eni-1", "Description": "ELB app/web/1"}, {"NetworkInterfaceId": "eni-2"}],
            "pending",
            "still there: eni-1 ELB app/web/1, eni-2",
            id="a load balancer is still in a subnet",
        ),
    ],
)
def test_a_look_is_judged(verdict, look, state, reason):
    judged = verdict(look)
    assert (judged.state, judged.reason) == (state, reason)


ROUTE = Change("create", "default route", "private", None, "nat")


def test_a_route_waits_for_its_nat_gateway(ec2, stub):
    for state in ("pending", "pending", "available"):
        stub.add_response("describe_nat_gateways", nats(state), {"NatGatewayIds": ["nat-1"]})
    stub.add_response(
        "create_route",
        {"Return": True},
        {"RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"},
    )
    job = work(ec2, Network(route_tables=TABLE, nat_gateways=NAT), interval=5)
    carry_out([ROUTE], job, check=False)
    assert job.clock.slept == [5, 5]


def test_a_failed_nat_gateway_ends_the_run_at_once_with_its_reason(ec2, stub):
    stub.add_response("describe_nat_gateways", nats("failed", FailureCode="X", FailureMessage="no internet gateway"))
    job = work(ec2, Network(route_tables=TABLE, nat_gateways=NAT))
    with pytest.raises(
        SlipwayError, match=r"default route private: NAT gateway nat \(nat-1\) failed.*no internet gate"
    ):
        carry_out([ROUTE], job, check=False)
    assert job.clock.slept == []


def test_what_ec2_does_not_know_yet_is_asked_again(ec2, stub):
    for _ in range(2):
        stub.add_client_error("associate_route_table", "InvalidSubnetID.NotFound")
    stub.add_response(
        "associate_route_table", {"AssociationId": "a"}, {"RouteTableId": "rtb-1", "SubnetId": "subnet-new"}
    )
    job = work(ec2, Network(route_tables=TABLE))
    job.ids["subnet"]["private-a"] = "subnet-new"
    carry_out([Change("create", "route table association", "private-a", None, "private")], job, check=False)
    assert job.clock.slept == [2.0, 2.0]


def test_another_refusal_is_not_repeated_and_names_the_step(ec2, stub):
    stub.add_client_error("create_vpc", "VpcLimitExceeded", "The maximum number of VPCs has been reached.")
    change = Change("create", "VPC", "tvshows-prod", None, {"cidr": "10.0.0.0/16", "tags": {}})
    with pytest.raises(SlipwayError, match=r"Could not create VPC tvshows-prod: VpcLimitExceeded.*Service Quotas"):
        carry_out([change], work(ec2), check=False)


def test_an_error_says_how_far_the_plan_had_come(ec2, stub):
    stub.add_response("release_address", {}, {"AllocationId": "eipalloc-1"})
    stub.add_client_error("describe_network_interfaces", "UnauthorizedOperation", "no")
    current = Network(
        elastic_ips={"nat": {"id": "eipalloc-1", "public_ip": "192.0.2.1", "tags": {}}},
        subnets={"public-a": {"id": "subnet-1", "tags": {}}},
    )
    plan = [Change("delete", "elastic IP", "nat"), Change("delete", "subnet", "public-a")]
    with pytest.raises(SlipwayError) as caught:
        carry_out(plan, work(ec2, current), check=False)
    assert [step["name"] for step in caught.value.details["changes"]] == ["nat"]
    assert caught.value.details["changed"]


def test_what_is_gone_already_is_no_error(ec2, stub):
    stub.add_client_error("release_address", "InvalidAllocationID.NotFound")
    current = Network(elastic_ips={"nat": {"id": "eipalloc-1", "public_ip": "192.0.2.1", "tags": {}}})
    carry_out([Change("delete", "elastic IP", "nat")], work(ec2, current), check=False)


def test_a_rule_that_is_gone_already_is_no_error_and_a_new_group_is_waited_for(ec2, stub):
    stub.add_client_error("revoke_security_group_egress", "InvalidGroup.NotFound")
    stub.add_client_error("revoke_security_group_egress", "InvalidPermission.NotFound")
    group = {"id": "sg-1", "tags": {}, "ingress": {}, "egress": {Rule("all", -1, -1, "0.0.0.0/0"): ""}}
    job = work(ec2, Network(security_groups={"web": group}))
    carry_out([Change("delete", "security group rules", "web egress")], job, check=False)
    assert job.clock.slept == [2.0]


def test_an_address_comes_free_before_it_serves_another_nat_gateway(ec2, stub):
    stub.add_response("describe_nat_gateways", nats("deleting"), {"NatGatewayIds": ["nat-0"]})
    stub.add_response("describe_nat_gateways", nats("deleted"), {"NatGatewayIds": ["nat-0"]})
    stub.add_response(
        "create_nat_gateway",
        {"NatGateway": {"NatGatewayId": "nat-2"}},
        {
            "SubnetId": "subnet-1",
            "AllocationId": "eipalloc-1",
            "TagSpecifications": [{"ResourceType": "natgateway", "Tags": [{"Key": "Name", "Value": "n"}]}],
        },
    )
    current = Network(
        subnets={"public-a": {"id": "subnet-1", "tags": {}}},
        elastic_ips={"nat": {"id": "eipalloc-1", "public_ip": "192.0.2.1", "tags": {}}},
        leaving={"nat": "nat-0"},
    )
    job = work(ec2, current)
    carry_out(
        [Change("create", "NAT gateway", "nat", None, {"subnet": "public-a", "tags": {"Name": "n"}})], job, check=False
    )
    assert job.ids["NAT gateway"]["nat"] == "nat-2" and job.clock.slept == [5.0]


def test_a_subnet_that_stays_in_use_ends_the_wait_with_what_uses_it(ec2, stub):
    for _ in range(3):
        stub.add_response(
            "describe_network_interfaces",
            {"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "Description": "ELB app/web/1"}]},
            {"Filters": [{"Name": "subnet-id", "Values": ["subnet-1"]}]},
        )
    job = work(ec2, Network(subnets={"public-a": {"id": "subnet-1", "tags": {}}}), timeout=12)
    with pytest.raises(
        SlipwayError, match=r"subnet public-a \(subnet-1\) is not done after 10 s: still there: eni-1 ELB"
    ):
        carry_out([Change("delete", "subnet", "public-a")], job, check=False)


def test_a_pending_endpoint_of_a_killed_run_is_waited_for(ec2, stub):
    for state in ("pending", "available"):
        stub.add_response(
            "describe_vpc_endpoints",
            {"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "State": state}]},
            {"VpcEndpointIds": ["vpce-1"]},
        )
    endpoints = {"logs": {"id": "vpce-1", "state": "pending", "tags": {}}}
    job = work(ec2, Network(endpoints=endpoints), Network(endpoints=endpoints))
    carry_out([], job, check=False)
    assert job.clock.slept == [5.0]


def test_check_mode_calls_nothing(ec2, stub):
    carry_out([ROUTE], work(ec2, Network(route_tables=TABLE, nat_gateways=NAT)), check=True)
