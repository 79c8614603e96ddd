# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: in_process
short_description: Runs a module in the worker process of its task
description:
  - Runs any module where Ansible's worker already is, with boto3 and the service models in memory, not in a Python
    of its own. A task that only reads is several times as fast then.
  - The modules of this collection run so by themselves. This is for those of others, such as
    M(amazon.aws.aws_caller_info).
  - It applies to local connections with the Python that runs Ansible, without C(become) and C(async). Elsewhere the
    module runs as it always does.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  module:
    description: The module, with its collection.
    type: str
    required: true
  arguments:
    description: What it is given.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: The module is told, and does what it does in check mode.
  diff_mode:
    support: full
    description: The module is told.
"""

EXAMPLES = r"""
- name: Ask whose the credentials are
  slipway.aws.in_process:
    module: amazon.aws.aws_caller_info
    arguments: {region: us-east-1}
"""

RETURN = r"""
account:
  description: What the module returns, for the one of the example.
  type: str
  returned: with that module
"""
