# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_task
short_description: Run the application's own migration as an ECS task, exactly once
description:
  - Runs a command such as C(rails db:migrate) as a one-off task under the stack's lease. However many runners start at
    once, one runs it; the others wait and take its result, success and failure alike.
  - The same release (O(release) and O(command)) never runs twice, and a failed one is not repeated unless O(retry).
  - A run that was killed is taken up by the next one. Its task is found by its C(startedBy); while it runs it is waited
    for, and once it has stopped its exit code is the result.
  - It needs AWS alone, and no way to the database.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  stack:
    description: The stack, as the lease names it, for example V(tvshows-prod).
    type: str
    required: true
  release:
    description: What is released, usually the image's digest. Required but for O(state=unlocked).
    type: str
  cluster:
    description: The cluster's name or ARN.
    type: str
    required: true
  task_definition:
    description: Family, family:revision or ARN. Required for O(state=migrated).
    type: str
  container:
    description: The container that runs the command. Required for O(state=migrated).
    type: str
  command:
    description: The command instead of the task definition's.
    type: list
    elements: str
    default: []
  network:
    description: Where the task runs, for network mode V(awsvpc).
    type: dict
    suboptions:
      subnets:
        description: Subnet ids.
        type: list
        elements: str
        required: true
      security_groups:
        description: Security group ids.
        type: list
        elements: str
        default: []
      assign_public_ip:
        description: Whether the task gets a public address.
        type: bool
        default: false
  launch_type:
    description: Where it runs.
    type: str
    choices: [FARGATE, EC2, EXTERNAL]
    default: FARGATE
  lease_table:
    description: The table with leases and records. Required, unless O(lease) says it.
    type: str
  lease:
    description: The lease that the play holds already, as it was returned. Without it the module takes the stack's.
    type: dict
  lease_seconds:
    description: Seconds that the lease lasts without renewal.
    type: float
    default: 120
  wait_timeout:
    description: Seconds to wait for another runner.
    type: float
    default: 900
  task_timeout:
    description: Seconds that the task may take. Then it is stopped, and STOPPED is confirmed.
    type: float
    default: 1800
  poll_interval:
    description: Seconds between two looks at the task.
    type: float
    default: 5
  log_lines:
    description: How many last log lines of each container are returned. V(0) reads none.
    type: int
    default: 20
  retry:
    description: Whether a release whose migration failed is tried again.
    type: bool
    default: false
  commit:
    description: The commit that is released, for people who look at the lease.
    type: str
    default: ""
  reason:
    description: Why the lease is taken from its holder. Required for O(state=unlocked).
    type: str
  state:
    description:
      - V(migrated) runs the migration, or takes the result of who did.
      - V(status) says what is recorded and who holds the lease.
      - V(unlocked) takes the lease from its holder and gives it back. It is refused while the holder's task runs.
    type: str
    choices: [migrated, status, unlocked]
    default: migrated
attributes:
  check_mode:
    support: full
    description: Says whether the migration would be run, and runs nothing.
  diff_mode:
    support: none
    description: There is nothing to show a difference of.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Migrate the database
  slipway.aws.migration_task:
    stack: tvshows-prod
    release: "{{ image_digest }}"
    cluster: tvshows-prod
    task_definition: tv-shows-api-migration
    container: web
    command: [bundle, exec, rails, "db:migrate"]
    network:
      subnets: [subnet-0a1b2c3d]
      security_groups: [sg-0a1b2c3d]
    lease_table: slipway

- name: Take the lease from a run that is gone
  slipway.aws.migration_task:
    stack: tvshows-prod
    cluster: tvshows-prod
    lease_table: slipway
    state: unlocked
    reason: the laptop was stolen
"""

RETURN = r"""
outcome:
  description:
    - V(ran), V(adopted) where another run's result was taken, V(already_done), V(would_run) in check mode, V(unlocked).
    - The record's phase, or V(never_run), for O(state=status).
  type: str
  returned: always
fence:
  description: The fence under which it was run.
  type: int
  returned: always
holder:
  description: Who ran it, or holds the lease for O(state=status).
  type: str
  returned: always
task_arn:
  description: The task.
  type: str
  returned: always
exit_code:
  description: The exit code of O(container).
  type: int
  returned: always
log_tail:
  description: The last log lines by container.
  type: dict
  returned: always
