# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One embedded AWS for all tests of this directory; each test begins with an empty account."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Helper modules beside the tests: pytest's importlib mode does not add them to the path.
sys.path.insert(0, str(Path(__file__).parent))

from local_cloud_support import ACCOUNT, DEFAULTS, QUICK, Cloud, launcher


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = str(tmp_path_factory.mktemp("cloud"))
    started = launcher("start", "--directory", directory, "--account-id", ACCOUNT)
    assert started.returncode == 0, started.stderr
    yield Cloud(json.loads(started.stdout)["endpoint"])
    stopped = launcher("stop", "--directory", directory)
    assert stopped.returncode == 0, stopped.stderr


@pytest.fixture
def cloud(server: Cloud) -> Cloud:
    """An empty account with the quick times."""
    server.control("POST", "reset")
    server.control("POST", "settings", {**DEFAULTS, **QUICK})
    return server
