# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, PENDING, Judgement, failed, wait_for
from botocore.exceptions import ClientError


class Clock:
    def __init__(self):
        self.now, self.slept = 0.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def looks(*values):
    """A look that gives these values one after the other; an exception is raised."""
    rest = list(values)

    def look():
        value = rest.pop(0) if len(rest) > 1 else rest[0]
        if isinstance(value, Exception):
            raise value
        return value

    return look


def judge(value):
    return {"ok": DONE, "bad": failed("it broke")}.get(value, Judgement("pending", f"still {value}"))


def test_it_ends_with_the_last_look_and_its_cost():
    clock = Clock()
    waited = wait_for("x", looks("new", "new", "ok"), judge, timeout=60, interval=5, clock=clock)
    assert (waited.look, waited.waited_s, waited.looks) == ("ok", 10, 3)


def test_an_impossible_state_fails_at_once_with_the_reason():
    clock = Clock()
    with pytest.raises(SlipwayError, match=r"Making x failed: it broke\. Look there"):
        wait_for("Making x", looks("bad"), judge, timeout=60, hint="Look there.", clock=clock)
    assert clock.slept == []


def test_a_time_out_says_what_was_seen_last_and_does_not_sleep_beyond_it():
    clock = Clock()
    with pytest.raises(SlipwayError, match="x is not done after 10 s: still new"):
        wait_for("x", looks("new"), judge, timeout=12, interval=5, clock=clock)
    assert clock.now <= 12


def test_throttled_looks_are_repeated_with_a_growing_pause():
    clock = Clock()
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "DescribeX")
    waited = wait_for("x", looks(throttled, throttled, "ok"), judge, timeout=600, interval=5, clock=clock)
    assert waited.look == "ok" and clock.slept == [10, 20]


def test_any_other_error_is_not_swallowed():
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeX")
    with pytest.raises(ClientError):
        wait_for("x", looks(denied), lambda _: PENDING, timeout=600, clock=Clock())
