# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module against the embedded AWS: alone, twenty at once as operating-system processes, and killed.

SLIPWAY_MIGRATION_ROUNDS sets the number of rounds, SLIPWAY_MIGRATION_RUNNERS that of the runners.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._lease import HASH_KEY, RANGE_KEY

from tests.support.modules import ModuleFailed, call

ROOT = Path(__file__).resolve().parents[4]
ROUNDS = int(os.environ.get("SLIPWAY_MIGRATION_ROUNDS", "1"))
RUNNERS = int(os.environ.get("SLIPWAY_MIGRATION_RUNNERS", "20"))


class Stack:
    """A cluster with a task definition for migrations, and the lease table."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.ecs = cloud.client("ecs")
        ec2 = cloud.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.ecs.create_cluster(clusterName="tvshows-prod")
        self.ecs.register_task_definition(
            family="migration",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "web", "image": "public.ecr.aws/docker/library/ruby:3", "essential": True}],
        )
        keys = (HASH_KEY, RANGE_KEY)
        cloud.client("dynamodb").create_table(
            TableName="slipway",
            KeySchema=[{"AttributeName": keys[0], "KeyType": "HASH"}, {"AttributeName": keys[1], "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        self.arguments: dict[str, Any] = {
            "stack": "tvshows-prod",
            "release": "sha256:1",
            "cluster": "tvshows-prod",
            "task_definition": "migration",
            "container": "web",
            "command": ["rails", "db:migrate"],
            "network": {"subnets": [subnet]},
            "lease_table": "slipway",
            "poll_interval": 0.2,
            "log_lines": 0,
        }

    def call(self, **more: Any) -> dict[str, Any]:
        return call("migration_task", environ=self.cloud.environ, **self.arguments, **more)

    def start(self, **more: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "plugins" / "modules" / "migration_task.py")],
            env={**os.environ, **self.cloud.environ, "PYTHONPATH": str(ROOT / "collections")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": {**self.arguments, **more}}))
        process.stdin.close()
        process.stdin = None
        return process

    def tasks(self) -> list[str]:
        found = []
        for status in ("RUNNING", "STOPPED"):
            found += self.ecs.list_tasks(cluster="tvshows-prod", desiredStatus=status)["taskArns"]
        return sorted(set(found))

    def end_with(self, code: int) -> None:
        self.cloud.post("/local-cloud/faults", {"kind": "exit", "exit_code": code})


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, errors = process.communicate(timeout=120)
    assert "Traceback" not in output + errors, output + errors
    found: dict[str, Any] = json.loads(output)
    return found


@pytest.fixture
def stack(cloud: Any) -> Iterator[Stack]:
    yield Stack(cloud)
    cloud.post("/local-cloud/settings", {"task_run_seconds": 0.3})
    cloud.post("/local-cloud/reset")  # faults, too


def test_it_runs_once_and_check_mode_runs_nothing(stack: Stack) -> None:
    assert stack.call(check=True)["outcome"] == "would_run" and stack.tasks() == []
    first = stack.call()
    assert (first["outcome"], first["changed"], first["exit_code"]) == ("ran", True, 0)
    for check in (False, True):
        again = stack.call(check=check)
        assert (again["outcome"], again["changed"]) == ("already_done", False)
    assert stack.tasks() == [first["task_arn"]]
    status = stack.call(state="status")
    assert (status["outcome"], status["holder"], status["changed"]) == ("succeeded", "", False)
    task = stack.ecs.describe_tasks(cluster="tvshows-prod", tasks=stack.tasks())["tasks"][0]
    assert task["overrides"]["containerOverrides"][0]["command"] == ["rails", "db:migrate"]


def test_what_does_not_fit_is_refused_before_anything_runs(stack: Stack) -> None:
    with pytest.raises(ModuleFailed, match="no container other"):
        call("migration_task", environ=stack.cloud.environ, **{**stack.arguments, "container": "other"})
    assert stack.tasks() == []
    assert stack.call()["outcome"] == "ran", "the lease was given back"


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_of_many_one_runs_and_the_others_adopt(stack: Stack, round_: int) -> None:
    stack.cloud.post("/local-cloud/settings", {"task_run_seconds": 2})
    processes = [stack.start() for _ in range(RUNNERS)]
    results = [result(process) for process in processes]
    assert all(process.returncode == 0 for process in processes), results
    assert sum(found["changed"] for found in results) == 1
    assert len({found["task_arn"] for found in results}) == 1 and len(stack.tasks()) == 1


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_of_many_all_fail_with_the_one_that_ran(stack: Stack, round_: int) -> None:
    stack.end_with(3)
    processes = [stack.start() for _ in range(RUNNERS)]
    results = [result(process) for process in processes]
    assert [found.get("exit_code") for found in results] == [3] * RUNNERS, results
    assert len({found["msg"] for found in results}) == 1 and len(stack.tasks()) == 1


def test_the_task_of_a_runner_that_was_killed_is_adopted(stack: Stack) -> None:
    stack.cloud.post("/local-cloud/settings", {"task_run_seconds": 5})
    first = stack.start(lease_seconds=3)
    deadline = time.monotonic() + 20
    while not stack.tasks():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    others = [stack.start(lease_seconds=3) for _ in range(3)]
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    killed = time.monotonic()
    results = [result(other) for other in others]
    assert time.monotonic() - killed < 5 + 3 + 2 + 5, "the task's end, one lease, one poll, and starting up"
    assert [found["outcome"] for found in results] == ["adopted"] * 3
    assert len(stack.tasks()) == 1 and [found["exit_code"] for found in results] == [0] * 3, results
