# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the parts of this repository promise each other. Each check takes the root of a tree and returns sentences, one
for each broken promise; none where all are kept. They read files and run nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

LONGEST_TASK_FILE = 60
# What stands in the inventory, for all roles alike; the rest of a role's variables bears its name.
SHARED = re.compile(r"stack_\w+|image_\w+")
# Roles that make nothing in AWS.
NOTHING_TO_REMOVE = {
    "preflight": "it only looks",
    "release": "what it starts belongs to ecs_services, which removes it",
    "operations": "it works on what other roles have made",
    "local_cloud": "it is the embedded AWS, not something in it; its entry point `stop` ends it",
}
# Roles whose scenario is somewhere else.
SCENARIO_ELSEWHERE = {
    "release": "tests/stack runs it with everything that it needs",
    "operations": "tests/stack/test_operations.py tries every verb on a stack that stands",
    "local_cloud": "it starts what scenarios run on: extensions/molecule/default and tests/local_cloud",
}
SCENARIO_FILES = ("molecule.yml", "converge.yml", "verify.yml", "cleanup.yml")
SCENARIO_WITHOUT = {"preflight": {"cleanup.yml"}}
FORBIDDEN_TASKS = {
    "ansible.builtin.pause": "it waits for all hosts at once, and for nobody where there is no terminal",
    "pause": "it waits for all hosts at once, and for nobody where there is no terminal",
}
BORDER = {
    "plugins": re.compile(r"^(extensions|local_cloud)(\.|$)"),
    "extensions": re.compile(r"^(plugins|ansible_collections\.slipway)(\.|$)"),
}


def load(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}


def roles(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "roles").iterdir() if (path / "tasks" / "main.yml").exists())


def entry_points(root: Path, role: str) -> dict[str, Any]:
    path = root / "roles" / role / "meta" / "argument_specs.yml"
    return dict(load(path).get("argument_specs") or {}) if path.exists() else {}


def variables(root: Path, role: str) -> dict[str, dict[str, Any]]:
    """The role's own variables with their specs, in the order in which the entry points name them first.

    What it takes from another role, such as `networking_result`, is that role's.
    """
    found: dict[str, dict[str, Any]] = {}
    for entry in entry_points(root, role).values():
        for name, option in (entry.get("options") or {}).items():
            if name.startswith(f"{role}_"):
                found.setdefault(name, option)
    return found


def defaults(root: Path, role: str) -> dict[str, Any]:
    path = root / "roles" / role / "defaults" / "main.yml"
    return dict(load(path)) if path.exists() else {}


def defaults_agree(root: Path) -> list[str]:
    """Every optional variable has a default, with the spec's value and in its order; nothing else has one."""
    found = []
    for role in roles(root):
        specified, given = variables(root, role), defaults(root, role)
        optional = [name for name, option in specified.items() if not option.get("required")]
        where = f"roles/{role}/defaults/main.yml"
        found += [f"{where}: {name} is missing" for name in optional if name not in given]
        found += [f"{where}: {name} is in no argument spec" for name in given if name not in specified]
        found += [
            f"{where}: {name} is required, and has a default"
            for name in given
            if specified.get(name, {}).get("required")
        ]
        found += [
            f"{where}: {name} is {given[name]!r}, in the argument spec {specified[name]['default']!r}"
            for name in given
            if "default" in specified.get(name, {}) and specified[name]["default"] != given[name]
        ]
        if sorted(given) == sorted(optional) and list(given) != optional:
            found.append(f"{where}: the order is not that of the argument specs: {', '.join(optional)}")
    return found


def readmes_agree(root: Path) -> list[str]:
    """The table of a role's README names every variable, and none that does not exist."""
    found = []
    for role in roles(root):
        path, specified = root / "roles" / role / "README.md", variables(root, role)
        if not path.exists():
            found.append(f"roles/{role}/README.md is missing")
            continue
        rows = re.findall(r"^\| `(\w+)`", path.read_text(encoding="utf-8"), re.MULTILINE)
        found += [f"roles/{role}/README.md: {name} has no row" for name in specified if name not in rows]
        found += [
            f"roles/{role}/README.md: {name} is in no argument spec"
            for name in rows
            if name.startswith(f"{role}_") and name not in specified
        ]
    return found


