# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One-off tasks from RunTask to STOPPED, against a scripted ECS."""

from __future__ import annotations

import json

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_run import TaskRun, judge_task
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.modules import ecs_task_run

from tests.support.rollouts import ARN, Account, FakeClock, Script, error

ENDED = {"by": "slipway", "at": 0, "stopped": 20, "code": "EssentialContainerExited"}
DONE = {**ENDED, "id": "t1", "reason": "Essential container in task exited", "exits": [0]}
TASK = f"{ARN}:task/prod/t1"


class Module:
    def __init__(self, check_mode=False, **params):
        given = {"cluster": "prod", "task_definition": "web", "subnets": ["subnet-1"], **params}
        self.params = {name: entry.get("default") for name, entry in ecs_task_run.ARGUMENTS.items()} | given
        self.check_mode = check_mode


def play(scenario, check_mode=False, **params):
    clock = FakeClock()
    script = Script({"looks": [], **scenario}, clock)
    try:
        return ecs_task_run.run(Module(check_mode, **params), Account(script), clock), script
    except SlipwayError as failure:
        return failure, script


def test_a_task_that_ends_with_0_succeeds():
    result, script = play({"tasks": [DONE]})
    assert (result["changed"], result["outcome"], result["exit_codes"], result["reason"]) == (
        True,
        "succeeded",
        {"web": 0},
        None,
    )
    assert result["log_tail"] == {"web": ["boot", "KeyError: DATABASE_URL"]}
    assert 15 <= result["seconds"] <= 25
    assert result["api_calls"] == len(script.calls)
    json.dumps(result)


def test_a_short_task_that_has_already_stopped_succeeds():
    result, _script = play({"tasks": [{**DONE, "stopped": 0}]})
    assert result["outcome"] == "succeeded"


def test_run_task_bears_the_options_and_a_token():
    _result, script = play(
        {"tasks": [DONE]},
        containers=[
            {"name": "web", "command": ["rails", "db:seed"], "environment": {"A": 1}, "cpu": None, "memory": 512}
        ],
        security_groups=["sg-1"],
        capacity_providers=[{"name": "FARGATE_SPOT", "weight": 1, "base": 0}],
        launch_type="FARGATE",
        tags={"team": "tv"},
        client_token="seed-7",
        memory="2048",
    )
    assert script.written == [
        (
            "RunTask",
            {
                "cluster": "prod",
                "count": 1,
                "taskDefinition": f"{ARN}:task-definition/web:7",
                "clientToken": "seed-7",
                "startedBy": "slipway",
                "overrides": {
                    "memory": "2048",
                    "containerOverrides": [
                        {
                            "name": "web",
                            "command": ["rails", "db:seed"],
                            "environment": [{"name": "A", "value": "1"}],
                            "memory": 512,
                        }
                    ],
                },
                "networkConfiguration": {
                    "awsvpcConfiguration": {
                        "subnets": ["subnet-1"],
                        "securityGroups": ["sg-1"],
                        "assignPublicIp": "DISABLED",
                    }
                },
                "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}],
                "tags": [{"key": "team", "value": "tv"}],
            },
        )
    ]


def test_a_token_is_made_up_where_none_is_given():
    result, script = play({"tasks": [DONE]})
    assert script.written[0][1]["clientToken"] == result["client_token"] != ""


def test_an_exit_code_fails_with_the_log_in_the_message():
    failure, _script = play({"tasks": [{**DONE, "exits": [3]}]})
    assert str(failure).startswith("Task t1 of web:7 in cluster prod failed after ")
    assert "essential_container_exited: Essential container in task exited (web: exit code 3). " in str(failure)
    assert "Exit codes: web 3.\nLast log lines of web:\n  boot\n  KeyError: DATABASE_URL" in str(failure)
    assert failure.details["exit_codes"] == {"web": 3}
    assert failure.details["changed"] is True


def test_a_container_that_is_not_essential_may_fail():
    result, _script = play({"tasks": [{**DONE, "exits": [0, 9]}], "sidecars": [{"name": "side", "essential": False}]})
    assert (result["outcome"], result["exit_codes"]) == ("succeeded", {"web": 0, "side": 9})


def test_any_essential_container_fails_the_task():
    failure, _script = play({"tasks": [{**DONE, "exits": [0, 9]}], "sidecars": [{"name": "side", "essential": True}]})
    assert "(side: exit code 9)" in str(failure)


