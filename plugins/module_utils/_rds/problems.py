# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a description of a database before AWS is asked. Pure; preflight calls it too."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._rds.describe import MAX_REPLICAS, replica_name
from ansible_collections.slipway.aws.plugins.module_utils._rds.rules import numbers, window_problems
from ansible_collections.slipway.aws.plugins.module_utils._settings import without_prefix

ENGINES = ("postgres",)
PREFIX = "database_"
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html, GiB for PostgreSQL
SMALLEST = {"gp2": 20, "gp3": 20, "io1": 100, "io2": 100}
LARGEST = 65536
GP3_STRIPED = 400  # below this AWS fixes iops and throughput of gp3
IOPS_PER_GB = {"io1": 50, "io2": 1000}
INTERVALS = (0, 1, 5, 10, 15, 30, 60)
LOGS = ("postgresql", "upgrade", "iam-db-auth-error")
_IDENTIFIER = re.compile(r"^[a-z](?!.*--)[a-z0-9-]*(?<!-)$")
_CLASS = re.compile(r"^db\.[a-z0-9-]+\.[a-z0-9-]+$")
_WORD = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")
_RESERVED_USERS = ("admin", "rdsadmin", "rds_superuser", "user", "public")


def spec_of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of role database without their prefix: what problems() takes."""
    region = {"region": variables["stack_region"]} if variables.get("stack_region") else {}
    return {**region, **without_prefix(variables, PREFIX)}


def wanted(spec: Mapping[str, Any]) -> bool:
    """Whether a stack has a database at all."""
    return str(spec.get("engine") or "none") != "none"


def problems(
    spec: Mapping[str, Any],
    *,
    secrets: Collection[str] | None = None,
    security_groups: Collection[str] | None = None,
    tiers: Mapping[str, Collection[str]] | None = None,
) -> list[str]:
    """Sentences, each naming the variable; none where all is well, or where no database is asked for.

    spec:            the options of rds_postgres, or spec_of(variables)
    secrets:         names of the stack's secrets, where they are known
    security_groups: names of the stack's security groups
    tiers:           {tier: zones of its subnets}
    """
    if not wanted(spec):
        return []
    if spec["engine"] not in ENGINES:
        return [f"database_engine: {spec['engine']} is not one of {', '.join(ENGINES)}"]
    backup = spec.get("backup") or {}
    return [
        *_names(spec),
        *_engine(spec),
        *_storage(spec.get("storage") or {}),
        *_backup(spec, backup),
        *window_problems(
            "database_backup.window",
            backup.get("window"),
            "database_maintenance_window",
            spec.get("maintenance_window"),
        ),
        *_watching(spec),
        *_references(spec, secrets, security_groups, tiers),
    ]


def replicas(value: Any) -> dict[str, Any]:
    """database_replicas as {count, class, region}: a number, or a dict with a count."""
    if isinstance(value, Mapping):
        return {"count": _number(value.get("count", 1)), "class": value.get("class"), "region": value.get("region")}
    return {"count": _number(value or 0), "class": None, "region": None}


def _number(value: Any) -> int:
    """-1 where it is no number, which problems() reports."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return -1


def _names(spec: Mapping[str, Any]) -> list[str]:
    found = []
    identifier = str(spec.get("identifier") or "")
    longest = replica_name(identifier, MAX_REPLICAS) if replicas(spec.get("replicas"))["count"] else identifier
    if identifier and not _IDENTIFIER.match(identifier):
        found.append(
            f"database_identifier: {identifier} is no name for RDS: small letters, digits and single hyphens, "
            "a letter first, no hyphen last"
        )
    if len(longest) > 63:
        found.append(f"database_identifier: {longest} has {len(longest)} characters, RDS takes 63")
    for key in ("name", "username"):
        text = spec.get(key)
        if text and not _WORD.match(str(text)):
            found.append(f"database_{key}: {text} has to be letters, digits and _, at most 63, no digit first")
    if str(spec.get("username") or "").lower() in _RESERVED_USERS:
        found.append(f"database_username: {spec['username']} is reserved by PostgreSQL or RDS")
    return found


def _engine(spec: Mapping[str, Any]) -> list[str]:
    found = []
    version, kind = str(spec.get("engine_version") or ""), str(spec.get("instance_class") or "")
    if not re.match(r"^\d+(\.\d+)?$", version) or numbers(version)[0] < 10:
        found.append(f'database_engine_version: "{version}" is no PostgreSQL version like "16" or "16.4"')
    if not _CLASS.match(kind):
        found.append(f"database_instance_class: {kind or 'nothing'} is no class like db.t4g.medium")
    if spec.get("encrypted", True) and kind == "db.t2.micro":
        found.append("database_instance_class: db.t2.micro cannot be encrypted, db.t3.micro can")
    return found


