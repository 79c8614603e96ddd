# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ECS when something goes wrong: by a fault, and by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_cloud_stack import IMAGE, TRUST, Stack, build
from local_cloud_support import ACCOUNT, Cloud, until

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app-AbCdEf"


@pytest.fixture
def stack(cloud: Cloud) -> Stack:
    return build(cloud)


def failed(stack: Stack, seen: dict[str, Any]) -> bool:
    return any(deployment["rolloutState"] == "FAILED" for deployment in seen["deployments"])


@pytest.mark.parametrize(
    ("fault", "code", "reason"),
    [
        pytest.param(
            {"kind": "image_missing"},
            "TaskFailedToStart",
            f"CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref {IMAGE}:",
            id="image missing",
        ),
        pytest.param(
            {"kind": "image_denied"},
            "TaskFailedToStart",
            "not authorized to perform: ecr:GetAuthorizationToken",
            id="denied",
        ),
        pytest.param({"kind": "image_unreachable"}, "TaskFailedToStart", "i/o timeout", id="registry out of reach"),
        pytest.param({"kind": "image_rate_limited"}, "TaskFailedToStart", "toomanyrequests", id="rate limit"),
        pytest.param(
            {"kind": "image_wrong_architecture"},
            "TaskFailedToStart",
            "image Manifest does not contain descriptor matching platform 'linux/amd64'",
            id="architecture",
        ),
        pytest.param({"kind": "disk_full"}, "TaskFailedToStart", "no space left on device", id="disk full"),
        pytest.param(
            {"kind": "command_missing", "command": "serve"},
            "TaskFailedToStart",
            'exec: "serve": executable file not found in $PATH',
            id="command missing",
        ),
        pytest.param(
            {"kind": "crash", "exit_code": 3},
            "EssentialContainerExited",
            "Essential container in task exited",
            id="crash",
        ),
        pytest.param(
            {"kind": "out_of_memory"}, "EssentialContainerExited", "Essential container in task exited", id="memory"
        ),
        pytest.param(
            {"kind": "secret_missing", "secret": SECRET},
            "TaskFailedToStart",
            "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
            id="secret missing",
        ),
        pytest.param(
            {"kind": "secret_denied", "secret": SECRET},
            "TaskFailedToStart",
            f"not authorized to perform: secretsmanager:GetSecretValue on resource: {SECRET}",
            id="secret denied",
        ),
        pytest.param(
            {"kind": "secrets_unreachable"}, "TaskFailedToStart", "context deadline exceeded", id="secrets out of reach"
        ),
        pytest.param(
            {"kind": "log_group_missing"},
            "TaskFailedToStart",
            "The specified log group does not exist.",
            id="log group",
        ),
        pytest.param(
            {"kind": "interface_timeout"},
            "TaskFailedToStart",
            "Timeout waiting for network interface provisioning to complete.",
            id="interface",
        ),
        pytest.param(
            {"kind": "start_timeout"},
            "TaskFailedToStart",
            "Could not transition to running; timed out",
            id="start time-out",
        ),
        pytest.param(
            {"kind": "efs_mount_failed"},
            "TaskFailedToStart",
            "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes",
            id="file system",
        ),
        pytest.param(
            {"kind": "task_fails", "code": "InfrastructureHealth", "reason": "as told", "exit_code": 139},
            "InfrastructureHealth",
            "as told",
            id="whatever is told",
        ),
        pytest.param({"kind": "spot_interruption"}, "SpotInterruption", "Your Spot Task was interrupted.", id="spot"),
    ],
)
def test_a_fault_ends_a_task(stack: Stack, fault: dict[str, Any], code: str, reason: str) -> None:
    stack.cloud.fault(**fault, match={"family": "web"})
    ended = stack.stopped(stack.run()["taskArn"])
    assert ended["stopCode"] == code
    assert reason in ended["stoppedReason"]
    if fault["kind"] == "crash":
        assert ended["containers"][0]["exitCode"] == 3
    if fault["kind"] == "out_of_memory":
        assert ended["containers"][0]["exitCode"] == 137
        assert ended["containers"][0]["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    if code == "TaskFailedToStart":
        assert "exitCode" not in ended["containers"][0]


def test_an_exit_code_and_log_lines_can_be_chosen(stack: Stack) -> None:
    stack.cloud.fault("exit", exit_code=2, log=["PG::ConnectionBad", "bye"])
    task = stack.run()
    ended = stack.stopped(task["taskArn"])
    assert ended["containers"][0]["exitCode"] == 2
    assert "startedAt" in ended
    stream = f"web/web/{task['taskArn'].rsplit('/', 1)[1]}"
    logs = stack.cloud.client("logs").get_log_events(logGroupName="/ecs/web", logStreamName=stream)["events"]
    assert [event["message"] for event in logs][-2:] == ["PG::ConnectionBad", "bye"]


def test_a_fault_strikes_as_often_as_it_is_told_and_where_it_is_told(stack: Stack) -> None:
    stack.cloud.fault("crash", match={"family": "other"})
    stack.cloud.fault("exit", exit_code=9, times=1)
    codes = [stack.stopped(stack.run()["taskArn"])["containers"][0]["exitCode"] for _time in range(2)]
    assert codes == [9, 0]


def test_an_image_that_was_not_pushed_fails_by_itself(stack: Stack) -> None:
    stack.define(image=IMAGE.replace(":1", ":2"))
    ended = stack.stopped(stack.run()["taskArn"])
    assert ended["stopCode"] == "TaskFailedToStart"
    assert ended["stoppedReason"].endswith("web:2: not found")


@pytest.mark.parametrize(
    ("value", "reference", "reason"),
    [
        pytest.param(None, "{arn}", "find the specified secret value for staging label: AWSCURRENT", id="no value"),
        pytest.param("text", "{arn}:key::", "looking for beginning of value", id="no JSON"),
        pytest.param('{"a": 1}', "{arn}:key::", "did not contain json key key", id="no such key"),
    ],
)
def test_a_secret_that_cannot_be_had_fails_by_itself(
    stack: Stack, value: str | None, reference: str, reason: str
) -> None:
    secrets = stack.cloud.client("secretsmanager")
    arn = secrets.create_secret(Name="app", **({"SecretString": value} if value else {}))["ARN"]
    stack.define(secrets=[{"name": "KEY", "valueFrom": reference.format(arn=arn)}])
    ended = stack.stopped(stack.run()["taskArn"])
    assert ended["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets or registry auth:")
    assert reason in ended["stoppedReason"]


def test_a_secret_with_its_value_is_no_obstacle(stack: Stack) -> None:
    arn = stack.cloud.client("secretsmanager").create_secret(Name="app", SecretString='{"key": "v"}')["ARN"]
    stack.define(secrets=[{"name": "KEY", "valueFrom": f"{arn}:key::"}])
    assert stack.stopped(stack.run()["taskArn"])["containers"][0]["exitCode"] == 0


def test_a_missing_log_group_fails_by_itself(stack: Stack) -> None:
    stack.cloud.client("logs").delete_log_group(logGroupName="/ecs/web")
    assert "The specified log group does not exist." in stack.stopped(stack.run()["taskArn"])["stoppedReason"]


def test_a_role_that_ecs_may_not_assume_is_an_error_of_run_task(stack: Stack) -> None:
    policy = json.dumps(TRUST).replace("ecs-tasks", "ec2")
    stack.cloud.client("iam").update_assume_role_policy(RoleName="tasks", PolicyDocument=policy)
    with pytest.raises(ClientError, match=f"ECS was unable to assume the role '{stack.role}'"):
        stack.run()


def test_no_capacity_is_a_failure_of_run_task(stack: Stack) -> None:
    stack.cloud.fault("no_capacity")
    answer = stack.ecs.run_task(
        cluster="main", taskDefinition="web", launchType="FARGATE", networkConfiguration=stack.network
    )
    assert answer["tasks"] == []
    assert answer["failures"][0]["reason"].startswith("Capacity is unavailable at this time.")


def test_a_subnet_that_is_full_has_no_address_for_a_task(stack: Stack) -> None:
    ec2 = stack.cloud.client("ec2")
    vpc = ec2.describe_subnets(SubnetIds=stack.subnets)["Subnets"][0]["VpcId"]
    small = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/28")["Subnet"]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [small]}}
    request = {"cluster": "main", "taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": network}
    stack.cloud.fault("hang")
    assert len(stack.ecs.run_task(**request, count=10)["tasks"]) == 10
    answer = stack.ecs.run_task(**request, count=2)
    assert len(answer["tasks"]) == 1
    assert "InsufficientFreeAddressesInSubnet" in answer["failures"][0]["reason"]


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        pytest.param(
            "no_capacity", "was unable to place a task. Reason: Capacity is unavailable at this time.", id="capacity"
        ),
        pytest.param(
            "quota_exceeded",
            "was unable to place a task. Reason: You\u2019ve reached the limit on the number of vCPUs you can run",
            id="quota",
        ),
        pytest.param("no_free_address", "was unable to place a task. Reason: Unexpected EC2 error while", id="address"),
        pytest.param(
            "role_not_assumable", "failed to launch a task with (error ECS was unable to assume the role", id="role"
        ),
        pytest.param("image_missing", "was unable to place a task. Reason: CannotPullContainerError", id="image"),
    ],
)
def test_the_breaker_ends_a_first_deployment_that_does_not_start(stack: Stack, kind: str, event: str) -> None:
    stack.cloud.fault(kind)
    stack.create(deploymentConfiguration=BREAKER)
    service = until(stack.service, lambda seen: failed(stack, seen))
    deployment = service["deployments"][0]
    assert deployment["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    assert deployment["status"] == "PRIMARY"
    assert deployment["failedTasks"] >= 3
    events = [entry["message"] for entry in service["events"]]
    text = f"(service web) (deployment {deployment['id']}) deployment failed: tasks failed to start."
    assert text in events
    assert any(message.startswith(f"(service web) {event}") for message in events)
    brief = stack.ecs.list_service_deployments(cluster="main", service="web")["serviceDeployments"][0]
    assert brief["status"] == "STOPPED"


@pytest.mark.parametrize(
    ("fault", "event"),
    [
        pytest.param(
            {"kind": "scheduler_throttled"}, "operations are being throttled. Will try again later.", id="slow"
        ),
        pytest.param({"kind": "service_event", "message": "has a word to say."}, "has a word to say.", id="any event"),
    ],
)
def test_the_scheduler_waits_and_goes_on(stack: Stack, fault: dict[str, Any], event: str) -> None:
    stack.cloud.fault(**fault, times=1)
    stack.create()
    assert stack.settled()["runningCount"] == 2
    assert f"(service web) {event}" in stack.events()


def test_percentages_that_leave_no_room_are_told(stack: Stack) -> None:
    stack.create(count=1, deploymentConfiguration={"maximumPercent": 150, "minimumHealthyPercent": 100})
    stack.settled()
    stack.ecs.update_service(cluster="main", service="web", forceNewDeployment=True)
    text = "(service web) was unable to stop or start tasks during a deployment because of the service deployment"
    until(stack.events, lambda seen: any(message.startswith(text) for message in seen))
    assert stack.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"


def test_a_target_group_that_is_gone_is_told(stack: Stack) -> None:
    fault = stack.cloud.fault("target_group_missing")
    stack.create(balanced=True, count=1)
    text = f"(service web) failed to register targets in (target-group {stack.target_group}) with (error"
    until(stack.events, lambda seen: any(message.startswith(text) for message in seen))
    service = until(stack.service, lambda seen: seen["runningCount"] == 1)
    assert service["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    stack.cloud.control("DELETE", f"faults?id={fault['id']}")
    assert stack.settled()["runningCount"] == 1


def test_the_breaker_goes_back_to_the_last_completed_deployment(stack: Stack) -> None:
    stack.create(balanced=True, deploymentConfiguration=BREAKER)
    good = stack.settled()["deployments"][0]["id"]
    stack.define(image=IMAGE.replace(":1", ":broken"))
    bad = stack.ecs.update_service(cluster="main", service="web", taskDefinition="web")["service"]["deployments"][0][
        "id"
    ]
    turning = until(stack.service, lambda seen: seen["deployments"][0]["id"] == good)
    primary = turning["deployments"][0]
    if primary["rolloutState"] == "IN_PROGRESS":
        expected = f"ECS deployment circuit breaker: rolling back to deploymentId {good}."
        assert primary["rolloutStateReason"] == expected
        assert turning["deployments"][1]["rolloutState"] == "FAILED"
    service = stack.settled()
    assert service["taskDefinition"].endswith("web:1")
    assert [deployment["id"] for deployment in service["deployments"]] == [good]
    assert service["runningCount"] == 2
    events = [entry["message"] for entry in service["events"]]
    assert f"(service web) (deployment {bad}) deployment failed: tasks failed to start." in events
    assert f"(service web) rolling back to deployment {good}." in events
    latest, first = stack.ecs.list_service_deployments(cluster="main", service="web")["serviceDeployments"]
    assert (latest["status"], first["status"]) == ("ROLLBACK_SUCCESSFUL", "SUCCESSFUL")
    described = stack.ecs.describe_service_deployments(serviceDeploymentArns=[latest["serviceDeploymentArn"]])
    record = described["serviceDeployments"][0]
    assert record["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert record["rollback"]["serviceRevisionArn"] == record["sourceServiceRevisions"][0]["arn"]


def test_a_rollback_can_be_a_deployment_of_its_own(stack: Stack) -> None:
    stack.cloud.control("POST", "settings", {"rollback_new_deployment": True})
    stack.create(deploymentConfiguration=BREAKER)
    good = stack.settled()["deployments"][0]["id"]
    stack.define(image=IMAGE.replace(":1", ":broken"))
    bad = stack.ecs.update_service(cluster="main", service="web", taskDefinition="web")["service"]["deployments"][0][
        "id"
    ]
    until(stack.service, lambda seen: seen["deployments"][0]["id"] not in (good, bad))
    service = stack.settled()
    assert service["deployments"][0]["id"] not in (good, bad)
    assert service["taskDefinition"].endswith("web:1")
    assert f"(service web) rolling back to deployment {good}." in stack.events()
    record = stack.ecs.list_service_deployments(cluster="main", service="web")["serviceDeployments"][0]
    assert record["status"] == "ROLLBACK_SUCCESSFUL"


def test_without_rollback_the_failed_deployment_stays_primary_and_the_old_tasks_run(stack: Stack) -> None:
    stack.create(deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": False}})
    stack.settled()
    stack.cloud.fault("crash")
    stack.define(command=["x"])
    stack.ecs.update_service(cluster="main", service="web", taskDefinition="web")
    service = until(stack.service, lambda seen: failed(stack, seen))
    assert service["deployments"][0]["rolloutState"] == "FAILED"
    assert service["deployments"][1]["runningCount"] == 2


def test_without_breaker_it_goes_on_and_says_so(stack: Stack) -> None:
    stack.cloud.fault("crash")
    stack.create()
    text = (
        "(service web) is unable to consistently start tasks successfully. For more information, see the"
        " Troubleshooting section of the Amazon ECS Developer Guide."
    )
    service = until(stack.service, lambda seen: any(event["message"] == text for event in seen["events"]))
    assert service["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert service["deployments"][0]["failedTasks"] >= 3


def test_tasks_that_run_and_then_die_are_no_failed_tasks(stack: Stack) -> None:
    stack.cloud.fault("crash", after_seconds=0.01)
    stack.create(deploymentConfiguration=BREAKER)
    until(lambda: len(stack.tasks("STOPPED")), lambda count: count >= 4)
    deployment = stack.service()["deployments"][0]
    assert (deployment["failedTasks"], deployment["rolloutState"]) == (0, "IN_PROGRESS")


@pytest.mark.parametrize(
    ("options", "state", "description"),
    [
        pytest.param(
            {}, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]", id="an answer with 503"
        ),
        pytest.param({"reason": "Request timed out"}, "Target.Timeout", "Request timed out", id="no answer in time"),
    ],
)
def test_an_unhealthy_target_is_replaced(stack: Stack, options: dict[str, Any], state: str, description: str) -> None:
    stack.cloud.control("POST", "settings", {"task_stop_seconds": 0.3, "deregistration_seconds": 0.2})
    stack.cloud.fault("target_unhealthy", times=1, **options)
    stack.create(balanced=True, count=1)
    elb = stack.cloud.client("elbv2")

    def look() -> list[dict[str, Any]]:
        return list(elb.describe_target_health(TargetGroupArn=stack.target_group)["TargetHealthDescriptions"])

    events = until(stack.events, lambda seen: any("is unhealthy in" in message for message in seen))
    assert any(message.endswith(f"due to (reason {description}).") for message in events)
    stopped = until(lambda: stack.tasks("STOPPED"), bool)[0]
    assert stopped["stoppedReason"] == f"Task failed ELB health checks in (target-group {stack.target_group})"
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert stack.settled()["runningCount"] == 1
    until(look, lambda seen: [entry["TargetHealth"]["State"] for entry in seen] == ["healthy"])
    assert state


def test_a_failing_container_check_is_told_and_counted(stack: Stack) -> None:
    stack.define(healthCheck={"command": ["CMD-SHELL", "true"]})
    stack.cloud.fault("container_unhealthy")
    stack.create(deploymentConfiguration=BREAKER)
    until(stack.service, lambda seen: failed(stack, seen))
    task = stack.tasks("STOPPED")[0]
    assert task["stoppedReason"] == "Task failed container health checks"
    assert task["healthStatus"] == "UNHEALTHY"
    assert f"(service web) (task {task['taskArn'].rsplit('/', 1)[1]}) failed container health checks." in stack.events()


def test_an_alarm_takes_a_deployment_back(stack: Stack) -> None:
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    watch = stack.cloud.client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName="errors",
        MetricName="x",
        Namespace="n",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
    )
    stack.create(deploymentConfiguration={"alarms": alarms})
    good = stack.settled()["deployments"][0]["id"]
    stack.cloud.control("POST", "settings", {"alarm_bake_seconds": 5})
    stack.define(command=["x"])
    stack.ecs.update_service(cluster="main", service="web", taskDefinition="web")
    until(stack.service, lambda seen: seen["deployments"][0]["runningCount"] == 2 and len(seen["deployments"]) == 2)
    watch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    service = until(stack.service, lambda seen: seen["deployments"][0]["id"] == good)
    assert any(message.endswith("deployment failed: alarm detected.") for message in stack.events())
    record = stack.ecs.list_service_deployments(cluster="main", service="web")["serviceDeployments"][0]
    assert record["statusReason"] == "ECS deployment failed: alarm detected."
    assert service["taskDefinition"].endswith("web:1")


def test_an_alarm_that_rang_before_is_ignored(stack: Stack) -> None:
    watch = stack.cloud.client("cloudwatch")
    request = {
        "MetricName": "x",
        "Namespace": "n",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "Statistic": "Sum",
    }
    watch.put_metric_alarm(AlarmName="errors", ComparisonOperator="GreaterThanThreshold", **request)
    watch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    stack.create(deploymentConfiguration={"alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True}})
    assert stack.settled()["runningCount"] == 2


def test_a_newer_deployment_takes_the_place_of_one_in_progress(stack: Stack) -> None:
    stack.create()
    stack.settled()
    stack.cloud.fault("stuck", times=2)
    stack.define(command=["b"])
    second = stack.ecs.update_service(cluster="main", service="web", taskDefinition="web:2")["service"]["deployments"][
        0
    ]
    until(
        lambda: [task["lastStatus"] for task in stack.tasks(startedBy=second["id"])],
        lambda states: states == ["PENDING", "PENDING"],
    )
    stack.define(command=["c"])
    stack.ecs.update_service(cluster="main", service="web", taskDefinition="web:3")
    service = stack.settled()
    assert service["taskDefinition"].endswith("web:3")
    statuses = [
        b["status"] for b in stack.ecs.list_service_deployments(cluster="main", service="web")["serviceDeployments"]
    ]
    assert statuses == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]


def test_a_service_deployment_can_be_stopped_with_rollback(stack: Stack) -> None:
    stack.create()
    good = stack.settled()["deployments"][0]["id"]
    stack.cloud.fault("stuck")
    stack.define(command=["b"])
    updated = stack.ecs.update_service(cluster="main", service="web", taskDefinition="web:2")["service"]
    arn = updated["currentServiceDeployment"]
    stack.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    until(stack.service, lambda seen: [d["id"] for d in seen["deployments"]] == [good])
    described = stack.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
    assert described["status"] == "ROLLBACK_SUCCESSFUL"
    with pytest.raises(ClientError) as caught:
        stack.ecs.stop_service_deployment(serviceDeploymentArn=arn)
    assert caught.value.response["Error"]["Code"] == "ConflictException"


def staged_service(stack: Stack, **configuration: Any) -> None:
    """A service behind two target groups, with a second deployment under way."""
    elb = stack.cloud.client("elbv2")
    vpc = elb.describe_target_groups(Names=["web"])["TargetGroups"][0]["VpcId"]
    green = elb.create_target_group(Name="green", Protocol="HTTP", Port=3000, VpcId=vpc, TargetType="ip")
    other = green["TargetGroups"][0]["TargetGroupArn"]
    forward = {
        "TargetGroups": [{"TargetGroupArn": stack.target_group, "Weight": 100}, {"TargetGroupArn": other, "Weight": 0}]
    }
    rule = elb.create_rule(
        ListenerArn=stack.listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[{"Type": "forward", "ForwardConfig": forward}],
    )["Rules"][0]["RuleArn"]
    balancer = {
        "targetGroupArn": stack.target_group,
        "containerName": "web",
        "containerPort": 3000,
        "advancedConfiguration": {
            "alternateTargetGroupArn": other,
            "productionListenerRule": rule,
            "roleArn": stack.role,
        },
    }
    stack.create(loadBalancers=[balancer], deploymentConfiguration=configuration)
    stack.settled()
    stack.define(command=["b"])
    stack.ecs.update_service(cluster="main", service="web", taskDefinition="web:2")


def record_of(stack: Stack) -> dict[str, Any]:
    arn = stack.ecs.list_service_deployments(cluster="main", service="web")["serviceDeployments"][0][
        "serviceDeploymentArn"
    ]
    return dict(stack.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0])


@pytest.mark.parametrize("strategy", ["BLUE_GREEN", "LINEAR", "CANARY"])
def test_a_staged_deployment_moves_the_traffic(stack: Stack, strategy: str) -> None:
    staged_service(stack, strategy=strategy)
    record = until(lambda: record_of(stack), lambda seen: seen["status"] == "SUCCESSFUL")
    assert record["targetServiceRevision"]["requestedProductionTrafficWeight"] == 100.0
    assert record["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"] == 0.0
    rules = stack.cloud.client("elbv2").describe_rules(ListenerArn=stack.listener)["Rules"]
    weights = [group["Weight"] for group in rules[0]["Actions"][0]["ForwardConfig"]["TargetGroups"]]
    assert weights == [0, 100]
    assert stack.service()["taskDefinition"].endswith("web:2")


@pytest.mark.parametrize(
    ("action", "status"),
    [
        pytest.param("CONTINUE", "SUCCESSFUL", id="continued"),
        pytest.param("ROLLBACK", "ROLLBACK_SUCCESSFUL", id="rolled back"),
    ],
)
def test_a_pause_waits_for_somebody(stack: Stack, action: str, status: str) -> None:
    pause = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    staged_service(stack, strategy="BLUE_GREEN", lifecycleHooks=[pause])
    paused = until(lambda: record_of(stack), lambda seen: seen.get("lifecycleHookDetails"))
    assert (paused["lifecycleStage"], paused["status"]) == ("POST_SCALE_UP", "IN_PROGRESS")
    hook = paused["lifecycleHookDetails"][0]
    assert hook["status"] == "AWAITING_ACTION"
    arn = paused["serviceDeploymentArn"]
    stack.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook["hookId"], action=action)
    until(lambda: record_of(stack), lambda seen: seen["status"] == status)


def test_task_sets_of_an_external_controller(stack: Stack) -> None:
    stack.ecs.create_service(
        cluster="main", serviceName="ext", desiredCount=2, deploymentController={"type": "EXTERNAL"}
    )
    created = stack.ecs.create_task_set(
        cluster="main",
        service="ext",
        taskDefinition="web",
        launchType="FARGATE",
        networkConfiguration=stack.network,
        scale={"value": 50.0, "unit": "PERCENT"},
        externalId="release-1",
    )["taskSet"]
    assert created["stabilityStatus"] == "STABILIZING"

    def look() -> dict[str, Any]:
        return dict(stack.ecs.describe_task_sets(cluster="main", service="ext")["taskSets"][0])

    seen = until(look, lambda task_set: task_set["stabilityStatus"] == "STEADY_STATE")
    assert (seen["computedDesiredCount"], seen["runningCount"]) == (1, 1)
    stack.ecs.update_service_primary_task_set(cluster="main", service="ext", primaryTaskSet=created["id"])
    assert look()["status"] == "PRIMARY"
    assert stack.service("ext")["deployments"] == []
    assert len(stack.tasks(startedBy=created["id"])) == 1


def test_a_code_deploy_service_begins_with_a_primary_task_set(stack: Stack) -> None:
    stack.create("cd", deploymentController={"type": "CODE_DEPLOY"})
    service = until(lambda: stack.service("cd"), lambda seen: seen["runningCount"] == 2)
    assert service["taskSets"][0]["status"] == "PRIMARY"
    with pytest.raises(ClientError, match="CODE_DEPLOY deployment controller"):
        stack.ecs.update_service(cluster="main", service="cd", taskDefinition="web:1")


@pytest.mark.parametrize(
    ("service", "operation", "request_", "code"),
    [
        pytest.param("ecs", "describe_services", {"services": ["x"]}, "ThrottlingException", id="a JSON service"),
        pytest.param("ec2", "describe_vpcs", {}, "RequestLimitExceeded", id="EC2"),
        pytest.param("rds", "describe_db_instances", {}, "Throttling", id="a query service"),
        pytest.param("s3", "list_buckets", {}, "SlowDown", id="S3"),
        pytest.param("backup", "list_backup_plans", {}, "ThrottlingException", id="a REST service"),
    ],
)
def test_any_call_can_be_throttled(cloud: Cloud, service: str, operation: str, request_: Any, code: str) -> None:
    cloud.fault("throttling", match={"aws_service": service}, times=1)
    client = cloud.client(service)
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**request_)
    assert caught.value.response["Error"]["Code"] == code


def test_any_call_can_have_an_error(cloud: Cloud) -> None:
    options = {"code": "AccessDeniedException", "message": "no & never", "status": 400}
    cloud.fault("api_error", match={"aws_service": "ecs", "operation": "ListClusters"}, times=1, **options)
    cloud.client("ecs").describe_clusters()
    with pytest.raises(ClientError) as caught:
        cloud.client("ecs").list_clusters()
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("AccessDeniedException", "no & never")
    cloud.client("ecs").list_clusters()
