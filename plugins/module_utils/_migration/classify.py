# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a statement does to the code that runs beside it, to the table's users, and to the data.

expand:       code written before it goes on working
contract:     code written before it may fail: something that it uses is gone, renamed, retyped or stricter
irreversible: the schema stays, but content is overwritten or removed that no down file brings back

Where the text does not tell (what a DO block runs dynamically, whether a type change is binary compatible), the
careful answer is given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._migration.libraries import ast, enums, parser
from ansible_collections.slipway.aws.plugins.module_utils._migration.parse import Parsed, Statement, option, walk

AlterTableType: Any = getattr(enums, "AlterTableType", None)
ConstrType: Any = getattr(enums, "ConstrType", None)
ObjectType: Any = getattr(enums, "ObjectType", None)
EXPAND, CONTRACT, IRREVERSIBLE = "expand", "contract", "irreversible"
_ORDER = (EXPAND, CONTRACT, IRREVERSIBLE)
MANY = 1000  # statements of one file from which on equal neighbours are told once, with their number


@dataclass(frozen=True)
class Effect:
    """table: the one that is locked or rewritten, as written; destroys_data: content is lost with it."""

    class_: str = EXPAND
    locks_heavily: bool = False
    rewrites_table: bool = False
    destroys_data: bool = False
    reason: str = ""
    table: str = ""

    def __or__(self, other: Effect) -> Effect:
        """Both together: the graver of each."""
        grave = max(self, other, key=lambda effect: (_ORDER.index(effect.class_), effect.destroys_data))
        reasons = dict.fromkeys(filter(None, (self.reason, other.reason)))
        return Effect(
            grave.class_,
            self.locks_heavily or other.locks_heavily,
            self.rewrites_table or other.rewrites_table,
            self.destroys_data or other.destroys_data,
            " ".join(reasons),
            self.table if self.locks_heavily else other.table or self.table,
        )


@dataclass(frozen=True)
class Classified:
    """A statement with its effect; count: how many equal neighbours it stands for."""

    parsed: Parsed
    statement: Statement
    effect: Effect
    count: int = 1

    def as_dict(self) -> dict[str, Any]:
        effect = self.effect
        return {
            "version": self.parsed.script.version,
            "file": self.parsed.script.file,
            "line": self.statement.line,
            "statement": self.statement.shown,
            "class": effect.class_,
            "locks_heavily": effect.locks_heavily,
            "rewrites_table": effect.rewrites_table,
            "destroys_data": effect.destroys_data,
            "table": effect.table or None,
            "reason": effect.reason,
            "statements": self.count,
        }


def classify(parsed: Parsed) -> list[Classified]:
    """Every statement of a file. A table that the same file makes has no users yet: nothing locks or breaks it."""
    made: set[str] = set()
    result: list[Classified] = []
    merge = len(parsed.statements) > MANY
    for statement in parsed.statements:
        effect = effect_of(statement)
        if effect.table and effect.table in made:
            effect = Effect(EXPAND, False, effect.rewrites_table, False, "The table is new.", effect.table)
        made |= _makes(statement)
        last = result[-1] if result else None
        if merge and last and (last.effect, last.statement.word) == (effect, statement.word):
            result[-1] = replace(last, count=last.count + 1)
        else:
            result.append(Classified(parsed, statement, effect))
    return result


def _makes(statement: Statement) -> set[str]:
    if statement.word not in ("create", "select"):
        return set()
    if statement.word == "select" and " into " not in statement.text[:100_000].lower():
        return set()
    node = statement.node
    if isinstance(node, (ast.CreateStmt, ast.CreateForeignTableStmt)):
        return {relation_name(getattr(node, "base", node).relation)}
    into = getattr(node, "into", None) or getattr(node, "intoClause", None)
    return {relation_name(into.rel)} if into is not None else set()


def relation_name(relation: Any) -> str:
    """schema.table or table."""
    return f"{relation.schemaname}.{relation.relname}" if relation.schemaname else str(relation.relname)


def effect_of(statement: Statement) -> Effect:
    """The effect of one statement. Plain data statements are judged by their first words, however long they are."""
    by_word = _BY_WORD.get(statement.word)
    effect = by_word(statement) if by_word else None
    return effect if effect is not None else _of_node(statement.node)


def _of_node(node: Any) -> Effect:
    rule = _BY_NODE.get(type(node).__name__)
    if rule is None:
        return Effect()
    return rule(node) if callable(rule) else rule


# Data


def _insert(statement: Statement) -> Effect | None:
    return None if "conflict" in statement.text.lower() else Effect()


