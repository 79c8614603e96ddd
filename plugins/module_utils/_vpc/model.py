# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network as a value: the same shape for what is there and for what is wanted, by the inventory's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

VPC = "VPC"
SUBNET = "subnet"
INTERNET_GATEWAY = "internet gateway"
ELASTIC_IP = "elastic IP"
NAT_GATEWAY = "NAT gateway"
ROUTE_TABLE = "route table"
ROUTE = "default route"
ROUTE_TABLE_ASSOCIATION = "route table association"
NETWORK_ACL = "network ACL"
NETWORK_ACL_RULES = "network ACL rules"
NETWORK_ACL_ASSOCIATION = "network ACL association"
SECURITY_GROUP = "security group"
SECURITY_GROUP_RULES = "security group rules"
DEFAULT_GROUP = "default security group"
ENDPOINT = "VPC endpoint"

TIERS = ("public", "private", "database")
ANYWHERE = "0.0.0.0/0"
ANYWHERE_6 = "::/0"
# A resource's name in the inventory, and a subnet's tier: what AWS itself has no field for.
PART_TAG = "slipway:part"
TIER_TAG = "slipway:tier"
INTERNET = "internet"  # the internet gateway, as a name and as the target of a route
ENDPOINTS_GROUP = "endpoints"  # the security group of interface endpoints

Items = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Network:
    """Each kind as {name: fields}; what is there has also its `id`.

    vpcs                {stack prefix: {cidr, dns_support, dns_hostnames, tags; cidrs, ipv6, adopted}}, one at most
    subnets             {name: {cidr, zone, tier, map_public, tags}}
    internet_gateways   {"internet": {tags; attached, adopted}}
    elastic_ips         {"nat" | "nat-a": {tags; public_ip, associated}}
    nat_gateways        {"nat" | "nat-a": {subnet, tags; state, public_ip}}; as wanted, `subnets` lists where it may be
    route_tables        {"public" | "private" | "private-a" | "database": {default_route, tags}}
                        default_route: "internet", the name of a NAT gateway, an id of something else, "" for none
    network_acls        {tier: {ingress: {number: Entry}, egress: {number: Entry}, tags}}
    security_groups     {name: {aws_name, description, ingress: {Rule: description}, egress: {Rule: description}, tags}}
    endpoints           {service: {service_name, type, subnets, route_tables, security_groups, private_dns, tags}}
                        the three in the middle are sets of names; gateways have route tables, interfaces the others
    table_of, acl_of    {subnet: name of its route table or network ACL, "" for the VPC's default one}
    default_group       the VPC's default security group: {ingress, egress; id}
    default_acl         id of the VPC's default network ACL
    """

    vpcs: Items = field(default_factory=dict)
    subnets: Items = field(default_factory=dict)
    internet_gateways: Items = field(default_factory=dict)
    elastic_ips: Items = field(default_factory=dict)
    nat_gateways: Items = field(default_factory=dict)
    route_tables: Items = field(default_factory=dict)
    network_acls: Items = field(default_factory=dict)
    security_groups: Items = field(default_factory=dict)
    endpoints: Items = field(default_factory=dict)
    table_of: dict[str, str] = field(default_factory=dict)
    acl_of: dict[str, str] = field(default_factory=dict)
    default_group: dict[str, Any] = field(default_factory=dict)
    default_acl: str = ""
    # Of what is there only: ids of subnets' associations, {subnet: id}, and NAT gateways on their way out, {name: id}
    table_associations: dict[str, str] = field(default_factory=dict)
    acl_associations: dict[str, str] = field(default_factory=dict)
    leaving: dict[str, str] = field(default_factory=dict)
    # Of what is there only: what is in the VPC and not ours, [{resource, name, id, tags, cidr}]
    foreign: tuple[Mapping[str, Any], ...] = ()

    def items(self, resource: str) -> Items:
        return dict(getattr(self, KINDS[resource]))

    def ids(self) -> dict[str, dict[str, str]]:
        """{resource: {name: id}} of what is there."""
        return {kind: {name: it["id"] for name, it in self.items(kind).items() if it.get("id")} for kind in KINDS}


KINDS = {
    VPC: "vpcs",
    SUBNET: "subnets",
    INTERNET_GATEWAY: "internet_gateways",
    ELASTIC_IP: "elastic_ips",
    NAT_GATEWAY: "nat_gateways",
    ROUTE_TABLE: "route_tables",
    NETWORK_ACL: "network_acls",
    SECURITY_GROUP: "security_groups",
    ENDPOINT: "endpoints",
}
if not set(KINDS.values()) <= {f.name for f in fields(Network)}:
    raise AssertionError("every kind is a field of Network")
