# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module from its options to its result, against scripted rollouts."""

from __future__ import annotations

import json
import random

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._ecs import rollout
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._lease import SupersededError
from ansible_collections.slipway.aws.plugins.modules import ecs_deployment_wait

from tests.support.rollouts import ARN, Account, FakeClock, Script, error

OLD, NEW = "ecs-svc/111", "ecs-svc/222"
SERVES = [OLD, "ACTIVE", "COMPLETED", 1, 1, 0, 0]
DEFINITIONS = {NEW: "web:2"}
GOOD = {
    "definitions": DEFINITIONS,
    "created": {NEW: 0},
    "looks": [
        {"at": 0, "deployments": [[NEW, "PRIMARY", "IN_PROGRESS", 1, 0, 1, 0], SERVES]},
        {"at": 20, "deployments": [[NEW, "PRIMARY", "COMPLETED", 1, 1, 0, 0, "ECS deployment ecs-svc/222 completed."]]},
    ],
}
BACK = {
    "looks": [
        {
            "at": 0,
            "deployments": [
                ["ecs-svc/333", "PRIMARY", "IN_PROGRESS", 1, 0, 1, 0],
                [NEW, "ACTIVE", "IN_PROGRESS", 0, 1, 0, 0],
            ],
        },
        {"at": 25, "deployments": [["ecs-svc/333", "PRIMARY", "COMPLETED", 1, 1, 0, 0]]},
    ],
    "created": {"ecs-svc/333": 0, NEW: -60},
}
CRASH = {"by": NEW, "code": "EssentialContainerExited", "reason": "Essential container in task exited", "exits": [1]}
BAD = {
    "definitions": DEFINITIONS,
    "created": {NEW: 0},
    "tasks": [
        {**CRASH, "id": "t1", "at": 2, "stopped": 10},
        {**CRASH, "id": "t2", "at": 12, "stopped": 20},
        {**CRASH, "id": "t3", "at": 22, "stopped": 30},
    ],
    "looks": [{"at": 0, "deployments": [[NEW, "PRIMARY", "IN_PROGRESS", 1, 0, 1, 0], SERVES]}],
    "after_update": BACK,
}


@pytest.fixture(autouse=True)
def the_same_jitter_in_every_run(monkeypatch):
    monkeypatch.setattr(rollout, "_JITTER", random.Random(1))


class Module:
    def __init__(self, check_mode=False, **params):
        spec = ecs_deployment_wait.ARGUMENTS
        self.params = {name: entry.get("default") for name, entry in spec.items()} | {"cluster": "prod", **params}
        self.check_mode = check_mode


def play(*scenarios, **params):
    clock = FakeClock()
    scripts = [Script({**scenario}, clock) for scenario in scenarios]
    names = [{"name": scenario.get("service_name", "web")} for scenario in scenarios]
    module = Module(**{"services": names, **params})
    try:
        result = ecs_deployment_wait.run(module, Account(*scripts), clock)
    except SlipwayError as failure:
        return failure, failure.details, scripts
    return None, result, scripts


def test_a_release_that_serves_returns_its_verdict_and_changes_nothing():
    failure, result, _scripts = play(GOOD)
    assert failure is None
    assert (result["changed"], result["verdict"], result["reason"]["code"]) == (
        False,
        "succeeded",
        "deployment_completed",
    )
    assert result["services"][0]["deployment_id"] == NEW
    assert result["services"][0]["previous_task_definition"].endswith("web:1")
    json.dumps(result)


def test_the_failure_message_alone_tells_an_operator():
    failure, result, scripts = play(BAD)
    assert str(failure) == (
        "The deployment of web in cluster prod failed (failed, 30 s): "
        "essential_container_exited: Essential container in task exited. "
        "Read its last log lines and exit code: the program ended by itself.\n"
        "Last log lines of web (task t3, exit code 1):\n  boot\n  KeyError: DATABASE_URL"
    ).replace("30 s", f"{round(result['waited_s'])} s")
    assert result["verdict"] == "failed"
    assert result["changed"] is False
    assert scripts[0].written == []
    json.dumps(result)


def test_a_rollback_takes_back_our_deployment_and_is_followed_to_its_end():
    failure, result, scripts = play(BAD, on_failure="rollback")
    assert scripts[0].written == [
        ("UpdateService", {"cluster": "prod", "service": "web", "taskDefinition": f"{ARN}:task-definition/web:1"})
    ]
    assert result["changed"] is True
    assert (result["rollback"][0]["action"], result["rollback"][0]["back"]) == ("updated", True)
    assert "Rollback: web: went back to web:1 in " in str(failure)
    assert "KeyError: DATABASE_URL" in str(failure)


def test_a_rollback_that_is_told_where_to_go_goes_there():
    _error, _result, scripts = play(BAD, on_failure="rollback", services=[{"name": "web", "rollback_to": "web:1"}])
    assert scripts[0].written[0][1]["taskDefinition"] == "web:1"


