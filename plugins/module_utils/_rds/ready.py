# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a database: one look, judged; the rest of its plan once it is available; and its removal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change
from ansible_collections.slipway.aws.plugins.module_utils._rds import api
from ansible_collections.slipway.aws.plugins.module_utils._rds.describe import describe_instance, identifiers
from ansible_collections.slipway.aws.plugins.module_utils._rds.plan import INSTANCE, REBOOT, usable
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, Clock, Judgement, failed, wait_for

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status
# From these no instance comes back by itself; states that start with "incompatible-" are of the same kind.
LOST = {
    "failed": "RDS could not make or recover it",
    "insufficient-capacity": "AWS has no capacity for this class in these zones",
    "inaccessible-encryption-credentials": "its KMS key cannot be used any more",
    "inaccessible-encryption-credentials-recoverable": "its KMS key is disabled or access to it is missing",
    "restore-error": "a restore failed",
    "storage-full": "its storage is full",
    "stopped": "it was stopped, start it",
    "stopping": "somebody is stopping it",
    "deleting": "somebody is deleting it",
}
EVENTS_MINUTES = 180
ROUNDS = 8  # of waiting and changing: upgrade, replicas, reboots, and a few times of being told to come back later

Instances = dict[str, dict[str, Any]]


def look(aws: Clients, identifier: str) -> dict[str, Any]:
    """{"instances": {...}, "events": {identifier: [...]}}: what RDS has to say is asked of lost ones alone."""
    rds = aws.client("rds")
    found = [describe(each) for each in api.instances(rds, identifiers(identifier))]
    instances = dict(found)
    lost = [name for name, have in instances.items() if why_lost(have["status"])]
    return {"instances": instances, "events": {name: api.events(rds, name, EVENTS_MINUTES) for name in lost}}


def describe(instance: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return instance["DBInstanceIdentifier"], describe_instance(instance)


def why_lost(status: str) -> str:
    """Why an instance in this state will not become available, "" where it still may."""
    if status.startswith("incompatible-"):
        return f"its {status.removeprefix('incompatible-')} does not fit"
    return LOST.get(status, "")


def judge(seen: Mapping[str, Any], names: Iterable[str], *, now: bool) -> Judgement:
    """Done when all of `names` are available; with `now`, when nothing is pending any more either."""
    waiting = []
    for name in names:
        have = seen["instances"].get(name)
        if have is None:
            return failed(f"{name} is gone")
        reason = why_lost(have["status"])
        if reason:
            said = "; ".join(seen["events"].get(name, [])[-5:])
            return failed(f"{name} is {have['status']}, {reason}" + (f". RDS says: {said}" if said else ""))
        if not usable(have):
            waiting.append(f"{name} is {have['status']}")
        elif now and have["pending"]:
            waiting.append(f"{name} has {', '.join(sorted(have['pending']))} pending")
        elif have["parameter_status"] == "applying":
            waiting.append(f"{name} takes its parameters")
    return Judgement("pending", ", ".join(waiting)) if waiting else DONE


def judge_gone(left: Iterable[Mapping[str, Any]]) -> Judgement:
    """`left`: what DescribeDBInstances still has of those that are to go."""
    waiting = [f"{each['DBInstanceIdentifier']} is {each['DBInstanceStatus']}" for each in left]
    return Judgement("pending", ", ".join(waiting)) if waiting else DONE


class Waiter:
    """Waits for the instances of one database, within one time limit over all of its waits."""

    def __init__(self, aws: Clients, identifier: str, *, timeout: float, interval: float, clock: Clock = time) -> None:
        self._aws, self._identifier, self._interval, self._clock = aws, identifier, interval, clock
        self._end = clock.monotonic() + timeout
        self.waited_s = 0.0

    def available(self, names: Iterable[str], *, now: bool, first: dict[str, Any] | None = None) -> Instances:
        """The instances once all of `names` are available. `first` is a look that was taken already."""
        wanted, looks = list(names), [first] if first else []
        waited = wait_for(
            f"Database {self._identifier}",
            lambda: looks.pop() if looks else look(self._aws, self._identifier),
            lambda seen: judge(seen, wanted, now=now),
            timeout=self._left(),
            interval=self._interval,
            clock=self._clock,
        )
        self.waited_s += waited.waited_s
        return dict(waited.look["instances"])

    def gone(self, names: Iterable[str]) -> None:
        wanted = list(names)
        waited = wait_for(
            f"Removal of database {self._identifier}",
            lambda: api.instances(self._aws.client("rds"), wanted),
            judge_gone,
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


def stage(changes: list[Change]) -> list[Change]:
    """Of the changes that are left those that can be made now: the instance, then its replicas, then reboots."""
    for belongs in (
        lambda change: change.resource == INSTANCE,
        lambda change: change.resource != REBOOT,
        lambda _change: True,
    ):
        found = [change for change in changes if belongs(change)]
        if found:
            return found
    return []


def finish(
    waiter: Waiter,
    first: dict[str, Any],
    identifier: str,
    plan: Callable[[Instances], list[Change]],
    carry_out: Callable[[list[Change], Instances], None],
    *,
    now: bool,
) -> tuple[Instances, list[Change]]:
    """Wait, do what could not be done before, wait again, until nothing is left. Returns what is, and what was done."""
    instances = waiter.available(_names(first["instances"], identifier), now=now, first=first)
    done: list[Change] = []
    asked: list[Change] = []
    for _round in range(ROUNDS):
        changes = stage(plan(instances))
        if not changes:
            return instances, done
        if changes == asked:  # AWS takes some changes before it shows them: look again before asking again
            asked = []
            waiter.pause()
            instances = waiter.available([identifier], now=now)
            continue
        try:
            carry_out(changes, instances)
            carried = asked = changes
        except SlipwayError as error:
            if error.details.get("aws_error") not in ("InvalidDBInstanceState", "InvalidDBInstanceStateFault"):
                raise
            carried = changes[: len(error.details.get("changes", []))]
            waiter.pause()  # it was available when we looked and is busy now: a backup, or our own last change
        done += [change for change in carried if change not in done]
        instances = _after(waiter, identifier, carried, now=now)
    raise SlipwayError(
        f"Database {identifier} does not come to rest",
        f"after {ROUNDS} rounds there is still something to change: {stage(plan(instances))[0].name}",
        "Repeat the run; if it stays so, compare the inventory with what `aws rds describe-db-instances` shows.",
    )


def _after(waiter: Waiter, identifier: str, changes: list[Change], *, now: bool) -> Instances:
    going = [change.name for change in changes if change.action == "delete"]
    if going:
        waiter.gone(going)
    touched = [change.name for change in changes if change.name not in (identifier, *going)]
    return waiter.available([identifier, *touched], now=now)


def _names(instances: Mapping[str, Mapping[str, Any]], identifier: str) -> list[str]:
    """Whom to wait for: the instance and those of its replicas that are not on their way out."""
    return [identifier] + [
        name
        for name, have in instances.items()
        if name != identifier and have["source"] == identifier and have["status"] != "deleting"
    ]
