# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network that an inventory asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._vpc.acl import acls
from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import (
    ENDPOINTS_GROUP,
    INTERNET,
    PART_TAG,
    TIER_TAG,
    TIERS,
    Items,
    Network,
)
from ansible_collections.slipway.aws.plugins.module_utils._vpc.rules import EGRESS, INGRESS, Rule, group_rules

GATEWAY_SERVICES = ("s3", "dynamodb")
Subnets = Sequence[Mapping[str, Any]]


def desired(spec: Mapping[str, Any], stack: Stack, region: str) -> Network:
    """The network of a spec that has no problems.

    spec: the module's options (cidr, vpc, subnets, nat, endpoints, security_groups, acls, …)
    """
    subnets: Subnets = spec.get("subnets") or []
    nats = nat_gateways(subnets, spec.get("nat") or "none")
    interfaces = [service for service in spec.get("endpoints") or () if service not in GATEWAY_SERVICES]
    tables = route_tables(subnets, nats, per_zone=spec.get("nat") == "per_zone")
    acl_rules = acls(spec) if spec.get("acls_managed", True) else {}
    return Network(
        vpcs=_vpc(spec, stack),
        subnets=_subnets(subnets, stack, region),
        internet_gateways={INTERNET: {"tags": tags(stack, INTERNET)}} if of_tier(subnets, "public") else {},
        elastic_ips={name: {"tags": tags(stack, name)} for name in nats},
        nat_gateways={name: {"subnets": places, "tags": tags(stack, name)} for name, places in nats.items()},
        route_tables={
            name: {"default_route": route, "tags": tags(stack, name)} for name, (route, _members) in tables.items()
        },
        table_of={subnet: name for name, (_route, members) in tables.items() for subnet in members},
        network_acls={tier: {**sides, "tags": tags(stack, tier)} for tier, sides in acl_rules.items()},
        acl_of={subnet["name"]: subnet["tier"] for subnet in subnets if subnet["tier"] in acl_rules},
        security_groups=_groups(spec, stack, with_endpoints=bool(interfaces)),
        endpoints=_endpoints(spec, stack, region, tables),
        default_group={INGRESS: {}, EGRESS: {}} if spec.get("lock_default_security_group") else {},
    )


def tags(stack: Stack, part: str, aws_name: str | None = None) -> dict[str, str]:
    return {**stack.owned(aws_name or stack.named(part)), PART_TAG: part}


def of_tier(subnets: Subnets, tier: str) -> list[Mapping[str, Any]]:
    return [subnet for subnet in subnets if subnet["tier"] == tier]


def zones(subnets: Iterable[Mapping[str, Any]]) -> list[str]:
    """The letters, each once, in order of appearance."""
    return list(dict.fromkeys(str(subnet["zone"]) for subnet in subnets))


def _vpc(spec: Mapping[str, Any], stack: Stack) -> Items:
    if adopted(spec):
        return {}
    vpc: Mapping[str, Any] = spec.get("vpc") or {}
    fields = {
        "cidr": spec["cidr"],
        "dns_support": vpc.get("dns_support", True),
        "dns_hostnames": vpc.get("dns_hostnames", True),
        "tags": {**stack.owned(vpc.get("aws_name") or stack.prefix), PART_TAG: "vpc"},
    }
    return {stack.prefix: fields}


def adopted(spec: Mapping[str, Any]) -> str:
    """The id of the VPC that is taken as it is, "" where ours is wanted."""
    return str((spec.get("vpc") or {}).get("adopt") or "")


def _subnets(subnets: Subnets, stack: Stack, region: str) -> Items:
    return {
        subnet["name"]: {
            "cidr": subnet["cidr"],
            "zone": f"{region}{subnet['zone']}",
            "tier": subnet["tier"],
            "map_public": subnet["tier"] == "public" if subnet.get("map_public") is None else subnet["map_public"],
            "tags": {**tags(stack, subnet["name"], subnet.get("aws_name")), TIER_TAG: subnet["tier"]},
        }
        for subnet in subnets
    }


