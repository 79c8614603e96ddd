# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_cluster
short_description: An ECS cluster with its capacity providers and Container Insights
description:
  - Makes the cluster of a stack and keeps its capacity providers, default strategy and Container Insights setting.
  - M(community.aws.ecs_cluster) has no Container Insights and fails where a cluster has no capacity providers.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  name:
    description: The cluster's name.
    type: str
    required: true
  container_insights:
    description: CloudWatch Container Insights of the cluster.
    type: str
    choices: [enabled, enhanced, disabled]
    default: enabled
  capacity_providers:
    description: The capacity providers that services may use.
    type: list
    elements: str
    default: [FARGATE, FARGATE_SPOT]
  default_strategy:
    description: What runs a service that names no capacity providers; without it, the first of O(capacity_providers).
    type: list
    elements: dict
    default: []
    suboptions:
      provider:
        description: One of O(capacity_providers).
        type: str
        required: true
      weight:
        description: Its share of the tasks beyond O(default_strategy[].base).
        type: int
        default: 0
      base:
        description: How many tasks it runs at least.
        type: int
        default: 0
  state:
    description: V(absent) removes the stack's own cluster. AWS refuses while services or tasks are in it.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keep the cluster
  slipway.aws.ecs_cluster:
    stack: {name: tvshows, environment: prod, role: ecs_services}
    name: tvshows-prod
    container_insights: enabled
    default_strategy:
      - {provider: FARGATE, weight: 1, base: 1}
      - {provider: FARGATE_SPOT, weight: 3}
"""

RETURN = r"""
changes:
  description: The plan, each step with action, resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
cluster:
  description: The cluster's C(name) and C(arn).
  type: dict
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._ecs.cluster.apply import handlers
from ansible_collections.slipway.aws.plugins.module_utils._ecs.cluster.describe import read
from ansible_collections.slipway.aws.plugins.module_utils._ecs.cluster.plan import desired, plan, plan_removal
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import outcome, walk

ARGUMENTS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "container_insights": {"type": "str", "choices": ["enabled", "enhanced", "disabled"], "default": "enabled"},
    "capacity_providers": {"type": "list", "elements": "str", "default": ["FARGATE", "FARGATE_SPOT"]},
    "default_strategy": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "provider": {"type": "str", "required": True},
            "weight": {"type": "int", "default": 0},
            "base": {"type": "int", "default": 0},
        },
    },
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, name = Stack.of(module.params), Clients.of(module), module.params["name"]
    current, wanted = read(aws, name), desired(module.params, stack)
    absent = module.params["state"] == "absent"
    changes = plan_removal(name, current, stack) if absent else plan(name, current, wanted, stack)
    walk(changes, handlers(aws, current, wanted), check=module.check_mode)
    if changes and not module.check_mode:
        current = read(aws, name)
    return outcome(changes, cluster={"name": name, "arn": current["arn"] if current else ""})


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
