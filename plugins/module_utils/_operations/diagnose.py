# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a stack is not healthy: what services, tasks, events, targets and secrets say, classified, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, together
from ansible_collections.slipway.aws.plugins.module_utils._ecs._codes import FAILURE, TRANSIENT, Reason
from ansible_collections.slipway.aws.plugins.module_utils._ecs.evidence import log_tail
from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import Eyes, epoch, target_groups
from ansible_collections.slipway.aws.plugins.module_utils._ecs.reasons import classify, classify_task
from ansible_collections.slipway.aws.plugins.module_utils._operations import api
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import (
    Glance,
    ago,
    last_part,
    table,
)

Shape = Mapping[str, Any]
HOUR = 3600.0
# Reasons that somebody has to do something about; what comes of scaling or of a deployment is none.
_BAD = (FAILURE, TRANSIENT)
_DEFECTIVE = ("unhealthy", "unused")
_STEADY = "has reached a steady state"


@dataclass(frozen=True)
class Finding:
    """service: the inventory's name; what: where it was seen; seen: how often; at: last time, seconds since 1970."""

    service: str
    what: str
    code: str
    text: str
    hint: str = ""
    seen: int = 1
    at: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("service", "what", "code", "text", "hint", "seen")}


@dataclass
class Seen:
    service: Shape
    tasks: list[Shape] = field(default_factory=list)
    stopped: list[Shape] = field(default_factory=list)
    targets: list[Shape] = field(default_factory=list)


def read(aws: Clients, cluster: str, names: Iterable[str], glance: Glance) -> dict[str, Seen]:
    ecs, elbv2 = aws.client("ecs"), aws.client("elbv2")
    services = api.services(ecs, cluster, names)

    def one(name: str) -> Seen:
        arns = target_groups(services[name])
        found = together(
            {
                "tasks": lambda: glance.at("tasks", lambda: api.tasks(ecs, cluster, "RUNNING", name), []),
                "stopped": lambda: glance.at("stopped tasks", lambda: api.tasks(ecs, cluster, "STOPPED", name), []),
                "targets": lambda: glance.at("target health", lambda: api.target_health(elbv2, arns), {}),
            }
        )
        return Seen(
            services[name], found["tasks"], found["stopped"], [it for v in found["targets"].values() for it in v]
        )

    return dict(zip(services, each(one, services), strict=True))


def findings(name: str, seen: Seen, now: float) -> list[Finding]:
    """Of one service, each reason once."""
    return [
        *count_findings(name, seen.service),
        *deployment_findings(name, seen.service),
        *merged(stopped_findings(name, seen.stopped)),
        *merged(task_findings(name, seen.tasks)),
        *target_findings(name, seen.targets),
        *merged(event_findings(name, seen.service, now)),
    ]


def count_findings(name: str, service: Shape) -> list[Finding]:
    running, desired = service.get("runningCount", 0), service["desiredCount"]
    if running >= desired:
        return []
    pending = service.get("pendingCount", 0)
    text = f"{running} of {desired} tasks run, {pending} are starting"
    return [Finding(name, "service", "too_few_tasks", text, "See the other rows for the reason.")]


def deployment_findings(name: str, service: Shape) -> list[Finding]:
    found = []
    for one in service.get("deployments") or []:
        state = one.get("rolloutState", "COMPLETED")
        if one["status"] != "PRIMARY" or state == "COMPLETED":
            continue
        text = one.get("rolloutStateReason") or state
        failed = one.get("failedTasks", 0)
        told = f"{last_part(one['taskDefinition'])}: {text}" + (f" {failed} tasks failed." if failed else "")
        hint = "The rows of its tasks say why." if failed or state == "FAILED" else "It may still get there."
        found.append(Finding(name, "deployment", state.lower(), told, hint))
    return found


def of_reason(name: str, what: str, reason: Reason, at: Any) -> Finding:
    return Finding(name, what, reason.code, reason.text, reason.hint, at=epoch(at) or 0.0)


def failed_tasks(stopped: Sequence[Shape]) -> list[tuple[Shape, Reason]]:
    """Tasks that ended for a reason of their own, the newest first."""
    judged = [(task, classify_task(task)) for task in stopped]
    bad = [(task, reason) for task, reason in judged if reason and reason.class_ in _BAD]
    return sorted(bad, key=lambda it: epoch(it[0].get("stoppedAt") or it[0].get("stoppingAt")) or 0.0, reverse=True)


def stopped_findings(name: str, stopped: Sequence[Shape]) -> list[Finding]:
    return [
        of_reason(name, f"stopped task{exit_codes(task)}", reason, task.get("stoppedAt") or task.get("stoppingAt"))
        for task, reason in failed_tasks(stopped)
    ]


