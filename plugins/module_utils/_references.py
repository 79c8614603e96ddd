# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a host against each other: every role's own checks, one after the other. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._acm import plan as certificate
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch import problems as monitoring
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service import plan as services
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition import plan as task_definitions
from ansible_collections.slipway.aws.plugins.module_utils._elasticache import problems as cache
from ansible_collections.slipway.aws.plugins.module_utils._elbv2 import checks as alb
from ansible_collections.slipway.aws.plugins.module_utils._iam import problems as identity
from ansible_collections.slipway.aws.plugins.module_utils._rds import problems as database
from ansible_collections.slipway.aws.plugins.module_utils._release import problems as release
from ansible_collections.slipway.aws.plugins.module_utils._secrets import problems as secrets
from ansible_collections.slipway.aws.plugins.module_utils._settings import without_prefix
from ansible_collections.slipway.aws.plugins.module_utils._vpc import problems as networking

Variables = Mapping[str, Any]

STACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]|[a-z]")
REGION = re.compile(
    r"(af|ap|ca|cn|eu|il|me|mx|sa|us)(-gov|-iso[a-z]?)?-(north|south|east|west|central|northeast|"
    r"northwest|southeast|southwest)-[1-9]"
)


def problems(variables: Variables) -> list[tuple[str, str]]:
    """(variable, what is wrong and what helps), in the order in which a run would come to it."""
    found = [*stack(variables)]
    for check in CHECKS:
        found += [named(sentence) for sentence in check(variables)]
    return found


def named(sentence: str) -> tuple[str, str]:
    """A check's sentence starts with the variable's name; what follows is the text."""
    match = re.match(r"([a-z][a-z0-9_]*)(\[[^\]]*\])?[:.]?\s*", sentence)
    if match is None:
        return "", sentence
    item = f"{match[2][1:-1]}: " if match[2] else ""
    return match[1], item + sentence[match.end() :]


def stack(variables: Variables) -> list[tuple[str, str]]:
    """The stack's own names: they end up in the names of everything that is made."""
    found = []
    for name in ("stack_name", "stack_environment"):
        value = str(variables.get(name, ""))
        if not STACK_NAME.fullmatch(value):
            found.append((name, f"{value!r} has to be lower-case letters, digits and inner hyphens, 32 at most"))
    region = str(variables.get("stack_region", ""))
    if not REGION.fullmatch(region):
        found.append(("stack_region", f"{region!r} is not the name of a region, such as eu-west-1"))
    account = variables.get("stack_account_id")
    if account is not None and not re.fullmatch(r"\d{12}", str(account)):
        found.append(("stack_account_id", f"{account!r} has to be twelve digits, in quotes: YAML reads 0… as a number"))
    return found


def tiers(variables: Variables) -> dict[str, list[str]]:
    """{tier: zones of its subnets}"""
    found: dict[str, list[str]] = {}
    for subnet in variables.get("networking_subnets") or []:
        found.setdefault(subnet["tier"], []).append(subnet["zone"])
    return found


def security_groups(variables: Variables) -> set[str]:
    return {it["name"] for it in variables.get("networking_security_groups") or []}


def target_groups(variables: Variables) -> dict[str, Mapping[str, Any]]:
    balancers = variables.get("alb_load_balancers") or []
    return {group["name"]: group for it in balancers for group in it.get("target_groups") or []}


def ecs(variables: Variables) -> list[str]:
    definitions = variables.get("ecs_services_task_definitions") or []
    return [
        *task_definitions.problems(definitions),
        *services.problems(
            variables.get("ecs_services_services") or [],
            definitions,
            target_groups(variables),
            security_groups(variables),
            set(tiers(variables)),
        ),
    ]


def prefix(variables: Variables) -> str:
    return f"{variables.get('stack_name', '')}-{variables.get('stack_environment', '')}"


def check_networking(variables: Variables) -> list[str]:
    return networking.problems(without_prefix(variables, "networking_"), prefix=prefix(variables))


def check_store(role: Any) -> Callable[[Variables], list[str]]:
    """A check of role database or cache, which refer to secrets, security groups and tiers."""

    def check(variables: Variables) -> list[str]:
        found: list[str] = role.problems(
            role.spec_of(variables),
            secrets=[it["name"] for it in variables.get("secrets_items") or []],
            security_groups=security_groups(variables),
            tiers=tiers(variables),
        )
        return found

    return check


CHECKS: tuple[Callable[[Variables], list[str]], ...] = (
    check_networking,
    secrets.problems,
    identity.problems,
    check_store(database),
    check_store(cache),
    certificate.problems,
    alb.problems,
    ecs,
    release.problems,
    monitoring.problems,
)
