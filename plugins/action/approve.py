# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows a plan and asks for the host's name, each host by itself. On the controller, which has the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.slipway.aws.plugins.callback.report import table

# What ends the line, and what ends the question (ctrl-C).
_ENTER, _INTERRUPT = (b"\r", b"\n"), (b"\x03",)


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        given = task_vars or {}
        result: dict[str, Any] = {**super().run(tmp, task_vars), "changed": False, "approved_by": ""}
        if self._task.check_mode:
            return result
        host = str(given.get("inventory_hostname", ""))
        beforehand = [name.strip() for name in str(given.get("approve") or "").split(",") if name.strip()]
        if beforehand:
            by, why = ("-e approve", "") if host in beforehand else ("", other(host, ", ".join(beforehand)))
        else:
            by, why = self._ask(host, self._task.args.get("changes") or [])
        return {**result, "approved_by": by, **({"failed": True, "msg": why} if why else {})}

    def _ask(self, host: str, changes: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
        """(who approved, why not)"""
        question = "\n".join(["", *shown(host, changes), f"Type {host} to release, anything else to stop:"])
        try:
            answer = Display().prompt_until(question, complete_input=_ENTER, interrupt_input=_INTERRUPT)
        except AnsibleError as error:
            answer = error
        if isinstance(answer, AnsiblePromptNoninteractive):  # a worker is given the error instead of an answer
            return "", no_terminal(host)
        if isinstance(answer, Exception):
            return "", other(host, "ctrl-C")
        typed = answer.decode(errors="replace").strip()
        return ("terminal", "") if typed == host else ("", other(host, typed))


def shown(host: str, changes: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [[it["action"], it["resource"], it["name"], what(it)] for it in changes]
    lines = table(["action", "resource", "name", "what"], rows) if rows else ["follow the deployment that is running"]
    return [f"{host}: this release is about to", *[f"    {line}" for line in lines]]


def what(change: Mapping[str, Any]) -> str:
    """What an update changes; what is made is plain from its name."""
    before, after = change.get("before"), change.get("after")
    if change["action"] != "update" or not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return str(change.get("reason") or "")
    return ", ".join(f"{key}: {before.get(key)} -> {value}" for key, value in after.items())


def no_terminal(host: str) -> str:
    return (
        f"The release of {host} has to be approved (release_approval), and there is no terminal to ask on. Nothing was "
        f"touched. Look at the plan with --check --diff, then approve it: -e approve={host}"
    )


def other(host: str, typed: str) -> str:
    return f"The release of {host} was not approved: the answer was {typed!r}. Nothing was touched."
