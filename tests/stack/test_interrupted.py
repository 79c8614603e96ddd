# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Killed at any point, and run again: the stack is completed, and nothing is there twice."""

from __future__ import annotations

import os
import signal
import time

import pytest

ONCE = {
    "vpc": ("ec2", "describe_vpcs", "Vpcs", 1),
    "subnets": ("ec2", "describe_subnets", "Subnets", 6),
    "addresses": ("ec2", "describe_addresses", "Addresses", 1),
    "gateways": ("ec2", "describe_internet_gateways", "InternetGateways", 1),
    "route tables": ("ec2", "describe_route_tables", "RouteTables", 3),
    "security groups": ("ec2", "describe_security_groups", "SecurityGroups", 4),
}


def kill(process, group):
    """The controller alone, whose module may live on, or everything that it started."""
    if group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def count(stack, service, operation, key):
    mine = [{"Name": "tag:slipway:stack", "Values": ["tvshows"]}]
    return len(getattr(stack.client(service), operation)(Filters=mine)[key])


@pytest.mark.parametrize("group", [True, False], ids=["the process group", "the controller alone"])
def test_killed_again_and_again_it_is_completed(empty, group):
    empty.control("/local-cloud/settings", {"latency_ms": 20})
    try:
        for seconds in (1.5, 2.2, 3.0, 4.0, 5.5):
            process = empty.start("site.yml")
            time.sleep(seconds)  # somewhere in the run, wherever this machine has come to by then
            kill(process, group)
    finally:
        empty.control("/local-cloud/settings", {"latency_ms": 0})
    empty.site()
    empty.seed()
    empty.set_secret()
    assert empty.site().rc == 0
    assert empty.site().changed() == 0
    found = {name: count(empty, service, operation, key) for name, (service, operation, key, _) in ONCE.items()}
    assert found == {name: number for name, (*_, number) in ONCE.items()}
    assert len(empty.client("rds").describe_db_instances()["DBInstances"]) == 2
    assert len(empty.client("acm").list_certificates()["CertificateSummaryList"]) == 1
    names = [it["Name"] for it in empty.client("secretsmanager").list_secrets()["SecretList"]]
    assert len(names) == len(set(names)) == 4


def test_killed_in_the_middle_of_a_rollout_the_next_run_follows_it_to_its_end(standing):
    standing.seed(tag="next")
    standing.control("/local-cloud/settings", {"task_start_seconds": 6})
    ecs = standing.client("ecs")

    def primary():
        service = ecs.describe_services(cluster="tv-shows-api-cluster", services=["tv-shows-api-web"])["services"][0]
        return next(it for it in service["deployments"] if it["status"] == "PRIMARY")

    before = primary()["id"]
    try:
        process = standing.start("site.yml", "-e", "image_tag=next")
        deadline = time.monotonic() + 60
        while primary()["id"] == before and time.monotonic() < deadline:
            time.sleep(0.1)
        started = primary()
        kill(process, True)
        assert started["id"] != before and started["rolloutState"] == "IN_PROGRESS"
        standing.control("/local-cloud/settings", {"task_start_seconds": 0.3})
        run = standing.site()
    finally:
        standing.control("/local-cloud/settings", {"task_start_seconds": 0.3})
    assert run.rc == 0, run.text
    assert (primary()["id"], primary()["rolloutState"]) == (started["id"], "COMPLETED")
