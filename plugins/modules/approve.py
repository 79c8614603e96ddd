# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: approve
short_description: Asks a person to approve a plan
description:
  - Shows the plan of a host and asks for the name of the host, on the terminal of the one who runs it. Every host is
    asked for by itself. Another answer fails the task.
  - Without a terminal it fails, unless the host is named beforehand with C(-e approve=<host>), or several of them with
    commas in between.
  - Runs on the controller. Asks nothing in check mode.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  changes:
    description: The plan, as RV(slipway.aws.ecs_service#module:changes) has it.
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    support: full
    description: Asks nothing.
  diff_mode:
    support: none
    description: Nothing is changed.
"""

EXAMPLES = r"""
- name: Ask for approval
  slipway.aws.approve:
    changes: "{{ plan.changes }}"
"""

RETURN = r"""
approved_by:
  description: C(terminal) or C(-e approve), "" in check mode.
  type: str
  returned: always
"""
