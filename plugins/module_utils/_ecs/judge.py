# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judging half of a rollout: `step(state, look)`, pure. Nothing here calls, waits or reads a clock.

The order of the judges is their authority: what the platform has decided, then what keeps failing, then silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ansible_collections.slipway.aws.plugins.module_utils._ecs._codes import FAILURE, Reason, reason_of
from ansible_collections.slipway.aws.plugins.module_utils._ecs.intake import (
    Decision,
    Failure,
    Intent,
    State,
    cause_of,
    controller,
    find,
    is_rolling_back,
    older_running,
    platform_reason,
    primary_of,
    sets_of,
    take_in,
)
from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import (
    DEREGISTRATION,
    STOPPING,
    Look,
    Shape,
    epoch,
    number_of,
    same_definition,
)
from ansible_collections.slipway.aws.plugins.module_utils._ecs.reasons import classify

__all__ = ["Decision", "Failure", "Intent", "State", "cause_of", "step"]

Judged = tuple[State, "Decision | None"]

# Looks after which what was not there yet will not come: DescribeServices may lag behind UpdateService for a moment.
GRACE_LOOKS = 3
MISSING_LOOKS = 2
# Seconds in which a COMPLETED deployment with sick tasks shows that it is well after all.
DIED_AGAIN = 60.0
# Seconds that a rollback may take to show after the deployment was declared failed.
ROLLBACK_SHOWS = 60.0
# Seconds without progress before it is worth finding out how long a healthy start takes.
IDLE = 120.0
# Seconds that one message of a kind that does not heal, or heals at once, may stand for itself.
PATIENCE = {"permanent": 60.0, "role_cannot_be_assumed": 120.0}
# Seconds that trouble of a kind that may pass, such as lacking capacity, may stand for itself.
PASSING = 300.0
# Seconds more for a task that is pulling an image.
PULLING = 600.0

# Causes that repeating cannot cure: equal failures count even where they come from one round of starts.
_PERMANENT = frozenset(
    (
        "image_not_found",
        "image_pull_auth",
        "architecture_mismatch",
        "disk_full",
        "secret_missing",
        "secret_invalid",
        "secret_access_denied",
        "log_driver_failure",
        "efs_mount_failed",
        "command_not_found",
        "iam_permission_denied",
        "invalid_cpu_memory",
        "task_definition_inactive",
        "resource_unavailable_device",
        "target_group_misconfigured",
        "port_conflict",
        "service_inactive",
    )
)
# Ends of tasks that had reached RUNNING: the circuit breaker may never count these.
_AFTER_START = frozenset(
    ("essential_container_exited", "oom_killed", "command_not_found", "container_dependency_failed")
)
# Events about single tasks: the tasks themselves are better evidence, and tasks of other deployments have them too.
_OF_TASKS = frozenset(("elb_health_check_failed", "container_health_check_failed", "scheduler_backoff"))
_WORKING_STAGES = frozenset(("", "RECONCILE_SERVICE", "SCALE_UP", "CLEAN_UP"))


def step(state: State, look: Look) -> Judged:
    """What is known after a look, and the decision once one is certain."""
    missing = state.missing + 1 if look.service is None else 0
    state = replace(state, looks=state.looks + 1, missing=missing, wants=frozenset())
    gone = _inactive(state, look)
    if gone or look.service is None:
        return state, gone
    state = take_in(state, look)
    for judge in _JUDGES:
        state, decision = judge(state, look, look.service)
        if decision or state.wants:
            return state, decision
    return state, None


def _inactive(state: State, look: Look) -> Decision | None:
    if look.service is None:
        # Right after CreateService a look may not find it yet.
        missing = state.missing >= MISSING_LOOKS
        return Decision("failed", reason_of("service_inactive", "The service does not exist.")) if missing else None
    status = look.service.get("status") or "ACTIVE"
    if status == "ACTIVE":
        return None
    return Decision("failed", reason_of("service_inactive", f"The service is {status}."))


