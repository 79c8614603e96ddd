# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: acm_certificate
short_description: ACM certificates of a stack, requested and followed until they are issued
description:
  - Requests the certificates of a stack and gives the DNS records that validate them, all in one call.
    M(community.aws.acm_certificate) imports only.
  - A certificate is found again by its domain and the stack's tags; a certificate of the same domain that
    belongs to somebody else is never touched.
  - Other names, another key algorithm or, before it is issued, another validation make a new certificate
    beside the old one. The old one is deleted once the new one is issued and nothing uses the old one.
  - A certificate that has failed, expired or run out of time is requested anew.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  certificates:
    description: The certificates, each with either O(certificates[].domain) or O(certificates[].arn).
    type: list
    elements: dict
    required: true
    suboptions:
      domain:
        description: The first name in the certificate. At most 64 characters.
        type: str
      alternative_names:
        description: Further names.
        type: list
        elements: str
        default: []
      validation:
        description: How the ownership of the domain is shown.
        type: str
        choices: [dns, email]
        default: dns
      key_algorithm:
        description: The key. Left to AWS (RSA, 2048 bits), and not compared, where it is not given.
        type: str
        choices: [RSA_2048, RSA_3072, RSA_4096, EC_prime256v1, EC_secp384r1, EC_secp521r1]
      region:
        description: Another region than the stack's. CloudFront takes certificates of V(us-east-1) only.
        type: str
      arn:
        description: A certificate that exists already. It is checked and read, never changed.
        type: str
  wait_timeout:
    description:
      - How many seconds to wait until all certificates are issued. V(0) does not wait.
      - A certificate that can no longer be issued ends the wait at once, with ACM's reason.
    type: int
    default: 0
  wait_interval:
    description: Seconds between two looks.
    type: int
    default: 10
  wait_required:
    description:
      - Whether a certificate that is still pending when the time is over is an error.
      - Without it the module ends well and lists it under RV(missing).
    type: bool
    default: false
  state:
    description: V(absent) deletes the stack's own certificates of these domains.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Request a certificate
  slipway.aws.acm_certificate:
    stack: {name: tvshows, environment: prod, role: certificate}
    certificates:
      - {domain: api.tvshows.example.com}

- name: Wait for a certificate whose records are set, and one for CloudFront
  slipway.aws.acm_certificate:
    stack: {name: tvshows, environment: prod, role: certificate}
    certificates:
      - {domain: api.tvshows.example.com, alternative_names: [www.tvshows.example.com]}
      - {domain: api.tvshows.example.com, region: us-east-1}
    wait_timeout: 1800
    wait_required: true
"""

RETURN = r"""
changes:
  description: The plan, each step with action, resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
result:
  description:
    - V(certificate_result) of role certificate, C(result.certificates) by domain with C(arn), C(status) and
      C(validation_records). A certificate of another region is under C(domain@region).
  type: dict
  returned: always
missing:
  description: What a person has to do, each with C(what) and, line by line, C(how) with the records to set.
  type: list
  elements: dict
  returned: always
waited_s:
  description: How many seconds were waited.
  type: float
  returned: always
api_calls:
  description: How many calls to AWS it took.
  type: int
  returned: always
"""

import time
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._acm.apply import handlers, wait_issued
from ansible_collections.slipway.aws.plugins.module_utils._acm.describe import by_domain, read, result
from ansible_collections.slipway.aws.plugins.module_utils._acm.plan import (
    KEY_ALGORITHMS,
    choose,
    desired,
    missing,
    plan,
    plan_removal,
    problems,
)
from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import outcome, walk

ARGUMENTS: dict[str, Any] = {
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "domain": {"type": "str"},
            "alternative_names": {"type": "list", "elements": "str", "default": []},
            "validation": {"type": "str", "choices": ["dns", "email"], "default": "dns"},
            "key_algorithm": {"type": "str", "choices": list(KEY_ALGORITHMS)},
            "region": {"type": "str"},
            "arn": {"type": "str"},
        },
        "required_one_of": [("domain", "arn")],
        "mutually_exclusive": [("domain", "arn")],
    },
    "wait_timeout": {"type": "int", "default": 0},
    "wait_interval": {"type": "int", "default": 10},
    "wait_required": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    refuse(params["certificates"])
    wanted = desired(params["certificates"], aws.region, stack)
    current = read(aws, wanted)
    chosen = {key: choose(current[key], item, stack) for key, item in wanted.items()}
    absent = params["state"] == "absent"
    changes = plan_removal(current, wanted, stack) if absent else plan(current, wanted, stack)
    walk(changes, handlers(aws, stack, chosen), check=module.check_mode)
    if absent:
        return outcome(changes, result={"certificates": {}}, missing=[], waited_s=0.0, api_calls=aws.api_calls)
    waited = 0.0
    if params["wait_timeout"] and not module.check_mode:
        waited = wait_issued(
            aws,
            chosen,
            timeout=params["wait_timeout"],
            interval=params["wait_interval"],
            required=params["wait_required"],
            clock=time,
        )
    named = by_domain(chosen, aws.region)
    return outcome(changes, result=result(named), missing=missing(named), waited_s=waited, api_calls=aws.api_calls)


def refuse(items: list[dict[str, Any]]) -> None:
    """Raise where the input is wrong, before anything is read."""
    found = problems({"certificate_certificates": items})
    if found:
        raise SlipwayError("The certificates cannot be made as they are written", " ".join(found))


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
