# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One screen of a stack: read side by side, shown as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, together
from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import target_groups
from ansible_collections.slipway.aws.plugins.module_utils._lease import Look as Lease
from ansible_collections.slipway.aws.plugins.module_utils._operations import api
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import (
    Glance,
    ago,
    image_name,
    last_part,
    table,
)

Shape = Mapping[str, Any]
_STATES = ("PRIMARY", "ACTIVE")


@dataclass
class Seen:
    """What was read. services: by AWS's name; targets: by ARN; alarms: all that exist; glance: what was refused."""

    services: dict[str, Shape] = field(default_factory=dict)
    tasks: list[Shape] = field(default_factory=list)
    targets: dict[str, list[Shape]] = field(default_factory=dict)
    alarms: list[Shape] = field(default_factory=list)
    definitions: dict[str, Shape] = field(default_factory=dict)
    lease: Lease | None = None
    glance: Glance = field(default_factory=Glance)


def read(
    aws: Clients,
    cluster: str,
    names: Iterable[str],
    *,
    alarm_names: Sequence[str],
    lease_table: str = "",
    stack: str = "",
) -> Seen:
    """Two rounds: services, tasks and alarms; then what services point at."""
    ecs, glance, wanted = aws.client("ecs"), Glance(), list(names)
    elbv2, cloudwatch = aws.client("elbv2"), aws.client("cloudwatch")
    first = together(
        {
            "services": lambda: api.services(ecs, cluster, wanted),
            "tasks": lambda: glance.at("tasks", lambda: api.tasks(ecs, cluster), []),
            "alarms": lambda: glance.at("alarms", lambda: api.alarms(cloudwatch, alarm_names), []),
            "lease": lambda: glance.at("lease", lambda: api.lease(aws, lease_table, stack), None),
        }
    )
    services = first["services"]
    arns = [arn for it in services.values() for arn in target_groups(it)]
    running = [one["taskDefinition"] for it in services.values() for one in it.get("deployments") or [it]]
    second = together(
        {
            "targets": lambda: glance.at("target health", lambda: api.target_health(elbv2, arns), {}),
            "definitions": lambda: glance.at("task definitions", lambda: api.definitions(ecs, running), {}),
        }
    )
    ours = [task for task in first["tasks"] if str(task.get("group", "")).removeprefix("service:") in services]
    return Seen(services, ours, second["targets"], first["alarms"], second["definitions"], first["lease"], glance)


def images(definition: Shape) -> str:
    found = dict.fromkeys(image_name(box["image"]) for box in definition.get("containerDefinitions") or [])
    return ", ".join(found)


def service_rows(seen: Seen, names: Mapping[str, str]) -> list[list[Any]]:
    rows = []
    for name, it in seen.services.items():
        primary: Shape = next((one for one in it.get("deployments") or [] if one["status"] == "PRIMARY"), {})
        arn = primary.get("taskDefinition") or it["taskDefinition"]
        pending = f" ({it['pendingCount']} pending)" if it.get("pendingCount") else ""
        rows.append(
            [
                names[name],
                f"{it.get('runningCount', 0)}/{it['desiredCount']}{pending}",
                last_part(arn),
                primary.get("rolloutState") or it["status"],
                images(seen.definitions.get(arn, {})),
            ]
        )
    return rows


def deployment_rows(seen: Seen, names: Mapping[str, str], now: float) -> list[list[Any]]:
    """Deployments that have not ended: in progress, failed and not yet taken back, or still draining."""
    rows = []
    for name, it in seen.services.items():
        for one in it.get("deployments") or []:
            if one["status"] in _STATES and one.get("rolloutState", "COMPLETED") == "COMPLETED":
                continue
            if not one.get("runningCount") and one["status"] == "INACTIVE":
                continue
            failed = f", {one['failedTasks']} failed" if one.get("failedTasks") else ""
            counts = f"{one.get('runningCount', 0)}/{one.get('desiredCount', 0)}{failed}"
            what = [
                names[name],
                one["status"],
                last_part(one["taskDefinition"]),
                counts,
                ago(one.get("createdAt"), now),
            ]
            rows.append([*what, one.get("rolloutStateReason") or one.get("rolloutState", "")])
    return rows