def _insert_node(node: Any) -> Effect:
    clause = node.onConflictClause
    if clause is not None and clause.action == enums.OnConflictAction.ONCONFLICT_UPDATE:
        return _OVERWRITES
    return _with_queries(node)


def _with_queries(node: Any) -> Effect:
    """Data statements inside WITH."""
    effect = Effect()
    for query in getattr(getattr(node, "withClause", None), "ctes", None) or ():
        effect |= _of_node(query.ctequery)
    return effect


_OVERWRITES = Effect(IRREVERSIBLE, destroys_data=True, reason="Overwrites values that no down file can bring back.")
_DELETES = Effect(IRREVERSIBLE, destroys_data=True, reason="Removes rows that no down file can bring back.")


# Tables


def _alter_table(node: Any) -> Effect:
    effect = Effect()
    for command in node.cmds:
        effect |= _alter_command(command, node.objtype)
    return replace(effect, table=relation_name(node.relation))


def _alter_command(command: Any, objtype: Any) -> Effect:
    rule = _commands().get(command.subtype)
    if rule is None:
        return Effect()
    effect = rule(command) if callable(rule) else rule
    if objtype != ObjectType.OBJECT_TABLE:  # views, composite types, indexes: nothing stored, nobody to keep waiting
        effect = replace(effect, locks_heavily=False, rewrites_table=False, destroys_data=False)
    return effect


def _add_column(command: Any) -> Effect:
    column = command.def_
    constraints = {constraint.contype: constraint for constraint in column.constraints or ()}
    default = constraints.get(ConstrType.CONSTR_DEFAULT)
    generated = constraints.get(ConstrType.CONSTR_GENERATED)
    filled = ConstrType.CONSTR_IDENTITY in constraints or _is_serial(column) or generated is not None
    effect = Effect()
    if not {ConstrType.CONSTR_NOTNULL, ConstrType.CONSTR_PRIMARY}.isdisjoint(constraints) and not (default or filled):
        effect |= Effect(
            CONTRACT, reason="A new column that may not be null, without a default: older code cannot insert."
        )
    if _is_stored(generated) or (filled and generated is None) or (default is not None and _volatile(default.raw_expr)):
        effect |= Effect(
            locks_heavily=True, rewrites_table=True, reason="Every row is written anew to fill the column."
        )
    checks = {ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_CHECK}
    if not checks.isdisjoint(constraints):
        effect |= Effect(locks_heavily=True, reason="The table is read under a lock to check the column.")
    return effect


def _is_serial(column: Any) -> bool:
    names = list(column.typeName.names if column.typeName is not None else ())
    return bool(names) and names[-1].sval in ("serial", "bigserial", "smallserial", "serial4", "serial8", "serial2")


def _is_stored(generated: Any) -> bool:
    return generated is not None and getattr(generated, "generated_kind", "s") in ("s", ord("s"), "\0")


# Functions that are known not to differ from row to row; anything else may, and then every row is written.
_STEADY = frozenset(
    (
        "now",
        "transaction_timestamp",
        "statement_timestamp",
        "timezone",
        "date_trunc",
        "to_timestamp",
        "make_date",
        "make_interval",
        "lower",
        "upper",
        "md5",
        "concat",
        "length",
        "jsonb_build_object",
        "json_build_object",
        "jsonb_build_array",
        "json_build_array",
        "current_setting",
        "current_database",
        "current_schema",
        "to_jsonb",
        "to_json",
        "array_fill",
        "int4range",
        "tstzrange",
        "daterange",
    )
)


def _volatile(expression: Any) -> bool:
    return any(isinstance(part, ast.FuncCall) and part.funcname[-1].sval not in _STEADY for part in walk(expression))


def _add_constraint(command: Any) -> Effect:
    constraint = command.def_
    effect = Effect(CONTRACT, reason="Older code may write what the constraint refuses.")
    if constraint.contype in (ConstrType.CONSTR_FOREIGN, ConstrType.CONSTR_CHECK, ConstrType.CONSTR_NOTNULL):
        if not constraint.skip_validation:
            effect |= Effect(locks_heavily=True, reason="All rows are checked under a lock (NOT VALID, then VALIDATE).")
    elif not constraint.indexname:
        effect |= Effect(
            locks_heavily=True, reason="An index is built under a lock (build it CONCURRENTLY, USING INDEX)."
        )
    return effect


def _column_default(command: Any) -> Effect:
    if command.def_ is not None:
        return Effect()
    return Effect(CONTRACT, reason="Older code may rely on the default.")


_REWRITE = Effect(locks_heavily=True, rewrites_table=True, reason="The table is written anew under a lock.")
_DROP_COLUMN = Effect(CONTRACT, destroys_data=True, reason="Older code may use the column; its content is lost.")
_RETYPE = _REWRITE | Effect(CONTRACT, reason="Older code may not know the type.")
_STRICTER = Effect(CONTRACT, reason="Older code may be refused what it does.")


