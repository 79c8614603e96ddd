# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a task, from PROVISIONING to STOPPED.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import messages
from .surroundings import ECR_IMAGE, NoFreeAddressError
from .world import Data, Deployment, Service, Task, TaskSet, World

PLATFORM_VERSION = "1.4.0"
# Which part of the start is PROVISIONING (the interface) and which PENDING (image, secrets, containers)
PROVISIONING_SHARE = 0.4
SIGTERM_EXIT = 143  # 128 + SIGTERM: a process that does not handle it
SIGKILL_EXIT = 137


class PlacementError(Exception):
    """No task is made at all. `event` is whether a service says "unable to place" or "failed to launch"."""

    def __init__(self, reason: str, *, launch: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.launch = launch


@dataclass
class Ending:
    """How a task ends: its stop code, its reason, and per container the exit code and reason (None: none)."""

    code: str
    reason: str
    containers: dict[str, tuple[int | None, str | None]] = field(default_factory=dict)


@dataclass
class Launch:
    """What is asked for when a task is started."""

    cluster: str
    definition: Data
    network: Data
    started_by: str | None = None
    group: str | None = None
    launch_type: str | None = "FARGATE"
    capacity_provider: str | None = None
    platform_version: str | None = None
    overrides: Data = field(default_factory=dict)
    tags: list[Data] = field(default_factory=list)
    execute_command: bool = False
    load_balancers: list[Data] = field(default_factory=list)
    service: Service | None = None
    owner: Deployment | TaskSet | None = None


# Told of every change of a task that belongs to a service; the scheduler puts itself here.
_listeners: list[Callable[[World, Task, str], None]] = []


def listen(listener: Callable[[World, Task, str], None]) -> None:
    _listeners.append(listener)


def launch(world: World, wanted: Launch) -> Task:
    """Start a task; raises PlacementError if not even its interface can be had."""
    task = Task(
        _new_data(world, wanted),
        wanted.cluster,
        wanted.definition,
        wanted.network,
        service=wanted.service,
        owner=wanted.owner,
        load_balancers=wanted.load_balancers,
    )
    facts = task.facts()
    if world.faults.strike("no_capacity", **facts):
        raise PlacementError(messages.NO_CAPACITY)
    if world.faults.strike("quota_exceeded", **facts):
        raise PlacementError(messages.QUOTA_EXCEEDED)
    _check_roles(world, wanted, facts)
    _attach_interface(world, task, facts)
    world.tasks[task.arn] = task
    start = world.settings.task_start_seconds
    world.time.after(start * PROVISIONING_SHARE, lambda: _prepare(world, task))
    return task


def stop(world: World, task: Task, ending: Ending) -> None:
    """Begin to stop a task; a second call changes nothing."""
    if not task.wanted:
        return
    now = world.time.now
    task.data.update(
        desiredStatus="STOPPED",
        lastStatus="DEACTIVATING" if task.targets else "STOPPING",
        stopCode=ending.code,
        stoppedReason=ending.reason,
        stoppingAt=now,
    )
    _next_version(task)
    _tell(world, task, "stopping")
    pause = world.settings.task_stop_seconds
    world.time.after(pause * 0.5, lambda: _containers_gone(world, task, ending))
    world.time.after(pause, lambda: _gone(world, task))


def is_healthy(world: World, task: Task) -> bool:
    """As the scheduler sees it: running, its containers' checks passed, healthy in every target group."""
    if task.data["lastStatus"] != "RUNNING" or not task.wanted or task.unregistered:
        return False
    if _has_health_check(task) and task.data["healthStatus"] != "HEALTHY":
        return False
    states = (world.around.target_state(group, address)[0] for group, address, _port in task.targets)
    return all(state in ("healthy", "unused") for state in states)


def _new_data(world: World, wanted: Launch) -> Data:
    now = world.time.now
    identity = uuid.uuid4().hex
    arn = world.arn(f"task/{wanted.cluster}/{identity}")
    data: Data = {
        "taskArn": arn,
        "clusterArn": world.arn(f"cluster/{wanted.cluster}"),
        "taskDefinitionArn": wanted.definition["taskDefinitionArn"],
        "lastStatus": "PROVISIONING",
        "desiredStatus": "RUNNING",
        "healthStatus": "UNKNOWN",
        "createdAt": now,
        "group": wanted.group or f"family:{wanted.definition['family']}",
        "cpu": wanted.overrides.get("cpu") or wanted.definition.get("cpu") or "0",
        "memory": wanted.overrides.get("memory") or wanted.definition.get("memory") or "0",
        "attachments": [],
        "attributes": [{"name": "ecs.cpu-architecture", "value": _architecture(wanted.definition)}],
        "containers": [
            _new_container(world, arn, container) for container in wanted.definition["containerDefinitions"]
        ],
        "enableExecuteCommand": wanted.execute_command,
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": [], **wanted.overrides},
        "platformVersion": _platform(wanted.platform_version),
        "platformFamily": "Linux",
        "ephemeralStorage": {"sizeInGiB": wanted.definition.get("ephemeralStorage", {}).get("sizeInGiB", 20)},
        "tags": wanted.tags,
        "version": 1,
    }
    if wanted.started_by:
        data["startedBy"] = wanted.started_by
    if wanted.capacity_provider:
        data["capacityProviderName"] = wanted.capacity_provider
    data["launchType"] = wanted.launch_type or "FARGATE"
    return data


def _new_container(world: World, task_arn: str, definition: Data) -> Data:
    _account, cluster, identity = task_arn.rsplit("/", 2)
    return {
        "containerArn": world.arn(f"container/{cluster}/{identity}/{uuid.uuid4()}"),
        "taskArn": task_arn,
        "name": definition["name"],
        "image": definition["image"],
        "lastStatus": "PENDING",
        "networkInterfaces": [],
        "healthStatus": "UNKNOWN",
        "cpu": str(definition.get("cpu", 0)),
        **{key: str(definition[key]) for key in ("memory", "memoryReservation") if definition.get(key)},
    }


def _check_roles(world: World, wanted: Launch, facts: Data) -> None:
    roles = [wanted.overrides.get(key) or wanted.definition.get(key) for key in ("taskRoleArn", "executionRoleArn")]
    if world.faults.strike("role_not_assumable", **facts):
        role = next((role for role in roles if role), f"arn:aws:iam::{world.account}:role/ecsTaskRole")
        raise PlacementError(messages.ROLE_NOT_ASSUMABLE.format(role=role), launch=True)
    for role in roles:
        problem = world.around.role_problem(role)
        if problem:
            raise PlacementError(problem, launch=True)


def _attach_interface(world: World, task: Task, facts: Data) -> None:
    """An interface in the subnet with the fewest tasks of the same owner, so that zones are even."""
    if task.definition.get("networkMode") != "awsvpc":
        return
    settings = task.network.get("awsvpcConfiguration", {})
    used = [other.data.get("availabilityZone") for other in world.tasks.values() if other.group_key == task.group_key]
    subnets = sorted(settings["subnets"], key=lambda subnet: used.count(_zone(world, subnet)))
    public = "enabled" if settings.get("assignPublicIp") == "ENABLED" else "disabled"
    if world.faults.strike("no_free_address", **facts):
        raise PlacementError(messages.NO_FREE_ADDRESS.format(public=public, subnet=subnets[0]))
    try:
        description = task.arn.replace(":task/", ":attachment/")
        interface = world.around.create_interface(subnets[0], settings.get("securityGroups") or [], description)
    except NoFreeAddressError:
        raise PlacementError(messages.NO_FREE_ADDRESS.format(public=public, subnet=subnets[0])) from None
    task.interface_id = interface["id"]
    details = {
        "subnetId": subnets[0],
        "networkInterfaceId": interface["id"],
        "macAddress": interface["mac"],
        "privateDnsName": interface["dns"],
        "privateIPv4Address": interface["address"],
    }
    attachment_id = str(uuid.uuid4())
    task.data["availabilityZone"] = interface["zone"]
    task.data["attachments"] = [
        {
            "id": attachment_id,
            "type": "ElasticNetworkInterface",
            "status": "PRECREATED",
            "details": [{"name": name, "value": value} for name, value in details.items()],
        }
    ]
    for container in task.data["containers"]:
        container["networkInterfaces"] = [
            {"attachmentId": attachment_id, "privateIpv4Address": interface["address"]},
        ]


def _prepare(world: World, task: Task) -> None:
    """PENDING: the interface is there; image, secrets and log streams come next."""
    if not task.wanted:
        return
    task.data.update(lastStatus="PENDING", connectivity="CONNECTED", connectivityAt=world.time.now)
    task.data["pullStartedAt"] = world.time.now
    for attachment in task.data["attachments"]:
        attachment["status"] = "ATTACHED"
    _next_version(task)
    facts = task.facts()
    if world.faults.strike("stuck", **facts):
        return
    ending = _cannot_prepare(world, task, facts)
    if ending is not None:
        stop(world, task, ending)
        return
    task.data["pullStoppedAt"] = world.time.now
    rest = world.settings.task_start_seconds * (1 - PROVISIONING_SHARE)
    world.time.after(rest, lambda: _run(world, task))


def _cannot_prepare(world: World, task: Task, facts: Data) -> Ending | None:
    for look in (_interface_problem, _secrets_problem, _image_problem, _log_problem, _start_problem):
        ending = look(world, task, facts)
        if ending is not None:
            return ending
    return None


def _interface_problem(world: World, task: Task, facts: Data) -> Ending | None:
    if world.faults.strike("interface_timeout", **facts):
        return Ending("TaskFailedToStart", messages.INTERFACE_TIMEOUT)
    if world.faults.strike("efs_mount_failed", **facts):
        return Ending("TaskFailedToStart", messages.EFS_MOUNT_FAILED.format(region=world.region))
    return None


def _secrets_problem(world: World, task: Task, facts: Data) -> Ending | None:
    references = [
        secret["valueFrom"]
        for container in task.definition["containerDefinitions"]
        for secret in container.get("secrets") or []
    ]
    return _secret_fault(world, task, facts, references) or _secret_not_there(world, references)


def _secret_fault(world: World, task: Task, facts: Data, references: list[str]) -> Ending | None:
    texts = {
        "secret_missing": messages.SECRET_MISSING,
        "secret_denied": messages.SECRET_DENIED,
        "secrets_unreachable": messages.SECRETS_UNREACHABLE,
    }
    fault = world.faults.strike(*texts, **facts)
    if fault is None:
        return None
    default = references[0] if references else f"arn:aws:secretsmanager:{world.region}:{world.account}:secret:missing"
    values = {"secret": fault.options.get("secret") or default, **_who(world, task)}
    return Ending("TaskFailedToStart", texts[fault.kind].format(**values))


def _secret_not_there(world: World, references: list[str]) -> Ending | None:
    problems = (world.around.secret_problem(reference) for reference in references)
    problem = next((problem for problem in problems if problem), None)
    return Ending("TaskFailedToStart", problem) if problem else None


def _image_problem(world: World, task: Task, facts: Data) -> Ending | None:
    texts = {
        "image_missing": messages.IMAGE_MISSING,
        "image_denied": messages.IMAGE_DENIED,
        "image_unreachable": messages.IMAGE_UNREACHABLE,
        "image_rate_limited": messages.IMAGE_RATE_LIMITED,
        "image_wrong_architecture": messages.IMAGE_WRONG_ARCHITECTURE,
        "disk_full": messages.DISK_FULL,
    }
    fault = world.faults.strike(*texts, **facts)
    for container in task.data["containers"]:
        found, digest = world.around.image_digest(container["image"])
        if digest:
            container["imageDigest"] = digest
        if fault is None and found:
            continue
        template = texts[fault.kind] if fault else messages.IMAGE_MISSING
        platform = "linux/arm64" if _architecture(task.definition) == "arm64" else "linux/amd64"
        values = {**_image_parts(container["image"]), **_who(world, task), "platform": platform, "tries": 7}
        text = template.format(**values, digest=secrets.token_hex(32))
        return Ending("TaskFailedToStart", text, {container["name"]: (None, text)})
    return None


def _log_problem(world: World, task: Task, facts: Data) -> Ending | None:
    if world.faults.strike("log_group_missing", **facts):
        return Ending("TaskFailedToStart", messages.LOG_GROUP_MISSING)
    for container in task.definition["containerDefinitions"]:
        options = _log_options(container)
        problem = options and world.around.open_log_stream(options, _stream(task, container, options))
        if problem:
            return Ending("TaskFailedToStart", problem)
    return None


def _start_problem(world: World, task: Task, facts: Data) -> Ending | None:
    first = task.definition["containerDefinitions"][0]
    fault = world.faults.strike("command_missing", "start_timeout", "task_fails", **facts)
    if fault is None:
        return None
    if fault.kind == "task_fails":
        return _told_ending(task, str(first["name"]), fault.options)
    if fault.kind == "start_timeout":
        return Ending("TaskFailedToStart", messages.START_TIMEOUT, {first["name"]: (None, messages.START_TIMEOUT)})
    command = fault.options.get("command") or (first.get("command") or first.get("entryPoint") or ["/app/start"])[0]
    text = messages.COMMAND_MISSING.format(command=command)
    return Ending("TaskFailedToStart", text, {first["name"]: (None, text)})


def _told_ending(task: Task, name: str, options: Data) -> Ending:
    """The end that the fault describes; an exit code means that the container has run."""
    code = options.get("exit_code")
    if code is not None:
        for container in task.data["containers"]:
            container["lastStatus"] = "RUNNING"
    ends = {name: (None if code is None else int(code), options.get("container_reason"))}
    stop_code = str(options.get("code") or "TaskFailedToStart")
    return Ending(stop_code, str(options.get("reason") or "Task failed to start"), ends)


def _run(world: World, task: Task) -> None:
    """The containers start; some end at once."""
    if not task.wanted:
        return
    facts = task.facts()
    kinds = ("crash", "out_of_memory", "exit", "hang", "spot_interruption")
    fault = world.faults.strike(*kinds, **facts)
    after = float(fault.options.get("after_seconds") or 0) if fault else 0.0
    for container in task.data["containers"]:
        container.update(lastStatus="RUNNING", runtimeId=f"{task.id}-{secrets.randbelow(10**10)}")
    _write_logs(world, task, "started")
    if fault is not None and fault.kind in ("crash", "out_of_memory") and not after:
        _end_by_fault(world, task, fault.kind, fault.options)
        return
    task.reached_running = True
    task.data.update(lastStatus="RUNNING", startedAt=world.time.now)
    _next_version(task)
    _tell(world, task, "running")
    _watch_containers(world, task, facts)
    if fault is not None and fault.kind in ("crash", "out_of_memory", "spot_interruption"):
        world.time.after(after, lambda: _end_by_fault(world, task, fault.kind, fault.options))
    elif task.service is None and not (fault and fault.kind == "hang"):
        options = fault.options if fault else {}
        world.time.after(world.settings.task_run_seconds, lambda: _end_by_fault(world, task, "exit", options))


def _end_by_fault(world: World, task: Task, kind: str, options: Data) -> None:
    """The task's own end: `exit` is an orderly one, with exit code 0 unless told otherwise."""
    if kind == "spot_interruption":
        stop(world, task, Ending("SpotInterruption", messages.SPOT, _killed(task, SIGKILL_EXIT)))
        return
    name = str(options.get("container") or _first_essential(task))
    code = SIGKILL_EXIT if kind == "out_of_memory" else int(options.get("exit_code", 1 if kind == "crash" else 0))
    reason = messages.OUT_OF_MEMORY if kind == "out_of_memory" else None
    lines = options.get("log") or ([f"exited with code {code}"] if code else ["done"])
    _write_logs(world, task, *([lines] if isinstance(lines, str) else lines), only=name)
    others = _killed(task, 0 if kind == "exit" and not code else SIGKILL_EXIT)
    stop(world, task, Ending("EssentialContainerExited", messages.ESSENTIAL_EXITED, {**others, name: (code, reason)}))


def _killed(task: Task, code: int) -> dict[str, tuple[int | None, str | None]]:
    return {container["name"]: (code, None) for container in task.data["containers"]}


def _watch_containers(world: World, task: Task, facts: Data) -> None:
    """Container health checks give their first verdict after the same time as targets."""
    if not _has_health_check(task):
        return
    fault = world.faults.strike("container_unhealthy", **facts)
    bad = (fault.options.get("container") or _checked_containers(task)[0]) if fault else None

    def judge() -> None:
        if not task.wanted:
            return
        for container in task.data["containers"]:
            if container["name"] in _checked_containers(task):
                container["healthStatus"] = "UNHEALTHY" if container["name"] == bad else "HEALTHY"
        task.data["healthStatus"] = "UNHEALTHY" if bad else "HEALTHY"
        _next_version(task)
        _tell(world, task, "unhealthy" if bad else "healthy")

    world.time.after(world.settings.target_healthy_seconds, judge)


def _containers_gone(world: World, task: Task, ending: Ending) -> None:
    for container in task.data["containers"]:
        started = container["lastStatus"] == "RUNNING"
        code, reason = ending.containers.get(container["name"], (SIGTERM_EXIT if started else None, None))
        container["lastStatus"] = "STOPPED"
        if code is not None and started:
            container["exitCode"] = code
        if reason:
            container["reason"] = reason
    task.data.update(lastStatus="DEPROVISIONING", executionStoppedAt=world.time.now)
    _next_version(task)


def _gone(world: World, task: Task) -> None:
    task.data.update(lastStatus="STOPPED", stoppedAt=world.time.now)
    for attachment in task.data["attachments"]:
        attachment["status"] = "DELETED"
    if task.interface_id:
        world.around.delete_interface(task.interface_id)
    _next_version(task)
    _tell(world, task, "stopped")
    world.forget_old_tasks()


def _tell(world: World, task: Task, what: str) -> None:
    if task.service is not None:
        for listener in _listeners:
            listener(world, task, what)


def _next_version(task: Task) -> None:
    task.data["version"] += 1


def _write_logs(world: World, task: Task, *lines: str, only: str | None = None) -> None:
    for container in task.definition["containerDefinitions"]:
        options = _log_options(container)
        if options and only in (None, container["name"]):
            texts = [f"{container['name']}: {line}" if only is None else line for line in lines]
            world.around.write_log(options, _stream(task, container, options), world.time.now, texts)


def _log_options(container: Data) -> Data | None:
    configuration = container.get("logConfiguration") or {}
    return configuration.get("options", {}) if configuration.get("logDriver") == "awslogs" else None


def _stream(task: Task, container: Data, options: Data) -> str:
    # prefix-name/container-name/ecs-task-id:
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html
    return f"{options.get('awslogs-stream-prefix', 'ecs')}/{container['name']}/{task.id}"


def _has_health_check(task: Task) -> bool:
    return bool(_checked_containers(task))


def _checked_containers(task: Task) -> list[str]:
    return [c["name"] for c in task.definition["containerDefinitions"] if (c.get("healthCheck") or {}).get("command")]


def _first_essential(task: Task) -> str:
    return str(next(c["name"] for c in task.definition["containerDefinitions"] if c.get("essential", True)))


def _architecture(definition: Data) -> str:
    return "arm64" if definition.get("runtimePlatform", {}).get("cpuArchitecture") == "ARM64" else "x86_64"


def _platform(version: str | None) -> str:
    return PLATFORM_VERSION if version in (None, "LATEST") else str(version)


def _zone(world: World, subnet_id: str) -> Any:
    subnet = world.around.subnet(subnet_id)
    return subnet.availability_zone if subnet else None


def _image_parts(image: str) -> Data:
    parts = ECR_IMAGE.fullmatch(image)
    registry = image.split("/", 1)[0] if parts else "registry-1.docker.io"
    path = image.split("/", 1)[1] if parts else image
    repository, _at, digest = path.partition("@")
    repository, _colon, tag = repository.partition(":")
    return {"image": image, "registry": registry, "repository": repository, "tag": digest or tag or "latest"}


def _who(world: World, task: Task) -> Data:
    role = str(task.definition.get("executionRoleArn") or "ecsTaskExecutionRole")
    return {"account": world.account, "role": role.rsplit("/", 1)[-1], "task": task.id}
