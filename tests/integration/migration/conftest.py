# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.slipway.aws.tests.integration.migration.harness import Project
from ansible_collections.slipway.aws.tests.postgres.server import Server, running

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Without PostgreSQL the tests fail, saying what to install: they are never skipped silently."""
    with running() as server:
        yield server


@pytest.fixture
def project(postgres: Server, tmp_path: Path) -> Iterator[Project]:
    """An empty database and an empty directory of migrations."""
    postgres.start()
    name = f"test_{next(_NUMBERS)}"
    with postgres.connect() as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield Project(postgres, name, tmp_path / "migrations")
    postgres.start()
    with postgres.connect() as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
