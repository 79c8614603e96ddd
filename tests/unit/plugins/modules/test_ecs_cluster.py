# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.support.ecs import STACK
from tests.support.modules import ModuleFailed, call

SPOT = [{"provider": "FARGATE", "weight": 1, "base": 1}, {"provider": "FARGATE_SPOT", "weight": 3}]


def cluster(cloud):
    return cloud.client("ecs").describe_clusters(clusters=["tv"], include=["SETTINGS", "TAGS"])["clusters"][0]


def test_check_create_again_repair_remove(cloud):
    announced = call("ecs_cluster", check=True, stack=STACK, name="tv", default_strategy=SPOT)
    assert announced["changed"] and cloud.client("ecs").list_clusters()["clusterArns"] == []
    made = call("ecs_cluster", stack=STACK, name="tv", default_strategy=SPOT)
    assert made["changes"] == announced["changes"]
    assert made["cluster"]["arn"].endswith(":cluster/tv")
    assert {"name": "containerInsights", "value": "enabled"} in cluster(cloud)["settings"]
    assert {it["capacityProvider"]: it["weight"] for it in cluster(cloud)["defaultCapacityProviderStrategy"]} == {
        "FARGATE": 1,
        "FARGATE_SPOT": 3,
    }
    assert not call("ecs_cluster", stack=STACK, name="tv", default_strategy=SPOT)["changed"]

    settings = [{"name": "containerInsights", "value": "disabled"}]
    cloud.client("ecs").update_cluster_settings(cluster="tv", settings=settings)
    repaired = call("ecs_cluster", stack=STACK, name="tv", default_strategy=SPOT)
    assert [change["after"] for change in repaired["changes"]] == [{"container_insights": "enabled"}]

    assert call("ecs_cluster", stack=STACK, name="tv", state="absent")["changed"]
    assert not call("ecs_cluster", stack=STACK, name="tv", state="absent")["changed"]


def test_a_foreign_cluster_is_left_alone(cloud):
    cloud.client("ecs").create_cluster(clusterName="tv", tags=[{"key": "owner", "value": "data"}])
    with pytest.raises(ModuleFailed, match=r"ECS cluster tv exists and is not of stack tvshows-prod.*owner=data"):
        call("ecs_cluster", stack=STACK, name="tv")
    assert not call("ecs_cluster", stack=STACK, name="tv", state="absent")["changed"]
