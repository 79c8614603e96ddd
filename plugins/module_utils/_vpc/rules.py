# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of security groups and network ACLs: from the inventory, to and from AWS's shapes. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import ANYWHERE

INGRESS, EGRESS = "ingress", "egress"
DIRECTIONS = (INGRESS, EGRESS)
PEER = {INGRESS: "from", EGRESS: "to"}
ALL = "all"
EVERY_PORT = (0, 65535)
ANY = (-1, -1)
# Network ACLs know protocols by their numbers, security groups the common ones by their names.
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", ALL: "-1"}
_NAMES = {number: name for name, number in _NUMBERS.items()}
_LAST_ENTRY = 32767  # the "deny the rest" that AWS ends every network ACL with


@dataclass(frozen=True, order=True)
class Rule:
    """What may pass, one peer at a time.

    protocol: tcp, udp, icmp, all, or a protocol's number
    first, last: ports; for icmp its type and code; -1 for any
    peer: a CIDR, the name of a security group, or the id of a group or prefix list that is not ours
    """

    protocol: str
    first: int
    last: int
    peer: str

    @property
    def ports(self) -> str:
        if (self.first, self.last) == ANY:
            return ""
        if self.protocol == "icmp":
            return f"{self.first}/{self.last}"
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def text(self, direction: str) -> str:
        """`tcp 443 from 0.0.0.0/0`"""
        return " ".join(filter(None, (self.protocol, self.ports, PEER[direction], self.peer)))


@dataclass(frozen=True, order=True)
class Entry:
    """A rule of a network ACL, under its number."""

    action: str  # allow | deny
    rule: Rule

    def text(self, number: int, direction: str) -> str:
        return f"{number} {self.action} {self.rule.text(direction)}"


DEFAULT_EGRESS = Rule(ALL, *ANY, ANYWHERE)  # what AWS gives a new security group


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def is_cidr(peer: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-fA-F.:]+/\d+", peer))


def is_id(peer: str) -> bool:
    """Whether a peer is the id of a prefix list or of somebody else's security group."""
    return bool(re.fullmatch(r"(pl|sg)-[0-9a-f]{8,17}", peer))


def port_ranges(item: Mapping[str, Any], protocol: str) -> list[tuple[int, int]]:
    """The ports of an item of the inventory: `port: 80`, `ports: 8000-8010`, `ports: [80, 8000-8010]`.

    ValueError where they cannot be read.
    """
    if protocol == "icmp":
        return [(_number(item, "icmp_type"), _number(item, "icmp_code"))]
    if protocol not in ("tcp", "udp"):
        return [ANY]
    ranges = []
    for given in [*as_list(item.get("port")), *as_list(item.get("ports"))]:
        first, dash, last = str(given).replace(" ", "").partition("-")
        ranges.append((int(first), int(last if dash else first)))
    return ranges or [EVERY_PORT]


def _number(item: Mapping[str, Any], field: str) -> int:
    return -1 if item.get(field) is None else int(item[field])


def expand(item: Mapping[str, Any], direction: str) -> list[Rule]:
    """The rules that one item of the inventory stands for: one for each of its ports and peers."""
    protocol = str(item.get("protocol") or "tcp").lower()
    protocol = _NAMES.get(protocol, protocol)
    peers = [canonical(str(peer)) for peer in as_list(item.get(PEER[direction]))]
    return [Rule(protocol, *ports, peer) for peer in peers for ports in port_ranges(item, protocol)]


def within(narrow: str, wide: str) -> bool:
    """Whether one CIDR lies in another."""
    inner, outer = ipaddress.ip_network(narrow, strict=False), ipaddress.ip_network(wide, strict=False)
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def canonical(peer: str) -> str:
    return str(ipaddress.ip_network(peer, strict=False)) if is_cidr(peer) else peer


def group_rules(items: Iterable[Mapping[str, Any]], direction: str) -> dict[Rule, str | None]:
    """{rule: description, None where it is not managed} of one direction of a security group of the inventory."""
    return {rule: item.get("description") for item in items for rule in expand(item, direction)}


# ---- security groups, AWS's shape


