# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._secrets.problems import problems

GOOD = [
    {"name": "app/password", "kind": "generated", "length": 32},
    {"name": "app/all", "kind": "json", "keys": {"jwt": {"kind": "generated"}, "mail": {"kind": "manual"}}},
    {
        "name": "app/url",
        "kind": "composed",
        "value": "pg://{database.username}:{database.password}@{database.endpoint}/{stack.environment}",
    },
    {"name": "app/redis", "kind": "composed", "value": "{cache.scheme}://{cache.endpoint}#{secret.app/all#jwt}"},
    {"name": "app/key", "kind": "manual", "replicas": ["us-west-2"]},
]


def found(*items, **variables):
    return problems({"stack_region": "us-east-1", "secrets_items": list(items), **variables})


def test_good_items_have_no_problem():
    assert found(*GOOD) == [] and problems({}) == []


def test_what_has_no_shape_is_one_problem():
    assert found("app/a") == ["secrets_items: has to be a list of items that each have a name"]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        pytest.param({"name": "a b", "kind": "manual"}, "a b: a secret's name takes", id="a name AWS refuses"),
        pytest.param({"name": "a" * 513, "kind": "manual"}, "at most 512", id="a name too long"),
        pytest.param({"name": "a"}, "a: kind is None", id="no kind"),
        pytest.param({"name": "a", "kind": "composed"}, "a: kind composed needs `value`", id="composed of nothing"),
        pytest.param({"name": "a", "kind": "manual", "value": "x"}, "kind manual takes no `value`", id="manual value"),
        pytest.param({"name": "a", "kind": "generated", "value": "x"}, "kind generated takes no", id="generated value"),
        pytest.param({"name": "a", "kind": "json"}, "kind json needs `keys`", id="JSON without keys"),
        pytest.param({"name": "a", "kind": "manual", "keys": {"k": {"kind": "manual"}}}, "takes no `keys`", id="keys"),
        pytest.param({"name": "a", "kind": "json", "keys": {"k": "v"}}, "key k: kind has to be one of", id="bare key"),
        pytest.param(
            {"name": "a", "kind": "json", "keys": {"k": {"kind": "literal"}}},
            "key k: kind literal needs `value`",
            id="a literal without a value",
        ),
        pytest.param({"name": "a", "kind": "generated", "length": 4}, "length is 4", id="too short"),
        pytest.param({"name": "a", "kind": "generated", "charset": "emoji"}, "charset is 'emoji'", id="charset"),
        pytest.param(
            {"name": "a", "kind": "generated", "charset": "hex", "exclude": "0123456789"},
            "leaves fewer than 10",
            id="too little is left",
        ),
        pytest.param(
            {"name": "a", "kind": "composed", "value": "{basedata.port}"}, "no role 'basedata'", id="a role misspelt"
        ),
        pytest.param(
            {"name": "a", "kind": "composed", "value": "{database.prot}"},
            "{database.prot}: database has arn, endpoint",
            id="a key misspelt",
        ),
        pytest.param(
            {"name": "a", "kind": "composed", "value": "{database}"}, "{database} is no placeholder", id="bare"
        ),
        pytest.param(
            {"name": "a", "kind": "composed", "value": "{secret.app/x}"}, "there is no secret app/x", id="no secret"
        ),
        pytest.param(
            {"name": "a", "kind": "composed", "value": "{secret.app/all#x}"}, "app/all has no key x", id="no key"
        ),
        pytest.param(
            {"name": "a", "kind": "manual", "replicas": ["us-east-1"]}, "is the stack's own region", id="own region"
        ),
        pytest.param({"name": "a", "kind": "manual", "replicas": ["west"]}, "'west' is no region", id="no region"),
    ],
)
def test_a_problem_names_the_variable_and_the_item(item, words):
    (problem,) = found(*GOOD, item)
    assert problem.startswith(f"secrets_items: {item['name']}") and words in problem


def test_a_name_that_is_there_twice():
    assert found(GOOD[0], GOOD[0]) == ["secrets_items: app/password is there twice"]


def test_a_circle_is_shown_once():
    circle = [
        {"name": "a", "kind": "composed", "value": "{secret.b}"},
        {"name": "b", "kind": "composed", "value": "{secret.a}"},
    ]
    assert found(*circle) == ["secrets_items: a -> b -> a refer to each other in a circle"]


@pytest.mark.parametrize(("days", "fits"), [(0, True), (7, True), (30, True), (3, False), (31, False)])
def test_aws_keeps_a_removed_secret_for_so_long(days, fits):
    assert found(GOOD[0], secrets_recovery_days=days) == (
        [] if fits else [f"secrets_recovery_days: {days} has to be 7 to 30, or 0 to remove secrets at once"]
    )


@pytest.mark.parametrize(("secret", "length", "fits"), [("a", 128, True), ("a", 129, False), ("j#k", 129, False)])
def test_a_password_of_the_database_has_a_length_that_rds_takes(secret, length, fits):
    spec = {"kind": "generated", "length": length}
    items = [{"name": "a", **spec}, {"name": "j", "kind": "json", "keys": {"k": spec}}]
    problems_found = found(*items, database_password_secret=secret)
    assert [f"length is {length}, a database's password" in problem for problem in problems_found] == [True] * (
        not fits
    )


def test_the_default_of_the_replicas_is_checked_too():
    assert found(GOOD[0], secrets_replicas=["us-east-1"]) == ["secrets_replicas: us-east-1 is the stack's own region"]
