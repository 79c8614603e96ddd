# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_verbs
short_description: Refuses an unknown verb, and one that changes more stacks than was said
description:
  - The guard of C(playbooks/operations.yml), in which the tags of the run are verbs. Ansible itself says nothing about
    a tag that does not exist.
  - Without a verb it prints their list. An unknown one fails with the nearest. Two verbs that change the stack in one
    run fail, and one on more than one host does unless the variable C(stacks) is V(all).
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  verb:
    description: The verb of this playbook. Without it the tags of the run.
    type: str
attributes:
  check_mode:
    support: full
    description: The same, as nothing is changed.
  diff_mode:
    support: none
    description: Nothing is changed.
"""

EXAMPLES = r"""
- name: Know the verbs
  slipway.aws.check_verbs:
"""

RETURN = r"""
verbs:
  description: All verbs.
  type: list
  elements: str
  returned: always
report:
  description: The verbs as a table.
  type: list
  elements: dict
  returned: without a verb, or with one that is near none
"""