# ---------------------------------------------------------------- service deployments


def _service_deployment(state: State, look: Look, service: Shape) -> Judged:
    """Native blue/green, linear and canary, and whatever is followed by its service deployment."""
    if not state.by_arn(service):
        return state, None
    if not state.arn:
        return (state if "briefs" in look.asked else state.want("briefs")), None
    found = look.deployment
    if found is None:
        return (state if "deployment" in look.asked else state.want("deployment")), None
    judge = _BY_STATUS.get(found.get("status") or "", _sd_working)
    return judge(state, look, found)


def _sd_working(state: State, look: Look, found: Shape) -> Judged:
    for hook in found.get("lifecycleHookDetails") or []:
        if hook.get("status") == "AWAITING_ACTION" and hook.get("targetType", "PAUSE") == "PAUSE":
            return state, Decision("paused", _paused(found, hook))
    return state, None


def _paused(found: Shape, hook: Shape) -> Reason:
    until = hook.get("expiresAt")
    after = f" After {until}: {hook.get('timeoutAction') or 'ROLLBACK'}." if until else ""
    text = f"Paused at {found.get('lifecycleStage') or 'a lifecycle stage'} by hook {hook.get('hookId')}.{after}"
    plain = reason_of("deployment_in_progress", text)
    return replace(
        plain,
        hint=f"Continue with: aws ecs continue-service-deployment --service-deployment-arn "
        f"{found.get('serviceDeploymentArn')} --hook-id {hook.get('hookId')} --action CONTINUE (or ROLLBACK)",
    )


def _sd_successful(state: State, look: Look, found: Shape) -> Judged:
    service = look.service or {}
    current = service.get("currentServiceDeployment")
    newer = [brief for brief in look.briefs or () if _younger(brief, found)]
    if (current and current != state.arn) or newer:
        return state, Decision(
            "superseded", reason_of("superseded", f"{current or 'Another deployment'} came after ours.")
        )
    primary = primary_of(sets_of(service))
    wanted = state.intent.task_definition
    if wanted and primary and primary.get("taskDefinition") and not same_definition(primary["taskDefinition"], wanted):
        if state.looks < GRACE_LOOKS:
            return state, None  # this may be the one before ours
        return state, Decision("superseded", _replaced_by(primary))
    return state, Decision("succeeded", reason_of("deployment_completed", found.get("statusReason") or "SUCCESSFUL"))


def _younger(brief: Shape, found: Shape) -> bool:
    ours, theirs = epoch(found.get("createdAt")), epoch(brief.get("createdAt"))
    other = brief.get("serviceDeploymentArn") != found.get("serviceDeploymentArn")
    return other and ours is not None and theirs is not None and theirs > ours


def _sd_stopped(state: State, look: Look, found: Shape) -> Judged:
    """STOPPED: by another deployment that took its place, or by somebody."""
    text = found.get("statusReason") or "The service deployment was stopped."
    said = classify(text)
    if said and said.code == "superseded":
        return state, Decision("superseded", said)
    service = look.service or {}
    current, primary = service.get("currentServiceDeployment"), primary_of(sets_of(service))
    if current and current != state.arn:
        return state, Decision("superseded", reason_of("superseded", f"{text} {current} came after ours."))
    if "briefs" not in look.asked:
        return state.want("briefs"), None
    if any(_younger(brief, found) for brief in look.briefs or ()):
        return state, Decision("superseded", reason_of("superseded", text))
    if primary and state.ours and primary.get("id") not in (state.ours, *state.older):
        return state, Decision("superseded", _replaced_by(primary))
    reason = platform_reason(state, [text], "user_stopped")
    return state, Decision("failed", reason)


def _sd_rolling_back(state: State, look: Look, found: Shape) -> Judged:
    return replace(state, rollback_to=state.rollback_to or "the last service revision"), None


