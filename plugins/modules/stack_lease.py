# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_lease
short_description: Takes and gives back the lease of a stack
description:
  - Only one run at a time changes a stack, the one that holds its lease in a DynamoDB table. Whoever comes second
    waits, and is told who holds it, for what and since when.
  - The lease has a fence that grows with every holder. A run whose lease was taken over stops at its next step.
  - A lease that its holder has not renewed for its O(duration), as the waiter itself has watched, is taken over.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  state:
    description:
      - V(taken) takes the lease, V(released) gives it back. To give back what is not held any more changes nothing.
    type: str
    choices: [taken, released]
    default: taken
  stack:
    description: The stack, for example V(tvshows-prod).
    type: str
    required: true
  table:
    description: The DynamoDB table.
    type: str
    default: slipway-leases
  purpose:
    description: What it is taken for, for example V(release).
    type: str
    default: ""
  owner:
    description:
      - A name that this run has alone. The same owner gets its own lease again, with the next fence.
      - Without it a random one. Needed for O(state=released) where O(lease) is not given.
    type: str
    default: ""
  who:
    description: Who runs this, for people.
    type: str
    default: ""
  place:
    description: Where it runs, for people.
    type: str
    default: ""
  commit:
    description: The commit of the inventory, for people.
    type: str
    default: ""
  wait_timeout:
    description: How many seconds to wait for a lease that somebody else holds.
    type: float
    default: 600
  duration:
    description: After how many seconds without a renewal somebody else may take it.
    type: float
    default: 120
  takeover:
    description: Takes the lease from whoever holds it.
    type: bool
    default: false
  lease:
    description: The lease to give back, as RV(lease) had it.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Neither takes nor gives back.
  diff_mode:
    support: none
    description: A lease is no part of what a stack is.
  idempotent:
    support: full
    description: Never says that it changed something, since a lease is no part of what a stack is.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Take the lease
  slipway.aws.stack_lease:
    stack: tvshows-prod
    purpose: release
    who: anna
  register: taken

- name: Give the lease back
  slipway.aws.stack_lease:
    stack: tvshows-prod
    state: released
    lease: "{{ taken.lease }}"
"""

RETURN = r"""
lease:
  description: For the option C(lease) of other modules. Empty in check mode and once it was given back.
  type: dict
  returned: always
fence:
  description: The fencing token, 0 where none is held.
  type: int
  returned: always
waited:
  description: Whether somebody else held it first.
  type: bool
  returned: when taken
released:
  description: Whether there was something to give back.
  type: bool
  returned: when released
ansible_facts:
  description: C(slipway_lease), the same as RV(lease). Our modules renew it before they change anything.
  type: dict
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils import _lease
from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code
from ansible_collections.slipway.aws.plugins.module_utils._under_lease import Wish, take

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["taken", "released"], "default": "taken"},
    "stack": {"type": "str", "required": True},
    "table": {"type": "str", "default": "slipway-leases"},
    "purpose": {"type": "str", "default": ""},
    "owner": {"type": "str", "default": ""},
    "who": {"type": "str", "default": ""},
    "place": {"type": "str", "default": ""},
    "commit": {"type": "str", "default": ""},
    "wait_timeout": {"type": "float", "default": 600.0},
    "duration": {"type": "float", "default": _lease.SECONDS},
    "takeover": {"type": "bool", "default": False},
    "lease": {"type": "dict", "default": {}},
}


def run(module: Any) -> dict[str, Any]:
    if module.check_mode:
        return result({})
    client = Clients.of(module).client("dynamodb")
    if module.params["state"] == "taken":
        lease, waited = take(client, wish_of(module.params))
        return result(lease.as_dict(), waited=waited)
    return result({}, released=give_back(client, module.params))


def wish_of(params: dict[str, Any]) -> Wish:
    return Wish(
        table=params["table"],
        stack=params["stack"],
        owner=params["owner"],
        holder=_lease.Holder(
            who=params["who"], place=params["place"], purpose=params["purpose"], commit=params["commit"]
        ),
        wait=params["wait_timeout"],
        duration=params["duration"],
        takeover=params["takeover"],
    )


def give_back(client: Any, params: dict[str, Any]) -> bool:
    """By the lease itself, or by its owner where the task that took it failed and could not pass it on."""
    handle = params["lease"]
    if not handle:
        look = held(client, params["table"], params["stack"])
        if not look.owner or look.owner != params["owner"]:
            return False
        handle = {"table": params["table"], "stack": params["stack"], "owner": look.owner, "fence": look.fence}
    return _lease.Lease.of(client, {"duration": params["duration"], **handle}).release()


def held(client: Any, table: str, stack: str) -> _lease.Look:
    try:
        return _lease.read(client, table, stack)
    except Exception as error:
        if is_code(error, "ResourceNotFound"):  # no table, no lease
            return _lease.Look()
        raise


def result(handle: dict[str, Any], **more: Any) -> dict[str, Any]:
    fence = handle.get("fence", 0)
    return {"changed": False, "lease": handle, "fence": fence, "ansible_facts": {"slipway_lease": handle}, **more}


def main() -> None:
    execute(aws_module(ARGUMENTS, stack=False), run)


if __name__ == "__main__":
    main()
