# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._vpc.describe import choose, describe, result
from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import Network

STACK = Stack("tvshows", "prod", "networking")
ATTRIBUTES = {"dns_support": True, "dns_hostnames": True}


def tags(part="", **more):
    own = {"slipway:stack": "tvshows", "slipway:environment": "prod", "slipway:role": "networking"}
    return [{"Key": key, "Value": value} for key, value in {**own, "slipway:part": part, **more}.items()]


def vpc(vpc_id="vpc-1", **more):
    state = {"State": "associated"}
    return {
        "VpcId": vpc_id,
        "CidrBlock": "10.0.0.0/16",
        "CidrBlockAssociationSet": [
            {"CidrBlock": "10.0.0.0/16", "CidrBlockState": state},
            {"CidrBlock": "10.9.0.0/16", "CidrBlockState": {"State": "disassociated"}},
        ],
        "Tags": tags("vpc"),
        **more,
    }


def found(**lists):
    return {"vpcs": [vpc()], "internet_gateways": [], "addresses": [], **ATTRIBUTES, **lists}


def nat(nat_id, state, part="nat"):
    return {"NatGatewayId": nat_id, "SubnetId": "subnet-1", "State": state, "Tags": tags(part)}


def table(*routes, **more):
    return {"RouteTableId": "rtb-1", "Routes": list(routes), "Associations": [], "Tags": tags("private"), **more}


def way(**target):
    return {"DestinationCidrBlock": "0.0.0.0/0", **target}


def test_a_block_that_is_no_longer_associated_does_not_count():
    assert describe(found(), STACK, vpc()).vpcs["tvshows-prod"]["cidrs"] == ["10.0.0.0/16"]


def test_two_vpcs_of_one_stack_are_an_error_that_names_both():
    with pytest.raises(SlipwayError, match="more than one VPC: its tags are on vpc-1, vpc-2"):
        choose([vpc("vpc-2"), vpc("vpc-1")], STACK)


def test_a_vpc_of_another_environment_is_not_chosen():
    other = vpc(Tags=tags("vpc", **{"slipway:environment": "dev"}))
    assert choose([other], STACK) is None


@pytest.mark.parametrize("state", ["failed", "deleting", "deleted"])
def test_a_nat_gateway_that_does_not_work_is_not_counted(state):
    assert describe(found(nat_gateways=[nat("nat-1", state)]), STACK, vpc()).nat_gateways == {}


def test_a_nat_gateway_on_its_way_out_is_remembered_as_it_holds_its_address():
    assert describe(found(nat_gateways=[nat("nat-1", "deleting")]), STACK, vpc()).leaving == {"nat": "nat-1"}


def test_a_second_address_of_one_name_is_called_by_its_id_too():
    twins = [{"AllocationId": f"eipalloc-{n}", "PublicIp": f"192.0.2.{n}", "Tags": tags("nat")} for n in (1, 2)]
    assert list(describe(found(addresses=twins), STACK).elastic_ips) == ["nat", "nat (eipalloc-2)"]


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        pytest.param(way(GatewayId="igw-1"), "internet", id="the internet gateway"),
        pytest.param(way(NatGatewayId="nat-1"), "nat", id="our NAT gateway"),
        pytest.param(way(NatGatewayId="nat-gone", State="blackhole"), "nat-gone", id="a NAT gateway that is gone"),
        pytest.param(way(TransitGatewayId="tgw-1"), "tgw-1", id="a transit gateway"),
        pytest.param({"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}, "", id="none"),
        pytest.param({"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"}, "", id="an endpoint's"),
    ],
)
def test_where_the_default_route_leads(route, expected):
    seen = describe(found(nat_gateways=[nat("nat-1", "available")], route_tables=[table(route)]), STACK, vpc())
    assert seen.route_tables["private"]["default_route"] == expected


def test_the_main_table_is_nobodys():
    main = table(Associations=[{"Main": True, "RouteTableAssociationId": "a"}])
    seen = describe(found(route_tables=[main]), STACK, vpc())
    assert seen.route_tables == {} and not [it for it in seen.foreign if it["resource"] == "route table"]


def test_what_another_role_of_the_stack_has_made_is_not_networkings():
    group = {"GroupId": "sg-1", "GroupName": "x", "VpcId": "vpc-1", "Tags": tags("x", **{"slipway:role": "storage"})}
    seen = describe(found(security_groups=[group]), STACK, vpc())
    assert seen.security_groups == {} and [it["id"] for it in seen.foreign] == ["sg-1"]


def test_an_adopted_vpc_lends_its_internet_gateway():
    gateway = {"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1"}], "Tags": []}
    theirs = vpc(Tags=[])
    seen = describe(found(vpcs=[theirs], internet_gateways=[gateway]), STACK, theirs)
    assert seen.internet_gateways["internet"]["adopted"] and seen.internet_gateways["internet"]["id"] == "igw-1"


def test_a_result_has_every_key_where_nothing_is():
    assert result(Network()) == {
        "vpc_id": "",
        "cidr": "",
        "subnets": {},
        "tiers": {"public": [], "private": [], "database": []},
        "security_groups": {},
        "route_tables": {},
        "internet_gateway_id": "",
        "nat_gateways": {},
        "network_acls": {},
        "endpoints": {},
    }