def test_a_service_deployment_that_runs_is_stopped_by_its_own_arn():
    arn = f"{ARN}:service-deployment/prod/web/ours"
    running = {"status": "IN_PROGRESS", "lifecycleStage": "SCALE_UP"}
    green = {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}
    stopped = {
        "service": green,
        "definitions": DEFINITIONS,
        "created": {NEW: -60, "sd": -60},
        "looks": [
            {
                "at": 0,
                "sd": {"status": "ROLLBACK_IN_PROGRESS"},
                "deployments": [[OLD, "PRIMARY", "IN_PROGRESS", 1, 1, 0, 0]],
            },
            {"at": 20, "sd": {"status": "ROLLBACK_SUCCESSFUL", "statusReason": "Service deployment rolled back."}},
        ],
    }
    scenario = {
        **BAD,
        "service": green,
        "created": {NEW: 0, "sd": 0},
        "looks": [{**BAD["looks"][0], "sd": running}],
        "after_stop": stopped,
    }
    _error, result, scripts = play(scenario, on_failure="rollback")
    assert scripts[0].written == [("StopServiceDeployment", {"serviceDeploymentArn": arn, "stopType": "ROLLBACK"})]
    assert result["rollback"][0]["back"] is True


@pytest.mark.parametrize(
    ("scenario", "outcome"),
    [
        (
            {
                **GOOD,
                "created": {NEW: 0, "ecs-svc/333": 10},
                "looks": [
                    GOOD["looks"][0],
                    {
                        "at": 10,
                        "deployments": [
                            ["ecs-svc/333", "PRIMARY", "IN_PROGRESS", 1, 0, 1, 0],
                            [NEW, "ACTIVE", "IN_PROGRESS", 1, 0, 1, 0],
                        ],
                    },
                ],
            },
            "superseded",
        ),
        (
            {
                **GOOD,
                "service": {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}},
                "looks": [
                    {
                        **GOOD["looks"][0],
                        "sd": {
                            "status": "IN_PROGRESS",
                            "lifecycleHookDetails": [
                                {"hookId": "ecs-pause-1", "targetType": "PAUSE", "status": "AWAITING_ACTION"}
                            ],
                        },
                    }
                ],
            },
            "paused",
        ),
        (
            {
                **GOOD,
                "looks": [GOOD["looks"][0], {"at": 10, "deployments": [[OLD, "PRIMARY", "COMPLETED", 1, 1, 0, 0]]}],
            },
            "rolled_back",
        ),
    ],
    ids=["superseded", "paused", "rolled back by ECS"],
)
def test_what_is_not_ours_to_answer_is_never_rolled_back(scenario, outcome):
    failure, result, scripts = play(scenario, on_failure="rollback")
    assert result["verdict"] == outcome
    assert scripts[0].written == []
    assert "rollback" not in result
    if outcome == "paused":
        assert "aws ecs continue-service-deployment" in str(failure)


def test_a_primary_that_is_not_ours_any_more_is_left_alone():
    late = {
        **BAD,
        "created": {NEW: 0, "ecs-svc/444": 33},
        "looks": [*BAD["looks"], {"at": 33, "deployments": [["ecs-svc/444", "PRIMARY", "IN_PROGRESS", 1, 0, 1, 0]]}],
    }
    clock = FakeClock()
    script = Script(late, clock)

    class Slow(Account):
        """Between the verdict and the rollback somebody else deploys."""

        def client(self, service):
            if service == "ecs" and clock.now > 1029:
                clock.now += 10
            return super().client(service)

    module = Module(services=[{"name": "web"}], on_failure="rollback")
    with pytest.raises(SlipwayError) as failure:
        ecs_deployment_wait.run(module, Slow(script), clock)
    assert script.written == []
    assert failure.value.details["rollback"][0]["action"] == "left_alone"
    assert "ecs-svc/444 is" in str(failure.value)


def test_several_services_are_one_unit_and_go_back_in_reverse_order():
    web, worker = {**GOOD, "service_name": "web", "after_update": BACK}, {**BAD, "service_name": "worker"}
    failure, result, scripts = play(web, worker, on_failure="rollback")
    assert "The deployment of worker in cluster prod failed" in str(failure)
    assert [entry["service"] for entry in result["rollback"]] == ["worker", "web"]
    assert [entry["back"] for entry in result["rollback"]] == [True, True]
    assert [entry["verdict"] for entry in result["services"]] == ["succeeded", "failed"]
    assert [len(script.written) for script in scripts] == [1, 1]


def test_a_refused_rollback_is_told_beside_the_failure():
    failure, result, _scripts = play({**BAD, "denied": ["UpdateService"]}, on_failure="rollback")
    assert result["rollback"][0]["action"] == "impossible"
    assert "essential_container_exited" in str(failure)
    assert "AccessDeniedException from UpdateService" in str(failure)


