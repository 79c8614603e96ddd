# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/local_cloud.md names every setting with its default and every fault, and nothing else."""

from __future__ import annotations

import re
import sys

from local_cloud_support import ROOT

sys.path.insert(0, str(ROOT / "extensions"))

from local_cloud.faults import KINDS
from local_cloud.settings import Settings

TEXT = (ROOT / "docs" / "local_cloud.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, without its head."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_settings_are_documented_with_their_defaults() -> None:
    documented = {row[0].strip("`"): row[1] for row in table("Settings")}
    expected = {
        name: str(value).lower() if isinstance(value, (bool, str)) else f"{value:g}"
        for name, value in Settings().as_dict().items()
    }
    assert documented == expected


def test_faults_are_documented_with_their_options() -> None:
    documented: dict[str, set[str]] = {}
    for kinds, options, _meaning in table("Faults"):
        for kind in re.findall(r"`(\w+)`", kinds):
            documented[kind] = set(re.findall(r"`(\w+)`", options))
    assert documented == {kind: set(options) for kind, options in KINDS.items()}
