# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a description of a cache before AWS is asked. Pure; preflight calls it too."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._rds.rules import numbers, window_problems
from ansible_collections.slipway.aws.plugins.module_utils._settings import without_prefix

ENGINES = ("redis", "valkey")
MODES = ("replication_group", "cluster")
PREFIX = "cache_"
MAX_REPLICAS = 5  # of one shard
MAX_SHARDS = 500
LONGEST = 40
LAST_REDIS = 7  # what comes after it is valkey
LOGS = ("slow-log", "engine-log")
_IDENTIFIER = re.compile(r"^[a-z](?!.*--)[a-z0-9-]*(?<!-)$")
_NODE = re.compile(r"^cache\.[a-z0-9]+\.[a-z0-9]+$")


def spec_of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of role cache without their prefix: what problems() takes."""
    return without_prefix(variables, PREFIX)


def wanted(spec: Mapping[str, Any]) -> bool:
    """Whether a stack has a cache at all."""
    return str(spec.get("engine") or "none") != "none"


def problems(
    spec: Mapping[str, Any],
    *,
    secrets: Collection[str] | None = None,
    security_groups: Collection[str] | None = None,
    tiers: Mapping[str, Collection[str]] | None = None,
) -> list[str]:
    """Sentences, each naming the variable; none where all is well, or where no cache is asked for.

    spec:            the options of elasticache_replication_group, or spec_of(variables)
    secrets:         names of the stack's secrets, where they are known
    security_groups: names of the stack's security groups
    tiers:           {tier: zones of its subnets}
    """
    if not wanted(spec):
        return []
    if spec["engine"] not in ENGINES:
        return [f"cache_engine: {spec['engine']} is not one of {', '.join(ENGINES)}"]
    mode = spec.get("mode") or "replication_group"
    if mode not in MODES:
        more = " (serverless caches are not made yet)" if mode == "serverless" else ""
        return [f"cache_mode: {mode} is not one of {', '.join(MODES)}{more}"]
    snapshots = spec.get("snapshots") or {}
    return [
        *_names(spec),
        *_nodes(spec, mode),
        *_old_nodes(spec),
        *_snapshots(snapshots),
        *window_problems(
            "cache_snapshots.window",
            snapshots.get("window"),
            "cache_maintenance_window",
            spec.get("maintenance_window"),
            shortest=60,
        ),
        *_encryption(spec),
        *_logs(spec.get("log_delivery") or []),
        *_references(spec, secrets, security_groups, tiers),
    ]


def _names(spec: Mapping[str, Any]) -> list[str]:
    found = []
    identifier, version = str(spec.get("identifier") or ""), str(spec.get("engine_version") or "")
    if identifier and not _IDENTIFIER.match(identifier):
        found.append(
            f"cache_identifier: {identifier} is no name for ElastiCache: small letters, digits and single hyphens, "
            "a letter first, no hyphen last"
        )
    if len(identifier) > LONGEST:
        found.append(f"cache_identifier: {identifier} has {len(identifier)} characters, ElastiCache takes {LONGEST}")
    if not re.match(r"^\d+(\.\d+){0,2}$", version):
        found.append(f'cache_engine_version: "{version}" is no version like "7.1"')
    elif spec["engine"] == "redis" and numbers(version)[0] > LAST_REDIS:
        found.append(f"cache_engine_version: there is no redis {version} in ElastiCache, cache_engine: valkey has it")
    elif spec["engine"] == "valkey" and numbers(version)[0] < LAST_REDIS:
        found.append(f"cache_engine_version: there is no valkey {version}, it begins with 7.2")
    return found


def _nodes(spec: Mapping[str, Any], mode: str) -> list[str]:
    found = []
    node, replicas, shards = str(spec.get("node_type") or ""), int(spec.get("replicas") or 0), spec.get("shards")
    if not _NODE.match(node):
        found.append(f"cache_node_type: {node or 'nothing'} is no node type like cache.t4g.small")
    if not 0 <= replicas <= MAX_REPLICAS:
        found.append(f"cache_replicas: {replicas} is not within 0 to {MAX_REPLICAS}")
    if mode == "replication_group" and int(shards or 1) != 1:
        found.append(f"cache_shards: {shards} shards need cache_mode: cluster")
    if mode == "cluster" and not 1 <= int(shards or 1) <= MAX_SHARDS:
        found.append(f"cache_shards: {shards} is not within 1 to {MAX_SHARDS}")
    if spec.get("multi_az") and replicas < 1:
        found.append("cache_multi_az: there is no other node to fail over to, cache_replicas has to be 1 at least")
    if spec.get("failover") and replicas < 1 and mode == "replication_group":
        found.append("cache_failover: there is no other node to fail over to, cache_replicas has to be 1 at least")
    if spec.get("multi_az") and spec.get("failover") is False:
        found.append("cache_failover: false does not go with cache_multi_az: true")
    return found


def _old_nodes(spec: Mapping[str, Any]) -> list[str]:
    """What nodes of earlier generations cannot do."""
    node = str(spec.get("node_type") or "")
    found = []
    if node.startswith("cache.t1."):
        asked = {
            "cache_multi_az": spec.get("multi_az"),
            "cache_failover": spec.get("failover"),
            "cache_encrypted": spec.get("encrypted", True),
            "cache_tls": spec.get("tls", True),
            "cache_snapshots.days": (spec.get("snapshots") or {}).get("days"),
        }
        found = [f"{variable}: {node} has not got that" for variable, value in asked.items() if value]
    if node.startswith(("cache.t1.", "cache.t2.")) and (spec.get("parameters") or {}).get("appendonly") in (
        True,
        "yes",
    ):
        found.append(f"cache_parameters.appendonly: {node} has not got that")
    return found


def _snapshots(snapshots: Mapping[str, Any]) -> list[str]:
    days = snapshots.get("days")
    if days is not None and not 0 <= int(days) <= 35:
        return [f"cache_snapshots.days: {days} is not within 0 to 35"]
    return []


def _encryption(spec: Mapping[str, Any]) -> list[str]:
    found = []
    tls, mode = spec.get("tls", True), spec.get("tls_mode")
    if mode and not tls:
        found.append(f"cache_tls_mode: {mode} says nothing without cache_tls: true")
    if mode and mode not in ("preferred", "required"):
        found.append(f"cache_tls_mode: {mode} is not one of preferred, required")
    if mode and numbers(str(spec.get("engine_version") or "7"))[:1] < (7,):
        found.append(f"cache_tls_mode: {mode} needs version 7 or later")
    if spec.get("auth_token_secret") and not tls:
        found.append("cache_auth_token_secret: ElastiCache takes a token with cache_tls: true only")
    if spec.get("kms_key") and not spec.get("encrypted", True):
        found.append("cache_kms_key: says nothing without cache_encrypted: true")
    return found


def _logs(deliveries: Collection[Mapping[str, Any]]) -> list[str]:
    found = [
        f"cache_log_delivery.type: {entry.get('type')} is not one of {', '.join(LOGS)}"
        for entry in deliveries
        if entry.get("type") not in LOGS
    ]
    types = [entry.get("type") for entry in deliveries]
    return found + [f"cache_log_delivery: {kind} is there twice" for kind in LOGS if types.count(kind) > 1]


def _references(
    spec: Mapping[str, Any],
    secrets: Collection[str] | None,
    security_groups: Collection[str] | None,
    tiers: Mapping[str, Collection[str]] | None,
) -> list[str]:
    found = []
    secret = str(spec.get("auth_token_secret") or "")
    if secret and secrets is not None and secret.partition("#")[0] not in secrets:
        found.append(f"cache_auth_token_secret: {secret} is not in secrets_items")
    for group in spec.get("security_groups") or [] if security_groups is not None else []:
        if group not in (security_groups or ()):
            found.append(f"cache_security_groups: {group} is not in networking_security_groups")
    tier = spec.get("subnets")
    if tiers is not None and isinstance(tier, str):
        zones, needed = len(set(tiers.get(tier, ()))), 2 if spec.get("multi_az") else 1
        if zones < needed:
            found.append(f"cache_subnets: tier {tier} needs subnets in {needed} zone(s) and has them in {zones}")
    return found
