# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service scheduler: starts, replaces and stops the tasks of a service, and ends its deployments.

Rolling updates: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
Circuit breaker: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
Alarms: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from . import definitions, lifecycle, messages, records, staged, task_sets
from .lifecycle import Ending, Launch, PlacementError
from .world import Data, Deployment, Service, Task, TaskSet, World

FAILURES_UNTIL_IMPAIRED = 3  # from then on: "is unable to consistently start tasks successfully"
LONGEST_BACKOFF = 32  # times the retry pause
ALARM_LOOK_SECONDS = 0.1


def look_soon(world: World, service: Service, seconds: float = 0.0) -> None:
    """Let the scheduler look at a service; looks without delay are not heaped up."""
    if seconds == 0:
        if service.looks_planned:
            return
        service.looks_planned += 1

    def look() -> None:
        if seconds == 0:
            service.looks_planned -= 1
        _look(world, service)

    world.time.after(seconds, look)


def begin(world: World, service: Service, *, forced: bool = False) -> Deployment:
    """Make a new deployment of the service as it now is, PRIMARY from the start, and plan the first look."""
    previous = service.deployments[0] if service.deployments else None
    if previous is not None and previous.data["rolloutState"] == "IN_PROGRESS":
        previous.over = True
        records.superseded(world, previous)
    for older in service.deployments:
        older.data["status"] = "ACTIVE"
    deployment = records.new_deployment(world, service, previous)
    alarms = _alarms(service)
    deployment.ignored_alarms = world.around.alarms_in_alarm(alarms)
    service.deployments.insert(0, deployment)
    service.steady = False
    if staged.is_staged(service) and previous is not None:
        staged.begin(world, service, deployment)
    look_soon(world, service)
    return deployment


def fail(world: World, service: Service, deployment: Deployment, why: str) -> None:
    """End a deployment that failed, and go back if that is configured and possible. `why`: "breaker" or "alarm"."""
    breaker = why == "breaker"
    reason = messages.BREAKER_FAILED if breaker else messages.ALARM_FAILED
    event = messages.BREAKER_FAILED_EVENT if breaker else messages.ALARM_FAILED_EVENT
    settings = service.data["deploymentConfiguration"].get("deploymentCircuitBreaker" if breaker else "alarms", {})
    world.note(service, event.format(deployment=deployment.id))
    deployment.over = True
    deployment.data.update(rolloutState="FAILED", rolloutStateReason=reason, updatedAt=world.time.now)
    if settings.get("rollback") and previous_completed(service, deployment):
        template = messages.BREAKER_ROLLING_BACK if breaker else messages.ALARM_ROLLING_BACK
        roll_back(world, service, deployment, reason, template)
    else:
        records.stopped(world, deployment, reason)


def previous_completed(service: Service, deployment: Deployment) -> Deployment | None:
    """The last deployment before this one that was completed: what can be gone back to."""
    later = service.deployments[service.deployments.index(deployment) + 1 :]
    return next((older for older in later if older.data["rolloutState"] == "COMPLETED"), None)


def roll_back(world: World, service: Service, failed: Deployment, reason: str, template: str) -> None:
    """Make the last completed deployment PRIMARY again; the tasks of the failed one go."""
    target = previous_completed(service, failed)
    if target is None:
        return
    failed.over = True
    failed.stage = None
    world.note(service, messages.ROLLING_BACK_EVENT.format(deployment=target.id))
    records.rolling_back(world, failed, target, reason)
    reason_shown = template.format(deployment=target.id)
    if world.settings.rollback_new_deployment:
        target.data["status"] = "ACTIVE"
        target = records.copy_for_rollback(world, target)
    else:
        service.deployments.remove(target)
    service.deployments.insert(0, target)
    failed.data["status"] = "ACTIVE"
    target.data.update(
        status="PRIMARY",
        rolloutState="IN_PROGRESS",
        rolloutStateReason=reason_shown,
        updatedAt=world.time.now,
    )
    target.over, target.bake_until, target.stage = False, None, None
    records.restore(service, target)
    look_soon(world, service)


