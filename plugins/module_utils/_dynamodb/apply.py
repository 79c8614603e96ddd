# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries the plan for the tables out. A table that was only made halfway is completed by the next run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._dynamodb import api
from ansible_collections.slipway.aws.plugins.module_utils._dynamodb.plan import TABLE
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, Clock, Judgement, wait_for


def handlers(
    client: Any, current: Mapping[str, Mapping[str, Any]], *, timeout: float, interval: float, clock: Clock = time
) -> Mapping[tuple[str, Action], Callable[[Change], None]]:
    def ready(name: str) -> None:
        wait_for(
            f"Making table {name}",
            lambda: api.table(client, name),
            lambda table: DONE if table and table["TableStatus"] == "ACTIVE" else Judgement("pending", "not ACTIVE"),
            timeout=timeout,
            interval=interval,
            clock=clock,
        )

    def create(change: Change) -> None:
        wanted = change.after
        api.create(client, change.name, tuple(wanted["keys"]), wanted["tags"], protected=wanted["protected"])
        ready(change.name)
        # Refused while the table is being made: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/
        if wanted["recovery"]:
            api.set_recovery(client, change.name, enabled=True)

    def update(change: Change) -> None:
        ready(change.name)
        wanted = change.after
        if "tags" in wanted:
            api.tag(client, current[change.name]["arn"], wanted["tags"])
        if "protected" in wanted:
            api.set_protection(client, change.name, protected=wanted["protected"])
        if "recovery" in wanted:
            api.set_recovery(client, change.name, enabled=wanted["recovery"])

    def delete(change: Change) -> None:
        if current[change.name]["protected"]:
            api.set_protection(client, change.name, protected=False)
            ready(change.name)
        api.delete(client, change.name)
        wait_for(
            f"Removing table {change.name}",
            lambda: api.table(client, change.name),
            lambda table: Judgement("pending", "it is being deleted") if table else DONE,
            timeout=timeout,
            interval=interval,
            clock=clock,
        )

    return {(TABLE, "create"): create, (TABLE, "update"): update, (TABLE, "delete"): delete}
