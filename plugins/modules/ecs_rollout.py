# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_rollout
short_description: Sends services to a revision, or gives them new tasks
description:
  - Starts deployments that change nothing but the revision, or nothing at all (O(force)), and returns their ids. It
    does not wait, M(slipway.aws.ecs_deployment_wait) does.
  - For runbooks. M(slipway.aws.ecs_service) keeps everything else of a service as the inventory has it.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  group:
    description: The inventory's names of those that are rolled out together. Without it all that O(service) names.
    type: list
    elements: str
    default: []
  task_definitions:
    description: The ARN to go to by the inventory's name of the service. Without an entry the revision stays.
    type: dict
    default: {}
  force:
    description: Whether a service whose revision stays gets new tasks.
    type: bool
    default: false
extends_documentation_fragment:
  - slipway.aws.stack
  - slipway.aws.operations
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Give service web new tasks
  slipway.aws.ecs_rollout:
    stack: {name: "{{ stack_name }}", environment: "{{ stack_environment }}", role: operations}
    cluster: "{{ ecs_services_result.cluster }}"
    services: "{{ ecs_services_services }}"
    service: web
    force: true
  register: rolled
"""

RETURN = r"""
changes:
  description: The plan, each step with action, resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
rollouts:
  description: >-
    Deployments that this call started or found in progress, as O(slipway.aws.ecs_deployment_wait#module:services)
    takes them.
  type: list
  elements: dict
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._operations import rollout
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import chosen
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import outcome, walk

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "service": {"type": "str", "default": ""},
    "group": {"type": "list", "elements": "str", "default": []},
    "task_definitions": {"type": "dict", "default": {}},
    "force": {"type": "bool", "default": False},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    cluster, group = params["cluster"], params["group"]
    names = chosen(params["services"], stack, params["service"])
    names = {name: ours for name, ours in names.items() if not group or ours in group}
    services = rollout.read(aws, cluster, names, stack) if names else {}
    rollout.require_rolling(services)
    targets = {name: params["task_definitions"].get(ours, "") for name, ours in names.items()}
    changes, answers = rollout.plan(services, targets, force=params["force"]), dict[str, Any]()
    walk(changes, rollout.handlers(aws, cluster, targets, answers), check=module.check_mode)
    return outcome(changes, rollouts=rollout.rollouts([] if module.check_mode else changes, {**services, **answers}))


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
