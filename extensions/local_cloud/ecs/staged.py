# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blue/green, linear and canary deployments: a second set of tasks, and traffic that moves to it in stages.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-blue-green.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import lifecycle, messages, records, rollout
from .world import Data, Deployment, Service, TaskSet, World, hex_id

STRATEGIES = ("BLUE_GREEN", "LINEAR", "CANARY")
# The order of the stages: API_ServiceDeployment.html, lifecycleStage
STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)
# "A pause hook waits up to 24 hours": API_DeploymentLifecycleHookTimeoutConfiguration.html
PAUSE_MINUTES = 24 * 60


@dataclass
class Stage:
    name: str = STAGES[0]
    until: float = 0.0
    hooks: list[Data] = field(default_factory=list)
    entered: bool = False
    steps: list[float] = field(default_factory=list)  # traffic weights still to be set


def is_staged(service: Service) -> bool:
    return service.data["deploymentConfiguration"].get("strategy") in STRATEGIES


def load_balancers(owner: Deployment | TaskSet, revision: Data) -> list[Data]:
    """The revision's load balancers; behind the alternate target groups if the deployment was swapped."""
    balancers: list[Data] = revision.get("loadBalancers") or []
    if not isinstance(owner, Deployment) or not owner.swapped:
        return balancers
    alternates = [
        (balancer.get("advancedConfiguration") or {}).get("alternateTargetGroupArn") for balancer in balancers
    ]
    return [
        {**balancer, "targetGroupArn": alternate or balancer.get("targetGroupArn")}
        for balancer, alternate in zip(balancers, alternates, strict=True)
    ]


def begin(world: World, service: Service, deployment: Deployment) -> None:
    deployment.swapped = not service.deployments[1].swapped
    deployment.stage = Stage()
    _show(deployment)
    _set_weights(world, service, deployment, 0.0)


def look(world: World, service: Service, primary: Deployment) -> None:
    """Go as far through the stages as time, tasks and hooks allow."""
    stage: Stage = primary.stage
    primary.data["desiredCount"] = service.data["desiredCount"]
    if not stage.entered and not _enter(world, service, primary, stage):
        return
    if any(hook["status"] == "AWAITING_ACTION" for hook in stage.hooks):
        _check_expiry(world, service, primary, stage)
        return
    if world.time.now < stage.until:
        rollout.look_soon(world, service, stage.until - world.time.now)
        return
    if _work(world, service, primary, stage):
        _advance(world, service, primary, stage)


def act(world: World, service: Service, primary: Deployment, hook_id: str, action: str) -> bool:
    """ContinueServiceDeployment; False if no such hook waits."""
    hooks = primary.stage.hooks if primary.stage else []
    hook = next((hook for hook in hooks if hook["hookId"] == hook_id and hook["status"] == "AWAITING_ACTION"), None)
    if hook is None:
        return False
    hook["status"] = "SUCCEEDED" if action == "CONTINUE" else "FAILED"
    _show(primary)
    if action == "ROLLBACK":
        fail(world, service, primary, messages.ROLLED_BACK_AT_HOOK)
    rollout.look_soon(world, service)
    return True


def withdraw(world: World, service: Service, deployment: Deployment) -> None:
    """Take all traffic away from the new tasks."""
    _set_weights(world, service, deployment, 0.0)


def fail(world: World, service: Service, deployment: Deployment, reason: str) -> None:
    """A staged deployment that fails always goes back: traffic first, then its tasks go."""
    withdraw(world, service, deployment)
    deployment.data.update(rolloutState="FAILED", rolloutStateReason=reason, updatedAt=world.time.now)
    world.note(service, messages.BREAKER_FAILED_EVENT.format(deployment=deployment.id))
    if rollout.previous_completed(service, deployment) is None:
        deployment.over = True
        deployment.stage = None
        records.stopped(world, deployment, reason)
        return
    rollout.roll_back(world, service, deployment, reason, messages.BREAKER_ROLLING_BACK)


def _enter(world: World, service: Service, primary: Deployment, stage: Stage) -> bool:
    """Begin a stage: its hooks run, or wait for somebody. False if one of them failed the deployment."""
    stage.entered = True
    stage.until = world.time.now + world.settings.stage_seconds
    stage.hooks = []
    for hook in service.data["deploymentConfiguration"].get("lifecycleHooks") or []:
        if stage.name in (hook.get("lifecycleStages") or []):
            stage.hooks.append(_run_hook(world, hook))
    facts = {"cluster": service.cluster, "service": service.name}
    fault = world.faults.strike("hook_failed", **facts) if stage.hooks else None
    if fault is not None and fault.options.get("stage", stage.name) == stage.name:
        stage.hooks[0]["status"] = "FAILED"
    _show(primary)
    if any(hook["status"] == "FAILED" for hook in stage.hooks):
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-deployment-lifecycle-hooks.html
        fail(world, service, primary, messages.HOOK_FAILED.format(target=stage.hooks[0].get("targetArn")))
        return False
    return True


