# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._settings import distance, listing, unknown_names, wrong_types

KNOWN = ["networking_nat", "networking_cidr", "database_engine", "stack_name"]
PREFIXES = ["networking", "database", "stack"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("networking_nat", None, id="a known name"),
        pytest.param("networking_natt", "networking_nat?", id="a letter too many"),
        pytest.param("netwroking_nat", "networking_nat?", id="letters swapped in the prefix"),
        pytest.param("database_engin", "database_engine?", id="a letter missing"),
        pytest.param("database_engine_version_number", "database_engine?", id="a longer name of the prefix"),
        pytest.param("networking_colour", "README", id="a name of the prefix near nothing"),
        pytest.param("tvshows_class", None, id="the user's own name"),
        pytest.param("__networking_x", None, id="an internal name"),
        pytest.param("networking_result", None, id="a role's result"),
    ],
)
def test_unknown_names(name, hint):
    found = unknown_names({name: "group_vars/x.yml:3"}, KNOWN, PREFIXES, ["networking_result"])
    if hint is None:
        assert found == []
    else:
        assert hint in str(found[0]) and str(found[0]).startswith(f"{name} (group_vars/x.yml:3)")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("abc", "abc", 0),
        ("abc", "acb", 1),
        ("abc", "ab", 1),
        ("abcd", "badc", 2),
        ("abc", "xyz", 3),
        ("a", "abcdef", 3),
    ],
)
def test_distance(one, other, expected):
    assert distance(one, other) == distance(other, one) == expected


SPEC = {
    "networking": {
        "networking_nat": {"type": "str", "choices": ["none", "single"]},
        "networking_subnets": {
            "type": "list",
            "elements": "dict",
            "options": {"name": {"type": "str", "required": True}, "cidr": {"type": "str"}},
        },
    },
    "stack": {"stack_name": {"type": "str", "required": True}},
}


@pytest.mark.parametrize(
    ("values", "part"),
    [
        pytest.param({"networking_nat": "double"}, "double", id="a choice that is none"),
        pytest.param({"networking_subnets": "x"}, "networking_subnets", id="no list"),
        pytest.param({"networking_subnets": [{"cidr": "x"}]}, "name", id="a nested field that is required"),
        pytest.param({"networking_subnets": [{"name": "a", "cdir": "x"}]}, "cdir", id="a misspelt nested field"),
    ],
)
def test_wrong_types(values, part):
    found = wrong_types(SPEC, {"stack_name": "x", **values}, dict.fromkeys(values, "f:1"))
    assert any(part in str(problem) for problem in found)
    assert {problem.where for problem in found} == {"f:1"}


def test_what_is_required_and_missing():
    (problem,) = wrong_types(SPEC, {}, {})
    assert "stack_name" in listing([problem]) and "required" in listing([problem])
