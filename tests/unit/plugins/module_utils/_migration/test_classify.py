# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._migration.classify import Classified, classify, destructive
from ansible_collections.slipway.aws.plugins.module_utils._migration.files import Script
from ansible_collections.slipway.aws.plugins.module_utils._migration.parse import parse


def of(text: str) -> list[Classified]:
    parsed = parse(Script("1_x.sql", "1", 1, "x", text=text, transactional=False))
    assert parsed.problems == ()
    return classify(parsed)


LOCKS, REWRITES, DESTROYS = "locks", "rewrites", "destroys"


@pytest.mark.parametrize(
    ("text", "class_", "flags"),
    [
        ("CREATE TABLE t (a int)", "expand", ""),
        ("ALTER TABLE t ADD COLUMN b int", "expand", ""),
        ("ALTER TABLE t ADD b int NOT NULL DEFAULT 0", "expand", ""),
        ("ALTER TABLE t ADD b timestamptz DEFAULT now()", "expand", ""),
        ("ALTER TABLE t ADD b int NOT NULL", "contract", ""),
        ("ALTER TABLE t ADD b uuid DEFAULT gen_random_uuid()", "expand", "locks rewrites"),
        ("ALTER TABLE t ADD b bigserial", "expand", "locks rewrites"),
        ("ALTER TABLE t ADD b int GENERATED ALWAYS AS (a + 1) STORED", "expand", "locks rewrites"),
        ("ALTER TABLE t ADD b int GENERATED ALWAYS AS IDENTITY", "expand", "locks rewrites"),
        ("ALTER TABLE t ADD b int UNIQUE", "expand", "locks"),
        ("ALTER TABLE t DROP COLUMN b", "contract", "destroys"),
        ("ALTER TABLE t ALTER b TYPE bigint", "contract", "locks rewrites"),
        ("ALTER TABLE t ALTER b SET NOT NULL", "contract", "locks"),
        ("ALTER TABLE t ALTER b DROP NOT NULL", "expand", ""),
        ("ALTER TABLE t ALTER b SET DEFAULT 1", "expand", ""),
        ("ALTER TABLE t ALTER b DROP DEFAULT", "contract", ""),
        ("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u", "contract", "locks"),
        ("ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u NOT VALID", "contract", ""),
        ("ALTER TABLE t ADD CHECK (a > 0)", "contract", "locks"),
        ("ALTER TABLE t ADD UNIQUE (a)", "contract", "locks"),
        ("ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i", "contract", ""),
        ("ALTER TABLE t VALIDATE CONSTRAINT c", "expand", ""),
        ("ALTER TABLE t DROP CONSTRAINT c", "contract", ""),
        ("ALTER TABLE t RENAME a TO b", "contract", ""),
        ("ALTER TABLE t RENAME TO u", "contract", ""),
        ("ALTER INDEX i RENAME TO j", "expand", ""),
        ("ALTER TABLE t SET SCHEMA s", "contract", ""),
        ("ALTER TABLE t SET TABLESPACE s", "expand", "locks rewrites"),
        ("ALTER TABLE t SET LOGGED", "expand", "locks rewrites"),
        ("ALTER TABLE t ADD a int, DROP b", "contract", "destroys"),
        ("CREATE INDEX i ON t (a)", "expand", "locks"),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", "expand", ""),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "contract", ""),
        ("DROP INDEX i", "contract", ""),
        ("DROP TABLE t", "contract", "destroys"),
        ("DROP VIEW v", "contract", ""),
        ("DROP SCHEMA s", "contract", ""),
        ("DROP SCHEMA s CASCADE", "contract", "destroys"),
        ("ALTER TYPE s ADD VALUE 'x'", "expand", ""),
        ("ALTER TYPE s RENAME VALUE 'x' TO 'y'", "contract", ""),
        ("TRUNCATE t", "irreversible", "destroys"),
        ("DELETE FROM t", "irreversible", "destroys"),
        ("UPDATE t SET a = 1", "irreversible", "destroys"),
        ("INSERT INTO t VALUES (1)", "expand", ""),
        ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "expand", ""),
        ("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", "irreversible", "destroys"),
        ("WITH d AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM d", "irreversible", "destroys"),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", "irreversible", "destroys"),
        ("MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", "irreversible", "destroys"),
        ("VACUUM t", "expand", ""),
        ("VACUUM FULL t", "expand", "locks rewrites"),
        ("CLUSTER t", "expand", "locks rewrites"),
        ("REINDEX TABLE t", "expand", "locks"),
        ("REINDEX TABLE CONCURRENTLY t", "expand", ""),
        ("REFRESH MATERIALIZED VIEW m", "expand", "locks"),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY m", "expand", ""),
        ("LOCK TABLE t", "expand", "locks"),
        ("GRANT SELECT ON t TO r", "expand", ""),
        ("REVOKE SELECT ON t FROM r", "contract", ""),
        ("ALTER DOMAIN d ADD CHECK (value > 0)", "contract", ""),
        ("DO $$ BEGIN PERFORM 1; END $$", "expand", ""),
        ("DO $$ BEGIN IF true THEN DROP TABLE t; END IF; END $$", "contract", "destroys"),
        ("DO $$ BEGIN EXECUTE 'CREATE INDEX i ON t (a)'; END $$", "expand", "locks"),
        ("DO $$ BEGIN EXECUTE format('DROP TABLE %I', 't'); END $$", "irreversible", "destroys"),
        ("DO LANGUAGE plperl $$ 1 $$", "irreversible", "destroys"),
        ("SET lock_timeout = 1", "expand", ""),
        ("COMMENT ON TABLE t IS 'x'", "expand", ""),
    ],
)
def test_a_statement_is(text: str, class_: str, flags: str) -> None:
    effect = of(text)[0].effect
    found = {LOCKS: effect.locks_heavily, REWRITES: effect.rewrites_table, DESTROYS: effect.destroys_data}
    assert (effect.class_, " ".join(name for name, on in found.items() if on)) == (class_, flags)


def test_nobody_waits_for_a_table_that_is_new() -> None:
    items = of("CREATE TABLE t (a int);\nCREATE INDEX ON t (a);\nDROP TABLE t;\nCREATE INDEX ON other (a);")
    assert [item.effect.locks_heavily for item in items] == [False, False, False, True]
    assert destructive(items) == []


def test_many_equal_neighbours_are_told_once() -> None:
    items = of("INSERT INTO t VALUES (1);\n" * 2000 + "DELETE FROM t;")
    assert [(item.count, item.effect.class_, item.statement.line) for item in items] == [
        (2000, "expand", 1),
        (1, "irreversible", 2001),
    ]


def test_the_result_has_file_and_line() -> None:
    found = of("\nDROP TABLE a.b")[0].as_dict()
    assert (found["file"], found["line"], found["class"], found["table"]) == ("1_x.sql", 2, "contract", "a.b")
