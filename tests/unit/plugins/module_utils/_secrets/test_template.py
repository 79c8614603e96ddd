# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._secrets.template import (
    Reference,
    malformed,
    references,
    render,
)

VALUES = {
    "{database.password}": "p@ss/w:rd",
    "{database.endpoint}": "db.internal",
    "{cache.scheme}": "rediss",
    "{secret.app/key#jwt}": "a b",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("plain", "plain", id="text without a placeholder stays"),
        pytest.param("{database.password}", "p@ss/w:rd", id="outside of a URL a value stays as it is"),
        pytest.param(
            "pg://u:{database.password}@{database.endpoint}", "pg://u:p%40ss%2Fw%3Ard@db.internal", id="in a URL"
        ),
        pytest.param("{cache.scheme}://{database.endpoint}", "rediss://db.internal", id="the scheme is a placeholder"),
        pytest.param("pg://u:{database.password:raw}@h", "pg://u:p@ss/w:rd@h", id="encoding is switched off"),
        pytest.param("{database.password:url}", "p%40ss%2Fw%3Ard", id="encoding is switched on"),
        pytest.param("{secret.app/key#jwt}", "a b", id="a key of a JSON secret"),
        pytest.param('{"a": "{database.endpoint}", "b": {}}', '{"a": "db.internal", "b": {}}', id="JSON around it"),
        pytest.param("{{ database.endpoint }}", "{{ database.endpoint }}", id="Jinja is not evaluated"),
    ],
)
def test_render(template, text):
    assert render(template, lambda reference: VALUES[str(reference)]) == text


def test_a_value_that_looks_like_a_placeholder_is_not_filled_in_again():
    assert render("{secret.a}", lambda reference: "{secret.a}") == "{secret.a}"


def test_references_are_listed_once_with_name_and_key():
    found = references("{secret.app/key#jwt} {database.port} {secret.app/key#jwt}")
    assert found == [Reference("secret", "app/key#jwt"), Reference("database", "port")]
    assert (found[0].secret, found[0].key) == ("app/key", "jwt")


@pytest.mark.parametrize(
    ("template", "found"),
    [
        pytest.param("{database.port}", [], id="a placeholder"),
        pytest.param('{"a": 1} {}', [], id="JSON"),
        pytest.param("{database}", ["{database}"], id="no key"),
        pytest.param("{database.port:int}", ["{database.port:int}"], id="a form that does not exist"),
        pytest.param("{Database.port}", ["{Database.port}"], id="a capital"),
    ],
)
def test_malformed(template, found):
    assert malformed(template) == found
