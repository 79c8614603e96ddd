# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the variables of a host before anything is touched: on the controller, which knows where each is from."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.slipway.aws.plugins.module_utils import _references
from ansible_collections.slipway.aws.plugins.module_utils._settings import (
    STACK_NAMES,
    Problem,
    listing,
    unknown_names,
    wrong_types,
)
from ansible_collections.slipway.aws.plugins.plugin_utils import _variables


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        given, specs = task_vars or {}, _variables.role_specs()
        where = {str(name): _variables.origin(name, value) for name, value in given.items()}
        known = {name for spec in specs.values() for entry in spec.values() for name in entry.get("options") or {}}
        owned = {f"{name}_result" for name in specs} | {"slipway_missing", "ecs_services_rollouts"}
        problems = unknown_names(where, known | set(STACK_NAMES), [*specs, "stack"], owned)
        if not problems:
            values = _variables.settings(specs, given, self)
            # What refers to what is looked at only where the types are right.
            problems = wrong_types(_variables.options(specs), values, where) or [
                Problem(name, where.get(name, ""), text) for name, text in _references.problems(values)
            ]
        if problems:
            result.update(failed=True, msg=listing(problems), problems=[str(problem) for problem in problems])
        return {**result, "changed": False}
