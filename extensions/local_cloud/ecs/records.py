# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployments, service deployments and service revisions as they are written down.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRevision.html
"""

from __future__ import annotations

import math
import secrets

from . import definitions, messages
from .world import Data, Deployment, Service, World, deployment_id, hex_id

# What a revision consists of: a change of any of these starts a deployment ("This parameter triggers a new service
# deployment", https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html)
REVISION_KEYS = (
    "taskDefinition",
    "platformVersion",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
BREAKER_MINIMUM, BREAKER_MAXIMUM = 3, 200  # deployment-circuit-breaker.html, "Failure threshold"
OTHER_KEYS = ("launchType", "capacityProviderStrategy", "platformFamily")


def inputs(service: Service) -> Data:
    """The revision's part of a service's settings."""
    values = {key: service.data.get(key, service.hidden.get(key)) for key in (*REVISION_KEYS, *OTHER_KEYS)}
    return {key: value for key, value in values.items() if value not in (None, [])}


def restore(service: Service, deployment: Deployment) -> None:
    """Give the service the settings of an earlier revision back."""
    for key in (*REVISION_KEYS, *OTHER_KEYS):
        if key in deployment.revision and key in service.data:
            service.data[key] = deployment.revision[key]
        elif key in deployment.revision:
            service.hidden[key] = deployment.revision[key]


def new_deployment(world: World, service: Service, previous: Deployment | None) -> Deployment:
    now = world.time.now
    identity = deployment_id()
    settings = inputs(service)
    revision = _new_revision(world, service, settings)
    shown = ("taskDefinition", "launchType", "capacityProviderStrategy", "platformFamily", "networkConfiguration")
    data: Data = {
        "id": identity,
        "status": "PRIMARY",
        "desiredCount": 0,
        "pendingCount": 0,
        "runningCount": 0,
        "failedTasks": 0,
        "createdAt": now,
        "updatedAt": now,
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": messages.IN_PROGRESS.format(deployment=identity),
        "platformVersion": "1.4.0"
        if settings.get("platformVersion") in (None, "LATEST")
        else settings["platformVersion"],
        **{key: settings[key] for key in shown if key in settings},
    }
    for key in ("serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"):
        if key in settings:
            data[key] = settings[key]
    record = _new_service_deployment(world, service, revision, previous)
    return Deployment(data, revision, record)


def copy_for_rollback(world: World, target: Deployment) -> Deployment:
    """A deployment of its own that brings an earlier revision again; it has no service deployment of its own."""
    now = world.time.now
    data = {
        **target.data,
        "id": deployment_id(),
        "createdAt": now,
        "desiredCount": 0,
        "runningCount": 0,
        "pendingCount": 0,
    }
    return Deployment(data, target.revision, target.service_deployment)


def count(deployment: Deployment) -> None:
    deployment.service_deployment["targetServiceRevision"].update(
        requestedTaskCount=deployment.data["desiredCount"],
        runningTaskCount=deployment.data["runningCount"],
        pendingTaskCount=deployment.data["pendingCount"],
    )


def breaker_count(deployment: Deployment, failures: int) -> None:
    breaker = deployment.service_deployment["deploymentCircuitBreaker"]
    breaker["failureCount"] = failures


def alarmed(deployment: Deployment, names: list[str]) -> None:
    deployment.service_deployment["alarms"].update(status="TRIGGERED", triggeredAlarmNames=names)


def completed(world: World, service: Service, primary: Deployment) -> None:
    """The deployment reached its end; if it was gone back to, the one that failed has its end too."""
    now = world.time.now
    for record in world.service_deployments.values():
        rollback = record.get("rollback") or {}
        going_back = record["status"] == "ROLLBACK_IN_PROGRESS" and record["serviceArn"] == service.data["serviceArn"]
        if going_back and rollback.get("serviceRevisionArn") == primary.revision["serviceRevisionArn"]:
            record.update(status="ROLLBACK_SUCCESSFUL", finishedAt=now, updatedAt=now)
            service.data["currentServiceDeployment"] = record["serviceDeploymentArn"]
    record = primary.service_deployment
    if record["status"] in ("PENDING", "IN_PROGRESS"):
        record.update(status="SUCCESSFUL", finishedAt=now, updatedAt=now)
        _monitors(record, "MONITORING_COMPLETE")
    service.data["currentServiceRevisions"] = [_summary(primary)]


def stopped(world: World, deployment: Deployment, reason: str) -> None:
    now = world.time.now
    record = deployment.service_deployment
    record.update(status="STOPPED", statusReason=reason, stoppedAt=now, finishedAt=now, updatedAt=now)
    if "circuit breaker" in reason:
        record["deploymentCircuitBreaker"]["status"] = "TRIGGERED"


def superseded(world: World, deployment: Deployment) -> None:
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html: "When you start a service
    # deployment while another is in progress, the first is stopped"
    record = deployment.service_deployment
    if record["status"] in ("PENDING", "IN_PROGRESS", "STOP_REQUESTED"):
        stopped(world, deployment, messages.SUPERSEDED)


def rolling_back(world: World, failed: Deployment, target: Deployment, reason: str) -> None:
    now = world.time.now
    record = failed.service_deployment
    record.update(status="ROLLBACK_IN_PROGRESS", statusReason=reason, updatedAt=now)
    record["rollback"] = {
        "reason": reason,
        "startedAt": now,
        "serviceRevisionArn": target.revision["serviceRevisionArn"],
    }
    if "circuit breaker" in reason:
        record["deploymentCircuitBreaker"]["status"] = "TRIGGERED"


def breaker_threshold(service: Service) -> int:
    """API_ThresholdConfiguration.html; without one it is half the desired count, from 3 to 200."""
    breaker = service.data["deploymentConfiguration"].get("deploymentCircuitBreaker") or {}
    given = breaker.get("thresholdConfiguration") or {}
    kind, value = given.get("type", "BOUNDED_PERCENT"), given.get("value", 50)
    if kind == "COUNT":
        return max(1, int(value))
    share = math.ceil(service.data["desiredCount"] * int(value) / 100)
    return max(1, share) if kind == "UNBOUNDED_PERCENT" else min(BREAKER_MAXIMUM, max(BREAKER_MINIMUM, share))


def _new_revision(world: World, service: Service, settings: Data) -> Data:
    definition = definitions.find(world, settings["taskDefinition"]) if settings.get("taskDefinition") else None
    images = []
    for container in definition["containerDefinitions"] if definition else ():
        _found, digest = world.around.image_digest(container["image"])
        image = {"containerName": container["name"], "image": container["image"]}
        images.append({**image, "imageDigest": digest} if digest else image)
    number = secrets.randbelow(9 * 10**18) + 10**18
    revision = {
        **settings,
        "serviceRevisionArn": world.arn(f"service-revision/{service.cluster}/{service.name}/{number}"),
        "serviceArn": service.data["serviceArn"],
        "clusterArn": service.data["clusterArn"],
        "containerImages": images,
        "guardDutyEnabled": False,
        "createdAt": world.time.now,
    }
    world.revisions[revision["serviceRevisionArn"]] = revision
    return revision


def _new_service_deployment(world: World, service: Service, revision: Data, previous: Deployment | None) -> Data:
    now = world.time.now
    configuration = service.data["deploymentConfiguration"]
    breaker = configuration.get("deploymentCircuitBreaker") or {}
    alarms = configuration.get("alarms") or {}
    record: Data = {
        "serviceDeploymentArn": world.arn(f"service-deployment/{service.cluster}/{service.name}/{hex_id()[:21]}"),
        "serviceArn": service.data["serviceArn"],
        "clusterArn": service.data["clusterArn"],
        "createdAt": now,
        "startedAt": now,
        "updatedAt": now,
        "sourceServiceRevisions": [_summary(previous)] if previous else [],
        "targetServiceRevision": {
            "arn": revision["serviceRevisionArn"],
            "requestedTaskCount": service.data["desiredCount"],
            "runningTaskCount": 0,
            "pendingTaskCount": 0,
        },
        "status": "IN_PROGRESS",
        "deploymentConfiguration": dict(configuration),
        "deploymentCircuitBreaker": {
            "status": "MONITORING" if breaker.get("enable") else "DISABLED",
            "failureCount": 0,
            "threshold": breaker_threshold(service),
        },
        "alarms": {
            "status": "MONITORING" if alarms.get("enable") else "DISABLED",
            "alarmNames": list(alarms.get("alarmNames") or []),
            "triggeredAlarmNames": [],
        },
    }
    world.service_deployments[record["serviceDeploymentArn"]] = record
    service.data["currentServiceDeployment"] = record["serviceDeploymentArn"]
    return record


def _summary(deployment: Deployment) -> Data:
    return {
        "arn": deployment.revision["serviceRevisionArn"],
        "requestedTaskCount": deployment.data["desiredCount"],
        "runningTaskCount": deployment.data["runningCount"],
        "pendingTaskCount": deployment.data["pendingCount"],
    }


def _monitors(record: Data, status: str) -> None:
    for name in ("deploymentCircuitBreaker", "alarms"):
        if record[name]["status"] == "MONITORING":
            record[name]["status"] = status