def tasks(value: Any) -> Iterator[Mapping[str, Any]]:
    """All tasks of a task file or playbook, those in blocks and plays included."""
    for item in value if isinstance(value, list) else []:
        if not isinstance(item, dict):
            continue
        yield item
        for key in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from tasks(item.get(key))


def task_files(root: Path, *folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (root / folder).rglob("*.yml"))


def role_calls(root: Path) -> Iterator[tuple[Path, str, str]]:
    """(file, role, entry point) of every call of a role, one for each item where its name is looped over."""
    for path in task_files(root, "roles", "playbooks", "extensions/molecule"):
        for task in tasks(load(path)):
            call = task.get("ansible.builtin.include_role") or task.get("ansible.builtin.import_role")
            if not call:
                continue
            name = str(call["name"])
            names = [name.replace("{{ item }}", str(item)) for item in task["loop"]] if "{{ item }}" in name else [name]
            for each in names:
                yield path, each.removeprefix("slipway.aws."), str(call.get("tasks_from", "main"))


def names_have_owners(root: Path) -> list[str]:
    """What a role takes bears its own name, or is another role's variable or result, or the whole inventory's."""
    owned = {name for role in roles(root) for name in variables(root, role)} | {
        f"{role}_result" for role in roles(root)
    }
    return [
        f"roles/{role}/meta/argument_specs.yml: {name} is nobody's"
        for role in roles(root)
        for entry in entry_points(root, role).values()
        for name in entry.get("options") or {}
        if name not in owned and not SHARED.fullmatch(name)
    ]


def calls_are_specified(root: Path) -> list[str]:
    """A task file that is called from outside its role is an entry point, with its own argument spec."""
    found, known = [], {role: entry_points(root, role) for role in roles(root)}
    for path, role, entry in role_calls(root):
        where = path.relative_to(root)
        if role not in known:
            found.append(f"{where}: there is no role {role}")
        elif entry not in known[role] and not path.is_relative_to(root / "roles" / role):
            found.append(f"{where}: {role} has no argument spec for {entry} (and with .yml none would be looked at)")
    for role, entries in known.items():
        found += [
            f"roles/{role}/meta/argument_specs.yml: there is no tasks/{entry}.yml"
            for entry in entries
            if not (root / "roles" / role / "tasks" / f"{entry}.yml").exists()
        ]
        found += [f"roles/{role}/meta/argument_specs.yml: main is missing"] if "main" not in entries else []
    return found


def roles_are_whole(root: Path) -> list[str]:
    """A role can be removed, and has a scenario that tries all of it."""
    found = []
    for role in roles(root):
        if role not in NOTHING_TO_REMOVE and "remove" not in entry_points(root, role):
            found.append(f"roles/{role}: there is no entry point `remove`")
        if role in SCENARIO_ELSEWHERE:
            continue
        scenario = root / "extensions" / "molecule" / role
        for name in SCENARIO_FILES:
            if name not in SCENARIO_WITHOUT.get(role, set()) and not (scenario / name).exists():
                found.append(f"{(scenario / name).relative_to(root)} is missing")
    return found


def modules(root: Path) -> list[str]:
    return sorted(path.stem for path in (root / "plugins" / "modules").glob("*.py") if path.stem != "__init__")


def modules_are_routed(root: Path) -> list[str]:
    """Every module runs in the worker, or has an action plugin of its own; and no name is left over."""
    routed = load(root / "meta" / "runtime.yml")["plugin_routing"]["modules"]
    own = {path.stem for path in (root / "plugins" / "action").glob("*.py")}
    wanted = [name for name in modules(root) if name not in own]
    where = "meta/runtime.yml: plugin_routing"
    found = [f"{where}: {name} is missing" for name in wanted if name not in routed]
    found += [f"{where}: there is no module {name}" for name in routed if name not in modules(root)]
    found += [f"{where}: {name} has an action plugin of its own" for name in routed if name in own]
    found += [
        f"{where}: {name} does not go to slipway.aws.in_process"
        for name, route in routed.items()
        if route != {"action_plugin": "slipway.aws.in_process"}
    ]
    return found + ([f"{where}: not in alphabetical order"] if list(routed) != sorted(routed) else [])


