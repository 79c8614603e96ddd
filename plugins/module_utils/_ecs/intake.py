# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a watch knows, and how a look adds to it: which deployment is ours, what is evidence, what moved. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.slipway.aws.plugins.module_utils._ecs._codes import FAILURE, TRANSIENT, Reason, reason_of
from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import (
    Look,
    Shape,
    epoch,
    number_of,
    same_definition,
)
from ansible_collections.slipway.aws.plugins.module_utils._ecs.reasons import classify, classify_task

_DEPLOYMENT_IN_TEXT = re.compile(
    r"\(deployment (ecs-svc/\d+)\)|rolling back to deployment(?:id)? (ecs-svc/\d+)", re.IGNORECASE
)
# Reports of ECS that the deployment gets on. Starts are none: a crash loop has them for ever.
_GOOD = frozenset(("target_registered", "target_deregistered", "draining", "steady_state", "deployment_completed"))
# Verdicts of the platform that only say that it ended; a known cause explains more.
_FORMAL = ("circuit_breaker_triggered", "rollback_impossible", "rollback_started", "superseded", "user_stopped")


_COUNTS = (("running", "runningCount"), ("pending", "pendingCount"), ("failed", "failedTasks"))


@dataclass(frozen=True)
class Intent:
    """What the caller asked to follow, and after how many equal failures to give up."""

    deployment_id: str | None = None
    service_deployment_arn: str | None = None
    task_definition: str | None = None
    fail_fast: int = 3


@dataclass(frozen=True)
class Decision:
    outcome: str
    reason: Reason | None


@dataclass(frozen=True)
class Failure:
    """A task of ours that stopped. created, stopped: seconds since 1970; ran: it had reached RUNNING."""

    task: str
    reason: Reason
    created: float | None
    stopped: float | None
    ran: bool
    shape: Shape


@dataclass(frozen=True)
class Event:
    """A service event since our deployment began. seen_at: seconds since the start of the watch."""

    id: str
    at: float | None
    message: str
    reason: Reason | None
    seen_at: float


@dataclass(frozen=True)
class Marks:
    """The best that was reached so far; what goes beyond it is progress."""

    phase: str = ""
    running: int = 0
    pending: int = 0
    older: int = 0
    good: int = 0


@dataclass(frozen=True)
class State:
    """What is known of one deployment after some looks.

    ours:        its id (`ecs-svc/…`, or a task set's); "" while unknown
    arn:         its service deployment
    since:       when it was created, seconds since 1970
    met:         it was in an answer at least once
    older:       deployments that were there before it
    before:      task definition that served before it
    rollback_to: the deployment that the platform goes back to, once it does
    wants:       looks that the next judgement needs: briefs, deployment, targets, live, budget
    blind:       the stopped tasks cannot be seen
    """

    intent: Intent
    looks: int = 0
    missing: int = 0
    ours: str = ""
    arn: str = ""
    definition: str = ""
    since: float | None = None
    met: bool = False
    older: frozenset[str] = frozenset()
    before: str = ""
    had_completed: bool = False
    failures: tuple[Failure, ...] = ()
    fresh: bool = False
    events: tuple[Event, ...] = ()
    past: frozenset[str] = frozenset()
    marks: Marks | None = None
    moved_at: float = 0.0
    wants: frozenset[str] = frozenset()
    budget: float | None = None
    rollback_to: str = ""
    failed_at: float | None = None
    said: str = ""
    seen: str = ""
    blind: bool = False

    def want(self, *what: str) -> State:
        return replace(self, wants=self.wants | set(what))

    def by_arn(self, service: Shape) -> bool:
        """Whether the service deployment is what decides, not the list of deployments."""
        strategy = (service.get("deploymentConfiguration") or {}).get("strategy") or "ROLLING"
        return controller(service) == "ECS" and (strategy != "ROLLING" or bool(self.intent.service_deployment_arn))


