# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task calls: RunTask, StopTask, DescribeTasks, ListTasks.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
"""

from __future__ import annotations

from . import definitions, errors, messages
from .lifecycle import Ending, Launch, PlacementError, launch, stop
from .world import Data, Task, World, page, short_name

RUN_TASK_MAXIMUM = 10
DESCRIBE_MAXIMUM = 100
PLATFORM_VERSIONS = ("LATEST", "1.4.0", "1.3.0")


def run(world: World, request: Data) -> Data:
    cluster = world.cluster(request.get("cluster"))
    token = request.get("clientToken")
    try:
        seen, tasks = world.same_request("RunTask", token, request)
    except KeyError as conflict:
        # "The provided clientToken is already in use with a different RunTask request. The resourceIds are the
        # existing task ARNs which are already associated with the clientToken." (API_RunTask.html)
        arns = [task.arn for task in conflict.args[0]]
        message = "The provided clientToken is already in use with a different RunTask request."
        error = errors.EcsError("ConflictException", message)
        error.extra = {"resourceIds": arns}
        raise error from None
    if seen:
        return {"tasks": [task.data for task in tasks], "failures": []}
    definition = definitions.find_active(world, request["taskDefinition"])
    count = int(request.get("count") or 1)
    if not 1 <= count <= RUN_TASK_MAXIMUM:
        raise errors.invalid(f"Task count must be between 1 and {RUN_TASK_MAXIMUM}.")
    check_platform(request)
    check_network(world, definition, request.get("networkConfiguration"))
    _check_overrides(definition, request.get("overrides") or {})
    started, failures = _start(world, cluster.name, definition, request, count)
    world.remember_request("RunTask", token, request, started)
    return {"tasks": [task.data for task in started], "failures": failures}


def _start(world: World, cluster: str, definition: Data, request: Data, count: int) -> tuple[list[Task], list[Data]]:
    started: list[Task] = []
    failures: list[Data] = []
    strategy = request.get("capacityProviderStrategy") or []
    tags = list(request.get("tags") or [])
    if request.get("propagateTags") == "TASK_DEFINITION":
        tags = [*world.definition_tags.get(definition["taskDefinitionArn"], []), *tags]
    if request.get("enableECSManagedTags"):
        tags = [*tags, {"key": "aws:ecs:clusterName", "value": cluster}]
    for _number in range(count):
        wanted = Launch(
            cluster,
            definition,
            request.get("networkConfiguration") or {},
            started_by=request.get("startedBy"),
            group=request.get("group"),
            launch_type=request.get("launchType"),
            capacity_provider=strategy[0]["capacityProvider"] if strategy else None,
            platform_version=request.get("platformVersion"),
            overrides=dict(request.get("overrides") or {}),
            tags=list(tags),
            execute_command=bool(request.get("enableExecuteCommand")),
        )
        try:
            started.append(launch(world, wanted))
        except PlacementError as problem:
            if problem.launch:
                raise errors.client(problem.reason) from None
            failures.append({"reason": problem.reason})
    return started, failures


def stop_task(world: World, request: Data) -> Data:
    cluster = world.cluster(request.get("cluster"))
    task = find(world, cluster.name, request["task"])
    if task is None:
        raise errors.invalid("The referenced task was not found.")
    task.routine = True
    stop(world, task, Ending("UserInitiated", request.get("reason") or messages.STOPPED_BY_USER))
    return {"task": task.data}


def describe(world: World, request: Data) -> Data:
    cluster = world.cluster(request.get("cluster"))
    references = request.get("tasks") or []
    if not references:
        raise errors.invalid("Tasks cannot be empty.")
    if len(references) > DESCRIBE_MAXIMUM:
        raise errors.invalid(f"Tasks cannot have more than {DESCRIBE_MAXIMUM} elements.")
    with_tags = "TAGS" in (request.get("include") or [])
    found, failures = [], []
    for reference in references:
        task = find(world, cluster.name, reference)
        if task is None:
            arn = reference if reference.startswith("arn:") else world.arn(f"task/{cluster.name}/{reference}")
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(task.data if with_tags else {**task.data, "tags": []})
    return {"tasks": found, "failures": failures}


def list_arns(world: World, request: Data) -> Data:
    cluster = world.cluster(request.get("cluster"))
    service = world.service(request.get("cluster"), request["serviceName"]) if request.get("serviceName") else None
    wanted = {
        "desiredStatus": request.get("desiredStatus") or "RUNNING",
        "startedBy": request.get("startedBy"),
        "launchType": request.get("launchType"),
    }
    family = request.get("family")
    arns = [
        task.arn
        for task in world.tasks.values()
        if task.cluster == cluster.name
        and service in (None, task.service)
        and family in (None, task.definition["family"])
        and all(value in (None, task.data.get(key)) for key, value in wanted.items())
    ]
    found, more = page(arns, request)
    return {"taskArns": found, **more}


def find(world: World, cluster: str, reference: str) -> Task | None:
    task = world.tasks.get(world.arn(f"task/{cluster}/{short_name(reference)}"))
    return task if task is not None and task.cluster == cluster else None


def check_platform(request: Data) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/platform-fargate.html"""
    if request.get("platformVersion") not in (None, *PLATFORM_VERSIONS):
        message = "The platform version you specified does not exist."
        raise errors.EcsError("PlatformUnknownException", message)


def check_network(world: World, definition: Data, network: Data | None) -> None:
    """The subnets and security groups of an awsvpc task have to be there."""
    if definition.get("networkMode") != "awsvpc":
        return
    settings = (network or {}).get("awsvpcConfiguration")
    if not settings:
        raise errors.invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    if not settings.get("subnets"):
        raise errors.invalid("subnets can not be empty.")
    for subnet in settings["subnets"]:
        if world.around.subnet(subnet) is None:
            raise errors.invalid(
                f"Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist"
                " (ErrorCode: InvalidSubnetID.NotFound)"
            )
    for group in settings.get("securityGroups") or []:
        if world.around.security_group(group) is None:
            raise errors.invalid(
                f"Error retrieving security group information for [{group}]: The security group '{group}' does not"
                " exist (ErrorCode: InvalidGroup.NotFound)"
            )


def _check_overrides(definition: Data, overrides: Data) -> None:
    names = {container["name"] for container in definition["containerDefinitions"]}
    for override in overrides.get("containerOverrides") or []:
        if override.get("name") not in names:
            message = f"Override for container named {override.get('name')} is not a container in the TaskDefinition."
            raise errors.invalid(message)
