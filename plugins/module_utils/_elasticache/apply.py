# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a plan out, call by call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._elasticache import api
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.plan import (
    FIRST_MINOR,
    GROUP,
    PARAMETER_GROUP,
    REPLICAS,
    SHARDS,
    SUBNET_GROUP,
    TLS,
    WAITING,
)
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change
from ansible_collections.slipway.aws.plugins.module_utils._rds.api import secret_value
from ansible_collections.slipway.aws.plugins.module_utils._rds.rules import numbers

# Our names and those of CreateReplicationGroup and ModifyReplicationGroup.
_SETTINGS = {
    "engine": "Engine",
    "engine_version": "EngineVersion",
    "node_type": "CacheNodeType",
    "multi_az": "MultiAZEnabled",
    "failover": "AutomaticFailoverEnabled",
    "snapshot_days": "SnapshotRetentionLimit",
    "snapshot_window": "SnapshotWindow",
    "maintenance_window": "PreferredMaintenanceWindow",
    "parameter_group": "CacheParameterGroupName",
    "auto_minor_upgrade": "AutoMinorVersionUpgrade",
    "tls": "TransitEncryptionEnabled",
    "tls_mode": "TransitEncryptionMode",
}
_AT_CREATION = {**_SETTINGS, "encrypted": "AtRestEncryptionEnabled", "kms_key": "KmsKeyId", "port": "Port"}
_FORBIDDEN = '@"/ '


def token(secrets: Any, name: str | None) -> str:
    """The AUTH token from its secret, checked against ElastiCache's rules; "" where none is asked for.

    Raises without ever quoting it.
    """
    if not name:
        return ""
    value = secret_value(secrets, name)
    if not 16 <= len(value) <= 128 or any(sign in _FORBIDDEN or not 32 < ord(sign) < 127 for sign in value):
        raise SlipwayError(
            f"The value of secret {name} cannot be an AUTH token",
            f"ElastiCache takes 16 to 128 printable characters without {_FORBIDDEN.strip()} and spaces, this has "
            f"{len(value)} characters or one that is not allowed",
            "Put another value into the secret, or let role secrets generate it (kind: generated).",
        )
    return value


def handlers(
    aws: Clients,
    current: Mapping[str, Any],
    *,
    identifier: str,
    now: bool = False,
    auth_token: str = "",
    final_snapshot: str | None = None,
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    """What to do for each kind of change. `current` gives the ARNs and counts of what exists."""
    cache = aws.client("elasticache")
    group = current.get("group") or {}
    return {
        (SUBNET_GROUP, "create"): partial(create_subnet_group, cache),
        (SUBNET_GROUP, "update"): partial(update_subnet_group, cache, current),
        (SUBNET_GROUP, "delete"): lambda change: api.delete_subnet_group(cache, change.name),
        (PARAMETER_GROUP, "create"): partial(create_parameter_group, cache),
        (PARAMETER_GROUP, "update"): partial(update_parameter_group, cache, current),
        (PARAMETER_GROUP, "delete"): lambda change: api.delete_parameter_group(cache, change.name),
        (GROUP, "create"): partial(create_group, cache, identifier, auth_token),
        (GROUP, "update"): partial(update_group, cache, group, now),
        (GROUP, "delete"): lambda change: api.delete_group(cache, change.name, final_snapshot),
        (REPLICAS, "update"): partial(update_replicas, cache, group),
        (SHARDS, "update"): partial(update_shards, cache, group),
        (TLS, "update"): partial(update_tls, cache),
    }


def create_subnet_group(cache: Any, change: Change) -> None:
    wanted = change.after
    api.create_subnet_group(
        cache, change.name, f"Subnets of cache {change.name}", sorted(wanted["subnets"]), wanted["tags"]
    )


def update_subnet_group(cache: Any, current: Mapping[str, Any], change: Change) -> None:
    if "subnets" in change.after:
        api.modify_subnet_group(cache, change.name, change.after["subnets"])
    if "tags" in change.after:
        api.tag(cache, current["subnet_group"]["arn"], change.after["tags"])


def create_parameter_group(cache: Any, change: Change) -> None:
    wanted = change.after
    description = f"Parameters of cache {change.name}"
    api.create_parameter_group(cache, change.name, wanted["family"], description, wanted["tags"])
    if wanted["parameters"]:
        api.set_parameters(cache, change.name, entries(wanted["parameters"]))


def update_parameter_group(cache: Any, current: Mapping[str, Any], change: Change) -> None:
    parameters = change.after.get("parameters") or {}
    put = {name: value for name, value in parameters.items() if value is not None}
    if put:
        api.set_parameters(cache, change.name, entries(put))
    gone = [{"ParameterName": name} for name in sorted(parameters) if name not in put]
    if gone:
        api.reset_parameters(cache, change.name, gone)
    if "tags" in change.after:
        api.tag(cache, current["parameter_group"]["arn"], change.after["tags"])


def entries(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"ParameterName": name, "ParameterValue": value} for name, value in sorted(parameters.items())]


