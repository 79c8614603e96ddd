# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs programs side by side, each with a log of its own, and leaves none of them behind.

Used by tests/run, tests/lint and tests/molecule. What they start has the tools of .venv first in its PATH.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv" / "bin"
PYTHON = str(TOOLS / "python") if TOOLS.is_dir() else sys.executable
# How many programs at a time. Who starts several of these programs at once sets it to 1 for each.
JOBS = int(os.environ.get("SLIPWAY_TEST_JOBS", "2"))
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Part:
    name: str
    command: Sequence[str]
    timeout: float = 900.0  # seconds
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    name: str
    passed: bool
    seconds: float
    log: Path
    note: str = ""  # why it failed, where the log does not say so

    def lines(self) -> list[str]:
        """The log, without colours and trailing blanks."""
        text = COLOURS.sub("", self.log.read_text(encoding="utf-8", errors="replace"))
        return [line.rstrip() for line in text.splitlines()]

    def last(self) -> str:
        return self.note or next((line for line in reversed(self.lines()) if line), "")


class Runner:
    """Starts programs in process groups of their own, and ends the groups that are still there when it is left."""

    def __init__(self, logs: Path, jobs: int = JOBS) -> None:
        self._logs, self._jobs = logs, jobs
        self._groups: set[int] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def run(self, parts: Sequence[Part], done: Callable[[Outcome], None] | None = None) -> list[Outcome]:
        """The outcomes in the order of `parts`; `done` is called with each as soon as it is there."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupted)
        # Where a shell started this in the background SIGINT is ignored, here and in all that is started from here.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        speaking = threading.Lock()

        def one(part: Part) -> Outcome:
            outcome = self._one(part)
            if done and not self._stopping:
                with speaking:
                    done(outcome)
            return outcome

        try:
            with ThreadPoolExecutor(max_workers=self._jobs) as pool:
                futures = [pool.submit(one, part) for part in parts]
                try:
                    return [future.result() for future in futures]
                except BaseException:
                    self._stopping = True
                    pool.shutdown(wait=False, cancel_futures=True)
                    self._end_all()
                    raise
        finally:
            self._end_all()

    def _one(self, part: Part) -> Outcome:
        log = self._logs / f"{part.name}.log"
        if self._stopping:
            return Outcome(part.name, False, 0.0, log, "not started")
        begin = time.monotonic()
        with log.open("wb") as out:
            process = subprocess.Popen(
                part.command,
                cwd=ROOT,
                env=environment(part.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        with self._lock:
            self._groups.add(process.pid)
        note = ""
        try:
            process.wait(part.timeout)
        except subprocess.TimeoutExpired:
            note = f"ended after {part.timeout:.0f} s without a result"
            self._end(process.pid)
            process.wait()
        with self._lock:
            self._groups.discard(process.pid)
        code = process.returncode
        note = note or (f"ended by signal {-code}" if code < 0 else "")
        return Outcome(part.name, code == 0 and not note, time.monotonic() - begin, log, note)

    def _interrupted(self, number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    def _end_all(self) -> None:
        with self._lock:
            groups = set(self._groups)
        for group in groups:
            self._end(group)

    @staticmethod
    def _end(group: int) -> None:
        """Ends a group that was started here: by SIGINT, so that pytest takes its fixtures down, then harder."""
        for number, patience in ((signal.SIGINT, 15.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 1.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, number)
                deadline = time.monotonic() + patience
                while time.monotonic() < deadline:
                    os.killpg(group, 0)
                    time.sleep(0.05)


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's, without AWS and Ansible settings of the shell, with this checkout's tools first in PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_", "MOLECULE_"))}
    tools = str(Path(PYTHON).parent)
    return {
        **kept,
        "PATH": f"{tools}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def say(outcome: Outcome, width: int = 24) -> None:
    verdict = "passed" if outcome.passed else "FAILED"
    print(f"{outcome.name:<{width}} {verdict} {outcome.seconds:7.1f} s", flush=True)


def tally(outcomes: Sequence[Outcome]) -> int:
    """Prints the last line; the exit code."""
    failed = sum(not outcome.passed for outcome in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0
