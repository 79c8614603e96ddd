# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._rds.rules import daily, overlap, satisfies, weekly


@pytest.mark.parametrize(
    ("have", "want", "verdict"),
    [
        pytest.param("16.4", "16", True, id="any minor version satisfies its major one"),
        pytest.param("16.4", "16.4", True, id="the same version"),
        pytest.param("16.10", "16.9", True, id="what AWS upgraded by itself is not taken back"),
        pytest.param("16.4", "16.10", False, id="a newer minor version is asked for"),
        pytest.param("16.4", "17", False, id="a newer major version is asked for"),
        pytest.param("16.4", "15", False, id="an older major version is asked for"),
        pytest.param("7.1.0", "7.1", True, id="a third number does not matter"),
        pytest.param("7.1.0", "7.0", True, id="redis 7.1 satisfies 7.0"),
        pytest.param("16.4", None, True, id="nothing is asked for"),
    ],
)
def test_versions(have, want, verdict):
    assert satisfies(have, want) is verdict


@pytest.mark.parametrize(
    ("window", "minutes"),
    [
        pytest.param("03:00-04:00", (180, 60), id="an hour"),
        pytest.param("23:30-00:30", (1410, 60), id="over midnight"),
        pytest.param("3:00-04:00", None, id="a digit is missing"),
        pytest.param("25:00-26:00", None, id="no such hour"),
        pytest.param("sun:03:00-sun:04:00", None, id="a weekly window"),
    ],
)
def test_daily_windows(window, minutes):
    assert daily(window) == minutes


def test_a_weekly_window_may_cross_the_end_of_the_week():
    assert weekly("Sun:23:30-Mon:00:30") == (6 * 1440 + 1410, 60)
    assert weekly("someday:00:00-mon:01:00") is None


@pytest.mark.parametrize(
    ("every_day", "once_a_week", "verdict"),
    [
        pytest.param("03:00-04:00", "sun:04:00-sun:05:00", False, id="one ends where the other begins"),
        pytest.param("03:00-04:00", "sun:03:30-sun:04:30", True, id="they share half an hour"),
        pytest.param("23:30-00:30", "mon:00:00-mon:01:00", True, id="over midnight"),
        pytest.param("00:00-01:00", "sun:23:30-mon:00:30", True, id="over the end of the week"),
        pytest.param("12:00-12:30", "tue:00:00-thu:00:00", True, id="the weekly one lasts days"),
    ],
)
def test_overlap(every_day, once_a_week, verdict):
    assert overlap(daily(every_day), weekly(once_a_week)) is verdict
