# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Task definitions in a form that can be compared: what AWS adds by itself is taken away. Pure but for `read`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api

COMPARED = (
    "family",
    "networkMode",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "executionRoleArn",
    "taskRoleArn",
    "containerDefinitions",
    "volumes",
    "runtimePlatform",
    "ephemeralStorage",
)
# What ECS fills in where a field is left out.
_HEALTH_DEFAULTS = {"interval": 30, "timeout": 5, "retries": 3}
_PLATFORM_DEFAULTS = {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}
_BY_NAME = ("environment", "secrets", "ulimits")


def read(aws: Clients, families: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{family: the latest ACTIVE revision as AWS gives it}, for the families that have one."""
    ecs, wanted = aws.client("ecs"), list(families)
    found = each(lambda family: api.task_definition(ecs, family), wanted)
    return {family: it for family, it in zip(wanted, found, strict=True) if it is not None}


def normal(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Of a rendered or described task definition what makes it this one."""
    shaped = {field: definition[field] for field in COMPARED if not _empty(definition.get(field))}
    shaped["containerDefinitions"] = {it["name"]: container(it) for it in definition.get("containerDefinitions", [])}
    shaped["runtimePlatform"] = {**_PLATFORM_DEFAULTS, **(definition.get("runtimePlatform") or {})}
    shaped["requiresCompatibilities"] = sorted(definition.get("requiresCompatibilities") or [])
    return shaped


def container(item: Mapping[str, Any]) -> dict[str, Any]:
    kept = {field: value for field, value in item.items() if not _empty(value)}
    kept["essential"] = item.get("essential", True)
    for field in _BY_NAME:
        if field in kept:
            kept[field] = sorted(kept[field], key=lambda it: str(it["name"]))
    if "portMappings" in kept:
        kept["portMappings"] = sorted((port(it) for it in kept["portMappings"]), key=str)
    if "healthCheck" in kept:
        kept["healthCheck"] = {**_HEALTH_DEFAULTS, **{k: v for k, v in kept["healthCheck"].items() if v is not None}}
    if "mountPoints" in kept:
        kept["mountPoints"] = [{**it, "readOnly": bool(it.get("readOnly"))} for it in kept["mountPoints"]]
    return kept


def port(item: Mapping[str, Any]) -> dict[str, Any]:
    number = item["containerPort"]
    return {**item, "hostPort": item.get("hostPort") or number, "protocol": item.get("protocol") or "tcp"}


def _empty(value: Any) -> bool:
    """Nothing, as AWS writes it: None, [], {}, "" and a cpu or memory of 0. False says something."""
    return value is None or (not isinstance(value, bool) and value in ([], {}, "", 0))


def images(definition: Mapping[str, Any]) -> dict[str, str]:
    """{container: image reference} of a task definition as AWS gives it."""
    return {it["name"]: it["image"] for it in definition.get("containerDefinitions", [])}
