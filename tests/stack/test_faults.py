# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a fault of the embedded AWS to the message that an operator reads, through the modules that a release calls."""

from __future__ import annotations

import importlib
import re
import sys
import time
import urllib.error
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ansible_collections.slipway.aws.plugins.module_utils._ecs._codes import CLASS_OF

from tests.support.ecs import STACK, surroundings
from tests.support.modules import ModuleFailed, call

SERVICE = "tvshows-prod-web"
QUICK = {"task_start_seconds": 0.06, "task_stop_seconds": 0.02, "task_run_seconds": 0.05, "task_retry_seconds": 0.15}
QUICK |= {"target_healthy_seconds": 0.02, "stage_seconds": 0.02}
USUAL = {"task_start_seconds": 0.3, "task_stop_seconds": 0.1, "task_run_seconds": 0.3, "task_retry_seconds": 0.2}
USUAL |= {"target_healthy_seconds": 0.1, "stage_seconds": 0.1}
PULL = "CannotPullContainerError: "
START = "CannotStartContainerError: "


@dataclass(frozen=True)
class Case:
    """A fault, the reason code that the operator has to see, and a part of AWS's text that has to be in the message."""

    code: str
    text: str
    fault: dict[str, Any]
    targets: bool = False  # the service is behind a load balancer


def told(code: str, text: str, **options: Any) -> Case:
    """A task that ends with a text of AWS's documentation; the stop code is TaskFailedToStart unless said otherwise."""
    return Case(code, text, {"kind": "task_fails", "reason": text, **options})


def case(code: str, kind: str, text: str, *, targets: bool = False, **options: Any) -> Case:
    return Case(code, text, {"kind": kind, **options}, targets)


# What makes tasks fail, so that a circuit breaker counts them.
COUNTED = {
    "an image that is not there": case("image_not_found", "image_missing", "not found"),
    "an image that may not be pulled": case("image_pull_auth", "image_denied", "ecr:GetAuthorizationToken"),
    "a registry out of reach": case("registry_unreachable", "image_unreachable", "i/o timeout"),
    "a registry's rate limit": case("image_pull_rate_limited", "image_rate_limited", "toomanyrequests"),
    "an image for another architecture": case(
        "architecture_mismatch", "image_wrong_architecture", "matching platform 'linux/amd64'"
    ),
    "a full disk": case("disk_full", "disk_full", "no space left on device"),
    "a command that is not in the image": case(
        "command_not_found", "command_missing", 'exec: "serve": executable file not found', command="serve"
    ),
    "a crash at the start": case("essential_container_exited", "crash", "Essential container in task exited"),
    "a shell that finds no command": case("command_not_found", "crash", "Essential container", exit_code=127),
    "too little memory": case("oom_killed", "out_of_memory", "OutOfMemoryError"),
    "a failing container health check": case(
        "container_health_check_failed", "container_unhealthy", "failed container health checks"
    ),
    "a failing target health check": case(
        "elb_health_check_failed", "target_unhealthy", "Task failed ELB health checks", targets=True
    ),
    "a secret that is not there": case("secret_missing", "secret_missing", "can't find the specified secret"),
    "a secret that may not be read": case("secret_access_denied", "secret_denied", "secretsmanager:GetSecretValue"),
    "secrets out of reach": case("secrets_unreachable", "secrets_unreachable", "context deadline exceeded"),
    "a log group that is not there": case("log_driver_failure", "log_group_missing", "log group does not exist"),
    "a file system that cannot be mounted": case("efs_mount_failed", "efs_mount_failed", "EFS utils"),
    "no capacity": case("no_capacity", "no_capacity", "Capacity is unavailable at this time"),
    "a quota that is reached": case("quota_exceeded", "quota_exceeded", "reached the limit on the number of vCPUs"),
    "no free address": case("subnet_ip_exhausted", "no_free_address", "InsufficientFreeAddressesInSubnet"),
    "an interface that does not come": case("eni_failure", "interface_timeout", "network interface provisioning"),
    "a role that cannot be assumed": case("role_cannot_be_assumed", "role_not_assumable", "unable to assume the role"),
    "a container that does not start in time": case(
        "start_timeout", "start_timeout", "Could not transition to running"
    ),
    # userguide/stopped-task-error-codes, guide/ecs-gpu, and the source of the ECS agent
    "a container that the runtime refuses": told("container_start_failed", f"{START}failed to get container status"),
    "a container that cannot be stopped": told(
        "container_stop_failed", "CannotStopContainerError: failed sending SIGTERM to container"
    ),
    "a device that is not there": told(
        "resource_unavailable_device",
        f"{START}Error response from daemon: error gathering device information while adding custom device "
        '"/dev/dri/renderD130": no such file or directory',
    ),
    "a container that others wait for": told(
        "container_dependency_failed",
        "dependency graph: failed to resolve container ordering dependency [migrate] for target [web] as dependency "
        "did not exit successfully.",
    ),
    "a port that is taken": told(
        "port_conflict", f"{START}Error response from daemon: Bind for 0.0.0.0:8080 failed: port is already allocated"
    ),
    "a secret's reference that is no ARN": told(
        "secret_invalid",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        "unable to retrieve secret from asm: an invalid ARN format for the AWS Secrets Manager secret was specified. "
        "Specify a valid ARN and try again.",
    ),
}