def from_permissions(permissions: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> dict[Rule, str]:
    """{rule: description} of IpPermissions. `names` are our groups' names by id."""
    rules: dict[Rule, str] = {}
    for permission in permissions:
        protocol = _NAMES.get(permission["IpProtocol"], permission["IpProtocol"])
        ports = (permission.get("FromPort", -1), permission.get("ToPort", -1)) if protocol != ALL else ANY
        for key, field, _rest in _SOURCES:
            for source in permission.get(key, ()):
                peer = source[field]
                rules[Rule(protocol, ports[0], ports[1], names.get(peer, peer))] = source.get("Description", "")
    return rules


_SOURCES: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    ("Ipv6Ranges", "CidrIpv6", lambda peer: is_cidr(peer) and ":" in peer),
    ("IpRanges", "CidrIp", is_cidr),
    ("PrefixListIds", "PrefixListId", lambda peer: bool(re.fullmatch(r"pl-[0-9a-f]+", peer))),
    ("UserIdGroupPairs", "GroupId", lambda peer: True),
)


def permissions(rules: Mapping[Rule, str | None], ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """IpPermissions of {rule: description}. `ids` are our groups' ids by name."""
    result = []
    for rule, description in rules.items():
        key, field, _rest = next(source for source in _SOURCES if source[2](rule.peer))
        source = {field: ids.get(rule.peer, rule.peer), **({"Description": description} if description else {})}
        ports = {} if rule.protocol == ALL else {"FromPort": rule.first, "ToPort": rule.last}
        result.append({"IpProtocol": "-1" if rule.protocol == ALL else rule.protocol, **ports, key: [source]})
    return result


# ---- network ACLs, AWS's shape


def numbered(items: Iterable[tuple[int | None, str, Rule]]) -> dict[int, Entry]:
    """Entries under their numbers; those without one are counted in tens from 100, or on from the last."""
    entries: dict[int, Entry] = {}
    following = 100
    for number, action, rule in items:
        place = following if number is None else number
        while place in entries:
            place += 1
        entries[place] = Entry(action, rule)
        following = (place // 10 + 1) * 10
    return entries


def acl_entries(items: Iterable[Mapping[str, Any]], direction: str) -> dict[int, Entry]:
    """The entries of one direction of a network ACL of the inventory."""
    return numbered(
        (
            item["number"] + place if item.get("number") is not None else None,
            str(item.get("action") or "allow"),
            rule,
        )
        for item in items
        for place, rule in enumerate(expand(item, direction))
    )


def from_entries(entries: Iterable[Mapping[str, Any]]) -> dict[str, dict[int, Entry]]:
    """{direction: {number: entry}} of a network ACL's Entries, without AWS's own last ones."""
    found: dict[str, dict[int, Entry]] = {INGRESS: {}, EGRESS: {}}
    for entry in entries:
        if entry["RuleNumber"] >= _LAST_ENTRY:
            continue
        protocol = _NAMES.get(str(entry["Protocol"]), str(entry["Protocol"]))
        first, last = _entry_ports(entry, protocol)
        rule = Rule(protocol, first, last, entry.get("CidrBlock") or entry.get("Ipv6CidrBlock", ""))
        found[EGRESS if entry["Egress"] else INGRESS][entry["RuleNumber"]] = Entry(entry["RuleAction"], rule)
    return found


def _entry_ports(entry: Mapping[str, Any], protocol: str) -> tuple[int, int]:
    if protocol == "icmp":
        kind = entry.get("IcmpTypeCode") or {}
        return kind.get("Type", -1), kind.get("Code", -1)
    ports = entry.get("PortRange")
    if ports and protocol in ("tcp", "udp"):
        return ports["From"], ports["To"]
    return ANY


def to_entry(number: int, entry: Entry, direction: str) -> dict[str, Any]:
    """Arguments of CreateNetworkAclEntry and ReplaceNetworkAclEntry, but for the ACL's id."""
    rule = entry.rule
    arguments: dict[str, Any] = {
        "RuleNumber": number,
        "Egress": direction == EGRESS,
        "RuleAction": entry.action,
        "Protocol": _NUMBERS.get(rule.protocol, rule.protocol),
        "Ipv6CidrBlock" if ":" in rule.peer else "CidrBlock": rule.peer,
    }
    if rule.protocol == "icmp":
        arguments["IcmpTypeCode"] = {"Type": rule.first, "Code": rule.last}
    elif rule.protocol in ("tcp", "udp"):
        arguments["PortRange"] = {"From": rule.first, "To": rule.last}
    return arguments
