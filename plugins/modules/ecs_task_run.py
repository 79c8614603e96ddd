# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_task_run
short_description: Runs a one-off ECS task to its end
description:
  - Starts a task, follows it until it is STOPPED, and fails unless every essential container ended with exit code 0.
  - A task that was stopped before it started, by a person, by Spot or with its host is a failure too.
  - After O(timeout) the task is stopped, and STOPPED is confirmed before the module returns.
  - RunTask always bears a client token, so that a repeated call never starts a second task.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  cluster:
    description: The cluster's name or ARN.
    type: str
    required: true
  task_definition:
    description: Family, family:revision or ARN. A family alone is its latest revision.
    type: str
    required: true
  containers:
    description: What is different in this run, by container.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The container's name in the task definition.
        type: str
        required: true
      command:
        description: The command instead of the image's or the task definition's.
        type: list
        elements: str
      environment:
        description: Variables on top of the task definition's. Nothing secret belongs here, ECS shows it to anybody.
        type: dict
      cpu:
        description: CPU units of the container.
        type: int
      memory:
        description: Memory of the container in MiB.
        type: int
  cpu:
    description: CPU units of the whole task.
    type: str
  memory:
    description: Memory of the whole task in MiB.
    type: str
  subnets:
    description: Subnet ids, for task definitions with network mode V(awsvpc).
    type: list
    elements: str
    default: []
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
    description: Where it runs, unless O(capacity_providers) says.
    type: str
    choices: [FARGATE, EC2, EXTERNAL]
  capacity_providers:
    description: The strategy instead of a launch type.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The capacity provider.
        type: str
        required: true
      weight:
        description: Its weight.
        type: int
        default: 1
      base:
        description: How many tasks it gets first.
        type: int
        default: 0
  platform_version:
    description: The Fargate platform version.
    type: str
  client_token:
    description:
      - A token of up to 64 characters. A second call with the same token finds the first one's task and follows it.
      - Made up where it is left out, and returned.
    type: str
  started_by:
    description: What the task's C(startedBy) shows.
    type: str
    default: slipway
  tags:
    description: Tags of the task.
    type: dict
    default: {}
  timeout:
    description: Seconds that the task may take.
    type: int
    default: 900
  stop_timeout:
    description: Seconds in which a stopped task must be seen STOPPED.
    type: int
    default: 180
  poll_interval:
    description: Seconds between two looks.
    type: float
    default: 5.0
  log_lines:
    description: How many last log lines of each container are returned. V(0) reads none.
    type: int
    default: 20
attributes:
  check_mode:
    description: Resolves cluster, task definition and containers, and runs nothing.
    support: full
  diff_mode:
    description: There is nothing to show a difference of.
    support: none
  idempotent:
    description: Each call runs the task, unless O(client_token) is the same.
    support: partial
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Fill the search index
  slipway.aws.ecs_task_run:
    cluster: tvshows-prod
    task_definition: tv-shows-api
    containers:
      - name: web
        command: [bundle, exec, rails, "search:reindex"]
    subnets: [subnet-0a1b2c3d]
    security_groups: [sg-0a1b2c3d]
    launch_type: FARGATE
    timeout: 1800
"""

RETURN = r"""
task_arn:
  description: The task, "" in check mode.
  type: str
  returned: always
task_definition:
  description: ARN of the revision that was run.
  type: str
  returned: always
client_token:
  description: The token with which it was started.
  type: str
  returned: always
outcome:
  description: V(succeeded), or V(failed) or V(timed_out) where the module fails; null in check mode.
  type: str
  returned: always
exit_codes:
  description: Exit code by container, null for one that never ran.
  type: dict
  returned: always
reason:
  description: Why it failed, with C(code), C(class), C(text) and C(hint); null where it did not.
  type: dict
  returned: always
log_tail:
  description: The last log lines by container.
  type: dict
  returned: always
seconds:
  description: How long it took.
  type: float
  returned: always
api_calls:
  description: How many calls it took.
  type: int
  returned: always
