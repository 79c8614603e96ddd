# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"stack": "tvshows-prod", "table": "leases"}


@pytest.fixture
def table(cloud):
    call("account_table", account_id="111122223333", tables=[{"name": "leases", "keys": ["stack", "item"]}])
    return cloud.client("dynamodb")


def test_taken_given_back_and_taken_again_with_the_next_fence(table):
    first = call("stack_lease", **STACK, owner="a", purpose="release", who="anna", place="laptop", commit="0123")
    assert (first["fence"], first["waited"], first["changed"]) == (1, False, False)
    assert first["ansible_facts"]["slipway_lease"] == first["lease"]
    again = call("stack_lease", **STACK, owner="a")
    assert again["fence"] == 2
    assert call("stack_lease", **STACK, state="released", lease=again["lease"])["released"] is True
    assert call("stack_lease", **STACK, state="released", lease=again["lease"])["lease"] == {}
    assert call("stack_lease", **STACK, owner="b")["fence"] == 3


def test_who_holds_it_is_told_and_takeover_takes_it(table):
    held = call("stack_lease", **STACK, owner="a", purpose="release", who="anna", place="laptop")
    with pytest.raises(ModuleFailed, match=r"held by anna from laptop for release, since 20.*takeover=tvshows-prod"):
        call("stack_lease", **STACK, owner="b", wait_timeout=0)
    taken = call("stack_lease", **STACK, owner="b", takeover=True)
    assert taken["fence"] == held["fence"] + 1
    assert call("stack_lease", **STACK, state="released", lease=held["lease"])["released"] is False
    assert call("stack_lease", **STACK, state="released", owner="a")["released"] is False
    assert call("stack_lease", **STACK, state="released", owner="b")["released"] is True


def test_check_mode_takes_none(table):
    assert call("stack_lease", check=True, **STACK, owner="a")["lease"] == {}
    assert table.scan(TableName="leases")["Items"] == []


def test_without_the_table_it_says_how_to_make_it(cloud):
    with pytest.raises(ModuleFailed, match=r"no table leases .* ansible-playbook playbooks/account.yml"):
        call("stack_lease", **STACK, owner="a")
    assert call("stack_lease", **STACK, state="released", owner="a")["released"] is False
