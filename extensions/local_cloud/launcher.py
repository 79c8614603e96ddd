# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start and stop the embedded AWS, or say whether it runs.

    python extensions/local_cloud/launcher.py start --directory .local --account-id 111122223333
    . .local/aws.env
    python extensions/local_cloud/launcher.py stop --directory .local

Every command prints one JSON object: `changed`, `state` (running | stopped), and for a running one its `endpoint`,
`port`, `pid`, `account_id`, `region`, `settings`, `environment`. What goes wrong is said on stderr, with exit code 1.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
# Ansible masks the secret key wherever its letters occur in what a module returns: it must not be part of any name.
SECRET_KEY = "the-embedded-aws-checks-no-keys"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.02
LOG_TAIL = 15
SHOWN = ("endpoint", "port", "pid", "account_id", "region", "settings")


class LauncherError(Exception):
    """What failed, why, and what to do."""


class Files:
    """The files of one embedded AWS."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.environment = self.directory / "aws.env"
        self.pid = self.directory / "local_cloud.pid"
        self.log = self.directory / "local_cloud.log"
        self.state = self.directory / "local_cloud.json"
        self.lock = self.directory / "local_cloud.lock"

    def read_state(self) -> dict[str, Any] | None:
        try:
            state = json.loads(self.state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return state if isinstance(state, dict) else None

    def forget(self) -> None:
        for path in (self.state, self.pid, self.environment):
            path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One launcher at a time works on a directory."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.lock.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def start(files: Files, arguments: argparse.Namespace) -> dict[str, Any]:
    with files.locked():
        running = ours(files)
        if running is not None:
            _check_same(running, arguments)
            changed, settings = _apply_settings(running, arguments.setting)
            return {"changed": changed, "state": "running", **_shown({**running, "settings": settings})}
        files.forget()  # a pid file of a process that is gone, or of another
        state = _launch(files, arguments)
        exports = "".join(f"export {name}={value}\n" for name, value in environment(state).items())
        files.environment.write_text(exports, encoding="utf-8")
        return {"changed": True, "state": "running", **_shown(state)}


def stop(files: Files) -> dict[str, Any]:
    if not files.directory.exists():
        return {"changed": False, "state": "stopped"}
    with files.locked():
        running = ours(files)
        if running is None:
            files.forget()
            return {"changed": False, "state": "stopped"}
        _end(int(running["pid"]))
        files.forget()
        return {"changed": True, "state": "stopped"}


def status(files: Files) -> dict[str, Any]:
    running = ours(files)
    if running is None:
        return {"changed": False, "state": "stopped"}
    return {"changed": False, "state": "running", **_shown(running)}


def ours(files: Files) -> dict[str, Any] | None:
    """The state of the server that this directory's files name, if it answers with the token that they hold.

    A process id alone proves nothing: after a reboot it may be anybody's.
    """
    state = files.read_state()
    if state is None:
        return None
    identity = _ask(f"{state.get('endpoint')}/local-cloud/identity")
    if identity is None or identity.get("token") != state.get("token"):
        return None
    return {**state, "pid": identity["pid"]}


def environment(state: dict[str, Any]) -> dict[str, str]:
    """What leads the AWS CLI and boto3 to it."""
    return {
        "AWS_ENDPOINT_URL": state["endpoint"],
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": state["region"],
        "AWS_DEFAULT_REGION": state["region"],
    }


def _apply_settings(running: dict[str, Any], given: list[str]) -> tuple[bool, Any]:
    """Give a server that runs already the settings that were asked for; (whether one was another, all of them)."""
    url = f"{running['endpoint']}/local-cloud/settings"
    before = _ask(url)
    after = _ask(url, dict(item.split("=", 1) for item in given)) if given else before
    if after is None or "error" in after:
        raise LauncherError(
            f"The embedded AWS at {running['endpoint']} refuses the settings: {(after or {}).get('error')}"
        )
    return after != before, after


def _launch(files: Files, arguments: argparse.Namespace) -> dict[str, Any]:
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "local_cloud.server", "--state", str(files.state), "--token", token]
    command += ["--account-id", arguments.account_id, "--region", arguments.region, "--port", str(arguments.port)]
    for setting in arguments.setting:
        command += ["--setting", setting]
    with files.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=files.directory,
            env=_server_environment(arguments.account_id),
            start_new_session=True,  # it outlives the shell and the play that started it
        )
    files.pid.write_text(f"{process.pid}\n", encoding="utf-8")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        state = ours(files)
        if state is not None and state["token"] == token:
            return state
        if process.poll() is not None:
            files.forget()
            raise LauncherError(f"The embedded AWS ended at its start. {files.log} says:\n{_tail(files.log)}")
        time.sleep(LOOK_SECONDS)
    process.kill()
    files.forget()
    raise LauncherError(f"The embedded AWS did not answer within {START_SECONDS:.0f} s; see {files.log}.")


def _server_environment(account_id: str) -> dict[str, str]:
    """Without the caller's AWS settings: moto itself uses botocore."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    package_root = str(Path(__file__).resolve().parent.parent)
    return {
        **inherited,
        "PYTHONPATH": package_root,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "MOTO_ACCOUNT_ID": account_id,
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        "MOTO_ACM_VALIDATION_WAIT": "0",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _end(pid: int) -> None:
    """End a process that was proved to be ours, and see that it is gone."""
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        if not _alive(pid):
            return
        time.sleep(LOOK_SECONDS)
    os.kill(pid, signal.SIGKILL)
    raise LauncherError(f"Process {pid} did not end within {STOP_SECONDS:.0f} s of SIGTERM and was killed.")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child that ended and was not waited for still has its id; Linux shows it as a zombie.
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return True


def _ask(url: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """The JSON answer, of an error too; None if nobody answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy
    try:
        with opener.open(url, data=None if body is None else json.dumps(body).encode(), timeout=5) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        answer = _json_of(error)
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def _json_of(error: urllib.error.HTTPError) -> Any:
    try:
        return json.load(error)
    except ValueError:
        return None


def _check_same(running: dict[str, Any], arguments: argparse.Namespace) -> None:
    """A server of another account is no answer to a request for this one."""
    if running["account_id"] != arguments.account_id:
        raise LauncherError(
            f"The embedded AWS at {running['endpoint']} runs with account {running['account_id']}, not with"
            f" {arguments.account_id}. Stop it first, or use another --directory."
        )


def _shown(state: dict[str, Any]) -> dict[str, Any]:
    return {**{key: state[key] for key in SHOWN if key in state}, "environment": environment(state)}


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL:])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("start", "stop", "status"))
    parser.add_argument("--directory", type=Path, required=True, help="where its files are, such as .local")
    parser.add_argument("--account-id", type=_account, default=DEFAULT_ACCOUNT)
    parser.add_argument("--region", default=DEFAULT_REGION, help="the region in aws.env; every region is served")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument(
        "--setting",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="for instance database_seconds=5; also as LOCAL_CLOUD_DATABASE_SECONDS in the environment",
    )
    return parser


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise argparse.ArgumentTypeError(f"an account id has 12 digits: {text!r}")
    return text


def _setting(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"a setting is NAME=VALUE: {text!r}")
    return text


def main() -> int:
    arguments = _parser().parse_args()
    files = Files(arguments.directory)
    try:
        if arguments.command == "start":
            result = start(files, arguments)
        else:
            result = stop(files) if arguments.command == "stop" else status(files)
    except (LauncherError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
