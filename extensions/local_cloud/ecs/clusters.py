# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters, capacity providers, account settings."""

from __future__ import annotations

from typing import Any

from . import errors
from .world import Cluster, Data, World, page, short_name

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-capacity-providers.html
BUILT_IN_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html
ACCOUNT_DEFAULTS = {
    "serviceLongArnFormat": "enabled",
    "taskLongArnFormat": "enabled",
    "containerInstanceLongArnFormat": "enabled",
    "containerInsights": "disabled",
    "awsvpcTrunking": "disabled",
    "fargateTaskRetirementWaitPeriod": "7",
    "tagResourceAuthorization": "on",
    "defaultLogDriverMode": "non-blocking",
}
OPTIONAL = {"SETTINGS": "settings", "TAGS": "tags", "STATISTICS": "statistics", "CONFIGURATIONS": "configuration"}


def create(world: World, request: Data) -> Data:
    name = request.get("clusterName") or "default"
    known = world.clusters.get(name)
    if known is not None and known.data["status"] == "ACTIVE":
        return {"cluster": known.data}
    _check_providers(world, request.get("capacityProviders"), request.get("defaultCapacityProviderStrategy"))
    data: Data = {
        "clusterArn": world.arn(f"cluster/{name}"),
        "clusterName": name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": 0,
        "pendingTasksCount": 0,
        "activeServicesCount": 0,
        "statistics": [],
        "tags": list(request.get("tags") or []),
        "settings": _settings(world, request.get("settings")),
        "capacityProviders": list(request.get("capacityProviders") or []),
        "defaultCapacityProviderStrategy": _strategy(request.get("defaultCapacityProviderStrategy")),
    }
    for key in ("configuration", "serviceConnectDefaults"):
        if request.get(key):
            data[key] = request[key]
    world.clusters[name] = Cluster(data)
    return {"cluster": data}


def describe(world: World, request: Data) -> Data:
    found, failures = [], []
    for reference in request.get("clusters") or ["default"]:
        cluster = world.clusters.get(short_name(reference))
        if cluster is None:
            failures.append({"arn": world.arn(f"cluster/{short_name(reference)}"), "reason": "MISSING"})
        else:
            found.append(_view(world, cluster, request.get("include") or []))
    return {"clusters": found, "failures": failures}


def list_arns(world: World, request: Data) -> Data:
    active = [cluster.data["clusterArn"] for cluster in world.clusters.values() if cluster.data["status"] == "ACTIVE"]
    found, more = page(active, request)
    return {"clusterArns": found, **more}


def update(world: World, request: Data) -> Data:
    cluster = world.cluster(request["cluster"])
    if request.get("settings"):
        cluster.data["settings"] = _settings(world, request["settings"])
    for key in ("configuration", "serviceConnectDefaults"):
        if request.get(key):
            cluster.data[key] = request[key]
    return {"cluster": _view(world, cluster, list(OPTIONAL))}


def put_capacity_providers(world: World, request: Data) -> Data:
    cluster = world.cluster(request["cluster"])
    providers, strategy = request["capacityProviders"], request["defaultCapacityProviderStrategy"]
    _check_providers(world, providers, strategy)
    used = {
        item["capacityProvider"]
        for service in world.services.values()
        if service.cluster == cluster.name and service.data["status"] != "INACTIVE"
        for item in service.data.get("capacityProviderStrategy", [])
    }
    if used - set(providers):
        # "You can only disassociate an existing capacity provider from a cluster if it's not being used by any
        # existing tasks." https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html
        message = "The specified capacity provider is in use and cannot be removed."
        raise errors.EcsError("ResourceInUseException", message)
    cluster.data["capacityProviders"] = list(providers)
    cluster.data["defaultCapacityProviderStrategy"] = _strategy(strategy)
    return {"cluster": _view(world, cluster, list(OPTIONAL))}


def delete(world: World, request: Data) -> Data:
    cluster = world.cluster(request["cluster"])
    for service in world.services.values():
        if service.cluster == cluster.name and service.data["status"] == "ACTIVE":
            message = "The Cluster cannot be deleted while Services are active."
            raise errors.EcsError("ClusterContainsServicesException", message)
    for task in world.tasks.values():
        if task.cluster == cluster.name and task.data["lastStatus"] != "STOPPED":
            message = "The Cluster cannot be deleted while Tasks are active."
            raise errors.EcsError("ClusterContainsTasksException", message)
    cluster.data["status"] = "INACTIVE"
    return {"cluster": cluster.data}


