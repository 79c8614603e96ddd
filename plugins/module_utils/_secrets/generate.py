# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random values, from the operating system's source of randomness."""

from __future__ import annotations

import secrets
import string

CHARSETS: dict[str, tuple[str, ...]] = {
    "alphanumeric": (string.ascii_lowercase, string.ascii_uppercase, string.digits),
    "hex": ("0123456789abcdef",),
    # Without / @ " ' \ and space, which RDS or a shell takes otherwise than meant.
    "ascii": (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!#$%&()*+,-.:;<=>?[]^_`{|}~"),
}


def classes(charset: str, exclude: str) -> list[str]:
    """The classes of characters that are left of a charset once `exclude` is taken out."""
    left = ["".join(letter for letter in letters if letter not in exclude) for letters in CHARSETS[charset]]
    return [letters for letters in left if letters]


def generate(length: int, charset: str = "alphanumeric", exclude: str = "") -> str:
    """`length` random characters, with at least one of each class where the charset has several and there is room."""
    kinds = classes(charset, exclude)
    everything = "".join(kinds)
    while True:
        text = "".join(secrets.choice(everything) for _position in range(length))
        if len(kinds) > length or all(any(letter in kind for letter in text) for kind in kinds):
            return text
