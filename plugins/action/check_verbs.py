# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses an unknown verb, and one that changes more stacks than was said. On the controller, which knows the tags."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.slipway.aws.plugins.module_utils._operations.verbs import VERBS, judge


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        given = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        verb = self._task.args.get("verb")
        asked = [verb] if verb else [str(tag) for tag in given.get("ansible_run_tags") or ()]
        hosts = [str(host) for host in given.get("ansible_play_hosts_all") or ()]
        answer = judge(asked, hosts, str(self._templar.template(given.get("stacks", ""))))
        if answer.refusal:
            result.update(failed=True, msg=answer.refusal)
        if answer.shows:
            rows = [[one.name, "changes" if one.mutating else "", one.text] for one in VERBS]
            title = (
                "ansible-playbook playbooks/operations.yml -i inventories/<environment> --limit <stack> --tags <verb>"
            )
            result["report"] = [{"title": title, "columns": ["verb", "", "what"], "rows": rows}]
        return {**result, "changed": False, "verbs": [one.name for one in VERBS]}
