# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: certificates_of
short_description: The certificates that load balancers name
description:
  - Collects the certificates of load balancers and of their listeners, and adds further ones, each once.
  - A later mention of a domain adds what the first one leaves open.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  _input:
    description: Load balancers, as in C(alb_load_balancers).
    type: list
    elements: dict
    required: true
  more:
    description: Further certificates, as in C(certificate_certificates).
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show which certificates a stack asks for
  ansible.builtin.debug:
    msg: "{{ alb_load_balancers | slipway.aws.certificates_of(certificate_certificates) }}"
"""

RETURN = r"""
_value:
  description: The certificates, for O(slipway.aws.acm_certificate#module:certificates).
  type: list
  elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.slipway.aws.plugins.module_utils._acm.plan import wanted_certificates


def certificates_of(load_balancers: Any, more: Any = ()) -> list[dict[str, Any]]:
    for value in (load_balancers, more):
        if not isinstance(value, (list, tuple)):
            raise AnsibleFilterError(f"certificates_of takes lists, not {type(value).__name__}")
    return wanted_certificates(load_balancers, more)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"certificates_of": certificates_of}
