# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_record
short_description: Records a release, and finds the last good one
description:
  - Writes one item per release to a DynamoDB table of the account, also for a release that failed. A record is never
    written over.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  state:
    description: V(present) writes a record, V(last) looks for the last release that succeeded.
    type: str
    choices: [present, last]
    default: present
  stack:
    description: The stack, for example V(tvshows-prod).
    type: str
    required: true
  table:
    description: The DynamoDB table.
    type: str
    default: slipway-releases
  began:
    description: When the release began, in seconds since 1970. The record's RV(record) C(seconds) count from there.
    type: float
  who:
    description: Who released.
    type: str
    default: ""
  place:
    description: From where.
    type: str
    default: ""
  commit:
    description: The commit of the inventory.
    type: str
    default: ""
  images:
    description: The digest of each repository.
    type: dict
    default: {}
  tag:
    description: The tag that was asked for, where one was.
    type: raw
    default: ""
  before:
    description: The task definition that each service ran before, by the service's name.
    type: dict
    default: {}
  after:
    description: The task definition that each service was given, by the service's name.
    type: dict
    default: {}
  migration:
    description: What the migration task returned, empty where there was none.
    type: dict
    default: {}
  failure:
    description: The result of the task that failed, C(ansible_failed_result). The verdict and the reason come from it.
    type: dict
    default: {}
  failed_task:
    description: The name of the task that failed.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Writes nothing.
  diff_mode:
    support: none
    description: A record is no part of what a stack is.
  idempotent:
    support: none
    description: Every release is a record of its own.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Record the release
  slipway.aws.release_record:
    stack: tvshows-prod
    who: anna
    images: {tv-shows-api: "sha256:…"}
    began: "{{ began }}"

- name: Look for the last good release
  slipway.aws.release_record:
    stack: tvshows-prod
    state: last
  register: last
"""

RETURN = r"""
record:
  description: >-
    C(stack), C(id), C(at), C(who), C(place), C(commit), C(tag), C(images), C(before), C(after), C(migration),
    C(verdict), C(reason) with C(code), C(text), C(hint) and C(task), C(rollback), C(seconds).
    Empty where none was found.
  type: dict
  returned: always
summary:
  description: The verdict with its reason in one line.
  type: str
  returned: always
"""

from datetime import UTC, datetime
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._release import record as records

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "last"], "default": "present"},
    "stack": {"type": "str", "required": True},
    "table": {"type": "str", "default": "slipway-releases"},
    "began": {"type": "float"},
    "who": {"type": "str", "default": ""},
    "place": {"type": "str", "default": ""},
    "commit": {"type": "str", "default": ""},
    "images": {"type": "dict", "default": {}},
    "tag": {"type": "raw", "default": ""},
    "before": {"type": "dict", "default": {}},
    "after": {"type": "dict", "default": {}},
    "migration": {"type": "dict", "default": {}},
    "failure": {"type": "dict", "default": {}},
    "failed_task": {"type": "str", "default": ""},
}
MIGRATION = ("outcome", "task_arn", "task_definition", "exit_codes", "reason", "seconds")


def run(module: Any) -> dict[str, Any]:
    params, client = module.params, Clients.of(module).client("dynamodb")
    if params["state"] == "last":
        return result(records.last_good(client, params["table"], params["stack"]))
    record = record_of(params, datetime.now(UTC))
    if not module.check_mode:
        records.write(client, params["table"], record)
    return result(record)


def record_of(params: dict[str, Any], now: datetime) -> dict[str, Any]:
    began = params["began"] or now.timestamp()
    given = ("stack", "who", "place", "commit", "tag", "images", "before", "after")
    return {
        **{name: params[name] for name in given},
        "id": records.record_id(datetime.fromtimestamp(began, UTC)),
        "at": now.isoformat(timespec="seconds"),
        "migration": {name: params["migration"][name] for name in MIGRATION if name in params["migration"]},
        "seconds": round(now.timestamp() - began, 1),
        **records.judged(params["failure"], params["failed_task"]),
    }


def result(record: dict[str, Any]) -> dict[str, Any]:
    return {"changed": False, "record": record, "summary": summary(record) if record else ""}


def summary(record: dict[str, Any]) -> str:
    reason = record["reason"]
    text = (reason.get("text") or "").splitlines()
    why = ": ".join(part for part in (reason.get("code"), text[0] if text else "") if part)
    return f"{record['verdict']}, {why}" if why else str(record["verdict"])


def main() -> None:
    execute(aws_module(ARGUMENTS, stack=False), run)


if __name__ == "__main__":
    main()