def describe_capacity_providers(world: World, request: Data) -> Data:
    built_in = {
        name: {
            "capacityProviderArn": world.arn(f"capacity-provider/{name}"),
            "name": name,
            "status": "ACTIVE",
            "tags": [],
        }
        for name in BUILT_IN_PROVIDERS
    }
    everything: dict[str, Any] = {**built_in, **world.capacity_providers}
    wanted = [short_name(reference) for reference in request.get("capacityProviders") or everything]
    return {
        "capacityProviders": [everything[name] for name in wanted if name in everything],
        "failures": [{"arn": name, "reason": "MISSING"} for name in wanted if name not in everything],
    }


def create_capacity_provider(world: World, request: Data) -> Data:
    name = request["name"]
    provider = {
        "capacityProviderArn": world.arn(f"capacity-provider/{name}"),
        "name": name,
        "status": "ACTIVE",
        "autoScalingGroupProvider": request.get("autoScalingGroupProvider"),
        "tags": list(request.get("tags") or []),
    }
    world.capacity_providers[name] = provider
    return {"capacityProvider": provider}


def delete_capacity_provider(world: World, request: Data) -> Data:
    provider = world.capacity_providers.pop(short_name(request["capacityProvider"]), None)
    if provider is None:
        raise errors.invalid("The specified capacity provider does not exist.")
    return {"capacityProvider": {**provider, "status": "INACTIVE"}}


def put_account_setting(world: World, request: Data) -> Data:
    if request["name"] not in ACCOUNT_DEFAULTS:
        raise errors.invalid(f"{request['name']} should be one of [{','.join(ACCOUNT_DEFAULTS)}]")
    world.account_settings[request["name"]] = request["value"]
    return {"setting": _account_setting(world, request["name"])}


def list_account_settings(world: World, request: Data) -> Data:
    names = [request["name"]] if request.get("name") else list(ACCOUNT_DEFAULTS)
    shown = [name for name in names if request.get("effectiveSettings") or name in world.account_settings]
    return {"settings": [_account_setting(world, name) for name in shown]}


def delete_account_setting(world: World, request: Data) -> Data:
    world.account_settings.pop(request["name"], None)
    return {"setting": _account_setting(world, request["name"])}


def _account_setting(world: World, name: str) -> Data:
    value = world.account_settings.get(name, ACCOUNT_DEFAULTS.get(name, ""))
    return {"name": name, "value": value, "principalArn": f"arn:aws:iam::{world.account}:root", "type": "user"}


def _settings(world: World, given: list[Data] | None) -> list[Data]:
    default = world.account_settings.get("containerInsights", ACCOUNT_DEFAULTS["containerInsights"])
    values = {"containerInsights": default, **{item["name"]: item["value"] for item in given or []}}
    return [{"name": name, "value": value} for name, value in values.items()]


def _strategy(given: list[Data] | None) -> list[Data]:
    return [{"weight": 0, "base": 0, **item} for item in given or []]


def _check_providers(world: World, providers: list[str] | None, strategy: list[Data] | None) -> None:
    for name in providers or []:
        if name not in BUILT_IN_PROVIDERS and name not in world.capacity_providers:
            raise errors.invalid(
                "The specified capacity provider was not found. Specify a valid name or ARN and try again."
            )
    for item in strategy or []:
        if item["capacityProvider"] not in (providers or []):
            message = (
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated"
                " with the cluster. Associate the capacity provider with the cluster and try again."
            )
            raise errors.invalid(message)


def _view(world: World, cluster: Cluster, include: list[str]) -> Data:
    """What DescribeClusters shows: counts of now, and optional parts only if they were asked for."""
    hidden: Data = {key: [] for name, key in OPTIONAL.items() if name not in include and key != "configuration"}
    tasks = [task for task in world.tasks.values() if task.cluster == cluster.name]
    counts = {
        "runningTasksCount": sum(task.data["lastStatus"] == "RUNNING" for task in tasks),
        "pendingTasksCount": sum(
            task.data["lastStatus"] in ("PROVISIONING", "PENDING", "ACTIVATING") for task in tasks
        ),
        "activeServicesCount": sum(
            service.cluster == cluster.name and service.data["status"] == "ACTIVE"
            for service in world.services.values()
        ),
    }
    view = {**cluster.data, **counts, **hidden}
    if "CONFIGURATIONS" not in include:
        view.pop("configuration", None)
    return view
