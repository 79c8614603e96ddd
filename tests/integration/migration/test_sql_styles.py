# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SQL that breaks naive runners, and what the module says and does about each, on a real PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable

import boto3
import pytest
from ansible_collections.slipway.aws.plugins.module_utils._lease import HASH_KEY, RANGE_KEY, Holder, Waiter
from ansible_collections.slipway.aws.tests.integration.migration.harness import Project
from ansible_collections.slipway.aws.tests.support.modules import ModuleFailed, call
from moto import mock_aws

USERS = "CREATE TABLE users (id int PRIMARY KEY, name text);\n"


# What runs


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        pytest.param("\ufeffCREATE TABLE bom (id int);", "bom", id="a byte order mark"),
        pytest.param("CREATE TABLE crlf (\r\n  id int\r\n);\r\n", "crlf", id="line ends of Windows"),
        pytest.param('CREATE TABLE "zürich" (id int); INSERT INTO "zürich" VALUES (1)', "zürich", id="letters"),
        pytest.param(
            "CREATE TABLE s (a text); INSERT INTO s VALUES ('a;b'), ('it''s -- \\copy'); /* ; */", "s", id="strings"
        ),
        pytest.param(
            "CREATE TABLE f (id int);\nCREATE FUNCTION g() RETURNS int LANGUAGE plpgsql AS\n"
            "$$ BEGIN RETURN 1; END; $$;\nSELECT g();",
            "f",
            id="a dollar body",
        ),
        pytest.param(
            "CREATE TABLE a (id int);\nCREATE FUNCTION h() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT 1;"
            " SELECT count(*) FROM a; END;",
            "a",
            id="a BEGIN ATOMIC body",
        ),
        pytest.param(
            "CREATE TABLE d (id int); DO $do$ BEGIN INSERT INTO d VALUES (1); END $do$;", "d", id="a DO block"
        ),
        pytest.param("CREATE TABLE p (id int); SAVEPOINT x; DROP TABLE p; ROLLBACK TO x;", "p", id="a savepoint"),
        pytest.param("CREATE TABLE n (id int)", "n", id="no semicolon at the end"),
        pytest.param(
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; CREATE TABLE i (id int)", "i", id="an isolation level"
        ),
    ],
)
def test_a_file_runs_with(project: Project, sql: str, table: str) -> None:
    project.write(_1_it=sql)
    assert project.run(state="validated")["pending"] == ["1"]
    dry = project.run(state="dry_run")
    assert dry["changed"] is True and (
        dry["tried"] == ["1"] or "mode of its transaction" in dry["skipped"][0]["reason"]
    )
    assert project.tables() == []
    result = project.run()
    assert (result["changed"], result["applied"], result["pending"]) == (True, ["1"], [])
    assert project.tables() == [table]
    assert project.run()["changed"] is False


def test_empty_files_and_comments_are_recorded(project: Project) -> None:
    project.write(_1_empty="", _2_comment="-- nothing\n", _3_blank=" \n\n")
    assert project.run()["applied"] == ["1", "2", "3"]


def test_versions_are_numbers_kept_as_written(project: Project) -> None:
    project.write(_10_c="ALTER TABLE users ADD x int", _002_b="ALTER TABLE users ADD y int", _1_a=USERS)
    project.write(**{"_20240101120000_d": "SELECT 1"})
    result = project.run()
    assert result["applied"] == ["1", "002", "10", "20240101120000"]
    assert [row["version"] for row in result["history"]] == result["applied"]


def test_ten_megabytes_take_seconds(project: Project, record_property: Callable[[str, object], None]) -> None:
    rows = "".join(f"INSERT INTO t VALUES ({n}, 'ein zürcher wort, und noch eines {n}');\n" for n in range(150_000))
    project.write(_1_big="CREATE TABLE t (id int, a text);\n" + rows)
    assert (project.directory / "1_big.sql").stat().st_size > 10_000_000
    start = time.monotonic()
    result = project.run()
    seconds = time.monotonic() - start
    record_property("seconds", round(seconds, 1))
    assert result["applied"] == ["1"] and len(result["classification"]) < 10
    assert project.query("SELECT count(*) FROM t") == [(150_000,)]
    assert seconds < 30