def nat_gateways(subnets: Subnets, nat: str) -> dict[str, list[str]]:
    """{"nat" | "nat-a": names of the public subnets that it may be in, the best first}

    A single one goes to a zone that has private subnets, so that their traffic stays in the zone. With one per zone,
    a zone gets one where it has public and private subnets.
    """
    public, private = of_tier(subnets, "public"), zones(of_tier(subnets, "private"))
    if nat == "none" or not public or not private:
        return {}
    near = [subnet for subnet in public if subnet["zone"] in private]
    if nat == "single" or not near:
        ordered = near + [subnet for subnet in public if subnet not in near]
        places = {"nat": ordered} if nat == "single" else {f"nat-{ordered[0]['zone']}": ordered[:1]}
    else:
        places = {f"nat-{zone}": [subnet for subnet in near if subnet["zone"] == zone] for zone in zones(near)}
    return {name: [subnet["name"] for subnet in among] for name, among in places.items()}


def nearest(zone: str, nats: Iterable[str]) -> str:
    """The NAT gateway for a zone: its own, else the one of the next letter; "" where there is none."""
    return min(nats, key=lambda name: (abs(ord(name[-1]) - ord(zone)), name), default="")


def route_tables(
    subnets: Subnets, nats: Mapping[str, list[str]], *, per_zone: bool
) -> dict[str, tuple[str, list[str]]]:
    """{name: (target of the default route, names of its subnets)}"""
    tables: dict[str, tuple[str, list[str]]] = {}
    for subnet in subnets:
        tier = subnet["tier"]
        name = f"private-{subnet['zone']}" if tier == "private" and per_zone else tier
        target = {"public": INTERNET, "private": nearest(subnet["zone"], nats), "database": ""}[tier]
        tables.setdefault(name, (target, []))[1].append(subnet["name"])
    order = {tier: place for place, tier in enumerate(TIERS)}
    return dict(sorted(tables.items(), key=lambda table: order[table[0].partition("-")[0]]))


def _groups(spec: Mapping[str, Any], stack: Stack, *, with_endpoints: bool) -> Items:
    groups = {group["name"]: _group(group, stack) for group in spec.get("security_groups") or ()}
    if with_endpoints and ENDPOINTS_GROUP not in groups:
        item = {"name": ENDPOINTS_GROUP, INGRESS: [{"port": 443, "from": spec["cidr"]}]}
        groups[ENDPOINTS_GROUP] = _group(item, stack)
    return groups


def _group(item: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    aws_name = item.get("aws_name") or stack.named(item["name"])
    sides: dict[str, dict[Rule, str | None]] = {
        direction: group_rules(item.get(direction) or (), direction) for direction in (INGRESS, EGRESS)
    }
    return {
        "aws_name": aws_name,
        "description": item.get("description"),
        **sides,
        "tags": tags(stack, item["name"], aws_name),
    }


def _endpoints(
    spec: Mapping[str, Any], stack: Stack, region: str, tables: Mapping[str, tuple[str, list[str]]]
) -> Items:
    """Gateways for the routes of public and private subnets, interfaces in one private subnet a zone.

    Without private subnets the interfaces are in the public ones. The database tier keeps no way out.
    """
    subnets: Subnets = spec.get("subnets") or []
    ways = frozenset(name for name in tables if not name.startswith("database"))
    home = of_tier(subnets, "private") or of_tier(subnets, "public")
    first = frozenset({subnet["zone"]: subnet["name"] for subnet in reversed(home)}.values())
    found: Items = {}
    for service in spec.get("endpoints") or ():
        gateway = service in GATEWAY_SERVICES
        found[service] = {
            "service_name": service_name(service, region),
            "type": "Gateway" if gateway else "Interface",
            "route_tables": ways if gateway else frozenset(),
            "subnets": frozenset() if gateway else first,
            "security_groups": frozenset() if gateway else frozenset({ENDPOINTS_GROUP}),
            "private_dns": None if gateway else True,
            "tags": tags(stack, service),
        }
    return found


def service_name(service: str, region: str) -> str:
    """`ecr.api` as `com.amazonaws.us-east-1.ecr.api`; a full name stays as it is."""
    return service if service.startswith(("com.", "cn.", "aws.")) else f"com.amazonaws.{region}.{service}"
