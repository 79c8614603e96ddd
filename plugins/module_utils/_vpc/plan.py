# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that bring a network from what is to what is wanted, in the order of their doing. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, managed, owner, require_ours
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare
from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import (
    ANYWHERE_6,
    DEFAULT_GROUP,
    ELASTIC_IP,
    ENDPOINT,
    INTERNET,
    INTERNET_GATEWAY,
    KINDS,
    NAT_GATEWAY,
    NETWORK_ACL,
    NETWORK_ACL_ASSOCIATION,
    NETWORK_ACL_RULES,
    ROUTE,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SECURITY_GROUP,
    SECURITY_GROUP_RULES,
    SUBNET,
    VPC,
    Network,
)
from ansible_collections.slipway.aws.plugins.module_utils._vpc.problems import problems
from ansible_collections.slipway.aws.plugins.module_utils._vpc.rules import (
    ALL,
    ANY,
    DEFAULT_EGRESS,
    DIRECTIONS,
    EGRESS,
    Entry,
    Rule,
)

__all__ = ["acl_rules", "group_rules", "plan", "plan_removal", "problems", "refuse_adoption"]

# What to add, what to take away, and which descriptions to put right: {rule: description}
Difference = tuple[dict[Rule, "str | None"], dict[Rule, "str | None"], dict[Rule, str]]
UNLISTED = "not in the inventory"
# What AWS cannot change once it is made.
FIXED = {VPC: ("cidr",), SUBNET: ("cidr", "zone"), SECURITY_GROUP: ("aws_name", "description"), ENDPOINT: ("type",)}
# Fields that are changes of their own, or that only say where something may be.
_APART = ("ingress", "egress", "default_route", "subnets_allowed", "tier")


def plan(current: Network, wanted: Network, stack: Stack) -> list[Change]:
    """Raises SlipwayError where something is not ours, or cannot be changed in place."""
    refuse_foreign(current, wanted, stack)
    return [
        *_compared(VPC, current, wanted),
        *_gateways(current, wanted),
        *_compared(SUBNET, current, wanted),
        *_compared(ELASTIC_IP, current, wanted),
        *_compared(ROUTE_TABLE, current, wanted),
        *_compared(NETWORK_ACL, current, wanted),
        *_compared(SECURITY_GROUP, current, wanted),
        *_nats(current, wanted),
        *group_rules(current, wanted),
        *_default_group(current, wanted),
        *acl_rules(current, wanted),
        *_compared(ENDPOINT, current, wanted),
        *_routes(current, wanted),
        *_associations(NETWORK_ACL_ASSOCIATION, current.acl_of, wanted.acl_of, current.network_acls, wanted.subnets),
        *_associations(ROUTE_TABLE_ASSOCIATION, current.table_of, wanted.table_of, {}, wanted.subnets),
        *_unlisted(current, wanted),
    ]


def refuse_foreign(current: Network, wanted: Network, stack: Stack) -> None:
    """Raise where somebody else has our name, our addresses or the endpoint that we want."""
    ours = {
        kind: {it.get("aws_name") or it["tags"]["Name"]: it for it in wanted.items(kind).values()} for kind in KINDS
    }
    for other in current.foreign:
        kind, name = other["resource"], other["name"]
        if name in ours[kind] and (other["inside"] or kind in (VPC, ELASTIC_IP)):
            require_ours(stack, kind, f"{name} ({other['id']})", other["tags"])
        if kind == INTERNET_GATEWAY and other["inside"] and wanted.internet_gateways and wanted.vpcs:
            require_ours(stack, kind, f"{name} ({other['id']}) of our VPC", other["tags"])
        if kind == SUBNET:
            _refuse_overlap(other, wanted)
        if kind == ENDPOINT and other["service"] in _interface_services(wanted):
            raise SlipwayError(
                f"The VPC has an endpoint {other['id']} for {other['service']} already",
                f"it belongs to {owner(other['tags'])}, and private DNS names cannot be there twice",
                "Nothing was changed. Use theirs and take the service out of networking_endpoints.",
                owner=owner(other["tags"]),
            )


def refuse_adoption(current: Network, wanted: Network, cidr: str) -> None:
    """Raise where the VPC that is adopted is not the one that the inventory describes."""
    for vpc in current.vpcs.values():
        if cidr not in vpc["cidrs"]:
            raise SlipwayError(
                f"networking_cidr is {cidr}, but the adopted VPC {vpc['id']} has {', '.join(vpc['cidrs'])}",
                hint="Nothing was changed. Set networking_cidr to the VPC's block that the stack's subnets are in.",
            )
        missing = [name for name in ("dns_support", "dns_hostnames") if not vpc[name]]
        if missing and _interface_services(wanted):
            raise SlipwayError(
                f"The adopted VPC {vpc['id']} has no {' and no '.join(missing)}",
                "networking_endpoints needs both for its private DNS names",
                "Nothing was changed. Have its owner switch them on, or leave out the interface endpoints.",
            )


