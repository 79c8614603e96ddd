# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that bring the roles from what is to what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import (
    ECS_TASKS,
    LARGEST,
    Place,
    document,
    normal,
    size,
    trust,
)
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, managed, require_ours
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare

ROLE = "IAM role"


def aws_name(role: Mapping[str, Any], stack: Stack) -> str:
    return str(role.get("aws_name") or stack.named(role["name"]))


def desired(roles: Iterable[Mapping[str, Any]], stack: Stack, place: Place) -> dict[str, dict[str, Any]]:
    """The inventory's roles in the shape of describe, by AWS name. What is None stays as it is."""
    wanted = {}
    for role in roles:
        name, policy = aws_name(role, stack), document(role, place)
        if len(name) > 64:
            raise SlipwayError(
                f"The name of role {role['name']} is too long",
                f"{name} has {len(name)} characters, AWS takes 64",
                "Give it a shorter aws_name.",
            )
        if size(policy) > LARGEST:
            raise SlipwayError(
                f"The policy of role {role['name']} is too long",
                f"it has {size(policy)} characters, AWS takes {LARGEST}",
                "Name fewer resources, or use patterns with * in `statements`.",
            )
        wanted[name] = {
            "trust": normal(trust(role.get("service") or ECS_TASKS, place)),
            "policy": normal(policy) or {},
            "boundary": role.get("boundary"),
            "managed_policies": sorted(role["managed_policies"]) if role.get("managed_policies") is not None else None,
            "other_policies": [] if role.get("purge") else None,
            "tags": stack.owned(name),
        }
        if role.get("purge"):
            wanted[name]["managed_policies"] = sorted(role.get("managed_policies") or [])
    return wanted


def listed(wanted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The roles of which it matters what is attached to them."""
    return [
        name
        for name, role in wanted.items()
        if role["managed_policies"] is not None or role["other_policies"] is not None
    ]


def plan(
    current: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]], stack: Stack
) -> list[Change]:
    """Managed policies that the inventory does not name stay attached, unless the role is to be purged."""
    for name, have in current.items():
        require_ours(stack, ROLE, name, have["tags"])
    known: dict[str, dict[str, Any]] = {}
    target: dict[str, dict[str, Any]] = {}
    for name, want in wanted.items():
        target[name] = dict(want)
        if name not in current:
            continue
        have = current[name]
        known[name] = {**have, "tags": managed(have["tags"], want["tags"])}
        if want["managed_policies"] is not None and want["other_policies"] is None:
            target[name]["managed_policies"] = sorted({*have["managed_policies"], *want["managed_policies"]})
    return compare(ROLE, known, target)


def plan_removal(current: Mapping[str, Mapping[str, Any]], stack: Stack) -> list[Change]:
    """Delete what is ours, whatever is attached to it; what is not ours stays."""
    return [
        Change("delete", ROLE, name, {field: have[field] for field in ("policy", "managed_policies", "other_policies")})
        for name, have in current.items()
        if stack.owns(have["tags"])
    ]
