# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  stack:
    description:
      - The stack that the resources belong to. Everything that is made gets the tags C(slipway:stack),
        C(slipway:environment) and C(slipway:role); what bears other tags is never changed.
    type: dict
    required: true
    suboptions:
      name:
        description: The stack's name, for example V(tvshows).
        type: str
        required: true
      environment:
        description: The environment, for example V(prod).
        type: str
        required: true
      role:
        description: The role that owns the resources, for example V(networking).
        type: str
        required: true
      tags:
        description: More tags for every resource that is made.
        type: dict
        default: {}
attributes:
  check_mode:
    support: full
    description: Prints the changes that a real run would make, and makes none.
  diff_mode:
    support: full
    description: Shows what differs, before and after.
extends_documentation_fragment: []
"""

    RETURN = r""