def place(world: World, service: Service, owner: Deployment | TaskSet, revision: Data, count: int) -> list[Task]:
    """Start that many tasks; raises PlacementError when the first cannot be placed, keeps what others got."""
    definition = definitions.find(world, revision["taskDefinition"])
    assert definition is not None, "a service's task definition is never forgotten"
    strategy = revision.get("capacityProviderStrategy") or []
    identity = owner.id if isinstance(owner, Deployment) else owner.data["id"]
    started: list[Task] = []
    for _number in range(count):
        wanted = Launch(
            service.cluster,
            definition,
            revision.get("networkConfiguration") or {},
            started_by=identity,
            group=f"service:{service.name}",
            launch_type=revision.get("launchType"),
            capacity_provider=_provider(strategy, len(world.tasks_of(owner))),
            platform_version=revision.get("platformVersion"),
            tags=_task_tags(world, service, definition),
            execute_command=bool(service.data.get("enableExecuteCommand")),
            load_balancers=staged.load_balancers(owner, revision),
            service=service,
            owner=owner,
        )
        try:
            started.append(lifecycle.launch(world, wanted))
        except PlacementError:
            if not started:
                raise
            break
    return started


def retire(world: World, service: Service, tasks: list[Task]) -> None:
    """Stop tasks that are no longer wanted: first out of their target groups, then down."""
    if not tasks:
        return
    _deregister(world, service, tasks)
    running = [task for task in tasks if task.reached_running]
    if running:
        world.note(service, messages.STOPPED_RUNNING.format(count=len(running), tasks=_names(running)))
    if len(running) < len(tasks):
        world.note(service, messages.STOPPED_PENDING.format(count=len(tasks) - len(running)))
    for task in tasks:
        task.routine = True
        owner = task.owner
        if isinstance(owner, TaskSet):
            reason = messages.SCALING_TASK_SET.format(task_set=owner.data["id"])
        else:
            reason = messages.SCALING.format(deployment=task.data.get("startedBy"))
        lifecycle.stop(world, task, Ending("ServiceSchedulerInitiated", reason))


def note_started(world: World, service: Service, tasks: list[Task]) -> None:
    world.note(service, messages.STARTED.format(count=len(tasks), tasks=_names(tasks)))


def note_once(world: World, service: Service, message: str, since: float) -> None:
    """Equal events are left out for six hours: service-event-messages.html."""
    text = f"(service {service.name}) {message}"
    if not any(event["message"] == text and event["createdAt"] >= since for event in service.data["events"]):
        world.note(service, message)


def cannot_place(world: World, service: Service, problem: PlacementError, since: float) -> None:
    template = messages.FAILED_TO_LAUNCH if problem.launch else messages.UNABLE_TO_PLACE
    note_once(world, service, template.format(reason=problem.reason), since)


def _look(world: World, service: Service) -> None:
    if service.data["status"] == "INACTIVE":
        return
    if service.data["status"] == "DRAINING":
        _drain(world, service)
    elif service.controller == "ECS":
        primary = service.deployments[0]
        if primary.stage is not None:
            staged.look(world, service, primary)
        else:
            _roll(world, service, primary)
        _judge(world, service, primary)
    else:
        task_sets.look(world, service)
    count(world, service)


def count(world: World, service: Service) -> None:
    """Bring the counts that the API shows up to date."""
    for deployment in service.deployments:
        tasks = world.tasks_of(deployment)
        running = sum(task.data["lastStatus"] == "RUNNING" for task in tasks)
        if deployment is not service.deployments[0]:
            deployment.data["desiredCount"] = len(tasks)
        deployment.data.update(runningCount=running, pendingCount=len(tasks) - running)
        records.count(deployment)
    tasks = world.tasks_of(service)
    running = sum(task.data["lastStatus"] == "RUNNING" for task in tasks)
    service.data.update(runningCount=running, pendingCount=len(tasks) - running)


def _roll(world: World, service: Service, primary: Deployment) -> None:
    """One look at a rolling update: start what is missing, stop what is too many, as the percentages allow."""
    desired = service.data["desiredCount"]
    primary.data["desiredCount"] = desired
    active = world.tasks_of(primary)
    retire(world, service, _least_healthy_first(world, active)[: max(0, len(active) - desired)])
    if not primary.over:
        blocked = _start_missing(world, service, primary)
        going = _stop_old(world, service, primary)
        moving = [task for task in world.tasks_of(service) if not lifecycle.is_healthy(world, task)]
        if blocked and not going and not moving:
            note_once(world, service, messages.DEPLOYMENT_BLOCKED, primary.data["createdAt"])


