# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Templates of composed values: `{role.key}` and `{secret.name}` as data, never evaluated. Pure.

Only `{word.path}` is a placeholder, any other brace is text. `{secret.name}` is a secret's value, `{secret.name#key}`
a key of a JSON secret. Behind a `://` a value is percent-encoded, so that a password may hold any character in a URL;
`{database.password:raw}` and `{database.password:url}` say it explicitly.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

SECRET = "secret"  # noqa: S105 - the word of the template language
_PLACEHOLDER = re.compile(r"\{(?P<role>[a-z_]+)\.(?P<path>[^{}\s:]+)(?::(?P<form>raw|url))?\}")
_LOOKS_LIKE_ONE = re.compile(r"\{[A-Za-z_][^{}\s\"',]*\}")


@dataclass(frozen=True)
class Reference:
    """What a placeholder points at: role "database" and path "endpoint", or "secret" and "name" or "name#key"."""

    role: str
    path: str

    def __str__(self) -> str:
        return f"{{{self.role}.{self.path}}}"

    @property
    def secret(self) -> str:
        """The name of the secret, for a reference to one."""
        return self.path.partition("#")[0]

    @property
    def key(self) -> str:
        """The key of a JSON secret, "" for its whole value."""
        return self.path.partition("#")[2]


def references(template: str) -> list[Reference]:
    """What a template refers to, each once, in its order."""
    return list(dict.fromkeys(Reference(found["role"], found["path"]) for found in _PLACEHOLDER.finditer(template)))


def malformed(template: str) -> list[str]:
    """What looks like a placeholder and is none: `{database}`, `{database.port:int}`."""
    return [found[0] for found in _LOOKS_LIKE_ONE.finditer(template) if not _PLACEHOLDER.fullmatch(found[0])]


def render(template: str, value: Callable[[Reference], str]) -> str:
    """The template with value(reference) in place of each placeholder."""

    def replace(found: re.Match[str]) -> str:
        text = value(Reference(found["role"], found["path"]))
        form = found["form"] or ("url" if "://" in template[: found.start()] else "raw")
        return quote(text, safe="") if form == "url" else text

    return _PLACEHOLDER.sub(replace, template)
