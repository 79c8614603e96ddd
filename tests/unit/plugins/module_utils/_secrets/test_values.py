# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._secrets.generate import classes, generate
from ansible_collections.slipway.aws.plugins.module_utils._secrets.values import Values, needed

FACTS = {
    "database": {"endpoint": "db", "port": 5432, "password_secret": "app/all#db_password"},
    "cache": {"endpoint": "cache", "tls": False},
    "alb": {"load_balancers": {"web": {"dns_name": "web.example"}}},
}


def composed(value, name="app/url"):
    return {"name": name, "kind": "composed", "value": value}


def as_json(**keys):
    return {"name": "app/all", "kind": "json", "keys": keys}


def decide(items, texts=None, facts=FACTS, check=False):
    texts = texts or {}
    return Values(items, facts, texts, texts, check=check).decide()


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("{database.endpoint}:{database.port}", "db:5432", id="keys of a result"),
        pytest.param("{alb.load_balancers.web.dns_name}", "web.example", id="a path in a result"),
        pytest.param("{cache.scheme}", "redis", id="without TLS"),
        pytest.param("{cache.tls}", "false", id="a boolean"),
        pytest.param("{database.password}", "hunter2", id="the password of the secret that the database names"),
        pytest.param("{secret.app/other}", "o", id="another secret"),
    ],
)
def test_composed(template, text):
    texts = {"app/all": json.dumps({"db_password": "hunter2"}), "app/other": "o"}
    assert decide([composed(template)], texts)["app/url"].text == text
    assert not decide([composed(template)], {**texts, "app/url": text})["app/url"].writes


def test_a_generated_value_reaches_what_is_composed_of_it_in_the_same_run():
    items = [composed("x{secret.app/a}"), {"name": "app/a", "kind": "generated", "length": 12}]
    decided = decide(items)
    assert decided["app/url"].text == "x" + decided["app/a"].text
    assert len(decided["app/a"].text) == 12


def test_a_composed_value_may_be_composed_of_another():
    decided = decide([composed("b{secret.app/a}"), composed("{database.endpoint}", "app/a")])
    assert decided["app/url"].text == "bdb"


def test_a_circle_is_refused():
    with pytest.raises(SlipwayError, match="app/url -> app/a -> app/url refer to each other in a circle"):
        decide([composed("{secret.app/a}"), composed("{secret.app/url}", "app/a")])


def test_without_facts_composed_values_are_left_for_later():
    decided = decide([composed("x"), as_json(url={"kind": "composed", "value": "x"})], facts=None)
    assert decided["app/url"].later and not decided["app/all"].writes


def test_in_check_mode_an_unknown_input_announces_the_value():
    assert decide([composed("{database.username}")], check=True)["app/url"].writes
    with pytest.raises(SlipwayError, match=r"\{database\.username\} is not known"):
        decide([composed("{database.username}")])


@pytest.mark.parametrize(
    ("keys", "have", "written", "waits"),
    [
        pytest.param({"a": {"kind": "generated"}}, {"a": "x"}, (), (), id="a generated key is made once"),
        pytest.param({"a": {"kind": "generated"}}, {"a": ""}, ("a",), (), id="an empty key counts as missing"),
        pytest.param({"a": {"kind": "manual"}}, {"a": "x"}, (), (), id="a key of a person stays"),
        pytest.param({"a": {"kind": "manual"}}, {}, (), ("set its key a",), id="a key of a person is waited for"),
        pytest.param({"a": {"kind": "literal", "value": 5}}, {"a": 5}, (), (), id="a literal that is there"),
        pytest.param({"a": {"kind": "literal", "value": 5}}, {"a": "5"}, ("a",), (), id="a literal that differs"),
        pytest.param(
            {"a": {"kind": "composed", "value": "{secret.app/none}"}},
            {},
            (),
            ("set the value of app/none",),
            id="a composed key whose input is missing",
        ),
    ],
)
def test_json(keys, have, written, waits):
    decision = decide([as_json(**keys)], {"app/all": json.dumps({**have, "kept": 1})})["app/all"]
    assert (decision.keys, decision.waits) == (written, waits)
    if written:
        assert json.loads(decision.text)["kept"] == 1


def test_an_empty_or_too_long_value_is_refused_without_being_shown():
    for text in ("", "x" * 65537):
        with pytest.raises(SlipwayError, match="app/url has no length that AWS takes") as error:
            decide([composed(text)])
        assert "xx" not in error.value.text


def test_a_decision_does_not_show_its_value():
    assert "hunter2" not in repr(decide([composed("hunter2")]))


def test_only_what_is_referred_to_is_read():
    items = [composed("{secret.app/other#k}"), as_json(a={"kind": "manual"}), {"name": "app/m", "kind": "manual"}]
    assert needed(items, None) == {"app/all"}
    assert needed(items, {}) == {"app/url", "app/other", "app/all"}
    assert needed([composed("x")], FACTS) == {"app/url", "app/all"}


def test_generated_values():
    one = generate(64, "ascii", "&")
    assert len(one) == 64 and one != generate(64, "ascii", "&")
    assert not set(one) & set("/@\"' \\&")
    assert all(set(one) & set(kind) for kind in classes("ascii", "&"))
    assert set(generate(200, "hex")) <= set("0123456789abcdef")
