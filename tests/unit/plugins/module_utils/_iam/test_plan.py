# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._iam.plan import desired, listed, plan, plan_removal
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import Place
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

STACK = Stack("tvshows", "prod", "identity", {})
PLACE = Place("111122223333", "us-east-1")
NAME = "tvshows-prod-task"


def current(role, **fields):
    """A role as it is after a run with `role`, but for `fields`."""
    want = desired([role], STACK, PLACE)[NAME]
    return {NAME: {**want, "boundary": "", "managed_policies": [], "other_policies": [], **fields}}


@pytest.mark.parametrize(
    ("role", "fields", "after"),
    [
        pytest.param({}, {}, None, id="nothing differs"),
        pytest.param({}, {"managed_policies": ["m"]}, None, id="a managed policy of others stays"),
        pytest.param({"managed_policies": []}, {"managed_policies": ["m"]}, None, id="it stays with a list too"),
        pytest.param(
            {"managed_policies": ["n"]},
            {"managed_policies": ["m"]},
            {"managed_policies": ["m", "n"]},
            id="ours is added to theirs",
        ),
        pytest.param({"purge": True}, {"managed_policies": ["m"]}, {"managed_policies": []}, id="theirs is purged"),
        pytest.param({"purge": True}, {"other_policies": ["x"]}, {"other_policies": []}, id="and inline ones"),
        pytest.param({}, {"boundary": "b"}, None, id="a boundary that is not given stays"),
        pytest.param({"boundary": "c"}, {"boundary": "b"}, {"boundary": "c"}, id="another boundary"),
    ],
)
def test_an_existing_role(role, fields, after):
    item = {"name": "task", "xray": True, **role}
    found = plan(current(item, **fields), desired([item], STACK, PLACE), STACK)
    assert [change.after for change in found] == ([] if after is None else [after])


def test_only_where_it_matters_is_read_what_is_attached():
    roles = [{"name": "a"}, {"name": "b", "managed_policies": []}, {"name": "c", "purge": True}]
    assert listed(desired(roles, STACK, PLACE)) == ["tvshows-prod-b", "tvshows-prod-c"]


def test_a_policy_too_long_is_refused():
    with pytest.raises(SlipwayError, match="policy of role task is too long"):
        desired([{"name": "task", "secrets": [f"app/{n}" for n in range(200)]}], STACK, PLACE)


def test_another_stacks_role_is_refused():
    have = current({"name": "task"}, tags={"slipway:stack": "jiki", "slipway:environment": "prod"})
    with pytest.raises(SlipwayError, match="stack jiki-prod"):
        plan(have, desired([{"name": "task"}], STACK, PLACE), STACK)
    assert plan_removal(have, STACK) == []
