# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._operations import shell

DEFINITION = {
    "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/api:7",
    "taskRoleArn": "arn:aws:iam::111122223333:role/task",
    "containerDefinitions": [{"name": "log", "essential": False}, {"name": "web"}],
}


def task(name, *, able=True, agent="RUNNING", status="RUNNING", at=0):
    agents = [{"name": "ExecuteCommandAgent", "lastStatus": agent}] if agent else []
    box = {"name": "web", "managedAgents": agents}
    return {
        "taskArn": f"a/{name}",
        "lastStatus": status,
        "enableExecuteCommand": able,
        "startedAt": at,
        "containers": [box],
    }


def test_the_first_essential_container_is_meant():
    assert shell.container_of(DEFINITION, "") == "web"
    assert shell.container_of(DEFINITION, "log") == "log"
    with pytest.raises(SlipwayError, match="it has log, web"):
        shell.container_of(DEFINITION, "wbe")


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        pytest.param([], "no running task", id="nothing runs"),
        pytest.param([task("a", status="PENDING")], "no running task", id="it is only starting"),
        pytest.param([task("a", able=False)], "before execute_command was switched on", id="tasks from before"),
        pytest.param([task("a", agent="STOPPED")], "is STOPPED", id="the agent is down"),
    ],
)
def test_why_there_is_no_shell(tasks, words):
    with pytest.raises(SlipwayError, match=words):
        shell.task_of("web", tasks, "web")


def test_the_newest_task_that_can():
    tasks = [task("old", at=1), task("new", at=2), task("deaf", at=3, agent="PENDING")]
    assert shell.task_of("web", tasks, "web")["taskArn"] == "a/new"


def test_the_command_is_quoted():
    command = shell.shell_command("tv", task("abc"), "web", "bash -l", "eu-west-1")
    assert command.endswith("--task abc --container web --interactive --command 'bash -l'")


@pytest.mark.parametrize(
    ("missing", "words"),
    [({}, "execute_command: true at service web"), ({"enableExecuteCommand": True}, "a task role")],
)
def test_what_is_missing_for_a_shell(missing, words):
    with pytest.raises(SlipwayError, match=words):
        shell.require_shell("web", missing, {})


def test_words_of_a_command():
    assert shell.words_of("rake 'a task' --all") == ["rake", "a task", "--all"]
    for bad in ("", "echo 'x"):
        with pytest.raises(SlipwayError):
            shell.words_of(bad)


def test_a_command_runs_as_the_service_does():
    network = {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    service = {"networkConfiguration": {"awsvpcConfiguration": network}, "capacityProviderStrategy": spot}
    made = shell.request(service, DEFINITION, "web", ["rake"])
    assert made["subnets"] == ["subnet-1"] and made["security_groups"] == ["sg-1"] and not made["assign_public_ip"]
    assert made["capacity_providers"] == [{"name": "FARGATE_SPOT", "weight": 1, "base": 0}]
    assert made["launch_type"] == "" and made["containers"] == [{"name": "web", "command": ["rake"]}]
    assert shell.request({}, DEFINITION, "web", ["rake"])["launch_type"] == "FARGATE"
