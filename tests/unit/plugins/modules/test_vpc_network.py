# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from collections import Counter

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients
from ansible_collections.slipway.aws.plugins.module_utils._vpc import api
from botocore.exceptions import ClientError

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "networking", "tags": {"team": "tv"}}
NETWORK = {
    "stack": STACK,
    "cidr": "10.0.0.0/16",
    "nat": "single",
    "wait_timeout": 3,
    "wait_interval": 0.05,
    "endpoints": ["s3", "ecr.api", "ecr.dkr", "secretsmanager", "logs"],
    "subnets": [
        {"name": "public-a", "tier": "public", "cidr": "10.0.1.0/24", "zone": "a"},
        {"name": "public-b", "tier": "public", "cidr": "10.0.2.0/24", "zone": "b"},
        {"name": "private-a", "tier": "private", "cidr": "10.0.10.0/24", "zone": "a"},
        {"name": "private-b", "tier": "private", "cidr": "10.0.20.0/24", "zone": "b"},
        {"name": "database-a", "tier": "database", "cidr": "10.0.100.0/24", "zone": "a"},
        {"name": "database-b", "tier": "database", "cidr": "10.0.200.0/24", "zone": "b"},
    ],
    "security_groups": [
        {
            "name": "alb",
            "ingress": [{"port": 80, "from": "0.0.0.0/0"}, {"port": 443, "from": "0.0.0.0/0"}],
            "egress": [{"port": 3000, "to": "ecs"}],
        },
        {
            "name": "ecs",
            "ingress": [{"port": 3000, "from": "alb"}],
            "egress": [{"port": 443, "to": "0.0.0.0/0"}, {"port": 5432, "to": "rds"}, {"port": 6379, "to": "redis"}],
        },
        {"name": "rds", "ingress": [{"port": 5432, "from": "ecs"}]},
        {"name": "redis", "ingress": [{"port": 6379, "from": "ecs"}]},
    ],
}
# All that the network is, with the VPC's own route table, ACL and group, and the interfaces of NAT and endpoints.
COMPLETE = {
    "addresses": 1,
    "gateways": 1,
    "vpcs": 1,
    "subnets": 6,
    "route_tables": 4,
    "network_acls": 4,
    "security_groups": 6,
    "network_interfaces": 9,
}
OURS = [{"Name": "tag:slipway:stack", "Values": ["tvshows"]}]


def network(check=False, **options):
    return call("vpc_network", check=check, **{**NETWORK, **options})


def remove(**options):
    return call("vpc_network", stack=STACK, state="absent", wait_timeout=3, wait_interval=0.05, **options)


def steps(result):
    return [(change["action"], change["resource"], change["name"]) for change in result["changes"]]


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


def left(ec2):
    """What there is beside the account's default VPC."""
    standard = next(it["VpcId"] for it in ec2.describe_vpcs()["Vpcs"] if it["IsDefault"])
    found = Counter(addresses=len(ec2.describe_addresses()["Addresses"]))
    found["gateways"] = len(ec2.describe_internet_gateways()["InternetGateways"])
    for kind in ("vpcs", "subnets", "route_tables", "network_acls", "security_groups", "network_interfaces"):
        answer = getattr(ec2, f"describe_{kind}")()
        listed = next(value for value in answer.values() if isinstance(value, list))
        found[kind] = len([it for it in listed if it["VpcId"] != standard])
    return {kind: number for kind, number in found.items() if number}


def test_check_create_again_and_remove(cloud, ec2):
    announced = network(check=True)
    assert announced["changed"] and left(ec2) == {}
    assert announced["result"]["vpc_id"] == ""
    assert announced["result"]["tiers"]["private"] == ["", ""]
    assert announced["result"]["security_groups"] == dict.fromkeys(["alb", "ecs", "rds", "redis", "endpoints"], "")

    made = network()
    assert made["changes"] == announced["changes"]

    again = network()
    assert not again["changed"] and again["changes"] == []
    assert again["result"] == made["result"]
    assert again["api_calls"] <= 12

    assert remove()["changed"]
    assert left(ec2) == {}
    gone = remove()
    assert not gone["changed"] and gone["changes"] == []


