# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._operations.diagnose import (
    Seen,
    findings,
    now_healthy,
    secret_findings,
)

NOW = 10_000.0
SERVICE = {"runningCount": 2, "desiredCount": 2, "deployments": [{"status": "PRIMARY", "rolloutState": "COMPLETED"}]}


def stopped(text, code="EssentialContainerExited", at=NOW - 60, **box):
    containers = [{"name": "web", **box}]
    return {"stoppedReason": text, "stopCode": code, "stoppedAt": at, "lastStatus": "STOPPED", "containers": containers}


def event(message, at=NOW - 60):
    return {"message": message, "createdAt": at}


def target(state, **health):
    return {"Target": {"Id": "10.0.0.1", "Port": 3000}, "TargetHealth": {"State": state, **health}}


PLACING = "(service web) was unable to place a task. Reason: Capacity is unavailable at this time."
STEADY = "(service web) has reached a steady state."


@pytest.mark.parametrize(
    ("seen", "codes"),
    [
        pytest.param(Seen(SERVICE), [], id="nothing is wrong"),
        pytest.param(Seen({**SERVICE, "runningCount": 1}), ["too_few_tasks"], id="too few tasks"),
        pytest.param(
            Seen(SERVICE, stopped=[stopped("Essential container in task exited", exitCode=1)] * 3),
            ["essential_container_exited"],
            id="the same end three times is one finding",
        ),
        pytest.param(
            Seen(SERVICE, stopped=[stopped("Scaling activity initiated by deployment", "ServiceSchedulerInitiated")]),
            [],
            id="what scaling stops is nothing",
        ),
        pytest.param(Seen({**SERVICE, "events": [event(PLACING)]}), ["no_capacity"], id="a complaint of the scheduler"),
        pytest.param(
            Seen({**SERVICE, "events": [event(PLACING, NOW - 90), event(STEADY, NOW - 30)]}),
            [],
            id="a complaint before it was content again",
        ),
        pytest.param(Seen({**SERVICE, "events": [event(PLACING, NOW - 7200)]}), [], id="a complaint of long ago"),
        pytest.param(
            Seen(SERVICE, targets=[target("unhealthy", Reason="Target.ResponseCodeMismatch", Description="[502]")]),
            ["elb_health_check_failed"],
            id="a sick target",
        ),
        pytest.param(Seen(SERVICE, targets=[target("healthy"), target("draining")]), [], id="targets that come and go"),
        pytest.param(
            Seen(SERVICE, tasks=[{"lastStatus": "RUNNING", "healthStatus": "UNHEALTHY", "containers": []}]),
            ["container_health_check_failed"],
            id="a running task that is unhealthy",
        ),
    ],
)
def test_findings(seen, codes):
    assert [one.code for one in findings("web", seen, NOW)] == codes


def test_equal_findings_are_counted_and_the_newest_speaks():
    old, new = (stopped("Essential container in task exited", at=at, exitCode=1) for at in (NOW - 90, NOW - 30))
    (found,) = findings("web", Seen(SERVICE, stopped=[old, new]), NOW)
    assert (found.seen, found.at) == (2, NOW - 30)


def test_what_is_over_does_not_make_it_unhealthy():
    assert now_healthy({"web": Seen(SERVICE, stopped=[stopped("Essential container in task exited", exitCode=1)])})
    assert not now_healthy({"web": Seen({**SERVICE, "runningCount": 0})})
    assert not now_healthy({"web": Seen(SERVICE, targets=[target("unhealthy")])})


def test_only_secrets_that_the_services_use_are_missed():
    definitions = [{"name": "api", "containers": [{"secrets": {"A": "used#key", "B": "full"}}]}]
    services = [{"name": "web", "task_definition": "api"}, {"name": "other", "task_definition": "none"}]
    found = secret_findings({"tv-web": "web"}, services, definitions, ["used", "unused"])
    assert [(one.service, one.text) for one in found] == [("web", "used has no value")]
