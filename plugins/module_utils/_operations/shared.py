# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the runbooks share: which services are meant, times as people write them, looks that may be refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import epoch
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.resolve import service_name
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, error_code
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._settings import nearest

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def chosen(items: Sequence[Mapping[str, Any]], stack: Stack, asked: str) -> dict[str, str]:
    """{AWS's name: the inventory's} of the services that are meant: all, or those of `asked` ("web,worker")."""
    known = {str(it["name"]): service_name(it, stack) for it in items}
    names = [name.strip() for name in asked.split(",") if name.strip()] or list(known)
    for name in names:
        if name not in known:
            near = nearest(name, known)
            raise SlipwayError(
                f"{stack.prefix} has no service {name}",
                f"did you mean {near}?" if near else f"it has {', '.join(known) or 'none'}",
                "Correct -e service=, or ecs_services_services of the inventory.",
            )
    return {known[name]: name for name in names}


def only(services: Mapping[str, str], verb: str) -> tuple[str, str]:
    """(AWS's name, the inventory's) where one service is meant. Raises where there are several to choose from."""
    if len(services) != 1:
        names = ", ".join(services.values())
        raise SlipwayError(
            f"{verb} is for one service",
            f"there are {names}" if names else "the inventory has none",
            f"Say which: -e service={next(iter(services.values()))}" if names else "See ecs_services_services.",
        )
    return next(iter(services.items()))


def seconds_of(text: str) -> int:
    """ "90s", "15m", "2h", "1d" or plain seconds."""
    found = re.fullmatch(r"(\d+)\s*([smhd]?)", text.strip())
    if not found:
        raise SlipwayError(f"since={text} is no time span", "", "Write it as 90s, 15m, 2h or 1d.")
    return int(found[1]) * _UNITS[found[2] or "s"]


def ago(value: Any, now: float) -> str:
    """ "3 min ago" of a time as an API gives it, "" where there is none."""
    at = epoch(value)
    return f"{span(now - at)} ago" if at is not None else ""


def span(seconds: float) -> str:
    whole = max(0, round(seconds))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def moment(value: Any) -> str:
    """A time for people, in UTC: "2026-05-01 12:03:44"."""
    at = epoch(value)
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if at is not None else ""


def last_part(arn: Any) -> str:
    return str(arn or "").rpartition("/")[2]


def image_name(image: str) -> str:
    """An image as a person reads it: repository and tag, or the first digits of the digest."""
    name, at, digest = image.partition("@")
    plain = name.rpartition("/")[2]
    return f"{plain}@{digest.removeprefix('sha256:')[:12]}" if at else plain


@dataclass
class Glance:
    """Looks that a person may not be allowed to make: one that is refused costs its part of the answer alone."""

    refused: dict[str, str] = field(default_factory=dict)

    def at(self, what: str, look: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return look()
        except Exception as error:
            code = error_code(error)
            if not any(part in code for part in ("AccessDenied", "Unauthorized", "NotAuthorized")):
                raise
            self.refused[what] = code
            return otherwise

    def table(self) -> list[dict[str, Any]]:
        rows = [[what, code] for what, code in sorted(self.refused.items())]
        return [table("Could not be looked at", ["what", "why"], rows)] if rows else []


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows]}