def _start_missing(world: World, service: Service, primary: Deployment) -> bool:
    """Start what the maximum percent leaves room for; True if it leaves none for what is missing."""
    desired = service.data["desiredCount"]
    missing = desired - len(world.tasks_of(primary))
    upper = math.floor(desired * service.data["deploymentConfiguration"]["maximumPercent"] / 100)
    room = upper - sum(len(world.tasks_of(deployment)) for deployment in service.deployments)
    wanted = min(missing, room)
    if wanted <= 0:
        return missing > 0
    if world.time.now < primary.hold_until:
        look_soon(world, service, primary.hold_until - world.time.now)
    else:
        start(world, service, primary, wanted)
    return False


def start(world: World, service: Service, deployment: Deployment, wanted: int) -> None:
    """Start tasks of a deployment; what cannot be placed counts as failed and is tried again later."""
    fault = world.faults.strike("scheduler_throttled", "service_event", cluster=service.cluster, service=service.name)
    if fault is not None:
        text = fault.options.get("message") if fault.kind == "service_event" else messages.SCHEDULER_THROTTLED
        note_once(world, service, str(text), deployment.data["createdAt"])
        look_soon(world, service, world.settings.task_retry_seconds)
        return
    try:
        note_started(world, service, place(world, service, deployment, deployment.revision, wanted))
    except PlacementError as problem:
        cannot_place(world, service, problem, deployment.data["createdAt"])
        _count_failure(world, service, deployment)


def _stop_old(world: World, service: Service, primary: Deployment) -> int:
    """Old tasks go as far as the healthy ones stay above the minimum, unhealthy ones at once; returns how many go."""
    old = [
        task for deployment in service.deployments if deployment is not primary for task in world.tasks_of(deployment)
    ]
    if not old:
        return 0
    lower = math.ceil(
        service.data["desiredCount"] * service.data["deploymentConfiguration"]["minimumHealthyPercent"] / 100
    )
    healthy = sum(lifecycle.is_healthy(world, task) for task in world.tasks_of(service))
    spare = max(0, healthy - lower)
    going = []
    for task in old:
        well = lifecycle.is_healthy(world, task)
        failed = task.owner is not None and getattr(task.owner, "over", False)
        if not well and (failed or not task.reached_running):
            going.append(task)
        elif well and spare:
            going.append(task)
            spare -= 1
    retire(world, service, going)
    return len(going)


def _judge(world: World, service: Service, primary: Deployment) -> None:
    if primary.data["rolloutState"] == "IN_PROGRESS":
        if _alarm_went_off(world, service, primary):
            fail(world, service, primary, "alarm")
            return
        if primary.stage is None and _settled(world, service, primary) and _baked(world, service, primary):
            complete(world, service, primary)
    elif primary.data["rolloutState"] == "COMPLETED" and _settled(world, service, primary):
        _steady(world, service)
    else:
        service.steady = False


def complete(world: World, service: Service, primary: Deployment) -> None:
    reason = messages.COMPLETED.format(deployment=primary.id)
    primary.data.update(rolloutState="COMPLETED", rolloutStateReason=reason, updatedAt=world.time.now)
    del service.deployments[1:]
    service.completed_before = True
    world.note(service, messages.DEPLOYMENT_COMPLETED.format(deployment=primary.id))
    records.completed(world, service, primary)
    service.steady = False
    _steady(world, service)


def _steady(world: World, service: Service) -> None:
    if not service.steady:
        world.note(service, messages.STEADY)
        service.steady = True


def _settled(world: World, service: Service, primary: Deployment) -> bool:
    tasks = world.tasks_of(primary)
    others = any(world.tasks_of(deployment) for deployment in service.deployments if deployment is not primary)
    # A task that has only just begun to run proves nothing yet
    since = world.time.now - world.settings.target_healthy_seconds
    return (
        len(tasks) == service.data["desiredCount"]
        and not others
        and all(lifecycle.is_healthy(world, task) and task.data["startedAt"] <= since for task in tasks)
    )


def _alarms(service: Service) -> list[str]:
    settings = service.data["deploymentConfiguration"].get("alarms") or {}
    return list(settings.get("alarmNames") or []) if settings.get("enable") else []


def _alarm_went_off(world: World, service: Service, primary: Deployment) -> bool:
    names = _alarms(service)
    ringing = world.around.alarms_in_alarm(names) - primary.ignored_alarms
    if ringing:
        records.alarmed(primary, sorted(ringing))
    return bool(ringing)


