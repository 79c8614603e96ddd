# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The output of real runs: what people and scripts read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.slipway.aws.plugins.callback.report import table

ROOT = Path(__file__).resolve().parents[4]
PLAY = """
- name: Quiet
  hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact: {x: 1}

- name: Loud
  hosts: all
  gather_facts: false
  tasks:
    - name: Say something
      slipway.aws.stack_outputs:
        title: tv-prod
        results: {cache: {endpoint: c, port: 6379, tls: true, status: available}}
    - name: Give up
      slipway.aws.report_missing:
        missing: [{what: an image, how: [docker push x]}]
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    play = tmp_path_factory.mktemp("play") / "play.yml"
    play.write_text(PLAY)
    environ = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(play), "-i", "h,", "-c", "local"]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_a_play_that_did_nothing_is_not_there(printed):
    assert "Quiet" not in printed.stdout and "Loud" in printed.stdout


def test_a_report_is_a_table_under_its_title(printed):
    lines = [line.strip() for line in printed.stdout.splitlines()]
    at = lines.index("tv-prod")
    assert lines[at + 1].split() == ["what", "value"]
    assert lines[at + 2] == "cache  rediss://c:6379 (available)"


def test_a_failure_is_told_in_whole_lines_without_a_traceback(printed):
    assert printed.returncode == 2
    assert "h: Give up: FAILED" in printed.stdout and "docker push x" in printed.stdout
    assert "Traceback" not in printed.stdout + printed.stderr and "\\n" not in printed.stdout


def test_the_recap_can_be_read_by_scripts_and_has_no_colours(printed):
    recap = printed.stdout[printed.stdout.index("PLAY RECAP") :]
    assert "changed=0" in recap and "failed=1" in recap and "created=0" in recap
    assert "\x1b" not in printed.stdout


def test_only_the_last_column_is_wrapped():
    lines = table(["name", "what"], [["a-very-long-name", "one two three four five six seven eight nine ten"]], 50)
    assert lines[1].startswith("a-very-long-name  one")
    assert all(line.startswith(" " * 18) for line in lines[2:]) and len(lines) > 2
    assert max(map(len, lines)) <= 50
    assert json.dumps(lines)
