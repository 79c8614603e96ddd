# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pushing an image and setting a secret as a person would, by hand and by the role."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from local_cloud_support import ROOT, Cloud

TOOLS = ROOT / "extensions" / "local_cloud"


def tool(cloud: Cloud, name: str, *arguments: str, value: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOLS / name), *arguments]
    environment = {**os.environ, "AWS_ENDPOINT_URL": cloud.endpoint, "AWS_REGION": "us-east-1"}
    return subprocess.run(
        command, capture_output=True, text=True, input=value or "", env=environment, timeout=60, check=False
    )


def result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_push_brings_manifest_configuration_and_layer(cloud: Cloud) -> None:
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="web")
    pushed = result(tool(cloud, "push_image.py", "web", "1", "--architecture", "arm64"))
    image = ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1"}])["images"][0]
    assert pushed == {"changed": True, "digest": image["imageId"]["imageDigest"], "repository": "web", "tag": "1"}
    assert pushed["digest"] == "sha256:" + hashlib.sha256(image["imageManifest"].encode()).hexdigest()
    manifest = json.loads(image["imageManifest"])
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    digests = [manifest["config"]["digest"], manifest["layers"][0]["digest"]]
    found = ecr.batch_check_layer_availability(repositoryName="web", layerDigests=digests)["layers"]
    assert [layer["layerAvailability"] for layer in found] == ["AVAILABLE", "AVAILABLE"]
    url = ecr.get_download_url_for_layer(repositoryName="web", layerDigest=digests[0])["downloadUrl"]
    with urllib.request.urlopen(url, timeout=10) as response:
        assert json.load(response)["architecture"] == "arm64"


def test_an_equal_push_changes_nothing_and_another_moves_the_tag(cloud: Cloud) -> None:
    cloud.client("ecr").create_repository(repositoryName="web")
    first = result(tool(cloud, "push_image.py", "web", "1"))
    assert result(tool(cloud, "push_image.py", "web", "1")) == {**first, "changed": False}
    kept = result(tool(cloud, "push_image.py", "web", "1", "--content", "other", "--if-missing"))
    assert kept == {**first, "changed": False}
    moved = result(tool(cloud, "push_image.py", "web", "1", "--content", "other"))
    assert moved["changed"]
    assert moved["digest"] != first["digest"]


def test_a_push_needs_its_repository(cloud: Cloud) -> None:
    done = tool(cloud, "push_image.py", "nothing", "1")
    assert done.returncode == 1
    assert "There is no repository nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_secret_gets_a_value_once(cloud: Cloud) -> None:
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="key")
    first = tool(cloud, "set_secret.py", "key", value="first-value")
    assert result(first) == {"changed": True, "name": "key"}
    assert "first-value" not in first.stdout + first.stderr
    assert result(tool(cloud, "set_secret.py", "key", value="second")) == {"changed": False, "name": "key"}
    assert secrets.get_secret_value(SecretId="key")["SecretString"] == "first-value"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        pytest.param("nothing", "v", "There is no secret nothing", id="no such secret"),
        pytest.param("key", "", "No value for secret key", id="no value"),
    ],
)
def test_a_secret_that_cannot_be_set(cloud: Cloud, name: str, value: str, text: str) -> None:
    cloud.client("secretsmanager").create_secret(Name="key")
    done = tool(cloud, "set_secret.py", name, value=value)
    assert done.returncode == 1
    assert text in done.stderr


def test_the_tools_never_touch_a_real_account() -> None:
    done = tool(Cloud("https://ecr.us-east-1.amazonaws.com"), "push_image.py", "web", "1")
    assert done.returncode == 1
    assert "is not on this machine" in done.stderr


PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: slipway.aws.local_cloud, tasks_from: "{{ entry }}"}
    - ansible.builtin.copy:
        content: "{{ local_cloud_result | default({}) | to_json }}"
        dest: "{{ out }}"
        mode: "0600"
      check_mode: false
      changed_when: false
"""


def play(tmp_path: Path, entry: str, *options: str, **values: Any) -> tuple[bool, dict[str, Any]]:
    """(whether the role changed something, its result)."""
    (tmp_path / "play.yml").write_text(PLAY)
    out = tmp_path / "out.json"
    given = {
        "entry": entry,
        "out": str(out),
        "local_cloud_directory": str(tmp_path / "cloud"),
        "local_cloud_account_id": "111122223333",
        **values,
    }
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        str(tmp_path / "play.yml"),
        "-e",
        json.dumps(given),
    ]
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hush-hush" not in done.stdout
    return "changed=0" not in done.stdout, json.loads(out.read_text())


def test_the_role_starts_fills_and_stops(tmp_path: Path) -> None:
    would, nothing = play(tmp_path, "main", "--check")
    assert (would, nothing["state"]) == (True, "stopped")
    try:
        changed, started = play(tmp_path, "main", local_cloud_settings={"database_seconds": 2})
        assert changed
        assert started["settings"]["database_seconds"] == 2
        assert started["environment"]["AWS_ENDPOINT_URL"] == started["endpoint"]
        assert play(tmp_path, "main", local_cloud_settings={"database_seconds": 2})[0] is False
        cloud = Cloud(started["endpoint"])
        cloud.client("ecr").create_repository(repositoryName="web")
        cloud.client("secretsmanager").create_secret(Name="key")
        seeds = {
            "local_cloud_images": [{"repository": "web", "tag": "1"}],
            "local_cloud_secrets": [{"name": "key", "value": "hush-hush"}],
        }
        assert [play(tmp_path, "seed", "-vvv", **seeds)[0] for _time in range(2)] == [True, False]
        assert cloud.client("secretsmanager").get_secret_value(SecretId="key")["SecretString"] == "hush-hush"
    finally:
        changed, _result = play(tmp_path, "stop")
    assert changed
    assert play(tmp_path, "stop")[0] is False