def _interface_services(wanted: Network) -> set[str]:
    return {it["service_name"] for it in wanted.endpoints.values() if it["type"] == "Interface"}


def _refuse_overlap(other: Mapping[str, Any], wanted: Network) -> None:
    theirs = ipaddress.IPv4Network(other["cidr"])
    for name, it in wanted.subnets.items():
        if theirs.overlaps(ipaddress.IPv4Network(it["cidr"])):
            raise SlipwayError(
                f"networking_subnets: {name} ({it['cidr']}) overlaps subnet {other['name']} ({theirs}, {other['id']})",
                f"that one belongs to {owner(other['tags'])}",
                "Nothing was changed. Choose a free block of the VPC.",
                owner=owner(other["tags"]),
            )


def _compared(kind: str, current: Network, wanted: Network) -> list[Change]:
    """Missing ones are created, what differs is updated; nothing is deleted here."""
    want = {name: _own_fields(it) for name, it in wanted.items(kind).items()}
    have = {
        name: {**it, "tags": managed(it["tags"], want[name]["tags"])}
        for name, it in current.items(kind).items()
        if name in want
    }
    return compare(kind, have, want, fixed=FIXED.get(kind, ()))


def _own_fields(it: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in it.items() if field not in _APART}


def _gateways(current: Network, wanted: Network) -> list[Change]:
    """The internet gateway; one that an adopted VPC has is used as it is."""
    have = current.internet_gateways.get(INTERNET, {})
    if have.get("adopted"):
        return []
    changes = _compared(INTERNET_GATEWAY, current, wanted)
    if have and wanted.internet_gateways and not have["attached"]:
        detached = Change(
            "update", INTERNET_GATEWAY, INTERNET, {"attached": ""}, {"attached": "VPC"}, "not attached to the VPC"
        )
        return [*changes, detached]
    return changes


def _nats(current: Network, wanted: Network) -> list[Change]:
    """A NAT gateway stays where it is while that is one of the places for it."""
    changes: list[Change] = []
    for name, want in wanted.nat_gateways.items():
        have = current.nat_gateways.get(name)
        places = want["subnets"]
        subnet = have["subnet"] if have and have["subnet"] in places else places[0]
        known = {name: {**have, "tags": managed(have["tags"], want["tags"])}} if have else {}
        changes += compare(NAT_GATEWAY, known, {name: {"subnet": subnet, "tags": want["tags"]}}, fixed=("subnet",))
    return changes


# ---- rules


def group_rules(current: Network, wanted: Network) -> list[Change]:
    changes: list[Change] = []
    for name, want in wanted.security_groups.items():
        for direction in DIRECTIONS:
            have = known_rules(current, name, direction)
            changes += _rule_change(SECURITY_GROUP_RULES, f"{name} {direction}", have, want[direction], direction)
    return changes


def known_rules(current: Network, name: str, direction: str) -> dict[Rule, str]:
    """The rules of a group; one that is yet to be made starts with what AWS gives it."""
    if name in current.security_groups:
        return dict(current.security_groups[name][direction])
    if direction != EGRESS:
        return {}
    ipv6 = any(vpc.get("ipv6") for vpc in current.vpcs.values())
    return {DEFAULT_EGRESS: "", **({Rule(ALL, *ANY, ANYWHERE_6): ""} if ipv6 else {})}


def rule_difference(have: Mapping[Rule, str], want: Mapping[Rule, str | None]) -> Difference:
    """What to add, what to take away, and which descriptions to put right."""
    add = {rule: text for rule, text in want.items() if rule not in have}
    take: dict[Rule, str | None] = {rule: text for rule, text in have.items() if rule not in want}
    texts = {rule: text for rule, text in want.items() if text is not None and rule in have and have[rule] != text}
    return add, take, texts


def _rule_change(
    kind: str, name: str, have: Mapping[Rule, str], want: Mapping[Rule, str | None], direction: str
) -> list[Change]:
    add, take, texts = rule_difference(have, want)
    before = [*_texts(take, direction), *_described({rule: have[rule] for rule in texts}, direction)]
    after = [*_texts(add, direction), *_described(texts, direction)]
    return _listing(kind, name, before, after)


def _texts(rules: Iterable[Rule], direction: str) -> list[str]:
    return [rule.text(direction) for rule in sorted(rules)]


def _described(rules: Mapping[Rule, str], direction: str) -> list[str]:
    return [f"{rule.text(direction)} ({text})" for rule, text in sorted(rules.items())]


def _listing(kind: str, name: str, before: list[str], after: list[str]) -> list[Change]:
    """One change for what goes and comes in a list, none where nothing does."""
    if before and after:
        return [Change("update", kind, name, before, after)]
    if after:
        return [Change("create", kind, name, None, after, ", ".join(after))]
    if before:
        return [Change("delete", kind, name, before, None, f"{UNLISTED}: {', '.join(before)}")]
    return []


