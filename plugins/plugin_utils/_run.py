# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a run is, and the lease that it asks for. On the controller."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._lease import SECONDS, Holder
from ansible_collections.slipway.aws.plugins.module_utils._under_lease import Wish

LEASE_TABLE = "slipway-leases"
WAIT = 600
# Where a pipeline says which of its jobs this is.
_JOBS = ("CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "JOB_ID")


def identity(inventory: str) -> dict[str, str]:
    """{owner, who, place, commit}: owner is this run's alone; commit is the inventory's, "" where it has none."""
    return {"owner": uuid.uuid4().hex, "who": _user(), "place": _place(), "commit": _commit(inventory)}


def lease_wish(given: Mapping[str, Any], template: Callable[[Any], Any]) -> Wish | None:
    """The lease for a task of a play that has one: its vars say slipway_purpose, and check_account has run."""
    facts = given.get("ansible_facts", {})
    purpose, run = given.get("slipway_purpose"), facts.get("slipway_run")
    if not purpose or not run:
        return None
    host = str(given.get("inventory_hostname", ""))
    return Wish(
        table=str(template(given.get("account_lease_table", LEASE_TABLE))),
        stack=f"{template(given.get('stack_name', host))}-{template(given.get('stack_environment', ''))}",
        owner=str(run["owner"]),
        holder=Holder(who=run["who"], place=run["place"], commit=run["commit"], purpose=str(template(purpose))),
        wait=float(template(given.get("stack_lease_wait", WAIT))),
        duration=float(template(given.get("stack_lease_duration", SECONDS))),
        takeover=given.get("takeover") == host,
        handle=facts.get("slipway_lease") or {},
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return f"uid {os.getuid()}"


def _place() -> str:
    """The job of a pipeline, else the machine and the process of ansible-playbook, whose child this is."""
    github = [os.environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    if all(github):
        return "{}/{}/actions/runs/{}".format(*github)
    job = next((os.environ[name] for name in _JOBS if os.environ.get(name)), "")
    return job or f"{socket.gethostname()}, process {os.getppid()}"


def _commit(inventory: str) -> str:
    command = ["git", "-C", inventory, "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
