# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the inventory's task definition to RegisterTaskDefinition's parameters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError


@dataclass(frozen=True)
class Surroundings:
    """What a task definition refers to by name.

    images:    {repository of the stack: reference with digest}; any other image is a full reference
    secrets:   {name: ARN}
    roles:     {"execution": ARN, "task": ARN, further names}
    log_group: CloudWatch log group of containers that name none
    """

    region: str
    log_group: str
    images: Mapping[str, str]
    secrets: Mapping[str, str]
    roles: Mapping[str, str]


def render(item: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
    """One item of ecs_services_task_definitions."""
    volumes = item.get("volumes") or []
    definition: dict[str, Any] = {
        "family": item["name"],
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": str(item["cpu"]),
        "memory": str(item["memory"]),
        "executionRoleArn": _named(around.roles, item.get("execution_role") or "execution", "role", item["name"]),
        "taskRoleArn": _named(around.roles, item.get("task_role") or "task", "role", item["name"]),
        "containerDefinitions": [container(it, item["name"], around) for it in item["containers"]],
        "runtimePlatform": {
            "cpuArchitecture": item.get("architecture") or "X86_64",
            "operatingSystemFamily": "LINUX",
        },
    }
    if volumes:
        definition["volumes"] = [volume(it) for it in volumes]
    if item.get("ephemeral_storage"):
        definition["ephemeralStorage"] = {"sizeInGiB": item["ephemeral_storage"]}
    return definition


def volume(item: Mapping[str, Any]) -> dict[str, Any]:
    """A volume: empty, or an EFS access point {name, efs: {file_system_id, access_point_id, root}}."""
    efs = item.get("efs")
    if not efs:
        return {"name": item["name"]}
    settings: dict[str, Any] = {"fileSystemId": efs["file_system_id"], "transitEncryption": "ENABLED"}
    if efs.get("access_point_id"):
        settings["authorizationConfig"] = {"accessPointId": efs["access_point_id"], "iam": "ENABLED"}
    elif efs.get("root"):
        settings["rootDirectory"] = efs["root"]
    return {"name": item["name"], "efsVolumeConfiguration": settings}


# Fields of a container that only change their name on the way.
_RENAMED = {
    "command": "command",
    "entry_point": "entryPoint",
    "user": "user",
    "working_directory": "workingDirectory",
    "read_only": "readonlyRootFilesystem",
    "stop_timeout": "stopTimeout",
    "start_timeout": "startTimeout",
    "cpu": "cpu",
    "memory": "memory",
    "memory_reservation": "memoryReservation",
    "labels": "dockerLabels",
}


def container(item: Mapping[str, Any], family: str, around: Surroundings) -> dict[str, Any]:
    essential = item.get("essential")
    definition: dict[str, Any] = {
        "name": item["name"],
        "image": around.images.get(item["image"], item["image"]),
        "essential": True if essential is None else essential,
        "logConfiguration": logs(item, around),
    }
    definition.update({aws: item[ours] for ours, aws in _RENAMED.items() if item.get(ours) is not None})
    definition.update(_lists(item, family, around))
    if item.get("health_check"):
        definition["healthCheck"] = health_check(item["health_check"])
    if item.get("init"):
        definition["linuxParameters"] = {"initProcessEnabled": True}
    return definition


def _lists(item: Mapping[str, Any], family: str, around: Surroundings) -> dict[str, Any]:
    lists = {
        "portMappings": [port(it) for it in item.get("ports") or []],
        "environment": [
            {"name": name, "value": text(value)} for name, value in sorted((item.get("environment") or {}).items())
        ],
        "secrets": [
            {"name": name, "valueFrom": secret(reference, family, around)}
            for name, reference in sorted((item.get("secrets") or {}).items())
        ],
        "dependsOn": [
            {"containerName": name, "condition": condition.upper()}
            for name, condition in (item.get("depends_on") or {}).items()
        ],
        "mountPoints": [
            {"sourceVolume": it["volume"], "containerPath": it["path"], "readOnly": bool(it.get("read_only"))}
            for it in item.get("mounts") or []
        ],
        "ulimits": [
            {"name": name, "softLimit": int(limit), "hardLimit": int(limit)}
            for name, limit in (item.get("ulimits") or {}).items()
        ],
    }
    return {name: value for name, value in lists.items() if value}


def text(value: Any) -> str:
    """An environment value as the application sees it: YAML's true is "true"."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def port(item: int | Mapping[str, Any]) -> dict[str, Any]:
    """A container port; with awsvpc the host port is the same."""
    given = item if isinstance(item, Mapping) else {"port": item}
    number = int(given["port"])
    mapping = {"containerPort": number, "hostPort": number, "protocol": given.get("protocol") or "tcp"}
    return {**mapping, "name": given["name"]} if given.get("name") else mapping


def secret(reference: str, family: str, around: Surroundings) -> str:
    """`name` or `name#key` as ECS's valueFrom: the ARN, with the JSON key as ECS writes it (arn:key::)."""
    name, _hash, key = reference.partition("#")
    arn = _named(around.secrets, name, "secret", family)
    return f"{arn}:{key}::" if key else arn


def _named(known: Mapping[str, str], name: str, kind: str, family: str) -> str:
    if name.startswith("arn:"):
        return name
    if name not in known:
        raise SlipwayError(
            f"Task definition {family} uses {kind} {name}",
            f"there is no {kind} of that name in this stack",
            f"Known are: {', '.join(sorted(known)) or 'none'}.",
        )
    return known[name]


def logs(item: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
    options = {
        "awslogs-group": item.get("log_group") or around.log_group,
        "awslogs-region": around.region,
        "awslogs-stream-prefix": item["name"],
    }
    return {"logDriver": "awslogs", "options": options}


def health_check(item: Mapping[str, Any]) -> dict[str, Any]:
    """Times are seconds. A command that is a string runs in a shell, and fails with 1: Docker reserves other codes."""
    command = item["command"]
    if isinstance(command, str):
        command = ["CMD-SHELL", command if "exit" in command else f"{command} || exit 1"]
    check = {"command": list(command)}
    for ours, aws in (
        ("interval", "interval"),
        ("timeout", "timeout"),
        ("retries", "retries"),
        ("start_period", "startPeriod"),
    ):
        if item.get(ours) is not None:
            check[aws] = item[ours]
    return check
