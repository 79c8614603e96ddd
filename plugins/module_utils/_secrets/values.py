# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each secret's value should be. Pure, but for the randomness of generated values.

Values live in `Decision.text` and nowhere else; its repr does not show them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._secrets.generate import generate
from ansible_collections.slipway.aws.plugins.module_utils._secrets.template import (
    SECRET,
    Reference,
    references,
    render,
)

LARGEST = 65536  # bytes of a secret's value


@dataclass(frozen=True, repr=False)
class Decision:
    """What to do about one secret's value.

    text:  what to write, None to leave what is there
    keys:  of a JSON secret, the keys that are written
    later: the value belongs to a later call, the one that is given facts
    new:   a value will be written, though it cannot be known yet (check mode before its inputs exist)
    waits: what a person has to do first, "" for nothing
    """

    text: str | None = None
    keys: tuple[str, ...] = ()
    later: bool = False
    new: bool = False
    waits: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        return self.text is not None or self.new


class WaitsError(Exception):
    """An input has no value yet because a person has to set it."""


class UnknownError(Exception):
    """An input is not known yet because what gives it does not exist yet."""


def templates(item: Mapping[str, Any]) -> list[str]:
    """The templates of an item: its value, and those of its JSON keys."""
    keys = [key for key in (item.get("keys") or {}).values() if isinstance(key, Mapping)]
    parts = [item, *keys]
    return [str(part["value"]) for part in parts if part.get("kind") == "composed" and part.get("value") is not None]


def needed(items: Iterable[Mapping[str, Any]], facts: Mapping[str, Any] | None) -> set[str]:
    """The names of the secrets whose values have to be read. Without facts: the JSON secrets, to see their keys."""
    names: set[str] = set()
    for item in items:
        if item["kind"] == "json" or (item["kind"] == "composed" and facts is not None):
            names.add(item["name"])
        if facts is not None:
            names |= {it.secret for text in templates(item) for it in references(text) if it.role == SECRET}
    password = str(((facts or {}).get("database") or {}).get("password_secret") or "")
    return (names | {password.partition("#")[0]}) - {""}


