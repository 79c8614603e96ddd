# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The promises of tests/support/contract.py: kept in this tree, and noticed where they are broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import contract

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("roles", "playbooks", "inventories", "meta", "changelogs", "plugins", "extensions")


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_kept_here(check: Callable[[Path], list[str]]) -> None:
    broken = check(ROOT)
    assert not broken, "\n".join(broken)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("tree")
    for part in PARTS:
        shutil.copytree(ROOT / part, target / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def edit(old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r} any more: choose another violation"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def append(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


# (check, file, what is done to it, what the check says then)
VIOLATIONS = {
    "an optional variable loses its default": (
        contract.defaults_agree,
        "roles/ecr/defaults/main.yml",
        edit("ecr_repositories: []\n", ""),
        "ecr_repositories is missing",
    ),
    "a default that no spec knows": (
        contract.defaults_agree,
        "roles/ecr/defaults/main.yml",
        append("ecr_color: red\n"),
        "ecr_color is in no argument spec",
    ),
    "a default with another value": (
        contract.defaults_agree,
        "roles/ecr/defaults/main.yml",
        edit("ecr_remove_images: false", "ecr_remove_images: true"),
        "ecr_remove_images is True, in the argument spec False",
    ),
    "defaults in another order": (
        contract.defaults_agree,
        "roles/ecr/defaults/main.yml",
        edit("ecr_repositories: []\necr_remove_images: false\n", "ecr_remove_images: false\necr_repositories: []\n"),
        "the order is not that",
    ),
    "a default for a required variable": (
        contract.defaults_agree,
        "roles/ecr/meta/argument_specs.yml",
        edit(
            "        default: []\n        description: The repositories",
            "        required: true\n        description: The",
        ),
        "ecr_repositories is required, and has a default",
    ),
    "a README without a variable": (
        contract.readmes_agree,
        "roles/ecr/README.md",
        edit("| `ecr_remove_images`", "| `other`"),
        "ecr_remove_images has no row",
    ),
    "a README with a variable that is gone": (
        contract.readmes_agree,
        "roles/ecr/README.md",
        edit("| `ecr_remove_images`", "| `ecr_gone` | | |\n| `ecr_remove_images`"),
        "ecr_gone is in no argument spec",
    ),
    "a variable with a foreign name": (
        contract.names_have_owners,
        "roles/ecr/meta/argument_specs.yml",
        edit("      ecr_remove_images:", "      remove_images:"),
        "remove_images is nobody's",
    ),
    "a call past the argument spec": (
        contract.calls_are_specified,
        "playbooks/provision.yml",
        edit("tasks_from: ready", "tasks_from: ready.yml"),
        "has no argument spec for ready.yml",
    ),
    "a call of a role that is not there": (
        contract.calls_are_specified,
        "playbooks/provision.yml",
        edit("slipway.aws.ecr\n", "slipway.aws.erc\n"),
        "there is no role erc",
    ),
    "an entry point without tasks": (
        contract.calls_are_specified,
        "roles/ecr/meta/argument_specs.yml",
        append("  again:\n    short_description: Again\n    options: {}\n"),
        "there is no tasks/again.yml",
    ),
    "a role that cannot be removed": (
        contract.roles_are_whole,
        "roles/ecr/meta/argument_specs.yml",
        edit("  remove:\n", "  remote:\n"),
        "roles/ecr: there is no entry point `remove`",
    ),
    "a scenario that verifies nothing": (
        contract.roles_are_whole,
        "extensions/molecule/ecr/verify.yml",
        Path.unlink,
        "extensions/molecule/ecr/verify.yml is missing",
    ),
    "a module that is not routed": (
        contract.modules_are_routed,
        "meta/runtime.yml",
        edit("    ecr_repository: {action_plugin: slipway.aws.in_process}\n", ""),
        "ecr_repository is missing",
    ),
    "a route of a module that is gone": (
        contract.modules_are_routed,
        "meta/runtime.yml",
        append("    zebra: {action_plugin: slipway.aws.in_process}\n"),
        "there is no module zebra",
    ),
    "an inventory with group_vars of its own": (
        contract.inventories_have_group_vars,
        "inventories/dev/group_vars",
        lambda path: (path.unlink(), path.mkdir()),
        "inventories/dev/group_vars has to be a link",
    ),
    "a plugin that uses the embedded AWS": (
        contract.borders_are_kept,
        "plugins/module_utils/_wait.py",
        append("from extensions.local_cloud import server\n"),
        "_wait.py imports extensions.local_cloud",
    ),
    "an embedded AWS that uses a plugin": (
        contract.borders_are_kept,
        "extensions/local_cloud/settings.py",
        append("import ansible_collections.slipway.aws.plugins.module_utils._wait\n"),
        "settings.py imports ansible_collections.slipway",
    ),
    "an error that is ignored, in a block": (
        contract.tasks_are_honest,
        "roles/ecr/tasks/main.yml",
        append(
            "\n- name: B\n  block:\n    - name: Hide\n      ansible.builtin.meta: noop\n      ignore_errors: true\n"
        ),
        "Hide: ignore_errors",
    ),
    "a pause": (
        contract.tasks_are_honest,
        "playbooks/release.yml",
        append("\n    - name: Wait\n      ansible.builtin.pause:\n        seconds: 5\n"),
        "ansible.builtin.pause",
    ),
    "the AWS CLI, as text": (
        contract.tasks_are_honest,
        "roles/ecr/tasks/main.yml",
        append("\n- name: Call\n  ansible.builtin.command: aws ecr help\n"),
        "the AWS CLI",
    ),
    "the AWS CLI, as a list": (
        contract.tasks_are_honest,
        "roles/ecr/tasks/main.yml",
        append("\n- name: Call\n  ansible.builtin.command:\n    argv: [aws, ecr]\n"),
        "the AWS CLI",
    ),
    "a task file without an end": (
        contract.tasks_are_honest,
        "roles/ecr/tasks/main.yml",
        append("# line\n" * 60),
        "a task file has fewer than 60",
    ),
    "a sleep without a clock": (
        contract.clocks_are_given,
        "plugins/module_utils/_wait.py",
        append("\n\ndef doze() -> None:\n    time.sleep(1)\n"),
        "time.sleep(1)",
    ),
    "a role that no fragment tells of": (
        contract.changes_are_told,
        "roles/zebra/tasks/main.yml",
        lambda path: (path.parent.mkdir(parents=True), path.write_text("--- []\n")),
        "zebra is in none",
    ),
}


@pytest.mark.parametrize("case", VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_noticed(case: tuple[Callable[[Path], list[str]], str, Callable[[Path], object], str], copy: Path) -> None:
    check, name, change, said = case
    path = copy / name
    before = set(check(copy))
    backup = copy.parent / "backup"
    shutil.rmtree(backup, ignore_errors=True)
    shutil.copytree(copy, backup, symlinks=True)
    try:
        change(path)
        new = [sentence for sentence in check(copy) if sentence not in before]
    finally:
        shutil.rmtree(copy)
        backup.rename(copy)
    assert any(said in sentence for sentence in new), new
