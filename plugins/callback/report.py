# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run prints: plays and tasks that did something, tables of `report`, and errors in whole sentences."""

from __future__ import annotations

DOCUMENTATION = r"""
name: report
type: stdout
short_description: Prints what was done, as tables, and nothing else
version_added: 0.1.0
author: Slipway contributors (@slipway)
description:
  - Plays and tasks that changed nothing are left out; with C(-v) Ansible's default output comes instead.
  - What a module returns under C(report) is printed as tables, one after the other.
  - Without a terminal there are plain lines, no colours.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

import shutil
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.slipway.aws.plugins.module_utils import _preload

WIDTH = 160


def cells(rows: Iterable[Sequence[Any]]) -> list[list[str]]:
    return [["" if cell is None else str(cell) for cell in row] for row in rows]


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], width: int = WIDTH) -> list[str]:
    """Lines of a table. Only the last column is wrapped: the others are names, and names are copied."""
    body = cells([columns, *rows])
    sizes = [max(len(row[n]) for row in body) for n in range(len(columns))]
    indent = sum(sizes[:-1]) + 2 * (len(sizes) - 1)
    room = max(width - indent, 30)
    lines: list[str] = []
    for row in body:
        head = "".join(f"{cell:<{size}}  " for cell, size in zip(row[:-1], sizes[:-1], strict=True))
        wrapped = textwrap.wrap(row[-1], room, break_long_words=False, break_on_hyphens=False) or [""]
        lines += [(head + wrapped[0]).rstrip(), *[" " * indent + more for more in wrapped[1:]]]
    return lines


@dataclass
class Tally:
    """What was done to a host's resources, and when the last of its tasks ended."""

    last: float
    steps: Counter[str] = field(default_factory=Counter)

    def words(self) -> str:
        names = {"create": "created", "update": "updated", "delete": "removed"}
        return " ".join(f"{names[action]}={self.steps[action]}" for action in names)


class CallbackModule(Default):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "slipway.aws.report"

    def __init__(self) -> None:
        super().__init__()
        self._play_title = ""
        self._started = time.monotonic()
        self._tallies: dict[str, Tally] = {}

    @property
    def _quiet(self) -> bool:
        return bool(self._display.verbosity == 0)

    @property
    def _width(self) -> int:
        return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH

    def _line(self, text: str, color: str | None = None) -> None:
        self._display.display(text, color=color if sys.stdout.isatty() else None)

    def _title(self) -> None:
        """The play's name, once it turns out that something happens in it."""
        if self._play_title:
            self._line(f"\n{self._play_title}")
            self._play_title = ""

    def v2_playbook_on_start(self, playbook: Any) -> None:
        super().v2_playbook_on_start(playbook)
        _preload.load()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        if not self._quiet:
            super().v2_playbook_on_play_start(play)
            return
        self._play = play
        self._play_title = play.get_name().strip()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        if not self._quiet:
            super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        if not self._quiet:
            super().v2_playbook_on_handler_task_start(task)

    def v2_playbook_on_cleanup_task_start(self, task: Any) -> None:
        if not self._quiet:
            super().v2_playbook_on_cleanup_task_start(task)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        if not self._quiet:
            super().v2_playbook_on_include(included_file)

    def v2_runner_on_skipped(self, result: Any) -> None:
        if not self._quiet:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        if not self._quiet:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_retry(self, result: Any) -> None:
        if not self._quiet:
            super().v2_runner_retry(result)

    def v2_runner_on_ok(self, result: Any) -> None:
        if not self._quiet:
            super().v2_runner_on_ok(result)
            return
        values = result.result
        if result.task.loop and "results" in values:
            return  # each item was printed
        self._done(result, values)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        if not self._quiet:
            super().v2_runner_item_on_ok(result)
            return
        self._done(result, result.result)

    def _done(self, result: Any, values: Mapping[str, Any]) -> None:
        self._count(result.host.get_name(), values)
        report = values.get("report") or []
        changed = values.get("changed", False)
        if result.task.check_mode and not changed and values.get("changes"):
            return  # a look ahead: the task that carries the plan out shows it
        told = result.task.action in C._ACTION_DEBUG and "msg" in values
        if not (report or changed or told):
            return
        self._title()
        label = values.get("_ansible_item_label", "")
        verb = "would change" if changed and result.task.check_mode else "changed" if changed else "ok"
        task = result.task.get_name().strip()
        item = f" ({label})" if label else ""
        color = C.COLOR_CHANGED if changed else C.COLOR_OK
        self._line(f"{result.host.get_name()}: {task}{item}: {verb}", color)
        if told:
            self._line(textwrap.indent(str(values["msg"]), "    "))
        for part in report:
            self._table(part)

    def _count(self, host: str, values: Mapping[str, Any]) -> None:
        now = time.monotonic()
        tally = self._tallies.setdefault(host, Tally(now))
        tally.last = now
        if values.get("changed"):
            tally.steps.update(change["action"] for change in values.get("changes") or [])

    def _table(self, part: Mapping[str, Any]) -> None:
        if part.get("title"):
            self._line(f"    {part['title']}")
        for line in table(part["columns"], part["rows"], self._width - 4):
            self._line(f"    {line}")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        if not self._quiet:
            super().v2_runner_on_failed(result, ignore_errors)
            return
        values = result.result
        if result.task.loop and "results" in values:
            return
        self._failed(result, values)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        if not self._quiet:
            super().v2_runner_item_on_failed(result)
            return
        self._failed(result, result.result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        if not self._quiet:
            super().v2_runner_on_unreachable(result)
            return
        self._failed(result, result.result)

    def _failed(self, result: Any, values: Mapping[str, Any]) -> None:
        self._title()
        self._count(result.host.get_name(), values)
        label = values.get("_ansible_item_label", "")
        item = f" ({label})" if label else ""
        self._line(f"{result.host.get_name()}: {result.task.get_name().strip()}{item}: FAILED", C.COLOR_ERROR)
        for line in str(values.get("msg") or "no message").splitlines():
            wrapped = textwrap.wrap(line, max(self._width - 4, 40), break_long_words=False, break_on_hyphens=False)
            for part in wrapped or [""]:
                self._line(f"    {_lead(line) if part is not wrapped[0] else ''}{part}", C.COLOR_ERROR)
        for part in values.get("report") or []:
            self._table(part)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if not self._quiet:
            super().v2_playbook_on_stats(stats)
            return
        seconds = time.monotonic() - self._started
        self._line(f"\nPLAY RECAP ({seconds:.1f} s)")
        for host in sorted(stats.processed):
            count = stats.summarize(host)
            color = (
                C.COLOR_ERROR
                if count["failures"] or count["unreachable"]
                else C.COLOR_CHANGED
                if count["changed"]
                else C.COLOR_OK
            )
            names = ("ok", "changed", "unreachable", "failures", "skipped", "rescued", "ignored")
            shown = " ".join(f"{'failed' if n == 'failures' else n}={count[n]:<4}" for n in names)
            tally = self._tallies.get(host)
            steps = f"{tally.words()} seconds={tally.last - self._started:.1f}" if tally else ""
            self._line(f"{host:<26} : {shown}{steps}".rstrip(), color)


def _lead(line: str) -> str:
    """Continued lines of an indented line are indented further."""
    spaces = len(line) - len(line.lstrip())
    return " " * (spaces + 4) if spaces else ""
