# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server: moto with our fixes behind one WSGI application, on 127.0.0.1.

Started by launcher.py as `python -m local_cloud.server`. Its own calls, all JSON:

GET  /local-cloud/identity            what this server is: token, process, account, engine
GET  /local-cloud/settings            the settings; POST changes some of them
GET  /local-cloud/faults              the faults; POST adds one, DELETE clears all, or the one of ?id=
GET  /local-cloud/calls[?reset=1]     API calls since the last reset
GET  /local-cloud/layers/<digest>     an image's layer or configuration, as ECR's download URLs name it
POST /local-cloud/reset               forget every resource, fault and count; settings stay
"""

from __future__ import annotations

import argparse
import io
import json
import os
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import ThreadedWSGIServer

from . import calls, fixes
from .ecs import api
from .faults import FAULTS
from .fixes import ecr
from .settings import SETTINGS, from_environment

StartResponse = Callable[..., Any]
CONTROL = "/local-cloud/"
LAYERS = CONTROL + "layers/"
IDLE_SECONDS = 120  # a connection that is kept alive and not used
ADDRESS = "127.0.0.1"


class Counts:
    """API calls and connections since the last reset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._connections = 0

    def call(self, name: str) -> None:
        with self._lock:
            self._calls[name] += 1

    def connection(self) -> None:
        with self._lock:
            self._connections += 1

    def read(self, *, reset: bool) -> dict[str, Any]:
        with self._lock:
            result = {
                "total": sum(self._calls.values()),
                "calls": dict(sorted(self._calls.items())),
                "connections": self._connections,
            }
            if reset:
                self._calls.clear()
                self._connections = 0
            return result


class Application:
    """Counts, delays, spoils, and hands on to moto; answers the control calls itself."""

    def __init__(self, moto: Any, identity: dict[str, Any]) -> None:
        self._moto = moto
        self._identity = identity
        self.counts = Counts()

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        _read_body(environ)
        path = environ.get("PATH_INFO", "")
        if path.startswith(LAYERS):
            return self._layer(start, path.removeprefix(LAYERS))
        if path.startswith(CONTROL):
            status, body = self._control(environ, path.removeprefix(CONTROL).rstrip("/"))
            return _reply(start, status, [("Content-Type", "application/json")], json.dumps(body, indent=1).encode())
        call = calls.identify(environ)
        return list(self._moto(environ, start)) if call is None else self._api_call(call, environ, start)

    def _api_call(self, call: calls.Call, environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        self.counts.call(call.name)
        if SETTINGS.latency_ms:
            time.sleep(SETTINGS.latency_ms / 1000)
        try:
            FAULTS.read_file(SETTINGS.faults_file)
            fault = FAULTS.strike("throttling", "api_error", aws_service=call.service, operation=call.operation)
            if fault is None:
                return list(self._moto(environ, start))
            status, headers, content = calls.failure(call, fault)
        except Exception as error:  # the caller gets an error of the service's form, the log the rest
            traceback.print_exc()
            status, headers, content = calls.crash(call, error)
        return _reply(start, status, headers, content)

    def _control(self, environ: dict[str, Any], what: str) -> tuple[int, Any]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        handlers: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "identity"): lambda: self._identity,
            ("GET", "settings"): SETTINGS.as_dict,
            ("POST", "settings"): lambda: _change_settings(environ),
            ("GET", "faults"): FAULTS.list,
            ("POST", "faults"): lambda: FAULTS.add(_json(environ)).as_dict(),
            ("DELETE", "faults"): lambda: {"removed": FAULTS.clear(query.get("id"))},
            ("GET", "calls"): lambda: self.counts.read(reset=query.get("reset") in ("1", "true")),
            ("POST", "reset"): self._reset,
        }
        handler = handlers.get((environ["REQUEST_METHOD"], what))
        if handler is None:
            return 404, {"error": f"There is no {environ['REQUEST_METHOD']} {CONTROL}{what}."}
        try:
            return 200, handler()
        except ValueError as error:
            return 400, {"error": str(error)}

    def _layer(self, start: StartResponse, digest: str) -> list[bytes]:
        """What ECR's download URLs lead to."""
        content = ecr.LAYERS.get(digest)
        kind = [("Content-Type", "application/octet-stream")]
        return _reply(start, 404 if content is None else 200, kind, content or b"")

    def _reset(self) -> dict[str, str]:
        moto_api_backend.reset()
        FAULTS.clear()
        self.counts.read(reset=True)
        return {"status": "reset"}


