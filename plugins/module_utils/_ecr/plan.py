# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that bring the repositories from what is to what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, guarded
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare

REPOSITORY = "ECR repository"


def desired(items: Iterable[Mapping[str, Any]], stack: Stack) -> dict[str, dict[str, Any]]:
    """The inventory's repositories in the shape of describe. What is None stays as it is."""
    return {
        item["name"]: {
            "scan": item.get("scan"),
            "mutability": (item.get("mutability") or "").upper() or None,
            "lifecycle": lifecycle(item.get("keep_images"), item.get("keep_days")),
            "tags": stack.owned(),
        }
        for item in items
    }


def lifecycle(keep_images: int | None, keep_days: int | None) -> dict[str, Any] | None:
    """A lifecycle policy document, None where neither limit is given (then the policy is not managed).

    Untagged images go by age first; a count over all images has to be the last rule of a policy.
    """
    rules: list[dict[str, Any]] = []
    if keep_days:
        age = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": keep_days}
        rules.append({"description": f"Untagged images for {keep_days} days", "selection": age})
    if keep_images:
        count = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep_images}
        rules.append({"description": f"The last {keep_images} images", "selection": count})
    if not rules:
        return None
    return {"rules": [{"rulePriority": n, **rule, "action": {"type": "expire"}} for n, rule in enumerate(rules, 1)]}


def plan(
    current: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]], stack: Stack
) -> list[Change]:
    return compare(REPOSITORY, guarded(stack, REPOSITORY, current, wanted), wanted)


def plan_removal(current: Mapping[str, Mapping[str, Any]], stack: Stack) -> list[Change]:
    """Delete what is ours; what is not ours is not ours to remove and stays."""
    return [
        Change("delete", REPOSITORY, name, {"uri": have["uri"]})
        for name, have in current.items()
        if stack.owns(have["tags"])
    ]
