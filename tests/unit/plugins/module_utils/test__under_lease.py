# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils import _step, _under_lease
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._lease import Holder, SupersededError, read
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, walk
from ansible_collections.slipway.aws.plugins.module_utils._under_lease import VARIABLE, Wish, run_under, take

from tests.support.modules import call

WISH = Wish("leases", "tvshows-prod", "me", Holder(who="anna", purpose="provision"), wait=60)
CHANGE = [Change("create", "thing", "one")]


@pytest.fixture
def client(cloud):
    call("account_table", account_id="111122223333", tables=[{"name": "leases", "keys": ["stack", "item"]}])
    return cloud.client("dynamodb")


class Clock:
    """Sleeping lets somebody else do something."""

    def __init__(self, then=lambda: None):
        self.now, self.then = 0.0, then

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.then()


@pytest.fixture
def run(client, monkeypatch):
    """A module with a plan, under a wish; returns its result and what it did."""

    def go(wish, changes, *, check=False, fails=False):
        monkeypatch.setenv(VARIABLE, wish.text)
        seen = []

        def module():
            def make(change):
                seen.append(read(client, "leases", "tvshows-prod").owner)
                if fails:
                    raise SlipwayError("no")

            walk(changes, {("thing", "create"): make}, check=check)
            return {"changed": bool(changes)}

        return run_under(module, lambda: client, check=check), seen

    return go


def test_a_change_is_made_under_the_lease_and_the_next_task_is_told(run, client):
    result, seen = run(WISH, CHANGE)
    assert seen == ["me"]
    handle = result["ansible_facts"]["slipway_lease"]
    assert handle["fence"] == 1
    later, seen = run(Wish(**{**vars(WISH), "handle": handle}), CHANGE)
    assert seen == ["me"] and "ansible_facts" not in later
    assert _step.PROCESS.watch is None


@pytest.mark.parametrize(("changes", "check"), [([], False), (CHANGE, True)], ids=["an empty plan", "check mode"])
def test_nothing_is_taken_for(run, client, changes, check):
    result, _seen = run(WISH, changes, check=check)
    assert "ansible_facts" not in result and read(client, "leases", "tvshows-prod").fence == 0


def test_a_module_that_fails_gives_back_what_it_took(run, client):
    with pytest.raises(SlipwayError):
        run(WISH, CHANGE, fails=True)
    look = read(client, "leases", "tvshows-prod")
    assert (look.owner, look.fence) == ("", 1)


def test_a_run_whose_lease_was_taken_changes_nothing_more(run, client):
    handle = run(WISH, CHANGE)[0]["ansible_facts"]["slipway_lease"]
    take(client, Wish("leases", "tvshows-prod", "other", takeover=True))
    seen = []
    with pytest.raises(SupersededError):
        seen = run(Wish(**{**vars(WISH), "handle": handle}), CHANGE)[1]
    assert seen == []


def test_after_waiting_the_module_plans_again(client, monkeypatch):
    held, _waited = take(client, Wish("leases", "tvshows-prod", "other", Holder(who="otto", place="laptop")))
    clock, said, plans = Clock(then=held.release), [], []
    monkeypatch.setenv(VARIABLE, WISH.text)
    monkeypatch.setattr(_step.PROCESS, "say", said.append)
    monkeypatch.setattr(_under_lease.UnderLease.__init__, "__defaults__", (clock,))

    def module():
        plans.append(read(client, "leases", "tvshows-prod").owner)
        walk(CHANGE, {("thing", "create"): lambda change: None}, check=False)
        return {"changed": True}

    assert run_under(module, lambda: client, check=False)["ansible_facts"]["slipway_lease"]["fence"] == 2
    assert plans == ["other", "me"]
    assert len(said) == 1 and "held by otto from laptop, since" in said[0]
