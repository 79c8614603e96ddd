# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to EC2 about networks, one function each. Lists are read whole."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import pages, tag_list


def _filter(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]


def specification(kind: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tag_list(tags)}]


# ---- reads


def vpcs(ec2: Any) -> list[dict[str, Any]]:
    """All of the region: a few, and their names and CIDRs tell what is somebody else's."""
    return pages(ec2, "describe_vpcs", "Vpcs")


def vpc_attribute(ec2: Any, vpc_id: str, attribute: str) -> bool:
    """enableDnsSupport or enableDnsHostnames"""
    answer = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)
    return bool(answer[attribute[0].upper() + attribute[1:]]["Value"])


def internet_gateways(ec2: Any) -> list[dict[str, Any]]:
    """All of the region: one that a killed run left is attached to nothing."""
    return pages(ec2, "describe_internet_gateways", "InternetGateways")


def addresses(ec2: Any) -> list[dict[str, Any]]:
    return list(ec2.describe_addresses()["Addresses"])


def of_vpc(ec2: Any, operation: str, key: str, vpc_id: str) -> list[dict[str, Any]]:
    """Everything of one kind in a VPC, whoever made it ("describe_subnets", "Subnets")."""
    argument = "Filter" if operation == "describe_nat_gateways" else "Filters"
    return pages(ec2, operation, key, **{argument: _filter("vpc-id", vpc_id)})


def nat_gateway(ec2: Any, nat_id: str) -> dict[str, Any]:
    return dict(ec2.describe_nat_gateways(NatGatewayIds=[nat_id])["NatGateways"][0])


def endpoints(ec2: Any, ids: Sequence[str]) -> list[dict[str, Any]]:
    return list(ec2.describe_vpc_endpoints(VpcEndpointIds=list(ids))["VpcEndpoints"])


def interfaces(ec2: Any, filter_name: str, value: str) -> list[dict[str, Any]]:
    """Network interfaces by subnet-id or group-id."""
    return pages(ec2, "describe_network_interfaces", "NetworkInterfaces", Filters=_filter(filter_name, value))


def acl_association(ec2: Any, subnet_id: str) -> str:
    """The id of a subnet's association with its network ACL, whichever that is."""
    found = ec2.describe_network_acls(Filters=_filter("association.subnet-id", subnet_id))["NetworkAcls"]
    return next(
        str(link["NetworkAclAssociationId"])
        for acl in found
        for link in acl["Associations"]
        if link["SubnetId"] == subnet_id
    )


def zones(ec2: Any) -> list[str]:
    """Names of the region's zones that can be used."""
    found = ec2.describe_availability_zones(Filters=_filter("state", "available"))["AvailabilityZones"]
    return sorted(
        zone["ZoneName"] for zone in found if zone.get("ZoneType", "availability-zone") == "availability-zone"
    )


# ---- writes


def tag(ec2: Any, resource_id: str, tags: Mapping[str, str]) -> None:
    ec2.create_tags(Resources=[resource_id], Tags=tag_list(tags))


def create_vpc(ec2: Any, cidr: str, tags: Mapping[str, str]) -> str:
    return str(ec2.create_vpc(CidrBlock=cidr, TagSpecifications=specification("vpc", tags))["Vpc"]["VpcId"])


def dns_support(ec2: Any, vpc_id: str, value: bool) -> None:
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsSupport={"Value": value})


def dns_hostnames(ec2: Any, vpc_id: str, value: bool) -> None:
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": value})


def delete_vpc(ec2: Any, vpc_id: str) -> None:
    ec2.delete_vpc(VpcId=vpc_id)


def create_subnet(ec2: Any, vpc_id: str, cidr: str, zone: str, tags: Mapping[str, str]) -> str:
    answer = ec2.create_subnet(
        VpcId=vpc_id, CidrBlock=cidr, AvailabilityZone=zone, TagSpecifications=specification("subnet", tags)
    )
    return str(answer["Subnet"]["SubnetId"])


def map_public(ec2: Any, subnet_id: str, value: bool) -> None:
    ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": value})


def delete_subnet(ec2: Any, subnet_id: str) -> None:
    ec2.delete_subnet(SubnetId=subnet_id)


def create_internet_gateway(ec2: Any, tags: Mapping[str, str]) -> str:
    answer = ec2.create_internet_gateway(TagSpecifications=specification("internet-gateway", tags))
    return str(answer["InternetGateway"]["InternetGatewayId"])


def attach_internet_gateway(ec2: Any, gateway_id: str, vpc_id: str) -> None:
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)


def detach_internet_gateway(ec2: Any, gateway_id: str, vpc_id: str) -> None:
    ec2.detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)


def delete_internet_gateway(ec2: Any, gateway_id: str) -> None:
    ec2.delete_internet_gateway(InternetGatewayId=gateway_id)


def allocate_address(ec2: Any, tags: Mapping[str, str]) -> tuple[str, str]:
    """The allocation's id and the address."""
    answer = ec2.allocate_address(Domain="vpc", TagSpecifications=specification("elastic-ip", tags))
    return str(answer["AllocationId"]), str(answer["PublicIp"])


def release_address(ec2: Any, allocation_id: str) -> None:
    ec2.release_address(AllocationId=allocation_id)


