# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_settings
short_description: Checks the variables of a stack before anything is touched
description:
  - Names every unknown or misspelt variable with the nearest known one and the file it came from, every value of the
    wrong type, and every reference between settings that points at nothing.
  - A variable is known where a role's argument spec has it. A name is unknown where it bears a role's prefix, or is
    within an edit distance of 2 of a known name; other names are the user's own.
  - Runs on the controller and calls nothing.
version_added: 0.1.0
author: Slipway contributors (@slipway)
attributes:
  check_mode:
    support: full
    description: The same, as nothing is changed.
  diff_mode:
    support: none
    description: Nothing is changed.
"""

EXAMPLES = r"""
- name: Check the settings
  slipway.aws.check_settings:
"""

RETURN = r"""
problems:
  description: One sentence for each problem, with the variable and where it was set.
  type: list
  elements: str
  returned: failure
"""
