# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQL text into statements, with PostgreSQL's own parser, and what a file must not contain.

The parser counts bytes in some places and characters in others, and is quadratic on long texts that are not ASCII.
So it is given a copy in which every character beyond ASCII is a plain letter, which the grammar takes alike: then
bytes and characters are the same, and its offsets hold for the original.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._migration.files import NO_TRANSACTION, Problem, Script
from ansible_collections.slipway.aws.plugins.module_utils._migration.libraries import ast, enums, parser

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_NEAR = re.compile(r'(.* at or near )"(.*)"', re.DOTALL)
_PASSWORD = re.compile(r"(\bpassword\s*=?\s*)(E?'(?:[^']|'')*'|[^\s'\";,)]+(?='))", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+")
SHOWN = 2000  # characters of a statement that a message or a result carries

Tables = dict[str, set[str]]
SYNTAX_ERROR = "42601"
_IN_TRANSACTION = "25001"
_UNSUPPORTED = "0A000"
_OWN_TRANSACTION = {"BEGIN": "25001", "START": "25001"}  # COMMIT and the like: 2D000, as in a procedure
_UNSAFE_ENUM = "55P04"


@dataclass(frozen=True)
class Statement:
    """One statement. start and end are offsets into the script's text, in characters; line counts from 1."""

    text: str = field(repr=False)
    start: int
    end: int
    line: int

    @cached_property
    def word(self) -> str:
        """Its first word, in lower case: enough to know plain data statements, which may be very long."""
        match = _WORD.match(self.text[:20].lower())
        return match.group() if match else ""

    @cached_property
    def node(self) -> Any:
        """Its tree, made at first use."""
        return parser.parse_sql(self.text)[0].stmt

    @property
    def shown(self) -> str:
        return shown(self.text)


@dataclass(frozen=True)
class Parsed:
    """A script with its statements; empty where a problem stopped the parser."""

    script: Script
    statements: tuple[Statement, ...] = ()
    problems: tuple[Problem, ...] = ()


class Lines:
    """Line numbers of offsets in a text."""

    def __init__(self, text: str) -> None:
        self._ends = [match.start() for match in re.finditer("\n", text)]

    def of(self, offset: int) -> int:
        return bisect_right(self._ends, offset - 1) + 1


def shown(text: str) -> str:
    """A statement as a message may carry it: no password, no megabytes."""
    text = _PASSWORD.sub(r"\1'***'", text[: SHOWN + 200])
    return text if len(text) <= SHOWN else text[:SHOWN] + " …"


def parse(script: Script) -> Parsed:
    """Statements and problems of one file. Never raises for what the file contains."""
    masked, lines = _BEYOND_ASCII.sub("q", script.text), Lines(script.text)
    try:
        slices = parser.split(masked, with_parser=True, only_slices=True)
    except parser.ParseError as error:
        return Parsed(script, (), (_syntax_problem(script, masked, lines, error),))
    statements = tuple(_statement(script.text, part, lines) for part in slices)
    problems = [problem for statement in statements for problem in _refusals(script, statement)]
    return Parsed(script, statements, tuple(problems))


def _statement(text: str, part: slice, lines: Lines) -> Statement:
    return Statement(text[part.start : part.stop], part.start, part.stop, lines.of(part.start))


def _problem(script: Script, statement: Statement, message: str, sqlstate: str, hint: str) -> Problem:
    return Problem(message, script.file, script.version, statement.line, sqlstate, statement.shown, hint)


# What the parser refuses


def _syntax_problem(script: Script, masked: str, lines: Lines, error: Any) -> Problem:
    message, location = str(error.args[0]), error.args[1] if len(error.args) > 1 else None
    at = location if location is not None else len(masked.rstrip())
    data = _copy_before(script, masked[:at], lines)
    if data is not None:
        return data
    if masked[at : at + 1] == "\\":
        return _meta_command(script, lines, at)
    near = _NEAR.fullmatch(message)
    if near:
        message = f'{near[1]}"{script.text[at : at + len(near[2])]}"'
    return Problem(
        message,
        script.file,
        script.version,
        lines.of(at),
        SYNTAX_ERROR,
        shown(_around(script.text, masked, at)),
        "Correct the SQL; nothing of this file was run.",
    )


def _around(text: str, masked: str, at: int) -> str:
    """The statement at `at`, as far as the scanner can tell."""
    try:
        before = parser.split(masked[:at], with_parser=False, only_slices=True)
    except parser.ParseError:
        before = ()
    start = (
        before[-1].start if before and ";" not in masked[before[-1].stop : at] else (before[-1].stop if before else 0)
    )
    end = masked.find(";", at)
    return text[start : end if end >= 0 else len(text)].strip().lstrip(";").strip()


def _meta_command(script: Script, lines: Lines, at: int) -> Problem:
    end = script.text.find("\n", at)
    command = script.text[at : end if end >= 0 else len(script.text)].strip()
    return Problem(
        f"{command.split()[0]} is a command of psql, not SQL.",
        script.file,
        script.version,
        lines.of(at),
        SYNTAX_ERROR,
        shown(command),
        "Write it in SQL (INSERT for \\copy, the file's contents for \\i); migrations do not go through psql.",
    )


def _copy_before(script: Script, masked: str, lines: Lines) -> Problem | None:
    """A syntax error right after COPY … FROM STDIN is its data: the COPY is what has to be named."""
    try:
        parts = parser.split(masked, with_parser=False, only_slices=True)
    except parser.ParseError:
        return None
    for part in parts[-2:]:
        start = part.start + _leading_blank(masked[part.start : part.stop])
        statement = Statement(script.text[start : part.stop], start, part.stop, lines.of(start))
        if statement.word != "copy":
            continue
        try:
            found = next(_copy_refusals(script, statement), None)
        except parser.ParseError:
            found = None
        if found:
            return found
    return None


def _leading_blank(text: str) -> int:
    match = re.match(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", text, re.DOTALL)
    return match.end() if match else 0


# What the parser takes, and a migration must not contain


def _refusals(script: Script, statement: Statement) -> Iterator[Problem]:
    check = _CHECKS.get(statement.word)
    if check is not None:
        yield from check(script, statement)
    if script.transactional:
        what = outside_transaction(statement)
        if what:
            yield _problem(
                script,
                statement,
                f"{what} cannot run inside a transaction.",
                _IN_TRANSACTION,
                f"Put `{NO_TRANSACTION}` on the first line of the file, and what does not need it into another file.",
            )


def _transaction_refusals(script: Script, statement: Statement) -> Iterator[Problem]:
    node = statement.node
    if not isinstance(node, ast.TransactionStmt):
        return
    kind = node.kind.name.removeprefix("TRANS_STMT_")
    if kind in ("SAVEPOINT", "RELEASE", "ROLLBACK_TO") and script.transactional:
        return
    name = kind.replace("_", " ")
    yield _problem(
        script,
        statement,
        f"The file brings its own {name}: transactions belong to the runner, which commits a file with its record.",
        _OWN_TRANSACTION.get(kind, "2D000"),
        f"Remove it; a file that must not run in one transaction begins with `{NO_TRANSACTION}`.",
    )


def _copy_refusals(script: Script, statement: Statement) -> Iterator[Problem]:
    node = statement.node
    if not isinstance(node, ast.CopyStmt) or node.filename:
        return
    if node.is_from:
        message, hint = "COPY FROM STDIN carries its data in the file, which only psql reads.", "Use INSERT … VALUES."
    else:
        message, hint = "COPY TO STDOUT gives data to nobody.", "Remove it."
    yield _problem(script, statement, message, _UNSUPPORTED, hint)


_CHECKS: dict[str, Callable[[Script, Statement], Iterator[Problem]]] = {
    "copy": _copy_refusals,
    **dict.fromkeys(
        ("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "prepare"),
        _transaction_refusals,
    ),
}


# What PostgreSQL runs outside a transaction block alone


def outside_transaction(statement: Statement) -> str:
    """What the statement is, where it cannot run inside a transaction ("VACUUM"); "" where it can."""
    check = _OUTSIDE.get(statement.word)
    return check(statement.node) if check else ""


def option(options: Any, name: str, default: bool = False) -> bool:
    """A boolean of a parenthesised option list: `(FULL)`, `(FULL false)`."""
    for item in options or ():
        if item.defname == name:
            if item.arg is None:
                return True
            value = getattr(item.arg, "sval", getattr(item.arg, "boolval", getattr(item.arg, "ival", True)))
            return str(value).lower() not in ("false", "off", "0")
    return default


def _create(node: Any) -> str:
    if isinstance(node, ast.IndexStmt) and node.concurrent:
        return "CREATE INDEX CONCURRENTLY"
    if isinstance(node, ast.CreatedbStmt):
        return "CREATE DATABASE"
    if isinstance(node, ast.CreateTableSpaceStmt):
        return "CREATE TABLESPACE"
    if isinstance(node, ast.CreateSubscriptionStmt) and option(node.options, "create_slot", True):
        return "CREATE SUBSCRIPTION with a replication slot" if option(node.options, "connect", True) else ""
    return ""


def _drop(node: Any) -> str:
    if isinstance(node, ast.DropStmt) and node.concurrent:
        return "DROP INDEX CONCURRENTLY"
    if isinstance(node, ast.DropdbStmt):
        return "DROP DATABASE"
    if isinstance(node, ast.DropTableSpaceStmt):
        return "DROP TABLESPACE"
    return ""


def _alter(node: Any) -> str:
    if isinstance(node, ast.AlterSystemStmt):
        return "ALTER SYSTEM"
    if isinstance(node, ast.AlterDatabaseStmt) and any(item.defname == "tablespace" for item in node.options or ()):
        return "ALTER DATABASE … SET TABLESPACE"
    if isinstance(node, ast.AlterTableStmt) and any(
        isinstance(command.def_, ast.PartitionCmd) and command.def_.concurrent for command in node.cmds
    ):
        return "DETACH PARTITION CONCURRENTLY"
    return ""


def _reindex(node: Any) -> str:
    if option(node.params, "concurrently"):
        return "REINDEX CONCURRENTLY"
    kinds = enums.ReindexObjectType
    whole = (kinds.REINDEX_OBJECT_SCHEMA, kinds.REINDEX_OBJECT_SYSTEM, kinds.REINDEX_OBJECT_DATABASE)
    return "REINDEX of a schema or database" if node.kind in whole else ""


_OUTSIDE: dict[str, Callable[[Any], str]] = {
    "create": _create,
    "drop": _drop,
    "alter": _alter,
    "reindex": _reindex,
    "vacuum": lambda node: "VACUUM",
    "cluster": lambda node: "" if node.relation else "CLUSTER of all tables",
    "discard": lambda node: "DISCARD ALL" if node.target == enums.DiscardMode.DISCARD_ALL else "",
}


def sets_transaction(statement: Statement) -> bool:
    """SET TRANSACTION, which has to come first in its transaction."""
    return statement.word == "set" and statement.node.name == "TRANSACTION"


# A label that is used in the transaction that adds it


def parse_all(scripts: Iterable[Script]) -> list[Parsed]:
    """Every script parsed, with what only several files together show."""
    parsed = [parse(script) for script in scripts]
    if not any(_adds_label(statement) for file in parsed for statement in file.statements):
        return parsed
    tables = _tables_by_type(statement for file in parsed for statement in file.statements)
    return [
        Parsed(file.script, file.statements, (*file.problems, *_enum_problems(file.script, file.statements, tables)))
        for file in parsed
    ]


def _enum_problems(script: Script, statements: tuple[Statement, ...], tables: Tables) -> Iterator[Problem]:
    """ALTER TYPE … ADD VALUE and a use of the label in one transaction: PostgreSQL refuses the use at run time.

    A use is the literal, cast to the type, as the default of a column of it, or in a statement on a table that the
    files show to have such a column. What files cannot show is left to the server, which answers with the same code.
    """
    if not script.transactional or not any(_adds_label(statement) for statement in statements):
        return
    made: set[str] = set()
    added: dict[str, str] = {}
    for statement in statements:
        node = statement.node
        used = next((label for label, kind in added.items() if _uses_label(node, label, kind, tables)), None)
        if used is not None:
            yield _problem(
                script,
                statement,
                f"The value '{used}' of type {added[used]} is used in the transaction that adds it.",
                _UNSAFE_ENUM,
                "Put ALTER TYPE … ADD VALUE into an earlier file of its own.",
            )
        if isinstance(node, ast.CreateEnumStmt):
            made.add(node.typeName[-1].sval)
        elif isinstance(node, ast.AlterEnumStmt) and not node.oldVal and node.typeName[-1].sval not in made:
            added[node.newVal] = node.typeName[-1].sval


def _adds_label(statement: Statement) -> bool:
    return statement.word == "alter" and isinstance(statement.node, ast.AlterEnumStmt)


def _tables_by_type(statements: Iterable[Statement]) -> Tables:
    """{type: names of the tables with a column of it}."""
    tables: Tables = {}
    for statement in statements:
        if statement.word not in ("create", "alter") or not isinstance(
            statement.node, (ast.CreateStmt, ast.AlterTableStmt)
        ):
            continue
        for part in walk(statement.node):
            if isinstance(part, ast.ColumnDef) and part.typeName is not None:
                tables.setdefault(part.typeName.names[-1].sval, set()).add(statement.node.relation.relname)
    return tables


def _uses_label(node: Any, label: str, kind: str, tables: Tables) -> bool:
    parts = list(walk(node))
    if not any(isinstance(part, ast.String) and part.sval == label for part in parts):
        return False
    names = {part.relname for part in parts if isinstance(part, ast.RangeVar)}
    return bool(names & tables.get(kind, set())) or any(_of_type(part, kind, label) for part in parts)


def _of_type(part: Any, kind: str, label: str) -> bool:
    """True for 'label'::kind, and for a column of the type with the label in its definition."""
    if not isinstance(part, (ast.TypeCast, ast.ColumnDef)) or not _is_type(part.typeName, kind):
        return False
    return any(isinstance(inner, ast.String) and inner.sval == label for inner in walk(part))


def _is_type(name: Any, kind: str) -> bool:
    return bool(name is not None and name.names and name.names[-1].sval == kind)


def walk(node: Any) -> Iterator[Any]:
    """All nodes of a tree, itself first."""
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, (tuple, list)):
            stack.extend(part)
        elif isinstance(part, ast.Node):
            yield part
            stack.extend(getattr(part, name) for name in part.__slots__ if getattr(part, name, None) is not None)
