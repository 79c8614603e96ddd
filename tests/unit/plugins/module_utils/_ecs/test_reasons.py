# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classifier against messages as ECS really wrote them, whole and as they are mangled on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.slipway.aws.plugins.module_utils._ecs._codes import CLASS_OF, HINT_OF
from ansible_collections.slipway.aws.plugins.module_utils._ecs.reasons import classify, classify_task

HERE = Path(__file__).parent
MESSAGES = yaml.safe_load((HERE / "messages.yml").read_text())["messages"]
NAMES = [f"{entry['code']}: {entry['text'][:60]}" for entry in MESSAGES]
CUT = 255


def whole(entry):
    return entry["text"]


def with_typographic_apostrophes(entry):
    return entry["text"].replace("'", "\u2019")


def with_the_other_prefix(entry):
    """`(service x) …` for `service x …` and the other way round."""
    text = entry["text"]
    if text.startswith("(service ") and ", taskSet" not in text:
        name, rest = text.removeprefix("(service ").split(")", 1)
        return f"service {name}{rest}"
    if text.startswith("service "):
        name, rest = text.removeprefix("service ").split(" ", 1)
        return f"(service {name.strip('()')}) {rest}"
    return text


@pytest.mark.parametrize("form", [whole, with_typographic_apostrophes, with_the_other_prefix])
@pytest.mark.parametrize("entry", MESSAGES, ids=NAMES)
def test_a_real_message_has_its_reason_in_every_form(entry, form):
    text = form(entry)
    reason = classify(text)
    assert reason is not None
    assert (reason.code, reason.text) == (entry["code"], text)


@pytest.mark.parametrize("entry", MESSAGES, ids=NAMES)
def test_a_message_cut_at_255_characters_has_the_same_reason(entry):
    if entry.get("cut_loses_it"):
        assert classify(entry["text"][:CUT]).code == entry["cut_loses_it"]
    else:
        assert classify(entry["text"][:CUT]).code == entry["code"]


def test_the_table_is_large_and_nearly_every_code_is_in_it():
    assert len(MESSAGES) >= 200
    assert len({entry["text"] for entry in MESSAGES}) == len(MESSAGES)
    assert set(CLASS_OF) - {entry["code"] for entry in MESSAGES} == {"superseded"}


def test_each_code_has_a_class_and_each_failure_says_what_to_do():
    assert set(HINT_OF) == set(CLASS_OF)
    assert [code for code, class_ in CLASS_OF.items() if class_ == "failure" and not HINT_OF[code]] == []


STOPPED = {"lastStatus": "STOPPED", "desiredStatus": "STOPPED"}
EXITED = {**STOPPED, "stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited"}
SCALED = {
    **STOPPED,
    "stopCode": "ServiceSchedulerInitiated",
    "stoppedReason": "Scaling activity initiated by (deployment ecs-svc/1)",
}
NO_START = {**STOPPED, "stopCode": "TaskFailedToStart", "stoppedReason": "Task failed to start"}
OOM = "OutOfMemoryError: Container killed due to memory usage"
GRAPH = (
    "dependency graph: failed to resolve container ordering dependency [migrate] for target [web] "
    "as dependency did not exit successfully."
)


