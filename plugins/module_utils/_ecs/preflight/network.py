# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subnets, routes and security groups as the start of a task needs them. Pure."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterable, Iterator

from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.checks import Check, fail, ok, unseen, warn
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.facts import (
    EcrImage,
    Facts,
    Raw,
    Unseen,
    containers,
    log_options,
    references,
)

ANYWHERE = "0.0.0.0/0"
HTTPS = 443
_SERVICE = re.compile(r"amazonaws\.[a-z0-9-]+\.(.+)$")


def judge(facts: Facts) -> Iterator[Check]:
    for service in facts.services:
        if isinstance(facts.subnets, Unseen):
            yield unseen("subnets", service["name"], facts.subnets, "ec2:DescribeSubnets")
            continue
        gone = [it for it in service["subnets"] if it not in facts.subnets]
        for subnet in gone:
            yield fail("subnet", subnet, "it is not there", "Run site.yml with the role networking, which makes it.")
        there = [facts.subnets[it] for it in service["subnets"] if it in facts.subnets]
        yield from addresses(service, there)
        yield from routes(facts, service, there)
        yield from egress(facts, service)


def desired(service: Raw) -> int:
    """What runs now is wanted, where nobody says otherwise."""
    found = service.get("found") or {}
    scaling = service.get("scaling") or {}
    if found and (scaling or service.get("count") is None):
        return int(found.get("desiredCount", 0))
    count = scaling.get("min") if scaling else service.get("count")
    return 1 if count is None else int(count)


def addresses(service: Raw, subnets: list[Raw]) -> Iterator[Check]:
    """Each task has an address; a rollout has as many more as the maximum percent allows."""
    if not subnets:
        return
    percent = (service.get("deployment") or {}).get("maximum")
    count, running = desired(service), int((service.get("found") or {}).get("runningCount", 0))
    surge = max(math.floor(count * (200 if percent is None else percent) / 100) - running, 0)
    free = sum(int(it["AvailableIpAddressCount"]) for it in subnets)
    why = f"{free} addresses free in {len(subnets)} subnets, the rollout may start {surge} tasks beside {running}"
    name = service["name"]
    if surge and free < max(count - running, 1):
        yield fail("addresses", name, why, "Free addresses, or give the service larger subnets.")
    elif free < surge:
        yield warn("addresses", name, why, "The rollout is slower than it could be: free addresses.")
    else:
        yield ok("addresses", name, why)
    for it in subnets:
        if surge and free > 0 and int(it["AvailableIpAddressCount"]) == 0:
            yield warn("addresses", it["SubnetId"], "it has none left", "Tasks that are placed there fail to start.")


def needs(facts: Facts, service: Raw) -> dict[str, str]:
    """{endpoint, "s3", or "internet": what it is for} of the service's tasks."""
    definition = facts.definitions.get(service["task_definition"]) or {}
    found: dict[str, str] = {}
    for container in containers(definition):
        if EcrImage.of(container["image"]):
            found.update({"ecr.api": "ECR", "ecr.dkr": "ECR", "s3": "the layers of images in ECR"})
        else:
            found["internet"] = f"the registry of {container['image']}"
    for _where, reference in references(definition):
        found.update({"ssm": "Systems Manager"} if reference.parameter else {"secretsmanager": "Secrets Manager"})
    if log_options(definition):
        found["logs"] = "CloudWatch Logs"
    return found


def routes(facts: Facts, service: Raw, subnets: list[Raw]) -> Iterator[Check]:
    tables, endpoints = facts.route_tables, facts.endpoints
    if isinstance(tables, Unseen):
        yield unseen("route", service["name"], tables, "ec2:DescribeRouteTables")
        return
    for subnet in subnets:
        table = route_table(tables, subnet)
        way, problem = default_way(table, bool(service.get("public_ip")))
        on = f"{service['name']}: {subnet['SubnetId']}"
        if way:
            yield ok("route", on, f"by {way}")
            continue
        if isinstance(endpoints, Unseen):
            yield unseen("route", on, endpoints, "ec2:DescribeVpcEndpoints")
            continue
        missing = list(
            dict.fromkeys(what for it, what in needs(facts, service).items() if not _has(it, endpoints, table))
        )
        if missing:
            next_ = "Give the subnets a NAT gateway, public addresses, or the endpoints (networking_endpoints)."
            yield fail("route", on, f"no way to {', '.join(missing)}: {problem}", next_)
        else:
            yield ok("route", on, "by the VPC's endpoints")
            yield from _endpoint_groups(facts, service, subnet, endpoints)