def build(identity: dict[str, Any]) -> Application:
    """moto's application with every fix applied. The launcher has put the account's id into MOTO_ACCOUNT_ID."""
    api.install()
    fixes.apply()
    moto = DomainDispatcherApplication(create_backend_app)

    def application(environ: dict[str, Any], start: StartResponse) -> Any:
        api.catch_up_everywhere()
        return moto(environ, start)

    return Application(application, identity)


def serve(application: Application, port: int, ready: Callable[[int], None]) -> None:
    """Serve until the process ends; `ready` is told the port."""

    class Handler(MotoRequestHandler):
        """HTTP/1.1 with connections that stay open, as the real endpoints have; werkzeug's own closes each."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = IDLE_SECONDS

        def setup(self) -> None:
            super().setup()
            application.counts.connection()
            if SETTINGS.connect_ms:
                time.sleep(SETTINGS.connect_ms / 1000)

        def run_wsgi(self) -> None:
            self.environ = environ = self.make_environ()
            head: list[tuple[str, list[tuple[str, str]]]] = []
            body = b"".join(application(environ, lambda status, headers, _exc=None: head.append((status, headers))))
            status, headers = head[-1]
            code, _space, text = status.partition(" ")
            self.send_response(int(code), text)
            for name, value in headers:
                if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            length = next((value for name, value in headers if name.lower() == "content-length"), None)
            is_head = environ["REQUEST_METHOD"] == "HEAD"
            self.send_header("Content-Length", length if is_head and length is not None else str(len(body)))
            self.end_headers()
            if not is_head:
                self.wfile.write(body)
            self.wfile.flush()

        def log_request(self, *_args: Any) -> None:
            """The log is for what goes wrong."""

    class Server(ThreadedWSGIServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(ADDRESS, port, application, handler=Handler)
    os.environ["MOTO_PORT"] = str(server.port)  # moto calls itself for a few things
    ready(server.port)
    server.serve_forever()


def write_atomically(path: Path, content: str, mode: int = 0o600) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.touch(mode=mode)
    temporary.write_text(content, encoding="utf-8")
    temporary.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the embedded AWS in this process.")
    parser.add_argument("--state", type=Path, required=True, help="file that is told the port")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--account-id", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--setting", action="append", default=[])
    arguments = parser.parse_args()
    SETTINGS.update({**from_environment(os.environ), **dict(item.split("=", 1) for item in arguments.setting)})
    os.environ["MOTO_ACCOUNT_ID"] = arguments.account_id
    identity = {
        "engine": "sim",
        "token": arguments.token,
        "pid": os.getpid(),
        "account_id": arguments.account_id,
        "region": arguments.region,
    }

    def ready(port: int) -> None:
        endpoint = f"http://{ADDRESS}:{port}"
        state = {**identity, "endpoint": endpoint, "port": port, "settings": SETTINGS.as_dict()}
        write_atomically(arguments.state, json.dumps(state, indent=1) + "\n")

    serve(build(identity), arguments.port, ready)


def _read_body(environ: dict[str, Any]) -> None:
    """Read the whole body here: the next request on the connection begins after it."""
    stream = environ["wsgi.input"]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if environ.get("wsgi.input_terminated"):
        body = stream.read()
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    else:
        body = stream.read(length) if length else b""
    environ["local_cloud.body"] = body
    environ["wsgi.input"] = io.BytesIO(body)


def _change_settings(environ: dict[str, Any]) -> dict[str, Any]:
    SETTINGS.update(_json(environ))
    FAULTS.read_file(SETTINGS.faults_file)
    return SETTINGS.as_dict()


def _json(environ: dict[str, Any]) -> dict[str, Any]:
    try:
        body = json.loads(environ["local_cloud.body"] or b"{}")
    except ValueError as error:
        raise ValueError(f"The body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise ValueError("The body is a JSON object.")
    return body


def _reply(start: StartResponse, status: int, headers: list[tuple[str, str]], body: bytes) -> list[bytes]:
    start(f"{status} {'OK' if status < 400 else 'Error'}", headers)
    return [body]


if __name__ == "__main__":
    main()