class Values:
    """Decides the value of every item, following references from one to another.

    facts: {role: its result}, None where composed values are left for a later call
    texts: {name: value} as AWS has them; present: names that have a value
    check: nothing will be written; inputs that are not known yet are no error then
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        facts: Mapping[str, Any] | None,
        texts: Mapping[str, str],
        present: Iterable[str],
        *,
        check: bool = False,
    ) -> None:
        self._items = {item["name"]: item for item in items}
        self._facts, self._texts, self._present, self._check = facts, texts, set(present), check
        self._decided: dict[str, Decision] = {}
        self._open: list[str] = []

    def decide(self) -> dict[str, Decision]:
        for name in self._items:
            self._decision(name)
        return {name: self._decided[name] for name in self._items}

    def _decision(self, name: str) -> Decision:
        if name in self._decided:
            return self._decided[name]
        if name in self._open:
            raise SlipwayError(f"secrets_items: {' -> '.join([*self._open, name])} refer to each other in a circle")
        self._open.append(name)
        item = self._items[name]
        decided = {
            "generated": self._generated,
            "composed": self._composed,
            "json": self._json,
            "manual": self._manual,
        }[item["kind"]](item)
        self._open.pop()
        if decided.text is not None and not 0 < len(decided.text.encode()) <= LARGEST:
            raise SlipwayError(f"The value of secret {name} has no length that AWS takes (1 to {LARGEST} bytes)")
        self._decided[name] = decided
        return decided

    def _generated(self, item: Mapping[str, Any]) -> Decision:
        return Decision() if item["name"] in self._present else Decision(_random(item))

    def _manual(self, item: Mapping[str, Any]) -> Decision:
        return Decision() if item["name"] in self._present else Decision(waits=("set its value",))

    def _composed(self, item: Mapping[str, Any]) -> Decision:
        if self._facts is None:
            return Decision(later=True)
        try:
            text = self._render(item["name"], item["value"])
        except WaitsError as waits:
            return Decision(waits=(str(waits),))
        except UnknownError:
            return Decision(new=True)
        return Decision() if text == self._texts.get(item["name"]) else Decision(text)

    def _json(self, item: Mapping[str, Any]) -> Decision:
        """The keys that are there, with those of ours that are missing or differ; what is not listed is kept."""
        have = self._object(item["name"])
        wanted: dict[str, Any] = {}
        waits, new = [], False
        for key, spec in item["keys"].items():
            try:
                value = self._key(item["name"], key, spec, have)
            except WaitsError as reason:
                waits.append(str(reason))
            except UnknownError:
                new = True
            else:
                if value is not None and have.get(key) != value:
                    wanted[key] = value
        text = json.dumps({**have, **wanted}) if wanted else None
        return Decision(text, tuple(wanted), new=new, waits=tuple(waits))

    def _key(self, name: str, key: str, spec: Mapping[str, Any], have: Mapping[str, Any]) -> Any:
        """The wanted value of a key, None to leave it alone."""
        kind = spec["kind"]
        if kind == "literal":
            return spec["value"]
        if kind == "composed":
            return None if self._facts is None else self._render(name, spec["value"])
        if have.get(key) not in (None, ""):
            return None
        if kind == "generated":
            return _random(spec)
        raise WaitsError(f"set its key {key}")

    def _object(self, name: str) -> dict[str, Any]:
        text = self._texts.get(name)
        if text is None:
            return {}
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise SlipwayError(
                f"The value of secret {name} is no JSON object",
                "its kind is json, and what a person wrote into it is not thrown away",
                "Put a JSON object there, or give it another kind.",
            )
        return found

    def _render(self, name: str, template: str) -> str:
        def value(reference: Reference) -> str:
            if reference.role == SECRET:
                return self._secret(reference)
            if (reference.role, reference.path) == ("database", "password"):
                return self._secret(self._password(name, reference))
            return self._fact(name, reference)

        return render(template, value)

    def _secret(self, reference: Reference) -> str:
        """The value of another secret as it will be after this run."""
        name = reference.secret
        decided = self._decision(name) if name in self._items else Decision()
        if decided.new:
            raise UnknownError
        text = self._texts.get(name) if decided.text is None else decided.text
        if text is None:
            if self._check and name not in self._items:
                raise UnknownError
            raise WaitsError(f"set the value of {name}")
        if not reference.key:
            return text
        found = self._object(name) if decided.text is None else json.loads(text)
        if found.get(reference.key) in (None, ""):
            raise WaitsError(f"set key {reference.key} of {name}")
        return _text(found[reference.key])

    def _password(self, name: str, reference: Reference) -> Reference:
        return Reference(SECRET, self._fact(name, Reference(reference.role, "password_secret")))

    def _fact(self, name: str, reference: Reference) -> str:
        value: Any = self._facts
        for key in (reference.role, *reference.path.split(".")):
            value = value.get(key) if isinstance(value, Mapping) else None
        if (reference.role, reference.path) == ("cache", "scheme"):
            value = scheme((self._facts or {}).get("cache") or {})
        if isinstance(value, (Mapping, list)) and value:
            raise SlipwayError(f"Secret {name}: {reference} is not a single value", "", "Name one of its parts.")
        if isinstance(value, bool) or value:
            return _text(value)
        if self._check:
            raise UnknownError
        raise SlipwayError(
            f"Secret {name} cannot be composed",
            f"{reference} is not known",
            f"Role {reference.role} gives it: it has to run, and end well, before composed secrets.",
        )


def scheme(cache: Mapping[str, Any]) -> str:
    """redis or rediss, "" while the cache is not known."""
    if not cache.get("endpoint"):
        return ""
    return "rediss" if cache.get("tls") else "redis"


def _random(spec: Mapping[str, Any]) -> str:
    return generate(spec.get("length") or 32, spec.get("charset") or "alphanumeric", spec.get("exclude") or "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)
