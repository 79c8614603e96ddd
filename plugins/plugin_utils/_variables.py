# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a host: the roles' variables with their defaults, and where each was set. On the controller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

try:  # where a value was read: known to ansible-core alone, from 2.19 on
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin = None

ROLES = Path(__file__).resolve().parents[2] / "roles"
# Roles that are no part of a stack's inventory.
OTHERS = ("account", "local_cloud")


def load(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is there
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or {}  # noqa: S506


def role_specs() -> dict[str, dict[str, Any]]:
    """{role: {entry point: argument spec}} of all roles of a stack."""
    found = {path.parent.parent.name: path for path in sorted(ROLES.glob("*/meta/argument_specs.yml"))}
    return {name: load(path)["argument_specs"] for name, path in found.items() if name not in OTHERS}


def options(specs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """{role: options of its main entry point}"""
    return {name: spec["main"].get("options") or {} for name, spec in specs.items() if "main" in spec}


def settings(specs: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any], action: Any) -> dict[str, Any]:
    """Every variable of the roles: the host's value, else the role's default, templates resolved.

    action: the action plugin that asks, for its loader and templar
    """
    values: dict[str, Any] = {}
    for name in specs:
        path = ROLES / name / "defaults" / "main.yml"
        if path.exists():
            values.update(action._loader.load_from_file(str(path), trusted_as_template=True) or {})
    values.update({name: given[name] for spec in options(specs).values() for name in spec if name in given})
    templar = action._templar.copy_with_new_env(available_variables={**values, **given})
    resolved: dict[str, Any] = templar.template(values)
    return resolved


def origin(name: Any, value: Any) -> str:
    """Where a variable was set, as file:line or a description, "" where nobody knows.

    The value knows it, unless it is a boolean or nothing. The name knows it too, but where several files set the
    variable the name that stays is that of the weakest: the role's default.
    """
    tag = (Origin.get_tag(value) or Origin.get_tag(name)) if Origin else None
    if tag is None or not tag.path:
        return str(tag.description).strip("<>") if tag is not None and tag.description else ""
    path = Path(tag.path)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}:{tag.line_num}" if tag.line_num else str(shown)
