# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._migration.files import Script
from ansible_collections.slipway.aws.plugins.module_utils._migration.parse import (
    Parsed,
    outside_transaction,
    parse,
    parse_all,
    shown,
)


def file(text: str, *, transactional: bool = True) -> Parsed:
    return parse(Script("1_x.sql", "1", 1, "x", text=text, transactional=transactional))


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        pytest.param("SELECT 1; SELECT 2", [(1, "SELECT 1"), (1, "SELECT 2")], id="two on a line"),
        pytest.param("-- é;\nSELECT 'é;ü';\n\nSELECT 2;", [(2, "SELECT 'é;ü'"), (4, "SELECT 2")], id="beyond ASCII"),
        pytest.param(
            "SELECT $$;$$; /* ; */ SELECT $x$ $$ ; $x$", [(1, "SELECT $$;$$"), (1, "SELECT $x$ $$ ; $x$")], id="$"
        ),
        pytest.param(";;SELECT 1;;", [(1, "SELECT 1")], id="empty statements"),
        pytest.param("", [], id="an empty file"),
        pytest.param("-- only\n/* a */", [], id="comments alone"),
    ],
)
def test_statements_and_their_lines(text: str, statements: list[tuple[int, str]]) -> None:
    parsed = file(text)
    assert parsed.problems == ()
    assert [(item.line, item.text) for item in parsed.statements] == statements
    assert all(text[item.start : item.end] == item.text for item in parsed.statements)


def test_a_body_of_begin_atomic_is_one_statement() -> None:
    parsed = file("CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3")
    assert (len(parsed.statements), parsed.problems) == (2, ())


@pytest.mark.parametrize(
    ("text", "line", "sqlstate", "words"),
    [
        ("SELECT 'ééé';\nSELEC 'ü'", 2, "42601", 'syntax error at or near "SELEC"'),
        ('SELECT 1;\nCREATE TABLE "zürich" (é int é);', 2, "42601", 'near "é"'),
        ("SELECT 1;\n\nSELECT (\n\n", 3, "42601", "end of input"),
        ("SELECT 1;\nSELECT 'open", 2, "42601", "unterminated quoted string"),
        ("SELECT 1; -- it's\n\\echo it's", 2, "42601", "\\echo is a command of psql"),
        ("COPY t (a) FROM STDIN;\n1;2\n\\.\nSELECT 1", 1, "0A000", "COPY FROM STDIN"),
        ("-- x\nCOPY t FROM STDIN", 2, "0A000", "COPY FROM STDIN"),
        ("/* x */ START TRANSACTION", 1, "25001", "its own START"),
        ("SELECT 1;\nEND", 2, "2D000", "its own COMMIT"),
        ("PREPARE TRANSACTION 'x'", 1, "2D000", "its own PREPARE"),
    ],
)
def test_problems(text: str, line: int, sqlstate: str, words: str) -> None:
    problem = file(text).problems[0]
    assert (problem.line, problem.sqlstate) == (line, sqlstate) and words in problem.message
    assert problem.statement


@pytest.mark.parametrize(
    "text",
    [
        "SELECT '\\copy', E'\\\\', $$\\i x$$ -- \\i x\n/* \\i */",
        "PREPARE p AS SELECT 1",
        "COPY t FROM '/data/x'",
        "COPY t FROM PROGRAM 'cat x'",
        "SAVEPOINT a; ROLLBACK TO a; RELEASE a",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$",
        "REINDEX TABLE t; ANALYZE t; ALTER TYPE s ADD VALUE 'x'",
    ],
)
def test_what_is_fine(text: str) -> None:
    assert file(text).problems == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("VACUUM t", "VACUUM"),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX CONCURRENTLY"),
        ("DROP INDEX CONCURRENTLY i", "DROP INDEX CONCURRENTLY"),
        ("REINDEX INDEX CONCURRENTLY i", "REINDEX CONCURRENTLY"),
        ("REINDEX DATABASE d", "REINDEX of a schema or database"),
        ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", "DETACH PARTITION CONCURRENTLY"),
        ("ALTER SYSTEM SET a = 1", "ALTER SYSTEM"),
        ("ALTER DATABASE d SET TABLESPACE x", "ALTER DATABASE … SET TABLESPACE"),
        ("CREATE TABLESPACE x LOCATION '/x'", "CREATE TABLESPACE"),
        ("DROP DATABASE d", "DROP DATABASE"),
        ("CLUSTER", "CLUSTER of all tables"),
        ("DISCARD ALL", "DISCARD ALL"),
        ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", "CREATE SUBSCRIPTION with a replication slot"),
        ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (create_slot = false)", ""),
        ("CLUSTER t", ""),
        ("DISCARD TEMP", ""),
        ("ALTER DATABASE d SET search_path = x", ""),
        ("CREATE INDEX i ON t (a)", ""),
    ],
)
def test_what_cannot_run_in_a_transaction(text: str, what: str) -> None:
    alone = file(text, transactional=False)
    assert alone.problems == () and outside_transaction(alone.statements[0]) == what
    problems = file(text).problems
    assert [problem.sqlstate for problem in problems] == (["25001"] if what else [])
    assert all("-- migrate:no-transaction" in problem.hint for problem in problems)


@pytest.mark.parametrize(
    ("second", "refused"),
    [
        ("ALTER TYPE s ADD VALUE 'x'; UPDATE t SET a = 'x'", True),
        ("ALTER TYPE s ADD VALUE 'x'; SELECT 'x'::s", True),
        ("ALTER TYPE s ADD VALUE 'x'; ALTER TABLE other ADD c s DEFAULT 'x'", True),
        ("ALTER TYPE s ADD VALUE 'x'; INSERT INTO names VALUES ('x')", False),
        ("ALTER TYPE s ADD VALUE 'x'; UPDATE t SET a = 'y'", False),
        ("CREATE TYPE n AS ENUM ('a'); ALTER TYPE n ADD VALUE 'x'; SELECT 'x'::n", False),
        ("ALTER TYPE s RENAME VALUE 'y' TO 'x'; SELECT 'x'::s", False),
    ],
)
def test_a_label_is_not_used_in_the_transaction_that_adds_it(second: str, refused: bool) -> None:
    first = Script("1_a.sql", "1", 1, "a", text="CREATE TYPE s AS ENUM ('y'); CREATE TABLE t (a s)")
    problems = parse_all([first, Script("2_b.sql", "2", 2, "b", text=second)])[1].problems
    assert [problem.sqlstate for problem in problems] == (["55P04"] if refused else [])


def test_passwords_and_megabytes_are_not_shown() -> None:
    assert "s3cret" not in shown("CREATE ROLE x PASSWORD 's3cret' LOGIN")
    assert "s3cret" not in shown("CREATE SUBSCRIPTION s CONNECTION 'host=h password=s3cret' PUBLICATION p")
    assert len(shown("x" * 10_000_000)) < 2100


def test_long_files_are_parsed_in_seconds_whatever_they_are_written_in() -> None:
    parsed = file("INSERT INTO t VALUES ('größe');\n" * 50_000)
    assert len(parsed.statements) == 50_000 and parsed.statements[-1].line == 50_000
