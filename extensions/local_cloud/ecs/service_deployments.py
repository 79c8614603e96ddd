# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ListServiceDeployments, DescribeServiceDeployments, DescribeServiceRevisions, Stop- and ContinueServiceDeployment.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
"""

from __future__ import annotations

from . import errors, messages, records, rollout, staged
from .world import Data, Deployment, Service, World, page

BRIEF = (
    "serviceDeploymentArn",
    "serviceArn",
    "clusterArn",
    "startedAt",
    "createdAt",
    "finishedAt",
    "status",
    "statusReason",
)
DESCRIBE_MAXIMUM = 20


def list_briefs(world: World, request: Data) -> Data:
    service = world.service(request.get("cluster"), request["service"])
    window = request.get("createdAt") or {}
    statuses = request.get("status") or []
    found = [
        _brief(record)
        for record in world.service_deployments.values()
        if record["serviceArn"] == service.data["serviceArn"]
        and (not statuses or record["status"] in statuses)
        and window.get("after", 0) <= record["createdAt"] <= window.get("before", float("inf"))
    ]
    briefs, more = page(reversed(found), request)
    return {"serviceDeployments": briefs, **more}


def describe(world: World, request: Data) -> Data:
    arns = request["serviceDeploymentArns"]
    if len(arns) > DESCRIBE_MAXIMUM:
        raise errors.invalid(f"serviceDeploymentArns cannot have more than {DESCRIBE_MAXIMUM} elements.")
    return _split("serviceDeployments", world.service_deployments, arns)


def describe_revisions(world: World, request: Data) -> Data:
    return _split("serviceRevisions", world.revisions, request["serviceRevisionArns"])


def stop(world: World, request: Data) -> Data:
    service, deployment = _find(world, request["serviceDeploymentArn"])
    record = world.service_deployments[request["serviceDeploymentArn"]]
    if record["status"] in ("STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"):
        # "The service deployment continues the rollback operation": stop-service-deployment.html
        return {"serviceDeploymentArn": request["serviceDeploymentArn"]}
    if deployment is None or record["status"] not in ("PENDING", "IN_PROGRESS"):
        message = f"The service deployment is in {record['status']} status and cannot be stopped."
        raise errors.EcsError("ConflictException", message)
    if request.get("stopType", "ROLLBACK") == "ROLLBACK":
        if rollout.previous_completed(service, deployment) is None:
            raise errors.invalid(
                "The service deployment cannot be rolled back: there is no completed service revision."
            )
        record["status"] = "ROLLBACK_REQUESTED"
        world.time.after(0.0, lambda: _roll_back(world, service, deployment))
    else:
        deployment.over = True
        deployment.stage = None
        deployment.data.update(rolloutState="FAILED", rolloutStateReason=messages.STOPPED_BY_REQUEST)
        records.stopped(world, deployment, messages.STOPPED_BY_REQUEST)
    return {"serviceDeploymentArn": request["serviceDeploymentArn"]}


def _roll_back(world: World, service: Service, deployment: Deployment) -> None:
    deployment.data.update(rolloutState="FAILED", rolloutStateReason=messages.STOPPED_WITH_ROLLBACK)
    if deployment.stage is not None:
        staged.withdraw(world, service, deployment)
    rollout.roll_back(world, service, deployment, messages.STOPPED_WITH_ROLLBACK, messages.USER_ROLLING_BACK)


def proceed(world: World, request: Data) -> Data:
    """ContinueServiceDeployment."""
    service, deployment = _find(world, request["serviceDeploymentArn"])
    action = request.get("action") or "CONTINUE"
    if deployment is None or not staged.act(world, service, deployment, request["hookId"], action):
        raise errors.invalid("The service deployment has no lifecycle hook with this ID that is awaiting action.")
    return {"serviceDeploymentArn": request["serviceDeploymentArn"]}


def _find(world: World, arn: str) -> tuple[Service, Deployment | None]:
    if arn not in world.service_deployments:
        raise errors.EcsError("ServiceDeploymentNotFoundException", "The service deployment was not found.")
    for service in world.services.values():
        for deployment in service.deployments:
            if deployment.service_deployment["serviceDeploymentArn"] == arn:
                return service, deployment
    owner = world.service_deployments[arn]["serviceArn"]
    return next(service for service in world.services.values() if service.data["serviceArn"] == owner), None


def _brief(record: Data) -> Data:
    brief = {key: record[key] for key in BRIEF if key in record}
    return {**brief, "targetServiceRevisionArn": record["targetServiceRevision"]["arn"]}


def _split(key: str, known: dict[str, Data], arns: list[str]) -> Data:
    return {
        key: [known[arn] for arn in arns if arn in known],
        "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known],
    }
