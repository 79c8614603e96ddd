# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.slipway.aws.plugins.module_utils import _lease
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._lease import (
    Holder,
    Lease,
    Look,
    Observation,
    SupersededError,
    Waiter,
    acquire,
    decide,
    kept,
    observe,
    read,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

TABLE, STACK = "slipway", "tvshows-prod"
SECONDS = 60.0


class FakeClock:
    """Its own zero, and no clock but this one: sleeping moves it."""

    def __init__(self, start: float = 0.0) -> None:
        self.now = start
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        with mock_aws():
            client = boto3.client("dynamodb", region_name="eu-west-1")
            client.create_table(
                TableName=TABLE,
                KeySchema=[
                    {"AttributeName": _lease.HASH_KEY, "KeyType": "HASH"},
                    {"AttributeName": _lease.RANGE_KEY, "KeyType": "RANGE"},
                ],
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": "S"} for name in (_lease.HASH_KEY, _lease.RANGE_KEY)
                ],
                BillingMode="PAY_PER_REQUEST",
            )
            yield client


@pytest.fixture
def client(dynamodb: Any) -> Any:
    forget(dynamodb)
    return dynamodb


def forget(client: Any) -> None:
    for item in client.scan(TableName=TABLE)["Items"]:
        client.delete_item(TableName=TABLE, Key={name: item[name] for name in (_lease.HASH_KEY, _lease.RANGE_KEY)})


def waiter(client: Any, name: str, clock: FakeClock, **more: Any) -> Waiter:
    holder = Holder(who=name, place="a laptop", purpose="release")
    return Waiter(client, table=TABLE, stack=STACK, holder=holder, owner=name, duration=SECONDS, clock=clock, **more)


def taken(client: Any, name: str = "ann", clock: FakeClock | None = None, **more: Any) -> Lease:
    lease = waiter(client, name, clock or FakeClock(), **more).step()
    assert lease is not None
    return lease


def put(number: int) -> dict[str, Any]:
    item = {_lease.HASH_KEY: {"S": STACK}, _lease.RANGE_KEY: {"S": "step"}, "number": {"N": str(number)}}
    return {"Put": {"TableName": TABLE, "Item": item}}


# Pure


HELD = Look(fence=3, owner="ann", beat=7, duration=60)


@pytest.mark.parametrize(
    ("look", "unchanged", "decision"),
    [
        pytest.param(Look(), 0, "take", id="a lease that never was is free"),
        pytest.param(Look(fence=3), 0, "take", id="a lease that was given back is free"),
        pytest.param(HELD, 59.9, "wait", id="a held lease is waited for"),
        pytest.param(HELD, 60.0, "expired", id="unrenewed for its duration it has expired"),
        pytest.param(Look(fence=3, owner="bob"), 0, "mine", id="one with our own name is ours"),
    ],
)
def test_decide(look: Look, unchanged: float, decision: str) -> None:
    assert decide(Observation(look, 1000.0), "bob", 1000.0 + unchanged) == decision


@pytest.mark.parametrize(
    ("after", "first_seen"),
    [
        pytest.param(HELD, 5.0, id="the same state keeps the time at which it was first seen"),
        pytest.param(Look(fence=3, owner="ann", beat=8, duration=60), 9.0, id="a renewal begins anew"),
        pytest.param(Look(fence=4, owner="bob", beat=7, duration=60), 9.0, id="a new holder begins anew"),
    ],
)
def test_observe(after: Look, first_seen: float) -> None:
    assert observe(Observation(HELD, 5.0), after, 9.0) == Observation(after, first_seen)


# Against DynamoDB


def test_the_first_takes_it_and_the_second_learns_who_has_it(client: Any) -> None:
    clock = FakeClock()
    lease = taken(client)
    assert lease.fence == 1 and lease.believed
    with pytest.raises(SlipwayError, match=r"held by ann from a laptop for release, since 20.*takeover=tvshows-prod"):
        acquire(waiter(client, "bob", clock), wait_timeout=30, clock=clock)
    assert sum(clock.slept) == pytest.approx(30)


def test_it_is_handed_on_with_the_next_fence(client: Any) -> None:
    assert taken(client).release() is True
    assert read(client, TABLE, STACK) == Look(fence=1, beat=0, duration=SECONDS)
    assert taken(client, "bob").fence == 2


def test_giving_it_back_twice_is_no_error_and_by_another_has_no_effect(client: Any) -> None:
    first = taken(client)
    assert first.release() and first.release()
    taken(client, "bob")
    assert first.release() is False and read(client, TABLE, STACK).owner == "bob"


