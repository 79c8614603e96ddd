# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One lease per stack, in DynamoDB: who may change the stack now, from where, for what, since when.

The item stays for ever, because its fence only grows: every new holder gets the next number, and whoever writes with
an older one is refused. Nobody compares clocks. A waiter takes a lease over when it has itself watched it go
unrenewed for its whole duration; a holder stops believing in its lease when it could not renew it for that long.
Both count on their own monotonic clock, and the holder counts from before its renewal, so it always stops first.

The table has the keys `stack` (hash) and `item` (range), both strings; the lease is the item "lease". Runs and
releases are recorded in the same table, beside it.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, error_code
from ansible_collections.slipway.aws.plugins.module_utils._wait import Clock

HASH_KEY, RANGE_KEY, ITEM = "stack", "item", "lease"
SECONDS = 120.0
_POLL = 2.0
_REFUSED = ("ConditionalCheckFailed", "TransactionCanceled")
# A holder gives up a little before a waiter may take over: clocks do not all run at the same speed.
_BELIEVED = 0.9


class SupersededError(SlipwayError):
    """Somebody else holds the lease now, or it could not be renewed in time: nothing more may be changed."""


@dataclass(frozen=True)
class Holder:
    """For people, all of it. task: the ARN of the ECS task that works for the holder, for those who may take over."""

    who: str = ""
    place: str = ""
    purpose: str = ""
    commit: str = ""
    target: str = ""
    phase: str = ""
    task: str = ""

    @property
    def text(self) -> str:
        parts = [
            self.who or "somebody",
            f"from {self.place}" if self.place else "",
            f"for {self.purpose}" if self.purpose else "",
            f"({self.phase})" if self.phase else "",
        ]
        return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Look:
    """The item as it was read. owner is "" where nobody holds the lease; beat grows with every renewal.

    since: when the holder got it, by the holder's clock: shown, never compared
    """

    fence: int = 0
    owner: str = ""
    beat: int = 0
    duration: float = SECONDS
    since: str = ""
    holder: Holder = field(default_factory=Holder)

    @property
    def text(self) -> str:
        return f"{self.holder.text}, since {self.since or 'an unknown time'} (fence {self.fence})"


@dataclass(frozen=True)
class Observation:
    """A look, and for how long the waiter has seen it unchanged, on the waiter's own clock."""

    look: Look
    first_seen: float


Decision = Literal["take", "mine", "expired", "wait"]


# Pure: what a waiter concludes


def observe(before: Observation | None, look: Look, now: float) -> Observation:
    """The first time that exactly this state was seen counts; any change starts anew."""
    same = before is not None and (before.look.fence, before.look.owner, before.look.beat) == (
        look.fence,
        look.owner,
        look.beat,
    )
    return Observation(look, before.first_seen if same and before is not None else now)


def decide(seen: Observation, owner: str, now: float) -> Decision:
    """take: nobody has it; mine: we do; expired: unrenewed for its duration, as we saw ourselves; wait: held."""
    if not seen.look.owner:
        return "take"
    if seen.look.owner == owner:
        return "mine"
    return "expired" if now - seen.first_seen >= seen.look.duration else "wait"


# DynamoDB, one function a call


def read(client: Any, table: str, stack: str) -> Look:
    """The lease as it is, read consistently; fence 0 where it never existed."""
    return _look(client.get_item(TableName=table, Key=_key(stack), ConsistentRead=True).get("Item"))


