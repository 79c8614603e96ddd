# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states of migration_sql: validated, status, dry_run, applied, rolled_back.

Runners that meet take turns by an advisory lock of the session, asked for again and again outside any transaction.
Whoever waited takes the result of the one who ran: nothing left to do is success, and a failure that happened while
this runner was under way is its failure too.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._migration import indexes
from ansible_collections.slipway.aws.plugins.module_utils._migration.age import Run
from ansible_collections.slipway.aws.plugins.module_utils._migration.apply import (
    MigrationError,
    Runner,
    Timeouts,
    rollback,
    run_script,
    run_statements,
    settle,
)
from ansible_collections.slipway.aws.plugins.module_utils._migration.classify import (
    Classified,
    classify,
    destructive,
)
from ansible_collections.slipway.aws.plugins.module_utils._migration.connection import (
    Endpoint,
    connect,
    refuse_pooler,
)
from ansible_collections.slipway.aws.plugins.module_utils._migration.files import Directory, Problem, Script
from ansible_collections.slipway.aws.plugins.module_utils._migration.history import History, Snapshot
from ansible_collections.slipway.aws.plugins.module_utils._migration.libraries import psycopg
from ansible_collections.slipway.aws.plugins.module_utils._migration.parse import Parsed, parse_all, sets_transaction
from ansible_collections.slipway.aws.plugins.module_utils._migration.plan import (
    Plan,
    plan_apply,
    plan_rollback,
    target_number,
)
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, folded
from ansible_collections.slipway.aws.plugins.module_utils._wait import Clock

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_SEARCH = "SELECT pg_catalog.to_regclass(%s) IS NOT NULL"
_HOLDER = """
SELECT a.pid, a.application_name, coalesce(a.client_addr::text, 'local'), a.backend_start
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND ((l.classid::bigint << 32) | l.objid::bigint) = %s
"""
# Missing table, column, type or function, schema, conflict target, referenced key, value of an enumeration: what a
# file that was not tried may have been about to make.
_MAY_DEPEND = frozenset(("42P01", "42703", "42704", "42883", "3F000", "42P10", "42830", "55P04"))
_RESET_INSIDE = "CLOSE ALL; DEALLOCATE ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES"
_REPEAT = "Correct the cause and repeat the run, it goes on where it stopped."


@dataclass(frozen=True)
class Request:
    """What the module was asked for. Times are seconds.

    lease_check: raises SupersededError once the stack's lease is lost
    run:         how long this runner has been under way
    """

    path: str
    directory: Directory
    where: Endpoint
    history: History
    timeouts: Timeouts
    who: str
    wait_timeout: float = 600.0
    target: str | None = None
    allow_out_of_order: bool = False
    allow_destructive: bool = False
    allow_heavy_locks: bool = False
    fence: int | None = None
    lease_check: Callable[[], None] = lambda: None
    check_mode: bool = False
    run: Run = field(default_factory=Run)
    clock: Clock = field(default=time)
    jitter: Callable[[float, float], float] = random.uniform


# Results


def result(
    request: Request, snapshot: Snapshot, *, changed: bool, classified: Sequence[Classified] = (), **more: Any
) -> dict[str, Any]:
    """The module's result, and what a failure carries: applied and pending partition the versions."""
    recorded = {record.number for record in snapshot.records}
    return {
        "changed": changed,
        "applied": [record.version for record in snapshot.records],
        "pending": [item.version for item in request.directory.migrations if item.number not in recorded],
        "skipped": [],
        "classification": [item.as_dict() for item in classified],
        "history": [record.as_dict() for record in snapshot.records],
        "notices": list(request.directory.warnings),
        **more,
    }


def _diff(scripts: Sequence[Script], *, back: bool) -> dict[str, Any]:
    changes = [
        Change("delete", "migration", script.version, {"file": script.file}, None)
        if back
        else Change("create", "migration", script.version, None, {"file": script.file, "sha256": script.sha256})
        for script in scripts
    ]
    return folded(changes)


def refuse(request: Request, problems: Sequence[Problem], snapshot: Snapshot | None = None) -> None:
    """Raises SlipwayError with all problems, the first as `failed`. Nothing was run."""
    if not problems:
        return
    first = problems[0]
    raise SlipwayError(
        f"The migrations in {request.path} are refused, nothing was run",
        "; ".join(problem.text for problem in problems[:20]),
        first.hint,
        **result(request, snapshot or Snapshot(), changed=False),
        failed=first.as_failed(),
        problems=[problem.as_failed() for problem in problems],
    )


# validated


