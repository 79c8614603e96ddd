# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of migrations and a database, with the module run on them as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.slipway.aws.tests.postgres.server import USER, Server

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "plugins" / "modules" / "migration_sql.py"


class Project:
    def __init__(self, server: Server, dbname: str, directory: Path) -> None:
        self.server, self.dbname, self.directory = server, dbname, directory
        directory.mkdir()

    def write(self, **files: str | bytes) -> None:
        """write(_1_users="CREATE …") makes 1_users.sql; a name ending in _down makes the down file."""
        for name, content in files.items():
            stem = name.removeprefix("_")
            file = f"{stem.removesuffix('_down')}.down.sql" if stem.endswith("_down") else f"{stem}.sql"
            self.put(file, content)

    def put(self, file: str, content: str | bytes) -> None:
        (self.directory / file).write_bytes(content.encode() if isinstance(content, str) else content)

    def arguments(self, **params: Any) -> dict[str, Any]:
        check, diff = params.pop("check", False), params.pop("diff", False)
        return {
            "ANSIBLE_MODULE_ARGS": {
                "directory": str(self.directory),
                "login_host": "127.0.0.1",
                "login_port": self.server.port,
                "login_user": USER,
                "login_db": self.dbname,
                "_ansible_check_mode": check,
                "_ansible_diff": diff,
                **params,
            }
        }

    def start(self, **params: Any) -> subprocess.Popen[str]:
        """The module as its own process, in its own process group."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}
        process = subprocess.Popen(
            [sys.executable, str(MODULE)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(self.arguments(**params)))
        process.stdin.close()
        process.stdin = None
        return process

    def result(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        output, errors = process.communicate(timeout=120)
        assert "Traceback" not in output + errors, output + errors
        found: dict[str, Any] = json.loads(output)
        return found

    def run(self, **params: Any) -> dict[str, Any]:
        return self.result(self.start(**params))

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.server.connect(self.dbname) as connection:
            cursor = connection.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def tables(self) -> list[str]:
        """The user's tables: not the runner's."""
        rows = self.query(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p')"
            " AND nspname NOT IN ('pg_catalog', 'information_schema') AND relname NOT LIKE 'slipway%' ORDER BY 1"
        )
        return [row[0] for row in rows]

    def dump(self) -> str:
        text = self.server.client("pg_dump", dbname=self.dbname).stdout
        return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))

    def busy(self, part: str) -> bool:
        """Whether some runner's statement that contains `part` is running now."""
        rows = self.query(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND datname = %s"
            " AND strpos(query, %s) > 0",
            self.dbname,
            part,
        )
        return bool(rows)

    def waiting(self) -> int:
        """How many runners are connected and have not got the lock."""
        rows = self.query(
            "SELECT count(*) FROM pg_stat_activity a"
            " WHERE datname = %s AND application_name LIKE 'slipway migration lock%%'"
            " AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND locktype = 'advisory' AND granted)",
            self.dbname,
        )
        return int(rows[0][0])


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Waits for a condition of other processes; fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for did not happen"
        time.sleep(0.02)
