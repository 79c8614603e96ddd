# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: loopback_endpoint
short_description: The endpoint of the embedded AWS, refused where it is not this machine
version_added: 0.1.0
author: Slipway contributors (@slipway)
description:
  - Reads C(endpoint) from what the launcher of the embedded AWS wrote. An address that is not loopback is an error, so
    that a local inventory can never reach a real account.
options:
  _input:
    description: The path of C(local_cloud.json).
    type: path
    required: true
"""

EXAMPLES = r"""
stack_aws_environment:
  AWS_ENDPOINT_URL: "{{ '.local/local_cloud.json' | slipway.aws.loopback_endpoint }}"
"""

RETURN = r"""
_value:
  description: The endpoint's URL.
  type: str
"""


def loopback_endpoint(path: str) -> str:
    try:
        endpoint = str(json.loads(Path(path).read_text(encoding="utf-8"))["endpoint"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"The embedded AWS of this checkout is not there ({Path(path).resolve()} names no endpoint). Start it with "
            "`make demo`."
        ) from error
    host = urlsplit(endpoint).hostname or ""
    if not is_loopback(host):
        raise AnsibleFilterError(f"The local inventory works on this machine alone, and {endpoint} is not loopback")
    return endpoint


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"loopback_endpoint": loopback_endpoint}