def at_creation(name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What CreateReplicationGroup is told, from a Change's fields.

    Nodes are told as shards with replicas, which both modes take: one shard is cluster mode disabled unless said.
    """
    settings = {theirs: wanted[ours] for ours, theirs in _AT_CREATION.items() if wanted.get(ours) is not None}
    cluster = wanted["mode"] == "cluster"
    return {
        "ReplicationGroupId": name,
        "ReplicationGroupDescription": f"Cache {name}",
        **settings,
        "EngineVersion": full_version(wanted["engine"], wanted["engine_version"]),
        "NumNodeGroups": wanted.get("shards") or 1,
        "ReplicasPerNodeGroup": wanted.get("replicas") or 0,
        **({"ClusterMode": "enabled"} if cluster else {}),
        **({"SecurityGroupIds": sorted(wanted["security_groups"])} if "security_groups" in wanted else {}),
        **({"LogDeliveryConfigurations": deliveries({}, wanted["log_delivery"])} if wanted.get("log_delivery") else {}),
        "CacheSubnetGroupName": name,
        "Tags": tag_list(wanted["tags"]),
    }


def full_version(engine: str, version: str) -> str:
    """7 as 7.1: ElastiCache does not choose a minor version by itself."""
    found = numbers(version)
    return FIRST_MINOR.get((engine, found[0]), f"{found[0]}.0") if len(found) == 1 else version


def create_group(cache: Any, identifier: str, auth_token: str, change: Change) -> None:
    secret = {"AuthToken": auth_token} if auth_token else {}
    api.create_group(cache, {**at_creation(identifier, change.after), **secret})


def update_group(cache: Any, have: Mapping[str, Any], now: bool, change: Change) -> None:
    after = dict(change.after)
    tags = after.pop("tags", None)
    if after:
        # What interrupts nobody need not wait, unless it would take along what waits already.
        at_once = now or not (set(after) & WAITING or set(have["pending"]) & WAITING)
        api.modify_group(cache, change.name, modification(have, after), immediately=at_once)
    if tags:
        api.tag(cache, have["arn"], tags)


def modification(have: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What ModifyReplicationGroup is told, with what it wants to hear along with each change."""
    settings = {theirs: after[ours] for ours, theirs in _SETTINGS.items() if ours in after}
    engine = after.get("engine", have["engine"])
    if "engine_version" in after:
        settings["EngineVersion"] = full_version(engine, after["engine_version"])
    if after.get("multi_az") and "failover" not in after:
        settings["AutomaticFailoverEnabled"] = True
    if "security_groups" in after:
        settings["SecurityGroupIds"] = sorted(after["security_groups"])
    if "log_delivery" in after:
        settings["LogDeliveryConfigurations"] = deliveries(have["log_delivery"] or {}, after["log_delivery"])
    return settings


def deliveries(have: Mapping[str, Any], wanted: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Log deliveries to CloudWatch Logs, exactly: one that is not wanted is switched off by name."""
    on = [
        {
            "LogType": kind,
            "DestinationType": "cloudwatch-logs",
            "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": entry["log_group"]}},
            "LogFormat": entry["format"],
            "Enabled": True,
        }
        for kind, entry in sorted(wanted.items())
    ]
    return on + [{"LogType": kind, "Enabled": False} for kind in sorted(set(have) - set(wanted))]


def update_replicas(cache: Any, have: Mapping[str, Any], change: Change) -> None:
    count = change.after["replicas"]
    api.set_replicas(cache, change.name, count, more=count > have["replicas"])


def update_shards(cache: Any, have: Mapping[str, Any], change: Change) -> None:
    count = change.after["shards"]
    api.set_shards(cache, change.name, count, sorted(have["shard_names"])[count:])


def update_tls(cache: Any, change: Change) -> None:
    """Encryption in transit can be changed at once only."""
    told = {theirs: change.after[ours] for ours, theirs in _SETTINGS.items() if ours in change.after}
    api.modify_group(cache, change.name, told, immediately=True)
