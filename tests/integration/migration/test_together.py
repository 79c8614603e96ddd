# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many runners at once, each an operating-system process: one runs, the others take its result.

SLIPWAY_MIGRATION_ROUNDS sets the number of rounds, SLIPWAY_MIGRATION_RUNNERS that of the runners.
"""

from __future__ import annotations

import os

import pytest
from ansible_collections.slipway.aws.tests.integration.migration.harness import Project, until
from ansible_collections.slipway.aws.tests.support.modules import call

ROUNDS = int(os.environ.get("SLIPWAY_MIGRATION_ROUNDS", "3"))
RUNNERS = int(os.environ.get("SLIPWAY_MIGRATION_RUNNERS", "20"))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_runs_and_the_others_adopt(project: Project, round_: int) -> None:
    # nextval is not taken back: it counts attempts.
    project.query("CREATE SEQUENCE attempts")
    project.write(
        _1_users="CREATE TABLE users (id int); SELECT nextval('attempts')",
        _2_index="-- migrate:no-transaction\nCREATE INDEX CONCURRENTLY users_id ON users (id);\n"
        "SELECT nextval('attempts')",
        _3_more="ALTER TABLE users ADD more text; SELECT pg_sleep(0.5); SELECT nextval('attempts')",
    )
    processes = [project.start() for _ in range(RUNNERS)]
    results = [project.result(process) for process in processes]
    assert [process.returncode for process in processes] == [0] * RUNNERS
    assert sum(result["changed"] for result in results) == 1
    assert sorted({result["outcome"] for result in results} - {"already_done"}) in (["adopted", "ran"], ["ran"])
    assert all(result["applied"] == ["1", "2", "3"] and result["pending"] == [] for result in results)
    assert project.query("SELECT last_value FROM attempts") == [(3,)]


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_fails_and_the_others_with_it(project: Project, round_: int) -> None:
    project.query("CREATE SEQUENCE attempts")
    project.write(
        _1_users="CREATE TABLE users (id int)",
        _2_bad="SELECT nextval('attempts');\nSELECT pg_sleep(0.3);\nINSERT INTO nowhere VALUES (1)",
    )
    processes = [project.start() for _ in range(RUNNERS)]
    results = [project.result(process) for process in processes]
    assert [process.returncode for process in processes] == [1] * RUNNERS
    assert len({str(sorted(result["failed"].items())) for result in results}) == 1
    assert results[0]["failed"]["line"] == 3 and results[0]["failed"]["sqlstate"] == "42P01"
    assert sum(result["changed"] for result in results) == 1, "the first file stays, and one runner applied it"
    assert project.query("SELECT nextval('attempts')") == [(2,)], "one attempt was made"


def test_a_later_run_tries_again(project: Project) -> None:
    project.write(_1_needs="INSERT INTO elsewhere VALUES (1)")
    assert project.run()["failed"]["sqlstate"] == "42P01"
    project.query("CREATE TABLE elsewhere (id int)")
    assert project.run()["changed"] is True


def test_the_same_process_tries_again(project: Project) -> None:
    """However old the process is: what it repeats, it repeats on purpose."""
    arguments = project.arguments()["ANSIBLE_MODULE_ARGS"]
    arguments = {name: value for name, value in arguments.items() if not name.startswith("_")}
    project.write(_1_needs="INSERT INTO elsewhere VALUES (1)")
    assert call("migration_sql", **arguments)["failed"]["sqlstate"] == "42P01"
    project.query("CREATE TABLE elsewhere (id int)")
    assert call("migration_sql", **arguments)["changed"] is True


def test_who_waits_too_long_says_for_whom(project: Project) -> None:
    project.write(_1_slow="SELECT pg_sleep(30)")
    first = project.start()
    until(lambda: project.busy("pg_sleep(30)"))
    result = project.run(wait_timeout=0.3)
    first.kill()
    first.communicate()
    assert "Waited 0.3 s for another migration" in result["msg"] and "slipway migration lock by" in result["holder"]


def test_a_dry_run_and_a_run_take_turns(project: Project) -> None:
    project.write(_1_users="CREATE TABLE users (id int); SELECT pg_sleep(0.5)")
    processes = [project.start(state="dry_run"), project.start(), project.start(state="dry_run")]
    results = [project.result(process) for process in processes]
    assert results[1]["changed"] is True and project.tables() == ["users"]
    assert all("failed" not in result for result in results)