def route_table(tables: Iterable[Raw], subnet: Raw) -> Raw:
    """The subnet's own route table, else the main one of its VPC."""
    main: Raw = {}
    for table in tables:
        for link in table.get("Associations") or []:
            if link.get("SubnetId") == subnet["SubnetId"]:
                return table
            if link.get("Main") and table.get("VpcId") == subnet["VpcId"]:
                main = table
    return main


def default_way(table: Raw, public: bool) -> tuple[str, str]:
    """(the way to the internet or "", why there is none)."""
    route = next((it for it in table.get("Routes") or [] if it.get("DestinationCidrBlock") == ANYWHERE), None)
    if route is None:
        return "", "the subnet has no default route"
    if route.get("State") == "blackhole":
        return "", "its default route leads to something that is gone"
    gateway = str(route.get("GatewayId") or "")
    if gateway.startswith("igw-") and not public:
        return "", "its default route is an internet gateway and the tasks have no public address"
    target = route.get("NatGatewayId") or gateway or route.get("TransitGatewayId") or route.get("NetworkInterfaceId")
    return str(target or "a default route"), ""


def _short(endpoint: Raw) -> str:
    """com.amazonaws.us-east-1.ecr.api: ecr.api"""
    found = _SERVICE.search(str(endpoint["ServiceName"]))
    return found[1] if found else ""


def _has(need: str, endpoints: Iterable[Raw], table: Raw) -> bool:
    for it in endpoints:
        if _short(it) != need or str(it.get("State", "available")).lower() != "available":
            continue
        if it.get("VpcEndpointType") == "Gateway":
            if table.get("RouteTableId") in (it.get("RouteTableIds") or []):
                return True
        elif it.get("PrivateDnsEnabled", True):
            return True
    return False


def _endpoint_groups(facts: Facts, service: Raw, subnet: Raw, endpoints: Iterable[Raw]) -> Iterator[Check]:
    """The security groups of the interface endpoints have to let the tasks in."""
    if isinstance(facts.groups, Unseen):
        return  # egress tells it
    for it in endpoints:
        if it.get("VpcEndpointType") == "Gateway" or _short(it) not in needs(facts, service):
            continue
        groups = [
            facts.groups[group["GroupId"]] for group in it.get("Groups") or [] if group["GroupId"] in facts.groups
        ]
        if groups and not any(_lets_in(group, service, subnet) for group in groups):
            names = ", ".join(str(group.get("GroupName")) for group in groups)
            why = f"{names} does not let {service['name']} in on port {HTTPS}"
            yield fail("endpoint", _short(it), why, "Add the rule to networking_security_groups.")


def _lets_in(group: Raw, service: Raw, subnet: Raw) -> bool:
    network = ipaddress.IPv4Network(subnet["CidrBlock"])
    return any(
        any(it.get("GroupId") in service["security_groups"] for it in rule.get("UserIdGroupPairs") or [])
        or any(network.subnet_of(ipaddress.IPv4Network(it["CidrIp"])) for it in rule.get("IpRanges") or [])
        for rule in rules(group.get("IpPermissions") or [])
    )


def egress(facts: Facts, service: Raw) -> Iterator[Check]:
    if not service["security_groups"]:
        return  # the VPC's default group lets everything out
    if isinstance(facts.groups, Unseen):
        yield unseen("security groups", service["name"], facts.groups, "ec2:DescribeSecurityGroups")
        return
    for group in service["security_groups"]:
        if group not in facts.groups:
            yield fail("security group", group, "it is not there", "Run site.yml with the role networking.")
    out = [
        rule
        for group in service["security_groups"]
        for rule in rules((facts.groups.get(group) or {}).get("IpPermissionsEgress") or [])
    ]
    name = service["name"]
    if not out:
        next_ = f"Add egress {{port: {HTTPS}, to: {ANYWHERE}}} to one of them in networking_security_groups."
        yield fail("security groups", name, f"none of them lets port {HTTPS} out", next_)
    elif any(it["CidrIp"] == ANYWHERE for rule in out for it in rule.get("IpRanges") or []):
        yield ok("security groups", name, f"port {HTTPS} is open to everywhere")
    else:
        next_ = "Make sure that the registry, Secrets Manager and the logs are among them."
        yield warn("security groups", name, f"port {HTTPS} is open to some addresses only", next_)


def rules(permissions: Iterable[Raw]) -> list[Raw]:
    """The rules that cover TCP 443 and name somebody."""
    return [
        it
        for it in permissions
        if (
            it.get("IpProtocol") == "-1"
            or (it.get("IpProtocol") == "tcp" and it.get("FromPort", 0) <= HTTPS <= it.get("ToPort", 65535))
        )
        and any(it.get(key) for key in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds"))
    ]
