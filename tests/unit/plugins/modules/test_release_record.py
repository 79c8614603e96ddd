# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"stack": "tvshows-prod", "table": "releases"}


@pytest.fixture
def table(cloud):
    call("account_table", account_id="111122223333", tables=[{"name": "releases", "keys": ["stack", "id"]}])
    return cloud.client("dynamodb")


def test_the_last_good_release_is_found_behind_one_that_failed(table):
    assert call("release_record", **STACK, state="last")["record"] == {}
    now = time.time()
    good = call("release_record", **STACK, began=now - 100, images={"api": "sha256:1"}, who="anna")["record"]
    bad = call("release_record", **STACK, began=now - 50, images={"api": "sha256:2"}, failure={"msg": "no"})["record"]
    assert (good["verdict"], bad["verdict"]) == ("succeeded", "failed") and good["id"] < bad["id"]
    assert 99 < good["seconds"] < 130
    last = call("release_record", **STACK, state="last")
    assert last["record"] == good and last["summary"] == "succeeded"
    assert call("release_record", **{**STACK, "stack": "other-prod"}, state="last")["record"] == {}


def test_check_mode_writes_nothing(table):
    assert call("release_record", check=True, **STACK)["record"]["verdict"] == "succeeded"
    assert table.scan(TableName="releases")["Items"] == []


def test_without_the_table_it_says_how_to_make_it(cloud):
    with pytest.raises(ModuleFailed, match=r"no table releases .* playbooks/account.yml"):
        call("release_record", **STACK)
