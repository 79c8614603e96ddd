# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that RDS and ElastiCache share: windows, engine versions, ids and parameters of the inventory. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
WEEK = 7 * DAY
_TIME = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")


def lower(text: str | None) -> str | None:
    """A window as AWS returns it, None where it is not managed."""
    return text.strip().lower() if text else None


def daily(window: str) -> tuple[int, int] | None:
    """The first minute of the day and the length of "03:00-04:00"; None where it is not such a window."""
    start, _rest, end = window.strip().partition("-")
    minutes = [_minute(start), _minute(end)]
    if None in minutes:
        return None
    first, last = (minute or 0 for minute in minutes)
    return first, (last - first) % DAY


def weekly(window: str) -> tuple[int, int] | None:
    """The first minute of the week and the length of "sun:04:00-sun:05:00"; None where it is not such a window."""
    start, _rest, end = window.strip().lower().partition("-")
    minutes = [_minute_of_week(start), _minute_of_week(end)]
    if None in minutes:
        return None
    first, last = (minute or 0 for minute in minutes)
    return first, (last - first) % WEEK


def _minute(text: str) -> int | None:
    found = _TIME.match(text)
    return int(found[1]) * 60 + int(found[2]) if found else None


def _minute_of_week(text: str) -> int | None:
    day, _rest, time = text.partition(":")
    minute = _minute(time)
    return DAYS.index(day) * DAY + minute if day in DAYS and minute is not None else None


def overlap(every_day: tuple[int, int], once_a_week: tuple[int, int]) -> bool:
    """Whether a daily window and a weekly one share a minute on any day, over midnight and Sunday night too."""
    first, length = once_a_week
    for day in range(7):
        start = day * DAY + every_day[0]
        if (start - first) % WEEK < length or (first - start) % WEEK < every_day[1]:
            return True
    return False


def window_problems(
    daily_name: str,
    daily_window: str | None,
    weekly_name: str,
    weekly_window: str | None,
    *,
    shortest: int = 30,
) -> list[str]:
    """What is wrong with a backup window and a maintenance window, each named as the inventory calls it.

    shortest: how many minutes AWS asks for
    """
    found: list[str] = []
    day = daily(daily_window) if daily_window else None
    week = weekly(weekly_window) if weekly_window else None
    if daily_window and (day is None or day[1] < shortest):
        found.append(
            f'{daily_name}: "{daily_window}" is no window of {shortest} minutes or more like "03:00-04:00" (UTC)'
        )
    if weekly_window and (week is None or not shortest <= week[1] <= DAY):
        found.append(
            f'{weekly_name}: "{weekly_window}" is no window of {shortest} minutes to a day like '
            '"sun:04:00-sun:05:00" (UTC)'
        )
    if day and week and overlap(day, week):
        found.append(
            f'{weekly_name}: "{weekly_window}" overlaps {daily_name} "{daily_window}", which AWS refuses: move one'
        )
    return found


def numbers(version: str) -> tuple[int, ...]:
    """16.10 as (16, 10); what is not a number ends it."""
    found: list[int] = []
    for part in str(version).split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)


def satisfies(have: str, want: str | None) -> bool:
    """Whether a running version is what the inventory asks for.

    A prefix of the version is enough ("16" for 16.4). Within what AWS upgrades by itself a newer one satisfies too
    ("16.3" for 16.4): it is never taken back.
    """
    if not want:
        return True
    asked, running = numbers(want), numbers(have)
    return running[: len(asked)] == asked or (running[:1] == asked[:1] and running > asked)


def known(ids: Iterable[str] | None) -> set[str] | None:
    """The ids, None where one is not known yet (another role's, in check mode on an empty account)."""
    found = set(ids or ())
    return found if found and all(found) else None


def texts(parameters: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Parameters as AWS holds them: YAML's on and off are 1 and 0, a list is joined by commas."""
    return None if parameters is None else {key: _text(value) for key, value in parameters.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
