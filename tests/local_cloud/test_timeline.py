# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time without a thread, with a clock in the test's hand."""

from __future__ import annotations

import sys

from local_cloud_support import ROOT

sys.path.insert(0, str(ROOT / "extensions"))

from local_cloud.ecs.timeline import STEPS_PER_LOOK, Timeline


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_happens_until_somebody_looks() -> None:
    clock, seen = Clock(), []
    line = Timeline(clock)
    line.after(5, lambda: seen.append(line.now))
    clock.now = 104.9
    line.catch_up()
    assert seen == []
    clock.now = 200
    assert seen == []
    line.catch_up()
    assert seen == [105.0]
    assert line.now == 200


def test_plans_happen_in_order_each_at_its_own_time() -> None:
    clock, seen = Clock(), []
    line = Timeline(clock)

    def second() -> None:
        seen.append(("b", line.now))

    def first() -> None:
        seen.append(("a", line.now))
        line.after(1, second)

    line.after(3, lambda: seen.append(("c", line.now)))
    line.after(1, first)
    clock.now = 110
    line.catch_up()
    assert seen == [("a", 101.0), ("b", 102.0), ("c", 103.0)]


def test_plans_of_the_same_time_keep_their_order() -> None:
    clock, seen = Clock(), []
    line = Timeline(clock)
    for name in "abc":
        line.after(0, lambda name=name: seen.append(name))
    line.catch_up()
    assert seen == ["a", "b", "c"]


def test_a_plan_that_plans_itself_again_does_not_hang_a_look() -> None:
    clock, count = Clock(), [0]
    line = Timeline(clock)

    def again() -> None:
        count[0] += 1
        line.after(0, again)

    line.after(0, again)
    line.catch_up()
    assert count == [STEPS_PER_LOOK]


def test_a_clock_that_is_set_back_does_not_turn_time_around() -> None:
    clock = Clock()
    line = Timeline(clock)
    clock.now = 50
    line.catch_up()
    assert line.now == 100