# What the scheduler only says; no task is counted, and the same event is not repeated.
SAID = {
    "a target group that is gone": case(
        "target_group_misconfigured", "target_group_missing", "One or more target groups not found", targets=True
    ),
    "a size above the limit": case(
        "invalid_cpu_memory",
        "service_event",
        "The requested CPU configuration is above your limit",
        message="was unable to place a task. Reason: The requested CPU configuration is above your limit.",
    ),
    "permissions of the scheduler": case(
        "iam_permission_denied",
        "service_event",
        "IAM permissions policies have been misconfigured or changed",
        message="IAM permissions policies have been misconfigured or changed, and ECS can no longer maintain your "
        "service",
    ),
    "a revision that is gone": case(
        "task_definition_inactive",
        "service_event",
        "task definition api:42 does not exist",
        message="was unable to start a task: task definition api:42 does not exist.",
    ),
    "tasks under protection": case(
        "task_protection",
        "service_event",
        "2 tasks under protection",
        message="was unable to reach steady state because (taskSet ecs-svc/1) was unable to scale in due to (reason 2 "
        "tasks under protection)",
    ),
}

# Of class failure, and made otherwise than by a fault: the name of its test below.
OTHERWISE = {
    "deployment_config_blocks": "test_percentages_that_leave_no_room",
    "service_inactive": "test_a_service_that_is_gone",
    "scheduler_backoff": "test_tasks_that_cannot_be_looked_at",
}
# Of class failure, and not to be had from the embedded AWS, with why.
NEVER: dict[str, str] = {}
# Faults that make no deployment fail: what they are for.
NO_DEPLOYMENT = {"exit": "how a one-off task ends", "hang": "a one-off task that does not end"}
# Faults with a test of their own below.
ALONE = {"stuck", "scheduler_throttled", "spot_interruption", "hook_failed", "throttling", "api_error"}
# What keeps a one-off task from ending well. These say it of RunTask itself: there is no task then.
REFUSED = ("no_capacity", "quota_exceeded", "no_free_address", "role_not_assumable")


