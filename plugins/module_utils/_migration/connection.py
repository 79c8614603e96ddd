# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the database is, how to get in, and that it is the server itself and no pooler."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._migration.libraries import psycopg

# The last @ ends the credentials: composed secrets often hold passwords that nobody escaped.
_URL = re.compile(
    r"postgres(?:ql)?(?:\+\w+)?://(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?"
    r"(?P<hosts>[^@/?#]*)(?:/(?P<dbname>[^?#]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_FROM_QUERY = frozenset(
    ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "target_session_attrs", "channel_binding")
)
_LIVELY = {"connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
_HINTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("timeout expired", "timed out", "unreachable", "No route"),
        "The database is usually private: set migration_host to a host with a path to it, "
        "and check the security groups.",
    ),
    (("refused",), "Check login_host and login_port, and that the server runs."),
    (("could not translate host name", "resolve host"), "Check login_host, and where this task runs."),
    (("password authentication", "no password", "does not exist"), "Check login_user, the password and login_db."),
    (("unsupported startup parameter",), "This is a pooler: use the direct endpoint of the database."),
    (("SSL", "no pg_hba.conf entry"), "Check ssl_mode, and what pg_hba.conf or the security group allows."),
)


@dataclass(frozen=True)
class Endpoint:
    """host may be a directory of sockets. options: further libpq parameters. The password is never shown."""

    host: str = ""
    port: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    dbname: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """For messages."""
        return f"database {self.dbname or self.user} on {self.host or 'the local socket'}:{self.port or '5432'}"

    def clean(self, text: str) -> str:
        """The text without the password."""
        return text.replace(self.password, "***") if self.password else text


def endpoint(params: Mapping[str, Any], read_secret: Callable[[str], str]) -> Endpoint:
    """From `login_*`, completed by the secret `secret_id` where one is named. What is said directly counts."""
    found = (
        from_secret(params["secret_id"], read_secret(params["secret_id"])) if params.get("secret_id") else Endpoint()
    )
    given = {
        name: str(params[option])
        for name, option in (
            ("host", "login_host"),
            ("port", "login_port"),
            ("user", "login_user"),
            ("password", "login_password"),
            ("dbname", "login_db"),
        )
        if params.get(option) not in (None, "")
    }
    options = dict(found.options)
    options |= {
        name: str(params[option])
        for name, option in (("sslmode", "ssl_mode"), ("sslrootcert", "ca_cert"))
        if params.get(option)
    }
    return replace(found, **given, options=tuple(options.items()))


def from_secret(secret_id: str, text: str) -> Endpoint:
    """A secret's value: a URL, or the JSON that RDS writes. Raises SlipwayError without showing any of it."""
    if text.lstrip().startswith("{"):
        try:
            values = json.loads(text)
        except ValueError:
            values = {}
        url = values.get("url") or values.get("DATABASE_URL")
        if url:
            return from_secret(secret_id, str(url))
        if values.get("username") or values.get("password"):
            return Endpoint(
                str(values.get("host", "")),
                str(values.get("port", "")),
                str(values.get("username", "")),
                str(values.get("password", "")),
                str(values.get("dbname") or values.get("database") or ""),
            )
    match = _URL.fullmatch(text.strip())
    if match is None:
        raise SlipwayError(
            f"The secret {secret_id} does not say how to reach a database",
            "it holds neither a URL (postgresql://…) nor the JSON that RDS writes (username, password, host, port)",
            "Correct the secret, or use login_host and its companions.",
        )
    return _from_url(match)


def _from_url(match: re.Match[str]) -> Endpoint:
    places = [place.rpartition(":") if ":" in place else (place, "", "") for place in match["hosts"].split(",")]
    options = {name: value for name, value in parse_qsl(match["query"] or "") if name in _FROM_QUERY}
    return Endpoint(
        ",".join(unquote(host) for host, _colon, _port in places),
        ",".join(port for _host, _colon, port in places).strip(","),
        unquote(match["user"] or ""),
        unquote(match["password"] or ""),
        unquote(match["dbname"] or ""),
        tuple(options.items()),
    )


def connect(where: Endpoint, purpose: str) -> Any:
    """A psycopg connection in autocommit. `purpose` is what the server shows as its application."""
    parameters: dict[str, Any] = {
        "host": where.host,
        "port": where.port,
        "user": where.user,
        "password": where.password,
        "dbname": where.dbname,
        "client_encoding": "UTF8",
        "application_name": purpose[:63],
        **_LIVELY,
        **dict(where.options),
    }
    try:
        return psycopg.connect(
            autocommit=True, prepare_threshold=None, **{name: value for name, value in parameters.items() if value}
        )
    except psycopg.Error as error:
        why = where.clean(" ".join(str(error).split()))
        hint = next((hint for words, hint in _HINTS if any(word in why for word in words)), "Check the connection.")
        raise SlipwayError(f"Cannot connect to {where.name}", why, hint) from None


def refuse_pooler(connection: Any, where: Endpoint) -> None:
    """A pooler names a process id of its own when a connection begins; locks of a session do not hold behind it."""
    announced = connection.info.backend_pid
    actual = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()[0]
    if announced != actual:
        raise SlipwayError(
            f"{where.name} is reached through a pooler",
            "the session's process is not the one that the connection was announced with, "
            "and locks of a session do not hold behind a pooler",
            "Use the direct endpoint of the database.",
        )
