# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which task definitions get a new revision. Pure.

Compared is the latest ACTIVE revision, whole: an older one that happens to be equal is never taken up again, unless
it is the one that runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import tag_dict
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition.describe import normal
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, require_ours
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change

TASK_DEFINITION = "ECS task definition"

# Memory in MiB that Fargate has for each cpu, as the developer guide's "Task size" table gives it.
FARGATE_MEMORY: dict[int, set[int]] = {
    256: {512, 1024, 2048},
    512: set(range(1024, 4097, 1024)),
    1024: set(range(2048, 8193, 1024)),
    2048: set(range(4096, 16385, 1024)),
    4096: set(range(8192, 30721, 1024)),
    8192: set(range(16384, 61441, 4096)),
    16384: set(range(32768, 122881, 8192)),
}


def plan(
    current: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]], stack: Stack
) -> list[Change]:
    """current: {family: DescribeTaskDefinition's entry with tags}; wanted: {family: rendered}."""
    changes = []
    for family, definition in wanted.items():
        have = current.get(family)
        if have is None:
            changes.append(Change("create", TASK_DEFINITION, family, None, normal(definition)))
            continue
        require_ours(stack, TASK_DEFINITION, family, tag_dict(have.get("tags"), "key", "value"))
        before, after = differences(normal(have), normal(definition))
        if before != after:
            changes.append(Change("update", TASK_DEFINITION, family, before, after))
    return changes


def kept(
    running: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Of the revisions that services run those that are as wanted: after a rollback they are not the latest."""
    return {
        family: have
        for family, have in running.items()
        if family in wanted and have.get("status") == "ACTIVE" and normal(have) == normal(wanted[family])
    }


def differences(have: Mapping[str, Any], want: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, before and after; containers one by one as "containers.web.image"."""
    flat_have, flat_want = flat(have), flat(want)
    fields = [field for field in {**flat_have, **flat_want} if flat_have.get(field) != flat_want.get(field)]
    return {field: flat_have.get(field) for field in fields}, {field: flat_want.get(field) for field in fields}


def flat(definition: Mapping[str, Any]) -> dict[str, Any]:
    shallow = {field: value for field, value in definition.items() if field != "containerDefinitions"}
    deep = {
        f"containers.{name}.{field}": value
        for name, container in definition["containerDefinitions"].items()
        for field, value in container.items()
    }
    return {**shallow, **deep}


def plan_removal(revisions: Mapping[str, list[str]]) -> list[Change]:
    """revisions: {family: ARNs of its ACTIVE revisions}, ours alone."""
    return [
        Change("delete", TASK_DEFINITION, family, {"revisions": len(arns)})
        for family, arns in revisions.items()
        if arns
    ]


def problems(items: list[Mapping[str, Any]]) -> list[str]:
    """What is wrong with ecs_services_task_definitions before anything is touched."""
    found = []
    for item in items:
        where = f"ecs_services_task_definitions: {item['name']}"
        found += [f"{where}: {text}" for text in size_problems(item.get("cpu"), item.get("memory"))]
        found += [f"{where}: {text}" for text in container_problems(item.get("containers") or [])]
    return found


def size_problems(cpu: Any, memory: Any) -> list[str]:
    if not (str(cpu).isdigit() and str(memory).isdigit()):
        return [f"cpu {cpu} and memory {memory} have to be numbers (cpu units and MiB)"]
    if int(cpu) not in FARGATE_MEMORY:
        return [f"Fargate has no cpu {cpu}; it has {', '.join(map(str, FARGATE_MEMORY))}"]
    if int(memory) not in FARGATE_MEMORY[int(cpu)]:
        sizes = sorted(FARGATE_MEMORY[int(cpu)])
        return [f"Fargate has no memory {memory} with cpu {cpu}; it has {', '.join(map(str, sizes))}"]
    return []


def container_problems(containers: list[Mapping[str, Any]]) -> list[str]:
    names = [it["name"] for it in containers]
    found = [f"container {name} is listed twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if not containers:
        found.append("it has no container")
    if containers and not any(it.get("essential", True) is not False for it in containers):
        found.append("no container is essential; one has to be")
    ports = [(p["port"] if isinstance(p, Mapping) else p) for it in containers for p in it.get("ports") or []]
    found += [f"port {p} is used by two containers" for p in sorted({p for p in ports if ports.count(p) > 1})]
    for it in containers:
        found += [
            f"container {it['name']} depends on {other}, which is not a container of this task definition"
            for other in (it.get("depends_on") or {})
            if other not in names
        ]
        both = sorted(set(it.get("environment") or {}) & set(it.get("secrets") or {}))
        found += [f"container {it['name']} has {name} both in environment and in secrets" for name in both]
    return found
