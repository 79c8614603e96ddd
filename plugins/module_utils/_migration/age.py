# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a run has been under way: runners that start together reach the database at different times."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

# Ansible's own start is counted this far back, not further: what failed long before this task is tried again.
_LONGEST_START = 30.0


@dataclass(frozen=True)
class Run:
    """age: seconds since this process began. run_age: since the ansible command above it began, within limits.

    name:    of the ansible command, or of this process where there is none
    process: of this process
    """

    age: float = 0.0
    run_age: float = 0.0
    name: str = ""
    process: str = ""


@dataclass(frozen=True)
class _Process:
    parent: int
    started: int  # clock ticks since the boot


def this_run(proc: Path = Path("/proc"), pid: int | None = None) -> Run:
    """Run() where the system does not tell."""
    pid = os.getpid() if pid is None else pid
    mine = _process(proc, pid)
    if mine is None:
        return Run()
    age, root, started = _age(mine), pid, mine.started
    current = mine
    while current.parent > 1:
        above = _process(proc, current.parent)
        if above is None:
            break
        if _is_ansible(proc, current.parent):
            root, started = current.parent, above.started
        current = above
    host = socket.gethostname()
    before = (mine.started - started) / os.sysconf("SC_CLK_TCK")
    process = f"{host} {pid} {mine.started}"
    return Run(age, age + min(before, _LONGEST_START), f"{host} {root} {started}", process)


def _process(proc: Path, pid: int) -> _Process | None:
    try:
        # The command is in parentheses and may hold blanks; after it come state, parent, … and as the 20th the start.
        words = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return _Process(int(words[1]), int(words[19]))
    except (OSError, ValueError, IndexError):
        return None


def _age(process: _Process) -> float:
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - process.started / os.sysconf("SC_CLK_TCK"))


def _is_ansible(proc: Path, pid: int) -> bool:
    try:
        words = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(Path(os.fsdecode(word)).name.startswith("ansible") for word in words[:2])
