# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An embedded AWS of its own for the stack tests, and the commands that a user types."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "extensions" / "local_cloud" / "launcher.py"
ACCOUNT = "111122223333"
MEDIA = "application/vnd.oci.image.manifest.v1+json"


class Run:
    """What a command printed, and how it ended."""

    def __init__(self, rc: int, text: str) -> None:
        self.rc, self.text = rc, text
        self.words = " ".join(self.text.split())  # long lines are wrapped

    def changed(self, host: str = "tvshows-local") -> int:
        found = re.search(rf"^{host} +: .*changed=(\d+)", self.text, re.MULTILINE)
        assert found, self.text
        return int(found[1])

    def changes(self) -> list[tuple[str, str]]:
        """(action, resource and name) of every printed step of a plan."""
        rows = re.findall(r"^    (create|update|delete)  (.+)$", self.text, re.MULTILINE)
        return [(action, re.sub(r" {2,}", " ", rest)) for action, rest in rows]


class Stack:
    """The embedded AWS with the playbooks pointed at it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def start(self, playbook: str, *options: str, inventory: str = "inventories/local") -> subprocess.Popen[str]:
        """A playbook in a process group of its own."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_"))}
        environ.update(
            ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), PATH=f"{Path(sys.executable).parent}:{environ['PATH']}"
        )
        command = [
            "ansible-playbook",
            playbook,
            "-i",
            inventory,
            "-e",
            f"local_cloud_endpoint={self.endpoint}",
            *options,
        ]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def play(self, playbook: str, *options: str, inventory: str = "inventories/local") -> Run:
        process = self.start(playbook, *options, inventory=inventory)
        try:
            out, err = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Run(process.returncode, out + err)

    def site(self, *options: str, **more: str) -> Run:
        return self.play("site.yml", *options, **more)

    def control(self, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.endpoint}{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def reset(self) -> None:
        """An empty account, no faults, no counts."""
        self.control("/local-cloud/reset")

    def calls(self) -> dict[str, int]:
        """The calls since the last time, by name; reads and writes alike."""
        return dict(self.control("/local-cloud/calls?reset=1", method="GET")["calls"])

    def writes(self) -> list[str]:
        reads = ("Describe", "List", "Get", "BatchGet", "Head", "Query", "Scan")
        return [name for name in self.calls() if not name.partition(":")[2].startswith(reads)]

    def seed(self, repository: str = "tv-shows-api", tag: str = "latest") -> str:
        """Push an image, as a person would. Returns its digest."""
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 1}
        config["digest"] = f"sha256:{tag.encode().hex():0<64}"
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MEDIA, "config": config, "layers": []})
        image = self.client("ecr").put_image(
            repositoryName=repository, imageManifest=manifest, imageManifestMediaType=MEDIA, imageTag=tag
        )
        return str(image["image"]["imageId"]["imageDigest"])

    def set_secret(self, name: str = "tv-shows-api/rails-master-key") -> None:
        self.client("secretsmanager").put_secret_value(SecretId=name, SecretString="set by a person")

    def group(self, name: str) -> dict[str, Any]:
        found = self.client("ec2").describe_security_groups(Filters=[{"Name": "tag:Name", "Values": [name]}])
        (group,) = found["SecurityGroups"]
        return dict(group)


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("stack")
    start = [sys.executable, str(LAUNCHER), "start", "--directory", str(directory), "--account-id", ACCOUNT]
    subprocess.run(start, check=True, capture_output=True)
    try:
        yield Stack(json.loads((directory / "local_cloud.json").read_text())["endpoint"])
    finally:
        subprocess.run([sys.executable, str(LAUNCHER), "stop", "--directory", str(directory)], check=True)


@pytest.fixture
def empty(_server: Stack) -> Stack:
    """An empty account."""
    _server.reset()
    _server.calls()
    return _server


@pytest.fixture(scope="module")
def standing(_server: Stack) -> Stack:
    """The stack as it stands after its first runs; the tests of a module leave it as they found it."""
    _server.reset()
    first = _server.site()
    assert "Still missing, for a person to do" in first.text, first.text
    _server.seed()
    _server.set_secret()
    second = _server.site()
    assert second.rc == 0, second.text
    return _server
