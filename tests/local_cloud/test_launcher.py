# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting and stopping, and the calls under /local-cloud/."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from local_cloud_support import ACCOUNT, Cloud, launcher


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    assert launcher("stop", "--directory", str(tmp_path / "state")).returncode == 0


def start(directory: Path, *arguments: str) -> dict[str, Any]:
    done = launcher("start", "--directory", str(directory), *arguments)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_start_is_idempotent_and_stop_too(directory: Path) -> None:
    first = start(directory, "--account-id", ACCOUNT)
    second = start(directory, "--account-id", ACCOUNT)
    assert (first["changed"], second["changed"]) == (True, False)
    assert second["pid"] == first["pid"] == int((directory / "local_cloud.pid").read_text())
    assert json.loads(launcher("status", "--directory", str(directory)).stdout)["state"] == "running"
    assert json.loads(launcher("stop", "--directory", str(directory)).stdout) == {"changed": True, "state": "stopped"}
    assert not (directory / "local_cloud.pid").exists()
    assert json.loads(launcher("stop", "--directory", str(directory)).stdout) == {"changed": False, "state": "stopped"}


def test_the_exports_lead_to_the_account(directory: Path) -> None:
    state = start(directory, "--account-id", ACCOUNT, "--region", "eu-west-1")
    script = ". $1/aws.env; env | grep ^AWS_ | sort"
    shell = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(directory)], capture_output=True, text=True, check=True, env={}
    )
    assert dict(line.split("=", 1) for line in shell.stdout.split()) == {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": state["endpoint"],
        "AWS_REGION": "eu-west-1",
        "AWS_SECRET_ACCESS_KEY": state["environment"]["AWS_SECRET_ACCESS_KEY"],
    }
    assert Cloud(state["endpoint"]).client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_it_listens_on_loopback_only(directory: Path) -> None:
    endpoint = urlsplit(start(directory)["endpoint"])
    listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=False).stdout or "\n".join(
        Path("/proc/net/tcp").read_text().splitlines()
    )
    assert endpoint.hostname == "127.0.0.1"
    assert f"0.0.0.0:{endpoint.port} " not in listening
    assert f"00000000:{endpoint.port:04X}" not in listening


def test_two_run_side_by_side(tmp_path: Path) -> None:
    directories = [tmp_path / "a", tmp_path / "b"]
    try:
        states = [start(directory) for directory in directories]
        assert states[0]["port"] != states[1]["port"]
        Cloud(states[0]["endpoint"]).client("sqs").create_queue(QueueName="only-here")
        assert "QueueUrls" not in Cloud(states[1]["endpoint"]).client("sqs").list_queues()
    finally:
        for directory in directories:
            launcher("stop", "--directory", str(directory))


