# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole rollouts from scripts: each to its verdict, its reason, and in time."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
import yaml
from ansible_collections.slipway.aws.plugins.module_utils._ecs import rollout
from ansible_collections.slipway.aws.plugins.module_utils._ecs.judge import State, step
from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import Look, epoch, same_definition
from ansible_collections.slipway.aws.plugins.module_utils._ecs.rollout import Intent, Watch, drive, watch_rollout
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError

from tests.support.rollouts import FakeClock, Script

SCENARIOS = [
    scenario
    for path in sorted((Path(__file__).parent / "timelines").glob("*.yml"))
    for scenario in yaml.safe_load_all(path.read_text())
]
POLL = 5.0


@pytest.fixture(autouse=True)
def the_same_jitter_in_every_run(monkeypatch):
    monkeypatch.setattr(rollout, "_JITTER", random.Random(1))


def named(start):
    return next(scenario for scenario in SCENARIOS if scenario["name"].startswith(start))


def play(scenario, **options):
    clock = FakeClock()
    if "crowd" in scenario:
        crowd = range(scenario["crowd"])
        stop = {"by": "ecs-svc/111", "at": -99, "stopped": -9, "reason": "Scaling activity initiated by x"}
        scenario = {**scenario, "tasks": [{"id": f"c{number}", **stop} for number in crowd]}
    script = Script(scenario, clock)
    verdict = watch_rollout(
        ecs=script.client("ecs"),
        elbv2=script.client("elbv2"),
        cloudwatch=script.client("cloudwatch"),
        logs=script.client("logs"),
        cluster="prod",
        service="web",
        timeout=scenario.get("timeout", 600),
        poll_interval=POLL,
        clock=clock,
        **{**scenario.get("ask", {}), **options},
    )
    return verdict, script, clock


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario["name"] for scenario in SCENARIOS])
def test_a_rollout_ends_in_its_verdict(scenario):
    expect = scenario["expect"]
    verdict, script, _clock = play(scenario)
    assert (verdict.outcome, verdict.reason.code) == (expect["outcome"], expect["code"]), verdict.timeline
    assert expect.get("after", 0) <= verdict.waited_s <= expect["by"] + 1, verdict.timeline
    assert verdict.api_calls == len(script.calls)
    if "log" in expect:
        logs = [box["log"] for task in verdict.evidence["stopped_tasks"] for box in task["containers"]]
        assert logs and (logs[-1] == ["boot", "KeyError: DATABASE_URL"]) is True
    if "hint" in expect:
        assert expect["hint"] in verdict.reason.hint
    if "alarms" in expect:
        assert verdict.evidence["alarms"] == [{"name": "web-5xx", "reason": "too many 5xx"}]
    for denied in scenario.get("denied", ()):
        assert sum(1 for name, _ in script.calls if name == denied) <= 1, "what is refused is not asked again"


def test_every_outcome_and_every_controller_is_played():
    outcomes = {scenario["expect"]["outcome"] for scenario in SCENARIOS}
    assert outcomes == {"succeeded", "rolled_back", "failed", "superseded", "paused", "stalled", "timed_out"}
    controllers = {scenario.get("service", {}).get("deploymentController", {}).get("type") for scenario in SCENARIOS}
    assert controllers == {None, "CODE_DEPLOY", "EXTERNAL"}
    assert len({scenario["name"] for scenario in SCENARIOS}) == len(SCENARIOS)


def test_evidence_names_what_may_not_be_seen():
    scenario = named("the same with nothing but")
    verdict, _script, _clock = play(scenario)
    assert verdict.evidence["unseen"]["stopped tasks"] == "AccessDeniedException"