def _take(client: Any, table: str, stack: str, *, seen: Look, wanted: Look) -> Look | None:
    """The lease with the next fence, if it is still exactly what was seen; None where it is not."""
    values = {
        ":owner": {"S": wanted.owner},
        ":duration": {"N": f"{wanted.duration:g}"},
        ":since": {"S": wanted.since},
        ":beat": {"N": "0"},
        ":one": {"N": "1"},
        ":fence": {"N": str(seen.fence)},
        **{f":{name}": {"S": value} for name, value in _holder_fields(wanted.holder)},
    }
    sets = ["#owner = :owner", "#duration = :duration", "#since = :since", "#beat = :beat"]
    sets += [f"#{name} = :{name}" for name, _value in _holder_fields(wanted.holder)]
    if seen.fence == 0:
        condition = "attribute_not_exists(#fence)"
        del values[":fence"]
    elif not seen.owner:
        condition = "#fence = :fence AND attribute_not_exists(#owner)"
    else:
        condition = "#fence = :fence AND #owner = :seen_owner AND #beat = :seen_beat"
        values |= {":seen_owner": {"S": seen.owner}, ":seen_beat": {"N": str(seen.beat)}}
    return _update(client, table, stack, f"SET {', '.join(sets)} ADD #fence :one", condition=condition, values=values)


def _beat(client: Any, table: str, stack: str, *, owner: str, fence: int, changed: Mapping[str, str]) -> Look | None:
    sets = f"SET {', '.join(f'#{name} = :{name}' for name in changed)} " if changed else ""
    values = {":one": {"N": "1"}, **_mine(owner, fence), **{f":{name}": {"S": text} for name, text in changed.items()}}
    return _update(client, table, stack, f"{sets}ADD #beat :one", condition=_IS_MINE, values=values)


def _give_back(client: Any, table: str, stack: str, *, owner: str, fence: int) -> Look | None:
    gone = ["#owner", "#since", *(f"#{name}" for name, _value in _holder_fields(Holder()))]
    return _update(client, table, stack, f"REMOVE {', '.join(gone)}", condition=_IS_MINE, values=_mine(owner, fence))


_IS_MINE = "#fence = :mine AND #owner = :me"


def _mine(owner: str, fence: int) -> dict[str, Any]:
    return {":me": {"S": owner}, ":mine": {"N": str(fence)}}


