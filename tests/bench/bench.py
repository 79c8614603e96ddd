# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run costs: seconds, CPU, API calls and tasks of a first, a second and a check run, and of a release.

    python tests/bench/bench.py [--runs 3] [--latency 0 60] [--write]

It starts an embedded AWS of its own, counts calls there, and compares with the same stack as plain tasks of amazon.aws
and community.aws, and in bare boto3. --write puts the table into docs/bench.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "extensions" / "local_cloud" / "launcher.py"
BIN = Path(sys.executable).parent
STACK = "tvshows-local"


@dataclass(frozen=True)
class Reference:
    """A second run of the same stack written otherwise, measured on two cores: seconds and calls, nothing to change."""

    name: str
    seconds: dict[int, float]  # by latency in ms
    calls: int


REFERENCES = (
    Reference("plain tasks of amazon.aws and community.aws", {0: 26.2, 60: 40.0}, 218),
    Reference("bare boto3, everything read in threads", {0: 0.61, 60: 0.71}, 37),
)


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float
    calls: int
    tasks: int
    changed: int


class Cloud:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.endpoint}{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def calls(self) -> int:
        return int(self.ask("/local-cloud/calls?reset=1", method="GET")["total"])


@contextmanager
def embedded_aws() -> Iterator[tuple[Cloud, str]]:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, str(LAUNCHER)]
        options = ["--directory", directory]
        subprocess.run(
            [*command, "start", *options, "--account-id", "111122223333"], check=True, stdout=subprocess.DEVNULL
        )
        try:
            state = json.loads((Path(directory) / "local_cloud.json").read_text())
            yield Cloud(state["endpoint"]), directory
        finally:
            subprocess.run([*command, "stop", *options], check=True, stdout=subprocess.DEVNULL)


def environ() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_"))}
    return {**kept, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "PATH": f"{BIN}:{kept['PATH']}"}


def playbook(cloud: Cloud, name: str) -> list[str]:
    return ["ansible-playbook", name, "-i", "inventories/local", "-e", f"local_cloud_endpoint={cloud.endpoint}"]


