# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition.describe import normal
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition.plan import (
    FARGATE_MEMORY,
    kept,
    plan,
    problems,
    size_problems,
)
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition.render import Surroundings, render
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

STACK = Stack("tvshows", "prod", "ecs_services")
AROUND = Surroundings(
    region="us-east-1",
    log_group="/ecs/tv-shows-api",
    images={"tv-shows-api": "1.dkr.ecr.us-east-1.amazonaws.com/tv-shows-api@sha256:aa"},
    secrets={"tv/url": "arn:aws:secretsmanager:us-east-1:1:secret:tv/url-AbCdEf"},
    roles={"execution": "arn:aws:iam::1:role/e", "task": "arn:aws:iam::1:role/t"},
)
ITEM = {
    "name": "tv-shows-api",
    "cpu": 512,
    "memory": 1024,
    "containers": [
        {
            "name": "web",
            "image": "tv-shows-api",
            "ports": [3000],
            "environment": {"RAILS_ENV": "production", "DEBUG": False},
            "secrets": {"DATABASE_URL": "tv/url", "KEY": "tv/url#key"},
            "health_check": {"command": "curl -f http://localhost:3000/up", "interval": 30, "timeout": 5, "retries": 3},
        },
        {"name": "sidekiq", "image": "tv-shows-api", "command": ["bundle", "exec", "sidekiq"]},
    ],
}


def described(**changes):
    """What ECS gives back for ITEM: the same with what it fills in by itself."""
    definition = copy.deepcopy(render(ITEM, AROUND))
    definition.update(revision=1, status="ACTIVE", taskDefinitionArn="arn:…:1", volumes=[], placementConstraints=[])
    for container in definition["containerDefinitions"]:
        container.update(cpu=0, mountPoints=[], volumesFrom=[], systemControls=[])
        container["environment"] = list(reversed(container.get("environment", [])))
    definition["tags"] = [{"key": "slipway:stack", "value": "tvshows"}, {"key": "slipway:environment", "value": "prod"}]
    return {**definition, **changes}


def changed(item):
    return plan({"tv-shows-api": described()}, {"tv-shows-api": render(item, AROUND)}, STACK)


def edited(**fields):
    item = copy.deepcopy(ITEM)
    item["containers"][0].update(fields)
    return item


def test_what_ecs_fills_in_is_no_difference():
    assert changed(ITEM) == []


@pytest.mark.parametrize(
    ("item", "field", "after"),
    [
        pytest.param({**ITEM, "cpu": 1024, "memory": 2048}, "cpu", "1024", id="the size of the task"),
        pytest.param(
            edited(environment={"RAILS_ENV": "staging", "DEBUG": False}),
            "containers.web.environment",
            None,
            id="a value of the environment",
        ),
        pytest.param(
            edited(secrets={"DATABASE_URL": "tv/url", "KEY": "tv/url#other"}),
            "containers.web.secrets",
            None,
            id="a key of a secret",
        ),
        pytest.param(edited(command=["bin/web"]), "containers.web.command", ["bin/web"], id="a command"),
        pytest.param(edited(health_check=None), "containers.web.healthCheck", None, id="a health check that goes"),
        pytest.param(
            {**ITEM, "containers": ITEM["containers"][:1]}, "containers.sidekiq.image", None, id="a container that goes"
        ),
        pytest.param({**ITEM, "architecture": "ARM64"}, "runtimePlatform", None, id="the architecture"),
        pytest.param({**ITEM, "task_role": "execution"}, "taskRoleArn", "arn:aws:iam::1:role/e", id="a role"),
    ],
)
def test_a_change_of(item, field, after):
    (change,) = changed(item)
    assert change.action == "update" and field in change.after
    if after is not None:
        assert change.after[field] == after


def test_values_reach_the_container_as_the_application_reads_them():
    web = render(ITEM, AROUND)["containerDefinitions"][0]
    assert {"name": "DEBUG", "value": "false"} in web["environment"]
    assert web["secrets"][1]["valueFrom"] == AROUND.secrets["tv/url"] + ":key::"
    assert web["healthCheck"]["command"] == ["CMD-SHELL", "curl -f http://localhost:3000/up || exit 1"]
    assert web["image"].endswith("@sha256:aa")
    assert web["logConfiguration"]["options"]["awslogs-stream-prefix"] == "web"


def test_an_unknown_secret_is_named_with_the_known_ones():
    with pytest.raises(SlipwayError, match=r"uses secret tv/ulr.*Known are: tv/url"):
        render(edited(secrets={"X": "tv/ulr"}), AROUND)


def test_a_family_of_somebody_else_is_refused():
    with pytest.raises(SlipwayError, match="is not of stack tvshows-prod"):
        plan({"tv-shows-api": described(tags=[])}, {"tv-shows-api": render(ITEM, AROUND)}, STACK)


def test_the_running_revision_is_kept_where_it_is_as_wanted():
    wanted = {"tv-shows-api": render(ITEM, AROUND)}
    assert set(kept({"tv-shows-api": described()}, wanted)) == {"tv-shows-api"}
    assert kept({"tv-shows-api": described(cpu="256")}, wanted) == {}
    assert kept({"tv-shows-api": described(status="INACTIVE")}, wanted) == {}


@pytest.mark.parametrize(
    ("cpu", "memory", "part"),
    [
        (512, 1024, None),
        (256, 2048, None),
        (16384, 122880, None),
        (512, 512, "1024, 2048, 3072, 4096"),
        (256, 4096, "512, 1024, 2048"),
        (300, 512, "no cpu 300"),
        ("half", 512, "numbers"),
        (8192, 17408, "no memory 17408"),
    ],
)
def test_sizes_that_fargate_has(cpu, memory, part):
    found = size_problems(cpu, memory)
    assert (found == []) if part is None else (part in found[0])


def test_the_table_of_sizes_is_that_of_the_developer_guide():
    assert {cpu: (min(sizes), max(sizes)) for cpu, sizes in FARGATE_MEMORY.items()} == {
        256: (512, 2048),
        512: (1024, 4096),
        1024: (2048, 8192),
        2048: (4096, 16384),
        4096: (8192, 30720),
        8192: (16384, 61440),
        16384: (32768, 122880),
    }


@pytest.mark.parametrize(
    ("containers", "part"),
    [
        pytest.param([], "no container", id="no container"),
        pytest.param([{"name": "a", "essential": False}], "essential", id="none is essential"),
        pytest.param([{"name": "a"}, {"name": "a"}], "listed twice", id="two of a name"),
        pytest.param([{"name": "a", "ports": [80]}, {"name": "b", "ports": [80]}], "port 80", id="one port for two"),
        pytest.param([{"name": "a", "depends_on": {"b": "start"}}], "depends on b", id="a dependency on nothing"),
        pytest.param([{"name": "a", "environment": {"X": 1}, "secrets": {"X": "s"}}], "both", id="a name twice"),
    ],
)
def test_containers_that_cannot_work(containers, part):
    found = problems([{"name": "t", "cpu": 512, "memory": 1024, "containers": containers}])
    assert any(part in text and text.startswith("ecs_services_task_definitions: t") for text in found), found


def test_normal_keeps_what_is_false():
    item = edited(read_only=False)
    assert normal(render(item, AROUND))["containerDefinitions"]["web"]["readonlyRootFilesystem"] is False
