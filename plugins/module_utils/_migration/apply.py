# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running one file: in its transaction with its record, or statement by statement with a mark before and after each."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._migration import indexes
from ansible_collections.slipway.aws.plugins.module_utils._migration.files import NO_TRANSACTION, Problem, Script
from ansible_collections.slipway.aws.plugins.module_utils._migration.history import History, unfinished_name
from ansible_collections.slipway.aws.plugins.module_utils._migration.libraries import generators, pq, psycopg
from ansible_collections.slipway.aws.plugins.module_utils._migration.parse import (
    Lines,
    Parsed,
    Statement,
    outside_transaction,
)
from ansible_collections.slipway.aws.plugins.module_utils._migration.plan import Unfinished

# In long files statements go to the server together: one at a time, ten megabytes of INSERT would be a hundred thousand
# round trips. In others each goes alone, because a table with rules gives more than one answer to a statement.
_LONG = 200
_TOGETHER = 500
_TOGETHER_CHARACTERS = 1_000_000
_CONNECTION_LOST = "08006"
_NOT_IN_A_BLOCK = "25001"
_ENDS_TRANSACTIONS = re.compile(r"\b(commit|rollback)\b", re.IGNORECASE)
_OWN_IDENTITY = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL"
_OWN_IDENTITY_LOCALLY = "SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL ROLE NONE"
_HINTS = {
    "25001": f"Put `{NO_TRANSACTION}` on the first line of the file.",
    "2D000": f"A procedure that commits by itself needs `{NO_TRANSACTION}` on the first line of the file.",
    "42501": "Give login_user the privilege, or use a user who has it.",
    "55P03": "Another session holds the lock: try at a quieter time, or raise lock_timeout.",
    "55P04": "Put ALTER TYPE … ADD VALUE into an earlier file of its own.",
    "57014": "Raise statement_timeout, or make the statement smaller.",
}


class MigrationError(Exception):
    """One file failed; what it did is rolled back, or marked where it ran without a transaction."""

    def __init__(self, problem: Problem, *, connection_lost: bool = False) -> None:
        super().__init__(problem.text)
        self.problem, self.connection_lost = problem, connection_lost


@dataclass(frozen=True)
class Timeouts:
    """Seconds; 0 is no limit."""

    lock: float
    statement: float
    idle: float = 60.0

    def sql(self, version: int) -> str:
        """SET commands for a session of a server of this version (150004)."""
        commands = [
            f"SET lock_timeout = {round(self.lock * 1000)}",
            f"SET statement_timeout = {round(self.statement * 1000)}",
            f"SET idle_in_transaction_session_timeout = {round(self.idle * 1000)}",
        ]
        if version >= 140000:  # the server looks whether its client still lives, also in the middle of a statement
            commands += ["SET client_connection_check_interval = 1000", "SET idle_session_timeout = 0"]
        return "; ".join(commands)


@dataclass(frozen=True)
class Runner:
    """Who runs, and on what. guard holds the runner's lock and keeps marks; work runs the files.

    check: raises SlipwayError where this runner was superseded
    """

    guard: Any
    work: Any
    history: History
    timeouts: Timeouts
    who: str
    fence: int | None
    check: Callable[[], None]
    monotonic: Callable[[], float] = time.monotonic


def run_script(runner: Runner, parsed: Parsed, begun: Unfinished | None) -> int:
    """Runs one file, up or down, to its record. Returns milliseconds. Raises MigrationError."""
    fresh(runner)
    runner.check()
    start = runner.monotonic()
    if parsed.script.transactional:
        return _in_transaction(runner, parsed, start)
    _stepwise(runner, parsed, begun)
    milliseconds = _since(runner, start)
    with runner.guard.transaction():
        _record(runner, runner.guard, parsed.script, milliseconds)
        runner.history.forget(runner.guard, [unfinished_name(parsed.script)])
    return milliseconds


def fresh(runner: Runner) -> None:
    """The working session as new: settings, role, temporary tables, prepared statements of the last file are gone."""
    try:
        runner.work.execute("DISCARD ALL")
        runner.work.execute(runner.timeouts.sql(runner.work.info.server_version))
        # DISCARD ALL gives up this session's advisory locks too; guard holding its own, nobody else takes this one.
        runner.work.execute("SELECT pg_catalog.pg_advisory_lock(%s)", [runner.history.keys[1]])
    except psycopg.Error as error:
        raise MigrationError(_from_exception(error), connection_lost=True) from error


def _since(runner: Runner, start: float) -> int:
    return round((runner.monotonic() - start) * 1000)


def _record(runner: Runner, connection: Any, script: Script, milliseconds: int) -> None:
    if script.down:
        runner.history.remove(connection, script)
    else:
        runner.history.add(connection, script, fence=runner.fence, who=runner.who, milliseconds=milliseconds)


# In a transaction