def _default_group(current: Network, wanted: Network) -> list[Change]:
    """The VPC's default security group without a rule, where that is asked for."""
    if not wanted.default_group:
        return []
    have = current.default_group
    if not have:  # a VPC that is yet to be made: AWS lets the group talk to itself, and out
        have = {"ingress": {Rule(ALL, *ANY, "default"): ""}, EGRESS: {DEFAULT_EGRESS: ""}}
    return [
        change
        for direction in DIRECTIONS
        for change in _rule_change(DEFAULT_GROUP, f"default {direction}", have[direction], {}, direction)
    ]


def acl_rules(current: Network, wanted: Network) -> list[Change]:
    changes: list[Change] = []
    for tier, want in wanted.network_acls.items():
        for direction in DIRECTIONS:
            have = current.network_acls.get(tier, {}).get(direction, {})
            add, take = entry_difference(have, want[direction])
            before = [entry.text(number, direction) for number, entry in sorted(take.items())]
            after = [entry.text(number, direction) for number, entry in sorted(add.items())]
            changes += _listing(NETWORK_ACL_RULES, f"{tier} {direction}", before, after)
    return changes


def entry_difference(have: Mapping[int, Entry], want: Mapping[int, Entry]) -> tuple[dict[int, Entry], dict[int, Entry]]:
    """What to put in, and what is there instead or too much; a number in both is replaced."""
    add = {number: entry for number, entry in want.items() if have.get(number) != entry}
    take = {number: entry for number, entry in have.items() if want.get(number) != entry}
    return add, take


# ---- ways


def _routes(current: Network, wanted: Network) -> list[Change]:
    changes: list[Change] = []
    for name, want in wanted.route_tables.items():
        before = current.route_tables.get(name, {}).get("default_route", "")
        after = want["default_route"]
        if before != after:
            action: Any = "update" if before and after else "create" if after else "delete"
            changes.append(Change(action, ROUTE, name, before or None, after or None, after and f"to {after}"))
    return changes


def _associations(
    kind: str, have: Mapping[str, str], want: Mapping[str, str], leave: Iterable[str], subnets: Iterable[str]
) -> list[Change]:
    """Subnets that belong to another table or ACL. With nothing wanted, they only leave what is ours (`leave`)."""
    changes: list[Change] = []
    for subnet in subnets:
        before, after = have.get(subnet, ""), want.get(subnet, "")
        if before != after and (after or before in leave):
            action: Any = "update" if before else "create"
            changes.append(
                Change(action, kind, subnet, before or None, after or "default", f"with {after or 'default'}")
            )
    return changes


# ---- what goes


def _unlisted(current: Network, wanted: Network) -> list[Change]:
    gone = {kind: [name for name in current.items(kind) if name not in wanted.items(kind)] for kind in KINDS}
    gone[VPC] = []
    gone[INTERNET_GATEWAY] = [name for name in gone[INTERNET_GATEWAY] if not current.internet_gateways[name]["adopted"]]
    return _deletions(current, gone, UNLISTED)


def _deletions(current: Network, gone: Mapping[str, Iterable[str]], reason: str) -> list[Change]:
    changes: list[Change] = []
    for kind in (ENDPOINT, NAT_GATEWAY, ELASTIC_IP):
        changes += [_deletion(kind, name, current, reason) for name in gone[kind]]
    for name in gone[SECURITY_GROUP]:  # groups may name each other: AWS deletes none that is named
        for direction in DIRECTIONS:
            have = current.security_groups[name][direction]
            changes += _rule_change(SECURITY_GROUP_RULES, f"{name} {direction}", have, {}, direction)
    for kind in (SECURITY_GROUP, SUBNET, ROUTE_TABLE, NETWORK_ACL, INTERNET_GATEWAY, VPC):
        changes += [_deletion(kind, name, current, reason) for name in gone[kind]]
    return changes


def _deletion(kind: str, name: str, current: Network, reason: str) -> Change:
    it = current.items(kind)[name]
    shown = {field: it[field] for field in ("id", "cidr", "public_ip") if it.get(field)}
    return Change("delete", kind, name, shown, None, reason)


def plan_removal(current: Network, stack: Stack) -> list[Change]:
    """Everything of ours, in reverse order. Raises where our VPC holds what is somebody else's."""
    ours: Callable[[Mapping[str, Any]], bool] = lambda it: stack.owns(it["tags"])  # noqa: E731
    gone = {kind: [name for name, it in current.items(kind).items() if ours(it)] for kind in KINDS}
    theirs = [other for other in current.foreign if other["inside"]]
    if gone[VPC] and theirs:
        listed = ", ".join(
            f"{other['resource']} {other['name']} ({other['id']}, of {owner(other['tags'])})" for other in theirs
        )
        raise SlipwayError(
            f"VPC {stack.prefix} holds what this stack's networking has not made",
            listed,
            "Nothing was removed. Remove it with whatever made it, then repeat the run.",
        )
    return _deletions(current, gone, "")
