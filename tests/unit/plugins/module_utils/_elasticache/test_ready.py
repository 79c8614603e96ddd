# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._elasticache import ready
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.describe import describe_group, expected
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change

NAME = "tv"


class Clock:
    """Time that passes by being slept."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def seen(status="available", *, events=(), **fields):
    return {"group": {"status": status, "pending": {}, **fields}, "events": list(events)}


@pytest.mark.parametrize(
    ("look", "now", "state", "words"),
    [
        pytest.param(seen(), False, "done", "", id="it is available"),
        pytest.param(seen("creating"), False, "pending", "tv is creating", id="it is being made"),
        pytest.param(seen("snapshotting"), False, "pending", "tv is snapshotting", id="it takes no change now"),
        pytest.param(
            seen(pending={"node_type": "x"}), False, "done", "", id="what waits for the window is not awaited"
        ),
        pytest.param(seen(pending={"node_type": "x"}), True, "pending", "node_type", id="what is made now is awaited"),
        pytest.param(seen("create-failed", events=["no nodes"]), False, "failed", "says: no nodes", id="it failed"),
        pytest.param(seen("deleting"), False, "failed", "deleting it", id="it is on its way out"),
        pytest.param({"group": None, "events": []}, False, "failed", "gone", id="it is gone"),
    ],
)
def test_one_look(look, now, state, words):
    verdict = ready.judge(look, NAME, now=now)
    assert verdict.state == state
    assert words in verdict.reason


@pytest.fixture
def waiter(monkeypatch):
    """A waiter whose looks come from a list; the last one repeats."""

    def make(looks, timeout=600):
        clock, rest = Clock(), list(looks)
        monkeypatch.setattr(ready, "look", lambda _aws, _name: rest.pop(0) if len(rest) > 1 else rest[0])
        return ready.Waiter(None, NAME, timeout=timeout, interval=15, clock=clock), clock

    return make


def test_waiting_ends_when_it_is_available(waiter):
    wait, clock = waiter([seen("creating"), seen("creating"), seen()])
    wait.available(now=False)
    assert clock.now == 30


def test_waiting_ends_at_once_with_the_reason_when_it_cannot_become_available(waiter):
    wait, clock = waiter([seen("creating"), seen("create-failed", events=["no capacity left"])])
    with pytest.raises(SlipwayError, match="no capacity left"):
        wait.available(now=False)
    assert clock.now == 15


def test_changes_are_made_one_at_a_time(waiter):
    steps = [Change("update", "cache replicas", NAME), Change("update", "cache replication group", NAME)]
    wait, _clock = waiter([seen()])
    carried = []
    _group, done = ready.finish(
        wait, seen(), lambda _: steps[len(carried) :], lambda some, _: carried.append(some), now=False
    )
    assert [len(some) for some in carried] == [1, 1]
    assert done == steps


def test_a_cache_that_is_busy_after_all_is_asked_again(waiter):
    wait, clock = waiter([seen()])
    answers = iter([SlipwayError("busy", aws_error="InvalidReplicationGroupState"), None])
    left = [Change("update", "cache replicas", NAME)]

    def carry_out(_changes, _group):
        error = next(answers)
        if error:
            raise error
        left.clear()

    _group, done = ready.finish(wait, seen(), lambda _: list(left), carry_out, now=False)
    assert (len(done), clock.now) == (1, 15)


def test_what_never_comes_to_rest_is_given_up(waiter):
    wait, _clock = waiter([seen()])
    endless = [Change("update", "cache replicas", NAME)]
    with pytest.raises(SlipwayError, match="does not come to rest"):
        ready.finish(wait, seen(), lambda _: endless, lambda *_: None, now=False)


GROUP = {"ARN": "a", "Status": "available", "MemberClusters": ["tv-001"], "CacheNodeType": "cache.t3.micro"}


def test_a_group_without_a_node_leaves_open_what_only_a_node_knows():
    found = describe_group(GROUP, None, None)
    assert (found["engine_version"], found["security_groups"], found["tags"]) == (None, None, None)


def test_what_aws_was_told_is_what_it_will_be():
    pending = {"AutomaticFailoverStatus": "enabled", "LogDeliveryConfigurations": [{"LogType": "slow-log"}]}
    node = {"PendingModifiedValues": {"CacheNodeType": "cache.r6g.large"}, "EngineVersion": "7.1.0"}
    will_be = expected(describe_group({**GROUP, "PendingModifiedValues": pending}, node, []))
    assert (will_be["failover"], will_be["node_type"], will_be["log_delivery"]) == (True, "cache.r6g.large", None)


def test_what_aws_shows_late_is_not_asked_for_twice(waiter):
    late = [Change("update", "cache replication group", NAME)]
    plans, carried = [late, late, []], []
    wait, clock = waiter([seen()])
    _found, done = ready.finish(wait, seen(), lambda _: plans.pop(0), lambda some, _: carried.append(some), now=False)
    assert (len(carried), done, clock.now) == (1, late, 15)