def _in_transaction(runner: Runner, parsed: Parsed, start: float) -> int:
    work, script = runner.work, parsed.script
    try:
        work.execute("BEGIN")
        run_statements(work, parsed)
        settle(work, parsed)
        milliseconds = _since(runner, start)
        _record(runner, work, script, milliseconds)
        work.execute("COMMIT")
    except psycopg.Error as error:
        lost = work.broken
        rollback(work)
        raise MigrationError(_at_commit(parsed, error), connection_lost=lost) from error
    except MigrationError:
        rollback(work)
        raise
    return milliseconds


def settle(work: Any, parsed: Parsed) -> None:
    """What COMMIT would still check is checked now; then the session is the runner's own again."""
    try:
        work.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.Error as error:
        raise MigrationError(_at_commit(parsed, error), connection_lost=work.broken) from error
    work.execute(_OWN_IDENTITY)


def rollback(work: Any) -> None:
    """Rolls back where that is still possible; a lost connection is rolled back by the server."""
    try:
        if not work.broken and work.info.transaction_status != pq.TransactionStatus.IDLE:
            work.execute("ROLLBACK")
    except psycopg.Error:
        work.close()


def _at_commit(parsed: Parsed, error: Any) -> Problem:
    """A deferred constraint, say: it belongs to the file as a whole, told at its last statement."""
    problem = _from_exception(error)
    last = parsed.statements[-1] if parsed.statements else None
    return replace(
        problem,
        message=f"at the end of the file: {problem.message}",
        file=parsed.script.file,
        version=parsed.script.version,
        line=last.line if last else 1,
        statement="COMMIT",
    )


def _from_exception(error: Any) -> Problem:
    diagnostics = getattr(error, "diag", None)
    message = getattr(diagnostics, "message_primary", None) or " ".join(str(error).split())
    detail = getattr(diagnostics, "message_detail", None)
    sqlstate = getattr(error, "sqlstate", None) or _CONNECTION_LOST
    return Problem(f"{message}. {detail}" if detail else str(message), sqlstate=sqlstate, hint=_HINTS.get(sqlstate, ""))


# Statements


def run_statements(connection: Any, parsed: Parsed, statements: Sequence[Statement] | None = None) -> None:
    """Runs statements in order. Raises MigrationError at the first that fails, with its line."""
    for batch in _batches(parsed.statements if statements is None else statements):
        start = batch[0].start
        done, failure = _send(connection, parsed.script.text[start : batch[-1].end])
        if failure is not None:
            raise MigrationError(
                _failed_statement(parsed.script, batch, done, failure), connection_lost=connection.broken
            )


def _batches(statements: Sequence[Statement]) -> Iterator[list[Statement]]:
    batch: list[Statement] = []
    most = _TOGETHER if len(statements) > _LONG else 1
    for statement in statements:
        batch.append(statement)
        long = statement.end - batch[0].start > _TOGETHER_CHARACTERS
        # A setting may change how the text after it is read.
        if long or len(batch) >= most or statement.word == "set":
            yield batch
            batch = []
    if batch:
        yield batch


@dataclass(frozen=True)
class _Failure:
    problem: Problem
    position: int | None


def _send(connection: Any, text: str) -> tuple[int, _Failure | None]:
    """Sends statements in one message; each that ends well answers once. Returns how many did, and what failed."""
    try:
        connection.pgconn.send_query(text.encode())
        results = connection.wait(generators.execute(connection.pgconn))
    except psycopg.Error as error:
        return 0, _Failure(_from_exception(error), None)
    for done, result in enumerate(results):
        if result.status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE):
            return done, _failure(result)
    return len(results), None


def _failure(result: Any) -> _Failure:
    def get(name: str) -> str:
        value = result.error_field(getattr(pq.DiagnosticField, name))
        return value.decode(errors="replace") if value else ""

    sqlstate = get("SQLSTATE") or _CONNECTION_LOST
    parts = [get("MESSAGE_PRIMARY"), get("MESSAGE_DETAIL"), get("MESSAGE_HINT"), get("CONTEXT").replace("\n", "; ")]
    message = ". ".join(part.rstrip(".") for part in parts if part)
    position = get("STATEMENT_POSITION")
    return _Failure(
        Problem(message, sqlstate=sqlstate, hint=_HINTS.get(sqlstate, "")), int(position) if position else None
    )


def _failed_statement(script: Script, batch: Sequence[Statement], done: int, failure: _Failure) -> Problem:
    """The statement that failed: the one that the server points into, else the first without an answer."""
    statement, line = batch[min(done, len(batch) - 1)], 0
    if failure.position is not None:
        offset = batch[0].start + failure.position - 1
        statement = next((item for item in batch if offset <= item.end), batch[-1])
        line = Lines(script.text).of(offset)
    return replace(
        failure.problem,
        file=script.file,
        version=script.version,
        line=line or statement.line,
        statement=statement.shown,
    )