def test_without_a_clock_the_time_module_is_asked(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    script = Script(named("a healthy rollout"), clock)
    verdict = watch_rollout(ecs=script.client("ecs"), cluster="prod", service="web", timeout=600)
    assert clock.slept and all(4.5 <= pause <= 5.5 for pause in clock.slept)
    assert verdict.outcome == "succeeded"


def test_pauses_grow_while_throttled_and_shrink_again():
    scenario = named("throttled")
    _verdict, _script, clock = play(scenario)
    assert max(clock.slept) > 13
    assert clock.slept[0] < 6


def test_a_first_look_that_is_refused_is_an_error_that_says_what_to_do():
    with pytest.raises(SlipwayError, match=r"Looking at service web of cluster prod: AccessDenied.*grant the action"):
        play({"looks": [{"at": 0}], "denied": ["DescribeServices"]})


def test_the_poll_costs_two_calls_while_nothing_stops():
    verdict, script, clock = play(named("a healthy rollout"))
    assert verdict.outcome == "succeeded"
    assert {name for name, _ in script.calls} == {"DescribeServices", "ListTasks"}
    assert len(script.calls) == 2 * (len(clock.slept) + 1)


def test_the_timeline_tells_what_changed_and_when():
    verdict, _script, _clock = play(named("a healthy rollout"))
    seen = [entry["seen"] for entry in verdict.timeline]
    assert seen[0] == "ecs-svc/222 PRIMARY IN_PROGRESS; desired 0, running 0, pending 0, failed 0; others run 2"
    assert "(service web) has started 2 tasks: (task a) (task b)." in seen
    assert "(service web) has reached a steady state." in seen
    assert [entry["at"] for entry in verdict.timeline] == sorted(entry["at"] for entry in verdict.timeline)
    assert seen[-1] == "verdict: succeeded"


def test_services_side_by_side_stop_at_the_first_failure():
    clock = FakeClock()
    good, bad = named("a healthy rollout"), named("a deployment configuration")
    watches = [
        Watch.of(ecs=Script(one, clock).client("ecs"), cluster="prod", service=name, intent=Intent())
        for name, one in (("web", good), ("worker", bad))
    ]
    beats = []
    verdicts = drive(watches, timeout=600, clock=clock, beat=lambda: beats.append(clock.now))
    assert verdicts[0] is None
    assert verdicts[1].outcome == "failed"
    assert len(beats) == len(clock.slept) + 1


def test_a_step_changes_nothing_but_its_result():
    before = State(intent=Intent())
    look = Look(0.0, {"status": "ACTIVE", "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY"}]})
    after, decision = step(before, look)
    assert (before.looks, after.looks, after.ours, decision) == (0, 1, "ecs-svc/1", None)


@pytest.mark.parametrize(
    "service", [{}, {"deployments": None, "events": None}, {"deployments": [{}]}, {"taskSets": [{}]}]
)
@pytest.mark.parametrize("controller", ["ECS", "CODE_DEPLOY"])
def test_answers_with_holes_are_waited_out(service, controller):
    clock = FakeClock()

    class Hollow:
        def describe_services(self, **_):
            return {"services": [{**service, "deploymentController": {"type": controller}}]}

        def list_tasks(self, **_):
            return {"taskArns": ["arn:aws:ecs:x:1:task/prod/1"]}

        def describe_tasks(self, **_):
            return {"tasks": [{}, {"stoppedReason": None, "containers": [{}]}]}

    verdict = watch_rollout(ecs=Hollow(), cluster="prod", service="web", timeout=400, clock=clock)
    assert verdict.outcome in ("stalled", "timed_out")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("arn:aws:ecs:eu-west-1:1:task-definition/web:2", "web:2", True),
        ("web:2", "web:3", False),
        ("web", "arn:aws:ecs:eu-west-1:1:task-definition/web:3", True),
        ("", "web:3", False),
    ],
)
def test_task_definitions_have_several_names(one, other, same):
    assert same_definition(one, other) is same


def test_times_come_as_datetimes_numbers_and_texts():
    assert epoch("2026-03-02T12:00:00Z") == epoch("2026-03-02T13:00:00+01:00") == epoch(1772452800)
    assert epoch("yesterday") is None
