# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._migration.age import Run, this_run


def process(proc: Path, pid: int, parent: int, age: float, *command: str) -> None:
    started = round((time.clock_gettime(time.CLOCK_BOOTTIME) - age) * os.sysconf("SC_CLK_TCK"))
    (proc / str(pid)).mkdir()
    fields = ["S", str(parent), *["0"] * 17, str(started), "0"]
    (proc / str(pid) / "stat").write_text(f"{pid} (a) b) {' '.join(fields)}")
    (proc / str(pid) / "cmdline").write_bytes(b"\0".join(word.encode() for word in command))


def test_a_module_of_ansible_began_with_the_command_above_it(tmp_path: Path) -> None:
    process(tmp_path, 40, 30, 2, "python3", "AnsiballZ_migration_sql.py")
    process(tmp_path, 30, 20, 3, "/venv/bin/python", "/venv/bin/ansible-playbook", "site.yml")
    process(tmp_path, 20, 10, 8, "/venv/bin/python", "/venv/bin/ansible-playbook", "site.yml")
    process(tmp_path, 10, 1, 900, "bash")
    run = this_run(tmp_path, 40)
    assert (run.age, run.run_age) == (pytest.approx(2, abs=0.5), pytest.approx(8, abs=0.5))
    assert (run.name.split()[-2], run.process.split()[-2]) == ("20", "40")


def test_a_command_that_began_long_ago_is_counted_back_within_limits(tmp_path: Path) -> None:
    process(tmp_path, 40, 20, 2, "python3", "x.py")
    process(tmp_path, 20, 1, 9000, "python", "/usr/bin/ansible-playbook")
    assert this_run(tmp_path, 40).run_age == pytest.approx(32, abs=0.5)


def test_a_process_by_itself_is_as_old_as_it_is(tmp_path: Path) -> None:
    process(tmp_path, 40, 10, 2, "python3", "x.py")
    process(tmp_path, 10, 1, 900, "bash", "run-ansible.sh")
    run = this_run(tmp_path, 40)
    assert run.age == run.run_age == pytest.approx(2, abs=0.5)


def test_a_system_that_does_not_tell(tmp_path: Path) -> None:
    assert this_run(tmp_path, 40) == Run()
    (tmp_path / "40").mkdir()
    (tmp_path / "40" / "stat").write_text("40 (x) S")
    assert this_run(tmp_path, 40) == Run()


def test_this_very_process_has_an_age() -> None:
    assert 0 < this_run().age < 100_000
