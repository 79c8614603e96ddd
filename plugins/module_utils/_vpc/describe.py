# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS has, as a Network, and `networking_result` of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_dict, together
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import ROLE_TAG, Stack
from ansible_collections.slipway.aws.plugins.module_utils._stack import NetworkingResult, Subnet
from ansible_collections.slipway.aws.plugins.module_utils._vpc import api
from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import (
    ANYWHERE,
    ELASTIC_IP,
    ENDPOINT,
    INTERNET,
    INTERNET_GATEWAY,
    NAT_GATEWAY,
    NETWORK_ACL,
    PART_TAG,
    ROUTE_TABLE,
    SECURITY_GROUP,
    SUBNET,
    TIER_TAG,
    TIERS,
    VPC,
    Items,
    Network,
)
from ansible_collections.slipway.aws.plugins.module_utils._vpc.rules import from_entries, from_permissions

# States in which a thing is as good as not there.
GONE = ("deleted", "deleting", "failed", "rejected", "expired")
_OF_A_VPC = {
    "subnets": ("describe_subnets", "Subnets"),
    "nat_gateways": ("describe_nat_gateways", "NatGateways"),
    "route_tables": ("describe_route_tables", "RouteTables"),
    "network_acls": ("describe_network_acls", "NetworkAcls"),
    "security_groups": ("describe_security_groups", "SecurityGroups"),
    "endpoints": ("describe_vpc_endpoints", "VpcEndpoints"),
}

Raw = Mapping[str, Any]


def read(aws: Clients, stack: Stack, adopt: str = "", *, removing: bool = False) -> Network:
    """The network of a stack, in two rounds of reads made side by side: eleven calls, three where no VPC is there.

    removing: a VPC to adopt that is gone is no error
    """
    ec2 = aws.client("ec2")
    found = together(
        {
            "vpcs": partial(api.vpcs, ec2),
            "internet_gateways": partial(api.internet_gateways, ec2),
            "addresses": partial(api.addresses, ec2),
        }
    )
    if removing and adopt not in [it["VpcId"] for it in found["vpcs"]]:
        adopt = ""
    vpc = choose(found["vpcs"], stack, adopt)
    if vpc is None:
        return describe(found, stack)
    vpc_id = vpc["VpcId"]
    reads: dict[str, Callable[[], Any]] = {
        key: partial(api.of_vpc, ec2, operation, field, vpc_id) for key, (operation, field) in _OF_A_VPC.items()
    }
    reads["dns_support"] = partial(api.vpc_attribute, ec2, vpc_id, "enableDnsSupport")
    reads["dns_hostnames"] = partial(api.vpc_attribute, ec2, vpc_id, "enableDnsHostnames")
    return describe({**found, **together(reads)}, stack, vpc)


def choose(vpcs: Iterable[Raw], stack: Stack, adopt: str = "") -> Raw | None:
    """The stack's VPC, or the one that is adopted; None where there is none yet."""
    listed = list(vpcs)
    if adopt:
        for vpc in listed:
            if vpc["VpcId"] == adopt:
                return vpc
        raise SlipwayError(
            f"networking_vpc adopts {adopt}",
            "no VPC of this account and region has that id",
            "Compare with `aws ec2 describe-vpcs`; the region is stack_region.",
        )
    ours = [vpc for vpc in listed if mine(stack, tag_dict(vpc.get("Tags")))]
    if len(ours) > 1:
        raise SlipwayError(
            f"Stack {stack.prefix} has more than one VPC",
            "its tags are on " + ", ".join(sorted(vpc["VpcId"] for vpc in ours)),
            "Take the slipway:stack tag off the one that is not to be used, or delete it.",
        )
    return ours[0] if ours else None


def mine(stack: Stack, tags: Mapping[str, str]) -> bool:
    return stack.owns(tags) and tags.get(ROLE_TAG, stack.role) == stack.role


def part(stack: Stack, tags: Mapping[str, str]) -> str:
    """A resource's name in the inventory."""
    return tags.get(PART_TAG) or tags.get("Name", "").removeprefix(f"{stack.prefix}-")