def _texts_of(state: State, found: Shape) -> list[str]:
    alarms = (found.get("alarms") or {}).get("triggeredAlarmNames") or []
    triggered = [f"Deployment alarms triggered: {', '.join(alarms)}"] if alarms else []
    breaker = (found.get("deploymentCircuitBreaker") or {}).get("status") == "TRIGGERED"
    return [
        found.get("statusReason") or "",
        (found.get("rollback") or {}).get("reason") or "",
        *triggered,
        *(["circuit breaker threshold was exceeded"] if breaker else []),
    ]


def _sd_rolled_back(state: State, look: Look, found: Shape) -> Judged:
    return state, Decision("rolled_back", platform_reason(state, _texts_of(state, found), "rollback_started"))


def _sd_rollback_failed(state: State, look: Look, found: Shape) -> Judged:
    return state, Decision("failed", platform_reason(state, _texts_of(state, found), "rollback_impossible"))


_BY_STATUS: dict[str, Callable[[State, Look, Shape], Judged]] = {
    "SUCCESSFUL": _sd_successful,
    "STOPPED": _sd_stopped,
    "STOP_REQUESTED": _sd_rolling_back,
    "ROLLBACK_REQUESTED": _sd_rolling_back,
    "ROLLBACK_IN_PROGRESS": _sd_rolling_back,
    "ROLLBACK_SUCCESSFUL": _sd_rolled_back,
    "ROLLBACK_FAILED": _sd_rollback_failed,
    "FAILED": _sd_rollback_failed,
}


# ---------------------------------------------------------------- task sets


def _task_sets(state: State, look: Look, service: Shape) -> Judged:
    """Controllers CODE_DEPLOY and EXTERNAL: they have no rollout state."""
    if controller(service) == "ECS":
        return state, None
    sets = sets_of(service)
    ours, primary = find(sets, state.ours), primary_of(sets)
    if ours and ours.get("status") != "DRAINING":
        return state, _task_set_done(state, look, sets, ours)
    if ours is None and not state.met and state.looks < GRACE_LOOKS:
        return state, None
    if primary is None:
        return state, None
    if primary.get("id") in state.older or _created_before(primary, state):
        text = f"Task set {primary.get('id')} is PRIMARY again."
        return state, Decision("rolled_back", platform_reason(state, [text], "rollback_started"))
    return state, Decision("superseded", _replaced_by(primary))


def _task_set_done(state: State, look: Look, sets: Sequence[Shape], ours: Shape) -> Decision | None:
    if ours.get("stabilityStatus") != "STEADY_STATE":
        return None
    if int(ours.get("runningCount") or 0) < int(ours.get("computedDesiredCount") or 0):
        return None
    if ours.get("status") != "PRIMARY" and primary_of(sets) is not None:
        return None  # traffic still goes to the other one
    waiting = [one for one in sets if one is not ours and one.get("status") == "ACTIVE" and one.get("runningCount")]
    if waiting and look.at <= state.moved_at:
        return None  # the old one is kept to go back to: once more, in case traffic has only just been shifted
    text = f"Task set {ours.get('id')} is {ours.get('status')} and STEADY_STATE."
    return Decision("succeeded", reason_of("deployment_completed", text))


def _created_before(entry: Shape, state: State) -> bool:
    created = epoch(entry.get("createdAt"))
    return created is not None and state.since is not None and created < state.since


# ---------------------------------------------------------------- rolling deployments


def _deployments(state: State, look: Look, service: Shape) -> Judged:
    """The ECS controller by its list of deployments."""
    if controller(service) != "ECS" or (state.by_arn(service) and look.deployment is not None):
        return state, None
    sets = sets_of(service)
    ours, primary = find(sets, state.ours), primary_of(sets)
    if primary is None:
        return state, None
    if ours and ours.get("id") == primary.get("id"):
        return _own(state, look, service, ours)
    return _not_primary(state, look, service, ours, primary)


