# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images, task definitions and services together: they are used in this order, and each needs the one before."""

from __future__ import annotations

import copy
import time

import pytest

from tests.support.ecs import STACK, push, surroundings
from tests.support.modules import ModuleFailed, call

DEFINITIONS = [
    {
        "name": "api",
        "cpu": 512,
        "memory": 1024,
        "containers": [{"name": "web", "image": "api", "ports": [3000], "environment": {"A": "1"}}],
    }
]
SERVICES = [{"name": "web", "task_definition": "api", "count": 2, "security_groups": ["ecs"]}]
SCALED = [{**SERVICES[0], "scaling": {"min": 2, "max": 10, "cpu": 70, "out_cooldown": 60}}]


class Release:
    """The steps of a release, as the role calls them."""

    def __init__(self, cloud):
        self.cloud, self.around = cloud, surroundings(cloud)
        call("ecs_cluster", stack=STACK, name="tv")

    def images(self, services=SERVICES, **options):
        return call(
            "release_image",
            stack=STACK,
            cluster="tv",
            services=services,
            task_definitions=DEFINITIONS,
            repositories=self.around["repositories"],
            **options,
        )

    def definitions(self, images, items=DEFINITIONS, **options):
        return call(
            "ecs_task_definition",
            stack=STACK,
            task_definitions=items,
            images=images["images"],
            running=images["running"],
            roles=self.around["roles"],
            log_group="/ecs/tv",
            **options,
        )

    def services(self, definitions, services=SERVICES, **options):
        return call(
            "ecs_service",
            stack=STACK,
            cluster="tv",
            services=services,
            task_definitions=definitions["task_definitions"],
            networking=self.around["networking"],
            **options,
        )

    def all(self, *, services=SERVICES, items=DEFINITIONS, **asked):
        definitions = self.definitions(self.images(services, default_tag="latest", **asked), items)
        return definitions, self.services(definitions, services)

    def service(self):
        return self.cloud.client("ecs").describe_services(cluster="tv", services=["tvshows-prod-web"])["services"][0]

    def settled(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            (primary,) = [it for it in self.service()["deployments"] if it["status"] == "PRIMARY"]
            if primary["rolloutState"] == "COMPLETED":
                return primary
            time.sleep(0.05)
        raise AssertionError("the rollout did not settle")


def test_a_release_from_nothing_and_again(cloud):
    release = Release(cloud)
    planned = release.services(release.definitions(release.images(default_tag="latest"), check=True), check=True)
    assert [change["resource"] for change in planned["changes"]] == ["ECS service"]
    assert cloud.client("ecs").list_services(cluster="tv")["serviceArns"] == []

    definitions, made = release.all()
    assert definitions["changed"] and made["changed"]
    (rollout,) = made["rollouts"]
    assert rollout["deployment_id"] == release.service()["deployments"][0]["id"]
    service = release.service()
    assert (service["desiredCount"], service["launchType"], service["propagateTags"]) == (2, "FARGATE", "SERVICE")
    assert service["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"] is True

    in_progress = release.all()[1]
    assert not in_progress["changed"] and in_progress["rollouts"] == [rollout]  # an interrupted run is taken up
    release.settled()
    definitions, again = release.all()
    assert (definitions["changed"], again["changed"], again["rollouts"]) == (False, False, [])


def test_the_running_image_is_kept_until_another_is_asked_for(cloud):
    release = Release(cloud)
    release.all()
    release.settled()
    newer = push(cloud, "v2")
    cloud.client("ecr").put_image(
        repositoryName="api",
        imageManifest=cloud.client("ecr").batch_get_image(repositoryName="api", imageIds=[{"imageTag": "v2"}])[
            "images"
        ][0]["imageManifest"],
        imageTag="latest",
    )
    assert not release.all()[1]["changed"]
    definitions, updated = release.all(tag="v2")
    assert updated["changes"][0]["after"]["task_definition"] == definitions["task_definitions"]["api"]
    described = cloud.client("ecs").describe_task_definition(taskDefinition="api")["taskDefinition"]
    assert described["containerDefinitions"][0]["image"].endswith(f"@{newer}")


def test_an_image_that_is_not_there_is_named_with_the_commands(cloud):
    release = Release(cloud)
    (item,) = release.images(tag="9.9")["missing"]
    assert item["what"] == "image api:9.9" and item["how"][-1].endswith("/api:9.9")


def test_drift_is_repaired_exactly(cloud):
    release = Release(cloud)
    release.all()
    release.settled()
    cloud.client("ecs").update_service(cluster="tv", service="tvshows-prod-web", desiredCount=5)
    repaired = release.all()[1]
    assert [(change["resource"], change["after"]) for change in repaired["changes"]] == [("ECS service", {"count": 2})]
    assert release.service()["desiredCount"] == 2


def test_a_changed_value_is_a_new_revision(cloud):
    release = Release(cloud)
    release.all()
    items = copy.deepcopy(DEFINITIONS)
    items[0]["containers"][0]["environment"]["A"] = "2"
    definitions, updated = release.all(items=items)
    assert definitions["task_definitions"]["api"].endswith(":2")
    assert set(updated["changes"][0]["after"]) == {"task_definition"}


def test_the_running_revision_is_kept_after_a_rollback(cloud):
    release = Release(cloud)
    first = release.all()[0]["task_definitions"]["api"]
    items = copy.deepcopy(DEFINITIONS)
    items[0]["cpu"] = 1024
    items[0]["memory"] = 2048
    release.all(items=items)
    cloud.client("ecs").update_service(cluster="tv", service="tvshows-prod-web", taskDefinition=first)
    release.settled()
    definitions, after = release.all()
    assert (definitions["changed"], after["changed"]) == (False, False)
    assert definitions["task_definitions"]["api"] == first


def test_scaling_owns_the_count_and_is_exact(cloud):
    release, scaling = Release(cloud), cloud.client("application-autoscaling")
    release.all(services=SCALED)
    release.settled()
    cloud.client("ecs").update_service(cluster="tv", service="tvshows-prod-web", desiredCount=7)
    assert not release.all(services=SCALED)[1]["changed"]
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert (tracking["TargetValue"], tracking["ScaleOutCooldown"], tracking["ScaleInCooldown"]) == (70.0, 60, 300)

    resource = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/tv/tvshows-prod-web",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(**resource, MinCapacity=1, MaxCapacity=10)
    repaired = release.all(services=SCALED)[1]
    assert [(it["resource"], it["after"]) for it in repaired["changes"]] == [("scalable target", {"min": 2})]

    gone = release.all(services=[{**SERVICES[0], "count": None}])[1]
    assert [(it["action"], it["resource"]) for it in gone["changes"]] == [("delete", "scalable target")]


def test_an_empty_scaling_is_none(cloud):
    release = Release(cloud)
    made = release.all(services=[{**SERVICES[0], "scaling": {}}])[1]
    assert [change["resource"] for change in made["changes"]] == ["ECS service"]


def test_a_foreign_service_is_left_alone(cloud):
    release = Release(cloud)
    definitions = release.definitions(release.images(default_tag="latest"))
    cloud.client("ecs").create_service(
        cluster="tv",
        serviceName="tvshows-prod-web",
        taskDefinition="api",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": release.around["networking"]["tiers"]["private"][:1]}},
    )
    with pytest.raises(ModuleFailed, match="ECS service tvshows-prod-web exists and is not of stack tvshows-prod"):
        release.services(definitions)


def test_removal_waits_for_the_tasks_and_can_be_repeated(cloud):
    release = Release(cloud)
    release.all(services=SCALED)
    release.settled()
    absent = {"stack": STACK, "cluster": "tv", "services": SCALED, "state": "absent", "poll_interval": 0.05}
    assert call("ecs_service", check=True, **absent)["changed"]
    removed = call("ecs_service", **absent)
    assert [it["resource"] for it in removed["changes"]] == ["scalable target", "ECS service"]
    assert cloud.client("ecs").list_tasks(cluster="tv")["taskArns"] == []
    assert not call("ecs_service", **absent)["changed"]
    families = {"stack": STACK, "task_definitions": DEFINITIONS, "state": "absent"}
    assert call("ecs_task_definition", **families)["changed"]
    assert cloud.client("ecs").list_task_definitions(status="ACTIVE")["taskDefinitionArns"] == []
    assert not call("ecs_task_definition", **families)["changed"]
    assert call("ecs_cluster", stack=STACK, name="tv", state="absent")["changed"]