def create_nat_gateway(ec2: Any, subnet_id: str, allocation_id: str, tags: Mapping[str, str]) -> str:
    answer = ec2.create_nat_gateway(
        SubnetId=subnet_id, AllocationId=allocation_id, TagSpecifications=specification("natgateway", tags)
    )
    return str(answer["NatGateway"]["NatGatewayId"])


def delete_nat_gateway(ec2: Any, nat_id: str) -> None:
    ec2.delete_nat_gateway(NatGatewayId=nat_id)


def create_route_table(ec2: Any, vpc_id: str, tags: Mapping[str, str]) -> str:
    answer = ec2.create_route_table(VpcId=vpc_id, TagSpecifications=specification("route-table", tags))
    return str(answer["RouteTable"]["RouteTableId"])


def create_route(ec2: Any, table_id: str, cidr: str, target: Mapping[str, str]) -> None:
    """target: {"GatewayId": …} or {"NatGatewayId": …}"""
    ec2.create_route(RouteTableId=table_id, DestinationCidrBlock=cidr, **target)


def replace_route(ec2: Any, table_id: str, cidr: str, target: Mapping[str, str]) -> None:
    ec2.replace_route(RouteTableId=table_id, DestinationCidrBlock=cidr, **target)


def delete_route(ec2: Any, table_id: str, cidr: str) -> None:
    ec2.delete_route(RouteTableId=table_id, DestinationCidrBlock=cidr)


def associate_route_table(ec2: Any, table_id: str, subnet_id: str) -> None:
    ec2.associate_route_table(RouteTableId=table_id, SubnetId=subnet_id)


def replace_route_table_association(ec2: Any, association_id: str, table_id: str) -> None:
    ec2.replace_route_table_association(AssociationId=association_id, RouteTableId=table_id)


def delete_route_table(ec2: Any, table_id: str) -> None:
    ec2.delete_route_table(RouteTableId=table_id)


def create_network_acl(ec2: Any, vpc_id: str, tags: Mapping[str, str]) -> str:
    answer = ec2.create_network_acl(VpcId=vpc_id, TagSpecifications=specification("network-acl", tags))
    return str(answer["NetworkAcl"]["NetworkAclId"])


def create_acl_entry(ec2: Any, acl_id: str, entry: Mapping[str, Any]) -> None:
    ec2.create_network_acl_entry(NetworkAclId=acl_id, **entry)


def replace_acl_entry(ec2: Any, acl_id: str, entry: Mapping[str, Any]) -> None:
    ec2.replace_network_acl_entry(NetworkAclId=acl_id, **entry)


def delete_acl_entry(ec2: Any, acl_id: str, number: int, egress: bool) -> None:
    ec2.delete_network_acl_entry(NetworkAclId=acl_id, RuleNumber=number, Egress=egress)


def replace_acl_association(ec2: Any, association_id: str, acl_id: str) -> None:
    ec2.replace_network_acl_association(AssociationId=association_id, NetworkAclId=acl_id)


def delete_network_acl(ec2: Any, acl_id: str) -> None:
    ec2.delete_network_acl(NetworkAclId=acl_id)


def create_security_group(ec2: Any, vpc_id: str, name: str, description: str, tags: Mapping[str, str]) -> str:
    answer = ec2.create_security_group(
        VpcId=vpc_id,
        GroupName=name,
        Description=description,
        TagSpecifications=specification("security-group", tags),
    )
    return str(answer["GroupId"])


def authorize(ec2: Any, direction: str, group_id: str, permissions: Sequence[Mapping[str, Any]]) -> None:
    getattr(ec2, f"authorize_security_group_{direction}")(GroupId=group_id, IpPermissions=list(permissions))


def revoke(ec2: Any, direction: str, group_id: str, permissions: Sequence[Mapping[str, Any]]) -> None:
    getattr(ec2, f"revoke_security_group_{direction}")(GroupId=group_id, IpPermissions=list(permissions))


def describe_rules(ec2: Any, direction: str, group_id: str, permissions: Sequence[Mapping[str, Any]]) -> None:
    """Give existing rules the descriptions in `permissions`."""
    update = getattr(ec2, f"update_security_group_rule_descriptions_{direction}")
    update(GroupId=group_id, IpPermissions=list(permissions))


def delete_security_group(ec2: Any, group_id: str) -> None:
    ec2.delete_security_group(GroupId=group_id)


def create_endpoint(ec2: Any, vpc_id: str, service: str, kind: str, tags: Mapping[str, str], **more: Any) -> str:
    answer = ec2.create_vpc_endpoint(
        ClientToken=str(uuid.uuid4()),  # botocore's own retries of this call make no second one
        VpcId=vpc_id,
        ServiceName=service,
        VpcEndpointType=kind,
        TagSpecifications=specification("vpc-endpoint", tags),
        **more,
    )
    return str(answer["VpcEndpoint"]["VpcEndpointId"])


def modify_endpoint(ec2: Any, endpoint_id: str, **changes: Any) -> None:
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, **changes)


def delete_endpoint(ec2: Any, endpoint_id: str) -> list[dict[str, Any]]:
    """What AWS could not delete, with its reasons."""
    return list(ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id]).get("Unsuccessful", []))
