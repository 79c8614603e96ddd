# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One-off tasks: started once, followed to STOPPED, judged by the exit codes of their essential containers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs._codes import (
    EXTERNAL,
    FAILURE,
    TRANSIENT,
    Reason,
    reason_of,
)
from ansible_collections.slipway.aws.plugins.module_utils._ecs.evidence import log_tail
from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import THROTTLES, Eyes, Shape, number_of
from ansible_collections.slipway.aws.plugins.module_utils._ecs.reasons import classify, classify_task
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, is_code
from ansible_collections.slipway.aws.plugins.module_utils._wait import Clock

# Seconds that DescribeTasks may not know a task that RunTask has just made.
_UNKNOWN = 60.0
LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class TaskResult:
    """How a task ended.

    outcome:    succeeded | failed | timed_out
    exit_codes: by container, None where it never ran
    log_tail:   last log lines by container
    seconds:    from RunTask (or from where it was adopted) to STOPPED
    stopped:    STOPPED was seen
    """

    outcome: str
    task_arn: str
    task_definition: str
    exit_codes: dict[str, int | None]
    reason: Reason | None
    log_tail: dict[str, list[str]]
    seconds: float
    stopped: bool
    api_calls: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "task_arn": self.task_arn,
            "task_definition": self.task_definition,
            "exit_codes": self.exit_codes,
            "reason": self.reason.as_dict() if self.reason else None,
            "log_tail": self.log_tail,
            "seconds": self.seconds,
            "api_calls": self.api_calls,
        }


@dataclass
class TaskRun:
    """The calls for one task, counted; `clock` and `beat` as in the rollout's watch."""

    ecs: Any
    cluster: str
    logs: Any = None
    log_lines: int = 20
    poll_interval: float = 5.0
    clock: Clock = time
    beat: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self.eyes = Eyes(ecs=self.ecs, cluster=self.cluster, name="")

    def definition(self, name: str) -> Shape:
        """The task definition to run. Raises SlipwayError where it is not ACTIVE."""
        self.eyes.calls += 1
        found: Shape = self.ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
        if found.get("status", "ACTIVE") != "ACTIVE":
            raise SlipwayError(
                f"Task definition {name} cannot be run",
                f"it is {found.get('status')}",
                "Register it again and run that revision.",
            )
        return found

    def start(self, request: Mapping[str, Any]) -> str:
        """The ARN of the task that RunTask made. `request` bears a clientToken: a repeat makes no second task."""
        if not request.get("clientToken"):
            raise AssertionError("RunTask without a client token may run twice")
        self.eyes.calls += 1
        try:
            answer = self.ecs.run_task(cluster=self.cluster, count=1, **request)
        except Exception as error:
            # A ClientException is about the task, such as its role; any other error is about the call.
            said = str((getattr(error, "response", None) or {}).get("Error", {}).get("Message") or "")
            reason = classify(said) if is_code(error, "ClientException") else None
            if reason is None or reason.class_ != FAILURE:
                raise
            raise self._not_started(request, reason) from error
        tasks = answer.get("tasks") or []
        if tasks:
            return str(tasks[0]["taskArn"])
        refused = (answer.get("failures") or [{}])[0]
        text = " ".join(str(refused[key]) for key in ("reason", "detail") if refused.get(key)) or "no task, no reason"
        raise self._not_started(request, classify(text) or reason_of("no_capacity", text))

    def _not_started(self, request: Mapping[str, Any], reason: Reason) -> SlipwayError:
        return SlipwayError(
            f"ECS did not start a task of {request['taskDefinition']} in cluster {self.cluster}",
            f"{reason.code}: {reason.text}",
            reason.hint,
            reason=reason.as_dict(),
        )

    def follow(self, arn: str, timeout: float) -> tuple[Shape | None, bool]:
        """(the task as seen last, whether it was STOPPED) within `timeout` seconds."""
        start, pause, last = self.clock.monotonic(), self.poll_interval, None
        while True:
            if self.beat:
                self.beat()
            try:
                found, pause = self._describe(arn), self.poll_interval
            except Exception as error:
                if not is_code(error, *THROTTLES):
                    raise
                found, pause = last, min(pause * 2, LONGEST_PAUSE)
            waited = self.clock.monotonic() - start
            last = found or last
            if last is not None and last.get("lastStatus") == "STOPPED":
                return last, True
            if last is None and waited >= _UNKNOWN:
                raise SlipwayError(
                    f"Task {number_of(arn)} is not known to cluster {self.cluster}",
                    f"DescribeTasks has not found it for {round(waited)} s",
                    "Check the cluster's name. A stopped task is kept for about an hour.",
                    task_arn=arn,
                )
            if waited >= timeout:
                return last, False
            self.clock.sleep(max(0.01, min(pause, timeout - waited)))

    def _describe(self, arn: str) -> Shape | None:
        self.eyes.calls += 1
        tasks = self.ecs.describe_tasks(cluster=self.cluster, tasks=[arn]).get("tasks") or []
        return tasks[0] if tasks else None

    def stop(self, arn: str, why: str, timeout: float) -> tuple[Shape | None, bool]:
        """StopTask, then follow until STOPPED is confirmed."""
        self.eyes.calls += 1
        self.ecs.stop_task(cluster=self.cluster, task=arn, reason=why[:255])
        return self.follow(arn, timeout)

    def to_the_end(self, arn: str, definition: Shape, *, timeout: float, stop_timeout: float = 180.0) -> TaskResult:
        """Follow a task to its end; after `timeout` seconds stop it and confirm that."""
        began = self.clock.monotonic()
        task, stopped = self.follow(arn, timeout)
        late = not stopped
        if late:
            task, stopped = self.stop(arn, f"Not finished after {timeout:g} s (slipway)", stop_timeout)
        task = task or {"taskArn": arn}
        seconds = round(self.clock.monotonic() - began, 3)
        tail = log_tail(self.eyes, self.logs, definition, task, self.log_lines)
        reason: Reason | None
        if late:
            outcome, reason = "timed_out", _late(timeout, stopped)
        else:
            found = judge_task(task, definition)
            outcome, reason = ("failed", found) if found else ("succeeded", None)
        return TaskResult(
            outcome=outcome,
            task_arn=str(task.get("taskArn")),
            task_definition=str(definition.get("taskDefinitionArn") or task.get("taskDefinitionArn") or ""),
            exit_codes={str(box.get("name")): box.get("exitCode") for box in task.get("containers") or []},
            reason=reason,
            log_tail=tail,
            seconds=seconds,
            stopped=stopped,
            api_calls=self.eyes.calls,
        )


