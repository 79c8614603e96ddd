# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ECS while nothing goes wrong."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_cloud_stack import Stack, build
from local_cloud_support import ACCOUNT, Cloud, until


@pytest.fixture
def stack(cloud: Cloud) -> Stack:
    return build(cloud)


def error_of(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_new_deployment_starts_with_nothing_desired_and_in_progress(stack: Stack) -> None:
    deployment = stack.create()["deployments"][0]
    assert deployment["status"] == "PRIMARY"
    assert (deployment["desiredCount"], deployment["runningCount"]) == (0, 0)
    assert deployment["rolloutState"] == "IN_PROGRESS"
    assert deployment["rolloutStateReason"] == f"ECS deployment {deployment['id']} in progress."


def test_a_service_reaches_steady_state(stack: Stack) -> None:
    stack.create(balanced=True)
    service = stack.settled()
    deployment = service["deployments"][0]
    assert (service["desiredCount"], service["runningCount"], service["pendingCount"]) == (2, 2, 0)
    assert deployment["rolloutStateReason"] == f"ECS deployment {deployment['id']} completed."
    assert deployment["failedTasks"] == 0
    events = [event["message"] for event in service["events"]]
    assert events[0] == "(service web) has reached a steady state."
    assert events[1] == f"(service web) (deployment {deployment['id']}) deployment completed."
    assert events[2] == f"(service web) registered 1 targets in (target-group {stack.target_group})"
    tasks = stack.tasks(serviceName="web")
    names = {f"(task {task['taskArn'].rsplit('/', 1)[1]})" for task in tasks}
    started = events[-1].removeprefix("(service web) has started 2 tasks: ").removesuffix(".")
    assert set(re.findall(r"\(task [0-9a-f]{32}\)", started)) == names


def test_tasks_of_a_service_have_addresses_in_both_zones(stack: Stack) -> None:
    stack.create()
    deployment = stack.settled()["deployments"][0]["id"]
    tasks = stack.tasks(startedBy=deployment)
    details = [{item["name"]: item["value"] for item in task["attachments"][0]["details"]} for task in tasks]
    assert {detail["subnetId"] for detail in details} == set(stack.subnets)
    assert all(detail["privateIPv4Address"].startswith("10.0.") for detail in details)
    assert {task["availabilityZone"] for task in tasks} == {"us-east-1a", "us-east-1b"}
    interfaces = stack.cloud.client("ec2").describe_network_interfaces(
        NetworkInterfaceIds=[detail["networkInterfaceId"] for detail in details]
    )
    assert len(interfaces["NetworkInterfaces"]) == 2


def test_a_task_goes_through_its_states(stack: Stack) -> None:
    stack.cloud.control("POST", "settings", {"task_start_seconds": 0.5})
    task = stack.run()
    seen = []
    until(
        lambda: stack.ecs.describe_tasks(cluster="main", tasks=[task["taskArn"]])["tasks"][0]["lastStatus"],
        lambda status: (status in seen or seen.append(status)) and status == "RUNNING" and len(seen) == 3,
    )
    assert seen == ["PROVISIONING", "PENDING", "RUNNING"]


def test_a_one_off_task_ends_with_exit_code_0_and_leaves_logs(stack: Stack) -> None:
    task = stack.run(startedBy="me")
    ended = stack.stopped(task["taskArn"])
    assert ended["stopCode"] == "EssentialContainerExited"
    assert ended["stoppedReason"] == "Essential container in task exited"
    assert ended["containers"][0]["exitCode"] == 0
    assert ended["startedBy"] == "me"
    assert ended["group"] == "family:web"
    stream = f"web/web/{task['taskArn'].rsplit('/', 1)[1]}"
    events = stack.cloud.client("logs").get_log_events(logGroupName="/ecs/web", logStreamName=stream)["events"]
    assert [event["message"] for event in events] == ["web: started", "done"]


def test_a_client_token_gives_the_same_task_again(stack: Stack) -> None:
    first = stack.run(clientToken="release-7")
    assert stack.run(clientToken="release-7")["taskArn"] == first["taskArn"]
    request = {
        "cluster": "main",
        "taskDefinition": "web",
        "networkConfiguration": stack.network,
        "clientToken": "release-7",
    }
    with pytest.raises(ClientError) as caught:
        stack.ecs.run_task(**request, launchType="FARGATE", startedBy="other")
    assert caught.value.response["Error"]["Code"] == "ConflictException"
    assert caught.value.response["resourceIds"] == [first["taskArn"]]


def test_a_stopped_task_says_who_stopped_it(stack: Stack) -> None:
    stack.cloud.fault("hang")
    arn = stack.run()["taskArn"]
    stack.ecs.stop_task(cluster="main", task=arn, reason="enough")
    ended = stack.stopped(arn)
    assert (ended["stopCode"], ended["stoppedReason"]) == ("UserInitiated", "enough")


def test_an_update_replaces_the_tasks_and_keeps_the_old_until_the_new_are_healthy(stack: Stack) -> None:
    stack.create(balanced=True)
    old = stack.settled()["deployments"][0]
    second = stack.define(command=["serve"])
    updated = stack.ecs.update_service(cluster="main", service="web", taskDefinition=second)["service"]
    primary, active = updated["deployments"]
    assert (primary["status"], primary["desiredCount"]) == ("PRIMARY", 0)
    assert (active["status"], active["id"]) == ("ACTIVE", old["id"])
    lowest = 2

    def look() -> dict[str, Any]:
        nonlocal lowest
        seen = stack.service()
        lowest = min(lowest, seen["runningCount"])
        return seen

    service = until(look, lambda seen: seen["deployments"][0]["rolloutState"] == "COMPLETED")
    assert lowest == 2
    assert [deployment["id"] for deployment in service["deployments"]] == [primary["id"]]
    stopped = until(lambda: stack.tasks("STOPPED"), lambda tasks: all(t["lastStatus"] == "STOPPED" for t in tasks))
    reasons = {task["stoppedReason"] for task in stopped}
    assert reasons == {f"Scaling activity initiated by (deployment {old['id']})"}
    health = stack.cloud.client("elbv2").describe_target_health(TargetGroupArn=stack.target_group)
    states = [description["TargetHealth"]["State"] for description in health["TargetHealthDescriptions"]]
    assert states == ["healthy", "healthy"]


def test_a_changed_count_scales_without_a_deployment(stack: Stack) -> None:
    stack.create()
    before = stack.settled()["deployments"][0]["id"]
    stack.ecs.update_service(cluster="main", service="web", desiredCount=1)
    service = until(stack.service, lambda seen: seen["runningCount"] == 1)
    assert [deployment["id"] for deployment in service["deployments"]] == [before]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"forceNewDeployment": True}, 2, id="a forced update deploys"),
        pytest.param({"platformVersion": "1.4.0"}, 2, id="another platform version deploys"),
        pytest.param({"enableExecuteCommand": True}, 1, id="execute command does not"),
        pytest.param({"deploymentConfiguration": {"maximumPercent": 150}}, 1, id="percentages do not"),
        pytest.param({"propagateTags": "SERVICE"}, 1, id="tag propagation does not"),
        pytest.param({"taskDefinition": "web:1"}, 1, id="the same task definition does not"),
    ],
)
def test_what_starts_a_deployment(stack: Stack, change: dict[str, Any], expected: int) -> None:
    stack.create()
    stack.settled()
    service = stack.ecs.update_service(cluster="main", service="web", **change)["service"]
    assert len(service["deployments"]) == expected


