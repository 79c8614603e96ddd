# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.slipway.aws.plugins.module_utils import _lease
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_run import TaskRun
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._lease import Holder, Lease, SupersededError, Waiter, read
from ansible_collections.slipway.aws.plugins.module_utils._migration.task import Migration, _log, record_key
from moto import mock_aws

TABLE, STACK = "slipway", "tvshows-prod"
_ENDED = "Essential container in task exited"


class KilledError(BaseException):
    """The process is gone: nothing of it runs any more, its cleaning up neither."""


class World:
    """Time and ECS: a task runs for `seconds`, then ends with `exit_code`. `at` runs something at a moment."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seconds, self.exit_code = 30.0, 0
        self.tasks: dict[str, dict[str, Any]] = {}
        self.by_token: dict[str, str] = {}
        self.after_run_task: Callable[[], None] = lambda: None
        self.events: list[tuple[float, Callable[[], None]]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        due = [event for event in self.events if event[0] <= self.now]
        self.events = [event for event in self.events if event[0] > self.now]
        for _when, what in due:
            what()

    # ECS, as far as a one-off task needs it

    def describe_task_definition(self, *, taskDefinition: str) -> dict[str, Any]:  # noqa: N803
        boxes = [{"name": "web", "essential": True}]
        return {"taskDefinition": {"taskDefinitionArn": f"arn:td/{taskDefinition}:1", "containerDefinitions": boxes}}

    def describe_clusters(self, *, clusters: list[str]) -> dict[str, Any]:
        return {"clusters": [{"clusterName": name, "status": "ACTIVE"} for name in clusters]}

    def run_task(self, *, clientToken: str, startedBy: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        if clientToken not in self.by_token:
            arn = f"arn:task/{len(self.tasks) + 1}"
            self.by_token[clientToken] = arn
            self.tasks[arn] = {"startedBy": startedBy, "end": self.now + self.seconds, "request": request}
        self.after_run_task()
        return {"tasks": [{"taskArn": self.by_token[clientToken]}]}

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        return {"tasks": [self._task(arn) for arn in tasks if arn in self.tasks]}

    def _task(self, arn: str) -> dict[str, Any]:
        running = self.now < self.tasks[arn]["end"]
        box = {"name": "web"} if running else {"name": "web", "exitCode": self.exit_code}
        stopped = {} if running else {"stopCode": "EssentialContainerExited", "stoppedReason": _ENDED}
        return {"taskArn": arn, "lastStatus": "RUNNING" if running else "STOPPED", "containers": [box], **stopped}

    def list_tasks(self, *, cluster: str, startedBy: str, desiredStatus: str) -> dict[str, Any]:  # noqa: N803
        arns = [arn for arn, task in self.tasks.items() if task["startedBy"] == startedBy]
        return {"taskArns": [arn for arn in arns if self._task(arn)["lastStatus"] == desiredStatus]}

    def stop_task(self, *, cluster: str, task: str, reason: str) -> dict[str, Any]:
        self.tasks[task]["end"] = self.now
        return {}


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    keys = (_lease.HASH_KEY, _lease.RANGE_KEY)
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": keys[0], "KeyType": "HASH"}, {"AttributeName": keys[1], "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


@pytest.fixture
def world() -> World:
    return World()


def runner(dynamodb: Any, world: World, name: str = "ann", **more: Any) -> Migration:
    options: dict[str, Any] = {"release": "sha256:1", "command": ("migrate",), "lease_seconds": 60.0, **more}
    return Migration(
        dynamodb,
        TaskRun(world, "c", clock=world),
        table=TABLE,
        stack=STACK,
        task_definition="migration",
        container="web",
        holder=Holder(name, "here", "migration"),
        request=lambda definition, token, by: {"taskDefinition": definition, "clientToken": token, "startedBy": by},
        clock=world,
        **options,
    )


def killed(migration: Migration) -> None:
    with pytest.raises(KilledError):
        migration.migrated()


def die() -> None:
    raise KilledError


def test_it_runs_once_and_is_done_for_everybody_after(dynamodb: Any, world: World) -> None:
    result = runner(dynamodb, world).migrated()
    assert (result["outcome"], result["changed"], result["exit_code"], result["fence"]) == ("ran", True, 0, 1)
    again = runner(dynamodb, world, "bob").migrated()
    assert (again["outcome"], again["changed"], again["task_arn"]) == ("already_done", False, result["task_arn"])
    assert len(world.tasks) == 1 and read(dynamodb, TABLE, STACK).owner == ""


def test_another_release_or_command_runs_by_itself(dynamodb: Any, world: World) -> None:
    runner(dynamodb, world).migrated()
    runner(dynamodb, world, release="sha256:2").migrated()
    runner(dynamodb, world, command=("other",)).migrated()
    assert len(world.tasks) == 3
    assert record_key("a", ["b c"]) != record_key("a", ["b", "c"])


def test_a_failure_is_everybody_s_until_it_is_repeated_on_purpose(dynamodb: Any, world: World) -> None:
    world.exit_code = 3
    texts = []
    for name in ("ann", "bob"):
        with pytest.raises(SlipwayError, match=r"failed in attempt 1, run by ann.*exit code 3") as caught:
            runner(dynamodb, world, name).migrated()
        texts.append(str(caught.value))
        assert caught.value.details["exit_code"] == 3
    assert texts[0] == texts[1] and len(world.tasks) == 1
    world.exit_code = 0
    assert runner(dynamodb, world, retry=True).migrated()["record"]["attempt"] == 2


def test_who_waits_adopts_the_result(dynamodb: Any, world: World) -> None:
    first = Waiter(dynamodb, table=TABLE, stack=STACK, holder=Holder("ann"), duration=60, clock=world).step()
    assert first is not None
    world.events = [(20.0, lambda: runner(dynamodb, world, lease=first).migrated() and None)]
    result = runner(dynamodb, world, "bob").migrated()
    assert (result["outcome"], result["changed"], len(world.tasks)) == ("adopted", False, 1)


def test_a_lease_of_the_play_stays_with_the_play(dynamodb: Any, world: World) -> None:
    lease = Waiter(dynamodb, table=TABLE, stack=STACK, holder=Holder("ann"), duration=60, clock=world).step()
    assert lease is not None
    runner(dynamodb, world, lease=Lease.of(dynamodb, lease.as_dict(), clock=world)).migrated()
    lease.check()
    assert read(dynamodb, TABLE, STACK).holder.task == ""


def test_the_lease_is_renewed_while_the_task_works(dynamodb: Any, world: World) -> None:
    world.seconds = 600.0
    seen: list[str] = []
    waits = Waiter(dynamodb, table=TABLE, stack=STACK, holder=Holder("bob"), duration=60, clock=world)
    world.events = [(at, lambda: seen.append(str(waits.step()))) for at in (50.0, 120.0, 300.0, 550.0)]
    assert runner(dynamodb, world).migrated()["outcome"] == "ran"
    assert seen == ["None"] * 4


@pytest.mark.parametrize("arn_is_recorded", [False, True])
def test_the_task_of_a_runner_that_was_killed_is_waited_for_and_adopted(
    dynamodb: Any, world: World, *, arn_is_recorded: bool
) -> None:
    world.seconds = 300.0
    if arn_is_recorded:
        world.events = [(10.0, die)]
    else:
        world.after_run_task = die
    killed(runner(dynamodb, world))
    world.after_run_task = lambda: None
    result = runner(dynamodb, world, "bob").migrated()
    assert (result["outcome"], result["exit_code"], len(world.tasks)) == ("adopted", 0, 1)
    assert result["fence"] == 2 and world.now == pytest.approx(300, abs=5)


def test_a_task_that_stopped_meanwhile_gives_its_exit_code(dynamodb: Any, world: World) -> None:
    world.exit_code = 4
    world.after_run_task = die
    killed(runner(dynamodb, world))
    world.after_run_task = lambda: None
    with pytest.raises(SlipwayError, match="exit code 4"):
        runner(dynamodb, world, "bob").migrated()
    assert world.now <= 60 + 2 + 5 and len(world.tasks) == 1, "taken over within a lease and a poll"


def test_killed_before_run_task_the_next_one_starts_it(dynamodb: Any, world: World) -> None:
    first = runner(dynamodb, world)
    first.tasks.start = lambda request: die()  # type: ignore[method-assign,assignment,return-value]
    killed(first)
    assert runner(dynamodb, world, "bob").migrated()["outcome"] == "ran"
    assert len(world.tasks) == 1


def test_who_lost_the_lease_records_nothing(dynamodb: Any, world: World) -> None:
    def take_over() -> None:
        Waiter(dynamodb, table=TABLE, stack=STACK, holder=Holder("bob"), takeover=True, clock=world).step()

    world.seconds = 300.0
    world.events = [(100.0, take_over)]
    with pytest.raises(SupersededError):
        runner(dynamodb, world).migrated()
    record = runner(dynamodb, world).record()
    assert record is not None and record.phase == "running"


def test_a_task_that_takes_too_long_is_stopped_before_the_lease_is_given_back(dynamodb: Any, world: World) -> None:
    world.seconds, world.exit_code = 9000.0, 137
    with pytest.raises(SlipwayError, match="did not finish within 100 s"):
        runner(dynamodb, world, task_timeout=100).migrated()
    assert [world._task(arn)["lastStatus"] for arn in world.tasks] == ["STOPPED"]
    assert read(dynamodb, TABLE, STACK).owner == ""


def test_a_task_that_ecs_has_forgotten_is_not_guessed_at(dynamodb: Any, world: World) -> None:
    world.seconds = 300.0
    world.events = [(10.0, die)]
    killed(runner(dynamodb, world))
    world.tasks.clear()
    with pytest.raises(SlipwayError, match="no longer known to ECS"):
        runner(dynamodb, world, "bob").migrated()
    assert runner(dynamodb, world, "bob", retry=True).migrated()["record"]["attempt"] == 2


def test_check_mode_tells_and_takes_no_lease(dynamodb: Any, world: World) -> None:
    result = runner(dynamodb, world, check_mode=True).migrated()
    assert (result["outcome"], result["changed"]) == ("would_run", True)
    assert read(dynamodb, TABLE, STACK).fence == 0 and world.tasks == {}


def test_status_tells_record_and_holder(dynamodb: Any, world: World) -> None:
    assert runner(dynamodb, world).status()["outcome"] == "never_run"
    world.seconds = 300.0
    world.events = [(10.0, die)]
    killed(runner(dynamodb, world))
    status = runner(dynamodb, world).status()
    assert (status["outcome"], status["task_arn"]) == ("running", "arn:task/1") and "ann from here" in status["holder"]


def test_unlocking_is_refused_while_the_task_runs(dynamodb: Any, world: World) -> None:
    world.seconds = 300.0
    world.events = [(10.0, die)]
    killed(runner(dynamodb, world))
    with pytest.raises(SlipwayError, match=r"its task arn:task/1 still runs"):
        runner(dynamodb, world, "bob").unlocked("it hangs")
    world.now = 400.0
    assert runner(dynamodb, world, "bob").unlocked("it hangs")["changed"] is True
    assert runner(dynamodb, world, "bob").unlocked("again")["changed"] is False
    assert read(dynamodb, TABLE, STACK).owner == ""


def test_a_long_log_keeps_its_end() -> None:
    text = _log({"web": [f"line {number}" for number in range(5000)], "side": ["one"]})
    assert len(text) <= 8000 and "line 4999" in text and "one" in text