def test_the_network_in_aws(ec2):
    result = network()["result"]
    (vpc,) = ec2.describe_vpcs(Filters=OURS)["Vpcs"]
    assert result["vpc_id"] == vpc["VpcId"] and vpc["CidrBlock"] == "10.0.0.0/16"
    tags = {tag["Key"]: tag["Value"] for tag in vpc["Tags"]}
    assert tags["Name"] == "tvshows-prod" and tags["slipway:role"] == "networking" and tags["team"] == "tv"
    hostnames = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute="enableDnsHostnames")
    assert hostnames["EnableDnsHostnames"]["Value"] is True

    subnets = {it["CidrBlock"]: it for it in ec2.describe_subnets(Filters=OURS)["Subnets"]}
    assert {cidr: (it["AvailabilityZone"], it["MapPublicIpOnLaunch"]) for cidr, it in subnets.items()} == {
        "10.0.1.0/24": ("us-east-1a", True),
        "10.0.2.0/24": ("us-east-1b", True),
        "10.0.10.0/24": ("us-east-1a", False),
        "10.0.20.0/24": ("us-east-1b", False),
        "10.0.100.0/24": ("us-east-1a", False),
        "10.0.200.0/24": ("us-east-1b", False),
    }
    assert result["tiers"]["database"] == [subnets["10.0.100.0/24"]["SubnetId"], subnets["10.0.200.0/24"]["SubnetId"]]
    assert result["subnets"]["public-b"] == {
        "id": subnets["10.0.2.0/24"]["SubnetId"],
        "cidr": "10.0.2.0/24",
        "tier": "public",
        "zone": "us-east-1b",
    }

    (nat,) = ec2.describe_nat_gateways()["NatGateways"]
    (address,) = ec2.describe_addresses()["Addresses"]
    assert nat["SubnetId"] == subnets["10.0.1.0/24"]["SubnetId"]
    assert result["nat_gateways"] == {"nat": {"id": nat["NatGatewayId"], "public_ip": address["PublicIp"]}}

    for name, target in (
        ("public", result["internet_gateway_id"]),
        ("private", nat["NatGatewayId"]),
        ("database", None),
    ):
        (table,) = ec2.describe_route_tables(RouteTableIds=[result["route_tables"][name]])["RouteTables"]
        ways = [it for it in table["Routes"] if it.get("DestinationCidrBlock") == "0.0.0.0/0"]
        assert [way.get("NatGatewayId") or way.get("GatewayId") for way in ways] == ([target] if target else [])
        assert sorted(it["SubnetId"] for it in table["Associations"]) == sorted(result["tiers"][name])
        (acl,) = ec2.describe_network_acls(NetworkAclIds=[result["network_acls"][name]])["NetworkAcls"]
        assert sorted(it["SubnetId"] for it in acl["Associations"]) == sorted(result["tiers"][name])

    endpoints = {it["ServiceName"]: it for it in ec2.describe_vpc_endpoints()["VpcEndpoints"]}
    assert len(endpoints) == 5
    gateway, interface = endpoints["com.amazonaws.us-east-1.s3"], endpoints["com.amazonaws.us-east-1.logs"]
    assert sorted(gateway["RouteTableIds"]) == sorted(result["route_tables"][name] for name in ("public", "private"))
    assert sorted(interface["SubnetIds"]) == sorted(result["tiers"]["private"])
    assert [it["GroupId"] for it in interface["Groups"]] == [result["security_groups"]["endpoints"]]
    assert interface["PrivateDnsEnabled"] is True


def rules(group, direction):
    """(from port, to port, peer) of a security group."""
    return sorted(
        (it.get("FromPort"), it.get("ToPort"), source.get("CidrIp") or source.get("GroupId"))
        for it in group[direction]
        for source in it["IpRanges"] + it["UserIdGroupPairs"]
    )


