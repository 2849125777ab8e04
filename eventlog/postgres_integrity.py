"""Checks that the tables of a log in PostgreSQL are as they were created, and that the indexes agree with them.

Whatever could change rows when they are written or read is reported: triggers, rules, policies, child tables, foreign
tables, unexpected tables and views, defaults, generated columns, constraints, collations, and functions. Then each index
is compared with its table: the rows read through the index alone against the rows read without any index.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

TABLES: Final = {
    "events": "position bigint, subject text, version bigint, type text, recorded_at bigint, event bytea, texts bytea",
    "head": "one integer, size bigint, frontier bytea, recorded_at bigint",
    "idempotency_records": "scope text, key text, salt bytea, digest bytea, first bigint, count bigint",
    "names": "normalized text, person text, name text, shown smallint",
    "tokens": "id text, hash bytea, actor text, scopes text, label text, created_at bigint, revoked_at bigint, "
    "expires_at bigint, used_at bigint",
    "sessions": "id text, hash bytea, person text, provider_groups text, created_at bigint, used_at bigint, "
    "expires_at bigint, issuer text, subject text, provider_session text, id_token text",
    "one_time_codes": "hash bytea, kind text, data text, expires_at bigint",
    "provider_accounts": "issuer text, subject text, person text",
    "access_journal": "number bigint, at bigint, kind text, who text, credential text, what text, reason text, "
    "times bigint, hash bytea",
    "access_journal_head": "one integer, first bigint, start bytea, last bigint, hash bytea",
    "owners": "name text, person text",
    "read_only": "reason text",
}
"""The tables of a log with their columns."""

NULLABLE: Final = (
    "events.texts",
    "idempotency_records.salt",
    "tokens.revoked_at",
    "tokens.expires_at",
    "tokens.used_at",
)
"""The only columns of these tables that may be NULL."""

INDEXES: Final = {
    ("events", "position", True),
    ("events", "subject, version", True),
    ("head", "one", True),
    ("idempotency_records", "scope, key", True),
    ("idempotency_records", "first, count", False),
    ("names", "normalized, person, name", True),
    ("names", "person", False),
    ("tokens", "id", True),
    ("tokens", "hash", True),
    ("tokens", "id", False),
    ("sessions", "id", True),
    ("sessions", "hash", True),
    ("sessions", "person", False),
    ("sessions", "issuer, subject", False),
    ("one_time_codes", "hash", True),
    ("one_time_codes", "expires_at", False),
    ("provider_accounts", "issuer, subject", True),
    ("access_journal", "number", True),
    ("access_journal", "at", False),
    ("access_journal_head", "one", True),
    ("owners", "name", True),
}
"""Each index: its table, its columns, and whether it is unique."""

_OTHERS: Final = re.compile(
    r"(shadow_)?(projection|field_value|field_ref|event|event_because|search)|workers|replica(_\w+)?"
)
"""The other tables that this program makes in the same schema: the read model, and what workers and replicas keep."""

_RELATIONS: Final = """
SELECT relname, relkind::text, relrowsecurity, relpersistence::text,
  EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = c.oid OR inhrelid = c.oid)
FROM pg_class c WHERE relnamespace = %s::regnamespace AND relkind NOT IN ('i', 'I', 't', 'S', 'c') ORDER BY relname
"""
_COLUMNS: Final = """
SELECT c.relname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' GROUP BY c.relname
"""
_HOOKS: Final = """
SELECT 'trigger', tgname, relname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
WHERE NOT tgisinternal AND c.relnamespace = %(schema)s::regnamespace
UNION ALL SELECT 'rule', rulename, relname FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class
WHERE rulename <> '_RETURN' AND c.relnamespace = %(schema)s::regnamespace
UNION ALL SELECT 'policy', polname, relname FROM pg_policy p JOIN pg_class c ON c.oid = polrelid
WHERE c.relnamespace = %(schema)s::regnamespace ORDER BY 1, 2
"""
_CHANGED_COLUMNS: Final = """
SELECT c.relname, a.attname, concat_ws(' and ',
  CASE WHEN a.atthasdef OR a.attidentity <> '' THEN 'a value of its own' END,
  CASE WHEN a.attcollation NOT IN (0, '"default"'::regcollation, '"C"'::regcollation) THEN 'another collation' END,
  CASE WHEN c.relname = ANY (%(tables)s) AND a.attnotnull = (c.relname || '.' || a.attname = ANY (%(nullable)s))
    THEN 'another rule about NULL' END)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind = 'r' ORDER BY c.relname, a.attnum
