# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of ECS in one account and region, and how things in it are found.

What the API shows of a thing is kept as the dict that the API returns (`data`); what only the simulation needs are
attributes beside it. Times are epoch seconds, as the JSON protocol sends them.
"""

from __future__ import annotations

import json
import secrets
import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import errors

if TYPE_CHECKING:
    from ..faults import Faults
    from ..settings import Settings
    from .surroundings import Surroundings
    from .timeline import Timeline

Data = dict[str, Any]

# DescribeServices shows the latest 100 events: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
EVENTS_KEPT = 100
# "Stopped tasks only appear in the returned results for at least one hour."
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
STOPPED_TASKS_KEPT_SECONDS = 3600.0


@dataclass(eq=False)
class Cluster:
    data: Data

    @property
    def name(self) -> str:
        return str(self.data["clusterName"])


@dataclass(eq=False)
class Deployment:
    """A deployment of a service. `revision` is the service revision that it brings."""

    data: Data
    revision: Data
    service_deployment: Data
    hold_until: float = 0.0  # the scheduler starts nothing before
    bake_until: float | None = None
    ignored_alarms: frozenset[str] = frozenset()  # already in ALARM when the deployment began
    over: bool = False  # failed or replaced: nothing is started for it any more
    swapped: bool = False  # whether its tasks are behind the alternate target groups
    stage: Any = None  # where a blue/green, linear or canary deployment is

    @property
    def id(self) -> str:
        return str(self.data["id"])


@dataclass(eq=False)
class Service:
    data: Data
    cluster: str
    controller: str
    deployments: list[Deployment] = field(default_factory=list)
    completed_before: bool = False
    steady: bool = False
    task_sets: list[TaskSet] = field(default_factory=list)
    looks_planned: int = 0
    hidden: Data = field(default_factory=dict)  # settings that the API shows on deployments only

    @property
    def name(self) -> str:
        return str(self.data["serviceName"])


@dataclass(eq=False)
class TaskSet:
    data: Data
    retry_at: float = 0.0


@dataclass(eq=False)
class Task:
    data: Data
    cluster: str
    definition: Data
    network: Data
    service: Service | None = None
    owner: Deployment | TaskSet | None = None
    interface_id: str | None = None
    targets: list[tuple[str, str, int]] = field(default_factory=list)  # target group, address, port
    reached_running: bool = False
    failed_health: bool = False
    routine: bool = False  # stopped by the scheduler or a person, not by a failure
    unregistered: bool = False  # a target group did not take it
    load_balancers: list[Data] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return str(self.data["taskArn"])

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[1]

    @property
    def wanted(self) -> bool:
        return bool(self.data["desiredStatus"] == "RUNNING")

    @property
    def group_key(self) -> str:
        return f"{self.cluster}/{self.data['group']}"

    def facts(self) -> Data:
        """What faults are matched against."""
        containers = self.definition["containerDefinitions"]
        return {
            "cluster": self.cluster,
            "service": self.service.name if self.service else None,
            "family": self.definition["family"],
            "image": [container["image"] for container in containers],
            "container": [container["name"] for container in containers],
        }


class World:
    """One account and region."""

    def __init__(
        self,
        account: str,
        region: str,
        *,
        surroundings: Surroundings,
        settings: Settings,
        faults: Faults,
        timeline: Timeline,
    ) -> None:
        self.account = account
        self.region = region
        self.around = surroundings
        self.settings = settings
        self.faults = faults
        self.time = timeline
        self.lock = threading.RLock()
        self.clusters: dict[str, Cluster] = {}
        self.families: dict[str, list[Data]] = {}
        self.definition_tags: dict[str, list[Data]] = {}
        self.services: dict[tuple[str, str], Service] = {}
        self.tasks: dict[str, Task] = {}
        self.capacity_providers: dict[str, Data] = {}
        self.account_settings: dict[str, str] = {}
        self.service_deployments: dict[str, Data] = {}
        self.revisions: dict[str, Data] = {}
        self._tokens: dict[tuple[str, str], tuple[str, Any]] = {}

    def arn(self, resource: str) -> str:
        return f"arn:aws:ecs:{self.region}:{self.account}:{resource}"

    def cluster(self, reference: str | None, *, active: bool = True) -> Cluster:
        cluster = self.clusters.get(short_name(reference or "default"))
        if cluster is None or (active and cluster.data["status"] != "ACTIVE"):
            raise errors.cluster_not_found()
        return cluster

    def service(self, cluster: str | None, reference: str) -> Service:
        found = self.services.get((self.cluster(cluster).name, short_name(reference)))
        if found is None:
            raise errors.service_not_found()
        return found

    def tasks_of(self, owner: Deployment | TaskSet | Service) -> list[Task]:
        """Those that are to run, in the order of their start."""
        return [task for task in self.tasks.values() if owner in (task.owner, task.service) and task.wanted]

    def note(self, service: Service, message: str) -> None:
        """Write an event of a service; the scheduler's events begin with the service's name in brackets."""
        event = {
            "id": str(uuid.uuid4()),
            "createdAt": self.time.now,
            "message": f"(service {service.name}) {message}",
        }
        events = service.data["events"]
        events.insert(0, event)
        del events[EVENTS_KEPT:]

    def same_request(self, operation: str, token: str | None, request: Data) -> tuple[bool, Any]:
        """Whether this token came before with the same request, and what was answered then.

        Raises KeyError, with what was answered then, if it came with another request.
        """
        if not token or (operation, token) not in self._tokens:
            return False, None
        fingerprint, answer = self._tokens[operation, token]
        if fingerprint != _fingerprint(request):
            raise KeyError(answer)
        return True, answer

    def remember_request(self, operation: str, token: str | None, request: Data, answer: Any) -> None:
        if token:
            self._tokens[operation, token] = (_fingerprint(request), answer)

    def forget_old_tasks(self) -> None:
        limit = self.time.now - STOPPED_TASKS_KEPT_SECONDS
        for arn in [arn for arn, task in self.tasks.items() if task.data.get("stoppedAt", limit) < limit]:
            del self.tasks[arn]


def short_name(reference: str) -> str:
    """The name in a name or an ARN."""
    return reference.rsplit("/", 1)[-1]


def deployment_id() -> str:
    return f"ecs-svc/{secrets.randbelow(9 * 10**18) + 10**18}"


def hex_id() -> str:
    return uuid.uuid4().hex


def page(items: Iterable[Any], request: Data, default: int = 100) -> tuple[list[Any], Data]:
    """One page of a list and the `nextToken` that leads on, as a dict to be merged into the answer."""
    everything = list(items)
    size = int(request.get("maxResults") or default)
    start = int(request.get("nextToken") or 0)
    more = {"nextToken": str(start + size)} if start + size < len(everything) else {}
    return everything[start : start + size], more


def tag_dict(tags: Iterable[Data] | None) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in tags or ()}


def tagged_things(world: World) -> Iterator[tuple[str, str, list[Data]]]:
    """(resource type, ARN, tags) of everything that can bear tags. The lists are the real ones."""
    for cluster in world.clusters.values():
        if cluster.data["status"] == "ACTIVE":
            yield "cluster", cluster.data["clusterArn"], cluster.data["tags"]
    for service in world.services.values():
        if service.data["status"] != "INACTIVE":
            yield "service", service.data["serviceArn"], service.data["tags"]
        for task_set in service.task_sets:
            yield "task-set", task_set.data["taskSetArn"], task_set.data["tags"]
    for task in world.tasks.values():
        if task.data["lastStatus"] != "STOPPED":
            yield "task", task.arn, task.data["tags"]
    for arn, tags in world.definition_tags.items():
        yield "task-definition", arn, tags
    for provider in world.capacity_providers.values():
        yield "capacity-provider", provider["capacityProviderArn"], provider["tags"]


def _fingerprint(request: Data) -> str:
    return json.dumps({key: value for key, value in request.items() if key != "clientToken"}, sort_keys=True)
