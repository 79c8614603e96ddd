# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the fixes are made with: putting a function in another's place, and states that end by themselves."""

from __future__ import annotations

import copy
import functools
import math
import time
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


def replaces(owner: Any, name: str) -> Callable[[Function], Function]:
    """Put the decorated function in the place of `owner.name`; its first argument is what was there.

    AttributeError if there is nothing: then moto has changed, and the fix has to be looked at again.
    """
    original = getattr(owner, name)

    def decorate(function: Function) -> Function:
        @functools.wraps(original)
        def replacement(*arguments: Any, **options: Any) -> Any:
            return function(original, *arguments, **options)

        setattr(owner, name, replacement)
        return function

    return decorate


def adds(owner: Any, *names: str) -> Callable[[Function], Function]:
    """Put the decorated function where there is none yet; AssertionError if there is one by now."""

    def decorate(function: Function) -> Function:
        for name in names:
            assert not hasattr(owner, name), f"{owner} has {name} by now"
            setattr(owner, name, function)
        return function

    return decorate


def enter(thing: Any, state: str, seconds: float) -> None:
    """Let `thing` be in a passing state for so many seconds from now."""
    thing.passing = (state, time.time() + seconds)


def passing(thing: Any, default: str) -> str:
    """The passing state that `thing` is in, or `default` once that is over."""
    state, until = thing.__dict__.get("passing", (default, 0.0))
    return str(state) if time.time() < until else default


def is_over(thing: Any, state: str) -> bool:
    """Whether `thing` was in this passing state and it has ended."""
    entered, until = thing.__dict__.get("passing", ("", 0.0))
    return bool(entered == state and time.time() >= until)


def frozen(thing: Any, state: str) -> Any:
    """A copy of `thing` that stays in `state`: what the call that began the state answers with."""
    answer = copy.copy(thing)
    answer.passing = (state, math.inf)
    return answer
