# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a network as the inventory has it, before AWS is asked anything. Pure.

Each problem is a sentence that starts with the variable and names the item.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._vpc.acl import acls
from ansible_collections.slipway.aws.plugins.module_utils._vpc.flow_log.plan import problems as flow_log_problems
from ansible_collections.slipway.aws.plugins.module_utils._vpc.layout import GATEWAY_SERVICES, adopted, of_tier
from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import ENDPOINTS_GROUP, TIERS
from ansible_collections.slipway.aws.plugins.module_utils._vpc.rules import (
    DIRECTIONS,
    PEER,
    as_list,
    is_cidr,
    is_id,
    port_ranges,
)

NATS = ("none", "single", "per_zone")
LONGEST_NAME = 255
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
BLOCKS = range(16, 29)
# Inbound and outbound each; https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
ACL_RULES = 20
GROUP_RULES = 60
_GROUP_TEXT = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]+")
_PROTOCOLS = ("tcp", "udp", "icmp", "all", "-1")

Item = Mapping[str, Any]


def problems(spec: Item, *, prefix: str = "", zones: Sequence[str] | None = None) -> list[str]:
    """Everything that is wrong, in words; empty where nothing is.

    spec:   {cidr, vpc, subnets, nat, security_groups, acls, acls_managed, endpoints, lock_default_security_group,
            flow_logs}: role networking's variables without `networking_`
    prefix: what AWS names start with (`tvshows-prod`), for their lengths
    zones:  names of the region's zones, where they are known
    """
    found = list(_shapes(spec))
    if found:  # what follows would stumble over them
        return found
    checks: tuple[Callable[[], Iterable[str]], ...] = (
        lambda: _cidr(spec),
        lambda: _subnets(spec, prefix, zones),
        lambda: _overlaps(spec),
        lambda: _nat(spec),
        lambda: _groups(spec, prefix),
        lambda: _endpoints(spec),
        lambda: _acls(spec),
        lambda: _default_group(spec),
        lambda: flow_log_problems(spec.get("flow_logs") or {}, prefix),
    )
    found = [problem for check in checks for problem in check()]
    return found or list(_acl_sizes(spec))


def _shapes(spec: Item) -> Iterator[str]:
    for option in ("subnets", "security_groups"):
        items = spec.get(option) or []
        if not isinstance(items, (list, tuple)):
            yield f"networking_{option} has to be a list of dicts, each with a name"
            continue
        for place, item in enumerate(items, 1):
            if not isinstance(item, Mapping) or not item.get("name"):
                yield f"networking_{option}: item {place} has no name"
            elif option == "subnets":
                missing = [field for field in ("tier", "cidr", "zone") if not item.get(field)]
                if missing:
                    yield f"networking_subnets: {item['name']} has no {' and no '.join(missing)}"
        yield from _twice(
            f"networking_{option}", [item["name"] for item in items if isinstance(item, Mapping) and item.get("name")]
        )
    yield from _twice("networking_endpoints", [str(service) for service in spec.get("endpoints") or ()])


