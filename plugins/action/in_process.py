# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module of this collection in Ansible's worker process instead of in a Python of its own.

A worker is a fork of the controller and serves one task, so it is a process of the task's own already; what it does
not have to do is start Python, import boto3 and read the service models again, the larger half of a task that changes
nothing. `meta/runtime.yml` sends our modules here. It applies to local connections with the controller's own Python,
without `become` and `async`; everything else goes the usual way.

AnsibleModule has the hook `_record_module_result` for this.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from typing import Any

from ansible.module_utils import basic
from ansible.module_utils.common.json import Direction, get_module_encoder
from ansible.plugins.action.normal import ActionModule as Normal
from ansible.utils.display import Display
from ansible_collections.slipway.aws.plugins.module_utils import _step
from ansible_collections.slipway.aws.plugins.module_utils._under_lease import VARIABLE
from ansible_collections.slipway.aws.plugins.plugin_utils import _run

NAME = "slipway.aws.in_process"
PROFILE = "legacy"


class ActionModule(Normal):  # type: ignore[misc]
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        given = task_vars or {}
        wanted = _run.lease_wish(given, self._templar.template)
        if wanted is not None and not self._task.check_mode:
            self._task.environment = [*(self._task.environment or []), {VARIABLE: wanted.text}]
        if not self._fits(given):
            return self._usual(tmp, task_vars)
        result: dict[str, Any] = super(Normal, self).run(tmp, task_vars)
        if result.get("skipped"):
            return result
        return {**result, **self.in_worker(*self._meant(), given)}

    def _meant(self) -> tuple[str, dict[str, Any]]:
        """The module and its arguments: the task's own, or those that a task of in_process names."""
        name, arguments = self._task.resolved_action or self._task.action, dict(self._task.args)
        if name != NAME:
            return name, arguments
        return arguments["module"], dict(arguments.get("arguments") or {})

    def _usual(self, tmp: str | None, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        name, arguments = self._meant()
        if name == (self._task.resolved_action or self._task.action):
            usual: dict[str, Any] = super().run(tmp, task_vars)
            return usual
        other: dict[str, Any] = self._execute_module(module_name=name, module_args=arguments, task_vars=task_vars)
        return other

    def _fits(self, given: dict[str, Any]) -> bool:
        python = self._templar.template(given.get("ansible_python_interpreter", ""))
        same_python = bool(python) and os.path.realpath(str(python)) == os.path.realpath(sys.executable)
        local = self._connection.transport == "local"
        return local and same_python and not self._task.async_val and not self._play_context.become

    def in_worker(self, name: str, arguments: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """The result of a module of any collection ("amazon.aws.aws_caller_info"), run in this process."""
        collection, _dot, plain = name.rpartition(".")
        module = importlib.import_module(f"ansible_collections.{collection}.plugins.modules.{plain}")
        self._update_module_args(name, arguments, given)
        encoder = get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)
        payload = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}, cls=encoder)
        environment: dict[str, str] = {}
        self._compute_environment_string(environment)
        os.environ.update({key: str(value) for key, value in environment.items()})
        text = call(module, payload.encode())
        parsed: dict[str, Any] = self._parse_returned_data({"stdout": text}, PROFILE)
        return parsed


def call(module: Any, payload: bytes) -> str:
    """What the module's main() would have printed."""
    printed: list[str] = []

    def record(_self: basic.AnsibleModule, values: dict[str, Any]) -> None:
        encoder = get_module_encoder(PROFILE, Direction.MODULE_TO_CONTROLLER)
        printed.append(json.dumps(values, cls=encoder))

    # The worker ends with this task: nothing has to be put back.
    basic.AnsibleModule._record_module_result = record
    basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = payload, PROFILE
    _step.PROCESS.say = Display().display
    with contextlib.suppress(SystemExit):
        module.main()
    return printed[-1] if printed else ""
