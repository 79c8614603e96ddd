# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change
from ansible_collections.slipway.aws.plugins.module_utils._rds import ready

NAME = "tv"


def instance(status="available", **fields):
    return {"status": status, "source": "", "pending": {}, "parameter_status": "in-sync", **fields}


class Clock:
    """Time that passes by being slept, with what happens meanwhile."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def seen(status="available", *, events=(), **fields):
    return {"instances": {NAME: instance(status, **fields)}, "events": {NAME: list(events)}}


@pytest.mark.parametrize(
    ("look", "now", "state", "words"),
    [
        pytest.param(seen(), False, "done", "", id="it is available"),
        pytest.param(seen("storage-optimization"), False, "done", "", id="it serves while its storage is optimised"),
        pytest.param(seen("creating"), False, "pending", "tv is creating", id="it is being made"),
        pytest.param(seen(pending={"class": "x"}), False, "done", "", id="what waits for the window is not awaited"),
        pytest.param(seen(pending={"class": "x"}), True, "pending", "class pending", id="what is made now is awaited"),
        pytest.param(seen(parameter_status="applying"), False, "pending", "parameters", id="parameters are applied"),
        pytest.param(seen("failed", events=["no subnet"]), False, "failed", "RDS says: no subnet", id="it failed"),
        pytest.param(seen("incompatible-parameters"), False, "failed", "its parameters", id="parameters do not fit"),
        pytest.param(seen("stopped"), False, "failed", "start it", id="it was stopped"),
        pytest.param({"instances": {}, "events": {}}, False, "failed", "gone", id="it is gone"),
    ],
)
def test_one_look(look, now, state, words):
    verdict = ready.judge(look, [NAME], now=now)
    assert verdict.state == state
    assert words in verdict.reason


def test_only_the_last_events_are_told():
    reason = ready.judge(seen("failed", events=[f"event {n}" for n in range(9)]), [NAME], now=False).reason
    assert "event 4" in reason
    assert "event 3" not in reason


@pytest.fixture
def waiter(monkeypatch):
    """A waiter whose looks come from a list; the last one repeats."""

    def make(looks, timeout=600):
        clock, rest = Clock(), list(looks)
        monkeypatch.setattr(ready, "look", lambda _aws, _name: rest.pop(0) if len(rest) > 1 else rest[0])
        return ready.Waiter(None, NAME, timeout=timeout, interval=15, clock=clock), clock

    return make


def test_a_first_look_that_is_done_costs_nothing(waiter):
    wait, clock = waiter([seen("creating")])
    assert wait.available([NAME], now=False, first=seen()) == seen()["instances"]
    assert (clock.now, wait.waited_s) == (0.0, 0.0)


def test_waiting_ends_when_it_is_available(waiter):
    wait, clock = waiter([seen("creating"), seen("backing-up"), seen()])
    wait.available([NAME], now=False)
    assert clock.now == 30


def test_waiting_ends_at_once_with_the_reason_when_it_cannot_become_available(waiter):
    wait, clock = waiter([seen("creating"), seen("failed", events=["no capacity left"])])
    with pytest.raises(SlipwayError, match="no capacity left"):
        wait.available([NAME], now=False)
    assert clock.now == 15


def test_all_waits_of_a_call_share_one_time_limit(waiter):
    wait, clock = waiter([seen("creating")], timeout=60)
    clock.now = 45
    with pytest.raises(SlipwayError, match="tv is creating"):
        wait.available([NAME], now=False)
    assert clock.now <= 60


def test_replicas_are_made_when_the_instance_has_taken_its_changes(waiter):
    steps = [
        [change("update", "database instance", NAME), change("create", "database read replica", "tv-replica-1")],
        [change("create", "database read replica", "tv-replica-1"), change("update", "database reboot", NAME)],
        [change("update", "database reboot", NAME)],
        [],
    ]
    replica = {"instances": {NAME: instance(), "tv-replica-1": instance(source=NAME)}, "events": {}}
    wait, _clock = waiter([replica])
    carried = []
    _instances, done = ready.finish(
        wait, seen(), NAME, lambda _: steps[len(carried)], lambda some, _: carried.append(some), now=False
    )
    assert [(each.action, each.resource) for each in done] == [
        ("update", "database instance"),
        ("create", "database read replica"),
        ("update", "database reboot"),
    ]


def test_an_instance_that_is_busy_after_all_is_asked_again(waiter):
    wait, clock = waiter([seen()])
    answers = iter([SlipwayError("busy", aws_error="InvalidDBInstanceState"), None])
    left = [change("update", "database instance", NAME)]

    def carry_out(_changes, _instances):
        error = next(answers)
        if error:
            raise error
        left.clear()

    _instances, done = ready.finish(wait, seen(), NAME, lambda _: list(left), carry_out, now=False)
    assert (len(done), clock.now) == (1, 15)


def test_any_other_refusal_ends_it(waiter):
    wait, _clock = waiter([seen()])

    def carry_out(_changes, _instances):
        raise SlipwayError("no", aws_error="InvalidParameterValue")

    with pytest.raises(SlipwayError, match="no"):
        ready.finish(wait, seen(), NAME, lambda _: [change("update", "database instance", NAME)], carry_out, now=False)


def test_what_never_comes_to_rest_is_given_up(waiter):
    wait, _clock = waiter([seen()])
    endless = [change("update", "database instance", NAME)]
    with pytest.raises(SlipwayError, match="does not come to rest"):
        ready.finish(wait, seen(), NAME, lambda _: endless, lambda *_: None, now=False)


def change(action, resource, name):
    return Change(action, resource, name)


def test_what_aws_shows_late_is_not_asked_for_twice(waiter):
    late = [Change("update", "database instance", NAME)]
    plans, carried = [late, late, []], []
    wait, clock = waiter([seen()])
    _found, done = ready.finish(
        wait, seen(), NAME, lambda _: plans.pop(0), lambda some, _: carried.append(some), now=False
    )
    assert (len(carried), done, clock.now) == (1, late, 15)