def _commands() -> dict[Any, Effect | Callable[[Any], Effect]]:
    kinds = AlterTableType
    return {
        kinds.AT_AddColumn: _add_column,
        kinds.AT_AddConstraint: _add_constraint,
        kinds.AT_ColumnDefault: _column_default,
        kinds.AT_DropColumn: _DROP_COLUMN,
        kinds.AT_AlterColumnType: _RETYPE,
        kinds.AT_SetExpression: _REWRITE,
        kinds.AT_SetNotNull: Effect(
            CONTRACT, True, reason="Older code may write nulls; all rows are checked under a lock."
        ),
        kinds.AT_DropConstraint: Effect(CONTRACT, reason="Older code may rely on the constraint (ON CONFLICT, keys)."),
        kinds.AT_DropIdentity: Effect(CONTRACT, reason="Older code may rely on the value that is filled in."),
        kinds.AT_DropExpression: Effect(CONTRACT, reason="Older code may rely on the value that is filled in."),
        kinds.AT_SetAccessMethod: _REWRITE,
        kinds.AT_SetTableSpace: Effect(
            locks_heavily=True, rewrites_table=True, reason="The table is copied under a lock."
        ),
        kinds.AT_SetLogged: _REWRITE,
        kinds.AT_SetUnLogged: _REWRITE,
        kinds.AT_AttachPartition: Effect(locks_heavily=True, reason="The partition's rows are checked under a lock."),
        kinds.AT_DetachPartition: Effect(CONTRACT, reason="Older code no longer finds the partition's rows."),
        kinds.AT_DropInherit: Effect(CONTRACT, reason="Older code no longer finds the child's rows."),
        kinds.AT_EnableRowSecurity: _STRICTER,
        kinds.AT_ForceRowSecurity: _STRICTER,
    }


# Everything else


def _index(node: Any) -> Effect:
    effect = Effect(CONTRACT, reason="Older code may write what the unique index refuses.") if node.unique else Effect()
    if not node.concurrent:
        effect |= Effect(locks_heavily=True, reason="Writes wait until the index is built (CONCURRENTLY does not).")
    return replace(effect, table=relation_name(node.relation))


def _drop(node: Any) -> Effect:
    kind, cascade = node.removeType, node.behavior == enums.DropBehavior.DROP_CASCADE
    always = (ObjectType.OBJECT_TABLE, ObjectType.OBJECT_SEQUENCE)
    cascading = (
        ObjectType.OBJECT_SCHEMA,
        ObjectType.OBJECT_TYPE,
        ObjectType.OBJECT_DOMAIN,
        ObjectType.OBJECT_EXTENSION,
    )
    lost = kind in always or (cascade and kind in cascading)
    name = kind.name.removeprefix("OBJECT_").lower().replace("_", " ")
    effect = Effect(CONTRACT, reason=f"Older code may use the {name}{'; its content is lost' if lost else ''}.")
    table = ""
    if kind == ObjectType.OBJECT_TABLE and len(node.objects) == 1:
        table = ".".join(part.sval for part in node.objects[0])
    return replace(effect, destroys_data=lost, table=table)


def _rename(node: Any) -> Effect:
    unseen = (
        ObjectType.OBJECT_INDEX,
        ObjectType.OBJECT_TABCONSTRAINT,
        ObjectType.OBJECT_TRIGGER,
        ObjectType.OBJECT_POLICY,
        ObjectType.OBJECT_RULE,
    )
    if node.renameType in unseen:
        return Effect()
    table = relation_name(node.relation) if node.relation is not None else ""
    return Effect(CONTRACT, reason="Older code uses the old name.", table=table)


def _enum(node: Any) -> Effect:
    if node.oldVal:
        return Effect(CONTRACT, reason="Older code uses the old label.")
    return Effect(reason="A label cannot be removed again.")


def _vacuum(node: Any) -> Effect:
    if not (node.is_vacuumcmd and option(node.options, "full")):
        return Effect()
    rels = list(node.rels or ())
    return replace(_REWRITE, table=relation_name(rels[0].relation) if len(rels) == 1 else "")


def _truncate(node: Any) -> Effect:
    return replace(_DELETES, table=relation_name(node.relations[0]) if len(node.relations) == 1 else "")


def _reindex(node: Any) -> Effect:
    if option(node.params, "concurrently"):
        return Effect()
    is_table = node.kind == enums.ReindexObjectType.REINDEX_OBJECT_TABLE
    table = relation_name(node.relation) if is_table else ""
    return Effect(locks_heavily=True, reason="Writes wait until the index is built.", table=table)