def controller(service: Shape) -> str:
    """ECS, CODE_DEPLOY or EXTERNAL. Task sets without deployments belong to some controller outside."""
    told = (service.get("deploymentController") or {}).get("type")
    outside = bool(service.get("taskSets")) and not service.get("deployments")
    return str(told or ("EXTERNAL" if outside else "ECS"))


def sets_of(service: Shape) -> Sequence[Shape]:
    """Deployments, or task sets where the controller is not ECS."""
    if controller(service) == "ECS":
        return service.get("deployments") or []
    return service.get("taskSets") or []


def primary_of(sets: Sequence[Shape]) -> Shape | None:
    return next((entry for entry in sets if entry.get("status") == "PRIMARY"), None)


def find(sets: Sequence[Shape], identifier: str) -> Shape | None:
    """By id, by a task set's ARN, or by the id that an outside controller gave it (`d-…`)."""
    names = ("id", "taskSetArn", "externalId")
    return next((one for one in sets if identifier and any(one.get(name) == identifier for name in names)), None)


def older_running(state: State, service: Shape) -> int:
    """Tasks that other deployments still run."""
    return sum(int(one.get("runningCount") or 0) for one in sets_of(service) if one.get("id") != state.ours)


def take_in(state: State, look: Look) -> State:
    service = look.service or {}
    state = _identify(state, look, service)
    state = _tasks(state, look)
    state = _events(state, look, service)
    state = _movement(state, look, service)
    return replace(state, budget=state.budget if look.budget is None else look.budget)


# ---------------------------------------------------------------- which is ours


def _identify(state: State, look: Look, service: Shape) -> State:
    sets = sets_of(service)
    if not state.ours:
        state = replace(state, ours=_choose(state.intent, look, service, sets))
    ours, primary = find(sets, state.ours), primary_of(sets)
    if ours is not None:
        state = replace(
            state,
            ours=str(ours.get("id")),
            met=True,
            definition=state.definition or ours.get("taskDefinition") or "",
            since=epoch(ours.get("createdAt")) if state.since is None else state.since,
        )
    if primary and not state.rollback_to and not state.intent.deployment_id and is_rolling_back(primary):
        # Watching began when ours was already being rolled back.
        state = replace(state, rollback_to=str(primary.get("id")))
    if not state.older and (ours is not None or state.looks == 1):
        state = _predecessors(state, sets, ours)
    return _arn(state, look, service, ours)


def is_rolling_back(entry: Shape) -> bool:
    """Whether a deployment is the one to which the platform goes back, by its own word."""
    return "rolling back" in str(entry.get("rolloutStateReason") or "").lower()


def _choose(intent: Intent, look: Look, service: Shape, sets: Sequence[Shape]) -> str:
    """The id to follow, "" while it cannot be told."""
    if intent.deployment_id and _can_be(intent.deployment_id, service, sets):
        return intent.deployment_id
    if look.deployment:
        number = number_of((look.deployment.get("targetServiceRevision") or {}).get("arn"))
        if number:
            return _of_revision(number, sets)
    if intent.task_definition:
        matches = [
            one
            for one in sets
            if same_definition(one.get("taskDefinition"), intent.task_definition) and not is_rolling_back(one)
        ]
        matches.sort(key=lambda one: (one.get("status") == "PRIMARY", epoch(one.get("createdAt")) or 0.0))
        return str(matches[-1].get("id")) if matches else ""
    return _current(service, sets)


def _can_be(identifier: str, service: Shape, sets: Sequence[Shape]) -> bool:
    """A controller outside ECS has ids of its own, which its task sets need not show."""
    outside = controller(service) != "ECS" and not identifier.startswith("ecs-svc/")
    return not outside or find(sets, identifier) is not None


