# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a resource belongs to: the stack of a run, its names and tags, and the guard on what is not ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError

STACK_TAG = "slipway:stack"
ENVIRONMENT_TAG = "slipway:environment"
ROLE_TAG = "slipway:role"


@dataclass(frozen=True)
class Stack:
    """The stack that a run works for; `role` is the role that owns what is made."""

    name: str
    environment: str
    role: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, params: Mapping[str, object]) -> Stack:
        """From the module option `stack`."""
        given = params["stack"]
        if not isinstance(given, Mapping):
            raise AssertionError("the option `stack` is a dictionary")
        tags = {str(key): str(value) for key, value in (given.get("tags") or {}).items()}
        return cls(str(given["name"]), str(given["environment"]), str(given["role"]), tags)

    @property
    def prefix(self) -> str:
        """What names of resources start with: `tvshows-prod`."""
        return f"{self.name}-{self.environment}"

    def named(self, part: str) -> str:
        return f"{self.prefix}-{part}"

    def owned(self, name: str | None = None) -> dict[str, str]:
        """The tags of a resource of this stack, with AWS's Name where one is given."""
        ours = {STACK_TAG: self.name, ENVIRONMENT_TAG: self.environment, ROLE_TAG: self.role}
        return {**self.tags, **ours, **({"Name": name} if name else {})}

    def filters(self) -> list[dict[str, object]]:
        """EC2 filters that find what belongs to this stack."""
        return [
            {"Name": f"tag:{STACK_TAG}", "Values": [self.name]},
            {"Name": f"tag:{ENVIRONMENT_TAG}", "Values": [self.environment]},
        ]

    def owns(self, tags: Mapping[str, str]) -> bool:
        return tags.get(STACK_TAG) == self.name and tags.get(ENVIRONMENT_TAG) == self.environment


def owner(tags: Mapping[str, str]) -> str:
    """Who owns a resource with these tags, in words."""
    if STACK_TAG in tags:
        return f"stack {tags[STACK_TAG]}-{tags.get(ENVIRONMENT_TAG, '?')}"
    for key in ("aws:cloudformation:stack-name", "aws:cdk:path", "Owner", "owner", "team", "Team"):
        if key in tags:
            return f"{key}={tags[key]}"
    return "nobody that its tags name (it has no slipway:stack tag)"


def managed(tags: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Of a resource's tags those that we manage: what others have added is left alone."""
    return {key: value for key, value in tags.items() if key in wanted}


def guarded(
    stack: Stack, resource: str, current: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """What is there, to be compared with what is wanted: ours alone (else it raises), with the tags that we manage."""
    for name, have in current.items():
        require_ours(stack, resource, name, have["tags"])
    return {name: {**have, "tags": managed(have["tags"], wanted[name]["tags"])} for name, have in current.items()}


def require_ours(stack: Stack, resource: str, name: str, tags: Mapping[str, str]) -> None:
    """Raise, naming the owner, where a resource that bears our name belongs to somebody else."""
    if not stack.owns(tags):
        raise SlipwayError(
            f"{resource} {name} exists and is not of stack {stack.prefix}",
            f"it belongs to {owner(tags)}",
            "Nothing was changed. Give ours another name in the inventory, or, if it is to be taken over, tag it with "
            f"{STACK_TAG}={stack.name} and {ENVIRONMENT_TAG}={stack.environment}.",
            owner=owner(tags),
        )
