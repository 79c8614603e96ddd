# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a statement outside a transaction left behind: whether it ended, and INVALID indexes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._migration.libraries import ast, sql
from ansible_collections.slipway.aws.plugins.module_utils._migration.parse import Statement, option

_INVALID = """
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname), i.indrelid::regclass::text
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
ORDER BY 1
"""
_OF_TABLE = """
SELECT i.indexrelid, c.relname, i.indisvalid, pg_catalog.format('%%I.%%I', n.nspname, c.relname)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indrelid = pg_catalog.to_regclass(%s)
"""
_PARTITION = """
SELECT i.inhdetachpending FROM pg_catalog.pg_inherits i
WHERE i.inhrelid = pg_catalog.to_regclass(%s) AND i.inhparent = pg_catalog.to_regclass(%s)
"""
_THERE = {
    "CreatedbStmt": ("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", "dbname", True),
    "DropdbStmt": ("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", "dbname", False),
    "CreateTableSpaceStmt": ("SELECT 1 FROM pg_catalog.pg_tablespace WHERE spcname = %s", "tablespacename", True),
    "DropTableSpaceStmt": ("SELECT 1 FROM pg_catalog.pg_tablespace WHERE spcname = %s", "tablespacename", False),
    "CreateSubscriptionStmt": ("SELECT 1 FROM pg_catalog.pg_subscription WHERE subname = %s", "subname", True),
}


@dataclass(frozen=True)
class InvalidIndex:
    """name and table with their schema, quoted; remove: the statement that removes it."""

    name: str
    table: str

    @property
    def remove(self) -> str:
        return f"DROP INDEX CONCURRENTLY {self.name};"

    def as_dict(self) -> dict[str, str]:
        return {"index": self.name, "table": self.table, "remove": self.remove}


def invalid(connection: Any) -> list[InvalidIndex]:
    """All INVALID indexes of the database that nobody is building now."""
    return [InvalidIndex(name, table) for name, table in connection.execute(_INVALID.replace("%%", "%")).fetchall()]


def is_concurrent(statement: Statement) -> bool:
    """A statement that waits for other transactions by design."""
    node = statement.node
    if isinstance(node, ast.ReindexStmt):
        return option(node.params, "concurrently")
    return bool(getattr(node, "concurrent", False))


def _build(statement: Statement) -> Any:
    """The tree of CREATE INDEX CONCURRENTLY, None for anything else."""
    if statement.word != "create" or not isinstance(statement.node, ast.IndexStmt) or not statement.node.concurrent:
        return None
    return statement.node


def quoted(relation: Any) -> str:
    parts = [part for part in (relation.schemaname, relation.relname) if part]
    return str(sql.Identifier(*parts).as_string(None))


def of_table(connection: Any, statement: Statement) -> tuple[int, ...]:
    """Oids of the indexes that the table has before the build of another; nothing for other statements."""
    node = _build(statement)
    if node is None:
        return ()
    return tuple(int(row[0]) for row in connection.execute(_OF_TABLE, [quoted(node.relation)]).fetchall())


def invalid_of_that_name(connection: Any, statement: Statement) -> InvalidIndex | None:
    """The INVALID index that stands in the way of a build, or was left by it."""
    node = _build(statement)
    if node is None:
        return None
    rows = connection.execute(_OF_TABLE, [quoted(node.relation)]).fetchall()
    found = [name for _oid, relname, valid, name in rows if not valid and relname == node.idxname]
    return InvalidIndex(found[0], quoted(node.relation)) if found else None


def ended_before(connection: Any, statement: Statement, before: tuple[int, ...]) -> bool:
    """Whether a statement that was sent by a run that was killed had its effect.

    A build that was cut off leaves an INVALID index; being the one of this very statement, it is removed here, and
    the statement runs again. What can be repeated without harm (VACUUM, REINDEX) is simply run again.
    """
    node = statement.node
    if _build(statement) is not None:
        return _index_ended(connection, node, before)
    if isinstance(node, ast.DropStmt) and node.concurrent:
        names = [sql.Identifier(*(part.sval for part in parts)).as_string(None) for parts in node.objects]
        return all(_missing(connection, name) for name in names)
    if isinstance(node, ast.AlterTableStmt):
        return _detach_ended(connection, node)
    there = _THERE.get(type(node).__name__)
    if there is None:
        return False
    query, attribute, wanted = there
    row = connection.execute(query, [getattr(node, attribute)]).fetchone()
    return (row is not None) == wanted


def _missing(connection: Any, name: str) -> bool:
    return connection.execute("SELECT pg_catalog.to_regclass(%s) IS NULL", [name]).fetchone()[0] is True


def _index_ended(connection: Any, node: Any, before: tuple[int, ...]) -> bool:
    rows = connection.execute(_OF_TABLE, [quoted(node.relation)]).fetchall()
    new = [(relname, valid, name) for oid, relname, valid, name in rows if int(oid) not in before]
    mine = [item for item in new if not node.idxname or item[0] == node.idxname]
    for _relname, valid, name in mine:
        if not valid:
            connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    return any(valid for _relname, valid, _name in mine)


def _detach_ended(connection: Any, node: Any) -> bool:
    command = node.cmds[0]
    partition, parent = quoted(command.def_.name), quoted(node.relation)
    row = connection.execute(_PARTITION, [partition, parent]).fetchone()
    if row is None:
        return True
    if row[0]:
        connection.execute(f"ALTER TABLE {parent} DETACH PARTITION {partition} FINALIZE")
    return bool(row[0])
