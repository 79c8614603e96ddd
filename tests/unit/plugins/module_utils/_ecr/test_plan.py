# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._ecr.plan import desired, lifecycle, plan, plan_removal
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

STACK = Stack("tvshows", "prod", "ecr", {"team": "tv"})
OURS = {"slipway:stack": "tvshows", "slipway:environment": "prod", "slipway:role": "ecr", "team": "tv"}


def repository(**fields):
    base = {"arn": "a", "uri": "u", "scan": True, "mutability": "MUTABLE", "lifecycle": {}, "tags": dict(OURS)}
    return {**base, **fields}


def changes(current, items):
    return plan(current, desired(items, STACK), STACK)


def test_a_missing_repository_is_created_with_its_tags():
    (change,) = changes({}, [{"name": "api", "scan": True, "keep_images": 30}])
    assert (change.action, change.name) == ("create", "api")
    assert change.after["tags"] == OURS
    assert change.after["lifecycle"]["rules"][0]["selection"]["countNumber"] == 30


@pytest.mark.parametrize(
    ("have", "want", "after"),
    [
        pytest.param({}, {"scan": True}, None, id="nothing differs"),
        pytest.param({}, {}, None, id="what is left out is not managed"),
        pytest.param({"mutability": "IMMUTABLE"}, {"scan": True}, None, id="an immutable repository stays immutable"),
        pytest.param({}, {"scan": False}, {"scan": False}, id="scanning is switched off"),
        pytest.param({}, {"mutability": "immutable"}, {"mutability": "IMMUTABLE"}, id="mutability is asked for"),
        pytest.param({"tags": {**OURS, "cost": "7"}}, {}, None, id="a tag of somebody else stays"),
        pytest.param({"tags": {**OURS, "team": "x"}}, {}, {"tags": OURS}, id="our tag is put right"),
    ],
)
def test_an_existing_repository(have, want, after):
    found = changes({"api": repository(**have)}, [{"name": "api", **want}])
    assert [change.after for change in found] == ([] if after is None else [after])


def test_a_repository_of_another_stack_is_refused_and_its_owner_named():
    theirs = repository(tags={**OURS, "slipway:stack": "jiki"})
    with pytest.raises(SlipwayError, match=r"api exists and is not of stack tvshows-prod.*stack jiki-prod"):
        changes({"api": theirs}, [{"name": "api"}])


def test_the_count_over_all_images_is_the_last_rule():
    rules = lifecycle(50, 90)["rules"]
    assert [rule["rulePriority"] for rule in rules] == [1, 2]
    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged", "any"]


def test_removal_leaves_what_is_not_ours():
    current = {"api": repository(), "other": repository(tags={})}
    assert [change.name for change in plan_removal(current, STACK)] == ["api"]
