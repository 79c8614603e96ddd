# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._release.record import (
    LONGEST,
    from_item,
    judged,
    record_id,
    to_item,
)

VERDICT = {
    "msg": "The deployment of web failed: …",
    "verdict": "timed_out",
    "reason": {"code": "no_capacity", "class": "failure", "text": "Capacity is unavailable", "hint": "Wait."},
    "rollback": [{"service": "web", "action": "updated"}],
}


def test_ids_sort_as_time_passes():
    start = datetime(2026, 12, 31, 23, 59, 59, 998000, UTC)
    ids = [record_id(start + timedelta(milliseconds=n)) for n in range(5)]
    assert (
        ids == sorted(ids) and ids[0].startswith("20261231T235959.998Z-") and ids[2].startswith("20270101T000000.000Z")
    )


@pytest.mark.parametrize(
    ("failure", "verdict", "code", "text"),
    [
        pytest.param({}, "succeeded", None, None, id="nothing failed"),
        pytest.param(VERDICT, "timed_out", "no_capacity", "Capacity is unavailable", id="a verdict has its own reason"),
        pytest.param({"msg": "no lease", "superseded": True}, "superseded", "", "no lease", id="the lease was taken"),
        pytest.param({"msg": "refused"}, "failed", "", "refused", id="any other task has its message"),
        pytest.param(
            {"msg": "One or more items failed", "results": [{"msg": "fine"}, {"msg": "status 502", "failed": True}]},
            "failed",
            "",
            "status 502",
            id="of a loop the item that failed",
        ),
        pytest.param({"msg": "x" * (LONGEST + 1)}, "failed", "", "x" * LONGEST, id="a long message is cut"),
    ],
)
def test_a_verdict_comes_from_the_task_that_failed(failure, verdict, code, text):
    found = judged(failure, "Wait")
    assert found["verdict"] == verdict
    assert (found["reason"].get("code"), found["reason"].get("text")) == (code, text)


def test_a_record_comes_back_as_it_was():
    record = {"a": "", "b": 1, "c": 2.5, "d": None, "e": True, "f": ["x", {"y": []}], "g": {"h": {}}}
    assert from_item(to_item(record)) == record
