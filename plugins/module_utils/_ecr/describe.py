# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS has, in our shape: {name: {scan, mutability, lifecycle, tags, arn, uri}}."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, tag_dict, together
from ansible_collections.slipway.aws.plugins.module_utils._ecr import api


def read(aws: Clients, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The repositories that exist, read side by side."""
    ecr = aws.client("ecr")

    def one(name: str) -> dict[str, Any] | None:
        found = api.repository(ecr, name)
        if found is None:
            return None
        more = together(
            {
                "policy": lambda: api.lifecycle_policy(ecr, name),
                "tags": lambda: api.tags(ecr, found["repositoryArn"]),
            }
        )
        return describe(found, more["policy"], more["tags"])

    wanted = list(names)
    return {name: found for name, found in zip(wanted, each(one, wanted), strict=True) if found is not None}


def describe(repository: Mapping[str, Any], policy: str | None, tags: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """One repository: DescribeRepositories' entry, GetLifecyclePolicy's text, ListTagsForResource's list."""
    return {
        "arn": repository["repositoryArn"],
        "uri": repository["repositoryUri"],
        "scan": bool(repository.get("imageScanningConfiguration", {}).get("scanOnPush")),
        "mutability": repository.get("imageTagMutability", "MUTABLE"),
        "encryption": repository.get("encryptionConfiguration", {}).get("encryptionType", "AES256"),
        "lifecycle": json.loads(policy) if policy else {},
        "tags": tag_dict(tags),
    }


def result(current: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """ecr_result, see _stack.EcrResult."""
    return {"repositories": {name: {"arn": it["arn"], "uri": it["uri"]} for name, it in current.items()}}
