# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ElastiCache has, in our shape.

{"subnet_group": {...} | None, "parameter_group": {...} | None, "group": {...} | None}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, tag_dict, together
from ansible_collections.slipway.aws.plugins.module_utils._elasticache import api

_ON = ("enabled", "enabling")


def read(aws: Clients, identifier: str, parameter_group: str) -> dict[str, Any]:
    """Everything there is of a cache, in two rounds of calls: the things, then the tags and one of the nodes."""
    cache = aws.client("elasticache")
    found = together(
        {
            "group": lambda: api.group(cache, identifier),
            "subnet_group": lambda: api.subnet_group(cache, identifier),
            "parameter_group": lambda: api.parameter_group(cache, parameter_group),
            "parameters": lambda: api.parameters(cache, parameter_group),
        }
    )
    kinds = [kind for kind in ("subnet_group", "parameter_group") if found[kind]]
    more = together(
        {
            **{kind: lambda arn=found[kind]["ARN"]: api.tags(cache, arn) for kind in kinds},  # type: ignore[misc]
            "details": lambda: details(aws, found["group"]),
        }
    )
    return {
        "group": more["details"],
        "subnet_group": describe_subnet_group(found["subnet_group"], more.get("subnet_group")),
        "parameter_group": describe_parameter_group(
            found["parameter_group"], found["parameters"], more.get("parameter_group")
        ),
    }


