# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The libraries that this package needs and a host may lack. Each is None where it is missing: see `missing`."""

from __future__ import annotations

import importlib
from typing import Any

missing: list[str] = []  # names for pip


def _load(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        if package not in missing:
            missing.append(package)
        return None


ast: Any = _load("pglast.ast", "pglast")
enums: Any = _load("pglast.enums", "pglast")
parser: Any = _load("pglast.parser", "pglast")
psycopg: Any = _load("psycopg", "psycopg[binary]")
generators: Any = _load("psycopg.generators", "psycopg[binary]")
jsonb: Any = _load("psycopg.types.json", "psycopg[binary]")
pq: Any = _load("psycopg.pq", "psycopg[binary]")
sql: Any = _load("psycopg.sql", "psycopg[binary]")
