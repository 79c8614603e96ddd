# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Task definitions: what is accepted, how it is stored, and how it is found again.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
"""

from __future__ import annotations

import re
from typing import Any

from . import errors
from .world import Data, World, page

FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")
COPIED = (
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "requiresCompatibilities",
    "enableFaultInjection",
)
# "Task size": MiB that go with CPU units on Fargate.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
FARGATE_SIZES: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}


def register(world: World, request: Data) -> Data:
    family = str(request.get("family", ""))
    if not FAMILY.fullmatch(family):
        raise errors.client("Family contains invalid characters.")
    containers = [_container(container) for container in request.get("containerDefinitions") or []]
    _check_containers(containers)
    definition: Data = {key: request[key] for key in COPIED if request.get(key) is not None}
    if "FARGATE" in definition.get("requiresCompatibilities", []):
        _check_fargate(definition, containers)
    revisions = world.families.setdefault(family, [])
    revision = len(revisions) + 1
    definition.update(
        taskDefinitionArn=world.arn(f"task-definition/{family}:{revision}"),
        family=family,
        revision=revision,
        containerDefinitions=containers,
        volumes=request.get("volumes") or [],
        placementConstraints=request.get("placementConstraints") or [],
        status="ACTIVE",
        compatibilities=_compatibilities(definition),
        requiresAttributes=_required_attributes(definition, containers),
        registeredAt=world.time.now,
        registeredBy=f"arn:aws:iam::{world.account}:root",
    )
    revisions.append(definition)
    tags = list(request.get("tags") or [])
    world.definition_tags[definition["taskDefinitionArn"]] = tags
    return {"taskDefinition": definition, "tags": tags}


def describe(world: World, request: Data) -> Data:
    definition = find(world, request["taskDefinition"])
    if definition is None:
        raise errors.client("Unable to describe task definition.")
    answer: Data = {"taskDefinition": definition}
    if "TAGS" in request.get("include", []):
        answer["tags"] = world.definition_tags.get(definition["taskDefinitionArn"], [])
    return answer


def deregister(world: World, request: Data) -> Data:
    reference = request["taskDefinition"]
    if ":" not in reference.rsplit("/", 1)[-1]:
        raise errors.client("Revision is missing.")
    definition = find(world, reference)
    if definition is None:
        raise errors.client("Unable to describe task definition.")
    definition.update(status="INACTIVE", deregisteredAt=world.time.now)
    return {"taskDefinition": definition}


def delete(world: World, request: Data) -> Data:
    deleted, failures = [], []
    for reference in request["taskDefinitions"]:
        definition = find(world, reference)
        if definition is None:
            failures.append({"arn": reference, "reason": "The specified task definition does not exist."})
        elif definition["status"] == "ACTIVE":
            reason = (
                "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
            )
            failures.append({"arn": definition["taskDefinitionArn"], "reason": reason})
        else:
            definition.update(status="DELETE_IN_PROGRESS", deleteRequestedAt=world.time.now)
            deleted.append(definition)
    return {"taskDefinitions": deleted, "failures": failures}


def list_arns(world: World, request: Data) -> Data:
    status = request.get("status") or "ACTIVE"
    family = request.get("familyPrefix")
    arns = [
        definition["taskDefinitionArn"]
        for name in sorted(world.families)
        for definition in world.families[name]
        if definition["status"] == status and family in (None, name)
    ]
    if request.get("sort") == "DESC":
        arns.reverse()
    found, more = page(arns, request)
    return {"taskDefinitionArns": found, **more}


def list_families(world: World, request: Data) -> Data:
    prefix, status = request.get("familyPrefix") or "", request.get("status") or "ALL"
    names = []
    for name in sorted(world.families):
        active = any(definition["status"] == "ACTIVE" for definition in world.families[name])
        if name.startswith(prefix) and status in ("ALL", "ACTIVE" if active else "INACTIVE"):
            names.append(name)
    found, more = page(names, request)
    return {"families": found, **more}


def find(world: World, reference: str) -> Data | None:
    """By ARN, `family:revision`, or a family, which means its latest active revision."""
    family, _colon, revision = reference.rsplit("/", 1)[-1].partition(":")
    revisions = world.families.get(family, [])
    if revision:
        index = int(revision) - 1 if revision.isdigit() else -1
        return revisions[index] if 0 <= index < len(revisions) else None
    active = [definition for definition in revisions if definition["status"] == "ACTIVE"]
    return active[-1] if active else None


def find_active(world: World, reference: str) -> Data:
    definition = find(world, reference)
    if definition is None:
        raise errors.client("TaskDefinition not found.")
    if definition["status"] != "ACTIVE":
        raise errors.client("TaskDefinition is inactive")
    return definition


def _container(given: Data) -> Data:
    """Fill in what the API fills in; hostPort equals containerPort under awsvpc."""
    container: Data = {
        "cpu": 0,
        "essential": True,
        "portMappings": [],
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
        **{key: value for key, value in given.items() if value is not None},
    }
    container["portMappings"] = [
        {"hostPort": port.get("containerPort"), "protocol": "tcp", **port} for port in container["portMappings"]
    ]
    return container


def _check_containers(containers: list[Data]) -> None:
    if not containers:
        raise errors.client("Container list cannot be empty.")
    for container in containers:
        for key in ("name", "image"):
            if not container.get(key):
                raise errors.client(f"Container.{key} should not be null or empty.")
    names = [container["name"] for container in containers]
    if len(set(names)) != len(names):
        raise errors.client("Container.name should be unique within a task definition.")
    if not any(container["essential"] for container in containers):
        raise errors.client("At least one container in the task definition must be marked as essential.")


def _check_fargate(definition: Data, containers: list[Data]) -> None:
    for key in ("cpu", "memory"):
        if not definition.get(key):
            raise errors.client(f"Fargate requires that '{key}' be defined at the task level.")
    if definition.get("networkMode") != "awsvpc":
        raise errors.client("Fargate only supports network mode \u2018awsvpc\u2019.")
    cpu, memory = _units(definition["cpu"], 1024, "VCPU"), _units(definition["memory"], 1024, "GB")
    if memory not in FARGATE_SIZES.get(cpu, ()):
        raise errors.client("No Fargate configuration exists for given values.")
    if not definition.get("executionRoleArn"):
        _check_needs_execution_role(containers)
    definition.update(cpu=str(cpu), memory=str(memory))


def _check_needs_execution_role(containers: list[Data]) -> None:
    for container in containers:
        if ".dkr.ecr." in container["image"]:
            raise errors.client("Fargate requires task definition to have execution role ARN to support ECR images.")
        if container.get("logConfiguration", {}).get("logDriver") == "awslogs":
            message = "Fargate requires task definition to have execution role ARN to support log driver awslogs."
            raise errors.client(message)
        if container.get("secrets"):
            message = "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            raise errors.client(message)


def _units(value: Any, factor: int, unit: str) -> int:
    """Both "0.5 vCPU" and "512", both "1GB" and "1024" are accepted."""
    text = str(value).upper().replace(" ", "")
    try:
        return int(float(text[: -len(unit)]) * factor) if text.endswith(unit) else int(text)
    except ValueError:
        raise errors.client(f"Invalid setting for task size: {value}") from None


def _compatibilities(definition: Data) -> list[str]:
    fits = definition.get("networkMode") == "awsvpc" and definition.get("cpu") and definition.get("memory")
    return ["EC2", "FARGATE"] if fits else ["EC2"]


def _required_attributes(definition: Data, containers: list[Data]) -> list[Data]:
    names = set()
    if definition.get("executionRoleArn"):
        names.add("ecs.capability.execution-role-ecr-pull")
    if definition.get("taskRoleArn"):
        names.add("com.amazonaws.ecs.capability.task-iam-role")
    if definition.get("networkMode") == "awsvpc":
        names.add("ecs.capability.task-eni")
    for container in containers:
        driver = container.get("logConfiguration", {}).get("logDriver")
        if driver:
            names.add(f"com.amazonaws.ecs.capability.logging-driver.{driver}")
        if container.get("secrets"):
            names.add("ecs.capability.secrets.asm.environment-variables")
    return [{"name": name} for name in sorted(names)]
