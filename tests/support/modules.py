# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module of the collection in this process, as Ansible would: its own main(), its real argument spec."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from typing import Any
from unittest import mock

from ansible.module_utils import basic

MODULES = "ansible_collections.slipway.aws.plugins.modules"


class Exited(Exception):  # noqa: N818 the way out of a module, no error
    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result
        super().__init__(result.get("msg", "exited"))


class ModuleFailed(AssertionError):  # noqa: N818 what Ansible calls it
    """The module ended with fail_json; `result` is what it returned, str() its message."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result
        super().__init__(result.get("msg", ""))


def call(
    name: str, /, *, check: bool = False, diff: bool = False, environ: Mapping[str, str] | None = None, **arguments: Any
) -> dict[str, Any]:
    """The result of a module; raises ModuleFailed where it failed. `environ` is added to the environment."""
    module = importlib.import_module(f"{MODULES}.{name}")
    internal = {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_module_name": f"slipway.aws.{name}"}
    payload = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **internal}}).encode()

    def leave(_self: Any, **result: Any) -> None:
        raise Exited({"changed": False, **result})

    def fail(_self: Any, msg: Any = "", **result: Any) -> None:
        raise ModuleFailed({**result, "msg": str(msg), "failed": True})

    with (
        mock.patch.dict(os.environ, environ or {}),
        mock.patch.object(basic, "_ANSIBLE_ARGS", payload),
        mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy"),
        mock.patch.object(basic.AnsibleModule, "exit_json", leave),
        mock.patch.object(basic.AnsibleModule, "fail_json", fail),
    ):
        try:
            module.main()
        except Exited as exited:
            result = exited.result
            json.dumps(result)  # what cannot be JSON could not leave the process either
            return result
    raise AssertionError(f"module {name} ended without a result")
