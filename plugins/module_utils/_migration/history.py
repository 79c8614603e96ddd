# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the database itself remembers: the history, and beside it the fence, unfinished files and the last failure.

Two tables, always named with their schema, so that no search_path hides them. The history has a row for each applied
file and nothing else. The state has a few rows by name, each a JSON document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._migration.files import Script
from ansible_collections.slipway.aws.plugins.module_utils._migration.libraries import jsonb, sql
from ansible_collections.slipway.aws.plugins.module_utils._migration.plan import Record, Unfinished

DEFAULT_TABLE = "public.slipway_migrations"
_LONGEST = 57  # bytes: room for "_state" in PostgreSQL's 63
_ABOUT_HISTORY = (
    "Migrations applied by slipway.aws.migration_sql, one row a file. "
    "In a restored backup it says what that backup's schema contains."
)
_ABOUT_STATE = (
    "Working state of slipway.aws.migration_sql: newest fence, files begun without a transaction, last failure. "
    "In a restored backup it is that of the moment of the backup; no lock lives here."
)


@dataclass(frozen=True)
class Snapshot:
    """One look at both tables. now is the database's clock in seconds since 1970."""

    records: tuple[Record, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    fence: int | None = None
    failure: dict[str, Any] | None = None
    now: float = 0.0


class History:
    """The two tables. Every method runs on the connection that it is given."""

    def __init__(self, table: str) -> None:
        schema, name = split_name(table)
        self.schema, self.name = schema, name
        self._history = sql.Identifier(schema, name)
        self._state = sql.Identifier(schema, f"{name}_state")

    @property
    def keys(self) -> tuple[int, int]:
        """Keys of the two advisory locks: one for the runner, one for the connection that runs the SQL."""
        return _key("runner", self.schema, self.name), _key("work", self.schema, self.name)

    def _sql(self, text: str) -> Any:
        return sql.SQL(text).format(history=self._history, state=self._state, schema=sql.Identifier(self.schema))

    def exists(self, connection: Any) -> bool:
        names = [self._history.as_string(connection), self._state.as_string(connection)]
        row = connection.execute(
            "SELECT pg_catalog.to_regclass(%s) IS NOT NULL AND pg_catalog.to_regclass(%s) IS NOT NULL", names
        ).fetchone()
        return bool(row[0])

    def create(self, connection: Any) -> None:
        """Both tables, in one transaction, where they are missing. The runner's lock is held."""
        with connection.transaction():
            schemas = connection.execute(
                "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", [self.schema]
            ).fetchone()
            if schemas is None:
                connection.execute(self._sql("CREATE SCHEMA {schema}"))
            connection.execute(
                self._sql(
                    "CREATE TABLE IF NOT EXISTS {history} ("
                    " number numeric PRIMARY KEY, version text NOT NULL, description text NOT NULL, file text NOT NULL,"
                    " sha256 text NOT NULL, fence bigint, applied_by text NOT NULL,"
                    " applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),"
                    " milliseconds bigint NOT NULL)"
                )
            )
            connection.execute(
                self._sql(
                    "CREATE TABLE IF NOT EXISTS {state} (name text PRIMARY KEY, value jsonb NOT NULL,"
                    " changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp())"
                )
            )
            for table, about in (("{history}", _ABOUT_HISTORY), ("{state}", _ABOUT_STATE)):
                connection.execute(self._sql(f"COMMENT ON TABLE {table} IS ") + sql.Literal(about))

    def look(self, connection: Any) -> Snapshot:
        now = connection.execute("SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8").fetchone()[0]
        if not self.exists(connection):
            return Snapshot(now=now)
        # The state first: a file that is finished in between is then seen twice, never not at all.
        state = dict(connection.execute(self._sql("SELECT name, value FROM {state}")).fetchall())
        rows = connection.execute(
            self._sql(
                "SELECT number, version, description, file, sha256, fence, applied_by, applied_at, milliseconds"
                " FROM {history} ORDER BY number"
            )
        ).fetchall()
        records = tuple(_record(row) for row in rows)
        recorded = {record.number for record in records}
        begun = [_unfinished(value) for name, value in state.items() if name.startswith("unfinished ")]
        return Snapshot(
            records,
            tuple(item for item in begun if item.down == (item.number in recorded)),
            state["fence"]["fence"] if "fence" in state else None,
            state.get("failure"),
            now,
        )

    def add(self, connection: Any, script: Script, *, fence: int | None, who: str, milliseconds: int) -> None:
        connection.execute(
            self._sql(
                "INSERT INTO {history} (number, version, description, file, sha256, fence, applied_by, milliseconds)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            ),
            [
                script.number,
                script.version,
                script.description,
                script.file,
                script.sha256,
                fence,
                who,
                milliseconds,
            ],
        )

    def remove(self, connection: Any, script: Script) -> None:
        connection.execute(self._sql("DELETE FROM {history} WHERE number = %s"), [script.number])

    def put(self, connection: Any, name: str, value: dict[str, Any]) -> None:
        connection.execute(
            self._sql(
                "INSERT INTO {state} (name, value) VALUES (%s, %s) ON CONFLICT (name)"
                " DO UPDATE SET value = excluded.value, changed_at = pg_catalog.clock_timestamp()"
            ),
            [name, jsonb.Jsonb(value)],
        )

    def forget(self, connection: Any, names: Iterable[str]) -> None:
        connection.execute(self._sql("DELETE FROM {state} WHERE name = ANY(%s)"), [list(names)])

    def raise_fence(self, connection: Any, fence: int, who: str) -> None:
        self.put(connection, "fence", {"fence": fence, "by": who})

    def begin(self, connection: Any, item: Unfinished) -> None:
        self.put(connection, unfinished_name(item), asdict(item))

    def recorded_fence(self, connection: Any) -> int | None:
        row = connection.execute(
            self._sql("SELECT (value ->> 'fence')::bigint FROM {state} WHERE name = 'fence'")
        ).fetchone()
        return None if row is None else int(row[0])


def unfinished_name(item: Unfinished | Script) -> str:
    return f"unfinished {'down' if item.down else 'up'} {item.number}"


def split_name(table: str) -> tuple[str, str]:
    """`schema.table`, or `table` in public. Names are taken as they are, upper case included."""
    schema, dot, name = table.rpartition(".")
    schema = schema if dot else "public"
    if not schema or not name or "." in schema or '"' in table or len(name.encode()) > _LONGEST:
        raise SlipwayError(
            f"{table} cannot be the history table",
            f"a table or schema.table is wanted, the table's name of at most {_LONGEST} bytes, without quotes",
            f"For example {DEFAULT_TABLE}.",
        )
    return schema, name


def _key(purpose: str, schema: str, name: str) -> int:
    digest = hashlib.sha256(f"slipway.aws.migration_sql {purpose} {schema}.{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _record(row: Any) -> Record:
    number, version, description, file, sha256, fence, applied_by, applied_at, milliseconds = row
    return Record(
        int(number), version, description, file, sha256, fence, applied_by, applied_at.isoformat(), milliseconds
    )


def _unfinished(value: dict[str, Any]) -> Unfinished:
    return Unfinished(**{**value, "indexes": tuple(value["indexes"])})
