# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RDS: the rules of its windows. API: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/"""

from __future__ import annotations

from typing import Any

from moto.rds import utils

from ..patching import replaces


def windows_that_touch_do_not_overlap() -> None:
    """A maintenance window may begin where the backup window ends.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Maintenance.html: they must not
    overlap, which 03:00-04:00 and 04:00-05:00 do not. moto takes the common end for an overlap of no length.
    """

    @replaces(utils, "get_overlap_between_two_date_ranges")
    def overlap(original: Any, *ranges: Any) -> Any:
        found = original(*ranges)
        return found if found > 0 else -1


FIXES = (windows_that_touch_do_not_overlap,)
