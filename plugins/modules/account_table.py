# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: account_table
short_description: Keeps the DynamoDB tables of an account
description:
  - Keeps the tables that all stacks of an account use, each with string keys, on demand, with point-in-time recovery
    and protection against deletion. M(community.aws.dynamodb_table) knows neither of these two, nor whose a table is.
  - A table that is to be protected is never removed. The fence of a lease has to outlive every run, and the records
    every release.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  account_id:
    description: The account. A table bears it as tag C(slipway:account); another one is left alone, with an error.
    type: str
    required: true
  tables:
    description: The tables.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The table's name.
        type: str
        required: true
      keys:
        description: Names of the hash key and, where there is one, of the range key.
        type: list
        elements: str
        required: true
      recovery:
        description: Whether the table can be put back to any point in time of the last 35 days.
        type: bool
        default: true
      protected:
        description: Whether the table is protected against deletion.
        type: bool
        default: true
  tags:
    description: More tags for every table.
    type: dict
    default: {}
  state:
    description: V(absent) removes the tables, if they are not to be protected.
    type: str
    choices: [present, absent]
    default: present
  timeout:
    description: How many seconds the making or the removal of a table may take.
    type: int
    default: 300
  poll_interval:
    description: Seconds between two looks.
    type: float
    default: 2
attributes:
  check_mode:
    support: full
    description: Returns the plan.
  diff_mode:
    support: full
    description: Shows the plan.
  idempotent:
    support: full
    description: A second run only reads.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keep the tables of the account
  slipway.aws.account_table:
    account_id: "111122223333"
    tables:
      - {name: slipway-leases, keys: [stack, item]}
      - {name: slipway-releases, keys: [stack, id]}
"""

RETURN = r"""
changes:
  description: The plan, each step with action, resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
tables:
  description: The ARN of each table, "" for one that is not made yet.
  type: dict
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._dynamodb import describe
from ansible_collections.slipway.aws.plugins.module_utils._dynamodb.apply import handlers
from ansible_collections.slipway.aws.plugins.module_utils._dynamodb.plan import ACCOUNT_TAG, plan, plan_removal
from ansible_collections.slipway.aws.plugins.module_utils._plan import outcome, walk

ARGUMENTS: dict[str, Any] = {
    "account_id": {"type": "str", "required": True},
    "tables": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
            "recovery": {"type": "bool", "default": True},
            "protected": {"type": "bool", "default": True},
        },
    },
    "tags": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "timeout": {"type": "int", "default": 300},
    "poll_interval": {"type": "float", "default": 2.0},
}


def run(module: Any) -> dict[str, Any]:
    params, client = module.params, Clients.of(module).client("dynamodb")
    tags = {**{key: str(value) for key, value in params["tags"].items()}, ACCOUNT_TAG: params["account_id"]}
    desired = {
        it["name"]: {**{key: it[key] for key in ("keys", "recovery", "protected")}, "tags": tags}
        for it in params["tables"]
    }
    current = describe.read(client, desired)
    absent = params["state"] == "absent"
    changes = plan_removal(current, desired, params["account_id"]) if absent else plan(current, desired)
    work = handlers(client, current, timeout=params["timeout"], interval=params["poll_interval"])
    walk(changes, work, check=module.check_mode)
    if changes and not module.check_mode:
        current = describe.read(client, desired)
    return outcome(changes, tables={name: current.get(name, {}).get("arn", "") for name in desired})


def main() -> None:
    execute(aws_module(ARGUMENTS, stack=False), run)


if __name__ == "__main__":
    main()
