# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Following one deployment of an ECS service to a verdict.

`step(state, look)` is pure: it takes what is known and one look, and gives what is known then, with a decision once it
is certain. `Watch` makes the looks, `watch_rollout` drives one watch with a clock.

A deployment is followed by its id, never by "PRIMARY" or by counts: what is PRIMARY and steady after a rollback is the
old revision. Only tasks that our deployment started and events since it began are evidence.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs._codes import Reason
from ansible_collections.slipway.aws.plugins.module_utils._ecs.evidence import evidence_of
from ansible_collections.slipway.aws.plugins.module_utils._ecs.judge import Decision, Intent, State, cause_of, step
from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import THROTTLES, Eyes, Look, Shape, healthy_start
from ansible_collections.slipway.aws.plugins.module_utils._ecs.reasons import classify
from ansible_collections.slipway.aws.plugins.module_utils._errors import explain, is_code
from ansible_collections.slipway.aws.plugins.module_utils._wait import Clock

__all__ = ["Decision", "Intent", "Look", "State", "Verdict", "Watch", "drive", "step", "watch_rollout"]

# Errors of one look at the service that pass by themselves: the network between us and AWS.
_PASSING = ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError")
# Under throttling the pause grows up to so many intervals: botocore waits between its own repeats besides.
LONGEST_PAUSE = 3
_JITTER = random.SystemRandom()


@dataclass(frozen=True)
class Verdict:
    """How a deployment ended.

    outcome:  succeeded | rolled_back | failed | superseded | paused | stalled | timed_out
    reason:   why, with the text as AWS gave it and what to do
    evidence: stopped_tasks, targets, events, alarms, unseen (looks that were refused)
    timeline: [{at: seconds, seen: text}], what changed when
    """

    outcome: str
    reason: Reason | None
    evidence: dict[str, Any]
    timeline: list[dict[str, Any]]
    waited_s: float
    api_calls: int
    service: str = ""
    deployment_id: str = ""
    service_deployment_arn: str = ""
    task_definition: str = ""
    before: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "verdict": self.outcome,
            "reason": self.reason.as_dict() if self.reason else None,
            "deployment_id": self.deployment_id,
            "service_deployment_arn": self.service_deployment_arn,
            "task_definition": self.task_definition,
            "previous_task_definition": self.before,
            "evidence": self.evidence,
            "timeline": self.timeline,
            "waited_s": self.waited_s,
            "api_calls": self.api_calls,
        }


@dataclass
class Watch:
    """One service under watch: look, judge, remember what was seen when."""

    eyes: Eyes
    state: State
    logs: Any = None
    log_lines: int = 20
    timeline: list[dict[str, Any]] = field(default_factory=list)
    throttled: bool = False
    last: Look | None = None

    @classmethod
    def of(
        cls,
        *,
        ecs: Any,
        cluster: str,
        service: str,
        intent: Intent,
        elbv2: Any = None,
        cloudwatch: Any = None,
        logs: Any = None,
        log_lines: int = 20,
    ) -> Watch:
        eyes = Eyes(ecs=ecs, cluster=cluster, name=service, elbv2=elbv2, cloudwatch=cloudwatch)
        return cls(eyes=eyes, state=State(intent=intent), logs=logs, log_lines=log_lines)

    def poll(self, at: float) -> Verdict | None:
        """One look and its judgement; None while nothing is certain."""
        look = self._look(at)
        if look is None:
            return None
        before = self.state
        self.state, decision = step(before, look)
        # What the judge asks for is looked up at once: a verdict must not wait for the next poll.
        while decision is None and self.state.wants - look.asked:
            look = self._more(look, look.service or {}, self.state.wants - look.asked)
            self.state, decision = step(before, look)
        self.last = look
        self._remember(before, look)
        return self._verdict(decision, at) if decision else None

    def time_out(self, at: float) -> Verdict:
        """The verdict when time is up: the best cause that is known, else what was seen last."""
        seen = self.timeline[-1]["seen"] if self.timeline else "The service could not be looked at."
        reason = cause_of(self.state) or classify("deployment in progress")
        if reason and reason.code == "deployment_in_progress":
            reason = Reason(reason.code, reason.class_, self.state.said or seen, reason.hint)
        return self._verdict(Decision("timed_out", reason), at)

    def _look(self, at: float) -> Look | None:
        try:
            service = self.eyes.service()
        except Exception as error:
            self.throttled = is_code(error, *THROTTLES)
            if self.throttled or type(error).__name__ in _PASSING:
                return None
            raise explain(error, f"Looking at service {self.eyes.name} of cluster {self.eyes.cluster}") from error
        self.throttled = False
        stopped = self.eyes.stopped() if service else ()
        arn = self.state.arn or self.state.intent.service_deployment_arn or ""
        self.state = replace(self.state, blind="stopped tasks" in self.eyes.unseen)
        if service and arn and self.state.by_arn(service):
            return Look(at, service, stopped, self.eyes.deployment(arn), asked=frozenset(("deployment",)))
        return Look(at, service, stopped)

    def _more(self, look: Look, service: Shape, wants: frozenset[str]) -> Look:
        """The same look with what the judge wants besides; what cannot be had is None, and asked all the same."""
        read: dict[str, Callable[[], Any]] = {
            "briefs": self.eyes.briefs,
            "deployment": lambda: self.eyes.deployment(self.state.arn),
            "targets": lambda: self.eyes.targets(service),
            "live": self.eyes.live,
            "budget": lambda: self._budget(service),
        }
        return replace(look, asked=look.asked | wants, **{what: read[what]() for what in sorted(wants)})

    def _budget(self, service: Shape) -> float:
        definition = self.eyes.definition(self.state.definition or service.get("taskDefinition"))
        return healthy_start(service, definition, self.eyes.health_checks(service))

    def _remember(self, before: State, look: Look) -> None:
        if self.state.seen != before.seen:
            self.timeline.append({"at": round(look.at, 1), "seen": self.state.seen})
        known = {event.id for event in before.events}
        for event in self.state.events:
            if event.id not in known:
                self.timeline.append({"at": round(look.at, 1), "seen": event.message})

    def _verdict(self, decision: Decision, at: float) -> Verdict:
        self.timeline.append({"at": round(at, 1), "seen": f"verdict: {decision.outcome}"})
        evidence = evidence_of(self.eyes, self.state, self.last, decision.outcome, logs=self.logs, lines=self.log_lines)
        return Verdict(
            outcome=decision.outcome,
            reason=decision.reason,
            evidence=evidence,
            timeline=self.timeline,
            waited_s=round(at, 3),
            api_calls=self.eyes.calls,
            service=self.eyes.name,
            deployment_id=self.state.ours,
            service_deployment_arn=self.state.arn,
            task_definition=self.state.definition,
            before=self.state.before,
        )


