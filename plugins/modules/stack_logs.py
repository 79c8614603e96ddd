# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_logs
short_description: Log lines of services, and the command that follows them
description:
  - Reads the streams of all containers of the services in all revisions that run, in one order.
  - Where they are is what the running task definitions say.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  container:
    description: One container. Without it all.
    type: str
    default: ""
  since:
    description: How far back, as V(90s), V(15m), V(2h) or V(1d).
    type: str
    default: 15m
  filter:
    description: A filter pattern of CloudWatch Logs, for example V(ERROR) or V({ $.status = 500 }).
    type: str
    default: ""
  lines:
    description: How many lines are shown, the last ones.
    type: int
    default: 100
extends_documentation_fragment:
  - slipway.aws.stack
  - slipway.aws.operations
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Read the errors of the last hour
  slipway.aws.stack_logs:
    stack: {name: "{{ stack_name }}", environment: "{{ stack_environment }}", role: operations}
    cluster: "{{ ecs_services_result.cluster }}"
    services: "{{ ecs_services_services }}"
    since: 1h
    filter: ERROR
"""

RETURN = r"""
lines:
  description: The lines, each with C(at) (seconds since 1970), C(service), C(container), C(task) and C(text).
  type: list
  elements: dict
  returned: always
commands:
  description: What to type to follow them.
  type: list
  elements: str
  returned: always
report:
  description: The same as tables.
  type: list
  elements: dict
  returned: always
api_calls:
  description: How many calls it took.
  type: int
  returned: always
"""

import time
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._operations import api, logs
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import chosen, seconds_of
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "service": {"type": "str", "default": ""},
    "container": {"type": "str", "default": ""},
    "since": {"type": "str", "default": "15m"},
    "filter": {"type": "str", "default": ""},
    "lines": {"type": "int", "default": 100},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    names, ecs = chosen(params["services"], stack, params["service"]), aws.client("ecs")
    start = time.time() - seconds_of(params["since"])
    services = api.services(ecs, params["cluster"], names)
    running = [one["taskDefinition"] for it in services.values() for one in it.get("deployments") or [it]]
    places = logs.sources(services, names, api.definitions(ecs, running), params["container"])
    found, cut = logs.read(aws, places, start=start, pattern=params["filter"], lines=params["lines"])
    commands = logs.follow_commands(places, aws.region, params["since"], params["filter"])
    return {
        "changed": False,
        "lines": [
            {
                "at": it.at,
                "service": it.source.service,
                "container": it.source.container,
                "task": it.task,
                "text": it.text,
            }
            for it in found
        ],
        "commands": commands,
        "report": logs.report(found, commands, cut=cut, since=params["since"]),
        "api_calls": aws.api_calls,
    }


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