def validated(request: Request) -> dict[str, Any]:
    """Every file, up and down, without a database."""
    ups = parse_all(item.up for item in request.directory.migrations)
    downs = parse_all(item.down for item in request.directory.migrations if item.down)
    problems = [*request.directory.problems, *(problem for file in (*ups, *downs) for problem in file.problems)]
    refuse(request, problems)
    classified = [item for file in ups for item in classify(file)]
    return result(request, Snapshot(), changed=False, classified=classified)


def _parsed(request: Request, scripts: Sequence[Script], snapshot: Snapshot) -> list[Parsed]:
    parsed = parse_all(scripts)
    refuse(request, [problem for file in parsed for problem in file.problems], snapshot)
    return parsed


# With a database


@contextmanager
def _connected(request: Request, purpose: str) -> Iterator[Any]:
    connection = connect(request.where, f"slipway migration {purpose} by {request.who}")
    try:
        yield connection
    except psycopg.Error as error:
        raise SlipwayError(
            f"Lost or refused by {request.where.name}",
            request.where.clean(" ".join(str(error).split())),
            "Repeat the run, it goes on from what is recorded.",
        ) from None
    finally:
        connection.close()


def status(request: Request) -> dict[str, Any]:
    """What is recorded and what is pending. Problems are reported, not raised."""
    with _connected(request, "status") as guard:
        snapshot = request.history.look(guard)
        number = target_number(request.target, request.directory.migrations, snapshot.records)
        plan = _plan_apply(request, snapshot, number)
        left = [item.as_dict() for item in indexes.invalid(guard)]
    problems = [*request.directory.problems, *plan.problems]
    return result(
        request,
        snapshot,
        changed=False,
        problems=[problem.as_failed() for problem in problems],
        unfinished=[
            {"version": item.version, "file": item.file, "statements_done": item.done} for item in snapshot.unfinished
        ],
        invalid_indexes=left,
        last_failure=(snapshot.failure or {}).get("failed"),
        fence=snapshot.fence,
    )


def _plan_apply(request: Request, snapshot: Snapshot, number: int | None) -> Plan:
    return plan_apply(
        request.directory.migrations,
        snapshot.records,
        snapshot.unfinished,
        target=number,
        allow_out_of_order=request.allow_out_of_order,
    )


def _plan_rollback(request: Request, snapshot: Snapshot, number: int | None) -> Plan:
    return plan_rollback(request.directory.migrations, snapshot.records, snapshot.unfinished, target=number)


Planner = Callable[[Request, Snapshot, "int | None"], Plan]


def _planned(request: Request, snapshot: Snapshot, planner: Planner) -> Plan:
    """The plan for what is recorded now. Raises SlipwayError for anything refused."""
    refuse_fence(request, snapshot.fence)
    number = target_number(request.target, request.directory.migrations, snapshot.records)
    plan = planner(request, snapshot, number)
    refuse(request, plan.problems, snapshot)
    return plan


def refuse_fence(request: Request, recorded: int | None) -> None:
    if request.fence is None or recorded is None or request.fence >= recorded:
        return
    raise SlipwayError(
        f"This run is superseded: its fence is {request.fence}, {request.where.name} has seen {recorded}",
        "another run took the lease over",
        "See who holds the lease (runbook status) before anything is repeated.",
        superseded=True,
        fence=recorded,
    )


# Taking turns


def _acquire(
    request: Request, connection: Any, key: int, *, deadline: float, purpose: str, adopt: Callable[[], Any]
) -> Any:
    """Polls the lock until it is ours (None) or adopt() has the result of whoever holds it. Raises at the deadline."""
    pause = _FIRST_PAUSE
    while True:
        if connection.execute("SELECT pg_catalog.pg_try_advisory_lock(%s)", [key]).fetchone()[0]:
            return None
        found = adopt()
        if found is not None:
            return found
        left = deadline - request.clock.monotonic()
        if left <= 0:
            raise _still_held(request, connection, key, purpose)
        request.clock.sleep(min(left, request.jitter(pause / 2, pause)))
        pause = min(pause * 2, _LONGEST_PAUSE)


def _still_held(request: Request, connection: Any, key: int, purpose: str) -> SlipwayError:
    row = connection.execute(_HOLDER, [key]).fetchone()
    holder = (
        f"process {row[0]} ({row[1]}, from {row[2]}) since {row[3]:%Y-%m-%d %H:%M:%S%z}" if row else "nobody by now"
    )
    return SlipwayError(
        f"Waited {request.wait_timeout:g} s for {purpose} on {request.where.name}",
        f"held by {holder}",
        "Wait for that run and repeat, or raise wait_timeout.",
        holder=holder,
    )