def drive(
    watches: Sequence[Watch],
    *,
    timeout: float,
    poll_interval: float = 5.0,
    clock: Clock | None = None,
    stop_at_failure: bool = True,
    beat: Callable[[], None] | None = None,
) -> list[Verdict | None]:
    """Watch several services side by side until all have a verdict, in the order of `watches`.

    stop_at_failure: the first verdict that is not `succeeded` ends it; those without one then have None.
    beat:            called at every round, for what has to be renewed while waiting.
    """
    clock = clock or time
    start, pause = clock.monotonic(), poll_interval
    verdicts: list[Verdict | None] = [None] * len(watches)
    while True:
        if beat:
            beat()
        for place, watch in enumerate(watches):
            if verdicts[place] is None:
                verdicts[place] = watch.poll(clock.monotonic() - start)
        if _over(verdicts, stop_at_failure):
            return verdicts
        waited = clock.monotonic() - start
        if waited >= timeout:
            return [verdict or watch.time_out(waited) for verdict, watch in zip(verdicts, watches, strict=True)]
        throttled = any(watch.throttled for watch in watches)
        pause = min(max(pause, poll_interval) * 2, LONGEST_PAUSE * poll_interval) if throttled else poll_interval
        clock.sleep(max(0.01, min(pause * _JITTER.uniform(0.9, 1.1), timeout - waited)))


def _over(verdicts: Sequence[Verdict | None], stop_at_failure: bool) -> bool:
    if stop_at_failure and any(verdict and verdict.outcome != "succeeded" for verdict in verdicts):
        return True
    return all(verdicts)


def watch_rollout(
    *,
    ecs: Any,
    elbv2: Any = None,
    cloudwatch: Any = None,
    logs: Any = None,
    cluster: str,
    service: str,
    deployment_id: str | None = None,
    service_deployment_arn: str | None = None,
    task_definition: str | None = None,
    timeout: float,
    poll_interval: float = 5.0,
    fail_fast: int = 3,
    clock: Clock | None = None,
    log_lines: int = 20,
    beat: Callable[[], None] | None = None,
) -> Verdict:
    """Follow one deployment of `service` to its verdict. All times are seconds.

    deployment_id, service_deployment_arn: what to follow; else the current PRIMARY, taken once at the start
    task_definition: what we meant to deploy (ARN or family:revision)
    fail_fast: so many equal failures of our tasks make a verdict before the platform would
    Raises SlipwayError where DescribeServices itself is refused.
    """
    watch = Watch.of(
        ecs=ecs,
        cluster=cluster,
        service=service,
        intent=Intent(deployment_id, service_deployment_arn, task_definition, fail_fast),
        elbv2=elbv2,
        cloudwatch=cloudwatch,
        logs=logs,
        log_lines=log_lines,
    )
    verdict = drive([watch], timeout=timeout, poll_interval=poll_interval, clock=clock, beat=beat)[0]
    if verdict is None:
        raise AssertionError("verdict has to be known here")
    return verdict