def inventories_have_group_vars(root: Path) -> list[str]:
    """Without the link group_vars would not be the inventory's, and would not be loaded for playbooks/."""
    found = []
    for inventory in sorted((root / "inventories").iterdir()):
        link = inventory / "group_vars"
        if not link.is_symlink() or str(link.readlink()) != "../../group_vars":
            found.append(f"{link.relative_to(root)} has to be a link to ../../group_vars")
    return found


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def borders_are_kept(root: Path) -> list[str]:
    """The embedded AWS and the plugins share no code: or a waiter and its proof would agree by construction."""
    return [
        f"{path.relative_to(root)} imports {name}"
        for folder, forbidden in BORDER.items()
        for path in sorted((root / folder).rglob("*.py"))
        for name in imports(path)
        if forbidden.search(name)
    ]


def tasks_are_honest(root: Path) -> list[str]:
    """No errors ignored, no pauses, no AWS CLI; and no task file that nobody reads to its end."""
    found = []
    for path in task_files(root, "roles", "playbooks"):
        where = path.relative_to(root)
        for task in tasks(load(path)) if path.parent.name not in ("meta", "defaults", "vars") else ():
            name = task.get("name", "a task")
            found += [f"{where}: {name}: ignore_errors"] if "ignore_errors" in task else []
            found += [f"{where}: {name}: {key}, {why}" for key, why in FORBIDDEN_TASKS.items() if key in task]
            for command in ("ansible.builtin.command", "ansible.builtin.shell", "command", "shell"):
                given = task.get(command)
                words = given.get("cmd", given.get("argv", "")) if isinstance(given, dict) else given
                first = words[:1] if isinstance(words, list) else str(words or "").split()[:1]
                found += [f"{where}: {name}: the AWS CLI"] if first == ["aws"] else []
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if path.parent.name == "tasks" and lines >= LONGEST_TASK_FILE:
            found.append(f"{where}: {lines} lines, a task file has fewer than {LONGEST_TASK_FILE}")
    return found


def clocks_are_given(root: Path) -> list[str]:
    """Plugins wait with a clock that they are given: time.sleep is called by no function and method of theirs."""
    found = []
    for path in sorted((root / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep"):
                found.append(f"{path.relative_to(root)}:{node.lineno}: {ast.unparse(node)}")
    return found


def changes_are_told(root: Path) -> list[str]:
    """Every role and module is in a changelog fragment, or in the changelog once it is released."""
    files = [*(root / "changelogs").rglob("*.y*ml"), *root.glob("CHANGELOG*")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files if path.name != "config.yaml")
    told = set(re.findall(r"\w+", text))
    return [f"changelogs/fragments: {name} is in none" for name in [*roles(root), *modules(root)] if name not in told]


def options_differ(documented: Mapping[str, Any], arguments: Mapping[str, Any], where: str = "") -> list[str]:
    """What differs between a module's documentation and its arguments (or a role's spec), to the last suboption."""
    found = []
    for name in sorted(documented.keys() | arguments.keys()):
        path = f"{where}{name}"
        if name not in documented or name not in arguments:
            found.append(f"{path} is {'undocumented' if name in arguments else 'documented only'}")
            continue
        said, real = documented[name], arguments[name]
        for field, unset in (("type", "str"), ("elements", None), ("required", False), ("default", None)):
            if said.get(field, unset) != real.get(field, unset):
                found.append(f"{path}: {field} is documented as {said.get(field)!r} and is {real.get(field)!r}")
        if sorted(map(str, said.get("choices") or [])) != sorted(map(str, real.get("choices") or [])):
            found.append(f"{path}: choices are documented as {said.get('choices')} and are {real.get('choices')}")
        if sorted(said.get("aliases") or []) != sorted(real.get("aliases") or []):
            found.append(f"{path}: aliases are documented as {said.get('aliases')} and are {real.get('aliases')}")
        below = said.get("suboptions") or said.get("options") or {}
        found += options_differ(below, real.get("options") or real.get("suboptions") or {}, f"{path}.")
    return found


CHECKS = (
    defaults_agree,
    readmes_agree,
    names_have_owners,
    calls_are_specified,
    roles_are_whole,
    modules_are_routed,
    inventories_have_group_vars,
    borders_are_kept,
    tasks_are_honest,
    clocks_are_given,
    changes_are_told,
)
