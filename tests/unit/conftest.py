# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
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
sys.path.insert(0, str(ROOT))


class Cloud:
    """The embedded AWS of this test session."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.environ = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else b""
        request = urllib.request.Request(f"{self.endpoint}{path}", data=data, method="POST")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def reset(self) -> None:
        self.post("/local-cloud/reset")


@pytest.fixture(scope="session")
def _cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("local_cloud")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("AWS_ENDPOINT")}
    command = [sys.executable, str(LAUNCHER)]
    subprocess.run([*command, "start", "--directory", str(directory)], check=True, env=environ)
    try:
        yield Cloud(json.loads((directory / "local_cloud.json").read_text())["endpoint"])
    finally:
        subprocess.run([*command, "stop", "--directory", str(directory)], check=True, env=environ)


@pytest.fixture
def cloud(_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The embedded AWS, empty, with the environment pointing at it."""
    _cloud.reset()
    for key in [key for key in os.environ if key.startswith("AWS_")]:
        monkeypatch.delenv(key)
    for key, value in _cloud.environ.items():
        monkeypatch.setenv(key, value)
    yield _cloud
