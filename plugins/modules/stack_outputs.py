# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_outputs
short_description: A table of what a stack has, for people
description: Shapes the results of the roles into rows of addresses, services, stores and alarms. Calls nothing.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  title:
    description: The table's title.
    type: str
    required: true
  results:
    description: The roles' results by the role's name, V(alb) for C(alb_result).
    type: dict
    required: true
attributes:
  check_mode:
    support: full
    description: The same, as nothing is changed.
  diff_mode:
    support: none
    description: Nothing is changed.
"""

EXAMPLES = r"""
- name: Show what is there
  slipway.aws.stack_outputs:
    title: tvshows-prod
    results: {alb: "{{ alb_result }}", ecs_services: "{{ ecs_services_result }}"}
"""

RETURN = r"""
outputs:
  description: The rows, each C(what) and C(value).
  type: list
  elements: dict
  returned: always
report:
  description: The same as a table.
  type: list
  elements: dict
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.slipway.aws.plugins.module_utils._outputs import outputs

ARGUMENTS: dict[str, Any] = {
    "title": {"type": "str", "required": True},
    "results": {"type": "dict", "required": True},
}


def run(module: AnsibleModule) -> dict[str, Any]:
    rows = outputs(module.params["results"])
    return {
        "changed": False,
        "outputs": [{"what": what, "value": value} for what, value in rows],
        "report": [
            {"title": module.params["title"], "columns": ["what", "value"], "rows": [list(row) for row in rows]}
        ],
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