def test_another_security_group_starts_a_deployment(stack: Stack) -> None:
    stack.create()
    stack.settled()
    network = {"awsvpcConfiguration": {"subnets": stack.subnets}}
    service = stack.ecs.update_service(cluster="main", service="web", networkConfiguration=network)["service"]
    assert len(service["deployments"]) == 2


def test_settings_of_a_service_are_kept(stack: Stack) -> None:
    settings = {
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "maximumPercent": 150,
            "minimumHealthyPercent": 50,
        },
        "healthCheckGracePeriodSeconds": 60,
        "enableExecuteCommand": True,
        "propagateTags": "SERVICE",
        "enableECSManagedTags": True,
        "availabilityZoneRebalancing": "DISABLED",
    }
    tags = [{"key": "team", "value": "tv"}]
    stack.create(balanced=True, tags=tags, **settings)
    service = stack.ecs.describe_services(cluster="main", services=["web"], include=["TAGS"])["services"][0]
    assert service["deploymentConfiguration"].items() >= settings.pop("deploymentConfiguration").items()
    assert service.items() >= settings.items()
    assert service["tags"] == tags
    assert service["launchType"] == "FARGATE"
    assert service["schedulingStrategy"] == "REPLICA"
    task = until(stack.tasks, bool)[0]
    described = stack.ecs.describe_tasks(cluster="main", tasks=[task["taskArn"]], include=["TAGS"])["tasks"][0]
    assert {"key": "team", "value": "tv"} in described["tags"]
    assert {"key": "aws:ecs:serviceName", "value": "web"} in described["tags"]


def test_a_capacity_provider_strategy_takes_the_place_of_the_launch_type(stack: Stack) -> None:
    strategy = [
        {"capacityProvider": "FARGATE", "weight": 1, "base": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 1},
    ]
    request = {"cluster": "main", "serviceName": "spot", "taskDefinition": "web", "desiredCount": 3}
    created = stack.ecs.create_service(**request, networkConfiguration=stack.network, capacityProviderStrategy=strategy)
    assert "launchType" not in created["service"]
    stack.settled("spot")
    used = sorted(task["capacityProviderName"] for task in stack.tasks(serviceName="spot"))
    assert used == ["FARGATE", "FARGATE", "FARGATE_SPOT"]


