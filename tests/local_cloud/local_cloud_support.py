# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the embedded AWS share: starting it, talking to it, waiting for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "extensions" / "local_cloud" / "launcher.py"
ACCOUNT = "111122223333"
REGION = "us-east-1"
# Times in which a whole rollout fits many times into a test run
QUICK = {"task_start_seconds": 0.06, "task_stop_seconds": 0.02, "task_run_seconds": 0.05, "task_retry_seconds": 0.03}
QUICK |= {"target_healthy_seconds": 0.02, "alarm_bake_seconds": 0.1, "stage_seconds": 0.02}

DEFAULTS: dict[str, Any] = {
    "latency_ms": 0,
    "connect_ms": 0,
    "database_seconds": 0,
    "cache_seconds": 0,
    "load_balancer_seconds": 0,
    "nat_gateway_seconds": 0,
    "certificate_seconds": 0,
    "certificate_needs_record": False,
    "deregistration_seconds": 0,
    "rollback_new_deployment": False,
    "faults_file": "",
}


class Cloud:
    """A running embedded AWS."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = REGION) -> Any:
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = boto3.client(
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                aws_access_key_id="local",
                aws_secret_access_key="local",
                config=Config(retries={"max_attempts": 0}),
            )
        return self._clients[key]

    def control(self, method: str, what: str, body: Any = None) -> Any:
        """One of the /local-cloud/ calls; an error status comes back as its JSON too."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/local-cloud/{what}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            return {"status": error.code, **json.load(error)}

    def fault(self, kind: str, **options: Any) -> Any:
        added = self.control("POST", "faults", {"kind": kind, **options})
        assert "error" not in added, added
        return added


def launcher(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(LAUNCHER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def until(look: Callable[[], Any], done: Callable[[Any], Any], seconds: float = 10.0) -> Any:
    """Look again and again; the embedded AWS moves only while somebody looks."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if done(seen):
            return seen
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.01)
