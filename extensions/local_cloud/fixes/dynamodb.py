# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DynamoDB: what several clients do at once."""

from __future__ import annotations

import threading
from typing import Any

from moto.dynamodb.models import DynamoDBBackend

from ..patching import replaces

_ITEMS = threading.RLock()


def one_write_at_a_time() -> None:
    """A condition and the write that it guards are one step, and so are all writes of a transaction.

    moto checks the condition first and writes afterwards; the server's threads came in between, and two clients that
    both asked for "if it does not exist" both got it.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
    """
    for name in ("put_item", "get_item", "update_item", "delete_item", "transact_write_items", "query", "scan"):

        @replaces(DynamoDBBackend, name)
        def alone(original: Any, *arguments: Any, **options: Any) -> Any:
            with _ITEMS:
                return original(*arguments, **options)


FIXES = (one_write_at_a_time,)
