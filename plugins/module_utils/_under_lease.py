# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module that takes the lease of its stack when it is about to change something, and not before.

Which lease, for whom and for how long comes with the environment variable SLIPWAY_LEASE, as JSON (`Wish`). A plan that
is empty asks nobody. Where the lease was held, the module plans again once it has it: the world may be another one.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils import _step
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, is_code
from ansible_collections.slipway.aws.plugins.module_utils._lease import SECONDS, Holder, Lease, Waiter, acquire
from ansible_collections.slipway.aws.plugins.module_utils._wait import Clock

VARIABLE = "SLIPWAY_LEASE"


class OutdatedPlanError(Exception):
    """The lease was held by somebody else and is ours now: what was planned before may be out of date."""


@dataclass(frozen=True)
class Wish:
    """wait: how many seconds at most; handle: the lease as an earlier task of this run got it, {} where none did."""

    table: str
    stack: str
    owner: str
    holder: Holder = field(default_factory=Holder)
    wait: float = 600.0
    duration: float = SECONDS
    takeover: bool = False
    handle: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Wish:
        return cls(**{**values, "holder": Holder(**values.get("holder", {}))})

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))


def wish() -> Wish | None:
    """What the environment asks for."""
    text = os.environ.get(VARIABLE, "")
    return Wish.of(json.loads(text)) if text else None


def take(client: Any, wanted: Wish, clock: Clock = time) -> tuple[Lease, bool]:
    """The lease, and whether somebody else held it when we asked. Says who does while it waits."""
    waiter = Waiter(
        client,
        table=wanted.table,
        stack=wanted.stack,
        holder=wanted.holder,
        owner=wanted.owner,
        duration=wanted.duration,
        takeover=wanted.takeover,
        clock=clock,
    )
    try:
        lease = waiter.step()
    except Exception as error:
        raise (no_table(wanted) if is_code(error, "ResourceNotFound") else error) from error
    if lease is not None:
        return lease, False
    _step.say(f"{wanted.stack}: waits up to {wanted.wait:g} s for the lease of the stack: {waiter.held(0).why}")
    lease = acquire(waiter, wait_timeout=wanted.wait, clock=clock)
    if lease is None:
        raise AssertionError("None is the answer of adopt(), which is not given")
    return lease, True


def no_table(wanted: Wish) -> SlipwayError:
    return SlipwayError(
        f"The lease of {wanted.stack} cannot be taken",
        f"this account has no table {wanted.table} in this region",
        "Nothing was changed. Make it once for the account: ansible-playbook playbooks/account.yml -i <inventory>, "
        "with a host in group accounts.",
    )


class UnderLease:
    """Takes or renews the lease before the first change, and keeps it while the module works."""

    def __init__(self, wanted: Wish, client: Callable[[], Any], clock: Clock = time) -> None:
        self._wanted, self._client, self._clock = wanted, client, clock
        self._lock = threading.Lock()
        self.lease: Lease | None = None

    def begin(self) -> None:
        with self._lock:
            if self.lease is not None:
                return
            if self._wanted.handle:
                lease = Lease.of(self._client(), self._wanted.handle, clock=self._clock)
                lease.renew()
                self.lease = lease
                return
            self.lease, waited = take(self._client(), self._wanted, self._clock)
        if waited:
            raise OutdatedPlanError

    def beat(self) -> None:
        """Renews in time. A module that only waits does so where an earlier task has taken the lease."""
        with self._lock:
            if self.lease is None and self._wanted.handle:
                self.lease = Lease.of(self._client(), self._wanted.handle, clock=self._clock)
            if self.lease is not None:
                self.lease.keep()

    def give_up(self) -> None:
        """After a failure: a lease that this module took is given back, no later task would know of it."""
        if self.lease is not None and not self._wanted.handle:
            self.lease.release()

    def facts(self) -> dict[str, Any]:
        """For the next tasks of the run, where the lease was taken by this one."""
        if self.lease is None or self._wanted.handle:
            return {}
        return {"ansible_facts": {"slipway_lease": self.lease.as_dict()}}


@contextmanager
def watched(watch: UnderLease) -> Iterator[None]:
    _step.PROCESS.watch = watch
    try:
        yield
    finally:
        _step.PROCESS.watch = None


def run_under(run: Callable[[], dict[str, Any]], client: Callable[[], Any], *, check: bool) -> dict[str, Any]:
    """run(), under the lease that the environment asks for as soon as it changes something."""
    wanted = None if check else wish()
    if wanted is None:
        return run()
    watch = UnderLease(wanted, client)
    with watched(watch):
        try:
            result = _twice(run)
        except Exception:
            watch.give_up()
            raise
    return {**watch.facts(), **result}


def _twice(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Nothing was changed before the lease was ours: planning again is all that it takes."""
    try:
        return run()
    except OutdatedPlanError:
        return run()
