# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an ECS request to the function that answers it, and ECS's place among moto's backends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from moto.core.base_backend import BaseBackend
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource
from moto.core.responses import BaseResponse
from moto.ecs import urls
from moto.ecs.models import ecs_backends

from ..faults import FAULTS
from ..settings import SETTINGS
from . import clusters, definitions, errors, service_deployments, services, task_sets, tasks
from .errors import EcsError
from .surroundings import Surroundings
from .timeline import Timeline
from .world import Data, World, tag_dict, tagged_things

TAGS_MAXIMUM = 50


def list_tags(world: World, request: Data) -> Data:
    return {"tags": _tags(world, request["resourceArn"])}


def tag(world: World, request: Data) -> Data:
    tags = _tags(world, request["resourceArn"])
    merged = {**tag_dict(tags), **tag_dict(request["tags"])}
    if len(merged) > TAGS_MAXIMUM:
        raise errors.invalid(f"The maximum number of tags per resource is {TAGS_MAXIMUM}.")
    tags[:] = [{"key": key, "value": value} for key, value in merged.items()]
    return {}


def untag(world: World, request: Data) -> Data:
    tags = _tags(world, request["resourceArn"])
    tags[:] = [item for item in tags if item["key"] not in request["tagKeys"]]
    return {}


def execute_command(world: World, request: Data) -> Data:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommand.html"""
    task = tasks.find(world, world.cluster(request.get("cluster")).name, request["task"])
    if task is None or task.data["lastStatus"] != "RUNNING":
        raise errors.EcsError("TargetNotConnectedException", "The execute command failed due to an internal error.")
    if not task.data["enableExecuteCommand"]:
        message = (
            "The execute command failed because execute command was not enabled when the task was run or the execute"
            " command agent isn\u2019t running. Wait and try again or run a new task with execute command enabled and"
            " try again."
        )
        raise errors.invalid(message)
    name = request.get("container") or task.data["containers"][0]["name"]
    container = next((c for c in task.data["containers"] if c["name"] == name), None)
    if container is None:
        raise errors.invalid("The container name was not found in the task.")
    session = {
        "sessionId": f"ecs-execute-command-{task.id[:17]}",
        "streamUrl": "wss://127.0.0.1/",
        "tokenValue": "local",
    }
    return {
        "clusterArn": task.data["clusterArn"],
        "taskArn": task.arn,
        "containerArn": container["containerArn"],
        "containerName": name,
        "interactive": True,
        "session": session,
    }


OPERATIONS: dict[str, Callable[[World, Data], Data]] = {
    "CreateCluster": clusters.create,
    "DescribeClusters": clusters.describe,
    "ListClusters": clusters.list_arns,
    "UpdateCluster": clusters.update,
    "UpdateClusterSettings": clusters.update,
    "PutClusterCapacityProviders": clusters.put_capacity_providers,
    "DeleteCluster": clusters.delete,
    "DescribeCapacityProviders": clusters.describe_capacity_providers,
    "CreateCapacityProvider": clusters.create_capacity_provider,
    "DeleteCapacityProvider": clusters.delete_capacity_provider,
    "PutAccountSetting": clusters.put_account_setting,
    "PutAccountSettingDefault": clusters.put_account_setting,
    "ListAccountSettings": clusters.list_account_settings,
    "DeleteAccountSetting": clusters.delete_account_setting,
    "RegisterTaskDefinition": definitions.register,
    "DescribeTaskDefinition": definitions.describe,
    "DeregisterTaskDefinition": definitions.deregister,
    "DeleteTaskDefinitions": definitions.delete,
    "ListTaskDefinitions": definitions.list_arns,
    "ListTaskDefinitionFamilies": definitions.list_families,
    "RunTask": tasks.run,
    "StopTask": tasks.stop_task,
    "DescribeTasks": tasks.describe,
    "ListTasks": tasks.list_arns,
    "ExecuteCommand": execute_command,
    "CreateService": services.create,
    "UpdateService": services.update,
    "DeleteService": services.delete,
    "DescribeServices": services.describe,
    "ListServices": services.list_arns,
    "ListServiceDeployments": service_deployments.list_briefs,
    "DescribeServiceDeployments": service_deployments.describe,
    "DescribeServiceRevisions": service_deployments.describe_revisions,
    "StopServiceDeployment": service_deployments.stop,
    "ContinueServiceDeployment": service_deployments.proceed,
    "CreateTaskSet": task_sets.create,
    "DescribeTaskSets": task_sets.describe,
    "UpdateTaskSet": task_sets.update,
    "UpdateServicePrimaryTaskSet": task_sets.set_primary,
    "DeleteTaskSet": task_sets.delete,
    "ListTagsForResource": list_tags,
    "TagResource": tag,
    "UntagResource": untag,
}


def answer(world: World, operation: str, request: Data) -> tuple[int, str]:
    """(HTTP status, JSON body). Whatever time has passed is lived through first."""
    with world.lock:
        world.time.catch_up()
        handler = OPERATIONS.get(operation)
        try:
            if handler is None:
                raise EcsError("UnknownOperationException", f"{operation} is not part of the embedded ECS.")
            body: Data = handler(world, request)
            status = 200
        except EcsError as error:
            body = {"__type": error.code, "message": error.message, **error.extra}
            status = 400
        return status, json.dumps(body)


class EcsBackend(BaseBackend, TaggableResourcesMixin):
    """One account and region, for moto's services that look at ECS (Application Auto Scaling, the tagging API)."""

    SERVICE_NAMESPACE = "ecs"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.world = World(
            account_id,
            region_name,
            surroundings=Surroundings(account_id, region_name),
            settings=SETTINGS,
            faults=FAULTS,
            timeline=Timeline(),
        )

    @property
    def _url_module(self) -> Any:
        return urls

    def catch_up(self) -> None:
        with self.world.lock:
            self.world.time.catch_up()

    def describe_services(self, cluster: str, names: list[str], _tags: bool = False) -> tuple[list[Data], list[Data]]:
        """Application Auto Scaling asks whether the service exists."""
        found = services.describe(self.world, {"cluster": cluster, "services": names})
        return found["services"], found["failures"]

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        for kind, arn, tags in tagged_things(self.world):
            yield TaggedResource(arn=arn, tags=tag_dict(tags), resource_type=f"ecs:{kind}")

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        tag(self.world, {"resourceArn": arn, "tags": listed})

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        untag(self.world, {"resourceArn": arn, "tagKeys": tag_keys})


class EcsResponse(BaseResponse):
    """Answers every ECS request in place of moto's class."""

    def __init__(self) -> None:
        super().__init__(service_name="ecs")

    def call_action(self) -> Any:
        world = ecs_backends[self.current_account][self.region].world
        operation = self.headers.get("X-Amz-Target", "").split(".")[-1]
        status, body = answer(world, operation, json.loads(self.body or "{}"))
        headers = {**self.response_headers, "content-type": "application/x-amz-json-1.1"}
        return status, headers, body


def install() -> None:
    """Take ECS's place in moto."""
    ecs_backends.backend = EcsBackend
    urls.url_paths = {"{0}/$": EcsResponse.dispatch}


def catch_up_everywhere() -> None:
    """Let time pass in every ECS that is in use; other services may look at what it has done to theirs."""
    for _account, _region, backend in list(ecs_backends.iter_backends()):
        backend.catch_up()


def _tags(world: World, arn: str) -> list[Data]:
    for _kind, known, tags in tagged_things(world):
        if known == arn:
            return tags
    raise errors.invalid("The specified resource was not found.")
