# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an empty account to a running stack, as a user would go."""

from __future__ import annotations

import pytest


def test_check_and_diff_on_an_empty_account_announce_and_make_nothing(empty):
    run = empty.site("--check", "--diff")
    assert run.rc == 0, run.text
    assert empty.writes() == []
    announced = {resource for action, resource in run.changes() if action == "create"}
    for resource in ("VPC tvshows-local", "database instance tv-shows-api-db", "ECS service tv-shows-api-web"):
        assert any(it.startswith(resource) for it in announced), (resource, announced)


def test_an_empty_account_gets_everything_but_what_a_person_has_to_give(empty):
    first = empty.site()
    assert first.rc != 0
    assert "image tv-shows-api:latest" in first.text and "docker push" in first.text
    assert "aws secretsmanager put-secret-value" in first.text and "rails-master-key" in first.text
    assert empty.client("rds").describe_db_instances()["DBInstances"]
    assert empty.client("ecs").list_services(cluster="tv-shows-api-cluster")["serviceArns"] == []

    empty.seed()
    empty.set_secret()
    second = empty.site()
    assert second.rc == 0, second.text
    (service,) = empty.client("ecs").describe_services(cluster="tv-shows-api-cluster", services=["tv-shows-api-web"])[
        "services"
    ]
    assert (service["runningCount"], service["desiredCount"]) == (2, 2)
    assert "2/2 running" in second.text

    third = empty.site()
    assert third.rc == 0 and third.changed() == 0, third.text
    assert "Traceback" not in first.text + second.text + third.text


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(
            {"kind": "api_error", "match": {"operation": "CreateDBInstance"}, "code": "InstanceQuotaExceeded"},
            ["database instance tv-shows-api-db", "quota"],
            id="a quota",
        ),
        pytest.param(
            {"kind": "api_error", "match": {"operation": "CreateRole"}, "code": "AccessDenied", "status": 403},
            ["IAM role tvshows-local", "may not do that"],
            id="no permission",
        ),
        pytest.param(
            {"kind": "throttling", "match": {"operation": "CreateLoadBalancer"}},
            ["load balancer web", "wait a minute"],
            id="throttling that does not end",
        ),
    ],
)
def test_a_refusal_half_way_is_said_and_the_next_run_completes(empty, fault, words):
    empty.control("/local-cloud/faults", fault)
    stopped = empty.site()
    assert stopped.rc != 0 and "FAILED" in stopped.text
    assert all(word in stopped.words for word in words), stopped.text
    assert "Traceback" not in stopped.text
    empty.control("/local-cloud/faults", method="DELETE")
    empty.site()
    empty.seed()
    empty.set_secret()
    assert empty.site().rc == 0
    assert empty.site().changed() == 0