def _adopted_failure(request: Request, snapshot: Snapshot, plan: Plan, began: float) -> None:
    """Raises the failure of another runner, where it happened while this one was under way, on the same file.

    began: the database's time at which this runner connected
    """
    failure = snapshot.failure
    if failure is None:
        return
    if failure["at"] < began - _age(request.run, failure):
        return
    if not any((script.number, script.sha256) == (failure["number"], failure["sha256"]) for script in plan.scripts):
        return
    raise SlipwayError(
        f"{failure['failed']['file']} failed in the run of {failure['by']}, which this one waited for",
        failure["text"],
        _REPEAT,
        **{**result(request, snapshot, changed=False), "failed": failure["failed"], "adopted": True},
    )


def _age(run: Run, failure: Mapping[str, Any]) -> float:
    """How far back a failure may lie. What the same process or the same command repeats is meant to be tried again."""
    if failure["process"] == run.process:
        return 0.0
    return run.age if failure["run"] == run.name else run.run_age


@contextmanager
def _turn(request: Request, guard: Any, snapshot: Snapshot, planner: Planner) -> Iterator[tuple[Any, Snapshot, Plan]]:
    """Our turn: (working connection, what is recorded now, what is left to do).

    The working connection is None where another runner did it all meanwhile.
    """
    deadline = request.clock.monotonic() + request.wait_timeout
    runner_key, work_key = request.history.keys

    def adopt() -> tuple[Snapshot, Plan] | None:
        now = request.history.look(guard)
        plan = _planned(request, now, planner)
        _adopted_failure(request, now, plan, snapshot.now)
        return None if plan.scripts else (now, plan)

    found = _acquire(request, guard, runner_key, deadline=deadline, purpose="another migration", adopt=adopt)
    if found is None:
        found = adopt()  # again, now that nobody can change it
    if found is not None:
        yield None, *found
        return
    with _connected(request, "work") as work:
        refuse_pooler(work, request.where)
        # A runner that was killed is gone from the first lock at once, while its last statement may still run.
        killed = "the last statement of a run that was killed"
        _acquire(request, work, work_key, deadline=deadline, purpose=killed, adopt=lambda: None)
        now = request.history.look(guard)
        yield work, now, _planned(request, now, planner)


# applied and rolled_back


def applied(request: Request) -> dict[str, Any]:
    return _run(request, _plan_apply, back=False)


def rolled_back(request: Request) -> dict[str, Any]:
    return _run(request, _plan_rollback, back=True)


def _run(request: Request, planner: Planner, *, back: bool) -> dict[str, Any]:
    with _connected(request, "lock") as guard:
        refuse_pooler(guard, request.where)
        guard.execute(request.timeouts.sql(guard.info.server_version))
        snapshot = request.history.look(guard)
        refuse(request, request.directory.problems, snapshot)
        plan = _planned(request, snapshot, planner)
        parsed = {file.script.file: file for file in _parsed(request, plan.scripts, snapshot)}
        classified = [item for file in parsed.values() for item in classify(file)]
        if back:
            _refuse_destructive(request, classified, snapshot)
        told: dict[str, Any] = {
            "classified": classified,
            "diff": _diff(plan.scripts, back=back),
            "skipped": _later(plan),
        }
        if request.check_mode or not plan.scripts:
            told |= {"outcome": "would_run" if plan.scripts else "already_done", "ran": [], **_by(snapshot)}
            return result(request, snapshot, changed=bool(plan.scripts), **told)
        with _turn(request, guard, snapshot, planner) as (work, now, left):
            if work is None:
                return result(request, now, changed=False, **{**told, "outcome": "adopted", "ran": [], **_by(now)})
            _prepare(request, guard, now)
            ran = _run_all(request, guard, work, now, [parsed[script.file] for script in left.scripts])
        after = request.history.look(guard)
        told |= {"diff": _diff(left.scripts, back=back), "outcome": "ran", "ran": ran, **_by(after)}
        return result(request, after, changed=True, **told, invalid_indexes=_invalid(guard))


def _later(plan: Plan) -> list[dict[str, str]]:
    return [
        {"version": script.version, "file": script.file, "reason": "It comes after the target."}
        for script in plan.later
    ]


def _invalid(guard: Any) -> list[dict[str, str]]:
    return [item.as_dict() for item in indexes.invalid(guard)]


