# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_info
short_description: Reads everything that a stack has, as its roles return it
description:
  - Returns the result of every role, read from AWS by the stack's tags and names in one process, side by side.
  - Playbooks that do not provision start with it. After a run of the roles both are equal.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  settings:
    description: The variables of the roles. Without it those of the host, with the roles' defaults.
    type: dict
    default: {}
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Read what the stack has
  slipway.aws.stack_info:
    stack: {name: "{{ stack_name }}", environment: "{{ stack_environment }}", role: info}
"""

RETURN = r"""
ansible_facts:
  description: C(networking_result), C(ecr_result) and so on, one for each role.
  type: dict
  returned: always
api_calls:
  description: How many calls to AWS it took.
  type: int
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._info import read_all
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

ARGUMENTS: dict[str, Any] = {"settings": {"type": "dict", "default": {}}}


def run(module: Any) -> dict[str, Any]:
    stack, aws = Stack.of(module.params), Clients.of(module)
    facts = read_all(aws, stack, module.params["settings"])
    return {"changed": False, "ansible_facts": facts, "api_calls": aws.api_calls}


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