def _run_hook(world: World, hook: Data) -> Data:
    detail: Data = {"hookId": hex_id(), "targetType": hook.get("targetType") or "AWS_LAMBDA", "status": "SUCCEEDED"}
    if hook.get("hookTargetArn"):
        detail["targetArn"] = hook["hookTargetArn"]
    if detail["targetType"] == "PAUSE":
        timeout = hook.get("timeoutConfiguration") or {}
        minutes = int(timeout.get("timeoutInMinutes") or PAUSE_MINUTES)
        detail.update(
            status="AWAITING_ACTION",
            expiresAt=world.time.now + minutes * 60,
            timeoutAction=timeout.get("action") or "ROLLBACK",
        )
    return detail


def _check_expiry(world: World, service: Service, primary: Deployment, stage: Stage) -> None:
    for hook in stage.hooks:
        if hook["status"] != "AWAITING_ACTION":
            continue
        if world.time.now < hook["expiresAt"]:
            rollout.look_soon(world, service, hook["expiresAt"] - world.time.now)
        else:
            action = hook["timeoutAction"]
            act(world, service, primary, hook["hookId"], action)
            hook["status"] = "TIMED_OUT"


def _work(world: World, service: Service, primary: Deployment, stage: Stage) -> bool:
    """Do what the stage is for; True once it is done."""
    if stage.name == "SCALE_UP":
        return _scale_up(world, service, primary)
    if stage.name == "PRODUCTION_TRAFFIC_SHIFT":
        return _shift(world, service, primary, stage)
    if stage.name == "BAKE_TIME":
        return True
    if stage.name == "CLEAN_UP":
        rollout.retire(world, service, [task for old in service.deployments[1:] for task in world.tasks_of(old)])
    return True


def _scale_up(world: World, service: Service, primary: Deployment) -> bool:
    desired = service.data["desiredCount"]
    tasks = world.tasks_of(primary)
    if len(tasks) < desired:
        if world.time.now < primary.hold_until:
            rollout.look_soon(world, service, primary.hold_until - world.time.now)
        else:
            rollout.start(world, service, primary, desired - len(tasks))
        return False
    return all(lifecycle.is_healthy(world, task) for task in tasks)


def _shift(world: World, service: Service, primary: Deployment, stage: Stage) -> bool:
    if not stage.steps:
        stage.steps = _steps(service.data["deploymentConfiguration"])
    weight = stage.steps.pop(0)
    _set_weights(world, service, primary, weight)
    if not stage.steps:
        return True
    stage.until = world.time.now + world.settings.stage_seconds
    rollout.look_soon(world, service, world.settings.stage_seconds)
    return False


def _steps(configuration: Data) -> list[float]:
    """API_LinearConfiguration.html, API_CanaryConfiguration.html: defaults 10 and 5 percent."""
    if configuration.get("strategy") == "CANARY":
        return [float((configuration.get("canaryConfiguration") or {}).get("canaryPercent") or 5.0), 100.0]
    if configuration.get("strategy") == "LINEAR":
        step = float((configuration.get("linearConfiguration") or {}).get("stepPercent") or 10.0)
        return [min(100.0, step * number) for number in range(1, int(-(-100.0 // step)) + 1)]
    return [100.0]


def _set_weights(world: World, service: Service, primary: Deployment, weight: float) -> None:
    record = primary.service_deployment
    record["targetServiceRevision"]["requestedProductionTrafficWeight"] = weight
    for source in record["sourceServiceRevisions"]:
        source["requestedProductionTrafficWeight"] = 100.0 - weight
    for balancer in primary.revision.get("loadBalancers") or []:
        advanced = balancer.get("advancedConfiguration") or {}
        groups = [balancer.get("targetGroupArn"), advanced.get("alternateTargetGroupArn")]
        if advanced.get("productionListenerRule") and all(groups):
            green, blue = (groups[1], groups[0]) if primary.swapped else (groups[0], groups[1])
            weights = {str(green): int(weight), str(blue): int(100 - weight)}
            world.around.set_rule_weights(advanced["productionListenerRule"], weights)


def _advance(world: World, service: Service, primary: Deployment, stage: Stage) -> None:
    index = STAGES.index(stage.name) + 1
    if index == len(STAGES):
        primary.stage = None
        primary.service_deployment.pop("lifecycleStage", None)
    else:
        primary.stage = Stage(STAGES[index])
        _show(primary)
    rollout.look_soon(world, service)


def _show(primary: Deployment) -> None:
    primary.service_deployment["lifecycleStage"] = primary.stage.name
    primary.service_deployment["lifecycleHookDetails"] = primary.stage.hooks