def details(aws: Clients, group: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A replication group with what one of its nodes and its tags add to it."""
    if group is None:
        return None
    cache = aws.client("elasticache")
    members = group.get("MemberClusters") or []
    found = together(
        {
            "member": lambda: api.member(cache, members[0]) if members else None,
            "tags": lambda: api.tags(cache, group["ARN"]),
        }
    )
    return describe_group(group, found["member"], found["tags"])


def group_prefixes(identifier: str) -> tuple[str, ...]:
    """What the names of all parameter groups start with that a cache had in its life."""
    return (f"{identifier}-redis", f"{identifier}-valkey")


def read_for_removal(aws: Clients, identifier: str) -> dict[str, Any]:
    """As read, but with every parameter group that the cache may have left behind: {name: group}."""
    cache = aws.client("elasticache")
    found = together(
        {
            "group": lambda: api.group(cache, identifier),
            "subnet_group": lambda: api.subnet_group(cache, identifier),
            "parameter_groups": lambda: api.parameter_groups(cache, group_prefixes(identifier)),
        }
    )
    things = [thing for thing in (found["group"], found["subnet_group"], *found["parameter_groups"]) if thing]
    tags = dict(
        zip(
            [thing["ARN"] for thing in things],
            each(lambda thing: api.tags(cache, thing["ARN"]), things),
            strict=True,
        )
    )
    group, subnets = found["group"], found["subnet_group"]
    return {
        "group": describe_group(group, None, tags[group["ARN"]]) if group else None,
        "subnet_group": describe_subnet_group(subnets, tags[subnets["ARN"]] if subnets else None),
        "parameter_groups": {
            entry["CacheParameterGroupName"]: describe_parameter_group(entry, [], tags[entry["ARN"]])
            for entry in found["parameter_groups"]
        },
    }


def describe_subnet_group(
    group: Mapping[str, Any] | None, tags: Iterable[Mapping[str, str]] | None
) -> dict[str, Any] | None:
    if group is None:
        return None
    return {
        "arn": group["ARN"],
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
        "arn": group["ARN"],
        "family": group["CacheParameterGroupFamily"],
        "parameters": {
            entry["ParameterName"]: str(entry["ParameterValue"]) for entry in parameters if "ParameterValue" in entry
        },
        "tags": tag_dict(tags),
    }


def describe_group(
    group: Mapping[str, Any], member: Mapping[str, Any] | None, tags: Iterable[Mapping[str, str]] | None
) -> dict[str, Any]:
    """DescribeReplicationGroups' entry, that of one of its nodes, ListTagsForResource's list.

    While a group is made it may have no node to ask; what only a node knows is None then, and so are its tags.
    """
    shards = group.get("NodeGroups") or []
    return {
        "arn": group["ARN"],
        "status": group.get("Status", ""),
        "mode": "cluster" if group.get("ClusterEnabled") else "replication_group",
        "node_type": group.get("CacheNodeType", ""),
        "shards": len(shards),
        "shard_names": [shard["NodeGroupId"] for shard in shards],
        "replicas": max((len(shard.get("NodeGroupMembers", [])) for shard in shards), default=1) - 1,
        "multi_az": group.get("MultiAZ") in _ON,
        "failover": group.get("AutomaticFailover") in _ON,
        "encrypted": bool(group.get("AtRestEncryptionEnabled")),
        "kms_key": group.get("KmsKeyId") or "",
        "tls": bool(group.get("TransitEncryptionEnabled")),
        "tls_mode": _tls_mode(group),
        "auth": bool(group.get("AuthTokenEnabled")),
        "snapshot_days": int(group.get("SnapshotRetentionLimit") or 0),
        "snapshot_window": group.get("SnapshotWindow", "").lower(),
        "auto_minor_upgrade": bool(group.get("AutoMinorVersionUpgrade")),
        "log_delivery": _log_delivery(group.get("LogDeliveryConfigurations") or []),
        **_endpoints(group, shards),
        **_of_member(group, member),
        "tags": None if tags is None else tag_dict(tags),
    }


def _tls_mode(group: Mapping[str, Any]) -> str:
    """Groups of engines that know no mode have TLS or not: theirs is "required"."""
    return str(group.get("TransitEncryptionMode") or "required") if group.get("TransitEncryptionEnabled") else ""


def _log_delivery(configurations: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """{"slow-log": {"log_group", "format"}}; what goes to Firehose has no log group and is shown without one."""
    return {
        entry["LogType"]: {
            "log_group": entry.get("DestinationDetails", {}).get("CloudWatchLogsDetails", {}).get("LogGroup", ""),
            "format": entry.get("LogFormat", ""),
        }
        for entry in configurations
        if entry.get("Status") not in ("disabling", "error")
    }


def _endpoints(group: Mapping[str, Any], shards: list[Mapping[str, Any]]) -> dict[str, Any]:
    first = shards[0] if shards else {}
    primary = group.get("ConfigurationEndpoint") or first.get("PrimaryEndpoint") or {}
    return {
        "endpoint": primary.get("Address", ""),
        "reader_endpoint": (first.get("ReaderEndpoint") or {}).get("Address", ""),
        "port": int(primary.get("Port") or 0),
    }


def _of_member(group: Mapping[str, Any], member: Mapping[str, Any] | None) -> dict[str, Any]:
    known = member or {}
    parameters = known.get("CacheParameterGroup") or {}
    pending = {
        **_pending(known.get("PendingModifiedValues") or {}),
        **_pending(group.get("PendingModifiedValues") or {}),
    }
    return {
        "engine": group.get("Engine") or known.get("Engine", ""),
        "engine_version": known.get("EngineVersion") if member else None,
        "maintenance_window": known.get("PreferredMaintenanceWindow", "").lower() if member else None,
        "parameter_group": parameters.get("CacheParameterGroupName", "") if member else None,
        "parameter_status": parameters.get("ParameterApplyStatus", ""),
        "to_reboot": list(parameters.get("CacheNodeIdsToReboot", [])),
        "security_groups": {entry["SecurityGroupId"] for entry in known.get("SecurityGroups", [])} if member else None,
        "pending": pending,
    }


def _pending(values: Mapping[str, Any]) -> dict[str, Any]:
    """What AWS has been told already and will do, in our names."""
    found: dict[str, Any] = {}
    for theirs, ours in (("CacheNodeType", "node_type"), ("EngineVersion", "engine_version")):
        if values.get(theirs):
            found[ours] = values[theirs]
    if values.get("AutomaticFailoverStatus"):
        found["failover"] = values["AutomaticFailoverStatus"] in _ON
    if values.get("TransitEncryptionMode"):
        found["tls_mode"] = values["TransitEncryptionMode"]
    if "TransitEncryptionEnabled" in values:
        found["tls"] = bool(values["TransitEncryptionEnabled"])
    if values.get("LogDeliveryConfigurations"):
        found["log_delivery"] = None  # being changed: what is listed meanwhile says nothing
    return found


def expected(group: Mapping[str, Any]) -> dict[str, Any]:
    """The group as it will be once what is pending is done: what a plan compares with."""
    return {**group, **group["pending"]}


def result(group: Mapping[str, Any] | None, spec: Mapping[str, Any]) -> dict[str, Any]:
    """cache_result, see _stack.CacheResult. What AWS does not know yet comes from the inventory or is ""."""
    have = group or {}
    return {
        "identifier": spec["identifier"],
        "arn": have.get("arn", ""),
        "status": have.get("status", ""),
        "engine": have.get("engine") or spec["engine"],
        "engine_version": have.get("engine_version") or spec["engine_version"],
        "endpoint": have.get("endpoint", ""),
        "reader_endpoint": have.get("reader_endpoint", ""),
        "port": have.get("port") or spec["port"],
        "tls": have["tls"] if have else bool(spec["tls"]),
    }
