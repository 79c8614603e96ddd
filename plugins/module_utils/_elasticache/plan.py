# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that bring a cache from what is to what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._elasticache.describe import expected
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.problems import problems
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, managed, require_ours
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare, differing, refuse_fixed
from ansible_collections.slipway.aws.plugins.module_utils._rds.rules import known, lower, numbers, satisfies, texts

__all__ = ["problems"]  # with everything below: preflight asks this module

SUBNET_GROUP = "cache subnet group"
PARAMETER_GROUP = "cache parameter group"
GROUP = "cache replication group"
REPLICAS = "cache replicas"
SHARDS = "cache shards"
TLS = "cache encryption in transit"

FIXED = ("mode", "encrypted", "kms_key", "port", "auth")
# What ModifyReplicationGroup leaves for the maintenance window unless it is told to apply changes at once.
WAITING = frozenset({"node_type", "engine", "engine_version"})
# ElastiCache creates with a minor version only; a major one in the inventory begins with this.
FIRST_MINOR = {
    ("redis", 5): "5.0.6",
    ("redis", 6): "6.2",
    ("redis", 7): "7.1",
    ("valkey", 7): "7.2",
    ("valkey", 8): "8.0",
}

Desired = dict[str, Any]


def family(engine: str, version: str) -> str:
    """redis7, valkey8: the parameter family. Redis 5 and 6 have spellings of their own."""
    major = numbers(version)[0]
    return {("redis", 5): "redis5.0", ("redis", 6): "redis6.x"}.get((engine, major), f"{engine}{major}")


def parameter_group_name(spec: Mapping[str, Any]) -> str:
    """Bears the family, since a group cannot change it: a major upgrade takes a new group."""
    return f"{spec['identifier']}-{family(spec['engine'], spec['engine_version']).replace('.', '-')}"


def usable(group: Mapping[str, Any] | None) -> bool:
    return bool(group) and (group or {}).get("status") == "available"


def desired(spec: Mapping[str, Any], stack: Stack) -> Desired:
    """The options of elasticache_replication_group in the shape of describe. What is None stays as it is."""
    owned, snapshots, cluster = stack.owned(), spec.get("snapshots") or {}, spec["mode"] == "cluster"
    return {
        "subnet_group": {"vpc": spec.get("vpc_id") or None, "subnets": known(spec.get("subnets")), "tags": owned},
        "parameter_group": {
            "family": family(spec["engine"], spec["engine_version"]),
            "parameters": parameters(spec.get("parameters"), cluster=cluster),
            "tags": owned,
        },
        "group": {
            "mode": spec["mode"],
            "engine": spec["engine"],
            "engine_version": spec["engine_version"],
            "node_type": spec["node_type"],
            "shards": spec.get("shards") if cluster else None,
            "replicas": spec.get("replicas"),
            "multi_az": spec.get("multi_az"),
            "failover": failover(spec),
            "encrypted": spec.get("encrypted"),
            "kms_key": spec.get("kms_key"),
            "tls": spec.get("tls"),
            "tls_mode": spec.get("tls_mode"),
            "auth": True if spec.get("auth_token_secret") else None,
            "snapshot_days": snapshots.get("days"),
            "snapshot_window": lower(snapshots.get("window")),
            "maintenance_window": lower(spec.get("maintenance_window")),
            "parameter_group": parameter_group_name(spec),
            "security_groups": known(spec.get("security_groups")),
            "port": spec["port"],
            "auto_minor_upgrade": spec.get("auto_minor_upgrade"),
            "log_delivery": log_delivery(spec.get("log_delivery")),
            "tags": dict(owned),
        },
    }


def parameters(given: Mapping[str, Any] | None, *, cluster: bool) -> dict[str, str] | None:
    """Parameters as AWS holds them. Redis says yes and no where YAML reads on and off; a cluster's group says so."""
    if given is None and not cluster:
        return None
    words = {
        name: ("yes" if value else "no") if isinstance(value, bool) else value for name, value in (given or {}).items()
    }
    return texts({**words, **({"cluster-enabled": "yes"} if cluster else {})})


def failover(spec: Mapping[str, Any]) -> bool | None:
    """A cluster always fails over, several zones are for nothing else; otherwise as it is said."""
    return True if spec["mode"] == "cluster" or spec.get("multi_az") else spec.get("failover")


def log_delivery(items: Any) -> dict[str, dict[str, str]] | None:
    if items is None:
        return None
    return {item["type"]: {"log_group": item["log_group"], "format": item.get("format") or "json"} for item in items}


