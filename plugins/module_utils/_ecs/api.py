# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to ECS and Application Auto Scaling, one function each."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import batches, pages
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code

CLUSTER_PARTS = ["SETTINGS", "CONFIGURATIONS", "TAGS"]


def cluster(ecs: Any, name: str) -> dict[str, Any] | None:
    """A cluster as DescribeClusters gives it, None where there is none (an INACTIVE one is gone)."""
    found = ecs.describe_clusters(clusters=[name], include=CLUSTER_PARTS)["clusters"]
    return next((dict(it) for it in found if it["status"] != "INACTIVE"), None)


def create_cluster(ecs: Any, name: str, **settings: Any) -> dict[str, Any]:
    return dict(ecs.create_cluster(clusterName=name, **settings)["cluster"])


def update_cluster_settings(ecs: Any, name: str, settings: list[dict[str, str]]) -> None:
    ecs.update_cluster_settings(cluster=name, settings=settings)


def put_capacity_providers(ecs: Any, name: str, providers: list[str], strategy: list[dict[str, Any]]) -> None:
    ecs.put_cluster_capacity_providers(
        cluster=name, capacityProviders=providers, defaultCapacityProviderStrategy=strategy
    )


def delete_cluster(ecs: Any, name: str) -> None:
    """Refused by AWS (ClusterContainsServicesException, …TasksException) while it holds services or tasks."""
    ecs.delete_cluster(cluster=name)


def tag(ecs: Any, arn: str, pairs: list[dict[str, str]]) -> None:
    ecs.tag_resource(resourceArn=arn, tags=pairs)


def task_definition(ecs: Any, reference: str) -> dict[str, Any] | None:
    """A task definition with its tags under "tags": the latest ACTIVE revision of a family, or a full reference.

    None where there is none; ECS answers ClientException "Unable to describe task definition" then.
    """
    try:
        answer = ecs.describe_task_definition(taskDefinition=reference, include=["TAGS"])
    except Exception as error:
        if is_code(error, "ClientException") and "nable to describe" in str(error):
            return None
        raise
    return {**answer["taskDefinition"], "tags": answer.get("tags", [])}


def register_task_definition(ecs: Any, **definition: Any) -> dict[str, Any]:
    return dict(ecs.register_task_definition(**definition)["taskDefinition"])


def active_revisions(ecs: Any, family: str) -> list[str]:
    """ARNs of a family's ACTIVE revisions, oldest first. The prefix also matches longer families: filtered here."""
    found = pages(ecs, "list_task_definitions", "taskDefinitionArns", familyPrefix=family, status="ACTIVE")
    return [arn for arn in found if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == family]


def deregister_task_definition(ecs: Any, arn: str) -> None:
    ecs.deregister_task_definition(taskDefinition=arn)


def services(ecs: Any, cluster_name: str, names: list[str]) -> list[dict[str, Any]]:
    """Services that exist (ACTIVE or DRAINING) with their tags, in batches of ten as the API wants."""
    found: list[dict[str, Any]] = []
    for batch in batches(names, 10):
        try:
            answer = ecs.describe_services(cluster=cluster_name, services=list(batch), include=["TAGS"])
        except ecs.exceptions.ClusterNotFoundException:
            return []
        found += [it for it in answer["services"] if it["status"] != "INACTIVE"]
    return found


def create_service(ecs: Any, **settings: Any) -> dict[str, Any]:
    return dict(ecs.create_service(**settings)["service"])


def update_service(ecs: Any, **settings: Any) -> dict[str, Any]:
    return dict(ecs.update_service(**settings)["service"])


def delete_service(ecs: Any, cluster_name: str, name: str) -> None:
    """`force` lets ECS stop the tasks itself instead of waiting for a count of 0."""
    try:
        ecs.delete_service(cluster=cluster_name, service=name, force=True)
    except Exception as error:
        if not is_code(error, "ServiceNotFound", "ServiceNotActive", "ClusterNotFound"):
            raise


def scalable_targets(scaling: Any, resource_ids: list[str]) -> list[dict[str, Any]]:
    return pages(
        scaling, "describe_scalable_targets", "ScalableTargets", ServiceNamespace="ecs", ResourceIds=resource_ids
    )


def scaling_policies(scaling: Any, resource_id: str) -> list[dict[str, Any]]:
    return pages(
        scaling, "describe_scaling_policies", "ScalingPolicies", ServiceNamespace="ecs", ResourceId=resource_id
    )


def register_target(scaling: Any, resource_id: str, minimum: int, maximum: int) -> None:
    scaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=resource_id,
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=minimum,
        MaxCapacity=maximum,
    )


def deregister_target(scaling: Any, resource_id: str) -> None:
    """Its policies go with it. Gone already is as good."""
    try:
        scaling.deregister_scalable_target(
            ServiceNamespace="ecs", ResourceId=resource_id, ScalableDimension="ecs:service:DesiredCount"
        )
    except Exception as error:
        if not is_code(error, "ObjectNotFound"):
            raise


def put_policy(scaling: Any, resource_id: str, name: str, configuration: dict[str, Any]) -> None:
    scaling.put_scaling_policy(
        ServiceNamespace="ecs",
        ResourceId=resource_id,
        ScalableDimension="ecs:service:DesiredCount",
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration,
    )


def delete_policy(scaling: Any, resource_id: str, name: str) -> None:
    scaling.delete_scaling_policy(
        ServiceNamespace="ecs",
        ResourceId=resource_id,
        ScalableDimension="ecs:service:DesiredCount",
        PolicyName=name,
    )