def test_a_failure_in_ten_megabytes_names_its_line(project: Project) -> None:
    rows = [f"INSERT INTO t VALUES ({n}, 'é');\n" for n in range(20_000)]
    rows[12_345] = "INSERT INTO t VALUES (1, 'é');\n"
    project.write(_1_big="CREATE TABLE t (id int PRIMARY KEY, a text);\n" + "".join(rows))
    failed = project.run()["failed"]
    assert (failed["file"], failed["line"], failed["sqlstate"]) == ("1_big.sql", 12_347, "23505")
    assert failed["statement"] == "INSERT INTO t VALUES (1, 'é')"
    assert project.tables() == []


# What is refused, before anything runs


@pytest.mark.parametrize(
    ("file", "content", "line", "sqlstate", "words"),
    [
        pytest.param("2_x.sql", "SELECT 1;\nSELEC 'ü';", 2, "42601", 'near "SELEC"', id="a syntax error"),
        pytest.param("2_x.sql", "-- é\r\nSELECT 'é';\r\n\r\nSELECT (", 4, "42601", "end of input", id="an open end"),
        pytest.param(
            "2_x.sql", "SELECT 1;\n\\copy users FROM 'x'\n", 2, "42601", "\\copy is a command of psql", id="copy"
        ),
        pytest.param("2_x.sql", "\\i it's.sql\nSELECT 'x';", 1, "42601", "\\i is a command of psql", id="an include"),
        pytest.param("2_x.sql", "\n\\connect other", 2, "42601", "\\connect is a command of psql", id="a connect"),
        pytest.param("2_x.sql", "SELECT 1 \\gset", 1, "42601", "\\gset is a command of psql", id="a gset"),
        pytest.param(
            "2_x.sql", "SELECT 1;\nCOPY users FROM stdin;\n1\tit's\n\\.\n", 2, "0A000", "COPY FROM STDIN", id="data"
        ),
        pytest.param("2_x.sql", "COPY users TO STDOUT", 1, "0A000", "COPY TO STDOUT", id="a copy out"),
        pytest.param("2_x.sql", "BEGIN;\nSELECT 1;\nCOMMIT;", 1, "25001", "its own BEGIN", id="its own BEGIN"),
        pytest.param("2_x.sql", "SELECT 1;\nCOMMIT;", 2, "2D000", "its own COMMIT", id="its own COMMIT"),
        pytest.param("2_x.sql", "SELECT 1;\nROLLBACK;", 2, "2D000", "its own ROLLBACK", id="its own ROLLBACK"),
        pytest.param(
            "2_x.sql", "\nCREATE INDEX CONCURRENTLY i ON users (id)", 2, "25001", "migrate:no-transaction", id="cic"
        ),
        pytest.param("2_x.sql", "VACUUM users", 1, "25001", "migrate:no-transaction", id="vacuum"),
        pytest.param("2_x.sql", "ALTER SYSTEM SET work_mem = '8MB'", 1, "25001", "ALTER SYSTEM", id="alter system"),
        pytest.param("2_x.sql", "CREATE DATABASE other", 1, "25001", "CREATE DATABASE", id="create database"),
        pytest.param("2_x.sql", "REINDEX TABLE CONCURRENTLY users", 1, "25001", "REINDEX", id="reindex"),
        pytest.param("2_x.sql", b"SELECT 1;\nSELECT '\xe9';", 2, "22021", "byte offset 18", id="latin-1"),
        pytest.param("2_x.sql", "SELECT 1".encode("utf-16"), 1, "22021", "UTF-16", id="utf-16"),
        pytest.param("2_x.sql", b"SELECT 1;\0", 1, "22021", "NUL byte at byte offset 9", id="a zero byte"),
        pytest.param("V2__x.sql", "SELECT 1", None, None, "V2__x.sql", id="the name of another tool"),
        pytest.param("2-x.sql", "SELECT 1", None, None, "2-x.sql", id="a hyphen"),
        pytest.param("x.sql", "SELECT 1", None, None, "x.sql", id="no version"),
        pytest.param("2_.sql", "SELECT 1", None, None, "2_.sql", id="no description"),
        pytest.param("2_x.SQL", "SELECT 1", None, None, "2_x.SQL", id="capitals"),
        pytest.param("2_x.up.sql", "SELECT 1", None, None, "2_x.up.sql", id="up"),
        pytest.param("2_x.down.sql", "SELECT 1", None, None, "2_x.down.sql", id="down without up"),
        pytest.param("001_y.sql", "SELECT 1", None, None, "same version", id="a version twice"),
    ],
)
@pytest.mark.parametrize("state", ["validated", "applied"])
def test_refused(
    project: Project, *, state: str, file: str, content: str | bytes, line: int, sqlstate: str, words: str
) -> None:
    project.write(_1_users=USERS)
    project.put(file, content)
    result = project.run(state=state)
    failed = result["failed"]
    # Of two files with one version the later name is the one too many.
    assert failed["file"] in (file, "1_users.sql") and words in result["msg"]
    assert (failed["line"], failed["sqlstate"]) == (line, sqlstate)
    assert result["changed"] is False and project.tables() == []


