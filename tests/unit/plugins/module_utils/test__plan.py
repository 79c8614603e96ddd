# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare, folded, outcome, walk


@pytest.mark.parametrize(
    ("current", "desired", "options", "expected"),
    [
        pytest.param({}, {"a": {"x": 1}}, {}, [("create", "a", {"x": 1})], id="what is not there is created"),
        pytest.param({"a": {"x": 1}}, {"a": {"x": 1}}, {}, [], id="what is as wanted stays"),
        pytest.param({"a": {"x": 1, "y": 2}}, {"a": {"x": 3}}, {}, [("update", "a", {"x": 3})], id="only what differs"),
        pytest.param({"a": {"x": 1}}, {"a": {"x": None}}, {}, [], id="None is not managed"),
        pytest.param({"a": {}}, {"a": {"x": []}}, {}, [], id="an empty list is nothing"),
        pytest.param({"a": {"x": [2, 1]}}, {"a": {"x": {1, 2}}}, {}, [], id="a set has no order"),
        pytest.param({"b": {"x": 1}}, {}, {}, [], id="what is not wanted stays without purge"),
        pytest.param({"b": {"x": 1}}, {}, {"purge": True}, [("delete", "b", None)], id="what is not wanted goes"),
        pytest.param({"a": {"x": False}}, {"a": {"x": 0}}, {}, [], id="False is 0, as Python has it"),
    ],
)
def test_compare(current, desired, options, expected):
    found = compare("thing", current, desired, **options)
    assert [(change.action, change.name, change.after) for change in found] == expected


def test_a_field_that_cannot_change_is_an_error_before_anything_is_done():
    with pytest.raises(SlipwayError, match="thing a cannot be changed in place: x is 1, wanted 2"):
        compare("thing", {"a": {"x": 1}}, {"a": {"x": 2}}, fixed=("x",))


CHANGES = [Change("create", "thing", name, None, {"x": 1}) for name in "abc"]


def test_check_mode_does_nothing_and_says_the_same():
    walk(CHANGES, {}, check=True)  # a handler would be missing
    assert outcome(CHANGES)["changed"] and [row[2] for row in outcome(CHANGES)["report"][0]["rows"]] == ["a", "b", "c"]


def test_a_failed_step_is_named_and_what_was_done_before_it_is_kept():
    done = []

    def handler(change):
        if change.name == "b":
            raise SlipwayError("AWS said no", "because")
        done.append(change.name)

    with pytest.raises(SlipwayError, match="Could not create thing b: AWS said no: because") as failure:
        walk(CHANGES, {("thing", "create"): handler}, check=False)
    assert done == ["a"]
    assert failure.value.details["changed"] is True
    assert [change["name"] for change in failure.value.details["changes"]] == ["a"]


def test_the_diff_has_what_is_made_and_what_goes():
    changes = [CHANGES[0], Change("delete", "thing", "z", {"x": {2, 1}})]
    assert folded(changes) == {"before": {"thing z": {"x": [1, 2]}}, "after": {"thing a": {"x": 1}}}


def test_an_empty_plan_changes_nothing_and_has_no_table():
    assert outcome([]) == {"changed": False, "changes": [], "diff": {"before": {}, "after": {}}}
