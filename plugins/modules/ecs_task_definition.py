# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_task_definition
short_description: Task definitions of a stack, a new revision where one differs
description:
  - Registers a new revision of each task definition that differs from its family's latest active one, in any field.
  - M(community.aws.ecs_taskdefinition) compares the length of lists only, so a changed environment value, command or
    secret goes unnoticed, and it may take up an old revision.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  task_definitions:
    description: The task definitions, as the variable C(ecs_services_task_definitions) has them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The family.
        type: str
        required: true
      cpu:
        description: CPU units of the task, 1024 to a vCPU.
        type: int
        required: true
      memory:
        description: Memory of the task in MiB.
        type: int
        required: true
      architecture:
        description: The CPU architecture. Without it X86_64.
        type: str
        choices: [X86_64, ARM64]
      execution_role:
        description: Name of the role with which ECS starts the task, or its ARN. Without it V(execution).
        type: str
      task_role:
        description: Name of the role that the containers have, or its ARN. Without it V(task).
        type: str
      ephemeral_storage:
        description: Disk of the task in GiB, 21 to 200. Without it Fargate gives 20.
        type: int
      volumes:
        description: Volumes that containers may mount.
        type: list
        elements: dict
        suboptions:
          name:
            description: The volume's name.
            type: str
            required: true
          efs:
            description: An EFS file system; without it the volume is empty at the start.
            type: dict
            suboptions:
              file_system_id:
                description: The file system's id.
                type: str
                required: true
              access_point_id:
                description: An access point's id; its role permissions are used then.
                type: str
              root:
                description: The directory that is mounted, where no access point is given.
                type: str
      containers:
        description: The containers of the task.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: The container's name.
            type: str
            required: true
          image:
            description: A repository of this stack (its digest comes from the release), or a full reference.
            type: str
            required: true
          essential:
            description: Whether the task stops with this container. Without it it does.
            type: bool
          command:
            description: The command.
            type: list
            elements: str
          entry_point:
            description: The entry point.
            type: list
            elements: str
          ports:
            description: Container ports, each a number or C(port), C(protocol), C(name).
            type: list
            elements: raw
          environment:
            description: Environment variables.
            type: dict
          secrets:
            description: "Environment variables from secrets, each V(name) or V(name#key) for a key of a JSON secret."
            type: dict
          health_check:
            description: The container's health check; times are seconds.
            type: dict
            suboptions:
              command:
                description: A shell command, or a list as Docker takes it.
                type: raw
                required: true
              interval:
                description: Seconds between two checks.
                type: int
              timeout:
                description: Seconds that a check may take.
                type: int
              retries:
                description: How many failures in a row make the container unhealthy.
                type: int
              start_period:
                description: Seconds after the start in which failures do not count.
                type: int
          depends_on:
            description: "Containers to wait for and their condition: start, complete, success or healthy."
            type: dict
          cpu:
            description: CPU units reserved for the container.
            type: int
          memory:
            description: Memory in MiB above which the container is killed.
            type: int
          memory_reservation:
            description: Memory in MiB reserved for the container.
            type: int
          user:
            description: The user in the container.
            type: str
          working_directory:
            description: The working directory.
            type: str
          read_only:
            description: Whether the root file system is read-only.
            type: bool
          init:
            description: Whether an init process reaps zombies (a must for ECS Exec).
            type: bool
          stop_timeout:
            description: Seconds between SIGTERM and SIGKILL, at most 120.
            type: int
          start_timeout:
            description: Seconds to wait for the containers this one depends on.
            type: int
          labels:
            description: Docker labels.
            type: dict
          ulimits:
            description: Limits by name, for example C(nofile).
            type: dict
          mounts:
            description: Volumes of the task that are mounted.
            type: list
            elements: dict
            suboptions:
              volume:
                description: Name of a volume of the task.
                type: str
                required: true
              path:
                description: Where it is mounted.
                type: str
                required: true
              read_only:
                description: Whether it is mounted read-only.
                type: bool
          log_group:
            description: A log group of its own instead of the stack's.
            type: str
  images:
    description: The image of each repository of the stack, a reference with a digest.
    type: dict
    default: {}
  secrets:
    description: The ARN of each secret of the stack. Names and ARNs, no values.
    type: dict
    default: {}
  roles:
    description: The ARN of each role of the stack.
    type: dict
    default: {}
  log_group:
    description: The log group of containers that name none.
    type: str
    default: ""
  running:
    description: >-
      The revisions that services run, by task definition. One that is as wanted is kept, though a later revision
      exists, so that a run after a rollback releases nothing.
    type: dict
    default: {}
  state:
    description: V(absent) deregisters all active revisions of the families that are the stack's own.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Register what differs
  slipway.aws.ecs_task_definition:
    stack: {name: tvshows, environment: prod, role: ecs_services}
    task_definitions:
      - name: tv-shows-api
        cpu: 512
        memory: 1024
        containers:
          - {name: web, image: tv-shows-api, ports: [3000], secrets: {DATABASE_URL: tv-shows-api/database-url}}
    images: {tv-shows-api: "111122223333.dkr.ecr.us-east-1.amazonaws.com/tv-shows-api@sha256:…"}
    secrets: {tv-shows-api/database-url: "arn:aws:secretsmanager:…"}
    roles: {execution: "arn:aws:iam::…", task: "arn:aws:iam::…"}
    log_group: /ecs/tv-shows-api
