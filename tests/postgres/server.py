# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real PostgreSQL for tests: Debian's binaries, a temporary directory, a free loopback port, stopped by its pid."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

USER = "postgres"
_SETTINGS = {"max_connections": "120", "shared_buffers": "64MB", "log_min_messages": "fatal"}
_FAST = {"fsync": "off", "full_page_writes": "off"}


class MissingError(RuntimeError):
    """PostgreSQL's server is not installed."""


def binaries() -> Path:
    """The directory of initdb and postgres, the newest version's."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).resolve().parent
    raise MissingError("PostgreSQL's server is not installed: apt-get install -y postgresql")


class Server:
    """start() and stop() may be repeated; kill() is what a power failure does to the processes."""

    def __init__(self, *, durable: bool = False) -> None:
        self.bin = binaries()
        self.root = Path(tempfile.mkdtemp(prefix="slipway-postgres-"))
        self.root.chmod(0o755)
        self.data, self.log = self.root / "data", self.root / "log"
        self.port = _free_port()
        self.settings = {**_SETTINGS, **({} if durable else _FAST)}
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _unprivileged()
        if self._user:
            os.chown(self.root, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-D", str(self.data), "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync", "-A", "trust")
        ours, others = "host all postgres 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"
        rules = f"local all postgres trust\n{ours}\n{others}\n"
        (self.data / "pg_hba.conf").write_text(rules)

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self.bin / program), *arguments]
        if not self._user:
            return command
        drop = ["setpriv", f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups"]
        return [*drop, *command]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(self._command(program, *arguments), cwd=self.root, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode()}")

    def start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        settings = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        where = ["-D", str(self.data), "-p", str(self.port), "-k", str(self.root), "-h", "127.0.0.1"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", *where, *settings), cwd=self.root, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError), self.connect():
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
        self._process = None

    def kill(self) -> None:
        """All processes of this server at once, without a goodbye."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        self._process.kill()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        self._process.wait(30)
        self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def connect(self, dbname: str = "postgres", **more: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, dbname=dbname, autocommit=True, **{"user": USER, **more}
        )

    def client(self, program: str, *arguments: str, dbname: str) -> subprocess.CompletedProcess[str]:
        """psql, pg_dump and the like, on a database of this server."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", dbname]
        return subprocess.run([str(self.bin / program), *where, *arguments], capture_output=True, text=True, check=True)


@contextlib.contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    server = Server(durable=durable)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to run as, being root: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise MissingError("no user postgres or nobody to run PostgreSQL as")
