# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables as they are, in our shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import each, together
from ansible_collections.slipway.aws.plugins.module_utils._dynamodb import api


def read(client: Any, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{name: {arn, keys, status, protected, recovery, tags}} of those that are there."""
    wanted = list(names)
    found = each(lambda name: one(client, name), wanted)
    return {name: it for name, it in zip(wanted, found, strict=True) if it is not None}


def one(client: Any, name: str) -> dict[str, Any] | None:
    table = api.table(client, name)
    if table is None:
        return None
    more = together(
        {
            "recovery": lambda: api.recovery(client, name),
            "tags": lambda: api.tags(client, table["TableArn"]),
        }
    )
    return {**describe(table), **more}


def describe(table: dict[str, Any]) -> dict[str, Any]:
    kinds = {it["KeyType"]: it["AttributeName"] for it in table["KeySchema"]}
    return {
        "arn": table["TableArn"],
        "keys": [kinds[kind] for kind in ("HASH", "RANGE") if kind in kinds],
        "status": table.get("TableStatus", "ACTIVE"),
        "protected": bool(table.get("DeletionProtectionEnabled")),
    }