"""

RETURN = r"""
changes:
  description: The plan, each step with action, resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
task_definitions:
  description: The ARN of the latest active revision of each family; empty where check mode would register the first.
  type: dict
  returned: always
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, each, execute, tag_dict
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition.apply import handlers, remove
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition.describe import read
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition.plan import (
    kept,
    plan,
    plan_removal,
    problems,
)
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition.render import Surroundings, render
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import outcome, walk

ARGUMENTS: dict[str, Any] = {
    "task_definitions": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "cpu": {"type": "int", "required": True},
            "memory": {"type": "int", "required": True},
            "architecture": {"type": "str", "choices": ["X86_64", "ARM64"]},
            "execution_role": {"type": "str"},
            "task_role": {"type": "str"},
            "ephemeral_storage": {"type": "int"},
            "volumes": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "efs": {
                        "type": "dict",
                        "options": {
                            "file_system_id": {"type": "str", "required": True},
                            "access_point_id": {"type": "str"},
                            "root": {"type": "str"},
                        },
                    },
                },
            },
            "containers": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "image": {"type": "str", "required": True},
                    "essential": {"type": "bool"},
                    "command": {"type": "list", "elements": "str"},
                    "entry_point": {"type": "list", "elements": "str"},
                    "ports": {"type": "list", "elements": "raw"},
                    "environment": {"type": "dict"},
                    "secrets": {"type": "dict", "no_log": False},
                    "health_check": {
                        "type": "dict",
                        "options": {
                            "command": {"type": "raw", "required": True},
                            "interval": {"type": "int"},
                            "timeout": {"type": "int"},
                            "retries": {"type": "int"},
                            "start_period": {"type": "int"},
                        },
                    },
                    "depends_on": {"type": "dict"},
                    "cpu": {"type": "int"},
                    "memory": {"type": "int"},
                    "memory_reservation": {"type": "int"},
                    "user": {"type": "str"},
                    "working_directory": {"type": "str"},
                    "read_only": {"type": "bool"},
                    "init": {"type": "bool"},
                    "stop_timeout": {"type": "int"},
                    "start_timeout": {"type": "int"},
                    "labels": {"type": "dict"},
                    "ulimits": {"type": "dict"},
                    "mounts": {
                        "type": "list",
                        "elements": "dict",
                        "options": {
                            "volume": {"type": "str", "required": True},
                            "path": {"type": "str", "required": True},
                            "read_only": {"type": "bool"},
                        },
                    },
                    "log_group": {"type": "str"},
                },
            },
        },
    },
    "images": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": False},
    "roles": {"type": "dict", "default": {}},
    "log_group": {"type": "str", "default": ""},
    "running": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    families = [item["name"] for item in params["task_definitions"]]
    current = read(aws, families)
    if params["state"] == "absent":
        return run_removal(aws, current, stack, check=module.check_mode)
    wrong = problems(params["task_definitions"])
    if wrong:
        raise SlipwayError("The task definitions cannot work", "; ".join(wrong), "Nothing was changed.")
    around = Surroundings(aws.region, params["log_group"], params["images"], params["secrets"], params["roles"])
    wanted = {item["name"]: render(item, around) for item in params["task_definitions"]}
    known: dict[str, Mapping[str, Any]] = {**current, **kept(read_running(aws, params["running"]), wanted)}
    changes, registered = plan(known, wanted, stack), dict[str, dict[str, Any]]()
    walk(changes, handlers(aws, wanted, stack, registered), check=module.check_mode)
    latest: dict[str, Mapping[str, Any]] = {**known, **registered}
    arns = {family: latest[family]["taskDefinitionArn"] if family in latest else "" for family in families}
    return outcome(changes, task_definitions=arns)


def read_running(aws: Clients, running: Mapping[str, str]) -> dict[str, Any]:
    ecs, families = aws.client("ecs"), list(running)
    found = each(lambda family: api.task_definition(ecs, running[family]), families)
    return {family: it for family, it in zip(families, found, strict=True) if it is not None}


def run_removal(aws: Clients, current: Mapping[str, Any], stack: Stack, *, check: bool) -> dict[str, Any]:
    ecs = aws.client("ecs")
    ours = [name for name, it in current.items() if stack.owns(tag_dict(it.get("tags"), "key", "value"))]
    revisions = dict(zip(ours, each(lambda family: api.active_revisions(ecs, family), ours), strict=True))
    changes = plan_removal(revisions)
    if not check:
        remove(aws, revisions)
    return outcome(changes, task_definitions={})


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
