# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Default rules of the network ACLs: a second layer behind the security groups, which does not get in their way. Pure.

An ACL has no memory: an answer has to be let through like a question, and it comes to a port between 1024 and 65535
(a load balancer, a NAT gateway and Fargate's Linux take theirs from that range). What AWS itself serves inside the VPC
(DNS at the second address, time, task metadata) does not pass an ACL.
https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html
https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import ANYWHERE, TIERS
from ansible_collections.slipway.aws.plugins.module_utils._vpc.rules import (
    ALL,
    ANY,
    EGRESS,
    INGRESS,
    Entry,
    Rule,
    acl_entries,
    expand,
    is_cidr,
    numbered,
    within,
)

EPHEMERAL = (1024, 65535)
WEB = (80, 443)
STORES = (5432, 6379, 6380)  # PostgreSQL, Redis, and the reader of a serverless cache
# "Fragmentation needed": without it, packets larger than a link on the way takes vanish.
FRAGMENTATION = ("icmp", 3, 4)

Sides = dict[str, dict[int, Entry]]


def acls(spec: Mapping[str, Any]) -> dict[str, Sides]:
    """{tier: {direction: {number: entry}}} of the tiers that have subnets: the inventory's rules, else the default."""
    tiers = ranges(spec["subnets"])
    own: Mapping[str, Any] = spec.get("acls") or {}
    found: dict[str, Sides] = {}
    for tier in [tier for tier in TIERS if tiers[tier]]:
        given = own.get(tier) or {}
        found[tier] = {
            direction: numbered((None, "allow", rule) for rule in default_rules(spec, tiers, tier, direction))
            if given.get(direction) is None
            else acl_entries(given[direction], direction)
            for direction in (INGRESS, EGRESS)
        }
    return found


def ranges(subnets: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """{tier: CIDRs of its subnets, neighbours joined}"""
    given: dict[str, list[ipaddress.IPv4Network]] = {tier: [] for tier in TIERS}
    for subnet in subnets:
        given[subnet["tier"]].append(ipaddress.IPv4Network(subnet["cidr"], strict=False))
    return {tier: [str(net) for net in ipaddress.collapse_addresses(nets)] for tier, nets in given.items()}


def default_rules(spec: Mapping[str, Any], tiers: Mapping[str, list[str]], tier: str, direction: str) -> list[Rule]:
    """The rules of one direction of a tier, each once and none that another one covers."""
    rules = {
        ("public", INGRESS): _public_in,
        ("public", EGRESS): _public_out,
        ("private", INGRESS): _private_in,
        ("private", EGRESS): _private_out,
        ("database", INGRESS): _database_in,
        ("database", EGRESS): _database_out,
    }[tier, direction](spec, tiers)
    kept: list[Rule] = []
    for rule in rules:
        if not any(covers(other, rule) for other in kept):
            kept = [other for other in kept if not covers(rule, other)] + [rule]
    return kept


def covers(wide: Rule, narrow: Rule) -> bool:
    """Whether everything that `narrow` lets through passes `wide` too."""
    if wide.protocol not in (ALL, narrow.protocol) or not within(narrow.peer, wide.peer):
        return False
    if wide.protocol == ALL or (wide.first, wide.last) == ANY:
        return True
    if wide.protocol == "icmp":
        return (wide.first, wide.last) == (narrow.first, narrow.last)
    return wide.first <= narrow.first and narrow.last <= wide.last


def _public_in(spec: Mapping[str, Any], tiers: Mapping[str, list[str]]) -> list[Rule]:
    """The web; answers to load balancers and NAT gateways; whatever private subnets send out through NAT."""
    return [
        *_ports(WEB, [ANYWHERE]),
        *_range("tcp", EPHEMERAL, [ANYWHERE]),
        Rule(*FRAGMENTATION, ANYWHERE),
        *_all(tiers["public"] + tiers["private"]),
        *outside(spec, INGRESS),
        *answers(outside(spec, EGRESS)),
    ]


def _public_out(spec: Mapping[str, Any], tiers: Mapping[str, list[str]]) -> list[Rule]:
    """What load balancers ask of tasks, what NAT passes on, answers to clients."""
    return [
        *_ports(WEB, [ANYWHERE]),
        *_range("tcp", EPHEMERAL, [ANYWHERE]),
        Rule(*FRAGMENTATION, ANYWHERE),
        *_all(tiers["public"] + tiers["private"]),
        *outside(spec, EGRESS),
        *answers(outside(spec, INGRESS)),
    ]


def _private_in(spec: Mapping[str, Any], tiers: Mapping[str, list[str]]) -> list[Rule]:
    """Load balancers and neighbours; answers from stores, and from the internet through NAT or a gateway endpoint."""
    return [
        *_all(tiers["private"] + tiers["public"]),
        *_range("tcp", EPHEMERAL, [ANYWHERE]),
        Rule(*FRAGMENTATION, ANYWHERE),
        *[rule for rule in outside(spec, INGRESS) if rule.peer != ANYWHERE],
        *answers(outside(spec, EGRESS)),
    ]


def _private_out(spec: Mapping[str, Any], tiers: Mapping[str, list[str]]) -> list[Rule]:
    """Neighbours, answers to load balancers, the web, the stores, and what a security group lets out elsewhere."""
    return [
        *_all(tiers["private"]),
        *_ports(WEB, [ANYWHERE]),
        *_range("tcp", EPHEMERAL, tiers["public"]),
        *_ports(stores(spec), tiers["database"]),
        Rule(*FRAGMENTATION, ANYWHERE),
        *outside(spec, EGRESS),
        *[rule for rule in answers(outside(spec, INGRESS)) if rule.peer != ANYWHERE],
    ]


def _database_in(spec: Mapping[str, Any], tiers: Mapping[str, list[str]]) -> list[Rule]:
    """Questions to the stores from where tasks run, and replication."""
    return [*_ports(stores(spec), tiers["private"] or tiers["public"]), *_all(tiers["database"])]


def _database_out(_spec: Mapping[str, Any], tiers: Mapping[str, list[str]]) -> list[Rule]:
    """Answers, and replication. Nothing beyond the VPC."""
    return [*_range("tcp", EPHEMERAL, tiers["private"] or tiers["public"]), *_all(tiers["database"])]


def _ports(ports: Iterable[int], peers: Iterable[str]) -> list[Rule]:
    return [Rule("tcp", port, port, peer) for peer in peers for port in ports]


def _range(protocol: str, ports: tuple[int, int], peers: Iterable[str]) -> list[Rule]:
    return [Rule(protocol, *ports, peer) for peer in peers]


def _all(peers: Iterable[str]) -> list[Rule]:
    return [Rule(ALL, *ANY, peer) for peer in peers]


def outside(spec: Mapping[str, Any], direction: str) -> list[Rule]:
    """Rules of the security groups that name addresses outside the VPC."""
    return [
        rule
        for group in spec.get("security_groups") or ()
        for item in group.get(direction) or ()
        for rule in expand(item, direction)
        if is_cidr(rule.peer) and ":" not in rule.peer and not within(rule.peer, spec["cidr"])
    ]


def answers(rules: Iterable[Rule]) -> list[Rule]:
    """What has to come back where `rules` let something through."""
    back: list[Rule] = []
    for rule in rules:
        for protocol in ("tcp", "udp", "icmp") if rule.protocol == ALL else (rule.protocol,):
            back.append(Rule(protocol, *(EPHEMERAL if protocol in ("tcp", "udp") else ANY), rule.peer))
    return back


def stores(spec: Mapping[str, Any]) -> list[int]:
    """Ports of databases and caches: the usual ones, and what security groups take that give nothing out."""
    taken = {
        port
        for group in spec.get("security_groups") or ()
        if not group.get(EGRESS)
        for item in group.get(INGRESS) or ()
        for rule in expand(item, INGRESS)
        if rule.protocol == "tcp" and rule.last - rule.first < 10
        for port in range(rule.first, rule.last + 1)
    }
    return sorted(taken | set(STORES))