def test_the_security_groups_are_exact(ec2):
    ids = network()["result"]["security_groups"]
    found = ec2.describe_security_groups(GroupIds=list(ids.values()))["SecurityGroups"]
    groups = {it["GroupName"]: it for it in found}
    table = {
        name: (rules(it, "IpPermissions"), rules(it, "IpPermissionsEgress")) for name, it in sorted(groups.items())
    }
    anywhere = "0.0.0.0/0"
    assert table == {
        "tvshows-prod-alb": ([(80, 80, anywhere), (443, 443, anywhere)], [(3000, 3000, ids["ecs"])]),
        "tvshows-prod-ecs": (
            [(3000, 3000, ids["alb"])],
            [(443, 443, anywhere), (5432, 5432, ids["rds"]), (6379, 6379, ids["redis"])],
        ),
        "tvshows-prod-endpoints": ([(443, 443, "10.0.0.0/16")], []),
        "tvshows-prod-rds": ([(5432, 5432, ids["ecs"])], []),
        "tvshows-prod-redis": ([(6379, 6379, ids["ecs"])], []),
    }


def open_ssh(ec2, result):
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=result["security_groups"]["rds"], IpPermissions=[permission])


def close_rule(ec2, result):
    peer = [{"GroupId": result["security_groups"]["ecs"]}]
    permission = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": peer}
    ec2.revoke_security_group_ingress(GroupId=result["security_groups"]["rds"], IpPermissions=[permission])


def turn_acl_rule(ec2, result):
    ec2.replace_network_acl_entry(
        NetworkAclId=result["network_acls"]["database"],
        RuleNumber=100,
        Egress=False,
        Protocol="-1",
        RuleAction="allow",
        CidrBlock="0.0.0.0/0",
    )


def delete_route(ec2, result):
    ec2.delete_route(RouteTableId=result["route_tables"]["private"], DestinationCidrBlock="0.0.0.0/0")


def delete_endpoint(ec2, result):
    ec2.delete_vpc_endpoints(VpcEndpointIds=[result["endpoints"]["logs"]])


def retag(ec2, result):
    ec2.create_tags(Resources=[result["subnets"]["public-a"]["id"]], Tags=[{"Key": "team", "Value": "x"}])


def unmap(ec2, result):
    ec2.modify_subnet_attribute(SubnetId=result["subnets"]["public-a"]["id"], MapPublicIpOnLaunch={"Value": False})


@pytest.mark.parametrize(
    ("spoil", "step"),
    [
        pytest.param(open_ssh, ("delete", "security group rules", "rds ingress"), id="a rule too many"),
        pytest.param(close_rule, ("create", "security group rules", "rds ingress"), id="a rule too few"),
        pytest.param(turn_acl_rule, ("update", "network ACL rules", "database ingress"), id="another ACL rule"),
        pytest.param(delete_route, ("create", "default route", "private"), id="a route that is gone"),
        pytest.param(delete_endpoint, ("create", "VPC endpoint", "logs"), id="an endpoint that is gone"),
        pytest.param(retag, ("update", "subnet", "public-a"), id="another tag"),
        pytest.param(unmap, ("update", "subnet", "public-a"), id="no public addresses"),
    ],
)
def test_one_thing_changed_by_hand_is_the_one_thing_repaired(ec2, spoil, step):
    result = network()["result"]
    spoil(ec2, result)
    assert steps(network(check=True)) == [step]
    assert steps(network()) == [step]
    assert not network()["changed"]


def test_a_nat_gateway_that_is_gone_comes_back_with_its_address(ec2):
    before = network()["result"]["nat_gateways"]["nat"]
    ec2.delete_nat_gateway(NatGatewayId=before["id"])
    repaired = network()
    assert steps(repaired) == [("create", "NAT gateway", "nat"), ("update", "default route", "private")]
    after = repaired["result"]["nat_gateways"]["nat"]
    assert after["public_ip"] == before["public_ip"] and after["id"] != before["id"]
    assert not network()["changed"]


def test_from_one_nat_gateway_to_one_a_zone_and_back(ec2):
    network()
    assert network(nat="per_zone")["changed"]
    again = network(nat="per_zone")
    assert not again["changed"]
    assert list(again["result"]["nat_gateways"]) == ["nat-a", "nat-b"]
    assert "private" not in again["result"]["route_tables"]
    assert len(ec2.describe_addresses()["Addresses"]) == 2
    assert network(nat="none")["changed"] and not network(nat="none")["changed"]
    assert ec2.describe_addresses()["Addresses"] == []


