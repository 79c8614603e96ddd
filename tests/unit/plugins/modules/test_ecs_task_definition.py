# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.support.ecs import STACK, surroundings
from tests.support.modules import ModuleFailed, call

CONTAINER = {"name": "web", "image": "nginx:1.27"}


def register(cloud, **item):
    around = surroundings(cloud)
    definition = {"name": "api", "cpu": 512, "memory": 1024, "containers": [CONTAINER], **item}
    return call(
        "ecs_task_definition", stack=STACK, task_definitions=[definition], roles=around["roles"], log_group="/x"
    )


@pytest.mark.parametrize(
    ("item", "part"),
    [
        pytest.param({"memory": 512}, "Fargate has no memory 512 with cpu 512", id="a size that Fargate has not"),
        pytest.param({"containers": []}, "it has no container", id="no container"),
        pytest.param({"containers": [{**CONTAINER, "secrets": {"A": "no"}}]}, "secret no", id="an unknown secret"),
        pytest.param({"task_role": "other"}, "role other", id="an unknown role"),
        pytest.param({"containers": [{**CONTAINER, "kommand": ["x"]}]}, "kommand", id="a misspelt field"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_registered(cloud, item, part):
    with pytest.raises(ModuleFailed, match=part):
        register(cloud, **item)
    assert cloud.client("ecs").list_task_definitions()["taskDefinitionArns"] == []


def test_tags_say_whose_it_is(cloud):
    register(cloud)
    tags = cloud.client("ecs").describe_task_definition(taskDefinition="api", include=["TAGS"])["tags"]
    assert {"key": "slipway:stack", "value": "tvshows"} in tags
