# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts in words: a failure message that alone tells an operator what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs.rollout import Verdict
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_run import TaskResult

LOG_LINES = 10
_TITLES = {
    "rolled_back": "was rolled back by ECS to the revision before",
    "failed": "failed",
    "superseded": "was superseded by another deployment",
    "paused": "is paused and waits for somebody",
    "stalled": "does not get on",
    "timed_out": "has no end in the time that it was given",
}


def what_of(verdict: Verdict, cluster: str) -> str:
    """What was attempted and how it ended: `The deployment of web in cluster prod failed after 34 s`."""
    title = _TITLES.get(verdict.outcome, verdict.outcome)
    after = f"({verdict.outcome}, {round(verdict.waited_s)} s)"
    return f"The deployment of {verdict.service} in cluster {cluster} {title} {after}"


def why_of(verdict: Verdict) -> str:
    """Reason code and text as AWS gave it."""
    if verdict.reason is None:
        return "no reason is known"
    return f"{verdict.reason.code}: {verdict.reason.text}" if verdict.reason.text else verdict.reason.code


def hint_of(verdict: Verdict) -> str:
    """What to do, where the evidence has gaps, and the last log lines."""
    parts = [verdict.reason.hint if verdict.reason else ""]
    unseen = verdict.evidence.get("unseen") or {}
    if unseen:
        parts.append("Could not be looked at: " + ", ".join(f"{what} ({why})" for what, why in unseen.items()) + ".")
    sick = [entry for entry in verdict.evidence.get("targets") or [] if entry.get("state") in ("unhealthy", "unused")]
    if sick:
        words = "; ".join(
            f"{one['target']}:{one['port']} {one['state']} {one['reason'] or ''}".strip() for one in sick[:3]
        )
        parts.append(f"Targets: {words}.")
    return "\n".join(part for part in (" ".join(part for part in parts if part), _logs(verdict)) if part)


def _logs(verdict: Verdict) -> str:
    """The log of the last stopped task that left one."""
    for task in reversed(verdict.evidence.get("stopped_tasks") or []):
        for box in task["containers"]:
            if box["log"]:
                head = f"Last log lines of {box['name']} (task {task['task']}, exit code {box['exit_code']}):"
                return "\n".join([head, *(f"  {line}" for line in box["log"][-LOG_LINES:])])
    return ""


def task_told(result: TaskResult, cluster: str) -> tuple[str, str, str]:
    """(what, why, hint) of a one-off task that did not succeed."""
    name = result.task_definition.rpartition("/")[2] or "a task"
    task = result.task_arn.rpartition("/")[2]
    verb = "did not finish in time" if result.outcome == "timed_out" else "failed"
    what = f"Task {task} of {name} in cluster {cluster} {verb} after {round(result.seconds)} s"
    why = f"{result.reason.code}: {result.reason.text}" if result.reason else "no reason is known"
    codes = ", ".join(f"{box} {code}" for box, code in _ran(result.exit_codes))
    hint = " ".join(part for part in (result.reason.hint if result.reason else "", f"Exit codes: {codes}.") if part)
    return what, why, "\n".join([hint, *_tails(result.log_tail)])


def _ran(codes: Mapping[str, int | None]) -> Sequence[tuple[str, str]]:
    return [(name, "never ran" if code is None else str(code)) for name, code in codes.items()] or [("none", "")]


def _tails(tails: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        line
        for name, lines in tails.items()
        for line in (f"Last log lines of {name}:", *(f"  {text}" for text in lines[-LOG_LINES:]))
    ]


def reverted_told(results: Sequence[Mapping[str, Any]]) -> str:
    """What a rollback did, service by service."""
    return " ".join(f"{one['service']}: {str(one['text']).rstrip('.')}." for one in results)
