# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives stack_info the settings of the host, where the task does not: they say which names to look for."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.aws.plugins.action.in_process import ActionModule as InProcess
from ansible_collections.slipway.aws.plugins.plugin_utils import _variables


class ActionModule(InProcess):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        given = task_vars or {}
        specs = _variables.role_specs()
        settings = _variables.settings(specs, given, self)
        settings.update({name: self._templar.template(given[name]) for name in ("stack_tags",) if name in given})
        self._task.args.setdefault("settings", settings)
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result
