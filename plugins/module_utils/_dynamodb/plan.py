# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to happen to an account's tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import managed, owner
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare

TABLE = "DynamoDB table"
ACCOUNT_TAG = "slipway:account"

Tables = Mapping[str, Mapping[str, Any]]


def plan(current: Tables, desired: Tables) -> list[Change]:
    """Both {name: {keys, protected, recovery, tags}}. Raises where a table of that name is not the account's."""
    for name, have in current.items():
        require_ours(name, have["tags"], desired[name]["tags"][ACCOUNT_TAG])
    ours = {name: {**have, "tags": managed(have["tags"], desired[name]["tags"])} for name, have in current.items()}
    return compare(TABLE, ours, desired, fixed=("keys",))


def plan_removal(current: Tables, desired: Tables, account: str) -> list[Change]:
    """Raises where a table is to be protected: what it keeps is not thrown away by the way."""
    for name, have in current.items():
        require_ours(name, have["tags"], account)
        if desired[name]["protected"]:
            raise SlipwayError(
                f"{TABLE} {name} is protected against deletion",
                "it has the leases and the records of every stack of the account",
                "Nothing was removed. Set account_protected: false if that is meant.",
            )
    return [Change("delete", TABLE, name, {"keys": have["keys"]}, None) for name, have in current.items()]


def require_ours(name: str, tags: Mapping[str, str], account: str) -> None:
    if tags.get(ACCOUNT_TAG) != account:
        raise SlipwayError(
            f"{TABLE} {name} exists and is not of account {account}",
            f"it belongs to {owner(tags)}",
            f"Nothing was changed. Give ours another name, or tag it with {ACCOUNT_TAG}={account} if it is to be used.",
            owner=owner(tags),
        )
