# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long this process has lived: runners that start together load their libraries at different speeds."""

from __future__ import annotations

import os
import time
from pathlib import Path


def process_age(stat: Path = Path("/proc/self/stat")) -> float:
    """Seconds since the process was started, by the clock that counts from the boot; 0 where that is not known."""
    try:
        # The name of the command is in parentheses and may hold blanks; the start is the 22nd field.
        started = int(stat.read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