def _own(state: State, look: Look, service: Shape, ours: Shape) -> Judged:
    """Our deployment is PRIMARY."""
    wanted, rollout = state.intent.task_definition, ours.get("rolloutState")
    if wanted and ours.get("taskDefinition") and not same_definition(ours["taskDefinition"], wanted):
        return state, Decision("superseded", _replaced_by(ours))
    if rollout == "COMPLETED":
        return state, _completed(state, look, ours)
    if rollout == "FAILED":
        return _failed(state, look, service, ours)
    if not rollout:
        return state, _without_rollout_state(state, service, ours)
    return state, None


def _completed(state: State, look: Look, ours: Shape) -> Decision | None:
    running, desired = int(ours.get("runningCount") or 0), int(ours.get("desiredCount") or 0)
    sick = any(failure.reason.class_ == FAILURE for failure in state.failures)
    if running < desired and sick and look.at - state.moved_at < DIED_AGAIN:
        return None  # they were up long enough to count, and may have died again: not yet certain
    return Decision("succeeded", reason_of("deployment_completed", ours.get("rolloutStateReason") or "COMPLETED"))


def _without_rollout_state(state: State, service: Shape, ours: Shape) -> Decision | None:
    """Old APIs say nothing: alone, all running, and steady again since it began."""
    counts = [int(ours.get(key) or 0) for key in ("runningCount", "desiredCount", "pendingCount")]
    alone = len(sets_of(service)) == 1
    steady = any(event.reason and event.reason.code == "steady_state" for event in state.events)
    if state.looks > 1 and alone and steady and counts[0] == counts[1] and counts[1] > 0 and not counts[2]:
        return Decision("succeeded", reason_of("deployment_completed", "All tasks of the deployment run."))
    return None


def _rollback_enabled(service: Shape) -> bool:
    settings = service.get("deploymentConfiguration") or {}
    parts = (settings.get("deploymentCircuitBreaker") or {}, settings.get("alarms") or {})
    return any(part.get("enable") and part.get("rollback") for part in parts)


def _failed(state: State, look: Look, service: Shape, ours: Shape) -> Judged:
    """Our deployment is PRIMARY and FAILED: the end, unless the platform is about to go back."""
    state = replace(state, failed_at=look.at if state.failed_at is None else state.failed_at)
    if state.failed_at is None:
        raise AssertionError("state.failed_at has to be known here")
    waited = look.at - state.failed_at
    impossible = any(event.reason and event.reason.code == "rollback_impossible" for event in state.events)
    if _rollback_enabled(service) and not impossible:
        if not state.had_completed and "briefs" not in look.asked:
            return state.want("briefs"), None
        candidate = state.had_completed or any(brief.get("status") == "SUCCESSFUL" for brief in look.briefs or ())
        # Where no candidate is known there may still be one that was gone before the first look.
        if waited < ROLLBACK_SHOWS if candidate else waited == 0:
            return replace(state, had_completed=candidate), None
        impossible = not candidate
    default = "rollback_impossible" if impossible else "circuit_breaker_triggered"
    return state, Decision("failed", platform_reason(state, [ours.get("rolloutStateReason") or ""], default))


def _not_primary(state: State, look: Look, service: Shape, ours: Shape | None, primary: Shape) -> Judged:
    """Another deployment is PRIMARY: a rollback of ours, or somebody else's."""
    texts = [(ours or {}).get("rolloutStateReason") or "", *_sd_texts(state, look)]
    if state.rollback_to or _shows_rollback(state, primary):
        return _follow_back(state, primary, texts)
    unseen = not state.ours or (ours is None and not state.met and not state.failures)
    if unseen and state.looks < GRACE_LOOKS:
        return state, None  # not visible yet, or over before the first look
    if "briefs" not in look.asked:
        return state.want("briefs"), None
    if _must_be_rollback(state, look, service, ours, primary):
        return _follow_back(state, primary, texts)
    if ours is not None and ours.get("rolloutState") == "FAILED":
        return state, Decision("failed", platform_reason(state, texts, "circuit_breaker_triggered"))
    return state, Decision("superseded", _replaced_by(primary))


