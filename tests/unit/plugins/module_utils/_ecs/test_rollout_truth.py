# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is seen, when, and with which permissions: what was rolled back, superseded or failed never succeeds."""

from __future__ import annotations

import random

from ansible_collections.slipway.aws.plugins.module_utils._ecs import rollout
from ansible_collections.slipway.aws.plugins.module_utils._ecs.rollout import watch_rollout
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.rollouts import FakeClock, Script

OLD, OURS, LATER = "ecs-svc/111", "ecs-svc/222", "ecs-svc/333"
TRIPPED = "ECS deployment circuit breaker: tasks failed to start."
ENDS = {
    "completes": {"succeeded"},
    "goes back to the old id": {"rolled_back"},
    "goes back under a new id": {"rolled_back"},
    "is replaced": {"superseded"},
    "fails": {"failed"},
    "is deleted": {"failed"},
}
OPTIONAL = ["ListTasks", "DescribeTasks", "ListServiceDeployments", "DescribeTargetHealth", "DescribeTaskDefinition"]


@st.composite
def rollouts(draw):
    end = draw(st.sampled_from(sorted(ENDS)))
    turn = draw(st.integers(1, 60))
    settle = turn + draw(st.integers(0, 40))
    old = [OLD, "ACTIVE", "COMPLETED", 2, 2, 0, 0]
    looks = [
        {"at": 0, "deployments": [[OURS, "PRIMARY", "IN_PROGRESS", 0, 0, 0, 0], old]},
        {"at": turn / 2, "deployments": [[OURS, "PRIMARY", "IN_PROGRESS", 2, draw(st.integers(0, 2)), 0, 0], old]},
        *_turn(end, turn, settle, old),
    ]
    told = draw(st.booleans())
    back = LATER if end == "goes back under a new id" else OLD
    events = [[turn, f"(service web) (deployment {OURS}) deployment failed: tasks failed to start."]]
    events += [[turn, f"(service web) rolling back to deployment {back}."]]
    return end, {
        "looks": looks,
        "denied": draw(st.lists(st.sampled_from(OPTIONAL), unique=True)),
        "service": {
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": "back" in end}}
        },
        "definitions": {OURS: "web:2", LATER: "web:1" if "back" in end else "web:3"},
        "created": {OURS: 0, LATER: turn},
        "events": [[-50, "(service web) has reached a steady state."], *(events if told and "back" in end else [])],
        "ask": draw(st.sampled_from([{}, {"deployment_id": OURS}, {"task_definition": "web:2"}])),
    }


def _turn(end, turn, settle, old):
    """What the answers show from the turn on."""
    failed = [OURS, "ACTIVE", "FAILED", 0, 0, 0, 3, TRIPPED]
    if end == "completes":
        return [{"at": settle, "deployments": [[OURS, "PRIMARY", "COMPLETED", 2, 2, 0, 0]]}]
    if end == "fails":
        return [{"at": turn, "deployments": [[OURS, "PRIMARY", "FAILED", 2, 0, 0, 3, TRIPPED], old]}]
    if end == "is deleted":
        return [{"at": turn, "service": {"status": "DRAINING"}}]
    if end == "is replaced":
        return [
            {"at": turn, "deployments": [[LATER, "PRIMARY", "IN_PROGRESS", 2, 0, 2, 0], old]},
            {"at": settle, "deployments": [[LATER, "PRIMARY", "COMPLETED", 2, 2, 0, 0]]},
        ]
    back = LATER if "new id" in end else OLD
    words = f"ECS deployment circuit breaker: rolling back to deploymentId {back}."
    return [
        {"at": turn, "deployments": [[back, "PRIMARY", "IN_PROGRESS", 2, 1, 0, 0, words], failed]},
        {
            "at": settle,
            "deployments": [[back, "PRIMARY", "COMPLETED", 2, 2, 0, 0, f"ECS deployment {back} completed."]],
        },
    ]


@settings(max_examples=300, deadline=None)
@given(rollouts(), st.sampled_from([1.0, 5.0, 15.0]), st.integers(0, 9))
def test_the_verdict_is_the_truth_and_comes_in_time(drawn, interval, seed):
    end, scenario = drawn
    rollout._JITTER = random.Random(seed)
    clock = FakeClock()
    script = Script(scenario, clock)
    verdict = watch_rollout(
        ecs=script.client("ecs"),
        cluster="prod",
        service="web",
        timeout=600,
        poll_interval=interval,
        clock=clock,
        **scenario["ask"],
    )
    assert verdict.outcome in ENDS[end], (verdict.timeline, verdict.reason)
    certain = scenario["looks"][-1]["at"]
    assert verdict.waited_s <= certain + 2 * interval * 1.1


@settings(max_examples=200, deadline=None)
@given(rollouts(), st.integers(1, 90))
def test_a_watch_that_begins_late_tells_the_truth_too(drawn, late):
    end, scenario = drawn
    rollout._JITTER = random.Random(1)
    clock = FakeClock()
    script = Script(scenario, clock)
    script.start -= late
    verdict = watch_rollout(
        ecs=script.client("ecs"),
        cluster="prod",
        service="web",
        deployment_id=OURS,
        task_definition="web:2",
        timeout=600,
        clock=clock,
    )
    # What was there before ours may be gone by now, and with it what tells a rollback from another release.
    also = {"superseded", "failed"} if "back" in end else set()
    assert verdict.outcome in ENDS[end] | also, (verdict.timeline, verdict.reason)
    if scenario["events"][1:]:
        assert verdict.outcome in ENDS[end]