"""
"""A generated column, a default or an identity is a value of its own. With a collation that takes different texts for
equal, an account of one person would be that of another."""
_CONSTRAINTS: Final = """
WITH found AS MATERIALIZED (
  SELECT oid, conname, conrelid FROM pg_constraint n WHERE (contype NOT IN ('p', 'u', 'n') OR condeferrable)
    AND EXISTS (SELECT 1 FROM pg_class c WHERE c.oid IN (conrelid, confrelid) AND c.relnamespace = %s::regnamespace))
SELECT conname, conrelid::regclass::text FROM found WHERE pg_get_constraintdef(oid) <> 'CHECK ((one = 1))' ORDER BY 1
"""
"""Those of other schemas are not looked at, as their tables may be dropped meanwhile."""
_FUNCTIONS: Final = """
SELECT kind, name FROM (
  SELECT 'a function' AS kind, proname::text AS name, oid FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace
  UNION ALL SELECT 'an operator', oprname, oid FROM pg_operator WHERE oprnamespace = %(schema)s::regnamespace
  UNION ALL SELECT 'a collation', collname, oid FROM pg_collation WHERE collnamespace = %(schema)s::regnamespace
) AS found WHERE NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = found.oid AND deptype = 'e') ORDER BY 1, 2
"""
"""The schema is in the search path, so a function there is called instead of PostgreSQL's own if its types fit better.
Those of extensions are none of ours, but known."""
_INDEXES: Final = """
SELECT t.relname, i.relname, x.indisunique, x.indisvalid AND x.indisready AND x.indislive AND x.indimmediate
  AND am.amname = 'btree'
  AND NOT EXISTS (SELECT 1 FROM unnest(x.indkey::int2[], x.indcollation::oid[]) AS k (attnum, collation_oid)
    JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum WHERE k.collation_oid <> a.attcollation)
  AND (x.indpred IS NULL OR i.relname = 'active_tokens'),
  (SELECT string_agg(coalesce(a.attname, '?'), ', ' ORDER BY k.n) FROM unnest(x.indkey) WITH ORDINALITY AS k (attnum, n)
   LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum AND k.attnum > 0), i.oid, am.amname::text
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_am am ON am.oid = i.relam
WHERE t.relnamespace = %s::regnamespace ORDER BY t.relname, i.relname
"""


def find_damage(connection: Connection, schema: str) -> Iterator[str]:
    """Describe whatever in a schema is not as the log created it. The connection is read-only."""
    yield from _find_foreign(connection, schema)
    yield from _find_wrong_tables(connection, schema)
    found = [row for row in connection.execute(_INDEXES, (schema,)).fetchall() if row[0] in TABLES]
    yield from _find_wrong_indexes(found)
    yield from _find_indexes_unlike_tables(connection, found)
    yield from _find_with_amcheck(connection, found)


def _find_foreign(connection: Connection, schema: str) -> Iterator[str]:
    """Describe what does not belong there, or could change what is read or written."""
    for name, kind, policies, persistence, inherits in connection.execute(_RELATIONS, (schema,)).fetchall():
        if kind != "r" or not (name in TABLES or _OTHERS.fullmatch(name)):
            yield f"it has a {_KINDS.get(kind, 'relation')} {name}, which does not belong there"
        elif name in TABLES and (policies or inherits or persistence != "p"):
            yield f"the table {name} uses row security or inheritance, or is unlogged"
    for kind, name, table in connection.execute(_HOOKS, {"schema": schema}).fetchall():
        yield f"it has a {kind} {name} on {table}, which does not belong there"
    for name, table in connection.execute(_CONSTRAINTS, (schema,)).fetchall():
        yield f"it has a constraint {name} on {table}, which does not belong there"
    for kind, name in connection.execute(_FUNCTIONS, {"schema": schema}).fetchall():
        yield f"it has {kind} {name}, which does not belong there"


_KINDS: Final = {"r": "table", "v": "view", "m": "materialized view", "f": "foreign table", "p": "partitioned table"}


def _find_wrong_tables(connection: Connection, schema: str) -> Iterator[str]:
    columns: dict[str, str] = dict(connection.execute(_COLUMNS, (schema,)).fetchall())
    for table, expected in TABLES.items():
        if columns.get(table) != expected:
            yield f"the table {table} has the columns {columns.get(table, 'of no table')}, and not {expected}"
    known = {"schema": schema, "tables": list(TABLES), "nullable": list(NULLABLE)}
    for table, column, change in connection.execute(_CHANGED_COLUMNS, known).fetchall():
        if change:
            yield f"the column {column} of the table {table} has {change}"


def _find_wrong_indexes(found: list[Any]) -> Iterator[str]:
    valid = {(table, columns, unique) for table, _, unique, is_valid, columns, _, _ in found if is_valid}
    for table, name, _, is_valid, *_ in found:
        if not is_valid:
            yield f"the index {name} on {table} is not valid, or is not as it was created"
    for table, columns, unique in sorted(INDEXES - valid):
        yield f"the {'unique ' if unique else ''}index on {table} ({columns}) is missing"
    for table, columns, unique in sorted(valid - INDEXES):
        yield f"it has an index on {table} ({columns}){' that is unique' if unique else ''}, which does not belong there"


def find_wrong_indexes(connection: Connection, schema: str, tables: Collection[str]) -> Iterator[str]:
    """Describe which indexes of some tables are not valid, or do not hold what their table holds.

    Indexes on a part of the rows, on expressions and of other kinds than B-trees are not compared.
    """
    with connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = [
            (table, name, columns)
            for table, name, _, is_valid, columns, _, method in connection.execute(_INDEXES, (schema,)).fetchall()
            if table in tables and method == "btree" and "?" not in columns and is_valid
        ]
        yield from _compare_with_tables(connection, found)


def _find_indexes_unlike_tables(connection: Connection, found: list[Any]) -> Iterator[str]:
    """Compare each index with its table in one snapshot, so that concurrent writes make no difference."""
    known = {each[:2] for each in INDEXES}
    with connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield from _compare_with_tables(
            connection,
            [
                (table, name, columns)
                for table, name, _, is_valid, columns, *_ in found
                if is_valid and (table, columns) in known
            ],
        )


def _compare_with_tables(connection: Connection, indexes: list[tuple[str, str, str]]) -> Iterator[str]:
    """Describe which indexes, each with its table, name and columns, do not hold exactly what their table holds."""
    for table, of_table in groupby(sorted(indexes), itemgetter(0)):
        each = list(of_table)
        whole = f"SELECT {', '.join(map(_sum_of_rows, (columns for _, _, columns in each)))} FROM {table}"
        expected = _read(connection, whole, index=False)  # one pass through the table for all of its indexes
        for n, (_, name, columns) in enumerate(each):
            # The condition on the first column makes the planner use this index.
            sql = f"SELECT {_sum_of_rows(columns)} FROM {table} WHERE {columns.partition(', ')[0]} IS NOT NULL"
            if _read(connection, sql, index=True) != expected[2 * n : 2 * n + 2]:
                yield f"the index {name} does not hold what the table {table} holds"


def _sum_of_rows(columns: str) -> str:
    """SQL: how many rows have a first column, and the sum of the hashes of these columns in them."""
    text = " || chr(31) || ".join(f"{column}::text" for column in columns.split(", "))
    present = f"FILTER (WHERE {columns.partition(', ')[0]} IS NOT NULL)"
    return f"count(*) {present}, coalesce(sum(hashtextextended({text}, 0)) {present}, 0)"


def _read(connection: Connection, sql: str, *, index: bool) -> Any:
    """Return the result of a query that uses only indexes, or none."""
    settings = {"enable_indexonlyscan": index, "enable_indexscan": index, "enable_seqscan": not index}
    for setting, is_on in {**settings, "enable_bitmapscan": False}.items():
        connection.execute(f"SET LOCAL {setting} = {'on' if is_on else 'off'}".encode())
    return connection.execute(sql.encode(), prepare=False).fetchone()


def _find_with_amcheck(connection: Connection, found: list[Any]) -> Iterator[str]:
    """Describe what the extension `amcheck` finds, where it is installed and may be called."""
    import psycopg  # noqa: PLC0415  (an optional dependency)

    sql = "SELECT 1 FROM pg_extension WHERE extname = 'amcheck'"
    if not connection.execute(sql).fetchone():
        return
    for table, name, _, _, _, oid, method in found:
        if method != "btree":
            continue
        try:
            with connection.transaction(force_rollback=True):
                connection.execute("SELECT bt_index_check(%s::oid::regclass, true)", (oid,))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction):
            return  # without the permission, the comparison above must be enough
        except (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted, psycopg.errors.InternalError) as error:
            yield f"the index {name} on {table} is damaged ({' '.join(str(error).split())})"