def test_other_files_are_left_alone(project: Project) -> None:
    project.write(_1_users=USERS)
    for name in ("README.md", ".gitkeep", "seed.csv", "1_users.sql.bak", ".1_users.sql.swp"):
        project.put(name, "anything")
    (project.directory / "old").mkdir()
    result = project.run()
    assert result["applied"] == ["1"]
    assert result["notices"] == ["1_users.sql.bak does not end in .sql and is left alone."]


def test_a_label_is_not_used_where_it_is_added(project: Project) -> None:
    project.write(_1_s="CREATE TYPE state AS ENUM ('new'); CREATE TABLE jobs (s state)")
    project.write(_2_l="ALTER TYPE state ADD VALUE 'done';\nINSERT INTO jobs VALUES ('done');")
    failed = project.run()["failed"]
    assert (failed["file"], failed["line"], failed["sqlstate"]) == ("2_l.sql", 2, "55P04")
    project.write(_2_l="ALTER TYPE state ADD VALUE 'done';", _3_use="INSERT INTO jobs VALUES ('done');")
    assert project.run()["applied"] == ["1", "2", "3"]


def test_edited_deleted_and_late_files_are_refused_by_name(project: Project) -> None:
    project.write(_1_users=USERS, _3_t="CREATE TABLE t (id int)")
    project.run()
    project.write(_1_users=USERS.replace("\n", "\r\n"))
    assert project.run()["changed"] is False, "line ends are no edit"
    project.write(_1_users=USERS + "-- more")
    result = project.run()
    assert (result["failed"]["file"], "edited" in result["msg"]) == ("1_users.sql", True)
    project.write(_1_users=USERS, _2_late="CREATE TABLE late (id int)")
    result = project.run()
    assert (result["failed"]["file"], result["pending"]) == ("2_late.sql", ["2"])
    assert project.run(allow_out_of_order=True)["applied"] == ["1", "2", "3"]
    (project.directory / "2_late.sql").unlink()
    result = project.run()
    assert (result["failed"]["file"], "no longer in the directory" in result["msg"]) == ("2_late.sql", True)


# Failures at run time


def test_a_failure_takes_back_its_file_alone(project: Project) -> None:
    project.write(
        _1_users=USERS,
        _2_bad="CREATE TABLE gone (id int);\n\n-- why\nINSERT INTO\n  nowhere VALUES (1);",
        _3_c="SELECT 1",
    )
    result = project.run()
    assert (result["applied"], result["pending"], result["changed"]) == (["1"], ["2", "3"], True)
    failed = result["failed"]
    assert (failed["version"], failed["file"], failed["line"], failed["sqlstate"]) == ("2", "2_bad.sql", 5, "42P01")
    assert failed["statement"] == "INSERT INTO\n  nowhere VALUES (1)" and "nowhere" in failed["message"]
    assert project.tables() == ["users"]
    project.write(_2_bad="CREATE TABLE good (id int);")
    assert project.run()["applied"] == ["1", "2", "3"]


def test_rules_that_answer_too_do_not_shift_the_line(project: Project) -> None:
    project.write(
        _1_t="CREATE TABLE t (id int); CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);\n"
        "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nSELECT 1/0;\nSELECT 3;"
    )
    failed = project.run()["failed"]
    assert (failed["line"], failed["statement"], failed["sqlstate"]) == (4, "SELECT 1/0", "22012")


