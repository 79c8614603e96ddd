# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Killed at any point, the next run goes on from what is recorded, without repair by hand."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import psycopg
import pytest
from ansible_collections.slipway.aws.tests.integration.migration.harness import Project, until

TABLE = "CREATE TABLE t (id int);\nINSERT INTO t SELECT generate_series(1, 100);\n"
BUILD = "-- migrate:no-transaction\nCREATE INDEX CONCURRENTLY t_id ON t (id);\nINSERT INTO t VALUES (0);\n"


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def valid(project: Project, name: str = "t_id") -> list[bool]:
    rows = project.query("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", name)
    return [row[0] for row in rows]


def test_killed_in_the_middle_of_a_statement_with_three_waiting(project: Project) -> None:
    project.query("CREATE TABLE speed AS SELECT 60 AS seconds; CREATE SEQUENCE attempts")
    project.write(
        _1_a=TABLE, _2_slow="SELECT nextval('attempts'), pg_sleep((SELECT seconds FROM speed));\nDELETE FROM t;"
    )
    first = project.start()
    until(lambda: project.busy("nextval('attempts')"))
    others = [project.start() for _ in range(3)]
    until(lambda: project.waiting() >= 3)
    project.query("UPDATE speed SET seconds = 0")
    start = time.monotonic()
    kill(first)
    results = [project.result(other) for other in others]
    assert time.monotonic() - start < 10, "the server notices within a second that the client is gone"
    assert sum(result["changed"] for result in results) == 1
    assert all(result["applied"] == ["1", "2"] for result in results)
    assert project.query("SELECT last_value FROM attempts") == [(2,)]


def test_killed_before_the_history_row(project: Project) -> None:
    project.write(_1_a=TABLE)
    project.run()
    project.write(_2_b="CREATE TABLE b (id int)")
    with project.server.connect(project.dbname) as other, other.transaction():
        other.execute("LOCK TABLE slipway_migrations IN EXCLUSIVE MODE")
        first = project.start()
        until(lambda: project.busy('INSERT INTO "public"."slipway_migrations"'))
        kill(first)
    result = project.run()
    assert (result["changed"], result["applied"], project.tables()) == (True, ["1", "2"], ["b", "t"])


def test_killed_in_a_concurrent_build(project: Project) -> None:
    project.write(_1_a=TABLE)
    project.run()
    project.write(_2_build=BUILD)
    with project.server.connect(project.dbname) as other, other.transaction():
        other.execute("INSERT INTO t VALUES (7)")  # a build waits for older transactions
        first = project.start()
        until(lambda: project.busy("CREATE INDEX CONCURRENTLY"))
        kill(first)
        until(lambda: not project.busy("CREATE INDEX CONCURRENTLY"))
        assert valid(project) == [False]
        assert project.run(state="status")["invalid_indexes"] == [
            {"index": "public.t_id", "table": "t", "remove": "DROP INDEX CONCURRENTLY public.t_id;"}
        ]
    result = project.run()
    assert (result["changed"], result["applied"], valid(project)) == (True, ["1", "2"], [True])
    assert project.query("SELECT count(*) FROM t WHERE id = 0") == [(1,)]


def test_killed_after_a_concurrent_build_and_before_its_mark(project: Project) -> None:
    project.write(_1_a=TABLE)
    project.run()
    project.write(_2_build=BUILD)
    with project.server.connect(project.dbname) as marks, marks.transaction():
        with project.server.connect(project.dbname) as other, other.transaction():
            other.execute("INSERT INTO t VALUES (7)")
            first = project.start()
            until(lambda: project.busy("CREATE INDEX CONCURRENTLY"))
            marks.execute("LOCK TABLE slipway_migrations_state IN EXCLUSIVE MODE")
        until(lambda: valid(project) == [True] and project.busy('INSERT INTO "public"."slipway_migrations_state"'))
        kill(first)
    oid = project.query("SELECT 't_id'::regclass::oid")
    result = project.run()
    assert (result["changed"], result["applied"], valid(project)) == (True, ["1", "2"], [True])
    assert project.query("SELECT 't_id'::regclass::oid") == oid, "it was not built again"
    assert project.query("SELECT count(*) FROM t WHERE id = 0") == [(1,)]


