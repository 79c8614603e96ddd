# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What RDS has, in our shape.

{"subnet_group": {...} | None, "parameter_group": {...} | None, "instances": {identifier: {...}}}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, tag_dict, together
from ansible_collections.slipway.aws.plugins.module_utils._rds import api

MAX_REPLICAS = 15  # of one PostgreSQL instance


def replica_name(identifier: str, number: int) -> str:
    return f"{identifier}-replica-{number}"


def identifiers(identifier: str) -> list[str]:
    """The names of an instance and of all replicas that it may have."""
    return [identifier, *(replica_name(identifier, number) for number in range(1, MAX_REPLICAS + 1))]


def read(aws: Clients, identifier: str, parameter_group: str) -> dict[str, Any]:
    """Everything there is of a database, in two rounds of calls: the things, then the tags that come apart."""
    rds = aws.client("rds")
    found = together(
        {
            "instances": lambda: api.instances(rds, identifiers(identifier)),
            "subnet_group": lambda: api.subnet_group(rds, identifier),
            "parameter_group": lambda: api.parameter_group(rds, parameter_group),
            "parameters": lambda: api.parameters(rds, parameter_group),
        }
    )
    arns = {
        key: found[key][name]
        for key, name in (("subnet_group", "DBSubnetGroupArn"), ("parameter_group", "DBParameterGroupArn"))
        if found[key]
    }
    tags = together({key: lambda arn=arn: api.tags(rds, arn) for key, arn in arns.items()})  # type: ignore[misc]
    return {
        "instances": {each["DBInstanceIdentifier"]: describe_instance(each) for each in found["instances"]},
        "subnet_group": describe_subnet_group(found["subnet_group"], tags.get("subnet_group")),
        "parameter_group": describe_parameter_group(
            found["parameter_group"], found["parameters"], tags.get("parameter_group")
        ),
    }


def read_for_removal(aws: Clients, identifier: str, prefix: str) -> dict[str, Any]:
    """As read, but with every parameter group that the database may have left behind: {name: group}."""
    rds = aws.client("rds")
    found = together(
        {
            "instances": lambda: api.instances(rds, identifiers(identifier)),
            "subnet_group": lambda: api.subnet_group(rds, identifier),
            "parameter_groups": lambda: api.parameter_groups(rds, prefix),
        }
    )
    groups, subnets = found["parameter_groups"], found["subnet_group"]
    tags = each(lambda group: api.tags(rds, group["DBParameterGroupArn"]), groups)
    return {
        "instances": {each["DBInstanceIdentifier"]: describe_instance(each) for each in found["instances"]},
        "subnet_group": describe_subnet_group(subnets, api.tags(rds, subnets["DBSubnetGroupArn"]) if subnets else None),
        "parameter_groups": {
            group["DBParameterGroupName"]: describe_parameter_group(group, [], its)
            for group, its in zip(groups, tags, strict=True)
        },
    }


def describe_subnet_group(
    group: Mapping[str, Any] | None, tags: Iterable[Mapping[str, str]] | None
) -> dict[str, Any] | None:
    if group is None:
        return None
    return {
        "arn": group["DBSubnetGroupArn"],
        "vpc": group.get("VpcId", ""),
        "subnets": {subnet["SubnetIdentifier"] for subnet in group.get("Subnets", [])},
        "tags": tag_dict(tags),
    }


def describe_parameter_group(
    group: Mapping[str, Any] | None, parameters: Iterable[Mapping[str, Any]], tags: Iterable[Mapping[str, str]] | None
) -> dict[str, Any] | None:
    if group is None:
        return None
    return {
        "arn": group["DBParameterGroupArn"],
        "family": group["DBParameterGroupFamily"],
        "parameters": {
            each["ParameterName"]: str(each["ParameterValue"]) for each in parameters if "ParameterValue" in each
        },
        "tags": tag_dict(tags),
    }


