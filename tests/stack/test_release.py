# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases as a user sees them: the lease, approval, what is taken back, what is recorded."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._release.record import from_item

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = "playbooks/deploy.yml"


def records(stack):
    found = stack.client("dynamodb").query(
        TableName="slipway-releases",
        KeyConditionExpression="stack = :stack",
        ExpressionAttributeValues={":stack": {"S": "tvshows-local"}},
    )
    return [from_item(item) for item in found["Items"]]


def lease(stack):
    key = {"stack": {"S": "tvshows-local"}, "item": {"S": "lease"}}
    return stack.client("dynamodb").get_item(TableName="slipway-leases", Key=key, ConsistentRead=True)["Item"]


def running(stack):
    (service,) = stack.client("ecs").describe_services(cluster="tv-shows-api-cluster", services=["tv-shows-api-web"])[
        "services"
    ]
    return service["taskDefinition"].rsplit(":", 1)[-1]


def eventually(look, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it has not come")


@pytest.fixture
def slow(standing):
    """Tasks take a while to start: a release takes long enough to be met by another one."""
    standing.control("/local-cloud/settings", {"task_start_seconds": 8})
    yield standing
    standing.control("/local-cloud/settings", {"task_start_seconds": 0.3})


def test_an_empty_plan_takes_no_lease_and_records_nothing(standing):
    before = records(standing)
    standing.calls()
    assert standing.play(DEPLOY).changed() == 0
    assert not [name for name in standing.calls() if name.startswith("dynamodb:")]
    assert standing.site().changed() == 0
    assert not {"dynamodb:UpdateItem", "dynamodb:PutItem"} & set(standing.calls())
    assert records(standing) == before


def test_a_release_is_recorded(standing):
    revision, digest = running(standing), standing.seed(tag="2.0.0")
    run = standing.play(DEPLOY, "-e", "image_tag=2.0.0")
    assert run.rc == 0, run.text
    record = records(standing)[-1]
    assert record["verdict"] == "succeeded" and record["images"] == {"tv-shows-api": digest}
    assert record["before"]["web"].endswith(f":{revision}")
    assert record["after"]["web"].endswith(f":{running(standing)}") and record["after"] != record["before"]
    assert record["migration"]["outcome"] == "succeeded" and record["migration"]["exit_codes"] == {"migration": 0}
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{6}", record["id"])
    assert record["who"] and record["place"] and len(record["commit"]) == 40 and record["seconds"] > 0
    assert "owner" not in lease(standing)


@pytest.mark.parametrize(
    ("tag", "fault", "options", "verdict"),
    [
        pytest.param("2.0.1", {"kind": "crash", "exit_code": 3, "times": 6}, (), "rolled_back", id="by ECS"),
        pytest.param("2.0.2", {"kind": "stuck"}, ("-e", "release_timeout=3"), "timed_out", id="by the release"),
    ],
)
def test_a_release_that_fails_goes_back_and_is_recorded(standing, tag, fault, options, verdict):
    revision = running(standing)
    standing.seed(tag=tag)
    standing.control("/local-cloud/faults", {**fault, "match": {"service": "tv-shows-api-web"}})
    run = standing.play(DEPLOY, "-e", f"image_tag={tag}", *options)
    standing.control("/local-cloud/faults", method="DELETE")
    assert run.rc != 0 and running(standing) == revision, run.text
    record = records(standing)[-1]
    assert (record["tag"], record["verdict"]) == (tag, verdict)
    assert record["reason"]["code"] and record["reason"]["text"] and record["reason"]["task"]
    assert record["before"]["web"].endswith(f":{revision}") and not record["after"]["web"].endswith(f":{revision}")
    assert [it["service"] for it in record["rollback"]] == ([] if verdict == "rolled_back" else ["tv-shows-api-web"])
    assert f"It is recorded as {record['id']}" in run.words
    assert "owner" not in lease(standing)


def test_a_second_run_waits_and_says_for_whom(slow):
    slow.seed(tag="2.1.0")
    slow.seed(tag="2.1.1")
    first = slow.start(DEPLOY, "-e", "image_tag=2.1.0")
    held = eventually(lambda: "owner" in lease(slow) and lease(slow))
    impatient = slow.play(DEPLOY, "-e", "image_tag=2.1.1", "-e", "stack_lease_wait=1")
    assert impatient.rc != 0
    assert "Waited 1 s for the lease of tvshows-local" in impatient.words
    assert held["since"]["S"] in impatient.words and held["place"]["S"] in impatient.words
    patient = slow.play(DEPLOY, "-e", "image_tag=2.1.1")
    out, err = first.communicate(timeout=120)
    assert first.returncode == 0, out + err
    assert patient.rc == 0, patient.text
    assert "waits up to 600 s for the lease of the stack: it is held by" in patient.words
    one, two = records(slow)[-2:]
    assert (one["tag"], one["verdict"], two["tag"], two["verdict"]) == ("2.1.0", "succeeded", "2.1.1", "succeeded")
    assert two["before"] == one["after"]  # planned again once the first one had ended


def test_a_provisioning_run_waits_for_a_release_and_plans_again(slow):
    slow.seed(tag="2.2.0")
    first = slow.start(DEPLOY, "-e", "image_tag=2.2.0")
    eventually(lambda: "owner" in lease(slow))
    slow.client("logs").put_retention_policy(logGroupName="/ecs/tv-shows-api", retentionInDays=1)
    second = slow.site()
    assert first.wait(120) == 0 and second.rc == 0, second.text
    assert "waits up to 600 s for the lease of the stack: it is held by" in second.words
    assert [resource for _action, resource in second.changes()] == [
        "log group /ecs/tv-shows-api retention_days: 1 -> 30"
    ]
    first.communicate()


def test_a_run_whose_lease_is_taken_over_stops(slow):
    slow.seed(tag="2.3.0")
    slow.seed(tag="2.3.1")
    first = slow.start(DEPLOY, "-e", "image_tag=2.3.0")
    held = eventually(lambda: "owner" in lease(slow) and lease(slow))
    second = slow.play(DEPLOY, "-e", "image_tag=2.3.1", "-e", "takeover=tvshows-local")
    out, err = first.communicate(timeout=120)
    assert second.rc == 0, second.text
    assert first.returncode != 0 and "no longer holds the lease of tvshows-local" in " ".join(out.split()), out + err
    assert int(lease(slow)["fence"]["N"]) > int(held["fence"]["N"])
    verdicts = {it["tag"]: it["verdict"] for it in records(slow)}
    assert (verdicts["2.3.0"], verdicts["2.3.1"]) == ("superseded", "succeeded")


def test_approval_without_a_terminal(standing):
    standing.seed(tag="3.0.0")
    asked = (DEPLOY, "-e", "image_tag=3.0.0", "-e", '{"release_approval": true}')
    revision, before = running(standing), records(standing)
    standing.calls()
    refused = standing.play(*asked)
    assert refused.rc != 0 and "there is no terminal to ask on" in refused.words
    assert "-e approve=tvshows-local" in refused.words
    other = standing.play(*asked, "-e", "approve=tvshows-prod")
    assert other.rc != 0 and "was not approved: the answer was 'tvshows-prod'" in other.words
    assert standing.writes() == [] and running(standing) == revision and records(standing) == before
    approved = standing.play(*asked, "-e", "approve=tvshows-local")
    assert approved.rc == 0 and running(standing) != revision, approved.text


def typed(stack, answer, *options):
    """(exit code, what the terminal showed) of a deploy whose question is answered on a terminal."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_"))}
    environ.update(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), TERM="dumb", COLUMNS="160")
    playbook = str(Path(sys.executable).parent / "ansible-playbook")
    command = [playbook, DEPLOY, "-i", "inventories/local", "-e", f"local_cloud_endpoint={stack.endpoint}", *options]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(playbook, command, environ)
    shown, answered = b"", False
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            part = b""
        if not part:
            break
        shown += part
        if not answered and b"anything else to stop:" in shown:
            time.sleep(0.5)  # what was typed before the question is thrown away
            os.write(terminal, answer.encode() + b"\r")
            answered = True
    _pid, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode(errors="replace")


@pytest.mark.parametrize(
    ("answer", "goes"), [("tvshows-local", True), ("yes", False)], ids=["the host's name", "something else"]
)
def test_approval_on_a_terminal(standing, answer, goes):
    tag = f"3.1.{int(goes)}"
    standing.seed(tag=tag)
    revision = running(standing)
    code, shown = typed(standing, answer, "-e", f"image_tag={tag}", "-e", '{"release_approval": true}')
    assert "tvshows-local: this release is about to" in shown and "ECS service" in shown, shown
    assert (code == 0, running(standing) != revision) == (goes, goes), shown
    if not goes:
        assert "was not approved: the answer was 'yes'" in " ".join(shown.split())


def test_publishing_where_nothing_can_build(standing, tmp_path):
    environ = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    environ |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True, env=environ)
    run = standing.play("playbooks/publish.yml", "-e", f"image_source={tmp_path}")
    assert run.rc != 0 and "No image can be built here: docker" in run.words, run.text
    nothing = standing.play("playbooks/publish.yml")
    assert nothing.rc != 0 and "-e image_source=<directory>" in nothing.words


def test_an_account_without_tables_is_told_how_to_make_them(empty):
    run = empty.site("--limit", "tvshows-local")
    assert run.rc != 0
    assert "no table slipway-leases" in run.words and "ansible-playbook playbooks/account.yml" in run.words
    assert empty.client("ec2").describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["slipway:stack"]}])["Vpcs"] == []


def test_a_stack_that_was_never_built_cannot_be_released(empty):
    run = empty.play(DEPLOY)
    assert run.rc != 0 and "has no cluster yet" in run.words