class FastClock:
    """Goes `factor` times as fast as the real one: what is given minutes of patience is over in a second."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def monotonic(self) -> float:
        return time.monotonic() * self.factor

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.factor)


@dataclass
class Shop:
    """A service that runs well on the embedded AWS, and the modules of a release pointed at it."""

    cloud: Any
    targets: bool = False
    deployment: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environ = {
            "AWS_ENDPOINT_URL": self.cloud.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
        }
        self.around = surroundings(self.cloud)
        self.alb = {"target_groups": {"web": {"arn": self.target_group()}}} if self.targets else {}
        self.call("ecs_cluster", stack=STACK, name="tv")
        self.revision = self.define("1")
        self.first = self.update()
        self.wait(self.first)

    def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        return call(name, environ=self.environ, **arguments)

    def target_group(self) -> str:
        elb, ec2 = self.cloud.client("elbv2"), self.cloud.client("ec2")
        subnets = self.around["networking"]["tiers"]["private"]
        vpc = ec2.describe_subnets(SubnetIds=subnets)["Subnets"][0]["VpcId"]
        group = elb.create_target_group(Name="web", Protocol="HTTP", Port=3000, VpcId=vpc, TargetType="ip")
        arn = str(group["TargetGroups"][0]["TargetGroupArn"])
        balancer = elb.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        forward = [{"Type": "forward", "TargetGroupArn": arn}]
        elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward)
        return arn

    def define(self, version: str, **container: Any) -> str:
        item = {
            "name": "web",
            "image": "api",
            "ports": [3000],
            "environment": {"VERSION": version},
            "health_check": {"command": "true"},
            **container,
        }
        answer = self.call(
            "ecs_task_definition",
            stack=STACK,
            task_definitions=[{"name": "api", "cpu": 512, "memory": 1024, "containers": [item]}],
            images={"api": f"{self.around['repositories']['api']['uri']}:latest"},
            roles=self.around["roles"],
            log_group="/ecs/tv",
        )
        return str(answer["task_definitions"]["api"])

    def update(self) -> list[dict[str, Any]]:
        """Start a deployment of the latest revision; what the module returns for the wait."""
        service: dict[str, Any] = {
            "name": "web",
            "task_definition": "api",
            "count": 2,
            "security_groups": ["ecs"],
            "deployment": self.deployment,
        }
        if self.targets:
            service["load_balancers"] = [{"target_group": "web", "container": "web", "port": 3000}]
        answer = self.call(
            "ecs_service",
            stack=STACK,
            cluster="tv",
            services=[service],
            task_definitions={"api": self.revision},
            networking=self.around["networking"],
            alb=self.alb,
        )
        return list(answer["rollouts"])

    def release(self, version: str = "2") -> list[dict[str, Any]]:
        self.revision = self.define(version)
        return self.update()

    def wait(self, rollouts: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        given = {"timeout": 60, "poll_interval": 0.05, **options}
        return self.call("ecs_deployment_wait", cluster="tv", services=rollouts, **given)

    def fault(self, **body: Any) -> None:
        self.cloud.control("/local-cloud/faults", body)

    def run(self, **options: Any) -> dict[str, Any]:
        arguments = {
            "cluster": "tv",
            "task_definition": self.revision,
            "subnets": self.around["networking"]["tiers"]["private"],
            "launch_type": "FARGATE",
            "poll_interval": 0.05,
            **options,
        }
        return self.call("ecs_task_run", **arguments)


@pytest.fixture
def cloud(empty):
    empty.control("/local-cloud/settings", QUICK)
    yield empty
    empty.control("/local-cloud/settings", USUAL)
    empty.reset()


@pytest.fixture
def fast(monkeypatch):
    """Lets a module's clock go faster: fast("ecs_deployment_wait", 200)."""

    def quicken(module: str, factor: float) -> None:
        run = importlib.import_module(f"ansible_collections.slipway.aws.plugins.modules.{module}").run
        monkeypatch.setattr(run, "__defaults__", (None, FastClock(factor)))

    return quicken


def holds(failure: ModuleFailed, verdict: str, wanted: Case) -> None:
    """The message alone tells verdict, reason, AWS's text and what to do."""
    reason, message = failure.result["reason"], str(failure)
    assert (failure.result.get("verdict") or failure.result.get("outcome"), reason["code"]) == (verdict, wanted.code), (
        message
    )
    assert wanted.text in reason["text"] or wanted.text in message
    for part in (verdict if "verdict" in failure.result else "", wanted.code, wanted.text, reason["hint"]):
        assert part in message
    assert reason["hint"]
    assert "Traceback" not in message