def test_a_connection_that_is_cut_is_told_with_what_stays(project: Project) -> None:
    project.write(_1_users=USERS, _2_cut="CREATE TABLE gone (id int);\nSELECT pg_terminate_backend(pg_backend_pid());")
    result = project.run()
    assert (result["applied"], result["pending"], result["failed"]["sqlstate"]) == (["1"], ["2"], "57P01")
    assert project.tables() == ["users"]


def test_what_only_the_commit_checks_is_named(project: Project) -> None:
    project.write(
        _1_users=USERS + "CREATE TABLE o (u int REFERENCES users DEFERRABLE INITIALLY DEFERRED)",
        _2_bad="INSERT INTO o VALUES (1);\nSELECT 1;",
    )
    failed = project.run()["failed"]
    assert (failed["file"], failed["sqlstate"], failed["statement"]) == ("2_bad.sql", "23503", "COMMIT")


def test_a_lock_that_is_not_given_ends_by_its_time_out(project: Project) -> None:
    project.write(_1_users=USERS)
    project.run()
    project.write(_2_more="ALTER TABLE users ADD more text")
    with project.server.connect(project.dbname) as other, other.transaction():
        other.execute("LOCK TABLE users")
        failed = project.run(lock_timeout=0.2)["failed"]
    assert (failed["file"], failed["sqlstate"]) == ("2_more.sql", "55P03")


def test_a_statement_ends_by_its_time_out(project: Project) -> None:
    project.write(_1_slow="SELECT pg_sleep(60)")
    assert project.run(statement_timeout=0.2)["failed"]["sqlstate"] == "57014"


# Sessions


def test_settings_do_not_reach_the_next_file(project: Project) -> None:
    project.query("CREATE ROLE migration_reader; GRANT migration_reader TO postgres")
    project.write(
        _1_settings=(
            "CREATE SCHEMA other; SET search_path TO other; SET ROLE migration_reader; SET statement_timeout = '7s';"
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; PREPARE p AS SELECT 1;"
            "SET client_encoding = 'LATIN1'; SELECT pg_advisory_unlock_all(); SELECT set_config('app.x', 'y', false)"
        ),
        _2_temp="CREATE TEMP TABLE scratch (id int); CREATE TABLE first (id int)",
        _3_after=(
            "CREATE TABLE second (é text); PREPARE p AS SELECT 2; CREATE TABLE scratch (id int);"
            "DO $$ BEGIN ASSERT current_setting('statement_timeout') = '1h' AND current_setting('app.x') = ''"
            " AND current_user = 'postgres'; END $$"
        ),
    )
    result = project.run()
    assert result["applied"] == ["1", "2", "3"], result
    assert (
        project.query("SELECT schemaname FROM pg_tables WHERE tablename IN ('first', 'second', 'scratch')")
        == [("public",)] * 3
    )
    project.query("DROP ROLE migration_reader")


def test_the_history_is_found_whatever_the_search_path_is(project: Project) -> None:
    project.query(f"CREATE SCHEMA app; ALTER DATABASE {project.dbname} SET search_path = app")
    project.write(_1_users=USERS)
    for changed in (True, False):
        assert project.run(history_table="ops.Runs")["changed"] is changed
    assert project.query('SELECT version FROM ops."Runs"') == [("1",)]


def test_a_fence_only_grows(project: Project) -> None:
    project.write(_1_users=USERS)
    assert project.run(fence=5)["history"][0]["fence"] == 5
    project.write(_2_t="CREATE TABLE t (id int)")
    result = project.run(fence=4)
    assert "superseded" in result["msg"] and result["failed"] is True and project.tables() == ["users"]
    assert project.run(fence=6)["changed"] is True


def test_the_password_is_nowhere(project: Project) -> None:
    project.query("CREATE ROLE secretive LOGIN PASSWORD 'Sup3r-s3cr3t'")
    project.write(_1_bad="SELECT 1; CREATE ROLE x PASSWORD 'An0ther-one' IN ROLE nobody_at_all")
    for password in ("Sup3r-s3cr3t", "Sup3r-s3cr3t-wrong"):
        process = project.start(login_user="secretive", login_password=password)
        output, errors = process.communicate(timeout=60)
        assert "Sup3r" not in output + errors and '"msg"' in output
    output, errors = project.start().communicate(timeout=60)
    assert "An0ther" not in output + errors and "42704" in output
    project.query("DROP ROLE secretive")


