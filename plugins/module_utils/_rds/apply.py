# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a plan out, call by call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change
from ansible_collections.slipway.aws.plugins.module_utils._rds import api
from ansible_collections.slipway.aws.plugins.module_utils._rds.plan import (
    INSTANCE,
    PARAMETER_GROUP,
    REBOOT,
    REPLICA,
    SUBNET_GROUP,
    WITH_SNAPSHOT,
)
from ansible_collections.slipway.aws.plugins.module_utils._rds.problems import GP3_STRIPED
from ansible_collections.slipway.aws.plugins.module_utils._rds.rules import numbers

# Our names and those of CreateDBInstance, CreateDBInstanceReadReplica and, mostly, ModifyDBInstance.
_SETTINGS = {
    "engine_version": "EngineVersion",
    "class": "DBInstanceClass",
    "storage_type": "StorageType",
    "gb": "AllocatedStorage",
    "max_gb": "MaxAllocatedStorage",
    "iops": "Iops",
    "throughput": "StorageThroughput",
    "multi_az": "MultiAZ",
    "parameter_group": "DBParameterGroupName",
    "backup_days": "BackupRetentionPeriod",
    "backup_window": "PreferredBackupWindow",
    "maintenance_window": "PreferredMaintenanceWindow",
    "deletion_protection": "DeletionProtection",
    "copy_tags": "CopyTagsToSnapshot",
    "public": "PubliclyAccessible",
    "performance_insights": "EnablePerformanceInsights",
    "monitoring_interval": "MonitoringInterval",
    "monitoring_role": "MonitoringRoleArn",
    "auto_minor_upgrade": "AutoMinorVersionUpgrade",
    "ca_certificate": "CACertificateIdentifier",
}
_AT_CREATION = {
    **_SETTINGS,
    "engine": "Engine",
    "encrypted": "StorageEncrypted",
    "kms_key": "KmsKeyId",
    "name": "DBName",
    "username": "MasterUsername",
    "port": "Port",
    "source": "SourceDBInstanceIdentifier",
}
_FORBIDDEN = "/@\" '"  # AWS takes all printable ASCII but / @ " and the space; ' breaks connection strings


def password(secrets: Any, name: str) -> str:
    """The master password from its secret, checked against RDS's rules. Raises without ever quoting it."""
    value = api.secret_value(secrets, name)
    if not 8 <= len(value) <= 128 or any(sign in _FORBIDDEN or not 32 < ord(sign) < 127 for sign in value):
        raise SlipwayError(
            f"The value of secret {name} cannot be a database password",
            f"RDS takes 8 to 128 printable characters without {_FORBIDDEN.strip()} and spaces, this has {len(value)} "
            "characters or one that is not allowed",
            "Put another value into the secret, or let role secrets generate it (kind: generated).",
        )
    return value


