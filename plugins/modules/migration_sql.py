# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_sql
short_description: Run a directory of SQL migrations on PostgreSQL, exactly once
description:
  - Runs the pending files of a directory in the order of their versions, each in a transaction together with its row
    in a history table. However many runners start at once, one runs; the others wait and take its result.
  - Files are named C(<version>_<description>.sql), and C(<version>_<description>.down.sql) for what takes them back.
    Versions compare as numbers. Whatever else ends in C(.sql) is an error; other files are left alone.
  - A first line C(-- migrate:no-transaction) takes a file out of its transaction. Its statements then run one by one,
    each marked, so that a run that was killed is continued where it stopped.
  - Files are parsed with PostgreSQL's own parser before anything runs.
  - Use the direct endpoint of the database. Locks of a session do not hold behind a pooler in transaction mode, and a
    pooler is refused where it is noticed.
version_added: 0.1.0
author: Slipway contributors (@slipway)
requirements:
  - psycopg >= 3.1
  - pglast >= 7
options:
  directory:
    description: The directory of migrations, on the host that the task runs on.
    type: path
    required: true
  state:
    description:
      - V(applied) runs what is pending.
      - V(dry_run) runs what is pending in one transaction that is rolled back. Files that cannot run so, or that lock
        heavily, are listed in RV(skipped).
      - V(validated) checks names, encoding and SQL, and classifies the statements. It needs no database.
      - V(status) says what is recorded and what is pending.
      - V(rolled_back) runs down files, newest first.
    type: str
    choices: [applied, dry_run, validated, status, rolled_back]
    default: applied
  target:
    description:
      - The version that stays applied. O(state=applied) runs up to it and includes it, O(state=rolled_back) takes back
        what is above it; V(0) is what is before the first.
      - Without it, O(state=applied) runs everything and O(state=rolled_back) takes back the newest version alone.
    type: str
  login_host:
    description: The database's host, or a directory of sockets.
    type: str
  login_port:
    description: The database's port.
    type: int
  login_user:
    description: The user.
    type: str
  login_password:
    description: The user's password.
    type: str
  login_db:
    description: The database.
    type: str
  ssl_mode:
    description: How TLS is used, as libpq's C(sslmode).
    type: str
    choices: [disable, allow, prefer, require, verify-ca, verify-full]
  ca_cert:
    description: File with the certificates that the server's is checked against.
    type: path
  secret_id:
    description:
      - Name or ARN of a secret in Secrets Manager that holds a URL (C(postgresql://…)) or the JSON that RDS writes.
      - What C(login_*) options say counts instead of what the secret says.
    type: str
  lock_timeout:
    description: Seconds that a statement waits for a lock; V(0) is no limit. Concurrent index builds have none.
    type: float
    default: 10
  statement_timeout:
    description: Seconds that a statement may take; V(0) is no limit.
    type: float
    default: 3600
  wait_timeout:
    description: Seconds to wait for another runner.
    type: float
    default: 600
  allow_out_of_order:
    description: Whether a version below the newest applied one may still be run.
    type: bool
    default: false
  allow_destructive:
    description: Whether O(state=rolled_back) may run statements that lose data. It concerns no other state.
    type: bool
    default: false
  allow_heavy_locks:
    description: Whether O(state=dry_run) tries files that keep other sessions waiting on existing tables.
    type: bool
    default: false
  history_table:
    description: The history, as C(schema.table). Beside it lives C(schema.table_state).
    type: str
    default: public.slipway_migrations
  fence:
    description: The fencing token of the stack's lease. A run whose fence is older than the recorded one is refused.
    type: int
  lease:
    description:
      - The lease that the play holds, as it was returned. It is renewed while the module works, and its fence is used
        where O(fence) is not given. Once it is lost, no further file is begun.
    type: dict
attributes:
  check_mode:
    support: full
    description: Says what would be run, and runs nothing.
  diff_mode:
    support: full
    description: Shows the versions that are added or taken back.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Check the files, without a database
  slipway.aws.migration_sql:
    directory: db/migrations
    state: validated

- name: Run what is pending
  slipway.aws.migration_sql:
    directory: db/migrations
    secret_id: tvshows/prod/database-url
    fence: "{{ lease.fence }}"

- name: Take back everything above version 12
  slipway.aws.migration_sql:
    directory: db/migrations
    login_host: db.internal
    login_user: app
    login_password: "{{ database_password }}"
    login_db: app
    state: rolled_back
    target: "12"
    allow_destructive: true
"""

RETURN = r"""
applied:
  description: Versions that are applied when the module ends, as written, in order.
  type: list
  elements: str
  returned: always
pending:
  description: Versions of the directory that are not applied; all of them for O(state=validated).
  type: list
  elements: str
  returned: always
skipped:
  description: Files that were left out, each with C(version), C(file) and C(reason).
  type: list
  elements: dict
  returned: always
classification:
  description:
    - The statements of the files that are concerned, each with C(version), C(file), C(line), C(statement), C(class),
      C(locks_heavily), C(rewrites_table), C(destroys_data), C(table), C(reason).
    - C(class) is C(expand) where older code goes on working, C(contract) where it may fail, C(irreversible) where
      content is overwritten or removed that no down file brings back.
    - In a file of more than 1000 statements equal neighbours are told once, C(statements) being their number.
  type: list
  elements: dict
  returned: always
history:
  description:
    - What is recorded, each with C(version), C(description), C(file), C(sha256) over the file with normalised line
      ends, C(fence), C(who), C(when) by the database's clock, C(milliseconds).
  type: list
  elements: dict
  returned: always
notices:
  description: What is not wrong, but worth a look, such as a directive that is not on the first line.
  type: list
  elements: str
  returned: always
outcome:
  description: V(ran), V(adopted) where another runner did it meanwhile, V(already_done), V(would_run) in check mode.
  type: str
  returned: for O(state=applied) and O(state=rolled_back)
ran:
  description: Files that this run applied or took back, each with C(version), C(file), C(milliseconds).
  type: list
  elements: dict
  returned: for O(state=applied) and O(state=rolled_back)
tried:
  description: Versions that a dry run tried.
  type: list
  elements: str
  returned: for O(state=dry_run)
invalid_indexes:
  description: Indexes that a build left INVALID, each with C(index), C(table) and the statement to C(remove) it.
  type: list
  elements: dict
  returned: when the database was asked
unfinished:
  description: Files without a transaction that were begun, each with C(version), C(file), C(statements_done).
  type: list
  elements: dict
  returned: for O(state=status)
failed:
  description:
    - What failed first, with C(version), C(file), C(line), C(sqlstate), C(statement), C(message).
    - Ansible makes a plain V(true) of it in registered results; RV(failure) is the same and stays.
  type: dict
  returned: on failure
failure:
  description: The same as RV(failed).
  type: dict
  returned: on failure
problems:
  description: All that was found wrong before anything ran, each like RV(failed).
  type: list
  elements: dict
  returned: on refusal, and for O(state=status)
"""

import getpass
import socket
from dataclasses import replace
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._lease import Lease, kept
from ansible_collections.slipway.aws.plugins.module_utils._migration.age import this_run
from ansible_collections.slipway.aws.plugins.module_utils._migration.apply import Timeouts
from ansible_collections.slipway.aws.plugins.module_utils._migration.connection import Endpoint, endpoint
from ansible_collections.slipway.aws.plugins.module_utils._migration.files import read_directory
from ansible_collections.slipway.aws.plugins.module_utils._migration.history import DEFAULT_TABLE, History
from ansible_collections.slipway.aws.plugins.module_utils._migration.libraries import missing
from ansible_collections.slipway.aws.plugins.module_utils._migration.runner import STATES, Request

ARGUMENTS: dict[str, Any] = {
    "directory": {"type": "path", "required": True},
    "state": {"type": "str", "choices": list(STATES), "default": "applied"},
    "target": {"type": "str"},
    "login_host": {"type": "str"},
    "login_port": {"type": "int"},
    "login_user": {"type": "str"},
    "login_password": {"type": "str", "no_log": True},
    "login_db": {"type": "str"},
    "ssl_mode": {"type": "str", "choices": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]},
    "ca_cert": {"type": "path"},
    "secret_id": {"type": "str", "no_log": False},
    "lock_timeout": {"type": "float", "default": 10},
    "statement_timeout": {"type": "float", "default": 3600},
    "wait_timeout": {"type": "float", "default": 600},
    "allow_out_of_order": {"type": "bool", "default": False},
    "allow_destructive": {"type": "bool", "default": False},
    "allow_heavy_locks": {"type": "bool", "default": False},
    "history_table": {"type": "str", "default": DEFAULT_TABLE},
    "fence": {"type": "int"},
    "lease": {"type": "dict"},
}


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def _secret(module: Any, secret_id: str) -> str:
    client = Clients.of(module).client("secretsmanager")
    return str(client.get_secret_value(SecretId=secret_id).get("SecretString", ""))


def _endpoint(module: Any) -> Endpoint:
    if module.params["state"] == "validated":
        return Endpoint()
    found = endpoint(module.params, lambda secret_id: _secret(module, secret_id))
    if found.password:  # so that Ansible, too, takes it out of whatever is returned
        getattr(module, "_module", module).no_log_values.add(found.password)
    return found


def _lease(module: Any) -> Lease | None:
    """The play's lease, where it matters: what changes nothing needs none."""
    handle = module.params["lease"]
    if not handle or module.check_mode or module.params["state"] in ("validated", "status"):
        return None
    return Lease.of(Clients.of(module).client("dynamodb"), handle)


def run(module: Any) -> dict[str, Any]:
    if missing:
        raise SlipwayError(
            "migration_sql cannot run on this host",
            f"missing Python libraries: {', '.join(missing)}",
            "Install them with pip for the interpreter of this task.",
        )
    params, lease = module.params, _lease(module)
    request = Request(
        params["directory"],
        read_directory(params["directory"]),
        _endpoint(module),
        History(params["history_table"]),
        Timeouts(params["lock_timeout"], params["statement_timeout"]),
        _who(),
        wait_timeout=params["wait_timeout"],
        target=params["target"],
        allow_out_of_order=params["allow_out_of_order"],
        allow_destructive=params["allow_destructive"],
        allow_heavy_locks=params["allow_heavy_locks"],
        fence=lease.fence if lease and params["fence"] is None else params["fence"],
        check_mode=module.check_mode,
        run=this_run(),
    )
    work = STATES[params["state"]]
    if lease is None:
        return work(request)
    with kept(lease) as check:
        return work(replace(request, lease_check=check))


def _told(module: Any) -> dict[str, Any]:
    """run(), with `failed` as the dict that says what failed: fail_json would put a plain true in its place."""
    try:
        return run(module)
    except SlipwayError as error:
        if "failed" not in error.details:
            raise
        try:
            module.exit_json(msg=error.text, **error.details, failure=error.details["failed"])
        except SystemExit:
            raise SystemExit(1) from None  # as fail_json does
        raise


def main() -> None:
    execute(aws_module(ARGUMENTS, stack=False, check_boto3=False), _told)


if __name__ == "__main__":
    main()