def params(cases: dict[str, Case]) -> list[Any]:
    return [pytest.param(it, id=name) for name, it in cases.items()]


@pytest.mark.parametrize("rollback", [True, False], ids=["the breaker goes back", "the breaker only stops"])
@pytest.mark.parametrize("wanted", params(COUNTED))
def test_tasks_that_fail(cloud, wanted, rollback):
    shop = Shop(cloud, wanted.targets, {"breaker": True, "rollback": rollback})
    shop.fault(**wanted.fault)
    rollouts = shop.release()
    with pytest.raises(ModuleFailed) as failed:
        shop.wait(rollouts)
    holds(failed.value, "rolled_back" if rollback else "failed", wanted)
    (service,) = cloud.client("ecs").describe_services(cluster="tv", services=[SERVICE])["services"]
    serves = shop.first[0]["task_definition"]
    assert (service["taskDefinition"] == serves) is rollback
    assert sum(it["runningCount"] for it in service["deployments"] if it["taskDefinition"] == serves) == 2


@pytest.mark.parametrize("wanted", params(SAID))
def test_what_the_scheduler_says_once(cloud, fast, wanted):
    shop = Shop(cloud, wanted.targets)
    shop.fault(**wanted.fault)
    rollouts = shop.release()
    fast("ecs_deployment_wait", 400)
    with pytest.raises(ModuleFailed) as failed:
        shop.wait(rollouts, timeout=3600, poll_interval=5)
    holds(failed.value, "failed", wanted)


def test_percentages_that_leave_no_room(cloud):
    """By itself, without a fault: one task of one at 100 to 150 percent can neither be stopped nor joined."""
    shop = Shop(cloud, deployment={"minimum": 100, "maximum": 149})
    ecs = cloud.client("ecs")
    ecs.update_service(cluster="tv", service=SERVICE, desiredCount=1)
    deadline = time.monotonic() + 10
    while ecs.describe_services(cluster="tv", services=[SERVICE])["services"][0]["runningCount"] != 1:
        assert time.monotonic() < deadline
    definition = shop.define("2")
    answer = ecs.update_service(cluster="tv", service=SERVICE, taskDefinition=definition)["service"]
    rollout = {"name": SERVICE, "deployment_id": answer["deployments"][0]["id"], "task_definition": definition}
    with pytest.raises(ModuleFailed) as failed:
        shop.wait([rollout])
    holds(
        failed.value, "failed", Case("deployment_config_blocks", "because of the service deployment configuration", {})
    )


def test_a_service_that_is_gone(cloud):
    shop = Shop(cloud)
    shop.fault(kind="stuck")
    rollouts = shop.release()
    cloud.client("ecs").delete_service(cluster="tv", service=SERVICE, force=True)
    with pytest.raises(ModuleFailed) as failed:
        shop.wait(rollouts)
    holds(failed.value, "failed", Case("service_inactive", SERVICE, {}))


def test_tasks_that_cannot_be_looked_at(cloud):
    """Without ListTasks there is only what the scheduler counts and says."""
    shop = Shop(cloud, deployment={"breaker": False})
    shop.fault(kind="crash")
    for operation in ("ListTasks", "DescribeTasks"):
        match = {"aws_service": "ecs", "operation": operation}
        shop.fault(kind="api_error", code="AccessDeniedException", message="not allowed", status=400, match=match)
    rollouts = shop.release()
    with pytest.raises(ModuleFailed) as failed:
        shop.wait(rollouts)
    holds(failed.value, "failed", Case("scheduler_backoff", "unable to consistently start tasks", {}))
    assert "Could not be looked at" in str(failed.value) and "AccessDenied" in str(failed.value)


