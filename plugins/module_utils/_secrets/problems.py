# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the secrets of an inventory, in words, before anything is touched. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils import _stack
from ansible_collections.slipway.aws.plugins.module_utils._secrets.generate import CHARSETS, classes
from ansible_collections.slipway.aws.plugins.module_utils._secrets.template import SECRET, malformed, references
from ansible_collections.slipway.aws.plugins.module_utils._secrets.values import templates

VARIABLE = "secrets_items"
KINDS = ("generated", "composed", "json", "manual")
KEY_KINDS = ("generated", "composed", "manual", "literal")
# What a template may name: the results of the roles that have run before composed secrets are made.
KNOWN: dict[str, frozenset[str]] = {
    "database": frozenset(_stack.DatabaseResult.__annotations__) | {"password"},
    "cache": frozenset(_stack.CacheResult.__annotations__) | {"scheme"},
    "alb": frozenset(_stack.AlbResult.__annotations__),
    "ecr": frozenset(_stack.EcrResult.__annotations__),
    "networking": frozenset(_stack.NetworkingResult.__annotations__),
    "identity": frozenset(_stack.IdentityResult.__annotations__),
    "stack": frozenset({"name", "environment", "region"}),
}
_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


def problems(variables: Mapping[str, Any]) -> list[str]:
    """Each problem as one sentence that names the variable and the item. `variables`: those of the host."""
    items = variables.get(VARIABLE) or []
    if not _items(items):
        return [f"{VARIABLE}: has to be a list of items that each have a name"]
    found = [f"{VARIABLE}: {name} is there twice" for name in repeated([item["name"] for item in items])]
    by_name = {item["name"]: item for item in items}
    for item in items:
        found += [f"{VARIABLE}: {item['name']}: {problem}" for problem in _item(item, by_name)]
    found += list(_regions(variables, items))
    days = variables.get("secrets_recovery_days", 7)
    if days != 0 and days not in range(7, 31):
        found.append(f"secrets_recovery_days: {days} has to be 7 to 30, or 0 to remove secrets at once")
    found += list(_password(variables, by_name))
    if not found:
        found += [f"{VARIABLE}: {' -> '.join(circle)} refer to each other in a circle" for circle in _circles(by_name)]
    return found


def _items(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(it, Mapping) and isinstance(it.get("name"), str) for it in items)


def repeated(names: Sequence[str]) -> list[str]:
    return [one for one, next_one in pairwise(sorted(names)) if one == next_one]


def _item(item: Mapping[str, Any], items: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if not _NAME.fullmatch(item["name"]):
        yield "a secret's name takes letters, digits and / _ + = . @ -, at most 512"
    kind = item.get("kind")
    if kind not in KINDS:
        yield f"kind is {kind!r}, it has to be one of {', '.join(KINDS)}"
        return
    yield from _part(kind, item)
    if (kind == "json") != bool(item.get("keys")):
        yield "kind json needs `keys`" if kind == "json" else f"kind {kind} takes no `keys`, kind json does"
    yield from _keys(item.get("keys") or {})
    for template in templates(item):
        yield from _template(template, items)


def _keys(keys: Any) -> Iterator[str]:
    if not isinstance(keys, Mapping):
        yield "`keys` has to be a dictionary of key: {kind: …}"
        return
    for key, spec in keys.items():
        if not isinstance(spec, Mapping) or spec.get("kind") not in KEY_KINDS:
            yield f"key {key}: kind has to be one of {', '.join(KEY_KINDS)}"
        else:
            yield from (f"key {key}: {problem}" for problem in _part(spec["kind"], spec))


def _part(kind: str, spec: Mapping[str, Any]) -> Iterator[str]:
    """What an item and a key of a JSON secret have in common."""
    has_value = spec.get("value") is not None
    if kind in ("composed", "literal") and not has_value:
        yield f"kind {kind} needs `value`"
    if kind in ("generated", "manual", "json") and has_value:
        yield f"kind {kind} takes no `value`"
    if kind == "generated":
        yield from _generated(spec)


def _generated(spec: Mapping[str, Any]) -> Iterator[str]:
    length, charset = spec.get("length") or 32, spec.get("charset") or "alphanumeric"
    if not isinstance(length, int) or not 8 <= length <= 4096:
        yield f"length is {length}, it has to be 8 to 4096"
    if charset not in CHARSETS:
        yield f"charset is {charset!r}, it has to be one of {', '.join(CHARSETS)}"
    elif len("".join(classes(charset, str(spec.get("exclude") or "")))) < 10:
        yield "`exclude` leaves fewer than 10 characters"


def _template(template: str, items: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield from (f"{text} is no placeholder, those are {{role.key}}" for text in malformed(template))
    for reference in references(template):
        if reference.role == SECRET:
            yield from _reference(reference.secret, reference.key, items)
        elif reference.role not in KNOWN:
            yield f"{reference}: no role {reference.role!r}, known are {', '.join([*KNOWN, SECRET])}"
        elif reference.path.split(".")[0] not in KNOWN[reference.role]:
            yield f"{reference}: {reference.role} has {', '.join(sorted(KNOWN[reference.role]))}"


def _reference(name: str, key: str, items: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if name not in items:
        yield f"{{{SECRET}.{name}}}: there is no secret {name}"
    elif key and key not in (items[name].get("keys") or {}):
        yield f"{{{SECRET}.{name}#{key}}}: secret {name} has no key {key}"


def _regions(variables: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    own = variables.get("stack_region")
    given = [(f"{VARIABLE}: {item['name']}: replicas", item.get("replicas") or []) for item in items]
    for where, regions in [("secrets_replicas", variables.get("secrets_replicas") or []), *given]:
        for region in regions:
            if region == own:
                yield f"{where}: {region} is the stack's own region"
            elif not _REGION.fullmatch(str(region)):
                yield f"{where}: {region!r} is no region"


def _password(variables: Mapping[str, Any], items: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """RDS takes passwords of at most 128 characters, and says so half an hour into a run."""
    name, _rest, key = str(variables.get("database_password_secret") or "").partition("#")
    item = items.get(name, {})
    spec = (item.get("keys") or {}).get(key, {}) if key else item
    length = spec.get("length") or 32
    if spec.get("kind") == "generated" and isinstance(length, int) and length > 128:
        yield f"{VARIABLE}: {name}: length is {length}, a database's password has at most 128 characters"


def _circles(items: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """The circles of references, each once, starting at its first item."""
    after = {
        name: [it.secret for text in templates(item) for it in references(text) if it.role == SECRET]
        for name, item in items.items()
    }
    done: set[str] = set()

    def follow(path: list[str]) -> list[list[str]]:
        name = path[-1]
        if name in path[:-1]:
            return [path[path.index(name) :]]
        if name in done:
            return []
        found = [circle for target in after.get(name, []) for circle in follow([*path, target])]
        done.add(name)
        return found

    return [circle for name in items for circle in follow([name])]
