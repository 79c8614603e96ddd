# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One look at a service: what the calls to AWS show at one moment, as plain data for the judge.

DescribeServices is the only look that must be allowed. All others are optional: what is refused once is not asked
again, is named in `unseen`, and costs evidence alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import error_code, is_code

Shape = Mapping[str, Any]

THROTTLES = ("Throttl", "RequestLimitExceeded", "TooManyRequests", "ServerException", "ServiceUnavailable", "Internal")
MISSING = ("ServiceNotFound", "ClusterNotFound", "ServiceNotActive")
BATCH = 100


@dataclass(frozen=True)
class Look:
    """What was seen at `at` (seconds since the start of the watch).

    service:     DescribeServices' entry; None where the service is missing
    stopped:     stopped tasks that were new, or had changed, in this look (DescribeTasks' entries)
    deployment:  DescribeServiceDeployments' entry of our service deployment; None where not asked or not allowed
    briefs:      ListServiceDeployments' entries; None where not asked or not allowed
    targets:     DescribeTargetHealth's entries; None where not asked or not allowed
    live:        tasks that are not stopped; None where not asked or not allowed
    budget:      seconds that a healthy start of this service may take; None where not asked
    asked:       which of the optional looks were tried, whatever came of them
    """

    at: float
    service: Shape | None
    stopped: tuple[Shape, ...] = ()
    deployment: Shape | None = None
    briefs: tuple[Shape, ...] | None = None
    targets: tuple[Shape, ...] | None = None
    live: tuple[Shape, ...] | None = None
    budget: float | None = None
    asked: frozenset[str] = frozenset()