def test_an_unrenewed_lease_is_taken_over_within_its_duration_and_a_poll(client: Any) -> None:
    clock = FakeClock(9_000_000)
    first = taken(client)
    second = acquire(waiter(client, "bob", clock), wait_timeout=600, clock=clock)
    assert second is not None and second.fence == 2
    assert SECONDS <= clock.now - 9_000_000 <= SECONDS + 2
    for refused in (first.renew, first.check, lambda: first.write(put(1))):
        with pytest.raises(SupersededError, match="held by bob"):
            refused()
    assert not first.believed


def test_a_renewed_lease_is_not_taken_over(client: Any) -> None:
    mine, other = FakeClock(), FakeClock(500)
    lease, waits = taken(client, clock=mine), waiter(client, "bob", other)
    for _ in range(10):
        mine.now += 30
        other.now += 30
        lease.keep(phase="migrating")
        assert waits.step() is None
    assert read(client, TABLE, STACK).holder.phase == "migrating"


def test_an_expired_lease_is_left_while_its_task_runs(client: Any) -> None:
    clock, running = FakeClock(), ["its task arn:1 still runs"]
    taken(client).renew(task="arn:1")
    waits = waiter(client, "bob", clock, may_expire=lambda look: running[0] if look.holder.task == "arn:1" else "")
    with pytest.raises(SlipwayError, match="its task arn:1 still runs"):
        acquire(waits, wait_timeout=SECONDS * 3, clock=clock)
    running[0] = ""
    assert acquire(waits, clock=clock) is not None


def test_a_takeover_raises_the_fence_at_once(client: Any) -> None:
    first = taken(client)
    second = taken(client, "bob", takeover=True)
    assert (first.fence, second.fence) == (1, 2)
    second.write(put(2))
    with pytest.raises(SupersededError):
        first.write(put(1))


def test_a_later_task_of_the_run_goes_on_with_the_handle(client: Any) -> None:
    handle = taken(client).as_dict()
    later = Lease.of(client, handle, clock=FakeClock())
    assert not later.believed
    later.keep()
    assert later.believed and read(client, TABLE, STACK).beat == 1


def test_a_holder_stops_believing_before_a_waiter_may_take_over(client: Any) -> None:
    clock = FakeClock()
    lease = taken(client, clock=clock)
    clock.now = SECONDS * 0.89
    assert lease.believed
    clock.now = SECONDS * 0.91
    assert not lease.believed


def test_a_wait_ends_when_there_is_nothing_left_to_do(client: Any) -> None:
    clock = FakeClock()
    taken(client)
    assert acquire(waiter(client, "bob", clock), wait_timeout=60, adopt=lambda: clock.now > 5, clock=clock) is None


def test_a_write_s_own_condition_is_not_taken_for_a_lost_lease(client: Any) -> None:
    item = put(1)
    item["Put"]["ConditionExpression"] = "attribute_exists(nothing)"
    with pytest.raises(client.exceptions.TransactionCanceledException):
        taken(client).write(item)


def turns(*actions: Callable[[], None]) -> tuple[Callable[[float], bool], threading.Event]:
    """A pause that takes no time: at each turn something happens, then the thread goes on; at the end it is done."""
    left, over = list(actions), threading.Event()

    def pause(seconds: float) -> bool:
        if not left:
            over.set()
            return True
        left.pop(0)()
        return False

    return pause, over


def test_a_lease_is_kept_while_something_long_works(client: Any) -> None:
    clock = FakeClock()
    lease = taken(client, clock=clock)
    pause, over = turns(*[lambda: clock.sleep(SECONDS / 3)] * 9)
    with kept(lease, pause=pause) as check:
        assert over.wait(20)
        check()
    assert clock.now == pytest.approx(SECONDS * 3) and lease.believed
    assert read(client, TABLE, STACK).beat == 10


def test_a_kept_lease_that_is_taken_over_is_noticed(client: Any) -> None:
    lease = taken(client)
    pause, _over = turns(lambda: taken(client, "bob", takeover=True) and None)
    with kept(lease, pause=pause) as check, pytest.raises(SupersededError, match="held by bob"):
        for _ in range(2000):
            check()
            read(client, TABLE, STACK)


