# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is recorded against what is in the directory: what is to be run, and what is refused. All functions are pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._migration.files import Migration, Problem, Script


@dataclass(frozen=True)
class Record:
    """A row of the history: a file that was applied. applied_at is ISO 8601 by the database's clock."""

    number: int
    version: str
    description: str
    file: str
    sha256: str
    fence: int | None
    applied_by: str
    applied_at: str
    milliseconds: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "description": self.description,
            "file": self.file,
            "sha256": self.sha256,
            "fence": self.fence,
            "who": self.applied_by,
            "when": self.applied_at,
            "milliseconds": self.milliseconds,
        }


@dataclass(frozen=True)
class Unfinished:
    """A file without a transaction that was begun and is not recorded as done.

    done:      how many of its statements are known to have ended well
    prefix:    sha256 over those, so that only what is still to run may be edited
    running:   whether the next one was sent
    indexes:   for a build of an index: the oids of the table's indexes before it
    """

    number: int
    version: str
    file: str
    down: bool
    done: int
    prefix: str
    running: bool
    indexes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """scripts in the order in which they run; later: pending ones that `target` leaves out."""

    scripts: tuple[Script, ...] = ()
    later: tuple[Script, ...] = ()
    problems: tuple[Problem, ...] = ()


def target_number(target: str | None, migrations: Iterable[Migration], records: Iterable[Record]) -> int | None:
    """The target as a number. Raises SlipwayError for one that is no version at all; 0 is what is before the first."""
    if target is None or target == "":
        return None
    known = {migration.version: migration.number for migration in migrations}
    known |= {record.version: record.number for record in records}
    number = int(target) if target.isascii() and target.isdigit() else None
    if number is not None and (number == 0 or number in known.values()):
        return number
    near = difflib.get_close_matches(target, known, 1)
    raise SlipwayError(
        f"There is no version {target}",
        "`target` is neither in the directory nor in the history",
        f"Did you mean {near[0]}?" if near else "Use a version as it is written in a file's name, or 0.",
    )


def plan_apply(
    migrations: Sequence[Migration],
    records: Sequence[Record],
    unfinished: Sequence[Unfinished] = (),
    *,
    target: int | None = None,
    allow_out_of_order: bool = False,
) -> Plan:
    """What is pending up to and including the target, in order."""
    recorded = {record.number for record in records}
    pending = [migration.up for migration in migrations if migration.number not in recorded]
    wanted = tuple(script for script in pending if target is None or script.number <= target)
    problems = history_problems(migrations, records, unfinished)
    problems += [
        Problem(
            "was begun and not finished: part of the version is taken back.",
            item.file,
            item.version,
            hint="Finish it with state=rolled_back first.",
        )
        for item in unfinished
        if item.down
    ]
    if not allow_out_of_order and records:
        newest = max(records, key=lambda record: record.number)
        begun = {item.number for item in unfinished}
        problems += [
            Problem(
                f"comes before {newest.version}, which is applied already.",
                script.file,
                script.version,
                hint="Give it a later version, or set allow_out_of_order.",
            )
            for script in wanted
            if script.number < newest.number and script.number not in begun
        ]
    return Plan(wanted, tuple(pending[len(wanted) :]), tuple(problems))


def plan_rollback(
    migrations: Sequence[Migration],
    records: Sequence[Record],
    unfinished: Sequence[Unfinished] = (),
    *,
    target: int | None = None,
) -> Plan:
    """The down files of what is applied above the target, newest first. Without a target: of the newest alone."""
    problems = history_problems(migrations, records, unfinished)
    by_number = {migration.number: migration for migration in migrations}
    applied = sorted(records, key=lambda record: record.number, reverse=True)
    back = applied[:1] if target is None else [record for record in applied if record.number > target]
    scripts = []
    for record in back:
        migration = by_number.get(record.number)
        if migration is None:
            continue  # reported as deleted already
        if migration.down is None:
            problems.append(
                Problem(
                    "has no down file.",
                    migration.up.file,
                    migration.version,
                    hint=f"Add {migration.up.file.removesuffix('.sql')}.down.sql, or restore the snapshot.",
                )
            )
        else:
            scripts.append(migration.down)
    problems += [
        Problem(
            "was begun and not finished, so what there is to take back is not known.",
            item.file,
            item.version,
            hint="Finish it with state=applied first.",
        )
        for item in unfinished
        if not item.down
    ]
    return Plan(tuple(scripts), (), tuple(problems))


def history_problems(
    migrations: Sequence[Migration], records: Sequence[Record], unfinished: Sequence[Unfinished] = ()
) -> list[Problem]:
    """Files that were edited or deleted after they were applied or begun."""
    by_number = {migration.number: migration for migration in migrations}
    problems = []
    for record in sorted(records, key=lambda record: record.number):
        migration = by_number.get(record.number)
        if migration is None:
            problems.append(_deleted(record.file, record.version, f"was applied {record.applied_at}"))
        elif migration.up.sha256 != record.sha256:
            problems.append(
                Problem(
                    f"was edited after it was applied ({record.applied_at}, by {record.applied_by}).",
                    migration.up.file,
                    migration.version,
                    hint="Bring the old text back and put the change into a new file.",
                )
            )
    for item in unfinished:
        if item.number not in by_number:
            problems.append(_deleted(item.file, item.version, "was begun"))
    return problems


def _deleted(file: str, version: str, when: str) -> Problem:
    return Problem(f"{when} and is no longer in the directory.", file, version, hint="Bring the file back.")