@pytest.mark.parametrize(
    ("what", "task", "code"),
    [
        ("a program that ended by itself", {**EXITED, "containers": [{"exitCode": 1}]}, "essential_container_exited"),
        (
            "exit code 137 alone is a kill, not yet a lack of memory",
            {**EXITED, "containers": [{"exitCode": 137}]},
            "essential_container_exited",
        ),
        ("a segmentation fault", {**EXITED, "containers": [{"exitCode": 139}]}, "essential_container_exited"),
        (
            "exit code 137 with the runtime's word",
            {**EXITED, "containers": [{"exitCode": 137, "reason": OOM}]},
            "oom_killed",
        ),
        (
            "the second container ran out of memory",
            {**EXITED, "containers": [{"exitCode": 143}, {"exitCode": 137, "reason": OOM}]},
            "oom_killed",
        ),
        ("a command that is not in the image", {**EXITED, "containers": [{"exitCode": 127}]}, "command_not_found"),
        ("a command that is not executable", {**EXITED, "containers": [{"exitCode": 126}]}, "command_not_found"),
        ("killed while scaling", {**SCALED, "containers": [{"exitCode": 137}]}, "scaling"),
        (
            "out of memory while scaling is still scaling",
            {**SCALED, "containers": [{"exitCode": 137, "reason": OOM}]},
            "scaling",
        ),
        (
            "stopped by a person",
            {
                **STOPPED,
                "stopCode": "UserInitiated",
                "stoppedReason": "Task stopped by user",
                "containers": [{"exitCode": 143}],
            },
            "user_stopped",
        ),
        (
            "stopped by a person who says why",
            {**STOPPED, "stopCode": "UserInitiated", "stoppedReason": "rotating the keys"},
            "user_stopped",
        ),
        (
            "Spot by its code",
            {**STOPPED, "stopCode": "SpotInterruption", "containers": [{"exitCode": 137}]},
            "spot_interruption",
        ),
        (
            "Spot by its text under the host's code",
            {**STOPPED, "stopCode": "TerminationNotice", "stoppedReason": "Your Spot Task was interrupted."},
            "spot_interruption",
        ),
        (
            "a host that is gone",
            {
                **STOPPED,
                "stopCode": "TerminationNotice",
                "stoppedReason": "Host EC2 (instance i-1) terminated.",
                "containers": [{"exitCode": 255}],
            },
            "host_lost",
        ),
        (
            "the start's cause is with the container",
            {
                **NO_START,
                "containers": [
                    {"reason": "CannotPullContainerError: inspect image has been retried 1 time(s): 403 Forbidden"}
                ],
            },
            "image_pull_auth",
        ),
        ("a start without a word", {**STOPPED, "stopCode": "TaskFailedToStart"}, "container_start_failed"),
        (
            "a dependency that failed",
            {**STOPPED, "stopCode": "TaskFailedToStart", "stoppedReason": GRAPH, "containers": [{"exitCode": 1}, {}]},
            "container_dependency_failed",
        ),
        (
            "what broke the dependency is more than the dependency",
            {**NO_START, "containers": [{"reason": OOM, "exitCode": 137}, {"reason": GRAPH}]},
            "oom_killed",
        ),
        (
            "the container's health check",
            {
                **STOPPED,
                "stopCode": "ServiceSchedulerInitiated",
                "stoppedReason": "Task failed container health checks",
                "containers": [{"exitCode": 137}],
                "healthStatus": "UNHEALTHY",
            },
            "container_health_check_failed",
        ),
        (
            "the load balancer's health check",
            {
                **STOPPED,
                "stopCode": "ServiceSchedulerInitiated",
                "stoppedReason": "Task failed ELB health checks in (target-group x)",
                "containers": [{"exitCode": 0}],
            },
            "elb_health_check_failed",
        ),
        ("only an exit code", {**STOPPED, "containers": [{"exitCode": 2}]}, "essential_container_exited"),
        (
            "the scheduler's stop with a container that says why",
            {**STOPPED, "stopCode": "ServiceSchedulerInitiated", "containers": [{"reason": OOM}]},
            "oom_killed",
        ),
        (
            "unhealthy but running",
            {"lastStatus": "RUNNING", "healthStatus": "UNHEALTHY"},
            "container_health_check_failed",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_stopped_task_has_its_most_specific_reason(what, task, code):
    assert classify_task(task).code == code, what


def test_a_running_task_has_no_reason():
    assert classify_task({"lastStatus": "RUNNING", "containers": [{"lastStatus": "RUNNING"}]}) is None
    assert classify_task({}) is None


def test_a_text_that_says_nothing_known_is_none_without_a_stop_code():
    assert classify("hello world") is None
    assert classify("") is None
    assert classify("hello world", "TaskFailedToStart").code == "container_start_failed"


@pytest.mark.parametrize(
    "name", ["secrets-manager-efs", "image-not-found", "alarm-circuit-breaker", "rollback", "timeout"]
)
def test_a_service_may_have_any_name(name):
    assert classify(f"(service {name}) has reached a steady state.").code == "steady_state"
    assert classify(f"service {name} has started 2 tasks: (task a).").code == "task_started"
    assert (
        classify(f"(service {name}) registered 1 targets in (target-group arn:aws:x:y:z:{name})").code
        == "target_registered"
    )
    text = f"CannotPullContainerError: ref pull failed: 1.dkr.ecr.eu-west-1.amazonaws.com/{name}:1: 403 Forbidden"
    assert classify(text).code == "image_pull_auth"
