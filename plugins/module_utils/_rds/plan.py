# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that bring a database from what is to what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, managed, require_ours
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare, differing, refuse_fixed
from ansible_collections.slipway.aws.plugins.module_utils._rds.describe import expected, in_order, replica_name
from ansible_collections.slipway.aws.plugins.module_utils._rds.problems import problems, replicas
from ansible_collections.slipway.aws.plugins.module_utils._rds.rules import known, lower, numbers, satisfies, texts

__all__ = ["problems"]  # with everything below: preflight asks this module

SUBNET_GROUP = "database subnet group"
PARAMETER_GROUP = "database parameter group"
INSTANCE = "database instance"
REPLICA = "database read replica"
REBOOT = "database reboot"

# In these states an instance serves and takes changes.
USABLE = ("available", "storage-optimization", "storage-initialization", "storage-config-upgrade")
FIXED = ("engine", "encrypted", "kms_key", "name", "username", "vpc")
WITHOUT_SNAPSHOT = "without a snapshot"
WITH_SNAPSHOT = "with a final snapshot"
# API_DeleteDBInstance.html, SkipFinalSnapshot: in these states there is nothing to take one of
BROKEN = ("failed", "incompatible-restore", "incompatible-network")

Desired = dict[str, Any]


def family(engine: str, version: str) -> str:
    """postgres16: of PostgreSQL 10 and later the first number is the major version."""
    return f"{engine}{numbers(version)[0]}"


def parameter_group_name(spec: Mapping[str, Any]) -> str:
    """Bears the family, since a group cannot change it: a major upgrade takes a new group."""
    return f"{spec['identifier']}-{family(spec['engine'], spec['engine_version'])}"


def group_prefix(spec: Mapping[str, Any]) -> str:
    """What the names of all parameter groups start with that a database had in its life."""
    return f"{spec['identifier']}-{spec['engine']}"


def usable(instance: Mapping[str, Any] | None) -> bool:
    return bool(instance) and (instance or {}).get("status") in USABLE


def desired(spec: Mapping[str, Any], stack: Stack) -> Desired:
    """The options of rds_postgres in the shape of describe. What is None stays as it is."""
    name, owned = spec["identifier"], stack.owned()
    reader = replicas(spec.get("replicas"))
    instance = _instance(spec, owned)
    return {
        "subnet_group": {"vpc": spec.get("vpc_id") or None, "subnets": known(spec.get("subnets")), "tags": owned},
        "parameter_group": {
            "family": family(spec["engine"], spec["engine_version"]),
            "parameters": texts(spec.get("parameters")),
            "tags": owned,
        },
        "instance": instance,
        "replicas": {
            replica_name(name, number): _replica(instance, reader["class"]) for number in range(1, reader["count"] + 1)
        },
    }


def _instance(spec: Mapping[str, Any], owned: Mapping[str, str]) -> dict[str, Any]:
    storage, backup = spec.get("storage") or {}, spec.get("backup") or {}
    exports = spec.get("log_exports")
    return {
        "engine": spec["engine"],
        "engine_version": spec["engine_version"],
        "class": spec["instance_class"],
        "storage_type": storage.get("type"),
        "gb": storage.get("gb"),
        "max_gb": storage.get("max_gb"),
        "iops": storage.get("iops"),
        "throughput": storage.get("throughput"),
        "encrypted": spec.get("encrypted"),
        "kms_key": spec.get("kms_key"),
        "multi_az": spec.get("multi_az"),
        "parameter_group": parameter_group_name(spec),
        "vpc": spec.get("vpc_id") or None,
        "security_groups": known(spec.get("security_groups")),
        "backup_days": backup.get("days"),
        "backup_window": lower(backup.get("window")),
        "maintenance_window": lower(spec.get("maintenance_window")),
        "deletion_protection": spec.get("deletion_protection"),
        "copy_tags": spec.get("copy_tags"),
        "public": False,
        "performance_insights": spec.get("performance_insights"),
        "monitoring_interval": spec.get("monitoring_interval"),
        "monitoring_role": spec.get("monitoring_role_arn") if spec.get("monitoring_interval") else None,
        "log_exports": None if exports is None else set(exports),
        "auto_minor_upgrade": spec.get("auto_minor_upgrade"),
        "ca_certificate": spec.get("ca_certificate"),
        "name": spec["name"],
        "username": spec["username"],
        "port": spec["port"],
        "tags": dict(owned),
    }