def _storage(storage: Mapping[str, Any]) -> list[str]:
    kind = storage.get("type") or "gp3"
    if kind not in SMALLEST:
        return [f"database_storage.type: {kind} is not one of {', '.join(SMALLEST)}"]
    gb, largest = int(storage.get("gb") or SMALLEST[kind]), int(storage.get("max_gb") or 0)
    found = []
    if not SMALLEST[kind] <= gb <= LARGEST:
        found.append(f"database_storage.gb: {gb} is not within {SMALLEST[kind]} to {LARGEST}, which {kind} takes")
    if largest and largest * 10 < gb * 11:
        found.append(f"database_storage.max_gb: {largest} has to be at least 10 % above gb ({gb}), AWS refuses less")
    if largest > LARGEST:
        found.append(f"database_storage.max_gb: {largest} is more than {LARGEST}")
    return found + _speed(kind, gb, storage)


def _speed(kind: str, gb: int, storage: Mapping[str, Any]) -> list[str]:
    iops, throughput = storage.get("iops"), storage.get("throughput")
    found = []
    if throughput and kind != "gp3":
        found.append(f"database_storage.throughput: only gp3 has one, this is {kind}")
    if kind == "gp2" and iops:
        found.append("database_storage.iops: gp2 has none to set, gp3 and io2 have")
    if kind == "gp3" and gb < GP3_STRIPED and (iops or throughput):
        found.append(f"database_storage.iops and throughput of gp3 can be set from {GP3_STRIPED} GB on, this is {gb}")
    if kind in IOPS_PER_GB and not iops:
        found.append(f"database_storage.iops: {kind} needs a number")
    if kind in IOPS_PER_GB and iops and int(iops) > gb * IOPS_PER_GB[kind]:
        found.append(f"database_storage.iops: {iops} is more than {IOPS_PER_GB[kind]} for each of {gb} GB")
    return found


def _backup(spec: Mapping[str, Any], backup: Mapping[str, Any]) -> list[str]:
    days, reader = backup.get("days"), replicas(spec.get("replicas"))
    found = []
    if days is not None and not 0 <= int(days) <= 35:
        found.append(f"database_backup.days: {days} is not within 0 to 35")
    if not 0 <= reader["count"] <= MAX_REPLICAS:
        found.append(f"database_replicas: {spec.get('replicas')} is no number within 0 to {MAX_REPLICAS}")
    if reader["count"] > 0 and days is not None and int(days) == 0:
        found.append("database_replicas: read replicas need backups, database_backup.days is 0")
    if reader["region"] and reader["region"] != spec.get("region", reader["region"]):
        found.append(f"database_replicas.region: {reader['region']} is not the stack's region, replicas live beside it")
    if reader["class"] and not _CLASS.match(str(reader["class"])):
        found.append(f"database_replicas.class: {reader['class']} is no class like db.t4g.medium")
    return found


def _watching(spec: Mapping[str, Any]) -> list[str]:
    found = []
    interval = spec.get("monitoring_interval") or 0
    if interval not in INTERVALS:
        found.append(f"database_monitoring_interval: {interval} is not one of {', '.join(map(str, INTERVALS))}")
    if interval and not spec.get("monitoring_role_arn"):
        found.append(
            "database_monitoring_role_arn: enhanced monitoring needs the ARN of a role that "
            "monitoring.rds.amazonaws.com may assume; database_monitoring_interval: 0 does without"
        )
    for log in spec.get("log_exports") or []:
        if log not in LOGS:
            found.append(f"database_log_exports: {log} is not one of {', '.join(LOGS)}")
    return found


def _references(
    spec: Mapping[str, Any],
    secrets: Collection[str] | None,
    security_groups: Collection[str] | None,
    tiers: Mapping[str, Collection[str]] | None,
) -> list[str]:
    found = []
    secret = str(spec.get("password_secret") or "")
    if not secret:
        found.append("database_password_secret: the name of the secret that holds the password is missing")
    elif secrets is not None and secret.partition("#")[0] not in secrets:
        found.append(f"database_password_secret: {secret} is not in secrets_items")
    for group in spec.get("security_groups") or [] if security_groups is not None else []:
        if group not in (security_groups or ()):
            found.append(f"database_security_groups: {group} is not in networking_security_groups")
    tier = spec.get("subnets")
    if tiers is not None and isinstance(tier, str) and len(set(tiers.get(tier, ()))) < 2:
        found.append(f"database_subnets: tier {tier} needs subnets in two zones, RDS takes no fewer")
    return found
