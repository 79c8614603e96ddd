# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a plan out, call by call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._ecr import api
from ansible_collections.slipway.aws.plugins.module_utils._ecr.plan import REPOSITORY
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change


def handlers(
    aws: Clients, current: Mapping[str, Mapping[str, Any]], *, images_too: bool = False
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    """What to do for each kind of change. `current` gives the ARNs of what exists."""
    ecr = aws.client("ecr")
    return {
        (REPOSITORY, "create"): partial(create, ecr),
        (REPOSITORY, "update"): partial(update, ecr, current),
        (REPOSITORY, "delete"): lambda change: api.delete(ecr, change.name, images_too=images_too),
    }


def create(ecr: Any, change: Change) -> None:
    wanted = change.after
    settings: dict[str, Any] = {"tags": tag_list(wanted["tags"])}
    if wanted["scan"] is not None:
        settings["imageScanningConfiguration"] = {"scanOnPush": wanted["scan"]}
    if wanted["mutability"]:
        settings["imageTagMutability"] = wanted["mutability"]
    api.create(ecr, change.name, **settings)
    if wanted["lifecycle"]:
        api.put_lifecycle_policy(ecr, change.name, json.dumps(wanted["lifecycle"]))


def update(ecr: Any, current: Mapping[str, Mapping[str, Any]], change: Change) -> None:
    name, after = change.name, change.after
    if "scan" in after:
        api.scan_on_push(ecr, name, after["scan"])
    if "mutability" in after:
        api.mutability(ecr, name, after["mutability"])
    if "lifecycle" in after:
        api.put_lifecycle_policy(ecr, name, json.dumps(after["lifecycle"]))
    if "tags" in after:
        api.tag(ecr, current[name]["arn"], tag_list(after["tags"]))
