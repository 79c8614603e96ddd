# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting that ends in a verdict: one look at a time, judged by a pure function, with the clock passed in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.slipway.aws.plugins.module_utils import _step
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, is_code


class Clock(Protocol):
    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class Judgement:
    """state: "pending", "done" or "failed"; reason: what was seen, in words."""

    state: str
    reason: str = ""


PENDING, DONE = Judgement("pending"), Judgement("done")


def failed(reason: str) -> Judgement:
    return Judgement("failed", reason)


@dataclass(frozen=True)
class Waited:
    """The last look and what it cost: seconds, and how many looks were taken."""

    look: Any
    waited_s: float
    looks: int


def wait_for(
    what: str,
    look: Callable[[], Any],
    judge: Callable[[Any], Judgement],
    *,
    timeout: float,
    interval: float = 5.0,
    hint: str = "",
    clock: Clock = time,
) -> Waited:
    """Look until judge(look) says done. All times are seconds.

    Throttled looks are repeated with a growing pause. Raises SlipwayError at once when judge says failed, and after
    `timeout` with the last thing that was seen.
    """
    start, looks, pause, seen = clock.monotonic(), 0, interval, ""
    while True:
        _step.beat()
        try:
            last = look()
            looks, pause = looks + 1, interval
            verdict = judge(last)
        except Exception as error:
            if not is_code(error, "Throttl", "RequestLimitExceeded"):
                raise
            verdict, pause = Judgement("pending", "AWS throttles the calls"), min(pause * 2, 60.0)
        waited = clock.monotonic() - start
        if verdict.state == "done":
            return Waited(last, round(waited, 3), looks)
        if verdict.state == "failed":
            raise SlipwayError(f"{what} failed", verdict.reason, hint, waited_s=round(waited, 1))
        seen = verdict.reason or seen
        if waited + pause > timeout:
            raise SlipwayError(
                f"{what} is not done after {round(waited)} s",
                seen,
                hint or "It may still finish by itself: repeat the run, it goes on where it stopped.",
                waited_s=round(waited, 1),
            )
        clock.sleep(pause)