def _update(
    client: Any, table: str, stack: str, expression: str, *, condition: str, values: dict[str, Any]
) -> Look | None:
    """The item after a conditional update; None where the condition did not hold."""
    text = f"{expression} {condition}"
    known = ["fence", "owner", "beat", "duration", "since", *(item.name for item in fields(Holder))]
    names = {f"#{name}": name for name in known if f"#{name}" in text}
    try:
        answer = client.update_item(
            TableName=table,
            Key=_key(stack),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
    except Exception as error:
        if error_code(error).startswith(_REFUSED):
            return None
        raise
    return _look(answer["Attributes"])


def _key(stack: str) -> dict[str, Any]:
    return {HASH_KEY: {"S": stack}, RANGE_KEY: {"S": ITEM}}


def _holder_fields(holder: Holder) -> list[tuple[str, str]]:
    return [(item.name, str(getattr(holder, item.name))) for item in fields(Holder)]


def _look(item: Mapping[str, Any] | None) -> Look:
    if not item:
        return Look()

    def text(name: str) -> str:
        return str(item.get(name, {}).get("S", ""))

    def number(name: str, default: float) -> float:
        return float(item.get(name, {}).get("N", default))

    return Look(
        int(number("fence", 0)),
        text("owner"),
        int(number("beat", 0)),
        number("duration", SECONDS),
        text("since"),
        Holder(**{name: text(name) for name, _value in _holder_fields(Holder())}),
    )


# Holding it


class Lease:
    """The lease in our hands. Every method raises SupersededError once it is not ours any more."""

    def __init__(
        self,
        client: Any,
        *,
        table: str,
        stack: str,
        owner: str,
        fence: int,
        duration: float = SECONDS,
        renewed: float | None = None,
        clock: Clock = time,
    ) -> None:
        """renewed: when, on our clock, the last renewal was sent; None for a lease that comes from an earlier task."""
        self._client, self._clock, self._renewed = client, clock, renewed
        self.table, self.stack, self.owner, self.fence, self.duration = table, stack, owner, fence, duration

    @classmethod
    def of(cls, client: Any, handle: Mapping[str, Any], *, clock: Clock = time) -> Lease:
        """From what as_dict() gave to an earlier task. It is not believed in before it was renewed once."""
        return cls(
            client,
            table=str(handle["table"]),
            stack=str(handle["stack"]),
            owner=str(handle["owner"]),
            fence=int(handle["fence"]),
            duration=float(handle["duration"]),
            clock=clock,
        )

    def as_dict(self) -> dict[str, Any]:
        """For the playbook to hand to the next task."""
        return {
            "table": self.table,
            "stack": self.stack,
            "owner": self.owner,
            "fence": self.fence,
            "duration": self.duration,
        }

    @property
    def believed(self) -> bool:
        """Whether nobody can have taken the lease over by its running out. Takeovers by force are seen by check()."""
        if self._renewed is None:
            return False
        return self._clock.monotonic() - self._renewed < self.duration * _BELIEVED

    def renew(self, **changed: str) -> None:
        """Renews, saying what the holder does now: renew(phase="migrating", task="arn:…")."""
        sent = self._clock.monotonic()
        after = _beat(self._client, self.table, self.stack, owner=self.owner, fence=self.fence, changed=changed)
        if after is None:
            self._renewed = None
            raise self._superseded()
        self._renewed = sent

    def keep(self, **changed: str) -> None:
        """For loops: renews when a third of the duration has passed since the last time."""
        if self._renewed is None or self._clock.monotonic() - self._renewed >= self.duration / 3:
            self.renew(**changed)

    def check(self) -> None:
        """Asks DynamoDB whether the lease is still ours. To be called before every step that changes something."""
        now = read(self._client, self.table, self.stack)
        if (now.fence, now.owner) != (self.fence, self.owner):
            self._renewed = None
            raise self._superseded(now)

    def write(self, *items: dict[str, Any]) -> None:
        """Writes to DynamoDB under the lease, in one transaction with the check that it is ours.

        items: elements of TransactItems (Put, Update, Delete). A condition of theirs that fails is raised as it is.
        """
        mine = {
            "ConditionCheck": {
                "TableName": self.table,
                "Key": _key(self.stack),
                "ConditionExpression": _IS_MINE,
                "ExpressionAttributeNames": {"#fence": "fence", "#owner": "owner"},
                "ExpressionAttributeValues": _mine(self.owner, self.fence),
            }
        }
        try:
            self._client.transact_write_items(TransactItems=[mine, *items])
        except Exception as error:
            if error_code(error).startswith(_REFUSED):
                self.check()
            raise

    def release(self) -> bool:
        """Gives the lease back. False where it was not ours any more, which at the end harms nobody."""
        self._renewed = None
        after = _give_back(self._client, self.table, self.stack, owner=self.owner, fence=self.fence)
        if after is not None:
            return True
        now = read(self._client, self.table, self.stack)
        return now.fence == self.fence and not now.owner  # an answer that was lost on the way, and sent again

    def _superseded(self, now: Look | None = None) -> SupersededError:
        now = now or read(self._client, self.table, self.stack)
        by = f"it is held by {now.text}" if now.owner else f"it was given back or taken over (fence {now.fence})"
        return SupersededError(
            f"This run no longer holds the lease of {self.stack} (its fence is {self.fence})",
            by,
            "Nothing more was changed. See how far the other run came before anything is repeated.",
            superseded=True,
            fence=now.fence,
        )


class Waiter:
    """Somebody who wants the lease: one look a step. acquire() is the loop around it."""

    def __init__(
        self,
        client: Any,
        *,
        table: str,
        stack: str,
        holder: Holder,
        owner: str = "",
        duration: float = SECONDS,
        takeover: bool = False,
        may_expire: Callable[[Look], str] = lambda look: "",
        clock: Clock = time,
    ) -> None:
        self._client, self._table, self._stack, self._clock = client, table, stack, clock
        self._wanted = Look(owner=owner or uuid.uuid4().hex, duration=duration, holder=holder)
        self._takeover, self._may_expire = takeover, may_expire
        self._seen: Observation | None = None
        self.reason = ""  # why an expired lease is not taken over

    def step(self) -> Lease | None:
        """Looks once, and takes the lease where it may be taken. None where it may not, or somebody was faster."""
        look = read(self._client, self._table, self._stack)
        now = self._clock.monotonic()
        self._seen = observe(self._seen, look, now)
        decision = decide(self._seen, self._wanted.owner, now)
        self.reason = self._may_expire(look) if decision == "expired" and not self._takeover else ""
        expired = decision == "expired" and not self.reason
        if decision in ("take", "mine") or expired or self._takeover:
            return self._try(look)
        return None

    def _try(self, look: Look) -> Lease | None:
        sent = self._clock.monotonic()
        wanted = replace(self._wanted, since=_now())
        after = _take(self._client, self._table, self._stack, seen=look, wanted=wanted)
        if after is None:
            return None
        return Lease(
            self._client,
            table=self._table,
            stack=self._stack,
            owner=wanted.owner,
            fence=after.fence,
            duration=wanted.duration,
            renewed=sent,
            clock=self._clock,
        )

    def held(self, waited: float) -> SlipwayError:
        """The error at the end of the time: who holds it, since when, and what can be done."""
        look, since = (self._seen.look, self._seen.first_seen) if self._seen else (Look(), self._clock.monotonic())
        why = f"it is held by {look.text}; seen unchanged for {round(self._clock.monotonic() - since)} s"
        return SlipwayError(
            f"Waited {waited:g} s for the lease of {self._stack}",
            f"{why}; {self.reason}" if self.reason else why,
            f"Wait for that run, or take the lease from it with -e takeover={self._stack}: it stops at its next step.",
            holder={**dict(_holder_fields(look.holder)), "since": look.since, "fence": look.fence},
        )


def acquire(
    waiter: Waiter,
    *,
    wait_timeout: float = 0.0,
    adopt: Callable[[], bool] = lambda: False,
    clock: Clock = time,
    jitter: Callable[[float, float], float] = random.uniform,
) -> Lease | None:
    """The lease, waiting for it up to `wait_timeout` seconds; None where adopt() says that nothing is left to do.

    A waiter that wants to take the lease by force has takeover=True; may_expire is asked before an expired lease is
    taken over, and says why not ("its task still runs"). Raises SlipwayError at the end of the time.
    """
    start = clock.monotonic()
    while True:
        lease = waiter.step()
        if lease is not None:
            return lease
        if adopt():
            return None
        left = start + wait_timeout - clock.monotonic()
        if left <= 0:
            raise waiter.held(wait_timeout)
        clock.sleep(min(left, jitter(_POLL / 2, _POLL)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# While something long works that cannot renew by itself


@contextmanager
def kept(lease: Lease, *, pause: Callable[[float], bool] | None = None) -> Iterator[Callable[[], None]]:
    """Renews in a thread while the block works, and yields a check that raises SupersededError once the lease is lost.

    A renewal that fails for another reason is tried again, until the lease cannot be believed in any more.
    pause: waits for so many seconds, True once the block has ended
    """
    ended, lost = threading.Event(), list[SupersededError]()
    wait = pause or ended.wait

    def renew() -> None:
        while not lost and not wait(lease.duration / 3):
            try:
                lease.renew()
            except SupersededError as error:
                lost.append(error)
            except Exception:  # noqa: S112 - the network, say: believed() ends by itself
                continue

    def check() -> None:
        if lost:
            raise lost[0]
        if not lease.believed:
            lease.renew()  # the last word is DynamoDB's

    lease.renew()
    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield check
    finally:
        ended.set()
        thread.join()
