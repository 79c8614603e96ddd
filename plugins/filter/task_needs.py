# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._iam.uses import needs

DOCUMENTATION = r"""
name: task_needs
short_description: What task definitions need of their execution role
version_added: 0.1.0
author: Slipway contributors (@slipway)
description: From C(ecs_services_task_definitions) the secrets and the log groups of the containers that ECS starts.
positional: role
options:
  _input:
    description: C(ecs_services_task_definitions).
    type: list
    elements: dict
    required: true
  role:
    description: Only task definitions that start with the role of this name.
    type: str
    default: execution
"""

EXAMPLES = r"""
- name: The secrets that containers are given
  ansible.builtin.debug:
    msg: "{{ (ecs_services_task_definitions | slipway.aws.task_needs).secrets }}"
"""

RETURN = r"""
_value:
  description: C(secrets) by name or ARN, and C(log_groups).
  type: dict
"""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"task_needs": needs}