def _late(timeout: float, stopped: bool) -> Reason:
    end = "It was stopped, and STOPPED was confirmed." if stopped else "It was told to stop, but was not seen STOPPED."
    plain = reason_of("start_timeout", f"The task did not finish within {timeout:g} s. {end}")
    return Reason(plain.code, plain.class_, plain.text, "Give it more time, or find out in its log what it waits for.")


def essential(definition: Shape) -> set[str]:
    """Names of the containers whose end is the task's end."""
    return {str(box["name"]) for box in definition.get("containerDefinitions") or [] if box.get("essential", True)}


def judge_task(task: Shape, definition: Shape) -> Reason | None:
    """Why a stopped one-off task failed; None where every essential container ran and ended with 0."""
    found = classify_task(task)
    if found and found.class_ in (EXTERNAL, TRANSIENT):
        return found
    names = essential(definition)
    boxes = [box for box in task.get("containers") or [] if not names or str(box.get("name")) in names]
    codes = [box.get("exitCode") for box in boxes]
    if codes and all(code == 0 for code in codes):
        return None
    if not boxes or None in codes:
        return found or reason_of("container_start_failed", task.get("stoppedReason") or "A container never ran.")
    if found is None or found.code == "essential_container_exited":
        bad = next(box for box in boxes if box.get("exitCode") != 0)
        text = f"{task.get('stoppedReason') or ''} ({bad.get('name')}: exit code {bad.get('exitCode')})".strip()
        return reason_of("essential_container_exited", text)
    return found


def overrides_of(containers: Sequence[Mapping[str, Any]], **task: Any) -> dict[str, Any]:
    """The overrides of RunTask. containers: [{name, command, environment: {}, cpu, memory}]; task: cpu, memory."""
    boxes = []
    for given in containers:
        environment = [
            {"name": str(key), "value": str(value)} for key, value in sorted((given.get("environment") or {}).items())
        ]
        box = {
            "name": given["name"],
            "command": [str(word) for word in given["command"]] if given.get("command") is not None else None,
            "environment": environment or None,
            "cpu": given.get("cpu"),
            "memory": given.get("memory"),
        }
        boxes.append({key: value for key, value in box.items() if value is not None})
    whole = {**{key: value for key, value in task.items() if value is not None}}
    return {**whole, **({"containerOverrides": boxes} if boxes else {})}


def require(run: TaskRun, definition: Shape, request: Mapping[str, Any]) -> None:
    """Raise, before anything runs, where the request does not fit cluster or task definition."""
    name = str(definition.get("taskDefinitionArn") or request["taskDefinition"]).rpartition("/")[2]
    known = [str(box["name"]) for box in definition.get("containerDefinitions") or []]
    asked = [box["name"] for box in (request.get("overrides") or {}).get("containerOverrides") or []]
    strangers = [box for box in asked if box not in known]
    if strangers:
        raise SlipwayError(
            f"Task definition {name} has no container {', '.join(strangers)}",
            f"it has {', '.join(known)}",
            "Correct the name under containers.",
        )
    if definition.get("networkMode") == "awsvpc" and "networkConfiguration" not in request:
        raise SlipwayError(
            f"Task definition {name} has network mode awsvpc",
            "no subnets were given",
            "Give subnets and security groups.",
        )
    run.eyes.calls += 1
    clusters = run.ecs.describe_clusters(clusters=[run.cluster]).get("clusters") or []
    if not clusters or clusters[0].get("status", "ACTIVE") != "ACTIVE":
        found = clusters[0].get("status") if clusters else "not there"
        raise SlipwayError(f"No task can run in cluster {run.cluster}", f"it is {found}", "Check the cluster's name.")
