# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The services of one release as a unit: watched together, and taken back together where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.slipway.aws.plugins.module_utils._ecs.intake import Intent
from ansible_collections.slipway.aws.plugins.module_utils._ecs.revert import Ours, Reverted, revert
from ansible_collections.slipway.aws.plugins.module_utils._ecs.rollout import Verdict, Watch, drive
from ansible_collections.slipway.aws.plugins.module_utils._ecs.telling import hint_of, reverted_told, what_of, why_of
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._lease import Lease
from ansible_collections.slipway.aws.plugins.module_utils._wait import Clock

# Verdicts after which our own deployments may be taken back. The others are not ours to answer, or not failures.
_TAKE_BACK = ("failed", "stalled", "timed_out")


class Aws(Protocol):
    def client(self, service: str) -> Any: ...


@dataclass(frozen=True)
class Release:
    """What was released and how to wait for it: the options of ecs_deployment_wait."""

    cluster: str
    services: Sequence[Mapping[str, Any]]
    timeout: float
    poll_interval: float = 5.0
    fail_fast: int = 3
    on_failure: str = "report"
    log_lines: int = 20
    task_definition: str | None = None
    lease: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Release:
        names = ("cluster", "services", "timeout", "poll_interval", "fail_fast", "on_failure", "log_lines")
        return cls(
            **{name: params[name] for name in names},
            task_definition=params.get("task_definition"),
            lease=params.get("lease"),
        )


def release(wanted: Release, aws: Aws, clock: Clock) -> dict[str, Any]:
    """The result of a release that serves. Raises SlipwayError, with the same result as details, for any other."""
    began = clock.monotonic()
    lease = Lease.of(aws.client("dynamodb"), wanted.lease, clock=clock) if wanted.lease else None
    watches = [_watch(wanted, aws, service) for service in wanted.services]
    verdicts = drive(
        watches,
        timeout=wanted.timeout,
        poll_interval=wanted.poll_interval,
        clock=clock,
        beat=lease.keep if lease else None,
    )
    bad = next((verdict for verdict in verdicts if verdict and verdict.outcome != "succeeded"), None)
    result = _result(watches, verdicts, bad)
    if bad is None:
        return {"changed": False, **result}
    reverted: list[Reverted] = []
    if wanted.on_failure == "rollback" and bad.outcome in _TAKE_BACK:
        reverted = _take_back(wanted, aws, clock, watches, lease)
    rollback = [one.as_dict() for one in reverted]
    if rollback:
        result["rollback"] = rollback
    result["waited_s"] = round(clock.monotonic() - began, 3)
    told = f"Rollback: {reverted_told(rollback)}" if rollback else ""
    hint = "\n".join(part for part in (told, hint_of(bad)) if part)
    changed = any(one.action in ("stopped", "updated") for one in reverted)
    raise SlipwayError(what_of(bad, wanted.cluster), why_of(bad), hint, changed=changed, **result)


def _watch(wanted: Release, aws: Aws, service: Mapping[str, Any]) -> Watch:
    return Watch.of(
        ecs=aws.client("ecs"),
        elbv2=aws.client("elbv2"),
        cloudwatch=aws.client("cloudwatch"),
        logs=aws.client("logs") if wanted.log_lines else None,
        cluster=wanted.cluster,
        service=service["name"],
        intent=Intent(
            service.get("deployment_id"),
            service.get("service_deployment_arn"),
            service.get("task_definition") or wanted.task_definition,
            wanted.fail_fast,
        ),
        log_lines=wanted.log_lines,
    )


def _result(watches: Sequence[Watch], verdicts: Sequence[Verdict | None], bad: Verdict | None) -> dict[str, Any]:
    entries = [
        verdict.as_dict() if verdict else _unended(watch) for verdict, watch in zip(verdicts, watches, strict=True)
    ]
    first = bad.as_dict() if bad else (entries[0] if entries else {})
    return {
        "verdict": first.get("verdict", "succeeded"),
        "reason": first.get("reason"),
        "evidence": first.get("evidence", {}),
        "timeline": first.get("timeline", []),
        "services": entries,
        "waited_s": max((float(entry["waited_s"]) for entry in entries), default=0.0),
        "api_calls": sum(watch.eyes.calls for watch in watches),
    }


def _unended(watch: Watch) -> dict[str, Any]:
    """A service whose deployment was still going when another one failed."""
    return {
        "service": watch.eyes.name,
        "verdict": None,
        "reason": None,
        "deployment_id": watch.state.ours,
        "service_deployment_arn": watch.state.arn,
        "task_definition": watch.state.definition,
        "previous_task_definition": watch.state.before,
        "evidence": {},
        "timeline": watch.timeline,
        "waited_s": watch.last.at if watch.last else 0.0,
        "api_calls": watch.eyes.calls,
    }


def _take_back(
    wanted: Release, aws: Aws, clock: Clock, watches: Sequence[Watch], lease: Lease | None
) -> list[Reverted]:
    """Every service of the release, last first, each followed to its end. One that cannot go back stops no other."""
    check: Callable[[], None] | None = lease.check if lease else None
    results = []
    for watch, service in reversed(list(zip(watches, wanted.services, strict=True))):
        ours = Ours(
            watch.eyes.name,
            watch.state.ours,
            watch.state.arn,
            service.get("rollback_to") or watch.state.before,
        )
        results.append(
            revert(
                ecs=aws.client("ecs"),
                cluster=wanted.cluster,
                ours=ours,
                timeout=wanted.timeout,
                poll_interval=wanted.poll_interval,
                clock=clock,
                beat=lease.keep if lease else None,
                check=check,
            )
        )
    return results
