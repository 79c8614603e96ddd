# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.slipway.aws.plugins.module_utils._operations.verbs import VERBS, judge

PLAYBOOKS = Path(__file__).resolve().parents[5] / "playbooks"


@pytest.mark.parametrize(
    ("asked", "hosts", "stacks", "words"),
    [
        pytest.param(["status"], ["a", "b"], "", "", id="what only looks takes any number of stacks"),
        pytest.param(["restart"], ["a"], "", "", id="one stack may be changed"),
        pytest.param(["restart"], ["a", "b"], "all", "", id="several are meant"),
        pytest.param(["restart"], ["a", "b"], "", "-e stacks=all", id="several may be a slip"),
        pytest.param(["restart"], ["a", "b"], "some", "-e stacks=all", id="nothing but all means all"),
        pytest.param(["restrat"], ["a"], "", "did you mean restart?", id="swapped letters"),
        pytest.param(["frobnicate"], ["a"], "", "known are status", id="nothing like a verb"),
        pytest.param(["never"], ["a"], "", "no verb never", id="Ansible's own tags are none"),
        pytest.param(["status", "nope"], ["a"], "", "no verb nope", id="one of two is unknown"),
        pytest.param(["scale", "restart"], ["a"], "", "one at a time", id="two that change"),
        pytest.param(["status", "restart"], ["a"], "", "", id="a look beside a change"),
    ],
)
def test_judge(asked, hosts, stacks, words):
    refusal = judge(asked, hosts, stacks).refusal
    assert (words in refusal) if words else refusal == ""


def test_without_a_verb_there_is_the_list():
    assert judge(["all"], ["a"], "").shows and judge([], ["a"], "").shows
    assert not judge(["status"], ["a"], "").shows


def test_every_verb_has_its_playbook_and_no_other_is_imported():
    plays = yaml.safe_load((PLAYBOOKS / "operations.yml").read_text())
    imported = {play["ansible.builtin.import_playbook"]: play["tags"] for play in plays[1:]}
    assert plays[0]["tags"] == "always"
    assert imported == {f"{verb.name}.yml": ["never", verb.name] for verb in VERBS}
    for verb in VERBS:
        (play,) = yaml.safe_load((PLAYBOOKS / f"{verb.name}.yml").read_text())
        assert "roles" not in play and "vars_prompt" not in play, verb.name