"""

import time
import uuid
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils import _step
from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_run import TaskRun, overrides_of, require
from ansible_collections.slipway.aws.plugins.module_utils._ecs.telling import task_told
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "task_definition": {"type": "str", "required": True},
    "containers": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "command": {"type": "list", "elements": "str"},
            "environment": {"type": "dict"},
            "cpu": {"type": "int"},
            "memory": {"type": "int"},
        },
    },
    "cpu": {"type": "str"},
    "memory": {"type": "str"},
    "subnets": {"type": "list", "elements": "str", "default": []},
    "security_groups": {"type": "list", "elements": "str", "default": []},
    "assign_public_ip": {"type": "bool", "default": False},
    "launch_type": {"type": "str", "choices": ["FARGATE", "EC2", "EXTERNAL"]},
    "capacity_providers": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "weight": {"type": "int", "default": 1},
            "base": {"type": "int", "default": 0},
        },
    },
    "platform_version": {"type": "str"},
    "client_token": {"type": "str", "no_log": False},
    "started_by": {"type": "str", "default": "slipway"},
    "tags": {"type": "dict", "default": {}},
    "timeout": {"type": "int", "default": 900},
    "stop_timeout": {"type": "int", "default": 180},
    "poll_interval": {"type": "float", "default": 5.0},
    "log_lines": {"type": "int", "default": 20},
}


def request_of(params: dict[str, Any], definition: str, token: str) -> dict[str, Any]:
    """The parameters of RunTask, without cluster and count."""
    providers = [
        {"capacityProvider": one["name"], "weight": one["weight"], "base": one["base"]}
        for one in params["capacity_providers"]
    ]
    network = {
        "subnets": params["subnets"],
        "securityGroups": params["security_groups"],
        "assignPublicIp": "ENABLED" if params["assign_public_ip"] else "DISABLED",
    }
    request = {
        "taskDefinition": definition,
        "clientToken": token,
        "startedBy": params["started_by"][:128],
        "overrides": overrides_of(params["containers"], cpu=params["cpu"], memory=params["memory"]),
        "networkConfiguration": {"awsvpcConfiguration": network} if params["subnets"] else None,
        "launchType": None if providers else params["launch_type"],
        "capacityProviderStrategy": providers,
        "platformVersion": params["platform_version"],
        "tags": tag_list({str(key): str(value) for key, value in params["tags"].items()}, "key", "value"),
    }
    return {key: value for key, value in request.items() if value}


def run(module: Any, aws: Any = None, clock: Any = time) -> dict[str, Any]:
    params, aws = module.params, aws or Clients.of(module)
    token = params["client_token"] or uuid.uuid4().hex
    work = TaskRun(
        aws.client("ecs"),
        params["cluster"],
        logs=aws.client("logs") if params["log_lines"] else None,
        log_lines=params["log_lines"],
        poll_interval=params["poll_interval"],
        clock=clock,
        beat=_step.beat,
    )
    definition = work.definition(params["task_definition"])
    request = request_of(params, definition["taskDefinitionArn"], token)
    require(work, definition, request)
    if module.check_mode:
        empty: dict[str, Any] = {"outcome": None, "exit_codes": {}, "reason": None, "log_tail": {}, "seconds": 0.0}
        known = {"task_arn": "", "task_definition": definition["taskDefinitionArn"], "api_calls": work.eyes.calls}
        return {"changed": True, "client_token": token, **known, **empty}
    _step.begin()
    arn = work.start(request)
    result = work.to_the_end(arn, definition, timeout=params["timeout"], stop_timeout=params["stop_timeout"])
    if result.outcome != "succeeded":
        raise SlipwayError(*task_told(result, params["cluster"]), changed=True, client_token=token, **result.as_dict())
    return {"changed": True, "client_token": token, **result.as_dict()}


def main() -> None:
    execute(aws_module(ARGUMENTS, stack=False), run)


if __name__ == "__main__":
    main()