def _follow_back(state: State, primary: Shape, texts: Sequence[str]) -> Judged:
    state = replace(state, rollback_to=state.rollback_to or str(primary.get("id")))
    return state, _rolled_back(state, primary, texts)


def _brief_of_ours(state: State, look: Look) -> Shape | None:
    """Our service deployment among the briefs: by its ARN, by the number that ids share, or by its time."""
    for brief in look.briefs or ():
        if state.arn and brief.get("serviceDeploymentArn") == state.arn:
            return brief
        if state.ours and number_of(brief.get("targetServiceRevisionArn")) == number_of(state.ours):
            return brief
    for brief in look.briefs or ():
        created = epoch(brief.get("createdAt")) or epoch(brief.get("startedAt"))
        if created is not None and state.since is not None and abs(created - state.since) < 3:
            return brief
    # Not knowing which is ours, the newest is, as long as nothing else was deployed.
    return look.briefs[0] if look.briefs and not state.ours else None


def _sd_texts(state: State, look: Look) -> list[str]:
    brief = _brief_of_ours(state, look)
    return [brief.get("statusReason") or ""] if brief else []


def _shows_rollback(state: State, primary: Shape) -> bool:
    """Whether the platform says that it goes back, or a deployment older than ours is PRIMARY again."""
    if primary.get("id") in state.older or is_rolling_back(primary):
        return True
    return any(event.reason and event.reason.code == "rollback_started" for event in state.events)


def _must_be_rollback(state: State, look: Look, service: Shape, ours: Shape | None, primary: Shape) -> bool:
    """Whether nothing else explains that ours is gone or FAILED while the old revision is PRIMARY."""
    brief = _brief_of_ours(state, look)
    if brief:
        return str(brief.get("status")).startswith("ROLLBACK")
    over = ours is None or ours.get("rolloutState") == "FAILED"
    known = state.ours and (state.met or state.failures)
    if not known or not over or same_definition(primary.get("taskDefinition"), state.definition):
        return False
    enabled = ours is not None and _rollback_enabled(service)
    return enabled or same_definition(primary.get("taskDefinition"), state.before) or _created_before(primary, state)


def _rolled_back(state: State, primary: Shape, texts: Sequence[str]) -> Decision | None:
    """The rollback is followed to its end."""
    rollout = primary.get("rolloutState")
    if primary.get("id") != state.rollback_to and primary.get("id") not in state.older:
        # Somebody deployed on top of the rollback: ours failed all the same.
        return Decision("failed", platform_reason(state, texts, "rollback_started"))
    if rollout == "FAILED":
        return Decision(
            "failed", platform_reason(state, [primary.get("rolloutStateReason") or "", *texts], "rollback_impossible")
        )
    steady = int(primary.get("runningCount") or 0) >= int(primary.get("desiredCount") or 0) > 0
    if rollout == "COMPLETED" or (not rollout and steady):
        return Decision("rolled_back", platform_reason(state, texts, "rollback_started"))
    return None


def _replaced_by(primary: Shape) -> Reason:
    text = f"{primary.get('id')} of {number_of(primary.get('taskDefinition'))} is PRIMARY now."
    return reason_of("superseded", text)


# ---------------------------------------------------------------- what keeps failing


def _failing(state: State, look: Look, service: Shape) -> Judged:
    """The same cause again and again, where no rollback of the platform will answer it."""
    reason = _repeated(state, look, service)
    if reason is None or state.rollback_to or state.failed_at is not None or _platform_will_act(state, look, service):
        return state, None
    return state, Decision("failed", reason)


def _repeated(state: State, look: Look, service: Shape) -> Reason | None:
    limit = state.intent.fail_fast
    bad = [failure for failure in state.failures if failure.reason.class_ == FAILURE]
    if bad and not (_all_run(state, service) and not state.fresh):
        for code in dict.fromkeys(failure.reason.code for failure in reversed(bad)):
            same = [failure for failure in bad if failure.reason.code == code]
            if len(same) >= limit and (code in _PERMANENT or _rounds(same) >= 2):
                return same[-1].reason
        if len(bad) > 2 * limit:
            return cause_of(state)
    inside = [failure for failure in state.failures if failure.reason.code == "internal_error"]
    if len(inside) >= 2 * limit:
        return inside[-1].reason
    return _uncounted(state, service) or _repeated_events(state, service)


