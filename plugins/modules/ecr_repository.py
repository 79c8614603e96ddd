# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_repository
short_description: ECR repositories of a stack, with scanning and lifecycle
description:
  - Makes the repositories of a stack and keeps their settings, all in one call.
  - A setting that is left out is not managed. Tag mutability in particular stays what it is, where
    M(community.aws.ecs_ecr) turns an immutable repository mutable.
  - A repository of that name that belongs to somebody else is refused, with its owner named.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  repositories:
    description: The repositories.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The repository's name in the registry.
        type: str
        required: true
      scan:
        description: Whether images are scanned when they are pushed.
        type: bool
      mutability:
        description: Whether a tag may be moved to another image.
        type: str
        choices: [mutable, immutable]
      keep_images:
        description: How many images the lifecycle policy keeps.
        type: int
      keep_days:
        description: After how many days the lifecycle policy removes untagged images.
        type: int
  images_too:
    description: Whether O(state=absent) removes a repository that still holds images. Without it AWS refuses.
    type: bool
    default: false
  state:
    description: V(absent) removes the stack's own repositories of these names.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keep the repositories
  slipway.aws.ecr_repository:
    stack: {name: tvshows, environment: prod, role: ecr}
    repositories:
      - {name: tv-shows-api, scan: true, keep_images: 30}
"""

RETURN = r"""
changes:
  description: The plan, each step with C(action), resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
result:
  description: V(ecr_result) of role ecr, C(repositories) by name with C(arn) and C(uri).
  type: dict
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._ecr.apply import handlers
from ansible_collections.slipway.aws.plugins.module_utils._ecr.describe import read, result
from ansible_collections.slipway.aws.plugins.module_utils._ecr.plan import desired, plan, plan_removal
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import outcome, walk

ARGUMENTS: dict[str, Any] = {
    "repositories": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "scan": {"type": "bool"},
            "mutability": {"type": "str", "choices": ["mutable", "immutable"]},
            "keep_images": {"type": "int"},
            "keep_days": {"type": "int"},
        },
    },
    "images_too": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, items = Stack.of(module.params), Clients.of(module), module.params["repositories"]
    names = [item["name"] for item in items]
    current = read(aws, names)
    if module.params["state"] == "absent":
        changes = plan_removal(current, stack)
    else:
        changes = plan(current, desired(items, stack), stack)
    walk(changes, handlers(aws, current, images_too=module.params["images_too"]), check=module.check_mode)
    after = read(aws, names) if changes and not module.check_mode else current
    return outcome(changes, result=result(after))


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
