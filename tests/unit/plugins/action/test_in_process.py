# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our modules run in the worker, and do there what they do in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
PLAY = """
- hosts: all
  gather_facts: false
  environment: {{SLIPWAY_TEST: "{{{{ inventory_hostname }}}}"}}
  tasks:
    - name: Make it
      slipway.aws.ecr_repository:
        stack: {{name: tvshows, environment: prod, role: ecr}}
        region: us-east-1
        repositories: [{{name: "{{{{ inventory_hostname }}}}"}}]
      register: made
    - ansible.builtin.copy:
        content: "{{{{ made | to_json }}}}"
        dest: "{where}/{{{{ inventory_hostname }}}}.json"
        mode: "0600"
"""


def play(
    cloud, directory: Path, *options: str, python: str = sys.executable, text: str = PLAY
) -> subprocess.CompletedProcess[str]:
    (directory / "play.yml").write_text(text.format(where=directory))
    environ = {**os.environ, **cloud.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(directory / "play.yml"), "-i", "one,two"]
    command += ["-c", "local", "-e", json.dumps({"ansible_python_interpreter": python}), *options]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    "python", [sys.executable, "/usr/bin/env python3"], ids=["in the worker", "in its own process"]
)
def test_the_result_is_the_same(cloud, tmp_path, python):
    if python != sys.executable:  # another name for the same Python: the usual way is taken then
        wrapper = tmp_path / "python"
        wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        wrapper.chmod(0o755)
        python = str(wrapper)
    done = play(cloud, tmp_path, python=python)
    assert done.returncode == 0, done.stdout + done.stderr
    for host in ("one", "two"):
        made = json.loads((tmp_path / f"{host}.json").read_text())
        assert made["changed"] is True
        assert list(made["result"]["repositories"]) == [host]
        assert [change["name"] for change in made["changes"]] == [host]


def test_check_mode_reaches_the_module(cloud, tmp_path):
    done = play(cloud, tmp_path, "--check")
    assert done.returncode == 0, done.stdout
    assert "would change" in done.stdout
    assert cloud.client("ecr").describe_repositories()["repositories"] == []


def test_wrong_options_are_refused_in_the_words_of_ansible(cloud, tmp_path):
    done = play(cloud, tmp_path, text=PLAY.replace("repositories: [", "repositorys: ["))
    assert done.returncode == 2
    assert "missing required arguments: repositories" in done.stdout and "Traceback" not in done.stdout


def test_a_module_of_another_collection_runs_in_the_worker_too(cloud, tmp_path):
    text = """
- hosts: all
  gather_facts: false
  tasks:
    - slipway.aws.in_process:
        module: amazon.aws.aws_caller_info
        arguments: {{region: us-east-1}}
      register: caller
    - ansible.builtin.copy:
        content: "{{{{ caller | to_json }}}}"
        dest: "{where}/{{{{ inventory_hostname }}}}.json"
        mode: "0600"
"""
    done = play(cloud, tmp_path, text=text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "one.json").read_text())["account"] == "123456789012"