def _uncounted(state: State, service: Shape) -> Reason | None:
    """Failures that only the deployment's count shows, because the tasks cannot be listed."""
    ours = find(sets_of(service), state.ours) or {}
    if state.failures or int(ours.get("failedTasks") or 0) < state.intent.fail_fast or _all_run(state, service):
        return None
    if not state.blind:
        return None
    return cause_of(state) or reason_of(
        "scheduler_backoff", f"{ours.get('failedTasks')} tasks of the deployment failed."
    )


def _repeated_events(state: State, service: Shape) -> Reason | None:
    if _all_run(state, service):
        return None
    messages = [event.reason for event in state.events if event.reason and event.reason.class_ == FAILURE]
    if any(reason.code == "scheduler_backoff" for reason in messages):
        return cause_of(state)
    for reason in reversed(messages):
        same = sum(1 for other in messages if other.code == reason.code)
        if same >= state.intent.fail_fast and (state.blind or reason.code not in _OF_TASKS):
            return reason
    return None


def _all_run(state: State, service: Shape) -> bool:
    ours = find(sets_of(service), state.ours) or {}
    desired = int(ours.get("desiredCount") or ours.get("computedDesiredCount") or 0)
    return desired > 0 and int(ours.get("runningCount") or 0) >= desired


def _rounds(failures: Iterable[Failure]) -> int:
    """How often a start was repeated: a task belongs to a new round when it was made after one had ended."""
    rounds, ended = 0, None
    for failure in sorted(failures, key=lambda each: each.created or 0.0):
        if failure.created is None or ended is None or failure.created >= ended:
            rounds += 1
            ended = failure.stopped if failure.stopped is not None else failure.created
    return rounds


