# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._migration.apply import Timeouts
from ansible_collections.slipway.aws.plugins.module_utils._migration.connection import (
    Endpoint,
    connect,
    endpoint,
    from_secret,
    refuse_pooler,
)
from ansible_collections.slipway.aws.plugins.module_utils._migration.history import History, split_name

RDS = {"engine": "postgres", "host": "db.local", "port": 5433, "username": "app", "password": "p@ss", "dbname": "shop"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://app:pw@db:5433/shop", Endpoint("db", "5433", "app", "pw", "shop")),
        (
            "postgres://app:p%40w@db/shop?sslmode=require",
            Endpoint("db", "", "app", "p@w", "shop", (("sslmode", "require"),)),
        ),
        ("postgresql+psycopg://app:a/b#c?d@e@db:1/shop", Endpoint("db", "1", "app", "a/b#c?d@e", "shop")),
        ("postgresql://a:1,b:2/shop", Endpoint("a,b", "1,2", "", "", "shop")),
        (json.dumps(RDS), Endpoint("db.local", "5433", "app", "p@ss", "shop")),
        (json.dumps({"username": "app", "password": "x"}), Endpoint("", "", "app", "x", "")),
        (json.dumps({"url": "postgresql://app:pw@db/shop"}), Endpoint("db", "", "app", "pw", "shop")),
    ],
)
def test_secrets(text: str, expected: Endpoint) -> None:
    assert from_secret("s", text) == expected


@pytest.mark.parametrize("text", ["", "{", "{}", "mysql://app:s3cret@db/x", "s3cret"])
def test_secrets_that_say_nothing_are_not_repeated(text: str) -> None:
    with pytest.raises(SlipwayError, match="neither a URL") as caught:
        from_secret("s", text)
    assert "s3cret" not in str(caught.value)


def test_what_is_said_directly_counts() -> None:
    params = {"secret_id": "s", "login_host": "other", "login_port": 1, "login_user": None, "ssl_mode": "verify-full"}
    found = endpoint(params, lambda secret_id: json.dumps(RDS))
    assert (found.host, found.port, found.user, found.dbname) == ("other", "1", "app", "shop")
    assert found.options == (("sslmode", "verify-full"),)
    assert "p@ss" not in repr(found) and found.clean("FATAL: p@ss") == "FATAL: ***"


def test_a_database_that_is_not_there_is_named() -> None:
    with pytest.raises(
        SlipwayError, match=r"Cannot connect to database shop on 127\.0\.0\.1:1.*Check login_host"
    ) as caught:
        connect(Endpoint("127.0.0.1", "1", "app", "s3cret", "shop"), "test")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("actual", "refused"), [(7, False), (8, True)])
def test_a_pooler_is_refused(actual: int, refused: bool) -> None:
    rows: Any = SimpleNamespace(fetchone=lambda: (actual,))
    connection = SimpleNamespace(info=SimpleNamespace(backend_pid=7), execute=lambda sql: rows)
    if not refused:
        refuse_pooler(connection, Endpoint())
        return
    with pytest.raises(SlipwayError, match="through a pooler"):
        refuse_pooler(connection, Endpoint())


@pytest.mark.parametrize(
    ("table", "names"),
    [("a.b", ("a", "b")), ("b", ("public", "b")), ("Ops.Runs", ("Ops", "Runs"))],
)
def test_history_tables(table: str, names: tuple[str, str]) -> None:
    assert split_name(table) == names


@pytest.mark.parametrize("table", ["", "a.", ".b", "a.b.c", 'a."b"', "x" * 58])
def test_names_that_cannot_be_history_tables(table: str) -> None:
    with pytest.raises(SlipwayError, match="cannot be the history table"):
        split_name(table)


def test_each_history_has_its_own_locks() -> None:
    keys = {*History("a.b").keys, *History("a.c").keys}
    assert len(keys) == 4 and all(-(2**63) <= key < 2**63 for key in keys)


def test_time_outs_are_milliseconds_to_the_server_and_old_servers_are_asked_for_less() -> None:
    timeouts = Timeouts(1.5, 60)
    assert timeouts.sql(130000) == (
        "SET lock_timeout = 1500; SET statement_timeout = 60000; SET idle_in_transaction_session_timeout = 60000"
    )
    assert "client_connection_check_interval" in timeouts.sql(140000)