def _baked(world: World, service: Service, primary: Deployment) -> bool:
    """With alarms the deployment stays IN_PROGRESS for the bake time after its tasks are healthy."""
    if not _alarms(service):
        return True
    if primary.bake_until is None:
        primary.bake_until = world.time.now + world.settings.alarm_bake_seconds
    if world.time.now >= primary.bake_until:
        return True
    look_soon(world, service, min(ALARM_LOOK_SECONDS, primary.bake_until - world.time.now))
    return False


def _count_failure(world: World, service: Service, deployment: Deployment) -> None:
    """One more task of the deployment did not come up: back off, and let the breaker judge."""
    if deployment.data["rolloutState"] != "IN_PROGRESS" or deployment.over:
        deployment.hold_until = world.time.now + world.settings.task_retry_seconds
        look_soon(world, service, world.settings.task_retry_seconds)
        return
    deployment.data["failedTasks"] += 1
    failed = deployment.data["failedTasks"]
    breaker = service.data["deploymentConfiguration"].get("deploymentCircuitBreaker") or {}
    records.breaker_count(deployment, failed)
    if breaker.get("enable") and failed >= records.breaker_threshold(service):
        if deployment.stage is not None:
            staged.fail(world, service, deployment, messages.BREAKER_FAILED)
        else:
            fail(world, service, deployment, "breaker")
        look_soon(world, service)
        return
    if failed >= FAILURES_UNTIL_IMPAIRED:
        note_once(world, service, messages.CANNOT_START_CONSISTENTLY, deployment.data["createdAt"])
    factor = 1 if breaker.get("enable") else min(LONGEST_BACKOFF, 2 ** max(0, failed - FAILURES_UNTIL_IMPAIRED))
    pause = world.settings.task_retry_seconds * factor
    deployment.hold_until = world.time.now + pause
    look_soon(world, service, pause)


def _on_task(world: World, task: Task, what: str) -> None:
    service = task.service
    assert service is not None
    if what == "running":
        _register(world, service, task)
    elif what == "unhealthy":
        _unhealthy_container(world, service, task)
    elif what == "stopping" and not task.routine:
        _deregister(world, service, [task])
    elif what == "stopped" and not task.routine:
        _died(world, service, task)
    look_soon(world, service)
    if what in ("running", "healthy"):
        _well(world, service, task)


def _well(world: World, service: Service, task: Task) -> None:
    """A healthy task resets the breaker's count, unless told not to: API_DeploymentCircuitBreaker.html"""

    def judge() -> None:
        breaker = service.data["deploymentConfiguration"].get("deploymentCircuitBreaker") or {}
        owner = task.owner
        well = lifecycle.is_healthy(world, task)
        if isinstance(owner, Deployment) and well and breaker.get("resetOnHealthyTask", True):
            owner.data["failedTasks"] = 0
            records.breaker_count(owner, 0)
        look_soon(world, service)

    world.time.after(world.settings.target_healthy_seconds, judge)


def _died(world: World, service: Service, task: Task) -> None:
    if task.data["stopCode"] == "TaskFailedToStart":
        since = task.owner.data["createdAt"] if task.owner else 0.0
        reason = task.data["stoppedReason"]
        note_once(world, service, messages.UNABLE_TO_PLACE.format(reason=reason), since)
    owner = task.owner
    if isinstance(owner, TaskSet):
        owner.retry_at = world.time.now + world.settings.task_retry_seconds
        look_soon(world, service, world.settings.task_retry_seconds)
    elif isinstance(owner, Deployment):
        # A task that was RUNNING and then ended by itself is no failed task: API_Deployment.html, failedTasks
        if not task.reached_running or task.failed_health:
            _count_failure(world, service, owner)
        else:
            owner.hold_until = world.time.now + world.settings.task_retry_seconds
            look_soon(world, service, world.settings.task_retry_seconds)


def _register(world: World, service: Service, task: Task) -> None:
    """Put a task into its target groups; where one does not take it, again after a pause."""
    interfaces = [interface for container in task.data["containers"] for interface in container["networkInterfaces"]]
    if not interfaces or not task.wanted:
        return
    known = [group for group, _address, _port in task.targets]
    task.unregistered = False
    for balancer in task.load_balancers:
        group, port = balancer.get("targetGroupArn"), balancer.get("containerPort")
        if not group or port is None or group in known:
            continue
        if world.around.target_group(group) is None or world.faults.strike("target_group_missing", **task.facts()):
            task.unregistered = True
            text = messages.REGISTER_FAILED.format(target_group=group, error=messages.TARGET_GROUP_MISSING)
            note_once(world, service, text, task.data["createdAt"])
            continue
        task.targets.append((group, interfaces[0]["privateIpv4Address"], port))
        _register_last(world, service, task)
    if task.unregistered:
        world.time.after(world.settings.task_retry_seconds, lambda: _register(world, service, task))
    elif task.targets:
        world.time.after(world.settings.target_healthy_seconds, lambda: _check_targets(world, service, task))


