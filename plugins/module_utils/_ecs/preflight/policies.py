# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy documents judged here, for where IAM's own simulation is not allowed. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

ALLOWED, DENIED, UNCLEAR = "allowed", "denied", "unclear"
ECS_TASKS = "ecs-tasks.amazonaws.com"


def decide(documents: Iterable[Mapping[str, Any]], action: str, resource: str, context: Mapping[str, str]) -> str:
    """Allowed, denied or unclear. A condition on anything that `context` does not say makes a statement unclear."""
    effects = {
        (str(statement.get("Effect")), holds)
        for document in documents
        for statement in _listed(document.get("Statement"))
        if _meant(statement, action, resource) and (holds := _holds(statement, context)) != "no"
    }
    if ("Deny", "yes") in effects:
        return DENIED
    if ("Deny", "perhaps") in effects:
        return UNCLEAR
    if ("Allow", "yes") in effects:
        return ALLOWED
    return UNCLEAR if effects else DENIED


def trusts(document: Mapping[str, Any], account: str) -> bool:
    """Whether ECS may give the role to a task of this account. Conditions on anything else are taken to hold."""
    for statement in _listed(document.get("Statement")):
        principal = statement.get("Principal")
        services = _listed(principal.get("Service")) if isinstance(principal, Mapping) else []
        actions = [str(it).lower() for it in _listed(statement.get("Action"))]
        assumes = any(fnmatchcase("sts:assumerole", it) for it in actions)
        named = ECS_TASKS in services or principal == "*"
        allows = statement.get("Effect") == "Allow" and assumes and named
        if allows and _holds(statement, {"aws:sourceaccount": account}) != "no":
            return True
    return False


def _meant(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    lower = action.lower()
    return _named(statement, "Action", lambda it: fnmatchcase(lower, it.lower())) and _named(
        statement, "Resource", lambda it: fnmatchcase(resource, it)
    )


def _named(statement: Mapping[str, Any], field: str, fits: Any) -> bool:
    if f"Not{field}" in statement:
        return not any(fits(it) for it in _listed(statement[f"Not{field}"]))
    return any(fits(it) for it in _listed(statement.get(field)))


def _holds(statement: Mapping[str, Any], context: Mapping[str, str]) -> str:
    """yes, no or perhaps."""
    answers = set()
    for operator, pairs in (statement.get("Condition") or {}).items():
        for key, values in pairs.items():
            known = context.get(key.lower())
            if known is None or operator not in ("StringEquals", "StringLike"):
                answers.add("perhaps")
            elif not any(fnmatchcase(known, it) for it in _listed(values)):
                answers.add("no")
    return "no" if "no" in answers else "perhaps" if answers else "yes"


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
