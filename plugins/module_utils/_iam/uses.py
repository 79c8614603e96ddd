# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What task definitions need of their execution role. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def needs(task_definitions: Iterable[Mapping[str, Any]], role: str = "execution") -> dict[str, list[str]]:
    """Of the task definitions that start with this role: secrets (name or ARN) and log groups of their own.

    Only what a container is given counts: a secret that merely goes into a composed one is not needed by ECS.
    """
    containers = [
        container
        for definition in task_definitions
        if (definition.get("execution_role") or "execution") == role
        for container in definition.get("containers") or []
    ]
    secrets = {str(secret).partition("#")[0] for it in containers for secret in (it.get("secrets") or {}).values()}
    groups = {str(it["log_group"]) for it in containers if it.get("log_group")}
    return {"secrets": sorted(secrets), "log_groups": sorted(groups)}
