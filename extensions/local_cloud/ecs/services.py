# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service calls: CreateService, UpdateService, DeleteService, DescribeServices, ListServices.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
"""

from __future__ import annotations

from typing import Any

from . import definitions, errors, records, rollout, task_sets
from .tasks import check_network, check_platform
from .world import Cluster, Data, Service, World, page, short_name

DESCRIBE_MAXIMUM = 10
HIDDEN = ("serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations")
PLAIN = (
    "serviceRegistries",
    "healthCheckGracePeriodSeconds",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
    "availabilityZoneRebalancing",
    "placementConstraints",
    "placementStrategy",
)
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
DEFAULT_CONFIGURATION = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
}


def create(world: World, request: Data) -> Data:
    cluster = world.cluster(request.get("cluster"))
    name = request["serviceName"]
    token = request.get("clientToken")
    known = world.services.get((cluster.name, name))
    try:
        seen, _answer = world.same_request("CreateService", token, request)
    except KeyError:
        raise errors.invalid("Creation of service was not idempotent.") from None
    if seen and known is not None:
        return {"service": view(known)}
    if known is not None and known.data["status"] == "DRAINING":
        raise errors.invalid("Unable to Start a service that is still Draining.")
    if known is not None and known.data["status"] == "ACTIVE":
        raise errors.invalid("Creation of service was not idempotent.")
    controller = (request.get("deploymentController") or {}).get("type", "ECS")
    definition = _definition(world, request, controller)
    _check_placement(cluster, request)
    _check_settings(world, request, definition)
    service = _new(world, cluster, request, controller, definition)
    world.services[cluster.name, name] = service
    world.remember_request("CreateService", token, request, None)
    if controller == "ECS":
        rollout.begin(world, service)
    elif controller == "CODE_DEPLOY":
        task_sets.first(world, service, request)
    return {"service": view(service)}


def update(world: World, request: Data) -> Data:
    service = world.service(request.get("cluster"), request["service"])
    if service.data["status"] != "ACTIVE":
        raise errors.service_not_active()
    _check_controller(service, request)
    changes = _changes(world, service, request)
    _check_settings(
        world,
        {**service.data, **service.hidden, **changes},
        definitions.find(world, _task_definition(service, changes)),
    )
    before = records.inputs(service)
    for key, value in changes.items():
        (service.hidden if key in HIDDEN else service.data)[key] = value
    if "capacityProviderStrategy" in changes:
        service.data.pop("launchType", None)
    after = records.inputs(service)
    changed = any(before.get(key) != after.get(key) for key in records.REVISION_KEYS)
    if service.controller == "ECS" and (changed or request.get("forceNewDeployment")):
        rollout.begin(world, service)
    else:
        service.steady = False
        rollout.look_soon(world, service)
    return {"service": view(service)}


def delete(world: World, request: Data) -> Data:
    service = world.service(request.get("cluster"), request["service"])
    if service.data["status"] == "INACTIVE":
        raise errors.service_not_found()
    replica = service.data["schedulingStrategy"] == "REPLICA"
    if replica and service.data["desiredCount"] > 0 and not request.get("force"):
        raise errors.invalid("The service cannot be stopped while it is scaled above 0.")
    if service.task_sets and not request.get("force") and service.controller == "EXTERNAL":
        raise errors.invalid("The service cannot be stopped while the primary deployment is still active.")
    service.data.update(status="DRAINING", desiredCount=0)
    rollout.look_soon(world, service)
    return {"service": view(service)}


def describe(world: World, request: Data) -> Data:
    cluster = world.cluster(request.get("cluster"))
    references = request.get("services") or []
    if not references:
        raise errors.invalid("Services cannot be empty.")
    if len(references) > DESCRIBE_MAXIMUM:
        raise errors.invalid(f"Services cannot have more than {DESCRIBE_MAXIMUM} elements.")
    with_tags = "TAGS" in (request.get("include") or [])
    found, failures = [], []
    for reference in references:
        service = world.services.get((cluster.name, short_name(reference)))
        if service is None:
            arn = reference if reference.startswith("arn:") else world.arn(f"service/{cluster.name}/{reference}")
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            shown = view(service)
            found.append(shown if with_tags else {**shown, "tags": []})
    return {"services": found, "failures": failures}


def list_arns(world: World, request: Data) -> Data:
    cluster = world.cluster(request.get("cluster"))
    arns = [
        service.data["serviceArn"]
        for service in world.services.values()
        if service.cluster == cluster.name
        and service.data["status"] != "INACTIVE"
        and request.get("launchType") in (None, service.data.get("launchType"))
        and request.get("schedulingStrategy") in (None, service.data["schedulingStrategy"])
    ]
    found, more = page(arns, request, default=10)
    return {"serviceArns": found, **more}


def view(service: Service) -> Data:
    """What the API shows: the settings, and the deployments or task sets of now."""
    shown = {**service.data, "deployments": [deployment.data for deployment in service.deployments]}
    shown["taskSets"] = [task_set.data for task_set in service.task_sets]
    return shown


def _new(world: World, cluster: Cluster, request: Data, controller: str, definition: Data | None) -> Service:
    name = request["serviceName"]
    data: Data = {
        "serviceArn": world.arn(f"service/{cluster.name}/{name}"),
        "serviceName": name,
        "clusterArn": cluster.data["clusterArn"],
        "loadBalancers": request.get("loadBalancers") or [],
        "serviceRegistries": [],
        "status": "ACTIVE",
        "desiredCount": int(request.get("desiredCount") or 0),
        "runningCount": 0,
        "pendingCount": 0,
        "platformFamily": "Linux",
        "platformVersion": request.get("platformVersion") or "LATEST",
        "deploymentConfiguration": configuration(request.get("deploymentConfiguration")),
        "events": [],
        "createdAt": world.time.now,
        "createdBy": f"arn:aws:iam::{world.account}:root",
        "placementConstraints": [],
        "placementStrategy": [],
        "schedulingStrategy": request.get("schedulingStrategy") or "REPLICA",
        "deploymentController": {"type": controller},
        "enableECSManagedTags": False,
        "propagateTags": "NONE",
        "enableExecuteCommand": False,
        "availabilityZoneRebalancing": "ENABLED",
        "roleArn": f"arn:aws:iam::{world.account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        "tags": list(request.get("tags") or []),
        **{key: request[key] for key in PLAIN if request.get(key) is not None},
    }
    if definition is not None:
        data["taskDefinition"] = definition["taskDefinitionArn"]
    if request.get("networkConfiguration"):
        data["networkConfiguration"] = network(request["networkConfiguration"])
    data.update(_launch(cluster, request))
    if data["loadBalancers"]:
        data.setdefault("healthCheckGracePeriodSeconds", 0)
    hidden = {key: request[key] for key in HIDDEN if request.get(key)}
    return Service(data, cluster.name, controller, hidden=hidden)


def configuration(given: Data | None, base: Data | None = None) -> Data:
    merged = {
        **(base or DEFAULT_CONFIGURATION),
        **{key: value for key, value in (given or {}).items() if value is not None},
    }
    merged["deploymentCircuitBreaker"] = {
        "enable": False,
        "rollback": False,
        **(merged["deploymentCircuitBreaker"] or {}),
    }
    return merged


def network(given: Data) -> Data:
    settings = given.get("awsvpcConfiguration") or {}
    return {"awsvpcConfiguration": {"assignPublicIp": "DISABLED", "securityGroups": [], **settings}}


def _launch(cluster: Cluster, request: Data) -> Data:
    """The launch type, or the capacity provider strategy, or the cluster's default strategy."""
    if request.get("launchType"):
        return {"launchType": request["launchType"]}
    strategy = request.get("capacityProviderStrategy") or cluster.data["defaultCapacityProviderStrategy"]
    if strategy:
        return {"capacityProviderStrategy": [{"weight": 0, "base": 0, **item} for item in strategy]}
    return {"launchType": "EC2"}


