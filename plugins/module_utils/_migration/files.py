# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of migrations as data: which files count, in which order, what they say, and what is wrong with them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError

_NAME = re.compile(r"(?P<version>[0-9]+)_(?P<description>[^.].*?)(?P<down>\.down)?\.sql")
# Endings that other runners use between description and ".sql"; with us they would silently become part of the name.
_FOREIGN_ENDING = re.compile(r"\.(up|down|do|undo|redo|rollback|revert)$", re.IGNORECASE)
_NEAR_MISS = re.compile(r"v?[0-9]+[_-].*\.sql\W*\w*$", re.IGNORECASE)
_DIRECTIVE = re.compile(r"--\s*migrate:\s*no-transaction\s*")
_BOM = b"\xef\xbb\xbf"
_OTHER_ENCODINGS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
_HOW_TO_NAME = (
    "Name it <version>_<description>.sql or <version>_<description>.down.sql, or move it out of the directory."
)
NO_TRANSACTION = "-- migrate:no-transaction"


@dataclass(frozen=True)
class Problem:
    """Why a migration cannot run. line counts from 1; sqlstate is PostgreSQL's, where it has one for this."""

    message: str
    file: str = ""
    version: str | None = None
    line: int | None = None
    sqlstate: str | None = None
    statement: str | None = None
    hint: str = ""

    def as_failed(self) -> dict[str, Any]:
        """The module's `failed`."""
        return {
            "version": self.version,
            "file": self.file or None,
            "line": self.line,
            "sqlstate": self.sqlstate,
            "statement": self.statement,
            "message": f"{self.message} {self.hint}".strip(),
        }

    @property
    def text(self) -> str:
        """One line for people: where and what."""
        place = f"{self.file}, line {self.line}" if self.line else self.file
        code = f" (SQLSTATE {self.sqlstate})" if self.sqlstate else ""
        return f"{place}: {self.message}{code}" if place else f"{self.message}{code}"


@dataclass(frozen=True)
class Script:
    """One file. text has line feeds only and no byte order mark; sha256 is over the file with line feeds only."""

    file: str
    version: str
    number: int
    description: str
    down: bool = False
    text: str = field(default="", repr=False)
    sha256: str = ""
    transactional: bool = True


@dataclass(frozen=True)
class Migration:
    """A version: its file, and the file that takes it back where there is one."""

    up: Script
    down: Script | None = None

    @property
    def version(self) -> str:
        return self.up.version

    @property
    def number(self) -> int:
        return self.up.number