def handlers(
    aws: Clients,
    current: Mapping[str, Any],
    *,
    identifier: str,
    static: frozenset[str] = frozenset(),
    now: bool = False,
    master_password: str = "",
    final_snapshot: str | None = None,
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    """What to do for each kind of change. `current` gives the ARNs and sizes of what exists."""
    rds = aws.client("rds")
    instances = current.get("instances", {})
    modify = partial(update_instance, rds, instances, now)
    return {
        (SUBNET_GROUP, "create"): partial(create_subnet_group, rds),
        (SUBNET_GROUP, "update"): partial(update_subnet_group, rds, current),
        (SUBNET_GROUP, "delete"): lambda change: api.delete_subnet_group(rds, change.name),
        (PARAMETER_GROUP, "create"): partial(create_parameter_group, rds, static),
        (PARAMETER_GROUP, "update"): partial(update_parameter_group, rds, current, static),
        (PARAMETER_GROUP, "delete"): lambda change: api.delete_parameter_group(rds, change.name),
        (INSTANCE, "create"): partial(create_instance, rds, identifier, master_password),
        (INSTANCE, "update"): modify,
        (INSTANCE, "delete"): lambda change: api.delete_instance(
            rds, change.name, final_snapshot if change.reason == WITH_SNAPSHOT else None
        ),
        (REPLICA, "create"): partial(create_replica, rds),
        (REPLICA, "update"): modify,
        (REPLICA, "delete"): lambda change: api.delete_instance(rds, change.name, None),
        (REBOOT, "update"): lambda change: api.reboot(rds, change.name),
    }


def create_subnet_group(rds: Any, change: Change) -> None:
    wanted = change.after
    api.create_subnet_group(
        rds, change.name, f"Subnets of database {change.name}", sorted(wanted["subnets"]), wanted["tags"]
    )


def update_subnet_group(rds: Any, current: Mapping[str, Any], change: Change) -> None:
    if "subnets" in change.after:
        api.modify_subnet_group(rds, change.name, change.after["subnets"])
    if "tags" in change.after:
        api.tag(rds, current["subnet_group"]["arn"], change.after["tags"])


def create_parameter_group(rds: Any, static: frozenset[str], change: Change) -> None:
    wanted = change.after
    description = f"Parameters of database {change.name}"
    api.create_parameter_group(rds, change.name, wanted["family"], description, wanted["tags"])
    if wanted["parameters"]:
        api.set_parameters(rds, change.name, entries(wanted["parameters"], static))


def update_parameter_group(rds: Any, current: Mapping[str, Any], static: frozenset[str], change: Change) -> None:
    parameters = change.after.get("parameters") or {}
    put = {name: value for name, value in parameters.items() if value is not None}
    if put:
        api.set_parameters(rds, change.name, entries(put, static))
    gone = [{"ParameterName": name, "ApplyMethod": _method(name, static)} for name in parameters if name not in put]
    if gone:
        api.reset_parameters(rds, change.name, gone)
    if "tags" in change.after:
        api.tag(rds, current["parameter_group"]["arn"], change.after["tags"])


def entries(parameters: Mapping[str, str], static: frozenset[str]) -> list[dict[str, str]]:
    """Parameters for ModifyDBParameterGroup. A static one cannot be applied at once, AWS refuses the whole call."""
    return [
        {"ParameterName": name, "ParameterValue": value, "ApplyMethod": _method(name, static)}
        for name, value in sorted(parameters.items())
    ]


def _method(name: str, static: frozenset[str]) -> str:
    return "pending-reboot" if name in static else "immediate"


def at_creation(name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What CreateDBInstance and CreateDBInstanceReadReplica have in common, from a Change's fields."""
    settings = {theirs: wanted[ours] for ours, theirs in _AT_CREATION.items() if wanted.get(ours) is not None}
    if not wanted.get("max_gb"):
        settings.pop("MaxAllocatedStorage", None)
    if "log_exports" in wanted:
        settings["EnableCloudwatchLogsExports"] = sorted(wanted["log_exports"])
    if "security_groups" in wanted:
        settings["VpcSecurityGroupIds"] = sorted(wanted["security_groups"])
    return {"DBInstanceIdentifier": name, **settings, "Tags": tag_list(wanted["tags"])}


def create_instance(rds: Any, identifier: str, master_password: str, change: Change) -> None:
    settings = at_creation(change.name, change.after)
    api.create_instance(rds, {**settings, "DBSubnetGroupName": identifier, "MasterUserPassword": master_password})


def create_replica(rds: Any, change: Change) -> None:
    api.create_replica(rds, at_creation(change.name, change.after))


def update_instance(rds: Any, instances: Mapping[str, Mapping[str, Any]], now: bool, change: Change) -> None:
    have, after = instances[change.name], dict(change.after)
    tags = after.pop("tags", None)
    if after:
        api.modify_instance(rds, change.name, modification(have, after), immediately=now)
    if tags:
        api.tag(rds, have["arn"], tags)


def modification(have: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What ModifyDBInstance is told, with what it wants to hear along with each change."""
    told = {**after, **_storage(have, after)}
    settings = {theirs: told[ours] for ours, theirs in _SETTINGS.items() if ours in told}
    if "max_gb" in after and not after["max_gb"]:
        settings["MaxAllocatedStorage"] = have["gb"]  # which is how AWS spells "no autoscaling"
    if "security_groups" in after:
        settings["VpcSecurityGroupIds"] = sorted(after["security_groups"])
    if "port" in after:
        settings["DBPortNumber"] = after["port"]
    if "log_exports" in after:
        settings["CloudwatchLogsExportConfiguration"] = {
            "EnableLogTypes": sorted(after["log_exports"] - have["log_exports"]),
            "DisableLogTypes": sorted(have["log_exports"] - after["log_exports"]),
        }
    if after.get("monitoring_interval") and "monitoring_role" not in after:
        settings["MonitoringRoleArn"] = have["monitoring_role"]
    if "monitoring_role" in after and "monitoring_interval" not in after:
        settings["MonitoringInterval"] = have["monitoring_interval"]
    if "engine_version" in after and numbers(after["engine_version"])[0] != numbers(have["engine_version"])[0]:
        settings["AllowMajorVersionUpgrade"] = True
    return settings


def _storage(have: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Size, iops and throughput go together: AWS refuses one of them without the others where they can be set."""
    if not {"gb", "iops", "throughput", "storage_type"} & set(after):
        return {}
    kind, gb = after.get("storage_type", have["storage_type"]), after.get("gb", have["gb"])
    told: dict[str, Any] = {"gb": gb}
    if kind in ("io1", "io2") or (kind == "gp3" and gb >= GP3_STRIPED):
        told["iops"] = after.get("iops") or have["iops"] or None
    if kind == "gp3" and gb >= GP3_STRIPED:
        told["throughput"] = after.get("throughput") or have["throughput"] or None
    return {field: value for field, value in told.items() if value}