def test_a_crash_shows_its_last_lines(cloud):
    shop = Shop(cloud, deployment={"breaker": False})
    shop.fault(kind="crash", exit_code=3, after_seconds=0.01, log=["booting", "PG::ConnectionBad: no route to host"])
    rollouts = shop.release()
    with pytest.raises(ModuleFailed) as failed:
        shop.wait(rollouts)
    wanted = Case("essential_container_exited", "Essential container in task exited", {})
    holds(failed.value, "failed", wanted)
    assert "exit code 3" in str(failed.value) and "PG::ConnectionBad" in str(failed.value)


def test_tasks_that_stay_pending(cloud, fast):
    shop = Shop(cloud)
    shop.fault(kind="stuck")
    rollouts = shop.release()
    fast("ecs_deployment_wait", 1000)
    with pytest.raises(ModuleFailed) as failed:
        shop.wait(rollouts, timeout=7200, poll_interval=20)
    holds(failed.value, "stalled", Case("deployment_in_progress", "does not get on", {}))
    assert "a healthy start needs" in str(failed.value)


@pytest.mark.parametrize(
    ("wanted", "verdict"),
    [
        pytest.param(
            case("scheduler_throttled", "scheduler_throttled", "operations are being throttled"),
            "stalled",
            id="throttled",
        ),
        pytest.param(
            case("spot_interruption", "spot_interruption", "Your Spot Task was interrupted"),
            "stalled",
            id="Spot for ever",
        ),
    ],
)
def test_trouble_that_should_pass_and_does_not(cloud, fast, wanted, verdict):
    shop = Shop(cloud)
    shop.fault(**wanted.fault)
    rollouts = shop.release()
    fast("ecs_deployment_wait", 1000)
    with pytest.raises(ModuleFailed) as failed:
        shop.wait(rollouts, timeout=7200, poll_interval=20)
    holds(failed.value, "failed", wanted)


def test_a_lifecycle_hook_that_says_no(cloud):
    shop = Shop(cloud, targets=True)
    elb, ecs = cloud.client("elbv2"), cloud.client("ecs")
    blue = shop.alb["target_groups"]["web"]["arn"]
    vpc = elb.describe_target_groups(TargetGroupArns=[blue])["TargetGroups"][0]["VpcId"]
    group = elb.create_target_group(Name="green", Protocol="HTTP", Port=3000, VpcId=vpc, TargetType="ip")
    green = group["TargetGroups"][0]["TargetGroupArn"]
    balancer = elb.describe_load_balancers(Names=["web"])["LoadBalancers"][0]["LoadBalancerArn"]
    weights = [{"TargetGroupArn": blue, "Weight": 100}, {"TargetGroupArn": green, "Weight": 0}]
    rule = elb.create_rule(
        ListenerArn=elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"],
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}],
    )["Rules"][0]["RuleArn"]
    role = shop.around["roles"]["task"]
    advanced = {"alternateTargetGroupArn": green, "productionListenerRule": rule, "roleArn": role}
    front = {"targetGroupArn": blue, "containerName": "web", "containerPort": 3000, "advancedConfiguration": advanced}
    hook = {
        "hookTargetArn": "arn:aws:lambda:us-east-1:111122223333:function:check",
        "roleArn": role,
        "lifecycleStages": ["POST_SCALE_UP"],
    }
    shop.fault(kind="hook_failed")
    answer = ecs.update_service(
        cluster="tv",
        service=SERVICE,
        taskDefinition=shop.define("2"),
        loadBalancers=[front],
        deploymentConfiguration={"strategy": "BLUE_GREEN", "lifecycleHooks": [hook]},
    )["service"]
    with pytest.raises(ModuleFailed) as failed:
        shop.wait([{"name": SERVICE, "deployment_id": answer["deployments"][0]["id"]}])
    holds(failed.value, "rolled_back", Case("lifecycle_hook_failed", "returned FAILED status", {}))


@pytest.mark.parametrize("kind", ["scheduler_throttled", "spot_interruption", "target_group_missing"])
def test_trouble_that_passes_is_no_failure(cloud, kind):
    shop = Shop(cloud, targets=True)
    shop.fault(kind=kind, times=1)
    assert shop.wait(shop.release())["verdict"] == "succeeded"


