# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.support.modules import ModuleFailed, call


def test_it_fails_with_what_is_missing_and_the_commands():
    missing = [{"what": "image api:1", "how": ["docker push x"]}, {"what": "secret y", "how": ["aws …"]}]
    with pytest.raises(ModuleFailed) as failure:
        call("report_missing", missing=missing)
    lines = str(failure.value).splitlines()
    assert lines[1:3] == ["  - image api:1", "      docker push x"]
    assert lines[-1] == "Then repeat the run, it goes on from here."


def test_nothing_missing_is_no_failure():
    assert call("report_missing", missing=[]) == {"changed": False, "missing": []}
