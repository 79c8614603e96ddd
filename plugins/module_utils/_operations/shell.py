# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A shell in a running task, and a command in a task of its own: what each needs, found and checked. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import epoch
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import last_part

Shape = Mapping[str, Any]
AGENT = "ExecuteCommandAgent"


def container_of(definition: Shape, asked: str) -> str:
    """The container that is meant: the one asked for, else the first essential one."""
    boxes = definition.get("containerDefinitions") or []
    names = [str(box["name"]) for box in boxes]
    if asked and asked not in names:
        raise SlipwayError(
            f"Task definition {last_part(definition.get('taskDefinitionArn'))} has no container {asked}",
            f"it has {', '.join(names)}",
            "Correct -e container=.",
        )
    return asked or next((str(box["name"]) for box in boxes if box.get("essential", True)), names[0])


def require_shell(name: str, service: Shape, definition: Shape) -> None:
    """Raise, naming what is missing, where ECS Exec is off."""
    missing = []
    if not service.get("enableExecuteCommand"):
        missing.append(f"execute_command: true at service {name} in ecs_services_services")
    if not definition.get("taskRoleArn"):
        missing.append("a task role in the task definition")
    if missing:
        raise SlipwayError(
            f"No shell can be opened in service {name}",
            f"ECS Exec is off: {' and '.join(missing)} is missing",
            "Add it and run site.yml, which grants the task role ssmmessages too. Tasks that run already do not get "
            "it: restart the service afterwards (--tags restart).",
        )


def task_of(name: str, tasks: Sequence[Shape], container: str) -> Shape:
    """The newest task in which a shell can be opened."""
    running = sorted(
        (it for it in tasks if it["lastStatus"] == "RUNNING"), key=lambda it: epoch(it.get("startedAt")) or 0.0
    )
    if not running:
        raise SlipwayError(f"Service {name} has no running task", "a shell needs one", "Find out why: --tags diagnose.")
    able = [it for it in running if it.get("enableExecuteCommand")]
    if not able:
        raise SlipwayError(
            f"No task of service {name} takes a shell",
            "they were started before execute_command was switched on",
            "Give it new tasks, --tags restart, and repeat.",
        )
    listening = [it for it in able if agent_state(it, container) in ("RUNNING", "")]
    if not listening:
        raise SlipwayError(
            f"No task of service {name} takes a shell",
            f"the agent in container {container} is {agent_state(able[-1], container)}",
            "A task that has just started gets there within a minute. Otherwise the task role lacks ssmmessages:*, or "
            "the subnets have no way to ssmmessages.",
        )
    return listening[-1]


def agent_state(task: Shape, container: str) -> str:
    """The state of ECS Exec's agent in a container, "" where ECS says nothing of it."""
    for box in task.get("containers") or []:
        if box.get("name") == container:
            agents = box.get("managedAgents") or []
            return next((str(it.get("lastStatus", "")) for it in agents if it.get("name") == AGENT), "")
    return ""


def shell_command(cluster: str, task: Shape, container: str, command: str, region: str) -> str:
    words = ["aws", "ecs", "execute-command", "--region", region, "--cluster", cluster]
    words += ["--task", last_part(task["taskArn"]), "--container", container, "--interactive", "--command", command]
    return shlex.join(words)


def words_of(command: str) -> list[str]:
    """A command line as its words. Raises where there is none, or a quote does not end."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SlipwayError(f"The command cannot be read: {command}", str(error), "Close the quotes.") from error
    if not words:
        raise SlipwayError("There is no command to run", "", 'Give one: -e command="bin/rails db:seed"')
    return words


def request(service: Shape, definition: Shape, container: str, words: Sequence[str]) -> dict[str, Any]:
    """What ecs_task_run takes so that the command runs as a task of the service does: same revision, same network."""
    network = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    strategy = service.get("capacityProviderStrategy") or []
    return {
        "task_definition": str(definition["taskDefinitionArn"]),
        "containers": [{"name": container, "command": list(words)}],
        "subnets": list(network.get("subnets") or []),
        "security_groups": list(network.get("securityGroups") or []),
        "assign_public_ip": network.get("assignPublicIp") == "ENABLED",
        "launch_type": "" if strategy else service.get("launchType") or "FARGATE",
        "capacity_providers": [
            {"name": it["capacityProvider"], "weight": it.get("weight", 0), "base": it.get("base", 0)}
            for it in strategy
        ],
        "platform_version": service.get("platformVersion") or "",
    }
