# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time without a thread: what is planned for later happens at the next look, stamped with its own time."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable

# A plan that plans itself again without any delay would never end: the rest waits for the next look.
STEPS_PER_LOOK = 20_000


class Timeline:
    """Plans, and the moment that is being lived through."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._plans: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.now = clock()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._plans, (self.now + max(0.0, seconds), next(self._order), action))

    def catch_up(self) -> None:
        """Live through everything that was planned up to the clock's time, in order."""
        present = self._clock()
        for _step in range(STEPS_PER_LOOK):
            if not self._plans or self._plans[0][0] > present:
                break
            at, _order, action = heapq.heappop(self._plans)
            self.now = max(self.now, at)
            action()
        self.now = max(self.now, present)
