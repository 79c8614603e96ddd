# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Task sets: what the CODE_DEPLOY and EXTERNAL deployment controllers work with.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html
"""

from __future__ import annotations

import math

from . import definitions, errors, lifecycle, rollout
from .lifecycle import PlacementError
from .world import Data, Service, TaskSet, World, deployment_id, short_name

KEPT = ("networkConfiguration", "loadBalancers", "serviceRegistries", "launchType", "capacityProviderStrategy")


def first(world: World, service: Service, request: Data) -> None:
    """The task set with which a CODE_DEPLOY service begins."""
    settings = {**request, "taskDefinition": service.data["taskDefinition"], "tags": []}
    task_set = _new(world, service, settings, status="PRIMARY")
    task_set.data["startedBy"] = "ecs-svc"
    rollout.look_soon(world, service)


def create(world: World, request: Data) -> Data:
    service = world.service(request.get("cluster"), request["service"])
    if service.data["status"] != "ACTIVE":
        raise errors.service_not_active()
    if service.controller == "ECS":
        raise errors.invalid("Task sets are only supported for services with an EXTERNAL deployment controller.")
    definition = definitions.find_active(world, request["taskDefinition"])
    task_set = _new(world, service, {**request, "taskDefinition": definition["taskDefinitionArn"]}, status="ACTIVE")
    rollout.look_soon(world, service)
    return {"taskSet": task_set.data}


def describe(world: World, request: Data) -> Data:
    service = world.service(request.get("cluster"), request["service"])
    wanted = [short_name(reference) for reference in request.get("taskSets") or []]
    shown = [t.data for t in service.task_sets if not wanted or short_name(t.data["taskSetArn"]) in wanted]
    known = {short_name(task_set["taskSetArn"]) for task_set in shown}
    return {"taskSets": shown, "failures": [{"arn": name, "reason": "MISSING"} for name in wanted if name not in known]}


def update(world: World, request: Data) -> Data:
    service, task_set = _find(world, request, request["taskSet"])
    task_set.data.update(scale=request["scale"], updatedAt=world.time.now)
    rollout.look_soon(world, service)
    return {"taskSet": task_set.data}


def set_primary(world: World, request: Data) -> Data:
    service, task_set = _find(world, request, request["primaryTaskSet"])
    for other in service.task_sets:
        if other.data["status"] == "PRIMARY":
            other.data["status"] = "ACTIVE"
    task_set.data.update(status="PRIMARY", updatedAt=world.time.now)
    service.data["taskDefinition"] = task_set.data["taskDefinition"]
    return {"taskSet": task_set.data}


def delete(world: World, request: Data) -> Data:
    service, task_set = _find(world, request, request["taskSet"])
    if world.tasks_of(task_set) and not request.get("force"):
        raise errors.invalid("The task set cannot be deleted while it is scaled above 0.")
    task_set.data.update(status="DRAINING", scale={"value": 0.0, "unit": "PERCENT"}, updatedAt=world.time.now)
    rollout.look_soon(world, service)
    return {"taskSet": task_set.data}


def look(world: World, service: Service) -> None:
    """Keep each task set at its share of the desired count."""
    for task_set in list(service.task_sets):
        _keep(world, service, task_set)
        _count(world, service, task_set)


def _keep(world: World, service: Service, task_set: TaskSet) -> None:
    data = task_set.data
    data["computedDesiredCount"] = math.ceil(service.data["desiredCount"] * data["scale"]["value"] / 100)
    tasks = world.tasks_of(task_set)
    surplus = len(tasks) - data["computedDesiredCount"]
    if surplus > 0:
        rollout.retire(world, service, tasks[:surplus])
    elif surplus < 0 and world.time.now >= task_set.retry_at:
        try:
            rollout.note_started(world, service, rollout.place(world, service, task_set, data, -surplus))
        except PlacementError as problem:
            rollout.cannot_place(world, service, problem, data["createdAt"])
            task_set.retry_at = world.time.now + world.settings.task_retry_seconds
            rollout.look_soon(world, service, world.settings.task_retry_seconds)


def _count(world: World, service: Service, task_set: TaskSet) -> None:
    data = task_set.data
    tasks = world.tasks_of(task_set)
    running = sum(task.data["lastStatus"] == "RUNNING" for task in tasks)
    well = len(tasks) == data["computedDesiredCount"] and all(lifecycle.is_healthy(world, task) for task in tasks)
    stability = "STEADY_STATE" if well else "STABILIZING"
    if stability != data["stabilityStatus"]:
        data.update(stabilityStatus=stability, stabilityStatusAt=world.time.now)
    data.update(runningCount=running, pendingCount=len(tasks) - running)
    left = any(task.owner is task_set and task.data["lastStatus"] != "STOPPED" for task in world.tasks.values())
    if data["status"] == "DRAINING" and not left:
        service.task_sets.remove(task_set)


def _new(world: World, service: Service, settings: Data, *, status: str) -> TaskSet:
    now = world.time.now
    identity = deployment_id()
    data: Data = {
        "id": identity,
        "taskSetArn": world.arn(f"task-set/{service.cluster}/{service.name}/{identity}"),
        "serviceArn": service.data["serviceArn"],
        "clusterArn": service.data["clusterArn"],
        "status": status,
        "taskDefinition": settings["taskDefinition"],
        "computedDesiredCount": 0,
        "pendingCount": 0,
        "runningCount": 0,
        "createdAt": now,
        "updatedAt": now,
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "scale": settings.get("scale") or {"value": 100.0, "unit": "PERCENT"},
        "stabilityStatus": "STABILIZING",
        "stabilityStatusAt": now,
        "tags": list(settings.get("tags") or []),
        **{key: settings[key] for key in KEPT if settings.get(key)},
    }
    if settings.get("externalId"):
        data["externalId"] = settings["externalId"]
    task_set = TaskSet(data)
    service.task_sets.append(task_set)
    return task_set


def _find(world: World, request: Data, reference: str) -> tuple[Service, TaskSet]:
    service = world.service(request.get("cluster"), request["service"])
    for task_set in service.task_sets:
        if short_name(reference) == short_name(task_set.data["taskSetArn"]):
            return service, task_set
    raise errors.EcsError("TaskSetNotFoundException", "The specified task set does not exist.")
