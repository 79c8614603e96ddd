# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens before the first change of a module and while it works: nothing, unless the run works under a lease."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Watch(Protocol):
    def begin(self) -> None: ...

    def beat(self) -> None: ...


class _Process:
    """One module runs in a process: what watches its steps, and who passes words on while it waits."""

    watch: Watch | None = None
    say: Callable[[str], None] | None = None


PROCESS = _Process()


def begin() -> None:
    """Before the first change. Raises where the run may not change anything."""
    if PROCESS.watch is not None:
        PROCESS.watch.begin()


def beat() -> None:
    """Between changes and between looks."""
    if PROCESS.watch is not None:
        PROCESS.watch.beat()


def say(text: str) -> None:
    """Something that a person should see now and not at the end. Lost where nobody listens."""
    if PROCESS.say is not None:
        PROCESS.say(text)
