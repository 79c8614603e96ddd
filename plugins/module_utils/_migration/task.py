# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release's migration as a one-off ECS task: run once, by whoever holds the stack's lease, and adopted by the rest.

What was run is recorded in DynamoDB beside the lease and apart from it: later runs adopt the record. Token and
`startedBy` of the task derive from release and attempt, so that a task whose ARN nobody wrote down is found again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_run import TaskResult, TaskRun, essential, require
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._lease import (
    HASH_KEY,
    RANGE_KEY,
    Holder,
    Lease,
    Look,
    Waiter,
    acquire,
    read,
)
from ansible_collections.slipway.aws.plugins.module_utils._wait import Clock

_LOG_CHARACTERS = 8000  # of a log that the record keeps for those who adopt a failure
STARTING, RUNNING, SUCCEEDED, FAILED = "starting", "running", "succeeded", "failed"


@dataclass(frozen=True)
class Record:
    """One release's migration. attempt counts from 1; log is {container: [last lines]}.

    phase: starting (RunTask may have been sent) | running | succeeded | failed
    """

    release: str
    command: tuple[str, ...]
    attempt: int = 1
    phase: str = STARTING
    fence: int = 0
    task_arn: str = ""
    exit_code: int | None = None
    reason: str = ""
    by: str = ""
    at: str = ""
    log: str = "{}"

    @property
    def key(self) -> str:
        """Of release and command: the same two never run twice."""
        return record_key(self.release, self.command)

    @property
    def token(self) -> str:
        """ECS takes 64 characters; a repeated RunTask with it makes no second task."""
        return f"{self.key}-{self.attempt}"

    @property
    def started_by(self) -> str:
        return f"slipway-{self.key[:16]}-{self.attempt}"

    @property
    def finished(self) -> bool:
        return self.phase in (SUCCEEDED, FAILED)

    def as_dict(self) -> dict[str, Any]:
        return {
            "release": self.release,
            "command": list(self.command),
            "attempt": self.attempt,
            "phase": self.phase,
            "fence": self.fence,
            "task_arn": self.task_arn,
            "exit_code": self.exit_code,
            "reason": self.reason,
            "by": self.by,
            "at": self.at,
        }


def record_key(release: str, command: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([release, list(command)]).encode()).hexdigest()[:32]


# DynamoDB


def read_record(client: Any, table: str, stack: str, *, release: str, command: Sequence[str]) -> Record | None:
    key = _key(stack, record_key(release, command))
    item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    if not item:
        return None

    def text(name: str) -> str:
        return str(item.get(name, {}).get("S", ""))

    code = item.get("exit_code", {}).get("N")
    return Record(
        release,
        tuple(command),
        int(item["attempt"]["N"]),
        text("phase"),
        int(item["fence"]["N"]),
        text("task_arn"),
        None if code is None else int(code),
        text("reason"),
        text("by"),
        text("at"),
        text("log") or "{}",
    )


def _key(stack: str, key: str) -> dict[str, Any]:
    return {HASH_KEY: {"S": stack}, RANGE_KEY: {"S": f"migration {key}"}}


def _put(table: str, stack: str, record: Record) -> dict[str, Any]:
    numbers = {"attempt": record.attempt, "fence": record.fence, "exit_code": record.exit_code}
    texts = {name: str(getattr(record, name)) for name in ("release", "phase", "task_arn", "reason", "by", "at", "log")}
    return {
        "Put": {
            "TableName": table,
            "Item": {
                **_key(stack, record.key),
                **{name: {"S": value} for name, value in texts.items()},
                **{name: {"N": str(value)} for name, value in numbers.items() if value is not None},
                "command": {"S": json.dumps(list(record.command))},
            },
        }
    }


# The work


