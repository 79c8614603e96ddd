# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses credentials of another account, and says who this run is: its lease and its records bear that.

Whose the credentials are is asked by amazon.aws.aws_caller_info.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.slipway.aws.plugins.action.in_process import ActionModule as InProcess
from ansible_collections.slipway.aws.plugins.plugin_utils import _run

CALLER = "amazon.aws.aws_caller_info"


class ActionModule(InProcess):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        given = task_vars or {}
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        arguments = {"region": self._task.args["region"]}
        if self._fits(given):
            caller = self.in_worker(CALLER, arguments, given)
        else:
            caller = self._execute_module(module_name=CALLER, module_args=arguments, task_vars=given)
        wanted = str(self._task.args["account_id"])
        if caller.get("failed"):
            result.update(failed=True, msg=f"Nobody knows whose credentials these are: {caller.get('msg', '')}")
        elif caller["account"] != wanted:
            result.update(failed=True, msg=refusal(given.get("inventory_hostname", "The stack"), wanted, caller))
        known = given.get("ansible_facts", {}).get("slipway_run")
        return {
            **result,
            "changed": False,
            "account": caller.get("account", ""),
            "arn": caller.get("arn", ""),
            "ansible_facts": {"slipway_run": known or _run.identity(str(given.get("inventory_dir") or "."))},
        }


def refusal(host: str, wanted: str, caller: dict[str, Any]) -> str:
    return (
        f"{host} lives in account {wanted} (stack_account_id), and the credentials are of account "
        f"{caller['account']} ({caller['arn']}). Nothing was touched. Take the right AWS_PROFILE, or correct "
        "stack_account_id."
    )
