# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a cache: one look, judged; and the rest of its plan, one change at a time, as AWS takes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients
from ansible_collections.slipway.aws.plugins.module_utils._elasticache import api
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.describe import describe_group, details
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.plan import usable
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, Clock, Judgement, failed, wait_for

EVENTS_MINUTES = 180
ROUNDS = 8  # of waiting and changing: shards, replicas, settings, and a few times of being told to come back later

# https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html
LOST = {
    "create-failed": "ElastiCache could not make it",
    "deleting": "somebody is deleting it",
}


def look(aws: Clients, identifier: str) -> dict[str, Any]:
    """{"group": {...} | None, "events": [...]}: what ElastiCache has to say is asked of a lost one alone.

    A group that is not available costs one call; of one that is, its node and its tags are read too.
    """
    cache = aws.client("elasticache")
    found = api.group(cache, identifier)
    if found is None:
        return {"group": None, "events": []}
    if found.get("Status") == "available":
        return {"group": details(aws, found), "events": []}
    lost = found.get("Status") in LOST
    events = api.events(cache, identifier, EVENTS_MINUTES) if lost else []
    return {"group": describe_group(found, None, None), "events": events}


def judge(seen: Mapping[str, Any], identifier: str, *, now: bool) -> Judgement:
    """Done when the group is available; with `now`, when nothing is pending any more either."""
    group = seen["group"]
    if group is None:
        return failed(f"{identifier} is gone")
    if group["status"] in LOST:
        said = "; ".join(seen["events"][-5:])
        why = f"{identifier} is {group['status']}, {LOST[group['status']]}"
        return failed(why + (f". ElastiCache says: {said}" if said else ""))
    if not usable(group):
        return Judgement("pending", f"{identifier} is {group['status']}")
    if now and group["pending"]:
        return Judgement("pending", f"{identifier} has {', '.join(sorted(group['pending']))} pending")
    return DONE


def judge_gone(group: Mapping[str, Any] | None, identifier: str) -> Judgement:
    return DONE if group is None else Judgement("pending", f"{identifier} is {group['Status']}")


class Waiter:
    """Waits for one cache, within one time limit over all of its waits."""

    def __init__(self, aws: Clients, identifier: str, *, timeout: float, interval: float, clock: Clock = time) -> None:
        self._aws, self._identifier, self._interval, self._clock = aws, identifier, interval, clock
        self._end = clock.monotonic() + timeout
        self.waited_s = 0.0

    def available(self, *, now: bool, first: dict[str, Any] | None = None) -> dict[str, Any]:
        """The group once it is available. `first` is a look that was taken already."""
        looks = [first] if first else []
        waited = wait_for(
            f"Cache {self._identifier}",
            lambda: looks.pop() if looks else look(self._aws, self._identifier),
            lambda seen: judge(seen, self._identifier, now=now),
            timeout=self._left(),
            interval=self._interval,
            clock=self._clock,
        )
        self.waited_s += waited.waited_s
        return dict(waited.look["group"])

    def gone(self) -> None:
        waited = wait_for(
            f"Removal of cache {self._identifier}",
            lambda: api.group(self._aws.client("elasticache"), self._identifier),
            lambda seen: judge_gone(seen, self._identifier),
            timeout=self._left(),
            interval=self._interval,
            clock=self._clock,
        )
        self.waited_s += waited.waited_s

    def pause(self) -> None:
        self._clock.sleep(self._interval)
        self.waited_s += self._interval

    def _left(self) -> float:
        return max(0.0, self._end - self._clock.monotonic())


def finish(
    waiter: Waiter,
    first: dict[str, Any],
    plan: Callable[[dict[str, Any]], list[Change]],
    carry_out: Callable[[list[Change], dict[str, Any]], None],
    *,
    now: bool,
) -> tuple[dict[str, Any], list[Change]]:
    """Wait, change one thing, wait again, until nothing is left. Returns what is, and what was done."""
    group, done = waiter.available(now=now, first=first), list[Change]()
    asked: list[Change] = []
    for _round in range(ROUNDS):
        changes = plan(group)[:1]
        if not changes:
            return group, done
        if changes == asked:  # AWS takes some changes before it shows them: look again before asking again
            asked = []
            waiter.pause()
            group = waiter.available(now=now)
            continue
        try:
            carry_out(changes, group)
            asked = changes
            done += [change for change in changes if change not in done]
        except SlipwayError as error:
            if error.details.get("aws_error") not in (
                "InvalidReplicationGroupState",
                "InvalidReplicationGroupStateFault",
            ):
                raise
            waiter.pause()  # it was available when we looked and is busy now: a snapshot, or our own last change
        group = waiter.available(now=now)
    raise SlipwayError(
        "The cache does not come to rest",
        f"after {ROUNDS} rounds there is still something to change: {plan(group)[0].resource}",
        "Repeat the run; if it stays so, compare the inventory with `aws elasticache describe-replication-groups`.",
    )