def describe_instance(instance: Mapping[str, Any]) -> dict[str, Any]:
    """One entry of DescribeDBInstances. Sizes are GiB, throughput MiB/s; absent numbers are 0."""
    groups = instance.get("DBParameterGroups") or [{}]
    endpoint = instance.get("Endpoint") or {}
    return {
        "arn": instance["DBInstanceArn"],
        "status": instance.get("DBInstanceStatus", ""),
        "engine": instance["Engine"],
        "engine_version": instance.get("EngineVersion", ""),
        "class": instance["DBInstanceClass"],
        **_storage(instance),
        **_protection(instance),
        **_watching(instance),
        "multi_az": bool(instance.get("MultiAZ")),
        "maintenance_window": instance.get("PreferredMaintenanceWindow", "").lower(),
        "auto_minor_upgrade": bool(instance.get("AutoMinorVersionUpgrade")),
        "ca_certificate": instance.get("CACertificateIdentifier", ""),
        "parameter_group": groups[0].get("DBParameterGroupName", ""),
        "parameter_status": groups[0].get("ParameterApplyStatus", ""),
        "subnet_group": (instance.get("DBSubnetGroup") or {}).get("DBSubnetGroupName", ""),
        "vpc": (instance.get("DBSubnetGroup") or {}).get("VpcId", ""),
        "security_groups": {group["VpcSecurityGroupId"] for group in instance.get("VpcSecurityGroups", [])},
        "name": instance.get("DBName", ""),
        "username": instance.get("MasterUsername", ""),
        "endpoint": endpoint.get("Address", ""),
        "port": int(endpoint.get("Port") or instance.get("DbInstancePort") or 0),
        "source": instance.get("ReadReplicaSourceDBInstanceIdentifier") or "",
        "replicas": list(instance.get("ReadReplicaDBInstanceIdentifiers", [])),
        "pending": pending(instance.get("PendingModifiedValues") or {}),
        "tags": tag_dict(instance.get("TagList")),
    }


def _storage(instance: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "storage_type": instance.get("StorageType", ""),
        "gb": int(instance.get("AllocatedStorage") or 0),
        "max_gb": int(instance.get("MaxAllocatedStorage") or 0),
        "iops": int(instance.get("Iops") or 0),
        "throughput": int(instance.get("StorageThroughput") or 0),
        "encrypted": bool(instance.get("StorageEncrypted")),
        "kms_key": instance.get("KmsKeyId") or "",
    }


def _protection(instance: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "backup_days": int(instance.get("BackupRetentionPeriod") or 0),
        "backup_window": instance.get("PreferredBackupWindow", "").lower(),
        "deletion_protection": bool(instance.get("DeletionProtection")),
        "copy_tags": bool(instance.get("CopyTagsToSnapshot")),
        "public": bool(instance.get("PubliclyAccessible")),
    }


def _watching(instance: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "performance_insights": bool(instance.get("PerformanceInsightsEnabled")),
        "monitoring_interval": int(instance.get("MonitoringInterval") or 0),
        "monitoring_role": instance.get("MonitoringRoleArn") or "",
        "log_exports": set(instance.get("EnabledCloudwatchLogsExports", [])),
    }


# PendingModifiedValues' names, and ours
_PENDING = {
    "DBInstanceClass": "class",
    "AllocatedStorage": "gb",
    "StorageType": "storage_type",
    "Iops": "iops",
    "StorageThroughput": "throughput",
    "BackupRetentionPeriod": "backup_days",
    "MultiAZ": "multi_az",
    "EngineVersion": "engine_version",
    "CACertificateIdentifier": "ca_certificate",
    "Port": "port",
}


def pending(values: Mapping[str, Any]) -> dict[str, Any]:
    """What AWS has been told already and will do, in our names."""
    found = {ours: values[theirs] for theirs, ours in _PENDING.items() if theirs in values}
    if values.get("PendingCloudwatchLogsExports"):
        found["log_exports"] = None  # they are being changed: what is listed meanwhile says nothing
    return found


def expected(instance: Mapping[str, Any]) -> dict[str, Any]:
    """The instance as it will be once what is pending is done: what a plan compares with."""
    return {**instance, **instance["pending"]}


def in_order(names: Iterable[str]) -> list[str]:
    """Replicas by their number: -replica-2 before -replica-10."""
    return sorted(names, key=lambda name: (len(name), name))


def result(instances: Mapping[str, Mapping[str, Any]], identifier: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """database_result, see _stack.DatabaseResult. What AWS does not know yet comes from the inventory or is ""."""
    have = instances.get(identifier) or {}
    readers = in_order(name for name, it in instances.items() if name != identifier and it["source"])
    return {
        "identifier": identifier,
        "arn": have.get("arn", ""),
        "status": have.get("status", ""),
        "engine": have.get("engine") or spec["engine"],
        "engine_version": have.get("engine_version") or spec["engine_version"],
        "endpoint": have.get("endpoint", ""),
        "port": have.get("port") or spec["port"],
        "name": have.get("name") or spec["name"],
        "username": have.get("username") or spec["username"],
        "password_secret": spec["password_secret"],
        "readers": [instances[name]["endpoint"] for name in readers],
    }