def plan(
    current: Mapping[str, Any],
    wanted: Desired,
    stack: Stack,
    *,
    identifier: str,
    now: bool = False,
    major_upgrade: bool = False,
) -> list[Change]:
    """What to do, in order. Raises where AWS could not do it, or where something is not ours.

    now: changes that can interrupt are made at once, not in the maintenance window; pending ones too
    """
    for kind, resource, name in (
        ("subnet_group", SUBNET_GROUP, identifier),
        ("parameter_group", PARAMETER_GROUP, wanted["group"]["parameter_group"]),
    ):
        if current[kind]:
            require_ours(stack, resource, name, current[kind]["tags"])
    changes = _groups(current, wanted, identifier)
    have = current["group"]
    if have is None:
        return [*changes, Change("create", GROUP, identifier, None, _shown(wanted["group"]))]
    return changes + plan_group(identifier, have, wanted["group"], stack, now=now, major_upgrade=major_upgrade)


def _groups(current: Mapping[str, Any], wanted: Desired, identifier: str) -> list[Change]:
    subnets, group = current["subnet_group"], current["parameter_group"]
    changes = compare(
        SUBNET_GROUP,
        {identifier: _tags_of_ours(subnets, wanted["subnet_group"])} if subnets else {},
        {identifier: wanted["subnet_group"]},
        fixed=["vpc"],
    )
    name = wanted["group"]["parameter_group"]
    found = compare(
        PARAMETER_GROUP,
        {name: _tags_of_ours(group, wanted["parameter_group"])} if group else {},
        {name: wanted["parameter_group"]},
        fixed=["family"],
    )
    return changes + [_parameters_only(change) for change in found]