def _of_revision(number: str, sets: Sequence[Shape]) -> str:
    """The deployment of a service revision bears its number; failing that, the one in progress."""
    same = [one for one in sets if number_of(one.get("id")) == number]
    primary = primary_of(sets) or {}
    if same or primary.get("rolloutState") != "IN_PROGRESS":
        return f"ecs-svc/{number}"
    return str(primary.get("id"))


def _current(service: Shape, sets: Sequence[Shape]) -> str:
    primary = primary_of(sets)
    if primary is None:
        return str(sets[-1].get("id")) if controller(service) != "ECS" and sets else ""
    if controller(service) != "ECS":
        # The new task set is made beside the PRIMARY and becomes it at the end.
        made = epoch(primary.get("createdAt")) or 0.0
        newer = [one for one in sets if one.get("status") == "ACTIVE" and (epoch(one.get("createdAt")) or made) >= made]
        newest = max(newer, key=lambda one: epoch(one.get("createdAt")) or made, default=primary)
        return str(newest.get("id"))
    if is_rolling_back(primary):
        failed = [one for one in sets if one is not primary and one.get("rolloutState") == "FAILED"]
        return str(failed[-1].get("id")) if failed else ""
    return str(primary.get("id"))


def _predecessors(state: State, sets: Sequence[Shape], ours: Shape | None) -> State:
    """Deployments older than ours. Where ours is not in the list, none is known to be."""
    if ours is None:
        return state
    made = epoch(ours.get("createdAt"))
    others = [one for one in sets if one is not ours]
    if ours.get("status") != "PRIMARY" and made is not None:
        others = [one for one in others if (epoch(one.get("createdAt")) or made + 1) < made]
    elif ours.get("status") != "PRIMARY" and state.looks > 1:
        others = []
    served = [one for one in others if (one.get("rolloutState") or "COMPLETED") == "COMPLETED"]
    best = max(served or others, key=lambda one: int(one.get("runningCount") or 0), default=None)
    return replace(
        state,
        older=frozenset(str(one.get("id")) for one in others),
        before=state.before or ((best or {}).get("taskDefinition") or ""),
        had_completed=state.had_completed or bool(served),
    )


def _arn(state: State, look: Look, service: Shape, ours: Shape | None) -> State:
    """Our service deployment: given, else the one whose revision bears our number, else the one of our time."""
    if state.arn:
        return state
    arn = state.intent.service_deployment_arn or ""
    if not arn and state.by_arn(service):
        arn = _arn_from_briefs(state, look.briefs) or _arn_of_current(state, look, service, ours)
    return replace(state, arn=arn)


def _arn_from_briefs(state: State, briefs: Sequence[Shape] | None) -> str:
    for brief in briefs or ():
        if state.ours and number_of(brief.get("targetServiceRevisionArn")) == number_of(state.ours):
            return str(brief.get("serviceDeploymentArn"))
    near = [
        brief
        for brief in briefs or ()
        if state.since is not None and abs((epoch(brief.get("createdAt")) or 0.0) - state.since) < 60
    ]
    return str((near or briefs or ({},))[0].get("serviceDeploymentArn") or "")


def _arn_of_current(state: State, look: Look, service: Shape, ours: Shape | None) -> str:
    """The current one is ours where ours is the PRIMARY (or nothing was named) when the watch begins."""
    named = state.intent.deployment_id
    first = state.looks == 1 and (not named or (ours or {}).get("status") == "PRIMARY")
    return str(service.get("currentServiceDeployment") or "") if first else ""


# ---------------------------------------------------------------- evidence


def _tasks(state: State, look: Look) -> State:
    known = {failure.task: failure for failure in state.failures}
    fresh = False
    for task in look.stopped:
        if not state.ours and state.intent.task_definition and _means(state, task):
            state = replace(state, ours=str(task.get("startedBy") or ""))
        failure = _failure(task) if _is_ours(state, task) else None
        if failure:
            fresh = fresh or failure.task not in known
            known[failure.task] = failure
    began = [failure.created for failure in known.values() if failure.created is not None]
    if state.since is None and not state.met and began:
        state = replace(state, since=min(began))
    return replace(state, failures=tuple(known.values()), fresh=fresh)


