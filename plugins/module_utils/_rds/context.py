# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a call of a module of ours is about: whom it asks, for whom, what is wanted, and whether it may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack


@dataclass(frozen=True)
class Run:
    """spec: the module's options; check: whether nothing may be changed; warn: tells the person that runs it"""

    aws: Clients
    stack: Stack
    spec: Mapping[str, Any]
    check: bool
    warn: Callable[[str], None]

    @classmethod
    def of(cls, module: Any) -> Run:
        return cls(Clients.of(module), Stack.of(module.params), module.params, bool(module.check_mode), module.warn)
