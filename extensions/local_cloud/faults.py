# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults: what shall go wrong, where, and how often. Switched on from outside."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

# kind: the options that it takes besides `match` and `times`
KINDS: dict[str, frozenset[str]] = {
    "image_missing": frozenset(),
    "image_denied": frozenset(),
    "image_unreachable": frozenset(),
    "image_rate_limited": frozenset(),
    "image_wrong_architecture": frozenset(),
    "disk_full": frozenset(),
    "command_missing": frozenset({"command"}),
    "crash": frozenset({"exit_code", "container", "after_seconds", "log"}),
    "exit": frozenset({"exit_code", "container", "log"}),
    "hang": frozenset(),
    "out_of_memory": frozenset({"container", "after_seconds"}),
    "container_unhealthy": frozenset({"container"}),
    "target_unhealthy": frozenset({"reason", "code"}),
    "secret_missing": frozenset({"secret"}),
    "secret_denied": frozenset({"secret"}),
    "secrets_unreachable": frozenset(),
    "log_group_missing": frozenset(),
    "efs_mount_failed": frozenset(),
    "task_fails": frozenset({"code", "reason", "exit_code", "container_reason"}),
    "no_capacity": frozenset(),
    "quota_exceeded": frozenset(),
    "scheduler_throttled": frozenset(),
    "service_event": frozenset({"message"}),
    "target_group_missing": frozenset(),
    "no_free_address": frozenset(),
    "interface_timeout": frozenset(),
    "role_not_assumable": frozenset(),
    "start_timeout": frozenset(),
    "stuck": frozenset(),
    "spot_interruption": frozenset({"after_seconds"}),
    "hook_failed": frozenset({"stage"}),
    "throttling": frozenset(),
    "api_error": frozenset({"code", "message", "status"}),
}
MATCHES = frozenset({"cluster", "service", "family", "image", "container", "operation", "aws_service", "resource"})


@dataclass
class Fault:
    """One fault. `match` holds shell patterns; `times` is how often it still strikes, None for always."""

    kind: str
    match: dict[str, str] = field(default_factory=dict)
    times: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    source: str = "api"
    struck: int = 0
    id: str = field(default_factory=lambda: f"fault-{uuid.uuid4().hex[:8]}")

    def fits(self, facts: Mapping[str, Any]) -> bool:
        if self.times is not None and self.struck >= self.times:
            return False
        return all(_any_fits(pattern, facts.get(name)) for name, pattern in self.match.items())

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "match": self.match,
            "times": self.times,
            "struck": self.struck,
            "source": self.source,
            **self.options,
        }


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.RLock()
        self._file_seen: tuple[str, int] = ("", 0)

    def add(self, body: Mapping[str, Any], source: str = "api") -> Fault:
        fault = parse(body, source)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self, fault_id: str | None = None) -> int:
        """Remove one fault, or all; returns how many went."""
        with self._lock:
            before = len(self._faults)
            self._faults = [fault for fault in self._faults if fault_id is not None and fault.id != fault_id]
            return before - len(self._faults)

    def list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.as_dict() for fault in self._faults]

    def strike(self, *kinds: str, **facts: Any) -> Fault | None:
        """The first fault of these kinds that fits, counted as having struck once more."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fault.fits(facts):
                    fault.struck += 1
                    return fault
        return None

    def read_file(self, path: str) -> None:
        """Take the faults of the file in place of those it gave before, if it changed since the last look."""
        if not path and not self._file_seen[0]:
            return
        seen = (path, _changed_at(path))
        if seen == self._file_seen:
            return
        found = _parse_file(path) if path and seen[1] else []
        with self._lock:
            self._faults = [fault for fault in self._faults if fault.source != "file"] + found
            self._file_seen = seen


def parse(body: Mapping[str, Any], source: str = "api") -> Fault:
    """Make a fault of its JSON form; ValueError says what is wrong with it."""
    kind = body.get("kind")
    if kind not in KINDS:
        raise ValueError(f"There is no fault {kind!r}. The kinds are: {', '.join(sorted(KINDS))}.")
    match = body.get("match", {})
    if not isinstance(match, Mapping) or set(match) - MATCHES:
        raise ValueError(f"`match` takes {', '.join(sorted(MATCHES))}; got {match!r}.")
    times = body.get("times")
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise ValueError(f"`times` is a number from 1 up, not {times!r}.")
    options = {name: value for name, value in body.items() if name not in ("kind", "match", "times")}
    unknown = set(options) - KINDS[kind]
    if unknown:
        allowed = ", ".join(sorted(KINDS[kind])) or "none"
        raise ValueError(f"Fault {kind!r} does not take {', '.join(sorted(unknown))}. Its options are: {allowed}.")
    return Fault(kind, {name: str(value) for name, value in match.items()}, times, options, source)


def _any_fits(pattern: str, value: Any) -> bool:
    values = value if isinstance(value, (list, tuple, set)) else [value]
    return any(item is not None and fnmatchcase(str(item), pattern) for item in values)


def _changed_at(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


def _parse_file(path: str) -> list[Fault]:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError:
        return []  # it is being written at this moment; the next call reads it again
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError(f"{path} is not a JSON list of faults.")
    return [parse(entry, "file") for entry in content]


FAULTS = Faults()