def epoch(value: Any) -> float | None:
    """Seconds since 1970 of what an API or a recording gives as a time: datetime, number or ISO text."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and value:
        try:
            return epoch(datetime.fromisoformat(value))
        except ValueError:
            return None
    return None


def number_of(identifier: str | None) -> str:
    """The number that a deployment id (`ecs-svc/123`) shares with its service revision (`…/web/123`)."""
    return (identifier or "").rpartition("/")[2]


def same_definition(one: str | None, other: str | None) -> bool:
    """Whether two names of task definitions (ARN, family:revision, or family alone) can mean the same."""
    left, right = number_of(one), number_of(other)
    if not left or not right:
        return False
    if ":" in left and ":" in right:
        return left == right
    return left.partition(":")[0] == right.partition(":")[0]


def target_groups(service: Shape) -> list[str]:
    """ARNs of all target groups of a service, those of its task sets and of blue/green among them."""
    balancers = list(service.get("loadBalancers") or [])
    for task_set in service.get("taskSets") or []:
        balancers += task_set.get("loadBalancers") or []
    arns = [balancer.get("targetGroupArn") for balancer in balancers]
    arns += [(balancer.get("advancedConfiguration") or {}).get("alternateTargetGroupArn") for balancer in balancers]
    return list(dict.fromkeys(arn for arn in arns if arn))


@dataclass
class Eyes:
    """The calls behind the looks at one service, counted."""

    ecs: Any
    cluster: str
    name: str
    elbv2: Any = None
    cloudwatch: Any = None
    calls: int = 0
    unseen: dict[str, str] = field(default_factory=dict)
    _settled: set[str] = field(default_factory=set)

    def service(self) -> Shape | None:
        """The service, or None where there is none. Raises what AWS raises, throttling included."""
        self.calls += 1
        try:
            answer = self.ecs.describe_services(cluster=self.cluster, services=[self.name])
        except Exception as error:
            if is_code(error, *MISSING):
                return None
            raise
        services = answer.get("services") or []
        return services[0] if services else None

    def optional(self, what: str, read: Callable[[], Any]) -> Any:
        """read(), or None where it cannot be had. A look that is refused or unknown here is not tried again."""
        if what in self.unseen:
            return None
        try:
            return read()
        except Exception as error:  # an optional look may fail in any way without touching the verdict
            if not is_code(error, *THROTTLES):
                self.unseen[what] = error_code(error) or type(error).__name__
            return None

    def _paged(self, client: Any, operation: str, key: str, **arguments: Any) -> list[Any]:
        items: list[Any] = []
        token: str | None = None
        call = getattr(client, operation)
        while True:
            self.calls += 1
            answer = call(**arguments, **({"nextToken": token} if token else {}))
            items += answer.get(key) or []
            token = answer.get("nextToken")
            if not token:
                return items

    def _tasks(self, arns: Iterable[str]) -> list[Shape]:
        wanted = list(arns)
        found: list[Shape] = []
        for start in range(0, len(wanted), BATCH):
            self.calls += 1
            answer = self.ecs.describe_tasks(cluster=self.cluster, tasks=wanted[start : start + BATCH])
            found += answer.get("tasks") or []
        return found

    def _list_tasks(self, status: str) -> list[str]:
        return self._paged(
            self.ecs, "list_tasks", "taskArns", cluster=self.cluster, serviceName=self.name, desiredStatus=status
        )

    def stopped(self) -> tuple[Shape, ...]:
        """Tasks of the service that stopped, each until it was seen STOPPED once."""

        def read() -> tuple[Shape, ...]:
            tasks = self._tasks(arn for arn in self._list_tasks("STOPPED") if arn not in self._settled)
            self._settled |= {task.get("taskArn", "") for task in tasks if task.get("lastStatus") == "STOPPED"}
            return tuple(tasks)

        return self.optional("stopped tasks", read) or ()

    def live(self) -> tuple[Shape, ...] | None:
        found = self.optional("running tasks", lambda: tuple(self._tasks(self._list_tasks("RUNNING"))))
        return found if found is None else tuple(found)

    def deployment(self, arn: str) -> Shape | None:
        """Our service deployment, as DescribeServiceDeployments has it."""

        def read() -> Shape | None:
            self.calls += 1
            answer = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])
            found = answer.get("serviceDeployments") or []
            return found[0] if found else None

        found: Shape | None = self.optional("service deployments", read)
        return found

    def briefs(self) -> tuple[Shape, ...] | None:
        """The service's deployments of the last time, newest first as AWS gives them: one page is enough."""

        def read() -> tuple[Shape, ...]:
            self.calls += 1
            answer = self.ecs.list_service_deployments(cluster=self.cluster, service=self.name)
            return tuple(answer.get("serviceDeployments") or ())

        found = self.optional("list of service deployments", read)
        return found if found is None else tuple(found)

    def targets(self, service: Shape) -> tuple[Shape, ...] | None:
        """Health of every target of the service, with the target group's ARN added to each entry."""
        arns = target_groups(service)
        if not arns or self.elbv2 is None:
            return None

        def read() -> tuple[Shape, ...]:
            found: list[Shape] = []
            for arn in arns:
                self.calls += 1
                answer = self.elbv2.describe_target_health(TargetGroupArn=arn)
                found += [{**entry, "TargetGroupArn": arn} for entry in answer.get("TargetHealthDescriptions") or []]
            return tuple(found)

        found = self.optional("target health", read)
        return found if found is None else tuple(found)

    def alarms(self, names: list[str]) -> list[Shape]:
        """The deployment's alarms that are in ALARM now."""
        if not names or self.cloudwatch is None:
            return []

        def read() -> list[Shape]:
            self.calls += 1
            answer = self.cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
            both = [*(answer.get("MetricAlarms") or []), *(answer.get("CompositeAlarms") or [])]
            return [alarm for alarm in both if alarm.get("StateValue") == "ALARM"]

        return self.optional("alarms", read) or []

    def definition(self, name: str | None) -> Shape:
        """A task definition; {} where it cannot be read."""
        if not name:
            return {}

        def read() -> Shape:
            self.calls += 1
            found: Shape = self.ecs.describe_task_definition(taskDefinition=name).get("taskDefinition") or {}
            return found

        return self.optional("task definition", read) or {}

    def health_checks(self, service: Shape) -> list[Shape]:
        """The target groups of the service, for the pace of their health checks."""
        arns = target_groups(service)
        if not arns or self.elbv2 is None:
            return []

        def read() -> list[Shape]:
            self.calls += 1
            return list(self.elbv2.describe_target_groups(TargetGroupArns=arns).get("TargetGroups") or [])

        return self.optional("target groups", read) or []


# Placing a task, making its network interface and pulling an image of ordinary size.
BASE_START = 420.0
DEREGISTRATION = 300.0
STOPPING = 120.0


def healthy_start(service: Shape, definition: Shape, groups: Iterable[Shape]) -> float:
    """Seconds that a healthy start of this service may take without anything to be seen.

    On top of BASE_START: the grace period or the pace of the load balancer's checks, whichever is longer, and the
    start period and checks of the slowest container.
    """
    grace = float(service.get("healthCheckGracePeriodSeconds") or 0)
    paces = [
        float(group.get("HealthCheckIntervalSeconds") or 30) * float(group.get("HealthyThresholdCount") or 5)
        for group in groups
    ]
    if not paces and target_groups(service):
        paces = [150.0]
    checks = [box["healthCheck"] for box in definition.get("containerDefinitions") or [] if box.get("healthCheck")]
    starts = [
        float(check.get("startPeriod") or 0) + float(check.get("interval") or 30) * float(check.get("retries") or 3)
        for check in checks
    ]
    return BASE_START + max([grace, *paces]) + max([0.0, *starts])