def _means(state: State, task: Shape) -> bool:
    return same_definition(task.get("taskDefinitionArn"), state.intent.task_definition)


def _is_ours(state: State, task: Shape) -> bool:
    starter = str(task.get("startedBy") or "")
    if state.ours and starter.startswith("ecs-svc/"):
        return starter == state.ours
    if state.ours and starter == state.ours:
        return True
    created = epoch(task.get("createdAt"))
    recent = state.since is None or created is None or created >= state.since
    return recent and same_definition(task.get("taskDefinitionArn"), state.definition or state.intent.task_definition)


def _failure(task: Shape) -> Failure | None:
    reason = classify_task(task)
    if reason is None or reason.class_ not in (FAILURE, TRANSIENT):
        return None
    return Failure(
        task=str(task.get("taskArn") or ""),
        reason=reason,
        created=epoch(task.get("createdAt")),
        stopped=epoch(task.get("stoppedAt")) or epoch(task.get("stoppingAt")),
        ran=bool(task.get("startedAt")),
        shape=task,
    )


def _events(state: State, look: Look, service: Shape) -> State:
    """Events since ours began. Without its time, what the first look already had is of before."""
    known = {event.id for event in state.events} | state.past
    new: list[Event] = []
    past: set[str] = set()
    served = state.had_completed
    since = state.since if state.since is not None else _first_mention(state, service)
    for entry in service.get("events") or []:
        identifier = str(entry.get("id") or f"{entry.get('createdAt')} {entry.get('message')}")
        if identifier in known:
            continue
        at, message = epoch(entry.get("createdAt")), str(entry.get("message") or "")
        named = bool(state.ours) and state.ours in message
        old = at < since if at is not None and since is not None else state.looks == 1
        if old and not named:
            past.add(identifier)
            served = served or _was_steady(message)
        else:
            new.append(Event(identifier, at, message, _meaning(state, message), look.at))
    new.sort(key=lambda event: event.at or 0.0)
    return replace(state, events=(*state.events, *new), past=state.past | past, had_completed=served)


def _was_steady(message: str) -> bool:
    """Whether an event of before says that some deployment had come to its end: there is one to go back to."""
    reason = classify(message)
    return reason is not None and reason.code in ("steady_state", "deployment_completed")


def _first_mention(state: State, service: Shape) -> float | None:
    """When an event first named ours: it had begun by then."""
    times = [
        at
        for entry in service.get("events") or []
        if state.ours and state.ours in str(entry.get("message")) and (at := epoch(entry.get("createdAt"))) is not None
    ]
    return min(times, default=None)


def _meaning(state: State, message: str) -> Reason | None:
    """What an event says about ours: nothing, where it names another deployment of which it tells the fate."""
    reason = classify(message)
    if reason is None or reason.code == "rollback_started":
        named = _DEPLOYMENT_IN_TEXT.search(message)
        return None if named and state.ours in named.groups() else reason
    named = _DEPLOYMENT_IN_TEXT.search(message)
    return reason if not named or not state.ours or state.ours in named.groups() else None


def cause_of(state: State) -> Reason | None:
    """Why tasks of ours fail: the most frequent cause, a failure before a passing trouble, tasks before events."""
    tasks = [failure.reason for failure in state.failures]
    events = [event.reason for event in state.events if event.reason]
    for reasons in (tasks, events):
        for class_ in (FAILURE, TRANSIENT):
            found = _commonest([reason for reason in reasons if reason.class_ == class_])
            if found and (found.code != "scheduler_backoff" or reasons is events):
                return found
    return None