@pytest.mark.parametrize(
    ("task", "code"),
    [
        (
            {"exits": [], "code": "TaskFailedToStart", "reason": "CannotPullContainerError: manifest unknown"},
            "image_not_found",
        ),
        ({"exits": [], "code": "TaskFailedToStart", "reason": ""}, "container_start_failed"),
        ({"exits": [0], "code": "UserInitiated", "reason": "Task stopped by user"}, "user_stopped"),
        (
            {"exits": [143], "code": "SpotInterruption", "reason": "Your Spot Task was interrupted."},
            "spot_interruption",
        ),
        ({"exits": [137], "box": "OutOfMemoryError: Container killed due to memory usage"}, "oom_killed"),
        ({"exits": [127]}, "command_not_found"),
    ],
)
def test_a_task_that_did_not_run_to_its_own_end_fails_with_its_reason(task, code):
    failure, _script = play({"tasks": [{**DONE, **task}]})
    assert failure.details["reason"]["code"] == code


def test_a_time_out_stops_the_task_and_confirms_it():
    failure, script = play({"tasks": [{"id": "t1", "by": "slipway", "at": 0}]}, timeout=60)
    assert [name for name, _ in script.written] == ["RunTask", "StopTask"]
    assert script.written[1][1]["reason"] == "Not finished after 60 s (slipway)"
    assert "did not finish in time after" in str(failure)
    assert "STOPPED was confirmed" in str(failure)
    assert failure.details["outcome"] == "timed_out"
    assert 60 <= failure.details["seconds"] <= 80


def test_a_task_that_does_not_stop_is_said_to_go_on():
    failure, _script = play({"tasks": [{"id": "t1", "by": "slipway", "at": 0}], "stops_after": None}, timeout=60)
    assert "was not seen STOPPED" in str(failure)
    assert failure.details["seconds"] >= 240


def test_a_refused_run_says_why():
    failure, _script = play({"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY", "arn": "x"}]})
    assert "ECS did not start a task" in str(failure)
    assert "no_capacity: RESOURCE:MEMORY" in str(failure)


def test_check_mode_resolves_everything_and_runs_nothing():
    result, script = play({"tasks": [DONE]}, check_mode=True)
    assert (result["changed"], result["task_definition"]) == (True, f"{ARN}:task-definition/web:7")
    assert script.written == []
    assert {name for name, _ in script.calls} == {"DescribeTaskDefinition", "DescribeClusters"}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("scenario", "params", "text"),
    [
        ({}, {"containers": [{"name": "job", "command": None}]}, "has no container job: it has web"),
        ({}, {"cluster": "other"}, "No task can run in cluster other: it is not there"),
        ({}, {"subnets": []}, "network mode awsvpc: no subnets were given"),
        ({"definition": {"status": "INACTIVE"}}, {}, "Task definition web cannot be run: it is INACTIVE"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(scenario, params, text, check_mode):
    failure, script = play({"tasks": [DONE], **scenario}, check_mode, **params)
    assert text in str(failure)
    assert script.written == []


def test_a_task_that_shows_late_is_waited_for_and_one_that_never_shows_is_an_error():
    clock = FakeClock()
    shows = {"at": 12.0}

    class Late:
        def describe_tasks(self, **_):
            there = clock.now - 1000 >= shows["at"]
            return {"tasks": [{"taskArn": TASK, "lastStatus": "STOPPED"}] if there else [], "failures": []}

    run = TaskRun(Late(), "prod", clock=clock)
    assert run.follow(TASK, 100)[1] is True
    shows["at"] = 1e9
    with pytest.raises(SlipwayError, match="Task t1 is not known to cluster prod"):
        run.follow(TASK, 600)


def test_throttled_looks_are_repeated():
    clock = FakeClock()
    script = Script({"looks": [], "tasks": [DONE], "denied": []}, clock)
    answers = iter(["ThrottlingException"] * 3)

    class Busy:
        def describe_tasks(self, **asked):

            code = next(answers, None)
            if code:
                raise error(code, "DescribeTasks")
            return script.describe_tasks(asked)

    beats = []
    task, stopped = TaskRun(Busy(), "prod", clock=clock, beat=lambda: beats.append(1)).follow(TASK, 300)
    assert (stopped, task["lastStatus"]) == (True, "STOPPED")
    assert clock.slept[:3] == [10.0, 20.0, 40.0]
    assert len(beats) == 4


def test_without_a_task_definition_every_container_counts():
    task = {"lastStatus": "STOPPED", "containers": [{"name": "a", "exitCode": 0}, {"name": "b", "exitCode": 1}]}
    assert judge_task(task, {}).code == "essential_container_exited"
    assert judge_task({"lastStatus": "STOPPED", "containers": []}, {}).code == "container_start_failed"