# What a replica has of its own; the rest comes from its source and follows it.
_REPLICATED = (
    *("class", "storage_type", "iops", "throughput", "max_gb", "parameter_group", "security_groups", "copy_tags"),
    *("public", "performance_insights", "monitoring_interval", "monitoring_role", "log_exports", "auto_minor_upgrade"),
    *("ca_certificate", "port", "tags"),
)


def _replica(instance: Mapping[str, Any], kind: str | None) -> dict[str, Any]:
    """Replicas hold nothing that their source has not, so they are never protected against deletion."""
    own = {field: instance[field] for field in _REPLICATED}
    return {**own, "class": kind or instance["class"], "deletion_protection": False}


def plan(
    current: Mapping[str, Any],
    wanted: Desired,
    stack: Stack,
    *,
    identifier: str,
    static: Iterable[str] = (),
    now: bool = False,
    major_upgrade: bool = False,
    reboot: bool = False,
) -> list[Change]:
    """What to do, in order. Raises where AWS could not do it, or where something is not ours.

    static: parameters that take effect at the next start only
    now:    changes that can interrupt are made at once, not in the maintenance window; pending ones too
    """
    _guard_groups(current, wanted, stack, identifier)
    instances = plan_instances(
        current["instances"],
        wanted,
        stack,
        identifier=identifier,
        now=now,
        major_upgrade=major_upgrade,
        reboot=reboot,
    )
    return _groups(current, wanted, identifier, frozenset(static)) + instances


def plan_instances(
    instances: Mapping[str, Mapping[str, Any]],
    wanted: Desired,
    stack: Stack,
    *,
    identifier: str,
    now: bool = False,
    major_upgrade: bool = False,
    reboot: bool = False,
) -> list[Change]:
    """The part of plan that comes after the groups: the instance, its replicas, reboots that were asked for."""
    _guard_instances(instances, wanted, stack, identifier)
    have = instances.get(identifier)
    if have is None:
        changes = [Change("create", INSTANCE, identifier, None, _shown(wanted["instance"]))]
    else:
        changes = plan_instance(identifier, have, wanted["instance"], now=now, major_upgrade=major_upgrade)
    changes += plan_replicas(instances, wanted, stack, identifier=identifier, now=now)
    if reboot:
        changes += [
            Change("update", REBOOT, name, {"parameters": "pending-reboot"}, {"parameters": "in-sync"}, "asked for")
            for name in [identifier, *in_order(wanted["replicas"])]
            if (instances.get(name) or {}).get("parameter_status") == "pending-reboot"
        ]
    return changes


def deferred(
    change: Change, instances: Mapping[str, Mapping[str, Any]], identifier: str, changes: list[Change]
) -> bool:
    """Whether a change has to wait until its instance is available, which is the entry point ready's work."""
    if change.resource == REBOOT:
        return True
    if change.resource == REPLICA and change.action == "create":
        return not usable(instances.get(identifier)) or any(
            (other.resource, other.action) == (INSTANCE, "update") for other in changes
        )
    return change.resource in (INSTANCE, REPLICA) and change.action == "update" and not usable(instances[change.name])


def _guard_groups(current: Mapping[str, Any], wanted: Desired, stack: Stack, identifier: str) -> None:
    for kind, resource in (("subnet_group", SUBNET_GROUP), ("parameter_group", PARAMETER_GROUP)):
        if current[kind]:
            name = wanted["instance"]["parameter_group"] if kind == "parameter_group" else identifier
            require_ours(stack, resource, name, current[kind]["tags"])


def _guard_instances(
    instances: Mapping[str, Mapping[str, Any]], wanted: Desired, stack: Stack, identifier: str
) -> None:
    for name, have in instances.items():
        if name == identifier or name in wanted["replicas"]:
            require_ours(stack, INSTANCE, name, have["tags"])
            if not _going(have):
                raise SlipwayError(
                    f"{INSTANCE} {name} is being deleted", "", "Wait until it is gone, then repeat the run."
                )