def _commonest(reasons: Sequence[Reason]) -> Reason | None:
    # The backoff is a consequence of the others, and never their cause.
    real = [reason for reason in reasons if reason.code != "scheduler_backoff"] or list(reasons)
    counts = Counter(reason.code for reason in real)
    generic = ("essential_container_exited", "container_start_failed")
    return max(reversed(real), key=lambda reason: (counts[reason.code], reason.code not in generic), default=None)


def platform_reason(state: State, texts: Sequence[str], default: str) -> Reason:
    """Why the platform gave up: what it names itself, else what made our tasks fail, else its formal verdict."""
    told = [reason for text in (*texts, *_fates(state), state.said) if text and (reason := classify(text))]
    for reason in told:
        if reason.class_ == FAILURE or reason.code in ("deployment_alarm_triggered", "lifecycle_hook_failed"):
            return reason
    cause = cause_of(state)
    if cause:
        return cause
    for code in _FORMAL:
        formal = next((reason for reason in told if reason.code == code), None)
        if formal:
            return formal
    return reason_of(default, next((text for text in texts if text), ""))


def _fates(state: State) -> list[str]:
    return [event.message for event in state.events if event.reason and event.reason.class_ == "verdict_failed"]


# ---------------------------------------------------------------- what moves


def _movement(state: State, look: Look, service: Shape) -> State:
    ours = find(sets_of(service), state.ours) or {}
    deployment = look.deployment or {}
    phase = " ".join(
        str(part)
        for part in (
            ours.get("status"),
            ours.get("rolloutState") or ours.get("stabilityStatus"),
            deployment.get("status"),
            deployment.get("lifecycleStage"),
            (deployment.get("targetServiceRevision") or {}).get("requestedProductionTrafficWeight"),
            ours.get("desiredCount"),
            ours.get("computedDesiredCount"),
            state.rollback_to,
        )
        if part not in (None, "")
    )
    good = sum(1 for event in state.events if event.reason and event.reason.code in _GOOD)
    now = Marks(
        phase,
        int(ours.get("runningCount") or 0),
        int(ours.get("pendingCount") or 0),
        older_running(state, service),
        good,
    )
    best = state.marks
    moved = best is None or _beyond(now, best)
    if best is not None:
        now = Marks(
            phase,
            max(now.running, best.running),
            max(now.pending, best.pending),
            min(now.older, best.older),
            good,
        )
    return replace(
        state,
        marks=now,
        moved_at=look.at if moved else state.moved_at,
        said=ours.get("rolloutStateReason") or deployment.get("statusReason") or state.said,
        seen=_summary(state, service, ours, deployment),
    )


def _beyond(now: Marks, best: Marks) -> bool:
    return (
        now.phase != best.phase
        or now.running > best.running
        or now.pending > best.pending
        or now.older < best.older
        or now.good > best.good
    )


def _summary(state: State, service: Shape, ours: Shape, deployment: Shape) -> str:
    """One line of what a look showed, for the timeline."""
    primary = primary_of(sets_of(service)) or {}
    if not ours:
        line = f"{state.ours or 'our deployment'} is not there; {primary.get('id')} is PRIMARY"
        return f"{line} {primary.get('rolloutState') or primary.get('stabilityStatus') or ''}".strip()
    rollout = ours.get("rolloutState") or ours.get("stabilityStatus") or ""
    desired = ours.get("desiredCount", ours.get("computedDesiredCount", 0))
    counts = ", ".join(f"{word} {ours.get(key, 0)}" for word, key in _COUNTS)
    parts = [f"{ours.get('id')} {ours.get('status')} {rollout}".strip(), f"desired {desired}, {counts}"]
    older = older_running(state, service)
    if older:
        parts.append(f"others run {older}")
    if primary and primary.get("id") != ours.get("id"):
        parts.append(f"{primary.get('id')} is PRIMARY {primary.get('rolloutState') or ''}".strip())
    if deployment:
        parts.append(f"{deployment.get('status')} {deployment.get('lifecycleStage') or ''}".strip())
    return "; ".join(parts)
