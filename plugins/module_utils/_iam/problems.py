# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the identity settings of an inventory, in words, before anything is touched. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}")
_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")


def problems(variables: Mapping[str, Any]) -> list[str]:
    """Each problem as one sentence that names the variable and the item. `variables`: those of the host."""
    prefix = f"{variables.get('stack_name', '')}-{variables.get('stack_environment', '')}"
    names = {"execution": variables.get("identity_execution_name"), "task": variables.get("identity_task_name")}
    found = []
    for role, given in names.items():
        name = str(given or f"{prefix}-{role}")
        if not _ROLE_NAME.fullmatch(name):
            found.append(
                f"identity_{role}_name: {name} is no name of a role: letters, digits and + = , . @ - _, at most 64"
            )
    found += list(_resources(variables, "identity_task_buckets", _BUCKET, "bucket"))
    found += list(_resources(variables, "identity_task_tables", _TABLE, "table"))
    for variable in ("identity_execution_statements", "identity_task_statements"):
        for position, statement in enumerate(variables.get(variable) or [], 1):
            found += [f"{variable}: statement {position}: {problem}" for problem in _statement(statement)]
    for variable in ("identity_execution_policies", "identity_task_policies"):
        arns = [str(arn) for arn in variables.get(variable) or []]
        found += [f"{variable}: {arn} is no ARN of a managed policy" for arn in arns if not _POLICY_ARN.fullmatch(arn)]
    return found + list(_roles(variables))


def _roles(variables: Mapping[str, Any]) -> Iterator[str]:
    """Further roles, and the roles that task definitions name."""
    further = [str(role.get("name")) for role in variables.get("identity_roles") or []]
    for name in further:
        if name in ("execution", "task") or further.count(name) > 1:
            yield f"identity_roles: {name} is there twice"
    for item in variables.get("ecs_services_task_definitions") or []:
        for field in ("execution_role", "task_role"):
            role = str(item.get(field) or "task")
            if role not in ("execution", "task", *further) and not role.startswith("arn:"):
                yield f"ecs_services_task_definitions: {item.get('name')}: {field}: there is no role {role}"


def _resources(variables: Mapping[str, Any], variable: str, names: re.Pattern[str], kind: str) -> Iterator[str]:
    for item in variables.get(variable) or []:
        name = item.get("name") if isinstance(item, Mapping) else item
        if not isinstance(item, Mapping) or not isinstance(name, str):
            yield f"{variable}: {item!r} has to be {{name: …, access: read or write}}"
        elif not names.fullmatch(name):
            yield f"{variable}: {name} is no name of a {kind}"
        elif item.get("access", "write") not in ("read", "write"):
            yield f"{variable}: {name}: access is {item['access']!r}, it has to be read or write"


def _statement(statement: Any) -> Iterator[str]:
    if not isinstance(statement, Mapping):
        yield "has to be a dictionary with Effect, Action and Resource"
        return
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "Effect has to be Allow or Deny"
    if not (statement.get("Action") or statement.get("NotAction")):
        yield "Action is missing"
    if not (statement.get("Resource") or statement.get("NotResource")):
        yield "Resource is missing"
    unknown = set(statement) - {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
    if unknown:
        yield f"{', '.join(sorted(map(str, unknown)))} is not known in a statement"