def test_removing_a_service_goes_by_draining(stack: Stack) -> None:
    stack.create()
    stack.settled()
    refusal = error_of(stack.ecs.delete_service, cluster="main", service="web")
    assert refusal == ("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
    assert stack.ecs.delete_service(cluster="main", service="web", force=True)["service"]["status"] == "DRAINING"
    until(stack.service, lambda seen: seen["status"] == "INACTIVE")
    assert stack.ecs.list_services(cluster="main")["serviceArns"] == []
    assert stack.ecs.delete_cluster(cluster="main")["cluster"]["status"] == "INACTIVE"


def test_a_cluster_with_services_cannot_be_removed(stack: Stack) -> None:
    stack.create(count=0)
    assert error_of(stack.ecs.delete_cluster, cluster="main")[0] == "ClusterContainsServicesException"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"cpu": "300"}, "No Fargate configuration exists for given values.", id="cpu that does not exist"),
        pytest.param({"memory": "8192"}, "No Fargate configuration exists for given values.", id="memory too large"),
        pytest.param(
            {"networkMode": "bridge"}, "Fargate only supports network mode \u2018awsvpc\u2019.", id="network mode"
        ),
        pytest.param({"containerDefinitions": []}, "Container list cannot be empty.", id="no containers"),
    ],
)
def test_a_task_definition_that_fargate_cannot_run_is_refused(
    stack: Stack, change: dict[str, Any], message: str
) -> None:
    request = {
        "family": "bad",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "web", "image": "nginx"}],
    }
    assert error_of(stack.ecs.register_task_definition, **{**request, **change}) == ("ClientException", message)


def test_a_service_is_created_once(stack: Stack) -> None:
    stack.create()
    with pytest.raises(ClientError, match=r"Creation of service was not idempotent\."):
        stack.create()


def test_references_of_a_service_are_checked(stack: Stack) -> None:
    balancer = {"targetGroupArn": stack.target_group, "containerName": "web", "containerPort": 80}
    with pytest.raises(ClientError, match="The container web did not have a container port 80 defined"):
        stack.create(loadBalancers=[balancer])
    with pytest.raises(ClientError, match="The subnet ID 'subnet-0' does not exist"):
        stack.create(networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-0"]}})
    with pytest.raises(ClientError, match=r"TaskDefinition not found\."):
        stack.create(taskDefinition="nothing")
    with pytest.raises(ClientError, match="PlatformUnknownException"):
        stack.create(platformVersion="9.9.9")


def test_service_deployments_and_revisions_are_written_down(stack: Stack) -> None:
    stack.create()
    stack.settled()
    brief = stack.ecs.list_service_deployments(cluster="main", service="web")["serviceDeployments"][0]
    assert brief["status"] == "SUCCESSFUL"
    described = stack.ecs.describe_service_deployments(serviceDeploymentArns=[brief["serviceDeploymentArn"]])
    target = described["serviceDeployments"][0]["targetServiceRevision"]
    assert (target["requestedTaskCount"], target["runningTaskCount"]) == (2, 2)
    revision = stack.ecs.describe_service_revisions(serviceRevisionArns=[target["arn"]])["serviceRevisions"][0]
    assert revision["taskDefinition"].endswith("web:1")
    assert revision["containerImages"][0]["imageDigest"].startswith("sha256:")


def test_cluster_settings_and_providers(stack: Stack) -> None:
    strategy = [{"capacityProvider": "FARGATE", "weight": 1, "base": 1}]
    stack.ecs.put_cluster_capacity_providers(
        cluster="main", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=strategy
    )
    stack.ecs.update_cluster_settings(cluster="main", settings=[{"name": "containerInsights", "value": "enabled"}])
    stack.ecs.tag_resource(
        resourceArn=f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/main", tags=[{"key": "team", "value": "tv"}]
    )
    plain = stack.ecs.describe_clusters(clusters=["main"])["clusters"][0]
    assert (plain["settings"], plain["tags"], plain["capacityProviders"]) == ([], [], ["FARGATE"])
    full = stack.ecs.describe_clusters(clusters=["main"], include=["SETTINGS", "TAGS"])["clusters"][0]
    assert full["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert full["tags"] == [{"key": "team", "value": "tv"}]
    assert full["defaultCapacityProviderStrategy"] == strategy


def test_many_at_once_get_tasks_and_revisions_of_their_own(stack: Stack) -> None:
    def work(number: int) -> tuple[str, str]:
        return stack.define(family="many", command=[str(number)]), stack.run(startedBy=str(number))["taskArn"]

    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(work, range(36)))
    assert len({revision for revision, _task in done}) == 36
    assert len({task for _revision, task in done}) == 36
    addresses = set()
    for _revision, arn in done:
        task = stack.ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]
        addresses.add(task["attachments"][0]["id"])
    assert len(addresses) == 36


def test_auto_scaling_finds_the_service(stack: Stack) -> None:
    stack.create()
    scaling = stack.cloud.client("application-autoscaling")
    target = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    scaling.register_scalable_target(**target, ResourceId="service/main/web", MinCapacity=1, MaxCapacity=4)
    assert len(scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]) == 1
    with pytest.raises(ClientError):
        scaling.register_scalable_target(**target, ResourceId="service/main/nothing", MinCapacity=1, MaxCapacity=4)
