# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = r"""
name: missing_secrets
short_description: Hand-set secrets that nobody has set yet
version_added: 0.1.0
author: Slipway contributors (@slipway)
description: From C(secrets_result) the secrets of kind C(manual) without a value, each with the command that sets it.
positional: region
options:
  _input:
    description: C(secrets_result).
    type: dict
    required: true
  region:
    description: The stack's region.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: What a person has to set
  ansible.builtin.debug:
    msg: "{{ secrets_result | slipway.aws.missing_secrets(stack_region) }}"
"""

RETURN = r"""
_value:
  description: A list of C(what) and C(how), a list of commands.
  type: list
  elements: dict
"""


def missing_secrets(result: Mapping[str, Any], region: str) -> list[dict[str, Any]]:
    return [
        {
            "what": f"the value of secret {name}, which is set by hand",
            # typed or piped in: the value stays out of the shell's history and the process list
            "how": [
                f"aws secretsmanager put-secret-value --region {region} --secret-id {name}"
                " --secret-string file:///dev/stdin"
            ],
        }
        for name, secret in result.get("secrets", {}).items()
        if secret["kind"] == "manual" and not secret["has_value"]
    ]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"missing_secrets": missing_secrets}
