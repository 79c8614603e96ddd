# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that bring load balancers and target groups from what is to what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._elbv2 import checks
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, managed, require_ours
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare, differing
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, Judgement, failed

problems = checks.problems  # preflight asks every plan for it

LOAD_BALANCER = "load balancer"
TARGET_GROUP = "target group"
UNKNOWN = "(known after networking)"  # an id that check mode on an empty account cannot know
Wanted = dict[str, dict[str, Any]]

_TARGET_GROUP_FIXED = ("port", "protocol", "protocol_version", "target_type", "vpc_id")
_TARGET_GROUP_HINT = (
    "AWS cannot change that. List a target group of another name with the new settings, let listeners and services use "
    "it, and take this one out of the inventory after that run."
)
_SCHEME_HINT = (
    "AWS cannot change the scheme. List a second load balancer of another name with the new one, move DNS to it, then "
    "remove this one; or put the old value back."
)


def refuse_problems(items: Sequence[Mapping[str, Any]], stack: Stack) -> None:
    """Raise where the inventory's load balancers cannot be made as they are written, before anything is read."""
    found = problems({checks.VARIABLE: items, "stack_name": stack.name, "stack_environment": stack.environment})
    if found:
        raise SlipwayError("The load balancers cannot be made as they are written", " ".join(found))


def aws_names(items: Iterable[Mapping[str, Any]], stack: Stack) -> dict[str, str]:
    """{the inventory's name: AWS's name}"""
    return {item["name"]: item.get("aws_name") or stack.named(item["name"]) for item in items}


