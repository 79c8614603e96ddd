# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives an environment of ansible-test its pip: from the one that Python brings, where ansible-test would download it.

tests/sanity/run puts this into ansible-test's cache with the SETTINGS of pip in its own environment (PIP_CERT and the
like), which ansible-test hides from what it starts.
"""

from __future__ import annotations

import ensurepip
import os
import runpy
import sys
from pathlib import Path

SETTINGS: dict[str, str] = {}

lines = [f"{name.removeprefix('PIP_').lower().replace('_', '-')} = {value}" for name, value in SETTINGS.items()]
Path(sys.prefix, "pip.conf").write_text("\n".join(["[global]", *lines, ""]), encoding="utf-8")
ensurepip.bootstrap()  # takes the settings of pip out of the environment
os.environ.pop("PIP_CONFIG_FILE", None)
os.environ.update(SETTINGS)
# These two are options of the script that this stands in for, not of pip.
sys.argv = ["pip", "install", *[it for it in sys.argv[1:] if it not in ("--no-setuptools", "--no-wheel")]]
runpy.run_module("pip", run_name="__main__")
