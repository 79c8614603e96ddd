# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.modules import ModuleFailed, call


def test_validated_needs_no_database_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "001_users.sql").write_text("CREATE TABLE users (id int);\nDROP TABLE old;\n")
    for _ in range(2):
        result = call("migration_sql", directory=str(tmp_path), state="validated", check=True)
        assert (result["changed"], result["applied"], result["pending"]) == (False, [], ["001"])
        assert [(item["line"], item["class"]) for item in result["classification"]] == [(1, "expand"), (2, "contract")]


def test_failed_says_what_failed(tmp_path: Path) -> None:
    (tmp_path / "1_users.sql").write_text("SELECT 1;\nSELEC 2;\n")
    result = call("migration_sql", directory=str(tmp_path), state="validated")
    assert result["failed"] == result["failure"]
    assert (result["failed"]["version"], result["failed"]["file"]) == ("1", "1_users.sql")
    assert (result["failed"]["line"], result["failed"]["sqlstate"]) == (2, "42601")
    assert result["failed"]["statement"] == "SELEC 2" and "SELEC" in result["failed"]["message"]
    assert "1_users.sql, line 2" in result["msg"]


def test_a_broken_down_file_is_found_before_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "1_users.sql").write_text("SELECT 1")
    (tmp_path / "1_users.down.sql").write_text("DROP TABLX users")
    assert call("migration_sql", directory=str(tmp_path), state="validated")["failed"]["file"] == "1_users.down.sql"


@pytest.mark.parametrize("state", ["applied", "dry_run", "status", "rolled_back"])
def test_other_states_say_that_the_database_is_not_reached(tmp_path: Path, state: str) -> None:
    with pytest.raises(ModuleFailed, match="Cannot connect to database shop") as caught:
        call(
            "migration_sql",
            directory=str(tmp_path),
            state=state,
            login_host="127.0.0.1",
            login_port=1,
            login_db="shop",
            login_password="s3cret",
        )
    assert "s3cret" not in str(caught.value.result)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModuleFailed, match="Cannot read the directory"):
        call("migration_sql", directory=str(tmp_path / "nowhere"), state="validated")