def test_a_foreign_process_is_never_ended(directory: Path) -> None:
    """After a reboot the process id in the file may be anybody's."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            directory.mkdir()
            (directory / "local_cloud.pid").write_text(f"{other.pid}\n")
            stale = {"endpoint": "http://127.0.0.1:9", "token": "t", "pid": other.pid}
            (directory / "local_cloud.json").write_text(json.dumps(stale))
            assert json.loads(launcher("stop", "--directory", str(directory)).stdout)["changed"] is False
            assert other.poll() is None
            assert start(directory)["pid"] != other.pid
        finally:
            other.kill()


def test_a_server_that_died_is_started_anew(directory: Path) -> None:
    pid = start(directory)["pid"]
    os.kill(pid, 9)
    again = start(directory)
    assert again["changed"]
    assert again["pid"] != pid


def test_another_account_is_no_answer(directory: Path) -> None:
    start(directory, "--account-id", ACCOUNT)
    done = launcher("start", "--directory", str(directory), "--account-id", "444455556666")
    assert done.returncode == 1
    assert f"runs with account {ACCOUNT}, not with 444455556666" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["--setting", "nothing=1"], "There is no setting 'nothing'", id="an unknown setting"),
        pytest.param(["--setting", "latency_ms=fast"], "'latency_ms' is a number, not 'fast'", id="no number"),
        pytest.param(["--account-id", "12"], "an account id has 12 digits", id="an account id that is none"),
    ],
)
def test_a_bad_start_says_why(directory: Path, arguments: list[str], text: str) -> None:
    done = launcher("start", "--directory", str(directory), *arguments)
    assert done.returncode != 0
    assert text in done.stderr
    assert not (directory / "local_cloud.json").exists()


def test_settings_come_from_the_environment_and_from_the_command_line(directory: Path) -> None:
    environment = {**os.environ, "LOCAL_CLOUD_DATABASE_SECONDS": "3", "LOCAL_CLOUD_CACHE_SECONDS": "4"}
    done = launcher("start", "--directory", str(directory), "--setting", "cache_seconds=5", environment=environment)
    settings = json.loads(done.stdout)["settings"]
    assert (settings["database_seconds"], settings["cache_seconds"]) == (3.0, 5.0)


def test_settings_change_at_run_time_and_bad_ones_do_not(cloud: Cloud) -> None:
    assert cloud.control("POST", "settings", {"latency_ms": 5})["latency_ms"] == 5
    answer = cloud.control("POST", "settings", {"latency_ms": 1, "wrong": 2})
    assert answer["status"] == 400
    assert "There is no setting 'wrong'" in answer["error"]
    assert cloud.control("GET", "settings")["latency_ms"] == 5


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param({"kind": "nonsense"}, "There is no fault 'nonsense'", id="an unknown kind"),
        pytest.param({"kind": "crash", "code": 1}, "does not take code", id="an unknown option"),
        pytest.param({"kind": "crash", "match": {"x": 1}}, "`match` takes", id="an unknown match"),
        pytest.param({"kind": "crash", "times": 0}, "`times` is a number from 1 up", id="a number of times"),
    ],
)
def test_a_bad_fault_is_refused(cloud: Cloud, body: dict[str, Any], text: str) -> None:
    answer = cloud.control("POST", "faults", body)
    assert answer["status"] == 400
    assert text in answer["error"]
    assert cloud.control("GET", "faults") == []


def test_faults_are_listed_and_cleared(cloud: Cloud) -> None:
    first = cloud.fault("crash", exit_code=3, match={"family": "web"})
    cloud.fault("hang", times=2)
    listed = cloud.control("GET", "faults")
    assert [(fault["kind"], fault["times"], fault["struck"]) for fault in listed] == [
        ("crash", None, 0),
        ("hang", 2, 0),
    ]
    assert cloud.control("DELETE", f"faults?id={first['id']}") == {"removed": 1}
    assert [fault["kind"] for fault in cloud.control("GET", "faults")] == ["hang"]
    assert cloud.control("DELETE", "faults") == {"removed": 1}


def test_faults_can_come_from_a_file(cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    fault = {"kind": "api_error", "match": {"operation": "ListClusters"}, "code": "AccessDeniedException"}
    path.write_text(json.dumps([fault]))
    cloud.control("POST", "settings", {"faults_file": str(path)})
    with pytest.raises(ClientError):
        cloud.client("ecs").list_clusters()
    path.write_text("[]")
    cloud.client("ecs").list_clusters()


def test_a_bad_file_of_faults_is_told_at_once(cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('[{"kind": "nonsense"}]')
    answer = cloud.control("POST", "settings", {"faults_file": str(path)})
    assert answer["status"] == 400
    assert "There is no fault 'nonsense'" in answer["error"]
    with pytest.raises(ClientError, match="There is no fault 'nonsense'"):
        cloud.client("ecs").list_clusters()


def test_calls_and_connections_are_counted(cloud: Cloud) -> None:
    cloud.client("ecs").list_clusters()
    cloud.control("GET", "calls?reset=1")
    connection_before = cloud.control("GET", "calls")["connections"]
    for _time in range(3):
        cloud.client("ecs").list_clusters()
    cloud.client("s3").list_buckets()
    seen = cloud.control("GET", "calls?reset=1")
    assert seen["calls"] == {"ecs:ListClusters": 3, "s3:ListBuckets": 1}
    assert seen["total"] == 4
    # boto3 keeps its connection: at most one new one for S3, and those of the control calls
    assert seen["connections"] - connection_before <= 3
    assert cloud.control("GET", "calls")["total"] == 0


def test_every_call_can_be_slow(cloud: Cloud) -> None:
    cloud.client("ecs").list_clusters()
    cloud.control("POST", "settings", {"latency_ms": 150})
    begun = time.monotonic()
    cloud.client("ecs").list_clusters()
    assert time.monotonic() - begun >= 0.15


def test_connections_stay_open(cloud: Cloud) -> None:
    host = urlsplit(cloud.endpoint)
    connection = http.client.HTTPConnection(str(host.hostname), host.port, timeout=5)
    for _time in range(2):
        connection.request("GET", "/local-cloud/settings")
        response = connection.getresponse()
        response.read()
        assert response.version == 11
        assert not response.will_close
    connection.close()


def test_an_operation_that_is_missing_is_an_error_and_not_a_broken_connection(cloud: Cloud) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client("pricing").describe_services(ServiceCode="x")
        cloud.client("ecs").describe_container_instances(cluster="x", containerInstances=["y"])
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 501)
