# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._operations.scale import (
    Asked,
    owner_told,
    plan,
    require,
    settled,
)

LIMITS = {"min": 2, "max": 10}


@pytest.mark.parametrize(
    ("asked", "limits", "words"),
    [
        pytest.param(Asked(), None, "no number was given", id="nothing is asked"),
        pytest.param(Asked(count=-1), None, "below 0", id="less than nothing"),
        pytest.param(Asked(minimum=2), None, "no auto scaling", id="limits without auto scaling"),
        pytest.param(Asked(count=11), LIMITS, "between 2 and 10", id="a count beyond the limits"),
        pytest.param(Asked(minimum=12), LIMITS, "above the maximum 10", id="limits that cross"),
    ],
)
def test_what_does_not_go_together_is_refused(asked, limits, words):
    with pytest.raises(SlipwayError, match=words):
        require("web", asked, limits)


@pytest.mark.parametrize(
    ("count", "asked", "limits", "steps"),
    [
        pytest.param(2, Asked(count=3), None, [{"count": 3}], id="a count"),
        pytest.param(2, Asked(count=0), None, [{"count": 0}], id="none at all"),
        pytest.param(3, Asked(count=3), None, [], id="it is so already"),
        pytest.param(2, Asked(count=12, maximum=12), LIMITS, [{"max": 12}, {"count": 12}], id="the limit goes first"),
        pytest.param(2, Asked(minimum=4), LIMITS, [{"min": 4}, {"count": 4}], id="up to a new minimum at once"),
        pytest.param(9, Asked(maximum=5), LIMITS, [{"max": 5}, {"count": 5}], id="down to a new maximum at once"),
        pytest.param(4, Asked(maximum=12), LIMITS, [{"max": 12}], id="a count within the limits stays"),
    ],
)
def test_plan(count, asked, limits, steps):
    require("web", asked, limits)
    assert [change.after for change in plan("tv-web", count, asked, limits)] == steps


@pytest.mark.parametrize(
    ("item", "limits", "wanted", "words"),
    [
        pytest.param({"count": 2}, None, None, "says count: 2", id="the inventory's count comes back"),
        pytest.param({}, None, None, "count is yours", id="nobody else's"),
        pytest.param({"scaling": LIMITS}, LIMITS, LIMITS, "between 2 and 10", id="auto scaling's"),
        pytest.param(
            {"scaling": LIMITS}, LIMITS, {"min": 2, "max": 12}, "says min: 2, max: 10", id="the inventory's limits"
        ),
    ],
)
def test_who_owns_the_count(item, limits, wanted, words):
    assert words in owner_told(item, limits, wanted)


def test_settled():
    assert settled({"runningCount": 2, "desiredCount": 2, "pendingCount": 0}).state == "done"
    event = {"message": "unable to place a task"}
    look = settled({"runningCount": 1, "desiredCount": 2, "pendingCount": 1, "events": [event]})
    assert (look.state, look.reason) == ("pending", "1 of 2 tasks run, 1 are starting. unable to place a task")
