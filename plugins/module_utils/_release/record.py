# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of every release: who, from where, what ran before and after, how it ended and why.

A table of the account has the keys `stack` (hash) and `id` (range). An id starts with the time, so that ids sort as the
releases came. The newest is read with one query, without a scan.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, is_code

# A message with many log lines is cut: the record says what happened, the log group has the rest.
LONGEST = 4000
PAGE = 50


class NoTableError(SlipwayError):
    """The account has no table of releases."""


def record_id(now: datetime, random: str = "") -> str:
    """20260131T154501.123Z-1f0c9a: sorts by time."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    return f"{stamp}Z-{random or uuid.uuid4().hex[:6]}"


def judged(failure: Mapping[str, Any], task: str = "") -> dict[str, Any]:
    """{verdict, reason: {code, text, hint, task}, rollback} from the result of the task that failed, {} for none."""
    if not failure:
        return {"verdict": "succeeded", "reason": {}, "rollback": []}
    first = next((it for it in failure.get("results") or [] if it.get("failed")), failure)  # a loop's item
    reason = first.get("reason") if isinstance(first.get("reason"), Mapping) else None
    verdict = first.get("verdict") or ("superseded" if first.get("superseded") else "failed")
    text = str((reason or {}).get("text") or first.get("msg") or "")
    return {
        "verdict": str(verdict),
        "reason": {
            "code": str((reason or {}).get("code") or ""),
            "text": text[:LONGEST],
            "hint": str((reason or {}).get("hint") or ""),
            "task": task,
        },
        "rollback": list(first.get("rollback") or []),
    }


def write(client: Any, table: str, record: Mapping[str, Any]) -> None:
    """Puts a record. It is never written over."""
    try:
        client.put_item(TableName=table, Item=to_item(record), ConditionExpression="attribute_not_exists(id)")
    except Exception as error:
        raise (no_table(table) if is_code(error, "ResourceNotFound") else error) from error


def newest(client: Any, table: str, stack: str) -> Iterator[dict[str, Any]]:
    """The records of a stack, the last first, read as far as they are asked for."""
    more: dict[str, Any] = {}
    while True:
        try:
            page = client.query(
                TableName=table,
                KeyConditionExpression="stack = :stack",
                ExpressionAttributeValues={":stack": {"S": stack}},
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=PAGE,
                **more,
            )
        except Exception as error:
            raise (no_table(table) if is_code(error, "ResourceNotFound") else error) from error
        yield from (from_item(item) for item in page["Items"])
        if not page.get("LastEvaluatedKey"):
            return
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def last_good(client: Any, table: str, stack: str) -> dict[str, Any]:
    """The last release that serves, {} where there is none."""
    return next((it for it in newest(client, table, stack) if it.get("verdict") == "succeeded"), {})


def no_table(table: str) -> NoTableError:
    return NoTableError(
        "The releases of this account cannot be read or recorded",
        f"there is no table {table} in this region",
        "Make it once for the account: ansible-playbook playbooks/account.yml -i <inventory>, with a host in group "
        "accounts.",
    )


def to_item(record: Mapping[str, Any]) -> dict[str, Any]:
    """JSON as DynamoDB has it."""
    return {str(key): _attribute(value) for key, value in record.items()}


def _attribute(value: Any) -> dict[str, Any]:
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, float, Decimal)):
        return {"N": str(value)}
    if isinstance(value, Mapping):
        return {"M": to_item(value)}
    if isinstance(value, (list, tuple)):
        return {"L": [_attribute(item) for item in value]}
    return {"S": str(value)}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _value(attribute) for key, attribute in item.items()}


def _value(attribute: Mapping[str, Any]) -> Any:
    kind, value = next(iter(attribute.items()))
    if kind == "N":
        return json.loads(value)
    if kind == "M":
        return from_item(value)
    if kind == "L":
        return [_value(item) for item in value]
    return None if kind == "NULL" else value