# Without a transaction


def _stepwise(runner: Runner, parsed: Parsed, begun: Unfinished | None) -> None:
    script = parsed.script
    mark = begun or Unfinished(script.number, script.version, script.file, script.down, 0, _prefix(parsed, 0), False)
    _refuse_changed(parsed, mark)
    for statement in parsed.statements[: mark.done]:
        if statement.word == "set":  # settings of the session that was lost
            run_statements(runner.work, parsed, [statement])
    for at in range(mark.done, len(parsed.statements)):
        runner.check()
        mark = _step(runner, parsed, replace(mark, done=at))


def _prefix(parsed: Parsed, done: int) -> str:
    return hashlib.sha256("\0".join(item.text for item in parsed.statements[:done]).encode()).hexdigest()


def _refuse_changed(parsed: Parsed, mark: Unfinished) -> None:
    if mark.done <= len(parsed.statements) and _prefix(parsed, mark.done) == mark.prefix:
        return
    raise MigrationError(
        Problem(
            f"was edited where it has run already: an earlier run ended after statement {mark.done}.",
            parsed.script.file,
            parsed.script.version,
            hint="Bring those statements back; what comes after them may be changed.",
        )
    )


def _step(runner: Runner, parsed: Parsed, mark: Unfinished) -> Unfinished:
    """One statement and its mark. The mark that is returned has it done."""
    statement = parsed.statements[mark.done]
    done = replace(mark, done=mark.done + 1, prefix=_prefix(parsed, mark.done + 1), running=False, indexes=())
    if mark.running and indexes.ended_before(runner.work, statement, mark.indexes):
        runner.history.begin(runner.guard, done)
        return done
    if not _atomic(statement) or not _step_in_transaction(runner, parsed, statement, done):
        _step_alone(runner, parsed, statement, mark)
        runner.history.begin(runner.guard, done)
    return done


def _atomic(statement: Statement) -> bool:
    """True for what a transaction can hold together with its mark."""
    if statement.word in ("call", "set", "reset") or outside_transaction(statement):
        return False
    return statement.word != "do" or _ENDS_TRANSACTIONS.search(statement.text) is None


def _step_in_transaction(runner: Runner, parsed: Parsed, statement: Statement, done: Unfinished) -> bool:
    """False where PostgreSQL says that the statement cannot run so; then nothing of it has happened."""
    work = runner.work
    try:
        work.execute("BEGIN")
        run_statements(work, parsed, [statement])
        work.execute(_OWN_IDENTITY_LOCALLY)
        runner.history.begin(work, done)
        work.execute("COMMIT")
    except psycopg.Error as error:
        lost = work.broken
        rollback(work)
        problem = replace(_at_commit(parsed, error), line=statement.line, statement=statement.shown)
        raise MigrationError(problem, connection_lost=lost) from error
    except MigrationError as failure:
        rollback(work)
        if failure.problem.sqlstate == _NOT_IN_A_BLOCK:
            return False
        raise
    return True


def _step_alone(runner: Runner, parsed: Parsed, statement: Statement, mark: Unfinished) -> None:
    """A statement that cannot be in one transaction with its mark: marked before, and judged by what is there later."""
    work = runner.work
    left = indexes.invalid_of_that_name(work, statement)
    if left and not mark.running:
        raise MigrationError(
            Problem(
                f"an INVALID index {left.name} is left from an earlier build.",
                parsed.script.file,
                parsed.script.version,
                statement.line,
                "42P07",
                statement.shown,
                f"Remove it and repeat the run: {left.remove}",
            )
        )
    runner.history.begin(runner.guard, replace(mark, running=True, indexes=indexes.of_table(work, statement)))
    builds = indexes.is_concurrent(statement)
    try:
        if builds:  # it waits for older transactions by design; the statement's own limit still holds
            work.execute("SET lock_timeout = 0")
        run_statements(work, parsed, [statement])
        if builds:
            work.execute(f"SET lock_timeout = {round(runner.timeouts.lock * 1000)}")
    except psycopg.Error as error:
        problem = replace(_from_exception(error), file=parsed.script.file, version=parsed.script.version)
        raise MigrationError(
            replace(problem, line=statement.line, statement=statement.shown), connection_lost=work.broken
        ) from error
    except MigrationError as failure:
        raise _with_leftovers(runner, statement, failure) from failure


def _with_leftovers(runner: Runner, statement: Statement, failure: MigrationError) -> MigrationError:
    """A failed build with the INVALID index that it left, and how to remove it."""
    left = indexes.invalid_of_that_name(runner.guard, statement)
    if left is None:
        return failure
    hint = (
        f"{failure.problem.hint} It left the INVALID index {left.name}: the next run removes it and builds again; "
        f"to remove it by hand: {left.remove}"
    )
    return MigrationError(replace(failure.problem, hint=hint.strip()), connection_lost=failure.connection_lost)
