# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS has, in our shape: {AWS name: {trust, policy, boundary, managed_policies, other_policies, tags}}."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, tag_dict, together
from ansible_collections.slipway.aws.plugins.module_utils._iam import api
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import Place, normal

INLINE = "slipway"  # the name of the one inline policy of ours


def read(aws: Clients, names: Iterable[str], *, lists: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """The roles that exist, read side by side. For those in `lists` also what is attached by others."""
    iam, wanted, listed = aws.client("iam"), list(names), set(lists)

    def one(name: str) -> dict[str, Any] | None:
        found = together(
            {
                "role": lambda: api.role(iam, name),
                "inline": lambda: api.inline(iam, name, INLINE),
                "managed": lambda: api.attached(iam, name) if name in listed else [],
                "names": lambda: api.inline_names(iam, name) if name in listed else [],
            }
        )
        return describe(**found) if found["role"] else None

    return {name: it for name, it in zip(wanted, each(one, wanted), strict=True) if it is not None}


def describe(
    role: Mapping[str, Any], inline: Mapping[str, Any] | None, managed: Iterable[str], names: Iterable[str]
) -> dict[str, Any]:
    """One role: GetRole's Role, the document of our inline policy, ARNs of managed and names of inline policies."""
    return {
        "trust": normal(role["AssumeRolePolicyDocument"]),
        "policy": normal(inline),
        "boundary": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", ""),
        "managed_policies": sorted(managed),
        "other_policies": sorted(set(names) - {INLINE}),
        "tags": tag_dict(role.get("Tags")),
    }


def result(names: Mapping[str, str], place: Place) -> dict[str, Any]:
    """identity_result, see _stack.IdentityResult. `names` is {our name: AWS name}; ARNs follow from the names."""
    arns = {name: place.role(aws_name) for name, aws_name in names.items()}
    return {
        "execution_role_arn": arns.get("execution", ""),
        "task_role_arn": arns.get("task", ""),
        "roles": arns,
    }