def test_nothing_to_go_back_to_is_said():
    alone = {**BAD, "looks": [{"at": 0, "deployments": [[NEW, "PRIMARY", "IN_PROGRESS", 1, 0, 1, 0]]}]}
    failure, _result, scripts = play(alone, on_failure="rollback")
    assert "No earlier task definition is known" in str(failure)
    assert scripts[0].written == []


def test_check_mode_waits_for_nothing():
    clock = FakeClock()
    result = ecs_deployment_wait.run(
        Module(check_mode=True, services=[{"name": "web"}]), Account(Script(GOOD, clock)), clock
    )
    assert (result["changed"], result["verdict"], clock.slept) == (False, None, [])


class Table:
    """A lease table that is renewed until somebody takes the lease away."""

    def __init__(self, until):
        self.left = until

    def update_item(self, **_):
        self.left -= 1
        if self.left < 0:
            raise error("ConditionalCheckFailedException", "UpdateItem")
        return {"Attributes": {"fence": {"N": "4"}, "owner": {"S": "us"}}}

    def get_item(self, **_):
        return {"Item": {"fence": {"N": "5"}, "owner": {"S": "them"}, "who": {"S": "ann"}}}


@pytest.mark.parametrize("renewals", [99, 1])
def test_the_lease_is_renewed_while_waiting_and_its_loss_ends_the_wait(renewals):
    clock, table = FakeClock(), Table(renewals)

    class WithLease(Account):
        def client(self, service):
            return table if service == "dynamodb" else super().client(service)

    lease = {"table": "leases", "stack": "web-prod", "owner": "us", "fence": 4, "duration": 15.0}
    module = Module(services=[{"name": "web"}], lease=lease)
    if renewals == 99:
        assert ecs_deployment_wait.run(module, WithLease(Script(GOOD, clock)), clock)["verdict"] == "succeeded"
        assert table.left < 97
    else:
        with pytest.raises(SupersededError, match="no longer holds the lease"):
            ecs_deployment_wait.run(module, WithLease(Script(GOOD, clock)), clock)


def test_a_service_that_was_still_rolling_when_another_failed_has_no_verdict():
    slow = {**GOOD, "service_name": "web", "looks": GOOD["looks"][:1]}
    blocked = {
        **GOOD,
        "service_name": "worker",
        "looks": GOOD["looks"][:1],
        "events": [
            [5, "(service worker) was unable to stop or start tasks because of the service deployment configuration."]
        ],
    }
    _failure, result, _scripts = play(slow, blocked)
    assert [entry["verdict"] for entry in result["services"]] == [None, "failed"]
    assert result["services"][0]["deployment_id"] == NEW


def test_a_stop_that_is_refused_becomes_an_update():
    arn_given = {
        **BAD,
        "denied": ["StopServiceDeployment"],
        "created": {NEW: 0, "sd": 0},
        "looks": [{**BAD["looks"][0], "sd": {"status": "IN_PROGRESS"}}],
    }
    _failure, result, scripts = play(arn_given, on_failure="rollback")
    assert [name for name, _ in scripts[0].written] == ["UpdateService"]
    assert result["rollback"][0]["back"] is True


def test_a_rollback_that_does_not_succeed_is_told_as_it_ended():
    stuck = {
        **BACK,
        "looks": [
            {
                "at": 0,
                "deployments": [
                    [
                        "ecs-svc/333",
                        "PRIMARY",
                        "FAILED",
                        1,
                        0,
                        0,
                        3,
                        "ECS deployment circuit breaker: tasks failed to start.",
                    ]
                ],
            }
        ],
    }
    failure, result, _scripts = play({**BAD, "after_update": stuck}, on_failure="rollback")
    assert result["rollback"][0]["back"] is False
    assert "going back to web:1 ended failed" in str(failure)


def test_deployments_of_other_controllers_are_left_to_them():
    outside = {
        "service": {"deploymentController": {"type": "CODE_DEPLOY"}},
        "created": {NEW: -5},
        "tasks": BAD["tasks"],
        "looks": [
            {"at": 0, "task_sets": [[OLD, "PRIMARY", "STEADY_STATE", 1, 1], [NEW, "ACTIVE", "STABILIZING", 1, 0]]}
        ],
    }
    failure, _result, scripts = play(outside, on_failure="rollback")
    assert scripts[0].written == []
    assert "Its deployments belong to CODE_DEPLOY" in str(failure)


def test_the_message_names_sick_targets_and_what_could_not_be_seen():
    scenario = {
        **BAD,
        "service": {"loadBalancers": [{"targetGroupArn": "arn:aws:elasticloadbalancing:x:1:targetgroup/web/1"}]},
        "looks": [{**BAD["looks"][0], "targets": [["10.0.0.5", "unhealthy", "Target.Timeout"]]}],
        "denied": ["GetLogEvents"],
    }
    failure, result, _scripts = play(scenario)
    assert "Targets: 10.0.0.5:3000 unhealthy Target.Timeout." in str(failure)
    assert "Could not be looked at: logs (AccessDeniedException)." in str(failure)
    assert result["evidence"]["targets"][0]["target_group"] == "web"
