# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = r"""
name: field
short_description: One field of every item of a dictionary of dictionaries
version_added: 0.1.0
author: Slipway contributors (@slipway)
description:
  - "Turns C({name: {field: value, …}}) into C({name: value}). An item without the field is left out."
positional: field
options:
  _input:
    description: A dictionary of dictionaries.
    type: dict
    required: true
  field:
    description: The field.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: The ARNs of the secrets by their names
  ansible.builtin.debug:
    msg: "{{ secrets_result.secrets | slipway.aws.field('arn') }}"
"""

RETURN = r"""
_value:
  description: The field of each item, by the item's name.
  type: dict
"""


def field(items: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    return {key: item[name] for key, item in items.items() if name in item}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"field": field}
