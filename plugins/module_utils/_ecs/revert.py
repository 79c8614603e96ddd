# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking back our own deployment of a service, and following that to its end.

Nothing is touched where another deployment than ours is PRIMARY: the platform has gone back already, or somebody else
has deployed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs.intake import controller, find, primary_of, sets_of
from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import Eyes, Shape, number_of
from ansible_collections.slipway.aws.plugins.module_utils._ecs.rollout import Verdict, watch_rollout
from ansible_collections.slipway.aws.plugins.module_utils._errors import error_code, explain
from ansible_collections.slipway.aws.plugins.module_utils._wait import Clock

_RUNNING = ("PENDING", "IN_PROGRESS")


@dataclass(frozen=True)
class Ours:
    """What this release did to a service. to: the task definition that served before, "" where it is not known."""

    service: str
    deployment_id: str
    service_deployment_arn: str = ""
    to: str = ""


@dataclass(frozen=True)
class Reverted:
    """action: stopped | updated | left_alone | impossible; back: it ended on the old revision."""

    service: str
    action: str
    back: bool
    text: str
    verdict: Verdict | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "action": self.action,
            "back": self.back,
            "text": self.text,
            "verdict": self.verdict.outcome if self.verdict else None,
            "waited_s": self.verdict.waited_s if self.verdict else 0.0,
        }


def revert(
    *,
    ecs: Any,
    cluster: str,
    ours: Ours,
    timeout: float,
    poll_interval: float = 5.0,
    clock: Clock | None = None,
    beat: Callable[[], None] | None = None,
    check: Callable[[], None] | None = None,
) -> Reverted:
    """Go back, if ours is still PRIMARY. `check` is called right before something is changed."""
    eyes = Eyes(ecs=ecs, cluster=cluster, name=ours.service)
    service = eyes.service()
    refusal = _refusal(service, ours, cluster)
    if refusal or service is None:
        return Reverted(ours.service, "left_alone", False, refusal)
    if check:
        check()
    follow: dict[str, Any] = {
        "ecs": ecs,
        "cluster": cluster,
        "service": ours.service,
        "timeout": timeout,
        "poll_interval": poll_interval,
        "clock": clock or time,
        "beat": beat,
    }
    arn = _stoppable(eyes, service, ours)
    if arn and _stop(ecs, arn):
        verdict = watch_rollout(**follow, deployment_id=ours.deployment_id, service_deployment_arn=arn)
        return _ended(ours, "stopped", verdict, verdict.outcome == "rolled_back")
    if not ours.to:
        text = "No earlier task definition is known: nothing to go back to."
        return Reverted(ours.service, "impossible", False, text)
    try:
        answer = ecs.update_service(cluster=cluster, service=ours.service, taskDefinition=ours.to)
    except Exception as error:
        # The verdict is what people have to hear of; that going back was refused comes with it.
        return Reverted(ours.service, "impossible", False, explain(error).text)
    primary = primary_of(sets_of(answer.get("service") or {})) or {}
    verdict = watch_rollout(**follow, deployment_id=primary.get("id"), task_definition=ours.to)
    return _ended(ours, "updated", verdict, verdict.outcome == "succeeded")


def _stop(ecs: Any, arn: str) -> bool:
    """Whether StopServiceDeployment was taken. Where it is not, the service can still be updated."""
    try:
        ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    except Exception as error:
        if not error_code(error):
            raise
        return False
    return True


def _refusal(service: Shape | None, ours: Ours, cluster: str) -> str:
    """Why nothing may be touched, "" where it may."""
    if service is None or (service.get("status") or "ACTIVE") != "ACTIVE":
        return "The service is gone."
    if controller(service) != "ECS":
        return f"Its deployments belong to {controller(service)}: stop the deployment there."
    primary = primary_of(sets_of(service))
    if not ours.deployment_id or primary is None or primary.get("id") != ours.deployment_id:
        found = primary.get("id") if primary else "nothing"
        return f"Our deployment {ours.deployment_id or '(unknown)'} is not PRIMARY in cluster {cluster}, {found} is."
    return ""


def _stoppable(eyes: Eyes, service: Shape, ours: Ours) -> str:
    """Our service deployment while it runs; "" where there is none, or none that can be seen."""
    arn = ours.service_deployment_arn or str(service.get("currentServiceDeployment") or "")
    entry = find(sets_of(service), ours.deployment_id) or {}
    if not arn or (entry.get("rolloutState") == "COMPLETED" and not ours.service_deployment_arn):
        return ""
    found = eyes.deployment(arn) or {}
    revision = number_of((found.get("targetServiceRevision") or {}).get("arn"))
    is_ours = bool(ours.service_deployment_arn) or revision in ("", number_of(ours.deployment_id))
    return arn if found.get("status") in _RUNNING and is_ours else ""


def _ended(ours: Ours, action: str, verdict: Verdict, back: bool) -> Reverted:
    to = number_of(ours.to) or "the last revision"
    if back:
        return Reverted(ours.service, action, True, f"went back to {to} in {round(verdict.waited_s)} s", verdict)
    why = f": {verdict.reason.text}" if verdict.reason and verdict.reason.text else ""
    return Reverted(ours.service, action, False, f"going back to {to} ended {verdict.outcome}{why}", verdict)