def _groups(current: Mapping[str, Any], wanted: Desired, identifier: str, static: frozenset[str]) -> list[Change]:
    changes = compare(
        SUBNET_GROUP,
        {identifier: _tags_of_ours(current["subnet_group"], wanted["subnet_group"])} if current["subnet_group"] else {},
        {identifier: wanted["subnet_group"]},
        fixed=["vpc"],
    )
    name, group = wanted["instance"]["parameter_group"], current["parameter_group"]
    found = compare(
        PARAMETER_GROUP,
        {name: _tags_of_ours(group, wanted["parameter_group"])} if group else {},
        {name: wanted["parameter_group"]},
        fixed=["family"],
    )
    return changes + [_parameters_only(change, static) for change in found]


def parameters_differ(current: Mapping[str, Any], wanted: Desired) -> bool:
    """Whether parameters are to be set or reset, for which their kinds have to be known."""
    want, group = wanted["parameter_group"]["parameters"], current["parameter_group"]
    return want is not None and want != (group["parameters"] if group else {})


def _tags_of_ours(have: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {**have, "tags": managed(have["tags"], wanted["tags"])}


def _parameters_only(change: Change, static: frozenset[str]) -> Change:
    """The change with only those parameters that differ, and with what has to wait for a restart as its reason."""
    if change.action != "update" or "parameters" not in change.after:
        return change
    before, after = change.before["parameters"] or {}, change.after["parameters"]
    names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    waiting = sorted(names & static)
    return Change(
        "update",
        change.resource,
        change.name,
        {**change.before, "parameters": {name: before[name] for name in sorted(names) if name in before}},
        # None: back to AWS's default
        {**change.after, "parameters": {name: after.get(name) for name in sorted(names)}},
        f"in force after a reboot: {', '.join(waiting)}" if waiting else "",
    )


def plan_instance(
    name: str, have: Mapping[str, Any], wanted: Mapping[str, Any], *, now: bool = False, major_upgrade: bool = False
) -> list[Change]:
    """What differs of an instance that exists. What AWS was told already is no difference, unless it is to be now."""
    compared = have if now and usable(have) else expected(have)
    want = _want(compared, wanted)
    differ = differing({**compared, "tags": managed(have["tags"], wanted["tags"])}, want)
    refuse_fixed(INSTANCE, name, compared, differ, FIXED)
    _refuse_versions(name, compared, differ, major_upgrade=major_upgrade)
    _refuse_small_growth(name, compared, differ)
    if not differ:
        return []
    waits = sorted(set(differ) & WAITING) if not now else []
    return [
        Change(
            "update",
            INSTANCE if not have["source"] else REPLICA,
            name,
            {field: compared.get(field) for field in differ},
            differ,
            f"in the maintenance window: {', '.join(waits)}" if waits else "",
        )
    ]


# What ModifyDBInstance leaves for the maintenance window unless it is told to apply changes at once.
WAITING = frozenset({"class", "engine_version", "multi_az", "storage_type", "gb", "iops", "throughput", "port"})


def _want(have: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is wanted of an instance that exists, without what it satisfies in its own way."""
    want = dict(wanted)
    if have["log_exports"] is None:
        want["log_exports"] = None
    if want.get("engine_version") and satisfies(have["engine_version"], want["engine_version"]):
        want["engine_version"] = None
    if want.get("gb") and have["gb"] >= want["gb"]:
        want["gb"] = None  # storage grows by itself and never shrinks
    key = want.get("kms_key")
    if key and (key.startswith("alias/") or have["kms_key"].endswith(key)):
        want["kms_key"] = None  # AWS answers with the key's ARN; an alias does not say which one it was
    for field in ("name", "username"):
        if field in want and not have[field]:
            want[field] = None  # while an instance is created AWS does not always tell
    if have["source"] and not same_major(have["engine_version"], want["parameter_group"]):
        want["parameter_group"] = None  # its source is upgraded first, and takes it along
    return want


def same_major(version: str, group: str) -> bool:
    return group.endswith(f"-postgres{(numbers(version) or (0,))[0]}")


def _refuse_versions(name: str, have: Mapping[str, Any], differ: Mapping[str, Any], *, major_upgrade: bool) -> None:
    asked = differ.get("engine_version")
    if not asked:
        return
    running, to = numbers(have["engine_version"]), numbers(asked)
    if to < running:
        raise SlipwayError(
            f"{INSTANCE} {name} cannot go back from {have['engine_version']} to {asked}",
            "RDS never downgrades an engine",
            f'Set database_engine_version to "{running[0]}", or restore a snapshot of the old version elsewhere.',
        )
    if to[0] != running[0] and not major_upgrade:
        raise SlipwayError(
            f"{INSTANCE} {name} runs {have['engine_version']}, the inventory wants {asked}",
            "a major upgrade interrupts the service and cannot be taken back",
            "Try it on a copy, take a snapshot, then set database_major_upgrade: true for one run; or put "
            f'database_engine_version back to "{running[0]}".',
        )


def _refuse_small_growth(name: str, have: Mapping[str, Any], differ: Mapping[str, Any]) -> None:
    gb = differ.get("gb")
    if gb and gb * 10 < have["gb"] * 11:
        raise SlipwayError(
            f"{INSTANCE} {name} cannot grow from {have['gb']} to {gb} GB",
            "RDS grows storage by at least 10 %",
            f"Set database_storage.gb to {-(-have['gb'] * 11 // 10)} or more.",
        )


def plan_replicas(
    instances: Mapping[str, Mapping[str, Any]], wanted: Desired, stack: Stack, *, identifier: str, now: bool = False
) -> list[Change]:
    """Replicas to make, to change and to remove. They are made when their source is available."""
    changes: list[Change] = []
    for name, want in wanted["replicas"].items():
        have = instances.get(name)
        if have is None:
            changes.append(Change("create", REPLICA, name, None, _shown({"source": identifier, **want})))
        elif have["source"] != identifier:
            raise SlipwayError(
                f"{INSTANCE} {name} is no replica of {identifier}",
                f"its source is {have['source'] or 'nobody, it was promoted'}",
                "Nothing was changed. Rename or remove it, or lower database_replicas.",
            )
        else:
            changes += plan_instance(name, have, want, now=now)
    surplus = [
        name
        for name in in_order(instances)
        if name not in wanted["replicas"]
        and instances[name]["source"] == identifier
        and _going(instances[name])
        and stack.owns(instances[name]["tags"])
    ]
    return changes + [
        Change("delete", REPLICA, name, {"source": identifier}, None, "not in the inventory") for name in surplus
    ]


def _going(have: Mapping[str, Any]) -> bool:
    return bool(have["status"] != "deleting")


def _shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A creation as people and later steps see it: without what is left to AWS."""
    return {key: value for key, value in fields.items() if value is not None}


def plan_removal(current: Mapping[str, Any], stack: Stack, *, identifier: str, final_snapshot: bool) -> list[Change]:
    """Delete what is ours: replicas first, since those of a deleted source would become databases of their own."""
    ours = {name: have for name, have in current["instances"].items() if stack.owns(have["tags"])}
    protected = [name for name, have in ours.items() if have["deletion_protection"] and _going(have)]
    if protected:
        raise SlipwayError(
            f"{INSTANCE} {', '.join(protected)} is protected against deletion",
            "database_deletion_protection is true, or was set by hand",
            "Nothing was removed. Set database_deletion_protection: false, provision, then repeat the removal.",
        )
    replicas_first = [name for name in in_order(ours) if name != identifier] + [identifier] * (identifier in ours)
    changes = [_deletion(name, ours[name], final_snapshot) for name in replicas_first if _going(ours[name])]
    changes += [
        Change("delete", PARAMETER_GROUP, name, {"family": group["family"]})
        for name, group in current["parameter_groups"].items()
        if stack.owns(group["tags"])
    ]
    if current["subnet_group"] and stack.owns(current["subnet_group"]["tags"]):
        changes.append(Change("delete", SUBNET_GROUP, identifier, {"vpc": current["subnet_group"]["vpc"]}))
    return changes


def _deletion(name: str, have: Mapping[str, Any], final_snapshot: bool) -> Change:
    replica, broken = bool(have["source"]), have["status"] in BROKEN
    reason = WITH_SNAPSHOT if final_snapshot and not replica and not broken else WITHOUT_SNAPSHOT
    if final_snapshot and broken and not replica:
        reason += f", which AWS cannot take while it is {have['status']}"
    return Change("delete", REPLICA if replica else INSTANCE, name, {"status": have["status"]}, None, reason)