def _by(snapshot: Snapshot) -> dict[str, str]:
    """Whose work the present state is, in words."""
    if not snapshot.records:
        return {"msg": "Nothing is applied."}
    newest = max(snapshot.records, key=lambda record: record.number)
    return {"msg": f"At {newest.version}, applied by {newest.applied_by} at {newest.applied_at}."}


def _refuse_destructive(request: Request, classified: Sequence[Classified], snapshot: Snapshot) -> None:
    if request.allow_destructive:
        return
    refuse(
        request,
        [
            Problem(
                f"would destroy data: {item.effect.reason}",
                item.parsed.script.file,
                item.parsed.script.version,
                item.statement.line,
                None,
                item.statement.shown,
                "Set allow_destructive to let it.",
            )
            for item in destructive(classified)
        ],
        snapshot,
    )


def _prepare(request: Request, guard: Any, snapshot: Snapshot) -> None:
    """Our turn has come: the tables are there, the fence is recorded, the last failure is history."""
    if not request.history.exists(guard):
        _create(request, guard)
    if request.fence is not None and request.fence != snapshot.fence:
        request.history.raise_fence(guard, request.fence, request.who)
    if snapshot.failure is not None:
        request.history.forget(guard, ["failure"])


def _create(request: Request, guard: Any) -> None:
    try:
        request.history.create(guard)
    except psycopg.Error as error:
        table = f"{request.history.schema}.{request.history.name}"
        raise SlipwayError(
            f"Cannot create the history table {table} in {request.where.name}",
            request.where.clean(" ".join(str(error).split())),
            "Give login_user the right to create tables there, or set history_table to a schema where it may.",
        ) from None


def _run_all(
    request: Request, guard: Any, work: Any, snapshot: Snapshot, files: Sequence[Parsed]
) -> list[dict[str, Any]]:
    """Runs the files in order. Raises SlipwayError at the first that fails; those before it stay."""

    def check() -> None:
        request.lease_check()
        refuse_fence(request, request.history.recorded_fence(guard))

    runner = Runner(guard, work, request.history, request.timeouts, request.who, request.fence, check)
    begun = {(item.number, item.down): item for item in snapshot.unfinished}
    ran: list[dict[str, Any]] = []
    for parsed in files:
        script = parsed.script
        try:
            milliseconds = run_script(runner, parsed, begun.get((script.number, script.down)))
        except MigrationError as failure:
            problem = replace(failure.problem, file=script.file, version=script.version)
            if failure.connection_lost:
                raise _lost(request, guard, problem, ran) from failure
            raise _failed(request, guard, script, problem, ran) from failure
        ran.append({"version": script.version, "file": script.file, "milliseconds": milliseconds})
    return ran


def _failed(
    request: Request, guard: Any, script: Script, problem: Problem, ran: Sequence[dict[str, Any]]
) -> SlipwayError:
    """The failure of a file, recorded for those who wait, and told with what stays."""
    kept = "the files before it stay recorded" if ran else "nothing else was run"
    undone = "its changes are rolled back" if script.transactional else "its statements before that stay"
    now = request.history.look(guard)
    request.history.put(
        guard,
        "failure",
        {
            "number": script.number,
            "sha256": script.sha256,
            "failed": problem.as_failed(),
            "text": problem.text,
            "by": request.who,
            "run": request.run.name,
            "process": request.run.process,
            "at": now.now,
        },
    )
    place = f"line {problem.line}: " if problem.line else ""
    return SlipwayError(
        f"{script.file} failed; {undone}, {kept}",
        f"{place}{problem.message} (SQLSTATE {problem.sqlstate}): {problem.statement}",
        problem.hint or _REPEAT,
        **{
            **result(request, now, changed=bool(ran)),
            "invalid_indexes": _invalid(guard),
            "failed": problem.as_failed(),
            "ran": list(ran),
        },
    )


def _lost(request: Request, guard: Any, problem: Problem, ran: Sequence[dict[str, Any]]) -> SlipwayError:
    """The connection broke: how the file ended is for the next run to see, and for nobody to adopt."""
    told: dict[str, Any] = {"changed": bool(ran), "applied": [item["version"] for item in ran]}
    with suppress(psycopg.Error):  # the server may be gone, and with it who could have told more
        told = result(request, request.history.look(guard), changed=bool(ran))
    return SlipwayError(
        f"Lost the connection to {request.where.name} in {problem.file}",
        request.where.clean(f"{problem.message} (SQLSTATE {problem.sqlstate})"),
        "Repeat the run: what was committed is recorded, it goes on from there.",
        **{**told, "failed": problem.as_failed(), "ran": list(ran)},
    )


# dry_run


