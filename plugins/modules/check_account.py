# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_account
short_description: Refuses credentials of another account
description:
  - Asks AWS whose the credentials are, with M(amazon.aws.aws_caller_info), and fails where they are of another account
    than the stack's.
  - Says who this run is, as the fact C(slipway_run), with C(owner), C(who), C(place) and C(commit). The lease and the
    records of the run bear it.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  account_id:
    description: The account that the stack lives in.
    type: str
    required: true
  region:
    description: The region to ask in.
    type: str
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
- name: Refuse credentials of another account
  slipway.aws.check_account:
    account_id: "{{ stack_account_id }}"
    region: "{{ stack_region }}"
"""

RETURN = r"""
account:
  description: The account of the credentials.
  type: str
  returned: always
arn:
  description: Whose they are.
  type: str
  returned: always
"""
