# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registers and deregisters revisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition.plan import TASK_DEFINITION
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change


def handlers(
    aws: Clients, wanted: Mapping[str, Mapping[str, Any]], stack: Stack, registered: dict[str, dict[str, Any]]
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    """`registered` receives {family: the new revision as AWS gives it}."""
    ecs = aws.client("ecs")

    def register(change: Change) -> None:
        tags = tag_list(stack.owned(), "key", "value")
        registered[change.name] = api.register_task_definition(ecs, **wanted[change.name], tags=tags)

    return {(TASK_DEFINITION, "create"): register, (TASK_DEFINITION, "update"): register}


def remove(aws: Clients, revisions: Mapping[str, list[str]]) -> None:
    ecs = aws.client("ecs")
    each(lambda arn: api.deregister_task_definition(ecs, arn), [arn for arns in revisions.values() for arn in arns])