def test_a_renewal_that_fails_on_the_way_is_tried_again(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lease, renew = taken(client), Lease.renew
    failures = [ConnectionError("no route")] * 2

    def shaky(self: Lease, **changed: str) -> None:
        if failures and threading.current_thread().name == "lease":
            raise failures.pop()
        renew(self, **changed)

    monkeypatch.setattr(Lease, "renew", shaky)
    pause, over = turns(*[lambda: None] * 3)
    with kept(lease, pause=pause) as check:
        assert over.wait(20)
        check()
    assert (failures, read(client, TABLE, STACK).beat) == ([], 2)


# Interleavings: whatever happens in whatever order, two never both believe and can both write


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["step", "renew", "release", "take over", "forget"]), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.sampled_from([1, 20, 50, 70])),
    ),
    max_size=25,
)


class Interleaving:
    """Three runners, each with a clock whose zero is far from the others', and what they do one after another."""

    def __init__(self, client: Any) -> None:
        forget(client)
        self.client = client
        self.clocks = [FakeClock(offset) for offset in (0.0, 1_000_000.0, 50.0)]
        self.waiters = [self._waiter(number) for number in range(3)]
        self.leases: list[Lease | None] = [None, None, None]
        self.fences: list[int] = []
        self.forced = False

    def _waiter(self, number: int, **more: Any) -> Waiter:
        return waiter(self.client, f"runner {number}", self.clocks[number], **more)

    def do(self, action: str, argument: int) -> None:
        if action == "wait":
            for clock in self.clocks:
                clock.now += argument
        elif action in ("step", "take over"):
            self._acquire(argument, force=action == "take over")
        else:
            self._use(action, argument)

    def _acquire(self, number: int, *, force: bool) -> None:
        if self.leases[number] is not None:
            return
        self.forced |= force
        lease = (self._waiter(number, takeover=True) if force else self.waiters[number]).step()
        if lease is not None:
            self.leases[number] = lease
            self.fences.append(lease.fence)

    def _use(self, action: str, number: int) -> None:
        lease = self.leases[number]
        if lease is None:
            return
        if action == "forget":  # killed: nobody gives it back
            self.leases[number] = None
            self.waiters[number] = waiter(self.client, f"runner {number} again", self.clocks[number])
            return
        try:
            lease.renew() if action == "renew" else lease.release()
        except SupersededError:
            self.leases[number] = None
        if action == "release":
            self.leases[number] = None

    def violation(self) -> str:
        """What must never be; "" where all is well."""
        believing = [lease for lease in self.leases if lease is not None and lease.believed]
        if len(believing) > 1 and not self.forced:
            return "two believe"
        if sum(self._can_write(lease) for lease in believing) > 1:
            return "two believe and can write"
        if any(later <= earlier for earlier, later in zip(self.fences, self.fences[1:], strict=False)):
            return "the fence did not grow"
        return ""

    def _can_write(self, lease: Lease) -> bool:
        try:
            lease.write(put(lease.fence))
        except SupersededError:
            return False
        return True


def violations(client: Any, actions: list[tuple[str, int]]) -> list[str]:
    interleaving = Interleaving(client)
    found = []
    for action, argument in actions:
        interleaving.do(action, argument)
        found.append(interleaving.violation())
    return [text for text in found if text]


@given(actions=ACTIONS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_never_both_believe_and_can_both_write(dynamodb: Any, actions: list[tuple[str, int]]) -> None:
    assert violations(dynamodb, actions) == []


# The same test on a lease that is broken on purpose


def test_the_interleavings_notice_an_expiry_by_comparing_clocks(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    actions = [("step", 0), ("step", 1)]
    assert violations(client, actions) == []
    monkeypatch.setattr(_lease, "observe", lambda before, look, now: Observation(look, 0.0))
    assert violations(client, actions) == ["two believe"]


def test_the_interleavings_notice_a_fence_that_is_not_checked(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    actions = [("step", 0), ("take over", 1)]
    assert violations(client, actions) == []
    anybody = "(#fence = :mine OR #fence <> :mine) AND (#owner = :me OR #owner <> :me)"
    monkeypatch.setattr(_lease, "_IS_MINE", anybody)
    assert violations(client, actions) == ["two believe and can write"]


def test_the_interleavings_notice_a_fence_that_does_not_grow(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    actions = [("step", 0), ("release", 0), ("step", 1)]
    assert violations(client, actions) == []
    update = _lease._update

    def stuck(client: Any, table: str, stack: str, expression: str, *, condition: str, values: Any) -> Look | None:
        if "ADD #fence" in expression:
            values = {**values, ":one": {"N": "0" if ":fence" in values else "1"}}
        return update(client, table, stack, expression, condition=condition, values=values)

    monkeypatch.setattr(_lease, "_update", stuck)
    assert violations(client, actions) == ["the fence did not grow"]