def test_killed_between_statements_that_can_be_marked_with_themselves(project: Project) -> None:
    """Each runs in one transaction with its mark: killed anywhere, none runs twice."""
    project.query("CREATE TABLE speed AS SELECT 60 AS seconds; CREATE TABLE log (n int)")
    project.write(
        _1_steps="-- migrate:no-transaction\nSET work_mem = '9MB';\nINSERT INTO log VALUES (1);\n"
        "INSERT INTO log SELECT 2 FROM pg_sleep((SELECT seconds FROM speed));\n"
        "INSERT INTO log SELECT 3 WHERE current_setting('work_mem') = '9MB';"
    )
    first = project.start()
    until(lambda: project.busy("INSERT INTO log SELECT 2"))
    kill(first)
    project.query("UPDATE speed SET seconds = 0")
    assert project.run(state="status")["unfinished"] == [{"version": "1", "file": "1_steps.sql", "statements_done": 2}]
    assert project.run()["changed"] is True
    assert project.query("SELECT n FROM log ORDER BY n") == [(1,), (2,), (3,)]


def test_the_server_is_killed(project: Project) -> None:
    project.write(_1_a=TABLE, _2_slow="CREATE TABLE b (id int); SELECT pg_sleep(60)")
    first = project.start()
    until(lambda: project.busy("pg_sleep(60)"))
    project.server.kill()
    result = project.result(first)
    assert "Lost the connection" in result["msg"] and "goes on from there" in result["msg"]
    project.server.start()
    project.write(_2_slow="CREATE TABLE b (id int)")
    result = project.run()
    assert (result["applied"], project.tables()) == (["1", "2"], ["b", "t"])


def test_the_lock_s_connection_is_lost_alone(project: Project) -> None:
    """Whoever comes then waits for the statement that still runs; the first stops at its next step."""
    project.write(_1_slow="CREATE TABLE t (id int); SELECT pg_sleep(2)", _2_b="CREATE TABLE b (id int)")
    first = project.start()
    until(lambda: project.busy("pg_sleep(2)"))
    project.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'slipway migration lock%%'"
        " AND datname = %s",
        project.dbname,
    )
    second = project.run()
    result = project.result(first)
    assert result["failed"] and "Repeat the run" in result["msg"]
    assert second["applied"] == ["1", "2"] and [item["version"] for item in second["ran"]] == ["2"]


def test_a_failed_build_is_reported_and_repeated(project: Project) -> None:
    project.write(
        _1_a=TABLE + "INSERT INTO t VALUES (1);",
        _2_build="-- migrate:no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);",
    )
    result = project.run()
    failed = result["failed"]
    assert (failed["line"], failed["sqlstate"], result["applied"]) == (2, "23505", ["1"])
    assert "DROP INDEX CONCURRENTLY public.t_id;" in result["msg"] and valid(project) == [False]
    project.query("DELETE FROM t WHERE id = 1")
    assert project.run()["applied"] == ["1", "2"] and valid(project) == [True]


def test_the_invalid_index_of_somebody_else_is_not_touched(project: Project) -> None:
    project.write(_1_a=TABLE + "INSERT INTO t VALUES (1);")
    project.run()
    with project.server.connect(project.dbname) as other, pytest.raises(psycopg.errors.UniqueViolation):
        other.execute("CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id)")
    project.write(_2_build="-- migrate:no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_id ON t (id);")
    result = project.run()
    assert "INVALID" in result["msg"] and "DROP INDEX CONCURRENTLY public.t_id;" in result["msg"]
    assert (result["failed"]["line"], valid(project)) == (2, [False])


def test_what_has_run_may_not_be_edited_and_the_rest_may(project: Project) -> None:
    start = "-- migrate:no-transaction\nCREATE TABLE a (id int);\n"
    project.write(_1_steps=start + "SELECT nowhere;")
    assert project.run()["failed"]["line"] == 3
    project.write(_1_steps=start.replace("id", "other") + "SELECT 1;")
    result = project.run()
    assert "was edited where it has run already" in result["msg"] and result["failed"]["file"] == "1_steps.sql"
    project.write(_1_steps=start + "CREATE TABLE b (id int);")
    assert project.run()["changed"] is True and project.tables() == ["a", "b"]


@pytest.mark.parametrize("statement", ["VACUUM t", "ALTER SYSTEM SET work_mem = '5MB'", "REINDEX TABLE CONCURRENTLY t"])
def test_what_runs_outside_a_transaction_alone(project: Project, statement: str) -> None:
    project.write(
        _1_a=TABLE,
        _2_it=f"-- migrate:no-transaction\n{statement};\nCALL p();\n",
        _0_p=("CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (-1); COMMIT; END $$"),
    )
    assert project.run()["applied"] == ["0", "1", "2"]
    assert project.query("SELECT count(*) FROM t WHERE id = -1") == [(1,)]