def exit_codes(task: Shape) -> str:
    codes = [f"{box['name']} {box['exitCode']}" for box in task.get("containers") or [] if box.get("exitCode")]
    return f", exit code of {', '.join(codes)}" if codes else ""


def task_findings(name: str, tasks: Sequence[Shape]) -> list[Finding]:
    """Tasks that run and are unhealthy."""
    judged = [(task, classify_task(task)) for task in tasks]
    return [
        of_reason(name, "running task", reason, task.get("startedAt"))
        for task, reason in judged
        if reason and reason.class_ in _BAD
    ]


def target_findings(name: str, targets: Sequence[Shape]) -> list[Finding]:
    found = []
    for it in targets:
        health = it["TargetHealth"]
        if health["State"] not in _DEFECTIVE:
            continue
        text = " ".join(part for part in (health.get("Reason"), health.get("Description")) if part) or health["State"]
        reason = classify(f"target is {health['State']}: {text}")
        hint = reason.hint if reason else ""
        where = f"target {it['Target']['Id']}:{it['Target'].get('Port', '')}"
        found.append(Finding(name, where, reason.code if reason else health["State"], text, hint))
    return found


def event_findings(name: str, service: Shape, now: float) -> list[Finding]:
    """The scheduler's complaints of the last hour, since it was last content."""
    found = []
    events = sorted(service.get("events") or [], key=lambda it: epoch(it.get("createdAt")) or 0.0, reverse=True)
    for event in events:
        if _STEADY in event["message"] or now - (epoch(event.get("createdAt")) or now) > HOUR:
            break
        reason = classify(event["message"])
        if reason and reason.class_ in _BAD:
            found.append(of_reason(name, "event", reason, event.get("createdAt")))
    return found


def merged(items: Iterable[Finding]) -> list[Finding]:
    """One for each kind of thing and reason, with the text of the first: the newest."""
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for item in items:
        kinds.setdefault((item.what, item.code), []).append(item)
    return [
        Finding(same[0].service, same[0].what, same[0].code, same[0].text, same[0].hint, len(same), same[0].at)
        for same in kinds.values()
    ]


def secret_findings(
    names: Mapping[str, str], services: Sequence[Shape], definitions: Sequence[Shape], empty: Iterable[str]
) -> list[Finding]:
    """Secrets without a value that a container of a service refers to.

    services, definitions: the inventory's
    """
    missing, found = set(empty), []
    by_name = {it["name"]: it for it in definitions}
    for service in services:
        if service["name"] not in names.values():
            continue
        used = {
            str(reference).partition("#")[0]
            for box in by_name.get(service["task_definition"], {}).get("containers") or []
            for reference in (box.get("secrets") or {}).values()
        }
        found += [
            Finding(service["name"], "secret", "secret_missing", f"{name} has no value", how_to_set(name))
            for name in sorted(used & missing)
        ]
    return found


def how_to_set(name: str) -> str:
    return f"aws secretsmanager put-secret-value --secret-id {name} --secret-string file://<file with the value>"


def logs_of(aws: Clients, cluster: str, name: str, seen: Seen, lines: int) -> dict[str, list[str]]:
    """The last lines of the newest task that failed and left some, by container."""
    eyes = Eyes(ecs=aws.client("ecs"), cluster=cluster, name=name)
    for task, _reason in failed_tasks(seen.stopped)[:3]:
        tails = log_tail(eyes, aws.client("logs"), eyes.definition(task.get("taskDefinitionArn")), task, lines)
        if tails:
            return tails
    return {}


def now_healthy(seen: Mapping[str, Seen]) -> bool:
    """Whether everything serves now, whatever went wrong within the last hour."""
    for it in seen.values():
        now = [*count_findings("", it.service), *deployment_findings("", it.service)]
        if now or task_findings("", it.tasks) or target_findings("", it.targets):
            return False
    return True


def report(
    found: Sequence[Finding],
    tails: Mapping[str, Mapping[str, Sequence[str]]],
    glance: Glance,
    *,
    healthy: bool,
    now: float,
) -> list[dict[str, Any]]:
    if not found:
        title = "Nothing is wrong that can be seen from here"
        return [table(title, ["next"], [["the log lines: --tags logs; the screen: --tags status"]]), *glance.table()]
    title = "All services serve now. Within the last hour:" if healthy else "What is wrong"
    rows = []
    for it in found:
        seen = f"{it.seen} x" if it.seen > 1 else ""
        rows.append([it.service, it.what, it.code, seen, ago(it.at or None, now), it.text])
        rows += [["", "", "", "", "", f"-> {it.hint}"]] if it.hint else []
    parts = [table(title, ["service", "seen at", "reason", "", "last", "what, and what to do"], rows)]
    for service, boxes in tails.items():
        for box, lines in boxes.items():
            parts.append(table(f"Last log lines of {service}, container {box}", ["line"], [[line] for line in lines]))
    return [*parts, *glance.table()]