def play(cloud: Cloud, name: str, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [*playbook(cloud, name), *options],
        cwd=ROOT,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return done.returncode, done.stdout + done.stderr


def measured(cloud: Cloud, *options: str) -> Cost:
    """One run of site.yml that has to succeed."""
    cloud.calls()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    code, text = play(cloud, "site.yml", *options)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        sys.exit(f"The run failed:\n{text}")
    recap = re.search(rf"^{STACK} +: ok=(\d+) +changed=(\d+).*?skipped=(\d+)", text, re.MULTILINE)
    if recap is None:
        sys.exit(f"The run printed no recap:\n{text}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, cloud.calls(), int(recap[1]) + int(recap[3]), int(recap[2]))


def median(costs: list[Cost]) -> Cost:
    fields = ("wall", "cpu", "calls", "tasks", "changed")
    return Cost(*(type(getattr(costs[0], it))(statistics.median(getattr(c, it) for c in costs)) for it in fields))


def seed(cloud: Cloud, directory: str) -> None:
    """What a person gives, so that the first run is a whole one."""
    code, text = play(cloud, "tests/bench/seed.yml", "-e", f"local_cloud_directory={directory}")
    if code:
        sys.exit(f"Seeding failed:\n{text}")


@dataclass(frozen=True)
class Release:
    """Seconds of deploy.yml: until UpdateService, of the rollout itself, and after it; and its API calls."""

    before: float
    rollout: float
    after: float
    calls: int


def release(cloud: Cloud, directory: str) -> Release:
    """Two releases: one to count the calls, one to watch from outside, which makes calls of its own."""
    push(cloud, directory, "bench-1")
    cloud.calls()
    deploy(cloud, "bench-1").communicate()
    calls = cloud.calls()
    push(cloud, directory, "bench-2")
    ecs = client(cloud, "ecs")

    def primary() -> dict[str, Any]:
        found = ecs.describe_services(cluster="tv-shows-api-cluster", services=["tv-shows-api-web"])["services"][0]
        return dict(next(it for it in found["deployments"] if it["status"] == "PRIMARY"))

    old, start = primary()["id"], time.perf_counter()
    process = deploy(cloud, "bench-2")
    updated = completed = 0.0
    while process.poll() is None:
        now = primary()
        if not updated and now["id"] != old:
            updated = time.perf_counter()
        if updated and not completed and now["rolloutState"] == "COMPLETED":
            completed = time.perf_counter()
        time.sleep(0.02)
    end = time.perf_counter()
    if process.returncode or not (updated and completed):
        sys.exit(f"The release failed:\n{process.communicate()[0]}")
    return Release(updated - start, completed - updated, end - completed, calls)


def client(cloud: Cloud, service: str) -> Any:
    keys = {"aws_access_key_id": "embedded-aws", "aws_secret_access_key": "embedded-aws-takes-any-key"}
    return boto3.client(service, region_name="us-east-1", endpoint_url=cloud.endpoint, **keys)


def push(cloud: Cloud, directory: str, tag: str) -> None:
    images = json.dumps({"local_cloud_images": [{"repository": "tv-shows-api", "tag": tag}]})
    code, text = play(cloud, "tests/bench/seed.yml", "-e", f"local_cloud_directory={directory}", "-e", images)
    if code:
        sys.exit(f"Pushing {tag} failed:\n{text}")


def deploy(cloud: Cloud, tag: str) -> subprocess.Popen[str]:
    command = [*playbook(cloud, "playbooks/deploy.yml"), "-e", f"image_tag={tag}"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environ(), stdout=pipe, stderr=subprocess.STDOUT, text=True)


def bench(latency: int, runs: int) -> tuple[dict[str, Cost], Release]:
    with embedded_aws() as (cloud, directory):
        cloud.ask("/local-cloud/settings", {"latency_ms": latency})
        check = measured(cloud, "--check")
        seed(cloud, directory)
        first = measured(cloud)
        second = median([measured(cloud) for _ in range(runs)])
        if second.changed:
            sys.exit(f"A second run changed {second.changed} things")
        costs = {"check run, empty account": check, "first run": first, "second run": second}
        return costs, release(cloud, directory)


def rows(latency: int, costs: dict[str, Cost]) -> list[list[str]]:
    return [
        [name, str(latency), f"{it.wall:.1f}", f"{it.cpu:.1f}", str(it.calls), str(it.tasks), str(it.changed)]
        for name, it in costs.items()
    ]


def ratios(latency: int, second: Cost) -> list[list[str]]:
    return [
        [
            reference.name,
            str(latency),
            f"{reference.seconds[latency]:.2f}",
            f"{second.wall / reference.seconds[latency]:.2f}",
            str(reference.calls),
            f"{second.calls / reference.calls:.2f}",
        ]
        for reference in REFERENCES
        if latency in reference.seconds
    ]


def table(columns: list[str], body: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


RUNS = ["run", "ms a call", "seconds", "CPU seconds", "API calls", "tasks", "changed"]
RATIOS = ["second run of the same stack as", "ms a call", "seconds", "ours / theirs", "API calls", "ours / theirs"]
RELEASE = ["release, ms a call", "seconds to UpdateService", "rollout itself", "beyond the rollout", "API calls"]


def main() -> None:
    parser = argparse.ArgumentParser(description="What a run costs.")
    parser.add_argument("--runs", type=int, default=3, help="second runs, of which the median counts")
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 60], help="milliseconds added to every call")
    parser.add_argument("--write", action="store_true", help="write docs/bench.md")
    options = parser.parse_args()
    body: list[list[str]] = []
    compared: list[list[str]] = []
    released: list[list[str]] = []
    for latency in options.latency:
        costs, one = bench(latency, options.runs)
        body += rows(latency, costs)
        compared += ratios(latency, costs["second run"])
        times = [f"{seconds:.1f}" for seconds in (one.before, one.rollout, one.after)]
        released.append([str(latency), *times, str(one.calls)])
    text = "\n\n".join([table(RUNS, body), table(RATIOS, compared), table(RELEASE, released)])
    print(text)
    if options.write:
        page = ROOT / "docs" / "bench.md"
        head, mark, _old = page.read_text().partition("<!-- make bench -->\n")
        page.write_text(f"{head}{mark}\n{text}\n")


if __name__ == "__main__":
    main()