def test_a_run_that_was_killed_is_completed_by_the_next(ec2):
    """After any call of a run: what it has made is found by its tags and completed, nothing is there twice."""
    tags = [
        {"Key": f"slipway:{key}", "Value": value}
        for key, value in (("stack", "tvshows"), ("environment", "prod"), ("role", "networking"))
    ]

    def tagged(kind, part):
        own = [*tags, {"Key": "slipway:part", "Value": part}]
        return [{"ResourceType": kind, "Tags": own}]

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", "vpc"))["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway", "internet"))
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip", "nat"))
    ec2.create_security_group(
        VpcId=vpc, GroupName="tvshows-prod-rds", Description="x", TagSpecifications=tagged("security-group", "rds")
    )
    result = network()["result"]
    assert result["vpc_id"] == vpc
    assert result["internet_gateway_id"] == gateway["InternetGateway"]["InternetGatewayId"]
    assert result["nat_gateways"]["nat"]["public_ip"] == address["PublicIp"]
    assert len(ec2.describe_vpcs(Filters=OURS)["Vpcs"]) == 1
    assert not network()["changed"]
    rds = ec2.describe_security_groups(GroupIds=[result["security_groups"]["rds"]])["SecurityGroups"][0]
    assert rds["IpPermissionsEgress"] == []


@pytest.mark.parametrize("last", [6, 12, 25, 45, 70, 95, 110])
def test_a_run_that_ends_after_any_call_leaves_nothing_twice(ec2, monkeypatch, last):
    """No call gets through after the last one, as when the process is killed. The next run completes what is there."""
    count = Clients._count

    def cut(self, **event):
        count(self, **event)
        if self.api_calls > last:
            raise ConnectionAbortedError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Clients, "_count", cut)
        with pytest.raises(ModuleFailed, match="killed"):
            network()
    assert network()["changed"]
    assert not network()["changed"]
    assert left(ec2) == COMPLETE


def test_a_quota_half_way_is_told_and_the_next_run_completes_the_network(ec2, monkeypatch):
    def refuse(*_arguments):
        answer = {"Error": {"Code": "AddressLimitExceeded", "Message": "The maximum number of addresses is reached."}}
        raise ClientError(answer, "AllocateAddress")

    with monkeypatch.context() as patch:
        patch.setattr(api, "allocate_address", refuse)
        with pytest.raises(
            ModuleFailed, match=r"Could not create elastic IP nat: AddressLimitExceeded.*Service Quotas"
        ):
            network()
    assert network()["changed"]
    assert left(ec2) == COMPLETE


def test_the_default_security_group_is_left_alone_unless_asked(ec2):
    vpc = network()["result"]["vpc_id"]
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]

    def default():
        return ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]

    assert default()["IpPermissionsEgress"] != []
    locked = network(lock_default_security_group=True)
    assert {step[1] for step in steps(locked)} == {"default security group"}
    assert default()["IpPermissions"] == [] and default()["IpPermissionsEgress"] == []
    assert not network(lock_default_security_group=True)["changed"]


def test_what_is_no_longer_listed_goes(ec2):
    network()
    fewer = copy.deepcopy(NETWORK)
    fewer["subnets"] = [it for it in fewer["subnets"] if it["name"] != "database-b"]
    fewer["security_groups"].pop()
    fewer["security_groups"][1]["egress"].pop()
    fewer["endpoints"] = ["s3"]
    assert call("vpc_network", **fewer)["changed"]
    assert not call("vpc_network", **fewer)["changed"]
    assert len(ec2.describe_subnets(Filters=OURS)["Subnets"]) == 5
    names = sorted(it["GroupName"] for it in ec2.describe_security_groups(Filters=OURS)["SecurityGroups"])
    assert names == ["tvshows-prod-alb", "tvshows-prod-ecs", "tvshows-prod-rds"]


def test_without_network_acls_the_vpcs_own_serves(ec2):
    network()
    result = network(acls_managed=False)["result"]
    assert result["network_acls"] == {}
    assert ec2.describe_network_acls(Filters=OURS)["NetworkAcls"] == []
    assert not network(acls_managed=False)["changed"]


def test_own_rules_of_a_network_acl(ec2):
    own = {"database": {"ingress": [{"number": 90, "action": "deny", "port": 5432, "from": "10.0.9.0/24"}]}}
    result = network(acls=own)["result"]
    (acl,) = ec2.describe_network_acls(NetworkAclIds=[result["network_acls"]["database"]])["NetworkAcls"]
    entries = [it for it in acl["Entries"] if not it["Egress"] and it["RuleNumber"] < 32767]
    assert [(it["RuleNumber"], it["RuleAction"], it["CidrBlock"]) for it in entries] == [(90, "deny", "10.0.9.0/24")]
    assert not network(acls=own)["changed"]