def _twice(variable: str, names: Iterable[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{variable}: {name} is there {times} times"


def network(text: Any) -> tuple[ipaddress.IPv4Network | None, str]:
    """An IPv4 block, or None and why it is none."""
    try:
        return ipaddress.IPv4Network(str(text)), ""
    except ValueError as error:
        if "host bits" in str(error):
            proper = ipaddress.IPv4Network(str(text), strict=False)
            return None, f"{text} is not where a block starts; {proper} is"
        return None, f"{text} is not an IPv4 block such as 10.0.0.0/16"


def _sized(text: Any) -> str:
    """Why AWS would not take a block for a VPC or subnet, "" where it would."""
    block, why = network(text)
    if block is None:
        return why
    return "" if block.prefixlen in BLOCKS else f"{text} is a /{block.prefixlen}; AWS takes /16 to /28"


def _cidr(spec: Item) -> Iterator[str]:
    if not spec.get("cidr"):
        yield "networking_cidr is not set"
    elif why := _sized(spec["cidr"]):
        yield f"networking_cidr: {why}"
    if adopted(spec) and not re.fullmatch(r"vpc-[0-9a-f]{8,17}", adopted(spec)):
        yield f"networking_vpc: {adopted(spec)} is not the id of a VPC (vpc-0abc…)"


def _subnets(spec: Item, prefix: str, zones: Sequence[str] | None) -> Iterator[str]:
    whole, _rest = network(spec.get("cidr"))
    for subnet in spec.get("subnets") or ():
        head = f"networking_subnets: {subnet['name']}"
        if subnet["tier"] not in TIERS:
            yield f"{head}: tier {subnet['tier']} is none of {', '.join(TIERS)}"
        yield from _zone(head, str(subnet["zone"]), zones)
        yield from _length(head, subnet, prefix)
        block, _rest = network(subnet["cidr"])
        if why := _sized(subnet["cidr"]):
            yield f"{head}: {why}"
        elif whole is not None and block is not None and not block.subnet_of(whole):
            yield f"{head}: {block} is not within networking_cidr {whole}"


def _zone(head: str, zone: str, zones: Sequence[str] | None) -> Iterator[str]:
    if not re.fullmatch(r"[a-z]", zone):
        yield f"{head}: zone {zone} is not the letter of a zone (a, b, …), which the region is put before"
    elif zones and zone not in [name[-1] for name in zones]:
        yield f"{head}: there is no zone {zone}; this account has {', '.join(zones)}"


def _length(head: str, item: Item, prefix: str) -> Iterator[str]:
    name = item.get("aws_name") or (f"{prefix}-{item['name']}" if prefix else item["name"])
    if len(name) > LONGEST_NAME:
        yield f"{head}: its name in AWS has {len(name)} characters, AWS takes {LONGEST_NAME}"


def _overlaps(spec: Item) -> Iterator[str]:
    blocks = [(subnet["name"], network(subnet["cidr"])[0]) for subnet in spec.get("subnets") or ()]
    for (one, first), (other, second) in combinations(blocks, 2):
        if first is not None and second is not None and first.overlaps(second):
            yield f"networking_subnets: {one} ({first}) and {other} ({second}) overlap"


def _nat(spec: Item) -> Iterator[str]:
    nat, subnets = spec.get("nat") or "none", spec.get("subnets") or []
    if nat not in NATS:
        yield f"networking_nat: {nat} is none of {', '.join(NATS)}"
    elif nat != "none" and not of_tier(subnets, "public"):
        yield f"networking_nat is {nat}, but networking_subnets has no public subnet that a NAT gateway could be in"
    elif nat != "none" and not of_tier(subnets, "private"):
        yield f"networking_nat is {nat}, but networking_subnets has no private subnet that would use it: set it to none"


def _groups(spec: Item, prefix: str) -> Iterator[str]:
    groups = spec.get("security_groups") or []
    known = {group["name"] for group in groups} | ({ENDPOINTS_GROUP} if _interfaces(spec) else set())
    for group in groups:
        head = f"networking_security_groups: {group['name']}"
        name = group.get("aws_name") or f"{prefix}-{group['name']}".lstrip("-")
        yield from _length(head, group, prefix)
        if not _GROUP_TEXT.fullmatch(name) or name.startswith("sg-") or name == "default":
            yield f"{head}: AWS does not take {name} as the name of a security group"
        yield from _description(head, group)
        if is_id(str(group["name"])) or is_cidr(str(group["name"])):
            yield f"{head}: a name that looks like an id or a CIDR cannot be told from one"
        for direction in DIRECTIONS:
            items = group.get(direction) or []
            count = 0
            for item in items:
                yield from _rule(f"{head}: {direction}", item, direction, known)
                count += _size(item, direction)
            if count > GROUP_RULES:
                yield f"{head}: {count} rules of {direction}, AWS takes {GROUP_RULES}"


def _size(item: Any, direction: str) -> int:
    """How many rules of AWS an item stands for: one for each of its ports and peers."""
    if not isinstance(item, Mapping):
        return 0
    ports = [*as_list(item.get("port")), *as_list(item.get("ports"))]
    return len(as_list(item.get(PEER[direction]))) * max(1, len(ports))


def _rule(head: str, item: Any, direction: str, known: Iterable[str] | None) -> Iterator[str]:
    """One rule of a group, or with `known` None of a network ACL, which takes CIDRs only."""
    if not isinstance(item, Mapping):
        yield f"{head}: {item} is not a rule such as {{port: 443, {PEER[direction]}: 0.0.0.0/0}}"
        return
    protocol = str(item.get("protocol") or "tcp").lower()
    if protocol not in _PROTOCOLS and not (protocol.isdigit() and int(protocol) < 256):
        yield f"{head}: protocol {protocol} is none of tcp, udp, icmp, all, nor a number up to 255"
        return
    peers = [str(peer) for peer in as_list(item.get(PEER[direction]))]
    if not peers:
        yield f"{head}: a rule says nothing about {PEER[direction]} ({_shown(item)})"
    yield from _description(head, item)
    yield from _port_problems(head, item, protocol)
    for peer in peers:
        yield from _peer(head, peer, known)


def _description(head: str, item: Item) -> Iterator[str]:
    text = item.get("description")
    if text and (len(text) > LONGEST_NAME or not _GROUP_TEXT.fullmatch(text)):
        allowed = "up to 255 of a-z, A-Z, 0-9, blanks and ._-:/()#,@[]+=&;{}!$*"
        yield f"{head}: AWS does not take the description {text!r}: {allowed}"


def _shown(item: Item) -> str:
    return ", ".join(f"{key}: {value}" for key, value in item.items() if value is not None)


def _port_problems(head: str, item: Item, protocol: str) -> Iterator[str]:
    given = [*as_list(item.get("port")), *as_list(item.get("ports"))]
    if protocol not in ("tcp", "udp"):
        if given:
            yield f"{head}: protocol {protocol} has no ports ({_shown(item)})"
        return
    if not given:
        yield f"{head}: a rule for {protocol} has no port ({_shown(item)}); for all of them say ports: 0-65535"
        return
    try:
        ranges = port_ranges(item, protocol)
    except ValueError:
        yield f"{head}: {_listed(given)} is not a port or a range such as 8000-8010"
        return
    for first, last in ranges:
        if not 0 <= first <= last <= 65535:
            yield f"{head}: {first if first == last else f'{first}-{last}'} is not within ports 0 to 65535 in order"


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in values)


def _peer(head: str, peer: str, known: Iterable[str] | None) -> Iterator[str]:
    if is_cidr(peer):
        try:
            block = ipaddress.ip_network(peer, strict=False)
        except ValueError:
            yield f"{head}: {peer} is not a CIDR"
            return
        if str(block) != str(ipaddress.ip_interface(peer)):
            yield f"{head}: {peer} is not where a block starts; {block} is"
    elif known is None:
        yield f"{head}: {peer} is not a CIDR, and a network ACL knows nothing else"
    elif peer not in known and not is_id(peer):
        yield f"{head}: {peer} is no security group; there are {_listed(sorted(known)) or 'none'}"


def _interfaces(spec: Item) -> list[str]:
    return [str(service) for service in spec.get("endpoints") or () if service not in GATEWAY_SERVICES]


def _endpoints(spec: Item) -> Iterator[str]:
    vpc, subnets = spec.get("vpc") or {}, spec.get("subnets") or []
    for service in spec.get("endpoints") or ():
        if not isinstance(service, str) or not re.fullmatch(r"[a-z0-9.\-]+", service):
            yield f"networking_endpoints: {service} is not a service such as s3 or ecr.api"
    interfaces = _interfaces(spec)
    home = of_tier(subnets, "private") or of_tier(subnets, "public")
    if interfaces and not home:
        yield f"networking_endpoints: {interfaces[0]} needs a private or public subnet to be in"
    if interfaces and not adopted(spec) and False in (vpc.get("dns_support"), vpc.get("dns_hostnames")):
        yield f"networking_endpoints: {interfaces[0]} needs dns_support and dns_hostnames of networking_vpc"


def _acls(spec: Item) -> Iterator[str]:
    for tier, sides in (spec.get("acls") or {}).items():
        if tier not in TIERS:
            yield f"networking_acls: {tier} is none of {', '.join(TIERS)}"
            continue
        for direction in DIRECTIONS:
            head = f"networking_acls: {tier}: {direction}"
            items = (sides or {}).get(direction) or ()
            for item in items:
                yield from _rule(head, item, direction, None)
            numbers = [item["number"] for item in items if isinstance(item, Mapping) and item.get("number")]
            yield from _twice(f"{head}: number", [str(number) for number in numbers])
            for number in numbers:
                if not 1 <= int(number) <= 32766:
                    yield f"{head}: number {number} is not within 1 to 32766"


def _acl_sizes(spec: Item) -> Iterator[str]:
    if not spec.get("acls_managed", True):
        return
    for tier, sides in acls({**spec, "subnets": spec.get("subnets") or []}).items():
        for direction, entries in sides.items():
            if len(entries) > ACL_RULES:
                yield (
                    f"networking_acls: {tier}: {direction} comes to {len(entries)} rules, AWS takes {ACL_RULES}; "
                    f"give the tier rules of its own, or set networking_acls_managed to false"
                )


def _default_group(spec: Item) -> Iterator[str]:
    if spec.get("lock_default_security_group") and adopted(spec):
        yield (
            f"networking_lock_default_security_group is set, but the VPC {adopted(spec)} is adopted: "
            "its default security group is its owner's"
        )
