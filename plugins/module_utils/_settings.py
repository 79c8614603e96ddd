# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a stack against the roles' argument specs: unknown names, wrong types. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

# What a run takes besides the roles' variables: the stack's identity, and what is given on the command line.
STACK_NAMES = (
    "stack_name",
    "stack_environment",
    "stack_region",
    "stack_account_id",
    "stack_tags",
    "stack_aws_environment",
    "stack_lease_wait",
    "stack_lease_duration",
    "image_tag",
    "image_digest",
    "image_source",
    "image_repository",
    "approve",
    "confirm",
    "takeover",
    "stacks",
)
FAR = 3  # from this edit distance on, two names have nothing to do with each other


@dataclass(frozen=True)
class Problem:
    """variable: the name; where: file:line, "" where nobody knows; text: what is wrong and what helps."""

    variable: str
    where: str
    text: str

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.variable}{place}: {self.text}"


def without_prefix(variables: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The variables of a role as its module calls them: {"cache_engine": …} is {"engine": …} of `cache_`."""
    return {name.removeprefix(prefix): value for name, value in variables.items() if name.startswith(prefix)}


def distance(one: str, other: str, limit: int = FAR) -> int:
    """Edit distance (insert, delete, replace, swap of neighbours), `limit` where it is that or more."""
    if abs(len(one) - len(other)) >= limit:
        return limit
    before: list[int] = []
    previous = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        if min(row) >= limit:
            return limit
        before, previous = previous, row
    return min(previous[-1], limit)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is nearest, "" where none is near."""
    far, best = min(((distance(name, it), it) for it in known), default=(FAR, ""))
    if far < FAR:
        return best
    # A word put in front, behind or left out is further in letters, and near all the same.
    return next((it for it in sorted(known) if it.startswith(name) or name.startswith(it)), "")


def unknown_names(
    given: Mapping[str, str], known: Iterable[str], prefixes: Iterable[str], owned: Iterable[str] = ()
) -> list[Problem]:
    """Names that have a role's prefix, or nearly are a known name, and are not known.

    given: {name: where}; owned: names that roles set by themselves
    """
    accepted, heads = set(known) | set(owned), tuple(f"{prefix}_" for prefix in prefixes)
    problems = []
    for name, where in given.items():
        if name in accepted or name.startswith(("_", "ansible_")):
            continue
        near = nearest(name, accepted) if name.startswith(heads) else _nearly(name, accepted)
        if near:
            problems.append(Problem(name, where, f"there is no such variable; did you mean {near}?"))
        elif name.startswith(heads):
            problems.append(Problem(name, where, "there is no such variable; see the README of its role"))
    return problems


def _nearly(name: str, known: Iterable[str]) -> str:
    """The known name within an edit distance of 2. Short names differ by as much by chance."""
    near = [it for it in known if len(it) > 6 and distance(name, it) < FAR]
    return min(near, key=lambda it: distance(name, it), default="")


def wrong_types(
    role_specs: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any], where: Mapping[str, str]
) -> list[Problem]:
    """Each value against its option. role_specs: {role: options of its main entry point}."""
    problems, seen = [], set()
    for options in role_specs.values():
        for name, option in options.items():
            if name in seen:
                continue
            seen.add(name)
            if name not in values:
                if option.get("required"):
                    problems.append(Problem(name, "", "it is required and not set"))
                continue
            result = ArgumentSpecValidator({name: _checkable(option)}).validate({name: values[name]})
            problems += [Problem(name, where.get(name, ""), text) for text in result.error_messages]
    return problems


def _checkable(option: Mapping[str, Any]) -> dict[str, Any]:
    """An option of a role's argument spec without what only documentation reads."""
    kept = {key: value for key, value in option.items() if key not in ("description", "default", "version_added")}
    if "options" in kept:
        kept["options"] = {name: _checkable(it) for name, it in kept["options"].items()}
    return kept


def listing(problems: Sequence[Problem]) -> str:
    count = "One setting is" if len(problems) == 1 else f"{len(problems)} settings are"
    lines = [f"{count} wrong. Nothing was touched.", *[f"  - {problem}" for problem in problems]]
    return "\n".join(lines)