def test_throttled_calls_cost_time_and_nothing_else(cloud):
    shop = Shop(cloud)
    shop.fault(kind="throttling", match={"aws_service": "ecs", "operation": "DescribeServices"}, times=3)
    assert shop.wait(shop.release())["verdict"] == "succeeded"


def test_a_call_that_may_not_be_made_is_named(cloud):
    shop = Shop(cloud)
    rollouts = shop.release()
    match = {"aws_service": "ecs", "operation": "DescribeServices"}
    shop.fault(kind="api_error", code="AccessDeniedException", message="not allowed", status=400, match=match)
    with pytest.raises(ModuleFailed) as failed:
        shop.wait(rollouts)
    assert "DescribeServices" in str(failed.value) and "not allowed" in str(failed.value)
    assert "grant the action" in str(failed.value)


def one_off() -> list[Any]:
    kinds = {
        name: it for name, it in COUNTED.items() if it.fault["kind"] not in ("container_unhealthy", "target_unhealthy")
    }
    return params(kinds)


@pytest.mark.parametrize("wanted", one_off())
def test_a_one_off_task_that_fails(cloud, wanted):
    shop = Shop(cloud)
    shop.fault(**wanted.fault)
    with pytest.raises(ModuleFailed) as failed:
        shop.run()
    if wanted.fault["kind"] not in REFUSED:
        holds(failed.value, "failed", wanted)
        assert "Exit codes: web " in str(failed.value)
        return
    assert cloud.client("ecs").list_tasks(cluster="tv", startedBy="slipway")["taskArns"] == []
    reason = failed.value.result["reason"]
    assert reason["code"] == wanted.code
    assert all(part in str(failed.value) for part in (wanted.code, wanted.text, reason["hint"]))


def test_a_one_off_task_with_an_exit_code(cloud):
    shop = Shop(cloud)
    shop.fault(kind="exit", exit_code=2, log=["migrating", "column exists already"])
    with pytest.raises(ModuleFailed) as failed:
        shop.run()
    holds(failed.value, "failed", Case("essential_container_exited", "web: exit code 2", {}))
    assert "Exit codes: web 2." in str(failed.value) and "column exists already" in str(failed.value)


def test_a_one_off_task_that_does_not_end(cloud):
    shop = Shop(cloud)
    shop.fault(kind="hang")
    with pytest.raises(ModuleFailed) as failed:
        shop.run(timeout=1)
    assert failed.value.result["outcome"] == "timed_out" and "did not finish in time" in str(failed.value)
    (task,) = cloud.client("ecs").describe_tasks(cluster="tv", tasks=[failed.value.result["task_arn"]])["tasks"]
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "UserInitiated")


def test_every_fault_is_played(cloud):
    answer = cloud.control("/local-cloud/faults", method="GET")
    assert answer is not None
    with pytest.raises(urllib.error.HTTPError) as refused:
        cloud.control("/local-cloud/faults", {"kind": "?"})
    told_kinds = refused.value.read().decode().split("The kinds are: ")[1]
    kinds = set(re.findall(r"[a-z_]+", told_kinds.partition(".")[0]))
    assert len(kinds) >= 33
    played = {it.fault["kind"] for it in (*COUNTED.values(), *SAID.values())} | ALONE | set(NO_DEPLOYMENT)
    assert kinds == played


def test_every_reason_of_class_failure_is_produced():
    """All 36 of them, by a fault or otherwise; what is never produced is counted here."""
    failures = {code for code, class_ in CLASS_OF.items() if class_ == "failure"}
    by_fault = {it.code for it in (*COUNTED.values(), *SAID.values())}
    assert by_fault.isdisjoint(OTHERWISE) and by_fault.isdisjoint(NEVER)
    assert by_fault | set(OTHERWISE) | set(NEVER) == failures
    assert all(name in globals() for name in OTHERWISE.values())
    assert (len(by_fault), len(OTHERWISE), len(NEVER)) == (33, 3, 0)
