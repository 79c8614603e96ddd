# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._references import named, stack

GOOD = {
    "stack_name": "tvshows",
    "stack_environment": "prod",
    "stack_region": "eu-west-1",
    "stack_account_id": "111122223333",
}


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("cache_subnets: is wrong", ("cache_subnets", "is wrong")),
        ("alb_load_balancers[web] has no listener", ("alb_load_balancers", "web: has no listener")),
        ("networking_cidr is not set", ("networking_cidr", "is not set")),
    ],
)
def test_a_sentence_names_its_variable(sentence, expected):
    assert named(sentence) == expected


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        pytest.param({}, None, id="all is well"),
        pytest.param({"stack_name": "TV"}, "stack_name", id="capitals"),
        pytest.param({"stack_name": "a-"}, "stack_name", id="a hyphen at the end"),
        pytest.param({"stack_name": "a" * 33}, "stack_name", id="too long"),
        pytest.param({"stack_region": "eu-wset-1"}, "stack_region", id="no region"),
        pytest.param({"stack_region": "us-gov-west-1"}, None, id="a region of another partition"),
        pytest.param({"stack_region": "ap-southeast-2"}, None, id="a region with a long name"),
        pytest.param({"stack_account_id": 11112222333}, "stack_account_id", id="an account as a number"),
    ],
)
def test_the_stack_s_own_names(change, variable):
    assert [name for name, _text in stack({**GOOD, **change})] == ([variable] if variable else [])