def test_a_vpc_of_our_name_that_is_somebody_elses_is_refused(ec2):
    named = [{"Key": "Name", "Value": "tvshows-prod"}, {"Key": "team", "Value": "billing"}]
    ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": named}])
    with pytest.raises(ModuleFailed, match=r"VPC tvshows-prod \(vpc-.*is not of stack tvshows-prod.*team=billing"):
        network()
    assert ec2.describe_subnets(Filters=OURS)["Subnets"] == []


def test_removal_is_refused_while_others_are_in_our_vpc(ec2):
    vpc = network()["result"]["vpc_id"]
    ec2.create_security_group(VpcId=vpc, GroupName="theirs", Description="x")
    with pytest.raises(ModuleFailed, match=r"holds what this stack's networking has not made.*security group theirs"):
        remove()
    assert len(ec2.describe_subnets(Filters=OURS)["Subnets"]) == 6


def test_bad_input_touches_nothing(ec2):
    bad = copy.deepcopy(NETWORK["subnets"])
    bad[1]["cidr"] = "10.0.1.128/25"
    with pytest.raises(ModuleFailed, match=r"public-a \(10.0.1.0/24\) and public-b \(10.0.1.128/25\) overlap"):
        network(subnets=bad)
    bad[1].update(cidr="10.0.2.0/24", zone="z")
    with pytest.raises(ModuleFailed, match=r"public-b: there is no zone z; this account has us-east-1a, us-east-1b"):
        network(check=True, subnets=bad)
    assert left(ec2) == {}


@pytest.fixture
def theirs(ec2):
    """A VPC of somebody else, with its internet gateway."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    for value in ("EnableDnsSupport", "EnableDnsHostnames"):
        ec2.modify_vpc_attribute(VpcId=vpc, **{value: {"Value": True}})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    return {"vpc": vpc, "gateway": gateway}


def test_a_vpc_is_adopted_and_left_as_it_was(ec2, theirs):
    adopt = {"adopt": theirs["vpc"]}
    announced = network(check=True, vpc=adopt)
    assert announced["result"]["vpc_id"] == theirs["vpc"]
    result = network(vpc=adopt)["result"]
    assert result["vpc_id"] == theirs["vpc"] and result["internet_gateway_id"] == theirs["gateway"]
    again = network(vpc=adopt)
    assert not again["changed"] and again["result"] == result
    assert ec2.describe_vpcs(VpcIds=[theirs["vpc"]])["Vpcs"][0].get("Tags", []) == []
    assert remove(vpc=adopt)["changed"]
    assert left(ec2) == {"vpcs": 1, "gateways": 1, "route_tables": 1, "network_acls": 1, "security_groups": 1}
    assert not remove(vpc=adopt)["changed"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(
            {"cidr": "10.0.0.0/17"}, r"networking_cidr is 10.0.0.0/17, but the adopted VPC", id="another block"
        ),
        pytest.param(
            {"vpc": {"adopt": "vpc-0123456789abcdef0"}},
            "networking_vpc adopts vpc-0123456789abcdef0: no VPC",
            id="no VPC",
        ),
    ],
)
def test_a_vpc_that_does_not_fit_is_not_adopted(ec2, theirs, options, words):
    subnets = NETWORK["subnets"][:4]
    with pytest.raises(ModuleFailed, match=words):
        network(**{"vpc": {"adopt": theirs["vpc"]}, "subnets": subnets, **options})
    assert ec2.describe_subnets(Filters=OURS)["Subnets"] == []


def test_two_stacks_side_by_side_share_nothing(ec2):
    network()
    other = {**STACK, "name": "jiki"}
    made = network(stack=other)
    assert {step[0] for step in steps(made)} <= {"create", "update", "delete"} and made["result"]["vpc_id"]
    assert not network()["changed"] and not network(stack=other)["changed"]
    assert call("vpc_network", stack=other, state="absent", wait_timeout=3, wait_interval=0.05)["changed"]
    assert not network()["changed"]