def _lock(node: Any) -> Effect:
    share_row = 5  # ShareLock, the first of those that make writers wait
    return Effect(locks_heavily=node.mode >= share_row, reason="An explicit lock, held until the file is committed.")


def _refresh(node: Any) -> Effect:
    if node.concurrent:
        return Effect()
    return Effect(locks_heavily=True, reason="Readers of the view wait until it is filled.")


def _domain(node: Any) -> Effect:
    tightens = node.subtype in ("C", "O", ord("C"), ord("O"))
    return Effect(CONTRACT, reason="Older code may write what the domain refuses.") if tightens else Effect()


def _grant(node: Any) -> Effect:
    return Effect() if node.is_grant else Effect(CONTRACT, reason="Older code may need the privilege.")


def _select(node: Any) -> Effect:
    return _with_queries(node)


# DO blocks: PL/pgSQL is parsed too, and the statements in it are judged like others


def _do(node: Any) -> Effect:
    options = {item.defname: item.arg.sval for item in node.args if hasattr(item.arg, "sval")}
    if options.get("language", "plpgsql") != "plpgsql":
        return _UNSEEN
    body, tag = options.get("as", ""), "$slipway$"
    try:
        tree = json.loads(parser.parse_plpgsql_json(f"DO {tag}{body}{tag}"))
    except (parser.ParseError, ValueError):
        return _UNSEEN
    effect = Effect()
    for part in _dicts(tree):
        effect |= _do_part(part)
    return effect


_UNSEEN = Effect(IRREVERSIBLE, destroys_data=True, reason="What the block runs cannot be told from its text.")


def _do_part(part: dict[str, Any]) -> Effect:
    if "PLpgSQL_stmt_dynexecute" in part or "PLpgSQL_stmt_dynfors" in part:
        inner = part.get("PLpgSQL_stmt_dynexecute") or part["PLpgSQL_stmt_dynfors"]
        literal = _literal(str(inner.get("query", {}).get("PLpgSQL_expr", {}).get("query", "")))
        return _of_text(literal) if literal is not None else _UNSEEN
    if "PLpgSQL_stmt_execsql" in part:
        return _of_text(str(part["PLpgSQL_stmt_execsql"]["sqlstmt"]["PLpgSQL_expr"]["query"]))
    return Effect()


def _literal(expression: str) -> str | None:
    """The text of EXECUTE 'a constant'; None where it is put together at run time."""
    try:
        value = parser.parse_sql(f"SELECT {expression}")[0].stmt.targetList[0].val
    except (parser.ParseError, AttributeError, IndexError, TypeError):
        return None
    constant = getattr(value, "val", None)
    return str(constant.sval) if isinstance(constant, ast.String) else None


def _of_text(sql: str) -> Effect:
    effect = Effect()
    try:
        for raw in parser.parse_sql(sql):
            effect |= _of_node(raw.stmt)
    except parser.ParseError:
        return _UNSEEN
    return effect


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _dicts(item)


_BY_WORD: dict[str, Callable[[Statement], Effect | None]] = {
    "insert": _insert,
    "update": lambda statement: _OVERWRITES,
    "delete": lambda statement: _DELETES,
}
_BY_NODE: dict[str, Effect | Callable[[Any], Effect]] = {
    "InsertStmt": _insert_node,
    "UpdateStmt": _OVERWRITES,
    "DeleteStmt": _DELETES,
    "MergeStmt": _OVERWRITES,
    "TruncateStmt": _truncate,
    "SelectStmt": _select,
    "AlterTableStmt": _alter_table,
    "IndexStmt": _index,
    "DropStmt": _drop,
    "DropdbStmt": Effect(CONTRACT, destroys_data=True, reason="The database is lost."),
    "DropOwnedStmt": Effect(CONTRACT, destroys_data=True, reason="Everything that the role owns is lost."),
    "DropRoleStmt": Effect(CONTRACT, reason="Older code may log in as the role."),
    "RenameStmt": _rename,
    "AlterObjectSchemaStmt": Effect(CONTRACT, reason="Older code looks for it in the old schema."),
    "AlterEnumStmt": _enum,
    "AlterDomainStmt": _domain,
    "VacuumStmt": _vacuum,
    "ClusterStmt": _REWRITE,
    "ReindexStmt": _reindex,
    "LockStmt": _lock,
    "RefreshMatViewStmt": _refresh,
    "GrantStmt": _grant,
    "GrantRoleStmt": _grant,
    "DoStmt": _do,
}


def destructive(classified: Iterable[Classified]) -> list[Classified]:
    """Those whose content is lost."""
    return [item for item in classified if item.effect.destroys_data]
