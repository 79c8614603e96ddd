# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._migration.files import Migration, Script
from ansible_collections.slipway.aws.plugins.module_utils._migration.plan import (
    Record,
    Unfinished,
    plan_apply,
    plan_rollback,
    target_number,
)


def migration(version: str, *, down: bool = True, sha256: str = "same") -> Migration:
    up = Script(f"{version}_x.sql", version, int(version), "x", sha256=sha256)
    return Migration(up, Script(f"{version}_x.down.sql", version, int(version), "x", True) if down else None)


def record(version: str) -> Record:
    return Record(int(version), version, "x", f"{version}_x.sql", "same", None, "ann", "2024-01-01", 5)


def begun(version: str, *, down: bool = False) -> Unfinished:
    return Unfinished(int(version), version, f"{version}_x.sql", down, 1, "", True)


ALL = [migration(version) for version in ("1", "2", "3", "10")]


@pytest.mark.parametrize(
    ("applied", "options", "pending", "later"),
    [
        pytest.param([], {}, ["1", "2", "3", "10"], [], id="everything of an empty database"),
        pytest.param(["1", "2"], {}, ["3", "10"], [], id="what is not recorded"),
        pytest.param(["1"], {"target": 3}, ["2", "3"], ["10"], id="up to the target"),
        pytest.param(["1", "3"], {"allow_out_of_order": True}, ["2", "10"], [], id="a gap, where that is allowed"),
        pytest.param(["1", "2", "3", "10"], {}, [], [], id="nothing"),
    ],
)
def test_pending(applied: list[str], options: dict[str, Any], pending: list[str], later: list[str]) -> None:
    plan = plan_apply(ALL, [record(version) for version in applied], **options)
    assert [item.version for item in plan.scripts] == pending
    assert [item.version for item in plan.later] == later and plan.problems == ()


@pytest.mark.parametrize(
    ("migrations", "applied", "unfinished", "file", "words"),
    [
        pytest.param([migration("1", sha256="other")], ["1"], [], "1_x.sql", "edited", id="edited"),
        pytest.param([migration("2")], ["1", "2"], [], "1_x.sql", "no longer in the directory", id="deleted"),
        pytest.param(ALL[:2], ["2"], [], "1_x.sql", "comes before 2", id="late"),
        pytest.param(ALL[:1], [], [begun("4")], "4_x.sql", "was begun", id="begun and deleted"),
        pytest.param(ALL[:1], ["1"], [begun("1", down=True)], "1_x.sql", "taken back", id="half taken back"),
    ],
)
def test_refused(
    migrations: list[Migration], applied: list[str], unfinished: list[Unfinished], file: str, words: str
) -> None:
    problems = plan_apply(migrations, [record(version) for version in applied], unfinished).problems
    assert [problem.file for problem in problems] == [file] and words in problems[0].message


def test_a_late_file_that_was_begun_is_finished() -> None:
    assert plan_apply(ALL[:2], [record("2")], [begun("1")]).problems == ()


def test_taken_back_is_what_is_above_the_target_newest_first() -> None:
    records = [record(version) for version in ("1", "2", "3", "10")]
    assert [item.version for item in plan_rollback(ALL, records, target=1).scripts] == ["10", "3", "2"]
    assert [item.version for item in plan_rollback(ALL, records, target=0).scripts] == ["10", "3", "2", "1"]
    assert [item.file for item in plan_rollback(ALL, records).scripts] == ["10_x.down.sql"]
    assert plan_rollback(ALL, []).scripts == ()


def test_what_cannot_be_taken_back_is_named() -> None:
    plan = plan_rollback([migration("1", down=False)], [record("1")], [begun("2")], target=0)
    assert [problem.file for problem in plan.problems] == ["2_x.sql", "1_x.sql", "2_x.sql"]
    assert "1_x.down.sql" in plan.problems[1].hint


@pytest.mark.parametrize(("target", "number"), [(None, None), ("", None), ("0", 0), ("3", 3), ("003", 3)])
def test_targets(target: str | None, number: int | None) -> None:
    assert target_number(target, ALL, []) == number


@pytest.mark.parametrize(("target", "words"), [("4", "no version 4"), ("11", "Did you mean 1"), ("x", "no version x")])
def test_targets_that_are_none(target: str, words: str) -> None:
    with pytest.raises(SlipwayError, match=words):
        target_number(target, ALL, [])
