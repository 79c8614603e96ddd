# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the variables of a host before anything is touched: on the controller, which knows where each is from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.action import ActionBase
from ansible_collections.slipway.aws.plugins.module_utils import _references
from ansible_collections.slipway.aws.plugins.module_utils._settings import (
    STACK_NAMES,
    Problem,
    listing,
    unknown_names,
    wrong_types,
)

try:  # where a value was read: known to ansible-core alone, from 2.19 on
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin = None

ROLES = Path(__file__).resolve().parents[2] / "roles"
# Roles that are no part of a stack's inventory.
OTHERS = ("local_cloud",)


def load(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is there
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or {}  # noqa: S506


def origin(name: Any) -> str:
    """Where a variable's name was read, as file:line, "" where nobody knows."""
    tag = Origin.get_tag(name) if Origin else None
    if tag is None or not tag.path:
        return str(tag.description) if tag is not None and tag.description else ""
    path = Path(tag.path)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}:{tag.line_num}" if tag.line_num else str(shown)


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = task_vars or {}
        roles = {path.parent.parent.name: load(path) for path in sorted(ROLES.glob("*/meta/argument_specs.yml"))}
        roles = {name: spec["argument_specs"] for name, spec in roles.items() if name not in OTHERS}
        where = {str(name): origin(name) for name in given}
        known = {name for spec in roles.values() for entry in spec.values() for name in entry.get("options") or {}}
        owned = {f"{name}_result" for name in roles} | {"slipway_missing", "ecs_services_rollouts"}
        problems = unknown_names(where, known | set(STACK_NAMES), [*roles, "stack"], owned)
        if not problems:
            problems = self.settings(roles, given, where)
        if problems:
            result.update(failed=True, msg=listing(problems), problems=[str(problem) for problem in problems])
        return {**result, "changed": False}

    def settings(self, roles: Mapping[str, Any], given: Mapping[str, Any], where: Mapping[str, str]) -> list[Problem]:
        """Types first; what refers to what only where the types are right."""
        options = {name: spec["main"].get("options") or {} for name, spec in roles.items() if "main" in spec}
        defaults: dict[str, Any] = {}
        for name in options:
            path = ROLES / name / "defaults" / "main.yml"
            defaults.update(load(path) if path.exists() else {})
        wanted = {name for spec in options.values() for name in spec}
        values = {name: self._templar.template(given[name]) for name in wanted if name in given}
        return wrong_types(options, {**defaults, **values}, where) or [
            Problem(name, where.get(name, ""), text) for name, text in _references.problems({**defaults, **values})
        ]