@dataclass
class Migration:
    """One runner. All times are seconds.

    request: the parameters of RunTask from task definition ARN, token and startedBy
    lease:   one that the play holds already; it is renewed, and stays with the play
    """

    dynamodb: Any
    tasks: TaskRun
    table: str
    stack: str
    release: str
    command: tuple[str, ...]
    task_definition: str
    container: str
    holder: Holder
    request: Callable[[str, str, str], dict[str, Any]]
    lease_seconds: float = 120.0
    wait_timeout: float = 900.0
    task_timeout: float = 1800.0
    retry: bool = False
    lease: Lease | None = None
    check_mode: bool = False
    clock: Clock = time

    def __post_init__(self) -> None:
        self._began = self.clock.monotonic()
        self._attempt = 0  # the attempt that had failed before this runner began

    def record(self) -> Record | None:
        return read_record(self.dynamodb, self.table, self.stack, release=self.release, command=self.command)

    def migrated(self) -> dict[str, Any]:
        """Runs the migration or adopts its result. Raises SlipwayError where it failed, here or elsewhere."""
        found = self.record()
        if found is not None and found.phase == FAILED and self.retry:
            self._attempt = found.attempt
        if self._settled(found):
            return self.told(found, "already_done")
        if self.check_mode:
            return self.told(found, "would_run", changed=True)
        lease = self.lease or acquire(
            self._waiter(),
            wait_timeout=self.wait_timeout,
            adopt=lambda: self._settled(self.record()),
            clock=self.clock,
        )
        if lease is None:
            return self.told(self.record(), "adopted")
        return self._hold(lease)

    def _waiter(self, *, takeover: bool = False) -> Waiter:
        return Waiter(
            self.dynamodb,
            table=self.table,
            stack=self.stack,
            holder=self.holder,
            duration=self.lease_seconds,
            takeover=takeover,
            may_expire=self.task_still_runs,
            clock=self.clock,
        )

    def _settled(self, record: Record | None) -> bool:
        """Whether there is a result to adopt: success, or a failure that this runner was not asked to repeat."""
        return record is not None and (
            record.phase == SUCCEEDED or (record.phase == FAILED and record.attempt > self._attempt)
        )

    def task_still_runs(self, look: Look) -> str:
        """Why an expired lease is left alone: its holder's task works on. "" where none does."""
        record = self.record()
        arns = [look.holder.task] if look.holder.task else []
        if record is not None and not record.finished:
            arns += self._tasks_of(record)
        running = [task for task in self._describe(arns) if task.get("lastStatus") != "STOPPED"]
        return f"its task {running[0]['taskArn']} still runs" if running else ""

    def _hold(self, lease: Lease) -> dict[str, Any]:
        """With the lease: what there is, is taken up; only where there is nothing, a task is started."""
        lease.renew(phase="migrating")
        self.tasks.beat = lease.keep
        record = self.record()
        if record is not None and self._settled(record):
            self._give_back(lease)
            return self.told(record, "adopted")
        arns = self._tasks_of(record) if record is not None and not record.finished else []
        if record is None or record.finished or (self.retry and record.phase == RUNNING and not arns):
            record = self._fresh(lease, record)
        record = replace(record, fence=lease.fence)
        try:
            definition = self.tasks.definition(self.task_definition)
            arn = arns[0] if arns else self._start(lease, record, definition)
        except SlipwayError:
            self._give_back(lease)  # nothing was started
            raise
        record = replace(record, phase=RUNNING, task_arn=arn)
        lease.write(_put(self.table, self.stack, record))
        lease.renew(task=arn)
        return self._follow(lease, record, definition, ran=not arns)

    def _fresh(self, lease: Lease, before: Record | None) -> Record:
        return Record(
            self.release,
            self.command,
            before.attempt + 1 if before else 1,
            fence=lease.fence,
            by=self.holder.text,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _start(self, lease: Lease, record: Record, definition: Mapping[str, Any]) -> str:
        if record.phase == RUNNING:
            raise SlipwayError(
                f"The migration task {record.task_arn} of {self.release} is no longer known to ECS",
                "its record says that it runs, and stopped tasks are forgotten after about an hour",
                "See in its log how it ended, then repeat the run with retry.",
                task_arn=record.task_arn,
            )
        request = self.request(str(definition["taskDefinitionArn"]), record.token, record.started_by)
        require(self.tasks, dict(definition), request)
        lease.write(_put(self.table, self.stack, record))
        return self.tasks.start(request)

    def _follow(self, lease: Lease, record: Record, definition: Any, *, ran: bool) -> dict[str, Any]:
        result = self.tasks.to_the_end(record.task_arn, definition, timeout=self.task_timeout)
        if not result.stopped:
            raise SlipwayError(
                f"The migration task {record.task_arn} was told to stop and was not seen STOPPED",
                result.reason.text if result.reason else "",
                "The lease is kept until it runs out. Stop the task, then repeat the run.",
                task_arn=record.task_arn,
            )
        record = self._ended(record, result, definition)
        lease.write(_put(self.table, self.stack, record))
        self._give_back(lease)
        return self.told(record, "ran" if ran else "adopted", changed=ran)

    def _ended(self, record: Record, result: TaskResult, definition: Any) -> Record:
        names = [self.container, *sorted(essential(definition))]
        codes = [result.exit_codes.get(name) for name in names if name in result.exit_codes]
        return replace(
            record,
            phase=SUCCEEDED if result.outcome == "succeeded" else FAILED,
            exit_code=codes[0] if codes else None,
            reason=f"{result.reason.code}: {result.reason.text} {result.reason.hint}" if result.reason else "",
            log=_log(result.log_tail),
        )

    def _give_back(self, lease: Lease) -> None:
        """A lease that the play holds stays with the play."""
        if self.lease is None:
            lease.release()
        else:
            lease.renew(phase="", task="")

    # Tasks

    def _tasks_of(self, record: Record) -> list[str]:
        """ARNs of the attempt's tasks, also of one that was started and never written down."""
        if record.task_arn and self._describe([record.task_arn]):
            return [record.task_arn]
        arns: list[str] = []
        for status in ("RUNNING", "STOPPED"):
            answer = self.tasks.ecs.list_tasks(
                cluster=self.tasks.cluster, startedBy=record.started_by, desiredStatus=status
            )
            arns += answer.get("taskArns", [])
        return arns

    def _describe(self, arns: Sequence[str]) -> list[dict[str, Any]]:
        if not arns:
            return []
        found: list[dict[str, Any]] = self.tasks.ecs.describe_tasks(cluster=self.tasks.cluster, tasks=list(arns))[
            "tasks"
        ]
        return found

    # Results

    def told(self, record: Record | None, outcome: str, *, changed: bool = False) -> dict[str, Any]:
        """The module's result; raises SlipwayError where the migration failed."""
        result: dict[str, Any] = {
            "changed": changed,
            "outcome": outcome,
            "fence": record.fence if record else None,
            "holder": record.by if record else "",
            "task_arn": record.task_arn if record else "",
            "exit_code": record.exit_code if record else None,
            "log_tail": json.loads(record.log) if record else {},
            "record": record.as_dict() if record else None,
            "waited_s": round(self.clock.monotonic() - self._began, 3),
        }
        if record is None or record.phase != FAILED or outcome == "would_run":
            return result
        lines = [f"{name}: {line}" for name, tail in result["log_tail"].items() for line in tail][-5:]
        log = f" Last lines of its log: {' | '.join(lines)}" if lines else ""
        raise SlipwayError(
            f"The migration of {self.release} failed in attempt {record.attempt}, run by {record.by}",
            f"{record.reason}{log}",
            "Correct the cause and release again, or repeat this one with retry.",
            **result,
        )

    # Other states

    def status(self) -> dict[str, Any]:
        look, record = read(self.dynamodb, self.table, self.stack), self.record()
        return {
            "changed": False,
            "outcome": record.phase if record else "never_run",
            "record": record.as_dict() if record else None,
            "fence": look.fence,
            "holder": look.text if look.owner else "",
            "task_arn": record.task_arn if record else "",
            "exit_code": record.exit_code if record else None,
            "log_tail": json.loads(record.log) if record else {},
            "waited_s": 0.0,
        }

    def unlocked(self, why: str) -> dict[str, Any]:
        """Takes the lease from whoever holds it and gives it back. Refused while the holder's task runs."""
        look = read(self.dynamodb, self.table, self.stack)
        runs = self.task_still_runs(look)
        if runs:
            raise SlipwayError(
                f"The lease of {self.stack} is not given up",
                f"it is held by {look.text}; {runs}",
                "Stop the task first.",
            )
        if look.owner and not self.check_mode:
            lease = self._waiter(takeover=True).step()
            if lease is None:
                raise SlipwayError(
                    f"The lease of {self.stack} changed while it was taken", "its holder is alive", "Look again first."
                )
            lease.write(_unlock_note(self.table, self.stack, look, self.holder, why))
            lease.release()
        return {
            **self.status(),
            "changed": bool(look.owner),
            "outcome": "unlocked",
            "holder": look.text if look.owner else "",
        }


def _unlock_note(table: str, stack: str, look: Look, holder: Holder, why: str) -> dict[str, Any]:
    """Who ended whose lease, and why, for whoever wonders later."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    values = {HASH_KEY: stack, RANGE_KEY: f"unlock {at}", "by": holder.text, "from": look.text, "reason": why, "at": at}
    return {"Put": {"TableName": table, "Item": {name: {"S": value} for name, value in values.items()}}}


def _log(tail: Mapping[str, Sequence[str]]) -> str:
    """The last lines as JSON, the oldest left out where there is too much."""
    kept = {name: list(lines) for name, lines in tail.items()}
    while len(json.dumps(kept)) > _LOG_CHARACTERS and any(kept.values()):
        longest = max(kept, key=lambda name: len(kept[name]))
        kept[longest] = kept[longest][1:]
    return json.dumps(kept)