@dataclass(frozen=True)
class Directory:
    """migrations in the order of their versions; problems are errors, warnings are not."""

    migrations: tuple[Migration, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def read_directory(path: str) -> Directory:
    """Every migration of a directory. Raises SlipwayError where the directory itself cannot be read."""
    try:
        entries = sorted(Path(path).iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise SlipwayError(
            f"Cannot read the directory of migrations {path}",
            error.strerror or str(error),
            "Set `directory` to a directory on the host that this task runs on.",
        ) from error
    scripts: list[Script] = []
    problems: list[Problem] = []
    warnings: list[str] = []
    for entry in entries:
        found = _read_entry(entry)
        if isinstance(found, Script):
            scripts.append(found)
            warnings += _directive_warnings(found)
        elif isinstance(found, Problem):
            problems.append(found)
        elif _NEAR_MISS.fullmatch(entry.name):
            warnings.append(f"{entry.name} does not end in .sql and is left alone.")
    migrations, more = paired(scripts)
    return Directory(tuple(migrations), (*problems, *more), tuple(warnings))


def _read_entry(entry: Path) -> Script | Problem | None:
    """None for what is not ours: other endings, hidden files, subdirectories."""
    if entry.name.startswith(".") or not entry.name.lower().endswith(".sql"):
        return None
    named = parse_name(entry.name)
    if isinstance(named, Problem):
        return named
    try:
        raw = entry.read_bytes()
    except OSError as error:
        return Problem(f"cannot be read: {error.strerror or error}.", entry.name, named.version)
    return read_script(named, raw)


def parse_name(name: str) -> Script | Problem:
    """`<version>_<description>[.down].sql`, strictly; anything else that ends in .sql is a problem that names it."""
    match = _NAME.fullmatch(name)
    description = match["description"].strip() if match else ""
    if match is None or not description.strip("_"):
        return Problem("looks like a migration, but is not named like one.", name, hint=_HOW_TO_NAME)
    foreign = _FOREIGN_ENDING.search(description)
    if foreign:
        return Problem(
            f"looks like a migration, but ends in {foreign.group()}.sql, which means nothing here.",
            name,
            match["version"],
            hint=_HOW_TO_NAME,
        )
    return Script(name, match["version"], int(match["version"]), description, match["down"] is not None)


def read_script(named: Script, raw: bytes) -> Script | Problem:
    """The file's text from its bytes. Problems carry the line and the byte offset."""
    body = raw.removeprefix(_BOM)
    skipped = len(raw) - len(body)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(named, raw, error.start + skipped)
    if "\0" in text:
        offset = raw.index(b"\0")
        return Problem(
            f"contains a NUL byte at byte offset {offset}, which SQL cannot carry.",
            named.file,
            named.version,
            _line_of(raw, offset),
            "22021",
            hint="Save the file as UTF-8 text.",
        )
    text = text.replace("\r\n", "\n")
    first = text.partition("\n")[0]
    return Script(
        named.file,
        named.version,
        named.number,
        named.description,
        named.down,
        text,
        hashlib.sha256(raw.replace(b"\r\n", b"\n")).hexdigest(),
        _DIRECTIVE.fullmatch(first.strip()) is None,
    )


def _not_utf8(named: Script, raw: bytes, offset: int) -> Problem:
    other = next((f" It looks like {name}." for mark, name in _OTHER_ENCODINGS if raw.startswith(mark)), "")
    return Problem(
        f"is not UTF-8: invalid byte 0x{raw[offset]:02x} at byte offset {offset}.{other}",
        named.file,
        named.version,
        _line_of(raw, offset),
        "22021",
        hint="Save the file as UTF-8.",
    )


def _line_of(raw: bytes, offset: int) -> int:
    return raw.count(b"\n", 0, offset) + 1


def _directive_warnings(script: Script) -> list[str]:
    lines = script.text.split("\n")
    late = next((at for at, line in enumerate(lines[1:], 2) if _DIRECTIVE.fullmatch(line.strip())), None)
    if late is None or not script.transactional:
        return []
    return [f"{script.file}, line {late}: `{NO_TRANSACTION}` counts on the first line alone and has no effect here."]


def paired(scripts: Iterable[Script]) -> tuple[list[Migration], list[Problem]]:
    """Files put together by version, which compares as a number: 2 < 10, and 001 is 1."""
    ups, problems = _unique([script for script in scripts if not script.down])
    downs, more = _unique([script for script in scripts if script.down])
    problems += more
    for number, down in downs.items():
        up = ups.get(number)
        if up is None or up.description != down.description:
            beside = f" ({up.file} has another name)" if up else ""
            problems.append(
                Problem(f"takes back a migration that is not there{beside}.", down.file, down.version, hint=_FIX_DOWN)
            )
    return [Migration(ups[number], downs.get(number)) for number in sorted(ups)], problems


_FIX_DOWN = "Name it as the file that it takes back, with .down before .sql."


def _unique(scripts: list[Script]) -> tuple[dict[int, Script], list[Problem]]:
    found: dict[int, Script] = {}
    problems = []
    for script in scripts:
        first = found.setdefault(script.number, script)
        if first is not script:
            problems.append(
                Problem(
                    f"has the same version as {first.file}: versions compare as numbers.",
                    script.file,
                    script.version,
                    hint="Give one of them another version.",
                )
            )
    return found, problems
