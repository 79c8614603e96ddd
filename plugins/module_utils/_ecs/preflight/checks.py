# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One check: its level, what was checked, on what, why, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.facts import Unseen

OK, WARN, FAIL = "OK", "WARN", "FAIL"
_ORDER = (FAIL, WARN, OK)


@dataclass(frozen=True)
class Check:
    level: str
    what: str
    on: str
    why: str
    next: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    @property
    def sentence(self) -> str:
        return f"{self.what} {self.on}: {self.why}. {self.next}".strip()


def ok(what: str, on: str, why: str) -> Check:
    return Check(OK, what, on, why)


def warn(what: str, on: str, why: str, next_: str) -> Check:
    return Check(WARN, what, on, why, next_)


def fail(what: str, on: str, why: str, next_: str) -> Check:
    return Check(FAIL, what, on, why, next_)


def unseen(what: str, on: str, unknown: Unseen, action: str) -> Check:
    """`action`: the permission that the look needs."""
    return warn(what, on, f"not checked: {unknown.why}", f"Allow {action} to the role of this run to have it checked.")


def report(checks: Sequence[Check], title: str) -> list[dict[str, Any]]:
    """A table of what is not OK, each by itself, and one row for each kind of what is."""
    rows = [
        [it.level, it.what, it.on, f"{it.why}. {it.next}".strip()] for level in _ORDER[:2] for it in _of(checks, level)
    ]
    good: dict[str, list[Check]] = {}
    for it in _of(checks, OK):
        good.setdefault(it.what, []).append(it)
    rows += [[OK, what, f"{len(some)} checked", some[0].why if len(some) == 1 else ""] for what, some in good.items()]
    counts = ", ".join(f"{len(_of(checks, level))} {level}" for level in (OK, WARN, FAIL))
    return [{"title": f"{title}: {counts}", "columns": ["level", "what", "on", "why"], "rows": rows}]


def _of(checks: Sequence[Check], level: str) -> list[Check]:
    return [it for it in checks if it.level == level]