def target_group_items(balancers: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The target groups of all load balancers; one that is listed twice belongs to the first."""
    found: dict[str, Mapping[str, Any]] = {}
    for balancer in balancers:
        for item in balancer.get("target_groups") or []:
            found.setdefault(item["name"], item)
    return list(found.values())


def desired_target_groups(balancers: Iterable[Mapping[str, Any]], vpc_id: str, stack: Stack) -> Wanted:
    """The target groups in the shape of describe. What is None stays as it is."""
    items = target_group_items(balancers)
    names = aws_names(items, stack)
    return {
        item["name"]: {
            "aws_name": names[item["name"]],
            "port": item["port"],
            "protocol": (item.get("protocol") or "HTTP").upper(),
            "protocol_version": item.get("protocol_version"),
            "target_type": item.get("target_type") or "ip",
            "vpc_id": vpc_id or UNKNOWN,
            **health_check(item.get("health_check") or {}),
            "deregistration_delay": item.get("deregistration_delay"),
            "slow_start": item.get("slow_start"),
            "algorithm": item.get("algorithm"),
            **stickiness(item.get("stickiness")),
            "tags": stack.owned(),
        }
        for item in items
    }


def health_check(item: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        f"health_check.{field}": item.get(field)
        for field in ("path", "interval", "timeout", "healthy", "unhealthy", "matcher")
    }
    protocol, port = item.get("protocol"), item.get("port")
    return {
        **fields,
        "health_check.protocol": protocol.upper() if protocol else None,
        "health_check.port": str(port) if port else None,
    }


def stickiness(item: Mapping[str, Any] | None) -> dict[str, Any]:
    """Cookies of the load balancer, or of the application where a cookie's name is given."""
    if not item:
        return {}
    if item.get("enabled") is False:
        return {"stickiness.enabled": False}
    cookie = item.get("cookie")
    duration = "stickiness.cookie_duration" if cookie else "stickiness.duration"
    return {
        "stickiness.enabled": True,
        "stickiness.type": "app_cookie" if cookie else "lb_cookie",
        "stickiness.cookie": cookie,
        duration: item.get("duration"),
    }


def desired_load_balancers(
    items: Iterable[Mapping[str, Any]],
    subnets: Mapping[str, Mapping[str, Any]],
    security_groups: Mapping[str, str],
    stack: Stack,
) -> Wanted:
    """The load balancers in the shape of describe.

    subnets: {name: {id, tier, zone}} and security_groups: {name: id}, as networking_result has them
    """
    wanted: Wanted = {}
    for item in items:
        logs = item.get("access_logs") or {}
        wanted[item["name"]] = {
            "aws_name": item.get("aws_name") or stack.named(item["name"]),
            "scheme": scheme(item),
            "subnets": frozenset(pick_subnets(tier(item), subnets)),
            # None listed leaves AWS's default at first, and what is there later: a load balancer cannot have none.
            "security_groups": frozenset(group_id(name, security_groups) for name in item.get("security_groups") or [])
            or None,
            **{
                field: item.get(field)
                for field in ("idle_timeout", "keep_alive", "http2", "deletion_protection", "drop_invalid_headers")
            },
            "access_logs.enabled": logs.get("enabled", True) if logs else None,
            "access_logs.bucket": logs.get("bucket"),
            "access_logs.prefix": logs.get("prefix"),
            "tags": stack.owned(),
        }
    return wanted


def scheme(item: Mapping[str, Any]) -> str:
    return item.get("scheme") or "internet-facing"


def tier(item: Mapping[str, Any]) -> str:
    """The tier of subnets that a load balancer stands in: the public one, an internal one in the private one."""
    return item.get("subnets") or ("public" if scheme(item) == "internet-facing" else "private")


def pick_subnets(wanted_tier: str, subnets: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One subnet in each zone of the tier, the first in the inventory's order: AWS takes no second one in a zone."""
    zones: dict[str, str] = {}
    for name, subnet in subnets.items():
        if subnet.get("tier") == wanted_tier:
            zones.setdefault(subnet.get("zone") or name, subnet.get("id") or UNKNOWN)
    return list(zones.values()) or [UNKNOWN]


def group_id(name: str, ids: Mapping[str, str]) -> str:
    """A security group's id, by its name in the inventory or given as it is."""
    return name if name.startswith("sg-") else ids.get(name) or UNKNOWN


def plan(
    balancers: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Mapping[str, Any]],
    wanted_balancers: Wanted,
    wanted_groups: Wanted,
    stack: Stack,
) -> list[Change]:
    """Target groups first, then load balancers. Refuses what is not ours and what AWS cannot change."""
    changes = []
    for resource, current, wanted in (
        (TARGET_GROUP, groups, wanted_groups),
        (LOAD_BALANCER, balancers, wanted_balancers),
    ):
        for name, have in current.items():
            require_ours(stack, resource, have["aws_name"], have["tags"])
            refuse_fixed(resource, name, have, wanted[name])
        known = {name: {**have, "tags": managed(have["tags"], wanted[name]["tags"])} for name, have in current.items()}
        changes += compare(resource, known, {name: settle(item, name in current) for name, item in wanted.items()})
    return changes


def settle(wanted: Mapping[str, Any], exists: bool) -> dict[str, Any]:
    """Without the ids that are not known yet, where the thing exists: a difference to them says nothing."""
    return {field: None if exists and unknown(value) else value for field, value in wanted.items()}


def unknown(value: Any) -> bool:
    return value == UNKNOWN or (isinstance(value, frozenset) and UNKNOWN in value)


def refuse_fixed(resource: str, name: str, have: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise where a field differs that AWS sets once and for all."""
    fields = ("scheme",) if resource == LOAD_BALANCER else _TARGET_GROUP_FIXED
    fixed = {field: wanted.get(field) for field in fields if not unknown(wanted.get(field))}
    differ = differing(have, fixed)
    if differ:
        raise SlipwayError(
            f"{resource} {name} cannot be changed to what alb_load_balancers says",
            ", ".join(f"{field} is {have.get(field)}, wanted {value}" for field, value in differ.items()),
            _SCHEME_HINT if resource == LOAD_BALANCER else _TARGET_GROUP_HINT,
        )


def refuse_unknown(changes: Iterable[Change]) -> None:
    """Raise where a change needs an id that nobody has given. For real runs; check mode prints the placeholder."""
    for change in changes:
        after = change.after if isinstance(change.after, Mapping) else {}
        fields = sorted(field for field, value in after.items() if unknown(value))
        if fields:
            raise SlipwayError(
                f"{change.resource} {change.name} cannot be made",
                f"networking gave no ids for {', '.join(fields)}",
                "Check that the subnets' tier and the security groups' names stand in networking_subnets and "
                "networking_security_groups, and that role networking has run.",
            )


def plan_removal(
    balancers: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Mapping[str, Any]], stack: Stack
) -> list[Change]:
    """Load balancers first: a target group cannot go while a listener names it. What is not ours stays."""
    ours = {name: have for name, have in balancers.items() if stack.owns(have["tags"])}
    protected = [name for name, have in ours.items() if have.get("deletion_protection")]
    if protected:
        raise SlipwayError(
            f"Load balancer {', '.join(protected)} is protected against deletion",
            "deletion_protection is on",
            "Set deletion_protection: false for it in alb_load_balancers, run the provisioning once, then remove.",
        )
    changes = [Change("delete", LOAD_BALANCER, name, {"dns_name": have["dns_name"]}) for name, have in ours.items()]
    return changes + [
        Change("delete", TARGET_GROUP, name, {"full_name": have["full_name"]})
        for name, have in groups.items()
        if stack.owns(have["tags"])
    ]


def judge_active(balancers: Sequence[Mapping[str, Any]]) -> Judgement:
    """Over load balancers as described: done when all serve, failed when one never will."""
    for have in balancers:
        if have["state"] == "failed":
            return failed(f"{have['aws_name']} is in state failed: {have['reason'] or 'AWS gives no reason'}")
    waiting = [f"{have['aws_name']} is {have['state']}" for have in balancers if have["state"] == "provisioning"]
    return Judgement("pending", ", ".join(waiting)) if waiting else DONE
