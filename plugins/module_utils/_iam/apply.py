# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a plan out, call by call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._iam import api
from ansible_collections.slipway.aws.plugins.module_utils._iam.describe import INLINE
from ansible_collections.slipway.aws.plugins.module_utils._iam.plan import ROLE
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change


def handlers(
    aws: Clients, current: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    """What to do for each kind of change. `current` says what is attached."""
    iam = aws.client("iam")
    return {
        (ROLE, "create"): partial(create, iam),
        (ROLE, "update"): partial(update, iam, current),
        (ROLE, "delete"): partial(delete, iam),
    }


def create(iam: Any, change: Change) -> None:
    name, wanted = change.name, change.after
    boundary = {"PermissionsBoundary": wanted["boundary"]} if wanted["boundary"] else {}
    api.create(iam, name, wanted["trust"], tag_list(wanted["tags"]), **boundary)
    policies(iam, name, {}, {field: wanted[field] for field in ("policy", "managed_policies") if wanted[field]})


def update(iam: Any, current: Mapping[str, Mapping[str, Any]], change: Change) -> None:
    name, after = change.name, change.after
    if "trust" in after:
        api.put_trust(iam, name, after["trust"])
    if "boundary" in after:
        api.put_boundary(iam, name, after["boundary"])
    if "tags" in after:
        api.tag(iam, name, tag_list(after["tags"]))
    policies(iam, name, current[name], after)


def policies(iam: Any, name: str, have: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    if after.get("policy"):
        api.put_inline(iam, name, INLINE, after["policy"])
    elif "policy" in after:
        api.delete_inline(iam, name, INLINE)
    if "managed_policies" in after:
        attached, wanted = set(have.get("managed_policies") or ()), set(after["managed_policies"])
        for arn in sorted(wanted - attached):
            api.attach(iam, name, arn)
        for arn in sorted(attached - wanted):
            api.detach(iam, name, arn)
    if "other_policies" in after:
        for policy in have["other_policies"]:
            api.delete_inline(iam, name, policy)


def delete(iam: Any, change: Change) -> None:
    """IAM deletes a role only once nothing is attached to it any more."""
    name, have = change.name, change.before
    for arn in have["managed_policies"]:
        api.detach(iam, name, arn)
    for policy in [*have["other_policies"], *([INLINE] if have["policy"] else [])]:
        api.delete_inline(iam, name, policy)
    api.delete(iam, name)