def dry_run(request: Request) -> dict[str, Any]:
    """What is pending, in one transaction that is rolled back."""
    with _connected(request, "lock") as guard:
        refuse_pooler(guard, request.where)
        guard.execute(request.timeouts.sql(guard.info.server_version))
        snapshot = request.history.look(guard)
        refuse(request, request.directory.problems, snapshot)
        plan = _planned(request, snapshot, _plan_apply)
        files = {file.script.file: file for file in _parsed(request, plan.scripts, snapshot)}
        told: dict[str, Any] = {
            "classified": [item for file in files.values() for item in classify(file)],
            "diff": _diff(plan.scripts, back=False),
        }
        if request.check_mode or not plan.scripts:
            return result(request, snapshot, changed=bool(plan.scripts), **told, skipped=_later(plan), tried=[])
        with _turn(request, guard, snapshot, _plan_apply) as (work, now, left):
            if work is None:
                return result(request, now, changed=False, **told, tried=[])
            tried, skipped = _try_all(request, guard, work, now, [files[script.file] for script in left.scripts])
        return result(request, now, changed=bool(left.scripts), **told, skipped=[*skipped, *_later(plan)], tried=tried)


def _try_all(
    request: Request, guard: Any, work: Any, snapshot: Snapshot, files: Sequence[Parsed]
) -> tuple[list[str], list[dict[str, str]]]:
    tried: list[str] = []
    skipped: list[dict[str, str]] = []
    settings = request.timeouts.sql(work.info.server_version)
    work.execute(settings)
    work.execute("BEGIN")
    try:
        for parsed in files:
            reason = _not_to_be_tried(request, guard, parsed) or _try(work, parsed, blind=bool(skipped))
            if reason:
                skipped.append({"version": parsed.script.version, "file": parsed.script.file, "reason": reason})
            else:
                tried.append(parsed.script.version)
            work.execute(f"{_RESET_INSIDE}; {settings}")
            deferred = _deferred_constraints(work)
            if deferred:
                work.execute(f"SET CONSTRAINTS {deferred} DEFERRED")
    except MigrationError as failure:
        problem = failure.problem
        raise SlipwayError(
            f"{problem.file} would fail; nothing was changed",
            request.where.clean(f"{problem.text}: {problem.statement}"),
            problem.hint or _REPEAT,
            **{
                **result(request, snapshot, changed=False),
                "failed": problem.as_failed(),
                "skipped": skipped,
                "tried": tried,
            },
        ) from failure
    finally:
        rollback(work)
    return tried, skipped


def _not_to_be_tried(request: Request, guard: Any, parsed: Parsed) -> str:
    """Why a file is left out of a dry run: "" where it is not."""
    if not parsed.script.transactional:
        return "It runs without a transaction, which cannot be taken back."
    if any(sets_transaction(statement) for statement in parsed.statements):
        return "It sets the mode of its transaction, and a dry run has one for all files."
    if request.allow_heavy_locks:
        return ""
    for item in classify(parsed):
        effect = item.effect
        if not effect.locks_heavily:
            continue
        if effect.table and not guard.execute(_SEARCH, [_quoted(effect.table)]).fetchone()[0]:
            continue  # a table that another pending file makes: nobody waits for it
        return f"Line {item.statement.line} locks heavily: {effect.reason} Set allow_heavy_locks to try it."
    return ""


def _quoted(table: str) -> str:
    return str(psycopg.sql.Identifier(*table.split(".", 1)).as_string(None))


def _try(work: Any, parsed: Parsed, *, blind: bool) -> str:
    """Runs a file up to a savepoint. Returns why it could not be judged, after files that were not tried."""
    work.execute("SAVEPOINT slipway_file")
    try:
        run_statements(work, parsed)
        settle(work, parsed)
    except MigrationError as failure:
        code = failure.problem.sqlstate
        if code == "55P04" or (blind and code in _MAY_DEPEND):
            work.execute("ROLLBACK TO SAVEPOINT slipway_file")
            return f"It may need what was not committed or not tried before it: {failure.problem.message}."
        raise
    return ""


def _deferred_constraints(work: Any) -> str:
    """Constraints that begin deferred, as SET CONSTRAINTS takes them; settling a file makes them immediate."""
    rows = work.execute(
        "SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, c.conname)"
        " FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace"
        " WHERE c.condeferred"
    ).fetchall()
    return ", ".join(row[0] for row in rows)


STATES: dict[str, Callable[[Request], dict[str, Any]]] = {
    "validated": validated,
    "status": status,
    "dry_run": dry_run,
    "applied": applied,
    "rolled_back": rolled_back,
}