def _register_last(world: World, service: Service, task: Task) -> None:
    group, address, port = task.targets[-1]
    world.around.register_target(group, address, port, world.time.now)
    world.note(service, messages.REGISTERED.format(count=1, target_group=group))
    fault = world.faults.strike("target_unhealthy", **task.facts())
    if fault is not None:
        code = fault.options.get("code", 503)
        reason = fault.options.get("reason") or f"Health checks failed with these codes: [{code}]"
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
        kind = "Target.Timeout" if "timed out" in reason.lower() else "Target.ResponseCodeMismatch"
        world.around.spoil_target(group, address, kind, reason)


def _check_targets(world: World, service: Service, task: Task) -> None:
    if not task.wanted:
        return
    for group, address, port in task.targets:
        state, description = world.around.target_state(group, address)
        if state == "unhealthy":
            text = messages.TARGET_UNHEALTHY.format(task=task.id, port=port, target_group=group, reason=description)
            world.note(service, text)
            _replace(world, service, task, messages.TARGET_CHECKS_FAILED.format(target_group=group))
            return
    look_soon(world, service)


def _unhealthy_container(world: World, service: Service, task: Task) -> None:
    world.note(service, messages.CONTAINER_UNHEALTHY.format(task=task.id))
    _replace(world, service, task, messages.CONTAINER_CHECKS_FAILED)


def _replace(world: World, service: Service, task: Task, reason: str) -> None:
    task.failed_health = True
    world.note(service, messages.STOPPED_RUNNING.format(count=1, tasks=_names([task])))
    lifecycle.stop(world, task, Ending("ServiceSchedulerInitiated", reason))


def _deregister(world: World, service: Service, tasks: Iterable[Task]) -> None:
    gone: dict[str, int] = {}
    for task in tasks:
        for group, address, _port in task.targets:
            world.around.deregister_target(group, address)
            gone[group] = gone.get(group, 0) + 1
    if gone:
        world.note(service, messages.DRAINING.format(count=max(gone.values())))
    for group, number in gone.items():
        world.note(service, messages.DEREGISTERED.format(count=number, target_group=group))


def _drain(world: World, service: Service) -> None:
    retire(world, service, world.tasks_of(service))
    if not any(task.service is service and task.data["lastStatus"] != "STOPPED" for task in world.tasks.values()):
        service.data["status"] = "INACTIVE"
        service.deployments.clear()
        service.data["deployments"] = []


def _least_healthy_first(world: World, tasks: list[Task]) -> list[Task]:
    return sorted(tasks, key=lambda task: (lifecycle.is_healthy(world, task), -task.data["createdAt"]))


def _task_tags(world: World, service: Service, definition: Data) -> list[Data]:
    """What propagateTags and enableECSManagedTags give a task."""
    source = service.data.get("propagateTags")
    tags: list[Data] = []
    if source == "SERVICE":
        tags = list(service.data["tags"])
    elif source == "TASK_DEFINITION":
        tags = list(world.definition_tags.get(definition["taskDefinitionArn"], []))
    if service.data.get("enableECSManagedTags"):
        tags.append({"key": "aws:ecs:clusterName", "value": service.cluster})
        tags.append({"key": "aws:ecs:serviceName", "value": service.name})
    return tags


def _provider(strategy: list[Data], running: int) -> str | None:
    """The base first, then by weight: API_CapacityProviderStrategyItem.html"""
    if not strategy:
        return None
    slots: list[str] = []
    for item in sorted(strategy, key=lambda item: -int(item.get("base") or 0)):
        slots += [item["capacityProvider"]] * int(item.get("base") or 0)
    if running < len(slots):
        return slots[running]
    wheel = [item["capacityProvider"] for item in strategy for _turn in range(int(item.get("weight") or 0))]
    return wheel[(running - len(slots)) % len(wheel)] if wheel else str(strategy[0]["capacityProvider"])


def _names(tasks: list[Task]) -> str:
    return " ".join(f"(task {task.id})" for task in tasks)


lifecycle.listen(_on_task)
