# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a verdict rests on, for people: stopped tasks with their last log lines, targets, events, alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs.intake import State
from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import Eyes, Look, Shape, number_of

TASKS, EVENTS = 5, 20
# Outcomes that say nothing about our tasks: reading logs and targets for them would be noise.
_QUIET = ("succeeded", "superseded")


def log_options(definition: Shape, container: str) -> tuple[str, str] | None:
    """(log group, stream prefix) of a container that logs with awslogs, None for any other."""
    for box in definition.get("containerDefinitions") or []:
        if box.get("name") == container:
            driver = box.get("logConfiguration") or {}
            options = driver.get("options") or {}
            if driver.get("logDriver") == "awslogs" and options.get("awslogs-stream-prefix"):
                return options["awslogs-group"], options["awslogs-stream-prefix"]
    return None


def log_tail(eyes: Eyes, logs: Any, definition: Shape, task: Shape, lines: int) -> dict[str, list[str]]:
    """The last log lines of each container of a task, by its name; no entry where there is nothing to read."""
    if logs is None or lines < 1:
        return {}
    tails = {}
    for box in task.get("containers") or []:
        name = str(box.get("name"))
        place = log_options(definition, name)
        if place is None:
            continue
        stream = f"{place[1]}/{name}/{number_of(task.get('taskArn'))}"
        found = _tail(eyes, logs, place[0], stream, lines)
        if found:
            tails[name] = found
    return tails


def _tail(eyes: Eyes, logs: Any, group: str, stream: str, lines: int) -> list[str]:
    def read() -> list[str]:
        eyes.calls += 1
        answer = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=lines, startFromHead=False)
        return [str(event.get("message", "")).rstrip("\n") for event in answer.get("events") or []]

    found = eyes.optional("logs", read) or []
    if eyes.unseen.get("logs", "").startswith("ResourceNotFound"):
        del eyes.unseen["logs"]  # a stream that is not there says nothing about the next
    return found[-lines:]


def task_evidence(task: Shape, tails: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "task": number_of(task.get("taskArn")),
        "stop_code": task.get("stopCode"),
        "reason": task.get("stoppedReason"),
        "stopped_at": str(task.get("stoppedAt") or task.get("stoppingAt") or ""),
        "containers": [
            {
                "name": box.get("name"),
                "exit_code": box.get("exitCode"),
                "reason": box.get("reason"),
                "log": tails.get(str(box.get("name")), []),
            }
            for box in task.get("containers") or []
        ],
    }


def target_evidence(targets: Sequence[Shape]) -> list[dict[str, Any]]:
    return [
        {
            "target_group": number_of(str(entry.get("TargetGroupArn", "")).rpartition("/")[0]),
            "target": (entry.get("Target") or {}).get("Id"),
            "port": (entry.get("Target") or {}).get("Port"),
            "state": (entry.get("TargetHealth") or {}).get("State"),
            "reason": (entry.get("TargetHealth") or {}).get("Reason"),
            "description": (entry.get("TargetHealth") or {}).get("Description"),
        }
        for entry in targets
    ]


def evidence_of(eyes: Eyes, state: State, look: Look | None, outcome: str, *, logs: Any, lines: int) -> dict[str, Any]:
    """All evidence of a verdict. Costs calls only where the verdict needs explaining."""
    loud = outcome not in _QUIET
    service = (look.service if look else None) or {}
    failures = state.failures[-TASKS:]
    definition = eyes.definition(state.definition) if loud and logs is not None and failures else {}
    targets = (look.targets if look else None) or (eyes.targets(service) if loud and service else None) or ()
    alarms = (service.get("deploymentConfiguration") or {}).get("alarms") or {}
    return {
        "stopped_tasks": [
            task_evidence(failure.shape, log_tail(eyes, logs, definition, failure.shape, lines) if loud else {})
            for failure in failures
        ],
        "targets": target_evidence(targets),
        "events": [
            {"at": event.at, "message": event.message, "code": event.reason.code if event.reason else None}
            for event in state.events[-EVENTS:]
        ],
        "alarms": [
            {"name": alarm.get("AlarmName"), "reason": alarm.get("StateReason")}
            for alarm in (eyes.alarms(list(alarms.get("alarmNames") or [])) if loud and alarms.get("enable") else [])
        ],
        "unseen": dict(eyes.unseen),
    }
