# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of every module says what its arguments are, and roles take what their modules take."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from tests.support import contract

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.slipway.aws.plugins"
# Fragments of amazon.aws come with AnsibleAWSModule and agree with it there.
FOREIGN = "amazon.aws."


def documented(module: Any) -> dict[str, Any]:
    """The options of a module's documentation, those of our own fragments included."""
    document = yaml.safe_load(module.DOCUMENTATION)
    options = dict(document.get("options") or {})
    for name in document.get("extends_documentation_fragment") or []:
        if not name.startswith(FOREIGN):
            options.update(fragment(name))
    return options


def fragment(name: str) -> dict[str, Any]:
    stem, _dot, variant = name.removeprefix("slipway.aws.").partition(".")
    doc = importlib.import_module(f"{COLLECTION}.doc_fragments.{stem}").ModuleDocFragment
    return dict(yaml.safe_load(getattr(doc, (variant or "documentation").upper())).get("options") or {})


def arguments(module: Any) -> dict[str, Any]:
    """The argument spec that main() gives to AnsibleModule, without what AnsibleAWSModule adds to it."""
    taken: list[dict[str, Any]] = []

    class CaughtError(Exception):
        pass

    def catch(*_given: Any, argument_spec: dict[str, Any], **_more: Any) -> None:
        taken.append(argument_spec)
        raise CaughtError

    with (
        mock.patch(f"{COLLECTION}.module_utils._aws.AnsibleAWSModule", catch),
        mock.patch("ansible.module_utils.basic.AnsibleModule.__init__", lambda _self, **given: catch(**given)),
        pytest.raises(CaughtError),
    ):
        module.main()
    return taken[0]


# Modules whose work is done by their action plugin alone have no main() with arguments.
MODULES = [name for name in contract.modules(ROOT) if "def main" in (ROOT / f"plugins/modules/{name}.py").read_text()]


@pytest.mark.parametrize("name", MODULES)
def test_documentation_is_true(name: str) -> None:
    module = importlib.import_module(f"{COLLECTION}.modules.{name}")
    differing = contract.options_differ(documented(module), arguments(module))
    assert not differing, "\n".join(differing)


@pytest.mark.parametrize("name", contract.modules(ROOT))
def test_documentation_is_there(name: str) -> None:
    module = importlib.import_module(f"{COLLECTION}.modules.{name}")
    document = yaml.safe_load(module.DOCUMENTATION)
    assert document["module"] == name
    fragments = document.get("extends_documentation_fragment") or []
    assert {"check_mode", "diff_mode"} <= set(document.get("attributes") or {}) or "slipway.aws.stack" in fragments
    examples = yaml.safe_load(module.EXAMPLES)
    assert any(f"slipway.aws.{name}" in task for task in examples)
    assert yaml.safe_load(module.RETURN)


# (role, its variable, module, its option): what a module takes as the inventory has it.
SAME = [
    ("ecs_services", "ecs_services_task_definitions", "ecs_task_definition", "task_definitions"),
    ("ecs_services", "ecs_services_services", "ecs_service", "services"),
    ("ecr", "ecr_repositories", "ecr_repository", "repositories"),
    ("alb", "alb_load_balancers", "application_load_balancer", "load_balancers"),
    ("alb", "alb_load_balancers", "alb_listener", "load_balancers"),
    ("networking", "networking_subnets", "vpc_network", "subnets"),
    ("networking", "networking_security_groups", "vpc_network", "security_groups"),
    ("secrets", "secrets_items", "secret", "items"),
]


@pytest.mark.parametrize(("role", "variable", "module", "option"), SAME)
def test_roles_take_what_their_modules_take(role: str, variable: str, module: str, option: str) -> None:
    spec = contract.variables(ROOT, role)[variable]["options"]
    taken = arguments(importlib.import_module(f"{COLLECTION}.modules.{module}"))[option]["options"]
    differing = contract.options_differ(spec, taken)
    assert not differing, "\n".join(differing)


DIFFERENCES = {
    "an option that nobody documented": ({}, {"a": {"type": "str"}}, "a is undocumented"),
    "an option that is gone": ({"a": {"type": "str"}}, {}, "a is documented only"),
    "another type": ({"a": {"type": "int"}}, {"a": {"type": "str"}}, "a: type"),
    "required or not": ({"a": {"required": True}}, {"a": {}}, "a: required"),
    "another default": ({"a": {"default": 1}}, {"a": {"default": 2}}, "a: default"),
    "other choices": ({"a": {"choices": ["x"]}}, {"a": {"choices": ["x", "y"]}}, "a: choices"),
    "another element": ({"a": {"elements": "str"}}, {"a": {"elements": "dict"}}, "a: elements"),
    "a suboption of a suboption": (
        {"a": {"suboptions": {"b": {"suboptions": {}}}}},
        {"a": {"options": {"b": {"options": {"c": {}}}}}},
        "a.b.c is undocumented",
    ),
}


@pytest.mark.parametrize(("said", "real", "sentence"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_differences_are_noticed(said: dict[str, Any], real: dict[str, Any], sentence: str) -> None:
    (found,) = contract.options_differ(said, real)
    assert found.startswith(sentence)