def _platform_will_act(state: State, look: Look, service: Shape) -> bool:
    """Whether a circuit breaker with rollback is counting these failures, and has something to go back to."""
    breaker = (service.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
    if not (breaker.get("enable") and breaker.get("rollback") and state.had_completed):
        return False
    bad = [failure for failure in state.failures if failure.reason.class_ == FAILURE]
    if len(bad) > 2 * _threshold(breaker, look, service) + state.intent.fail_fast:
        return False
    counted = (find(sets_of(service), state.ours) or {}).get("failedTasks")
    died_later = bool(bad) and all(failure.ran and failure.reason.code in _AFTER_START for failure in bad)
    return not (counted == 0 and died_later)


def _threshold(breaker: Shape, look: Look, service: Shape) -> int:
    """After how many failures the breaker trips: what it says, else half the desired count within 3 and 200."""
    told = ((look.deployment or {}).get("deploymentCircuitBreaker") or {}).get("threshold")
    settings = breaker.get("thresholdConfiguration") or {}
    desired = int(service.get("desiredCount") or 0)
    value = int(settings.get("value") or 0)
    if not told and value:
        told = value if settings.get("type", "COUNT") == "COUNT" else -(-desired * value // 100)
    return int(told) if told else max(3, min(200, -(-desired // 2)))


# ---------------------------------------------------------------- silence


def _blocked(state: State, look: Look, service: Shape) -> Judged:
    """One message of trouble, and no progress after it: equal messages are suppressed for hours."""
    if state.rollback_to or state.failed_at is not None:
        return state, None
    troubles = [event for event in state.events if event.reason and event.reason.class_ == FAILURE]
    if not troubles or (
        _all_run(state, service) and troubles[-1].reason and troubles[-1].reason.code not in _ABOUT_OLD
    ):
        return state, None
    last = troubles[-1]
    if last.reason is None:
        raise AssertionError("last.reason has to be known here")
    quiet = look.at - max(last.seen_at, state.moved_at)
    patience = _patience(state, last.reason.code)
    if patience is None:
        return (state.want("budget"), None) if quiet >= IDLE else (state, None)
    if quiet < patience or (quiet < 3 * patience and _platform_will_act(state, look, service)):
        return state, None
    return state, Decision("failed", cause_of(state) or last.reason)


_ABOUT_OLD = frozenset(("task_protection", "deployment_config_blocks"))


def _patience(state: State, code: str) -> float | None:
    """Seconds of silence after which a message of this code is the cause; None while that is not known."""
    if code == "task_protection":
        return None if state.budget is None else state.budget + DEREGISTRATION + STOPPING
    if code == "deployment_config_blocks":
        return 0.01  # no count can move: seen once more without progress, it is certain
    if code in PATIENCE:
        return PATIENCE[code]
    if code in _PERMANENT:
        return PATIENCE["permanent"]
    return None if state.budget is None else min(PASSING, state.budget)


def _idle(state: State, look: Look, service: Shape) -> Judged:
    """No progress for longer than a healthy start needs."""
    idle = look.at - state.moved_at
    if idle < IDLE or state.rollback_to or state.failed_at is not None or _resting(state, look, service):
        return state, None
    if state.budget is None:
        return state.want("budget"), None
    draining = _all_run(state, service) and older_running(state, service)
    limit = state.budget + (DEREGISTRATION + STOPPING if draining else 0.0)
    if idle < limit:
        return state, None
    if not {"targets", "live"} <= look.asked:
        return state.want("targets", "live"), None
    live = [task for task in look.live or () if task.get("startedBy") == state.ours]
    if idle < limit + PULLING and any(_pulling(task) for task in live):
        return state, None
    return state, _stalled(state, look, idle, limit)


def _stalled(state: State, look: Look, idle: float, limit: float) -> Decision:
    reason = cause_of(state) or _unhealthy(look)
    if reason:
        return Decision("failed", reason)
    waiting = reason_of("deployment_in_progress", state.said or state.seen)
    hint = f"Nothing moved for {round(idle)} s, a healthy start needs {round(limit)} s: see tasks, targets and logs."
    return Decision("stalled", replace(waiting, hint=hint))


def _pulling(task: Shape) -> bool:
    return bool(task.get("pullStartedAt")) and not task.get("pullStoppedAt")


def _unhealthy(look: Look) -> Reason | None:
    for entry in look.targets or ():
        health = entry.get("TargetHealth") or {}
        if health.get("State") in ("unhealthy", "unused"):
            target = (entry.get("Target") or {}).get("Id")
            text = f"{health.get('Reason') or ''} {health.get('Description') or ''}".strip() or str(health.get("State"))
            code = "target_group_misconfigured" if health.get("State") == "unused" else "elb_health_check_failed"
            return reason_of(code, f"Target {target} is {health.get('State')}: {text}")
    return None


def _resting(state: State, look: Look, service: Shape) -> bool:
    """Whether standing still is what it should do now: a bake, a hook, a step of traffic, a task set that waits."""
    if look.deployment is not None:
        stage = look.deployment.get("lifecycleStage") or ""
        hooks = look.deployment.get("lifecycleHookDetails") or []
        busy = any(hook.get("status") in ("IN_PROGRESS", "AWAITING_ACTION") for hook in hooks)
        return busy or stage not in _WORKING_STAGES
    if controller(service) != "ECS":
        ours = find(sets_of(service), state.ours) or {}
        return ours.get("stabilityStatus") == "STEADY_STATE"
    alarms = (service.get("deploymentConfiguration") or {}).get("alarms") or {}
    return bool(alarms.get("enable")) and _all_run(state, service) and not older_running(state, service)


_JUDGES: tuple[Callable[[State, Look, Shape], Judged], ...] = (
    _service_deployment,
    _task_sets,
    _deployments,
    _failing,
    _blocked,
    _idle,
)