def task_rows(seen: Seen, names: Mapping[str, str], now: float) -> list[list[Any]]:
    rows = []
    for task in sorted(seen.tasks, key=lambda it: (str(it.get("group")), str(it.get("createdAt")))):
        rows.append(
            [
                last_part(task["taskArn"]),
                names[str(task["group"]).removeprefix("service:")],
                task["lastStatus"],
                str(task.get("healthStatus") or "UNKNOWN").lower(),
                task.get("availabilityZone", ""),
                last_part(task["taskDefinitionArn"]),
                ago(task.get("startedAt"), now) or "not started",
            ]
        )
    return rows


def target_rows(seen: Seen) -> list[list[Any]]:
    """One row a target group, and one more for each target in it that is not healthy."""
    rows: list[list[Any]] = []
    for arn, entries in seen.targets.items():
        group = arn.split("/")[-2] if "/" in arn else arn
        healthy = sum(1 for it in entries if it["TargetHealth"]["State"] == "healthy")
        rows.append([group, "", f"{healthy}/{len(entries)} healthy", ""])
        for it in entries:
            health = it["TargetHealth"]
            if health["State"] != "healthy":
                target = f"{it['Target']['Id']}:{it['Target'].get('Port', '')}"
                why = " ".join(part for part in (health.get("Reason"), health.get("Description")) if part)
                rows.append(["", target, health["State"], why])
    return rows


def alarm_rows(seen: Seen, now: float) -> list[list[Any]]:
    return [
        [it["AlarmName"], ago(it.get("StateUpdatedTimestamp"), now), it.get("StateReason", "")]
        for it in seen.alarms
        if it.get("StateValue") == "ALARM"
    ]


def store_rows(database: Shape, cache: Shape) -> list[list[Any]]:
    found = [("database", database), ("cache", cache)]
    return [
        [what, it.get("identifier", ""), it.get("status") or "not there", f"{it['engine']} {it['engine_version']}"]
        for what, it in found
        if it
    ]


def empty_secrets(secrets: Shape) -> list[str]:
    """Names of the secrets that have no value."""
    return [name for name, it in (secrets.get("secrets") or {}).items() if not it["has_value"]]


def report(
    seen: Seen, names: Mapping[str, str], *, database: Shape, cache: Shape, secrets: Shape, now: float
) -> list[dict[str, Any]]:
    """The tables of one screen; a part without anything to say is left out, but alarms: none is an answer."""
    alarms = alarm_rows(seen, now) or [["none", "", f"{len(seen.alarms)} alarms are there"]]
    parts = [
        table("Services", ["service", "running", "revision", "rollout", "image"], service_rows(seen, names)),
        table(
            "Deployments not at their end",
            ["service", "deployment", "revision", "running", "started", "what"],
            deployment_rows(seen, names, now),
        ),
        table(
            "Tasks",
            ["task", "service", "status", "health", "zone", "revision", "started"],
            task_rows(seen, names, now),
        ),
        table("Targets", ["target group", "target", "state", "reason"], target_rows(seen)),
        table("Stores", ["store", "name", "status", "engine"], store_rows(database, cache)),
        table("Secrets without a value", ["secret"], [[name] for name in empty_secrets(secrets)]),
    ]
    shown = [part for part in parts if part["rows"]]
    if "alarms" not in seen.glance.refused:
        shown.append(table("In alarm", ["alarm", "since", "why"], alarms))
    if seen.lease is not None:
        held = seen.lease.text if seen.lease.owner else "free"
        shown.append(table("Lease", ["who may change the stack now"], [[held]]))
    return [*shown, *seen.glance.table()]


def healthy(seen: Seen, secrets: Shape) -> bool:
    services = all(
        it.get("runningCount", 0) == it["desiredCount"]
        and all(one.get("rolloutState", "COMPLETED") == "COMPLETED" for one in it.get("deployments") or [])
        for it in seen.services.values()
    )
    sick = [it for entries in seen.targets.values() for it in entries if it["TargetHealth"]["State"] == "unhealthy"]
    alarms = [it for it in seen.alarms if it.get("StateValue") == "ALARM"]
    return services and not sick and not alarms and not empty_secrets(secrets)