# Other states


def test_dry_run_leaves_nothing_behind(project: Project) -> None:
    project.write(_1_users=USERS + "INSERT INTO users VALUES (1, 'a')")
    project.run()
    before = project.dump()
    project.write(
        _2_new="SET search_path TO nowhere; CREATE TABLE public.n (id serial, u int REFERENCES public.users);",
        _3_use="CREATE INDEX n_u ON n (u); INSERT INTO n (u) VALUES (1); CREATE ROLE dry_role",
        _4_heavy="CREATE INDEX users_name ON users (name);",
        _5_alone="-- migrate:no-transaction\nCREATE INDEX CONCURRENTLY c ON users (name);",
        _6_after="ALTER TABLE n ADD CONSTRAINT x UNIQUE USING INDEX c;",
    )
    result = project.run(state="dry_run")
    assert (result["changed"], result["applied"], result["tried"]) == (True, ["1"], ["2", "3"]), result
    assert [item["version"] for item in result["skipped"]] == ["4", "5", "6"]
    assert project.dump() == before
    assert project.run(state="dry_run", allow_heavy_locks=True)["tried"] == ["2", "3", "4"]
    assert project.dump() == before


def test_dry_run_finds_what_would_fail(project: Project) -> None:
    project.write(_1_users=USERS, _2_bad="INSERT INTO users VALUES (1, 'a'), (1, 'b');")
    result = project.run(state="dry_run")
    assert (result["failed"]["file"], result["failed"]["sqlstate"], result["changed"]) == ("2_bad.sql", "23505", False)
    assert project.tables() == []
    project.write(_2_bad="SELECT 1")
    assert project.run(state="dry_run")["changed"] is True
    project.run()
    assert project.run(state="dry_run")["changed"] is False


def test_check_mode_tells_and_does_nothing(project: Project) -> None:
    project.write(_1_users=USERS)
    before = project.dump()
    result = project.run(check=True, diff=True)
    assert (result["changed"], result["pending"], result["applied"]) == (True, ["1"], [])
    assert result["diff"]["after"] == {
        "migration 1": {"file": "1_users.sql", "sha256": result["diff"]["after"]["migration 1"]["sha256"]}
    }
    assert project.dump() == before
    project.run()
    assert project.run(check=True)["changed"] is False


def test_a_target_is_the_last_that_is_applied(project: Project) -> None:
    project.write(_1_a="CREATE TABLE a (id int)", _2_b="CREATE TABLE b (id int)", _3_c="CREATE TABLE c (id int)")
    project.write(_3_c_down="DROP TABLE c", _2_b_down="DROP TABLE b")
    result = project.run(target="2")
    assert (result["applied"], result["pending"], result["skipped"][0]["file"]) == (["1", "2"], ["3"], "3_c.sql")
    assert "no version 7" in project.run(target="7")["msg"]
    project.run()
    result = project.run(state="rolled_back", target="1")
    assert "allow_destructive" in result["msg"] and result["failed"]["file"] == "3_c.down.sql"
    result = project.run(state="rolled_back", target="1", allow_destructive=True, check=True)
    assert (result["changed"], project.tables()) == (True, ["a", "b", "c"])
    result = project.run(state="rolled_back", target="1", allow_destructive=True)
    assert (result["changed"], result["applied"], result["pending"]) == (True, ["1"], ["2", "3"])
    assert [item["version"] for item in result["ran"]] == ["3", "2"] and project.tables() == ["a"]
    assert project.run(state="rolled_back", target="1")["changed"] is False
    result = project.run(state="rolled_back", target="0")
    assert (result["failed"]["file"], "no down file" in result["msg"]) == ("1_a.sql", True)
    assert project.run()["applied"] == ["1", "2", "3"]


def test_status_tells_what_is_recorded_and_pending(project: Project) -> None:
    project.write(_1_users=USERS)
    assert project.run(state="status")["pending"] == ["1"]
    project.run(fence=3)
    project.write(_1_users="-- edited", _2_b="SELECT 1")
    result = project.run(state="status")
    assert (result["applied"], result["pending"], result["fence"]) == (["1"], ["2"], 3)
    assert [problem["file"] for problem in result["problems"]] == ["1_users.sql"]


