# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._migration.files import (
    Problem,
    Script,
    parse_name,
    read_directory,
    read_script,
)


@pytest.mark.parametrize(
    ("name", "version", "number", "description", "down"),
    [
        ("1_users.sql", "1", 1, "users", False),
        ("001_add users.sql", "001", 1, "add users", False),
        ("20240101120000_a.down.sql", "20240101120000", 20240101120000, "a", True),
        ("2_v1.2.sql", "2", 2, "v1.2", False),
        ("2__x.sql", "2", 2, "_x", False),
    ],
)
def test_names_that_count(name: str, version: str, number: int, description: str, down: bool) -> None:
    assert parse_name(name) == Script(name, version, number, description, down)


@pytest.mark.parametrize(
    "name",
    [
        "V1__x.sql",
        "1-x.sql",
        "x.sql",
        "1.sql",
        "1_.sql",
        "1_ .sql",
        "1_.down.sql",
        "1_x.SQL",
        "1_x.up.sql",
        "1_x.Down.sql",
        "-1_x.sql",
        "1a_x.sql",
        "\u0661_x.sql",
        "1_x.down.down.sql",
    ],
)
def test_names_that_only_look_like_it(name: str) -> None:
    problem = parse_name(name)
    assert isinstance(problem, Problem) and problem.file == name and name in problem.text


def script(raw: bytes, name: str = "1_x.sql") -> Script:
    named = parse_name(name)
    assert isinstance(named, Script)
    found = read_script(named, raw)
    assert isinstance(found, Script)
    return found


def test_line_ends_do_not_count_and_a_byte_order_mark_is_not_text() -> None:
    assert script(b"a\r\nb").sha256 == script(b"a\nb").sha256 != script(b"a\nb\n").sha256
    assert script(b"\xef\xbb\xbfa\r\nb").text == "a\nb"


@pytest.mark.parametrize(
    ("text", "transactional"),
    [
        ("-- migrate:no-transaction\nVACUUM", False),
        ("--migrate: no-transaction  \r\nVACUUM", False),
        ("\n-- migrate:no-transaction\nVACUUM", True),
        ("-- migrate:no-transactions", True),
        ("SELECT 1 -- migrate:no-transaction", True),
    ],
)
def test_the_directive_is_on_the_first_line_alone(text: str, transactional: bool) -> None:
    assert script(text.encode()).transactional is transactional


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        (b"SELECT 1;\n'\xe9'", 2, "byte 0xe9 at byte offset 11"),
        (b"\xef\xbb\xbf\xe9", 1, "byte offset 3"),
        (b"\xff\xfeS\0", 1, "UTF-16"),
        (b"\n\n\0", 3, "NUL byte at byte offset 2"),
    ],
)
def test_bytes_that_are_not_utf_8(raw: bytes, line: int, words: str) -> None:
    problem = read_script(Script("1_x.sql", "1", 1, "x"), raw)
    assert isinstance(problem, Problem)
    assert (problem.line, problem.sqlstate) == (line, "22021") and words in problem.text


def test_a_directory_is_read_in_the_order_of_its_versions(tmp_path: Path) -> None:
    for name in ("10_c.sql", "002_b.sql", "1_a.sql", "1_a.down.sql", "README.md", ".hidden.sql", "3_x.sql.bak"):
        (tmp_path / name).write_text("")
    (tmp_path / "old").mkdir()
    found = read_directory(str(tmp_path))
    assert [item.version for item in found.migrations] == ["1", "002", "10"]
    assert found.migrations[0].down is not None and found.problems == ()
    assert found.warnings == ("3_x.sql.bak does not end in .sql and is left alone.",)


def test_all_problems_of_a_directory_are_told(tmp_path: Path) -> None:
    for name in ("1_a.sql", "01_b.sql", "2_c.down.sql", "x.sql"):
        (tmp_path / name).write_text("")
    (tmp_path / "4_d.sql").mkdir()
    (tmp_path / "5_e.sql").symlink_to("nowhere")
    (tmp_path / "6_f.sql").write_text("")
    (tmp_path / "6_g.down.sql").write_text("")
    problems = {problem.file: problem.message for problem in read_directory(str(tmp_path)).problems}
    assert sorted(problems) == ["1_a.sql", "2_c.down.sql", "4_d.sql", "5_e.sql", "6_g.down.sql", "x.sql"]
    assert "6_f.sql has another name" in problems["6_g.down.sql"]


def test_a_late_directive_is_worth_a_notice(tmp_path: Path) -> None:
    (tmp_path / "1_a.sql").write_text("\n-- migrate:no-transaction\nSELECT 1")
    assert "1_a.sql, line 2" in read_directory(str(tmp_path)).warnings[0]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SlipwayError, match="nowhere"):
        read_directory(str(tmp_path / "nowhere"))