def _tags_of_ours(have: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {**have, "tags": managed(have["tags"], wanted["tags"])}


def _parameters_only(change: Change) -> Change:
    """The change with only those parameters that differ; None is back to AWS's default."""
    if change.action != "update" or "parameters" not in change.after:
        return change
    before, after = change.before["parameters"] or {}, change.after["parameters"]
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return Change(
        "update",
        change.resource,
        change.name,
        {**change.before, "parameters": {name: before[name] for name in names if name in before}},
        {**change.after, "parameters": {name: after.get(name) for name in names}},
    )


def plan_group(
    name: str,
    have: Mapping[str, Any],
    wanted: Mapping[str, Any],
    stack: Stack,
    *,
    now: bool = False,
    major_upgrade: bool = False,
) -> list[Change]:
    """What differs of a group that exists, a Change for each thing that AWS changes by a call of its own.

    AWS takes one of them at a time, so they come in an order in which each is possible: nodes that are to be failed
    over to are there before failover is switched on, and go after it is switched off.
    """
    if have["status"] == "deleting":
        raise SlipwayError(f"{GROUP} {name} is being deleted", "", "Wait until it is gone, then repeat the run.")
    if have["tags"] is None:
        return []  # busy, and whose it is cannot be told: the entry point ready looks again
    require_ours(stack, GROUP, name, have["tags"])
    compared = have if now and usable(have) else expected(have)
    want = _want(compared, wanted)
    differ = differing({**compared, "tags": managed(have["tags"], wanted["tags"])}, want)
    refuse_fixed(GROUP, name, compared, differ, FIXED)
    _refuse_versions(name, compared, differ, major_upgrade=major_upgrade)
    _refuse_tls(name, compared, differ)
    apart = {SHARDS: ("shards",), REPLICAS: ("replicas",), TLS: ("tls", "tls_mode")}
    found = {resource: _part(resource, name, compared, differ, fields) for resource, fields in apart.items()}
    settings = [field for field in differ if not any(field in fields for fields in apart.values())]
    found[GROUP] = _part(GROUP, name, compared, differ, settings, now=now)
    more_first = have["replicas"] <= (differ.get("replicas") or 0)
    order = (SHARDS, REPLICAS, GROUP, TLS) if more_first else (GROUP, SHARDS, REPLICAS, TLS)
    return [change for resource in order for change in found[resource]]


def _part(
    resource: str, name: str, have: Mapping[str, Any], differ: Mapping[str, Any], fields: Any, *, now: bool = True
) -> list[Change]:
    after = {field: differ[field] for field in fields if field in differ}
    if not after:
        return []
    waits = [] if now else sorted(set(after) & WAITING)
    reason = f"in the maintenance window: {', '.join(waits)}" if waits else ""
    return [Change("update", resource, name, {field: have.get(field) for field in after}, after, reason)]


def _want(have: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is wanted of a group that exists, without what it satisfies in its own way."""
    want = dict(wanted)
    for field in ("engine_version", "maintenance_window", "parameter_group", "security_groups", "log_delivery"):
        if have[field] is None:
            want[field] = None  # no node has told yet, or it is being changed
    same_engine = have["engine"] == want["engine"]
    if want["engine_version"] and same_engine and satisfies(have["engine_version"], want["engine_version"]):
        want["engine_version"] = None
    key = want.get("kms_key")
    if key and (key.startswith("alias/") or have["kms_key"].endswith(key)):
        want["kms_key"] = None  # AWS answers with the key's ARN; an alias does not say which one it was
    if not have["port"]:
        want["port"] = None  # while a group is created it has no endpoint
    if not have["shards"]:
        want["shards"] = want["replicas"] = None
    return want


def _refuse_versions(name: str, have: Mapping[str, Any], differ: Mapping[str, Any], *, major_upgrade: bool) -> None:
    if not {"engine", "engine_version"} & set(differ):
        return
    engine, version = differ.get("engine", have["engine"]), differ.get("engine_version", have["engine_version"])
    running = f"{have['engine']} {have['engine_version']}"
    if have["engine"] == "valkey" and engine == "redis":
        raise SlipwayError(
            f"{GROUP} {name} cannot go back from valkey to redis",
            "ElastiCache changes engines in one direction only",
            "Set cache_engine: valkey.",
        )
    same_engine = engine == have["engine"]
    to, now = numbers(version), numbers(have["engine_version"])
    if same_engine and to < now:
        raise SlipwayError(
            f"{GROUP} {name} cannot go back from {running} to {version}",
            "ElastiCache never downgrades an engine in place",
            f'Set cache_engine_version to "{have["engine_version"]}".',
        )
    if not major_upgrade and (not same_engine or to[:1] != now[:1]):
        raise SlipwayError(
            f"{GROUP} {name} runs {running}, the inventory wants {engine} {version}",
            "a major upgrade cannot be taken back",
            "Try it on a copy, then set cache_major_upgrade: true for one run; or put the old version back.",
        )


def _refuse_tls(name: str, have: Mapping[str, Any], differ: Mapping[str, Any]) -> None:
    """Encryption in transit is switched in two steps, with a time in between in which clients may do either."""
    what = f"{GROUP} {name} cannot switch encryption in transit in one step"
    why = "clients would be cut off, and AWS refuses it"
    if differ.get("tls") is True and differ.get("tls_mode") != "preferred":
        raise SlipwayError(
            what, why, "Set cache_tls_mode: preferred, provision, move the clients to rediss://, then set required."
        )
    if differ.get("tls") is False and have["tls_mode"] != "preferred":
        raise SlipwayError(
            what, why, "Set cache_tls_mode: preferred, provision, move the clients to redis://, then cache_tls: false."
        )


def _shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A creation as people and later steps see it: without what is left to AWS."""
    return {key: value for key, value in fields.items() if value is not None}


def later(changes: list[Change], group: Mapping[str, Any] | None) -> list[Change]:
    """Of a plan what has to wait until the group is available: all changes of one that is busy, else all but one."""
    of_group = [change for change in changes if change.resource in (GROUP, REPLICAS, SHARDS, TLS)]
    if group is None:
        return []
    return of_group[1:] if usable(group) else of_group


def plan_removal(current: Mapping[str, Any], stack: Stack, *, identifier: str, final_snapshot: bool) -> list[Change]:
    """Delete what is ours; what is not ours is not ours to remove and stays."""
    changes = []
    group, subnets = current["group"], current["subnet_group"]
    if group and stack.owns(group["tags"] or {}) and group["status"] != "deleting":
        reason = "with a final snapshot" if final_snapshot else "without a snapshot"
        changes.append(Change("delete", GROUP, identifier, {"status": group["status"]}, None, reason))
    changes += [
        Change("delete", PARAMETER_GROUP, name, {"family": entry["family"]})
        for name, entry in current["parameter_groups"].items()
        if stack.owns(entry["tags"])
    ]
    if subnets and stack.owns(subnets["tags"]):
        changes.append(Change("delete", SUBNET_GROUP, identifier, {"vpc": subnets["vpc"]}))
    return changes
