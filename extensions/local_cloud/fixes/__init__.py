# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What moto does not do as AWS does, put right: one module per service, one function per fix.

Each function says which behaviour it restores and where that is documented. All are applied once, at the start of the
server; nothing in site-packages is edited. A fix that no longer fits moto fails at the start, by an AttributeError.
"""

from __future__ import annotations

import importlib
import pkgutil


def apply() -> None:
    """Apply every fix of every module of this package."""
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for fix in importlib.import_module(f"{__name__}.{module}").FIXES:
            fix()
