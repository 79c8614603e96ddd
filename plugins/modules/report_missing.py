# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report_missing
short_description: Ends a run that a person has to continue
description: Fails with what is missing and the commands that mend it. Without anything missing it does nothing.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  missing:
    description: What is missing.
    type: list
    elements: dict
    required: true
    suboptions:
      what:
        description: What it is.
        type: str
        required: true
      how:
        description: The commands, or the record to set.
        type: list
        elements: str
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
- name: Say what a person still has to do
  slipway.aws.report_missing:
    missing: "{{ slipway_missing }}"
"""

RETURN = r"""
missing:
  description: What is missing, as it was given.
  type: list
  elements: dict
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, Any] = {
    "missing": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "what": {"type": "str", "required": True},
            "how": {"type": "list", "elements": "str", "required": True},
        },
    },
}


def message(missing: list[dict[str, Any]]) -> str:
    lines = ["Everything else is built. Still missing, for a person to do:"]
    for item in missing:
        lines += [f"  - {item['what']}", *[f"      {command}" for command in item["how"]]]
    return "\n".join([*lines, "Then repeat the run, it goes on from here."])


def run(module: AnsibleModule) -> dict[str, Any]:
    return {"changed": False, "missing": module.params["missing"]}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    result = run(module)
    if result["missing"]:
        module.fail_json(msg=message(result["missing"]), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