def describe(found: Mapping[str, Any], stack: Stack, vpc: Raw | None = None) -> Network:
    """A Network of EC2's answers; `found` has what `read` reads, the answers' lists as they are."""
    vpc_id = vpc["VpcId"] if vpc else ""
    sorted_out = {
        SUBNET: _tagged(found.get("subnets"), "SubnetId"),
        INTERNET_GATEWAY: [
            it
            for it in _tagged(found["internet_gateways"], "InternetGatewayId")
            if _attached_to(it) in (vpc_id, "") or mine(stack, it["tags"])
        ],
        ELASTIC_IP: _tagged([it for it in found["addresses"] if it.get("AllocationId")], "AllocationId"),
        NAT_GATEWAY: [it for it in _tagged(found.get("nat_gateways"), "NatGatewayId") if it["State"] not in GONE],
        ROUTE_TABLE: [it for it in _tagged(found.get("route_tables"), "RouteTableId") if not _main(it)],
        NETWORK_ACL: [it for it in _tagged(found.get("network_acls"), "NetworkAclId") if not it.get("IsDefault")],
        SECURITY_GROUP: [it for it in _tagged(found.get("security_groups"), "GroupId") if it["GroupName"] != "default"],
        ENDPOINT: [it for it in _tagged(found.get("endpoints"), "VpcEndpointId") if it["State"].lower() not in GONE],
    }
    ours = {kind: _by_part(stack, items) for kind, items in sorted_out.items()}
    names = {kind: {it["id"]: name for name, it in items.items()} for kind, items in ours.items()}
    acls = found.get("network_acls") or ()
    return Network(
        vpcs=_vpcs(found, stack, vpc),
        subnets={name: _subnet(it) for name, it in ours[SUBNET].items()},
        internet_gateways=_gateways(stack, sorted_out[INTERNET_GATEWAY], ours[INTERNET_GATEWAY], vpc),
        elastic_ips={name: _address(it) for name, it in ours[ELASTIC_IP].items()},
        nat_gateways={name: _nat(it, names[SUBNET]) for name, it in ours[NAT_GATEWAY].items()},
        route_tables={
            name: {"id": it["id"], "default_route": _default_route(it, names[NAT_GATEWAY], vpc_id), "tags": it["tags"]}
            for name, it in ours[ROUTE_TABLE].items()
        },
        network_acls={
            name: {"id": it["id"], **from_entries(it["Entries"]), "tags": it["tags"]}
            for name, it in ours[NETWORK_ACL].items()
        },
        security_groups={name: _group(it, names[SECURITY_GROUP]) for name, it in ours[SECURITY_GROUP].items()},
        endpoints={name: _endpoint(it, names) for name, it in ours[ENDPOINT].items()},
        table_of=_members(found.get("route_tables") or (), "RouteTableId", names[ROUTE_TABLE], names[SUBNET]),
        acl_of=_members(acls, "NetworkAclId", names[NETWORK_ACL], names[SUBNET]),
        default_group=default_group(found.get("security_groups") or (), names[SECURITY_GROUP]),
        default_acl=next((it["NetworkAclId"] for it in acls if it.get("IsDefault")), ""),
        table_associations=_links(found.get("route_tables") or (), "RouteTableAssociationId", names[SUBNET]),
        acl_associations=_links(acls, "NetworkAclAssociationId", names[SUBNET]),
        leaving=_leaving(stack, found.get("nat_gateways") or ()),
        foreign=tuple(_foreign(stack, {VPC: _tagged(found["vpcs"], "VpcId"), **sorted_out}, vpc_id)),
    )


def _tagged(items: Iterable[Raw] | None, id_field: str) -> list[dict[str, Any]]:
    return [{**item, "id": item[id_field], "tags": tag_dict(item.get("Tags"))} for item in items or ()]