def test_a_label_of_an_earlier_file_cannot_be_tried_in_one_transaction(project: Project) -> None:
    project.write(_1_s="CREATE TYPE state AS ENUM ('new'); CREATE TABLE jobs (s state)")
    project.run()
    project.write(_2_l="ALTER TYPE state ADD VALUE 'done'", _3_use="INSERT INTO jobs VALUES ('done')", _4_t="SELECT 1")
    result = project.run(state="dry_run")
    assert (result["tried"], [item["file"] for item in result["skipped"]]) == (["2", "4"], ["3_use.sql"]), result
    assert project.run()["applied"] == ["1", "2", "3", "4"]


def test_a_dry_run_checks_deferred_constraints_where_each_file_ends(project: Project) -> None:
    project.write(
        _1_t="CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a DEFERRABLE INITIALLY DEFERRED)",
        _2_x="INSERT INTO b VALUES (1); INSERT INTO a VALUES (1)",
        _3_y="ALTER TABLE b ADD more int; INSERT INTO b VALUES (2); INSERT INTO a VALUES (2)",
    )
    assert project.run(state="dry_run")["tried"] == ["1", "2", "3"]
    project.write(_4_z="INSERT INTO b VALUES (3)", _5_z="INSERT INTO a VALUES (3)")
    failed = project.run(state="dry_run")["failed"]
    assert (failed["file"], failed["sqlstate"], failed["statement"]) == ("4_z.sql", "23503", "COMMIT")


def test_a_user_who_may_not_create_tables_is_told_what_to_do(project: Project) -> None:
    project.query("CREATE ROLE weak LOGIN PASSWORD 'w3ak-one'; CREATE SCHEMA weak AUTHORIZATION weak")
    project.write(_1_t="CREATE TABLE weak.t (id int)")
    who = {"login_user": "weak", "login_password": "w3ak-one"}
    assert "set history_table to a schema where it may" in project.run(**who)["msg"]
    assert project.run(**who, history_table="weak.history")["applied"] == ["1"]
    project.query("DROP OWNED BY weak CASCADE; DROP ROLE weak")


def test_without_a_transaction_a_label_is_used_where_it_is_added(project: Project) -> None:
    project.write(
        _1_s="CREATE TYPE state AS ENUM ('new'); CREATE TABLE jobs (s state)",
        _2_l="-- migrate:no-transaction\r\nALTER TYPE state ADD VALUE 'done';\r\nINSERT INTO jobs VALUES ('done');\r\n"
        "DO $$ BEGIN COMMIT; END $$;",
    )
    assert project.run()["applied"] == ["1", "2"]


def test_a_secret_says_where_the_database_is(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up-for-moto")
    project.write(_1_users=USERS)
    url = f"postgresql://postgres@127.0.0.1:{project.server.port}/{project.dbname}"
    with mock_aws():
        boto3.client("secretsmanager", "eu-west-1").create_secret(Name="app/url", SecretString=url)
        result = call("migration_sql", directory=str(project.directory), secret_id="app/url", region="eu-west-1")
    assert result["applied"] == ["1"] and project.tables() == ["users"]


def test_the_lease_of_the_play_gives_the_fence_and_is_needed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up-for-moto")
    project.write(_1_users=USERS)
    arguments = project.arguments()["ANSIBLE_MODULE_ARGS"]
    arguments = {name: value for name, value in arguments.items() if not name.startswith("_")}
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1")
        client.create_table(
            TableName="slipway",
            KeySchema=[
                {"AttributeName": HASH_KEY, "KeyType": "HASH"},
                {"AttributeName": RANGE_KEY, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (HASH_KEY, RANGE_KEY)],
            BillingMode="PAY_PER_REQUEST",
        )

        def wants(**more: bool) -> Waiter:
            return Waiter(client, table="slipway", stack="app-prod", holder=Holder("somebody"), **more)

        lease = wants().step()
        assert lease is not None
        result = call("migration_sql", **arguments, region="eu-west-1", lease=lease.as_dict())
        assert [row["fence"] for row in result["history"]] == [1]
        wants(takeover=True).step()
        project.write(_2_more="CREATE TABLE more (id int)")
        with pytest.raises(ModuleFailed, match="no longer holds the lease of app-prod"):
            call("migration_sql", **arguments, region="eu-west-1", lease=lease.as_dict())
    assert project.tables() == ["users"]