def _definition(world: World, request: Data, controller: str) -> Data | None:
    if controller == "EXTERNAL" and not request.get("taskDefinition"):
        return None
    if not request.get("taskDefinition"):
        raise errors.invalid("Task definition can not be blank.")
    return definitions.find_active(world, request["taskDefinition"])


def _check_placement(cluster: Cluster, request: Data) -> None:
    if request.get("launchType") and request.get("capacityProviderStrategy"):
        message = (
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
        raise errors.invalid(message)
    for item in request.get("capacityProviderStrategy") or []:
        if item["capacityProvider"] not in cluster.data["capacityProviders"]:
            message = (
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated"
                " with the cluster. Associate the capacity provider with the cluster and try again."
            )
            raise errors.invalid(message)


def _check_settings(world: World, request: Data, definition: Data | None) -> None:
    check_platform(request)
    if definition is not None:
        check_network(world, definition, request.get("networkConfiguration"))
        for balancer in request.get("loadBalancers") or []:
            _check_load_balancer(world, definition, balancer)
    if request.get("healthCheckGracePeriodSeconds") and not request.get("loadBalancers"):
        raise errors.invalid("Health check grace period is only valid for services configured to use load balancers")
    percent = request.get("deploymentConfiguration") or {}
    if percent.get("maximumPercent") == 100 and percent.get("minimumHealthyPercent") == 100:
        message = "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."
        raise errors.invalid(message)


def _check_load_balancer(world: World, definition: Data, balancer: Data) -> None:
    name, port = balancer.get("containerName"), balancer.get("containerPort")
    container = next((c for c in definition["containerDefinitions"] if c["name"] == name), None)
    if container is None:
        raise errors.invalid(f"The container {name} does not exist in the task definition.")
    if port not in [mapping.get("containerPort") for mapping in container["portMappings"]]:
        raise errors.invalid(f"The container {name} did not have a container port {port} defined.")
    for arn in (
        balancer.get("targetGroupArn"),
        (balancer.get("advancedConfiguration") or {}).get("alternateTargetGroupArn"),
    ):
        group = world.around.target_group(arn) if arn else None
        if arn and group is None:
            raise errors.invalid("The specified target group does not exist.")
        if group is not None and definition.get("networkMode") == "awsvpc" and group.target_type != "ip":
            message = (
                f"The provided target group {arn} has target type {group.target_type}, which is incompatible with the"
                " awsvpc network mode specified in the task definition."
            )
            raise errors.invalid(message)
        if group is not None and not group.load_balancer_arns:
            raise errors.invalid(
                f"The target group with targetGroupArn {arn} does not have an associated load balancer."
            )


def _check_controller(service: Service, request: Data) -> None:
    forbidden = ("taskDefinition", "networkConfiguration", "platformVersion", "loadBalancers")
    if service.controller != "ECS" and any(request.get(key) for key in forbidden):
        message = f"Unable to update {', '.join(key for key in forbidden if request.get(key))} on services with a" + (
            " CODE_DEPLOY deployment controller. Please use AWS CodeDeploy to trigger a new deployment."
            if service.controller == "CODE_DEPLOY"
            else " EXTERNAL deployment controller. Please create a new task set."
        )
        raise errors.invalid(message)


def _task_definition(service: Service, changes: Data) -> str:
    return str(changes.get("taskDefinition") or service.data.get("taskDefinition") or "")


def _changes(world: World, service: Service, request: Data) -> Data:
    """The settings that the request gives, in the form in which they are kept. What is not given stays."""
    changes: dict[str, Any] = {
        key: request[key]
        for key in (*PLAIN, *HIDDEN, "loadBalancers", "platformVersion")
        if request.get(key) is not None
    }
    if request.get("desiredCount") is not None:
        changes["desiredCount"] = int(request["desiredCount"])
    if request.get("taskDefinition"):
        changes["taskDefinition"] = definitions.find_active(world, request["taskDefinition"])["taskDefinitionArn"]
    if request.get("networkConfiguration"):
        changes["networkConfiguration"] = network(request["networkConfiguration"])
    if request.get("deploymentConfiguration"):
        known = service.data["deploymentConfiguration"]
        changes["deploymentConfiguration"] = configuration(request["deploymentConfiguration"], known)
    if request.get("capacityProviderStrategy"):
        cluster = world.clusters[service.cluster]
        _check_placement(cluster, {"capacityProviderStrategy": request["capacityProviderStrategy"]})
        changes.update(_launch(cluster, {"capacityProviderStrategy": request["capacityProviderStrategy"]}))
    return changes