def _by_part(stack: Stack, items: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Ours by name. Of two of one name (a call repeated after a lost answer) the second is called by its id as well,
    which nothing asks for: it is removed."""
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        if mine(stack, item["tags"]):
            name = part(stack, item["tags"])
            found[f"{name} ({item['id']})" if name in found else name] = item
    return found


def _vpcs(found: Mapping[str, Any], stack: Stack, vpc: Raw | None) -> Items:
    if vpc is None:
        return {}
    tags = tag_dict(vpc.get("Tags"))
    blocks = [
        block["CidrBlock"]
        for block in vpc.get("CidrBlockAssociationSet", ())
        if block["CidrBlockState"]["State"] == "associated"
    ]
    return {
        stack.prefix: {
            "id": vpc["VpcId"],
            "cidr": vpc["CidrBlock"],
            "cidrs": blocks or [vpc["CidrBlock"]],
            "ipv6": bool(vpc.get("Ipv6CidrBlockAssociationSet")),
            "dns_support": found["dns_support"],
            "dns_hostnames": found["dns_hostnames"],
            "tags": tags,
        }
    }


def _subnet(it: Raw) -> dict[str, Any]:
    return {
        "id": it["id"],
        "cidr": it["CidrBlock"],
        "zone": it["AvailabilityZone"],
        "tier": it["tags"].get(TIER_TAG, ""),
        "map_public": bool(it.get("MapPublicIpOnLaunch")),
        "tags": it["tags"],
    }


def _attached_to(gateway: Raw) -> str:
    return next((str(link["VpcId"]) for link in gateway.get("Attachments", ()) if link.get("VpcId")), "")


def _gateways(stack: Stack, all_of_them: Sequence[Raw], ours: Mapping[str, dict[str, Any]], vpc: Raw | None) -> Items:
    """Ours, or the one that an adopted VPC has."""
    gateways = {
        name: {"id": it["id"], "attached": _attached_to(it), "adopted": False, "tags": it["tags"]}
        for name, it in ours.items()
    }
    if vpc is None or mine(stack, tag_dict(vpc.get("Tags"))):
        return gateways
    for it in all_of_them:
        if _attached_to(it) == vpc["VpcId"] and not mine(stack, it["tags"]):
            return {INTERNET: {"id": it["id"], "attached": vpc["VpcId"], "adopted": True, "tags": it["tags"]}}
    return gateways


def _address(it: Raw) -> dict[str, Any]:
    return {"id": it["id"], "public_ip": it["PublicIp"], "associated": "AssociationId" in it, "tags": it["tags"]}


def _nat(it: Raw, subnets: Mapping[str, str]) -> dict[str, Any]:
    addresses = it.get("NatGatewayAddresses") or [{}]
    return {
        "id": it["id"],
        "subnet": subnets.get(it["SubnetId"], it["SubnetId"]),
        "state": it["State"],
        "public_ip": addresses[0].get("PublicIp", ""),
        "allocation": addresses[0].get("AllocationId", ""),
        "tags": it["tags"],
    }


def _leaving(stack: Stack, nats: Iterable[Raw]) -> dict[str, str]:
    """NAT gateways that are being deleted: they hold their address until they are gone."""
    going = [(it["NatGatewayId"], tag_dict(it.get("Tags"))) for it in nats if it["State"] == "deleting"]
    return {part(stack, tags): nat_id for nat_id, tags in going if mine(stack, tags)}


def _main(table: Raw) -> bool:
    return any(link.get("Main") for link in table.get("Associations", ()))


def _default_route(table: Raw, nats: Mapping[str, str], vpc_id: str) -> str:
    for route in table.get("Routes", ()):
        if route.get("DestinationCidrBlock") == ANYWHERE:
            gateway = str(route.get("GatewayId", ""))
            target = route.get("NatGatewayId") or gateway or _other_target(route)
            return INTERNET if gateway.startswith("igw-") and vpc_id else nats.get(target, target)
    return ""


def _other_target(route: Raw) -> str:
    fields = ("TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId", "InstanceId", "CarrierGatewayId")
    return next((str(route[field]) for field in fields if route.get(field)), "something else")


def _members(
    holders: Iterable[Raw], id_field: str, names: Mapping[str, str], subnets: Mapping[str, str]
) -> dict[str, str]:
    """{subnet: name of its route table or ACL, its id where it is not ours}"""
    return {
        subnets[link["SubnetId"]]: names.get(it[id_field], "" if it.get("IsDefault") else it[id_field])
        for it in holders
        for link in it.get("Associations", ())
        if link.get("SubnetId") in subnets
    }


def _links(holders: Iterable[Raw], id_field: str, subnets: Mapping[str, str]) -> dict[str, str]:
    """{subnet: id of its association}"""
    return {
        subnets[link["SubnetId"]]: link[id_field]
        for it in holders
        for link in it.get("Associations", ())
        if link.get("SubnetId") in subnets
    }


def _group(it: Raw, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": it["id"],
        "aws_name": it["GroupName"],
        "description": it.get("Description", ""),
        "ingress": from_permissions(it.get("IpPermissions", ()), names),
        "egress": from_permissions(it.get("IpPermissionsEgress", ()), names),
        "tags": it["tags"],
    }


def default_group(groups: Iterable[Raw], names: Mapping[str, str]) -> dict[str, Any]:
    """The VPC's own group; {} where there is none."""
    for it in groups:
        if it["GroupName"] == "default":
            return _group({**it, "id": it["GroupId"], "tags": {}}, names)
    return {}


def _endpoint(it: Raw, names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    def named(kind: str, ids: Iterable[str]) -> frozenset[str]:
        return frozenset(names[kind].get(item, item) for item in ids)

    return {
        "id": it["id"],
        "service_name": it["ServiceName"],
        "type": it.get("VpcEndpointType", "Gateway"),
        "state": it["State"].lower(),
        "subnets": named(SUBNET, it.get("SubnetIds", ())),
        "route_tables": named(ROUTE_TABLE, it.get("RouteTableIds", ())),
        "security_groups": named(SECURITY_GROUP, [group["GroupId"] for group in it.get("Groups", ())]),
        "private_dns": bool(it.get("PrivateDnsEnabled")),
        "tags": it["tags"],
    }


def _foreign(stack: Stack, kinds: Mapping[str, Sequence[Raw]], vpc_id: str) -> Iterable[dict[str, Any]]:
    """What is not ours. `inside`: whether it is in our VPC."""
    for kind, items in kinds.items():
        for it in items:
            if mine(stack, it["tags"]):
                continue
            yield {
                "resource": kind,
                "name": it.get("GroupName") or it["tags"].get("Name", it["id"]),
                "id": it["id"],
                "tags": it["tags"],
                "cidr": it.get("CidrBlock", ""),
                "service": it.get("ServiceName", ""),
                "inside": bool(vpc_id) and vpc_id in (it.get("VpcId"), _attached_to(it)) and kind != VPC,
            }


def result(network: Network, ids: Mapping[str, Mapping[str, str]] | None = None, **known: Any) -> NetworkingResult:
    """`networking_result` of a network, as wanted or as it is.

    ids: {resource: {name: id}}, else those in `network`; what is not there yet has the id "".
    known: vpc_id and cidr of an adopted VPC, public_ips {NAT gateway: address}
    """
    named = network.ids() if ids is None else ids

    def of(kind: str) -> dict[str, str]:
        return {name: named.get(kind, {}).get(name, "") for name in network.items(kind)}

    vpc: Mapping[str, Any] = next(iter(network.vpcs.values()), {})
    subnets: dict[str, Subnet] = {
        name: {
            "id": named.get(SUBNET, {}).get(name, ""),
            "cidr": it["cidr"],
            "tier": it["tier"],
            "zone": it["zone"],
        }
        for name, it in network.subnets.items()
    }
    addresses = known.get("public_ips") or {name: it.get("public_ip", "") for name, it in network.nat_gateways.items()}
    return {
        "vpc_id": known.get("vpc_id") or next(iter(named.get(VPC, {}).values()), ""),
        "cidr": known.get("cidr") or vpc.get("cidr", ""),
        "subnets": subnets,
        "tiers": {tier: [it["id"] for it in subnets.values() if it["tier"] == tier] for tier in TIERS},
        "security_groups": of(SECURITY_GROUP),
        "route_tables": of(ROUTE_TABLE),
        "internet_gateway_id": named.get(INTERNET_GATEWAY, {}).get(INTERNET, "") if network.internet_gateways else "",
        "nat_gateways": {
            name: {"id": nat_id, "public_ip": addresses.get(name, "")} for name, nat_id in of(NAT_GATEWAY).items()
        },
        "network_acls": of(NETWORK_ACL),
        "endpoints": of(ENDPOINT),
    }