record:
  description: The run's record, with release, command, attempt, phase, fence, task_arn, exit_code, reason, by, at.
  type: dict
  returned: always
waited_s:
  description: Seconds that the module took.
  type: float
  returned: always
"""

import getpass
import os
import socket
import time
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_run import TaskRun, overrides_of
from ansible_collections.slipway.aws.plugins.module_utils._lease import Holder, Lease
from ansible_collections.slipway.aws.plugins.module_utils._migration.task import Migration

ARGUMENTS: dict[str, Any] = {
    "stack": {"type": "str", "required": True},
    "release": {"type": "str"},
    "cluster": {"type": "str", "required": True},
    "task_definition": {"type": "str"},
    "container": {"type": "str"},
    "command": {"type": "list", "elements": "str", "default": []},
    "network": {
        "type": "dict",
        "options": {
            "subnets": {"type": "list", "elements": "str", "required": True},
            "security_groups": {"type": "list", "elements": "str", "default": []},
            "assign_public_ip": {"type": "bool", "default": False},
        },
    },
    "launch_type": {"type": "str", "choices": ["FARGATE", "EC2", "EXTERNAL"], "default": "FARGATE"},
    "lease_table": {"type": "str"},
    "lease": {"type": "dict"},
    "lease_seconds": {"type": "float", "default": 120},
    "wait_timeout": {"type": "float", "default": 900},
    "task_timeout": {"type": "float", "default": 1800},
    "poll_interval": {"type": "float", "default": 5},
    "log_lines": {"type": "int", "default": 20},
    "retry": {"type": "bool", "default": False},
    "commit": {"type": "str", "default": ""},
    "reason": {"type": "str"},
    "state": {"type": "str", "choices": ["migrated", "status", "unlocked"], "default": "migrated"},
}


def _holder(params: dict[str, Any]) -> Holder:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        user = "unknown"
    place = f"{socket.gethostname()}, process {os.getpid()}"
    return Holder(user, place, "migration", params["commit"], params["release"] or "")


def request_of(params: dict[str, Any], definition: str, token: str, started_by: str) -> dict[str, Any]:
    """The parameters of RunTask, without cluster and count."""
    request: dict[str, Any] = {
        "taskDefinition": definition,
        "clientToken": token,
        "startedBy": started_by,
        "launchType": params["launch_type"],
    }
    if params["command"]:
        request["overrides"] = overrides_of([{"name": params["container"], "command": params["command"]}])
    network = params["network"]
    if network:
        request["networkConfiguration"] = {
            "awsvpcConfiguration": {
                "subnets": network["subnets"],
                "securityGroups": network["security_groups"],
                "assignPublicIp": "ENABLED" if network["assign_public_ip"] else "DISABLED",
            }
        }
    return request


def run(module: Any, aws: Any = None, clock: Any = time) -> dict[str, Any]:
    params, aws = module.params, aws or Clients.of(module)
    dynamodb, handle = aws.client("dynamodb"), params["lease"]
    migration = Migration(
        dynamodb,
        TaskRun(
            aws.client("ecs"),
            params["cluster"],
            logs=aws.client("logs") if params["log_lines"] else None,
            log_lines=params["log_lines"],
            poll_interval=params["poll_interval"],
            clock=clock,
        ),
        table=params["lease_table"] or handle["table"],
        stack=params["stack"],
        release=params["release"] or "",
        command=tuple(params["command"]),
        task_definition=params["task_definition"] or "",
        container=params["container"] or "",
        holder=_holder(params),
        request=lambda definition, token, started_by: request_of(params, definition, token, started_by),
        lease_seconds=params["lease_seconds"],
        wait_timeout=params["wait_timeout"],
        task_timeout=params["task_timeout"],
        retry=params["retry"],
        lease=Lease.of(dynamodb, handle, clock=clock) if handle else None,
        check_mode=module.check_mode,
        clock=clock,
    )
    if params["state"] == "migrated":
        return migration.migrated()
    return migration.status() if params["state"] == "status" else migration.unlocked(params["reason"])


def main() -> None:
    module = aws_module(
        ARGUMENTS,
        stack=False,
        required_one_of=[("lease_table", "lease")],
        required_if=[
            ("state", "migrated", ("release", "task_definition", "container")),
            ("state", "status", ("release",)),
            ("state", "unlocked", ("reason",)),
        ],
    )
    execute(module, run)


if __name__ == "__main__":
    main()
