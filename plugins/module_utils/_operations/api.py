# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the runbooks, one function each, that the roles' own api modules do not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils import _lease
from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, batches, each, pages
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, is_code
from ansible_collections.slipway.aws.plugins.module_utils._release import record


def services(ecs: Any, cluster: str, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """DescribeServices' entries by name. Raises where one is not there: a runbook is for a stack that stands."""
    wanted = list(names)
    found = {it["serviceName"]: it for it in api.services(ecs, cluster, wanted)}
    missing = [name for name in wanted if name not in found]
    if missing:
        raise SlipwayError(
            f"Cluster {cluster} has no service {', '.join(missing)}",
            "it was never released, or the stack was removed",
            "Release it first: ansible-playbook site.yml.",
        )
    return found


def tasks(ecs: Any, cluster: str, status: str = "RUNNING", service: str = "") -> list[dict[str, Any]]:
    """DescribeTasks' entries of a whole cluster or of one service; ECS keeps stopped ones for about an hour."""
    narrowed = {"serviceName": service} if service else {}
    arns = pages(ecs, "list_tasks", "taskArns", cluster=cluster, desiredStatus=status, **narrowed)
    found = each(lambda batch: ecs.describe_tasks(cluster=cluster, tasks=list(batch))["tasks"], batches(arns, 100))
    return [task for batch in found for task in batch]


def definitions(ecs: Any, references: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{reference: task definition}; one that is not there is left out."""
    names = list(dict.fromkeys(it for it in references if it))
    found = each(lambda name: api.task_definition(ecs, name), names)
    return {name: it for name, it in zip(names, found, strict=True) if it is not None}


def target_health(elbv2: Any, arns: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """DescribeTargetHealth's entries by target group."""
    wanted = list(dict.fromkeys(arns))
    found = each(lambda arn: elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"], wanted)
    return dict(zip(wanted, found, strict=True))


def alarms(cloudwatch: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """DescribeAlarms' entries, metric and composite alarms alike."""
    found: list[dict[str, Any]] = []
    for batch in batches(list(names), 100):
        answer = cloudwatch.describe_alarms(AlarmNames=list(batch), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        found += [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]
    return found


def deployments(ecs: Any, cluster: str, service: str, limit: int) -> list[dict[str, Any]]:
    """A service's deployments, newest first, each with the task definition that it rolled out under "definition"."""
    briefs = ecs.list_service_deployments(cluster=cluster, service=service).get("serviceDeployments", [])[:limit]
    arns = [it["serviceDeploymentArn"] for it in briefs]
    found: list[dict[str, Any]] = []
    for batch in batches(arns, 20):
        found += ecs.describe_service_deployments(serviceDeploymentArns=list(batch)).get("serviceDeployments", [])
    revisions = list(dict.fromkeys(it.get("targetServiceRevision", {}).get("arn", "") for it in found))
    known: dict[str, str] = {}
    for batch in batches([arn for arn in revisions if arn], 20):
        answer = ecs.describe_service_revisions(serviceRevisionArns=list(batch))
        known.update({it["serviceRevisionArn"]: it["taskDefinition"] for it in answer.get("serviceRevisions", [])})
    shaped = [{**it, "definition": known.get(it.get("targetServiceRevision", {}).get("arn", ""), "")} for it in found]
    order = {arn: place for place, arn in enumerate(arns)}
    return sorted(shaped, key=lambda it: order.get(it["serviceDeploymentArn"], len(order)))


def digest(ecr: Any, image: Mapping[str, str]) -> str:
    """The digest of an image, "" where it is not there. image: registry_id, repository, and digest or tag."""
    wanted = {"imageDigest": image["digest"]} if image.get("digest") else {"imageTag": image["tag"]}
    try:
        found = ecr.describe_images(
            registryId=image["registry_id"], repositoryName=image["repository"], imageIds=[wanted]
        )["imageDetails"]
    except Exception as error:
        if is_code(error, "ImageNotFound", "RepositoryNotFound"):
            return ""
        raise
    return str(found[0]["imageDigest"]) if found else ""


def log_events(
    logs: Any, group: str, *, prefix: str, start: int, pattern: str, most: int
) -> tuple[list[dict[str, Any]], bool]:
    """(events of the streams under `prefix` since `start`, in milliseconds; whether there were more than `most`)."""
    request = {"logGroupName": group, "logStreamNamePrefix": prefix, "startTime": start}
    if pattern:
        request["filterPattern"] = pattern
    found: list[dict[str, Any]] = []
    try:
        for page in logs.get_paginator("filter_log_events").paginate(**request):
            found += page.get("events", [])
            if len(found) > most:
                return found[:most], True
    except Exception as error:
        if is_code(error, "ResourceNotFound"):
            return [], False
        raise
    return found, False


def lease(aws: Clients, table: str, stack: str) -> _lease.Look | None:
    """Who holds the lease of the stack; None where there is no table for it."""
    if not table:
        return None
    try:
        return _lease.read(aws.client("dynamodb"), table, stack)
    except Exception as error:
        if is_code(error, "ResourceNotFound"):
            return None
        raise


def records(aws: Clients, table: str, stack: str, limit: int) -> list[dict[str, Any]]:
    """The releases of the stack as they were recorded, newest first; [] where there is no table for them."""
    if not table:
        return []
    try:
        return list(islice(record.newest(aws.client("dynamodb"), table, stack), limit))
    except record.NoTableError:
        return []
