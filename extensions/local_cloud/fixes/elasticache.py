# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ElastiCache replication groups, whole, with their member clusters: moto's show too little of what they were given.

API: https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
What is kept is the dict that the API returns; `local_*` keys are ours and are never sent, as the API has no such field.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult, PaginatedResult
from moto.elasticache import models, responses
from moto.elasticache.exceptions import ElastiCacheException

from ..patching import adds, replaces
from ..settings import SETTINGS

Data = dict[str, Any]

# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/supported-engine-versions.html: asked for, and shown
FULL_VERSIONS = {
    "redis": {
        "7.1": "7.1.0",
        "7.0": "7.0.7",
        "6.2": "6.2.6",
        "6.0": "6.0.5",
        "6.x": "6.2.6",
        "7.x": "7.1.0",
        "7": "7.1.0",
    },
    "valkey": {"7.2": "7.2.6", "8.0": "8.0.1", "8.1": "8.1.0", "7": "7.2.6", "8": "8.1.0"},
    "memcached": {"1.6": "1.6.22"},
}
DEFAULT_VERSIONS = {"redis": "7.1.0", "valkey": "8.1.0", "memcached": "1.6.22"}
# https://docs.aws.amazon.com/general/latest/gr/elasticache-service.html and the endpoints of existing caches: the short
# form of the region in host names
SHORT_REGIONS = {
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "central": "c",
    "southeast": "se",
    "northeast": "ne",
}
MODIFIED_BY_NAME = {
    "ReplicationGroupDescription": "Description",
    "SnapshottingClusterId": "SnapshottingClusterId",
    "SnapshotRetentionLimit": "SnapshotRetentionLimit",
    "SnapshotWindow": "SnapshotWindow",
    "AutoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "TransitEncryptionEnabled": "TransitEncryptionEnabled",
    "TransitEncryptionMode": "TransitEncryptionMode",
    "IpDiscovery": "IpDiscovery",
    "ClusterMode": "ClusterMode",
    "LogDeliveryConfigurations": "LogDeliveryConfigurations",
}
OF_MEMBERS = (
    "CacheParameterGroupName",
    "SecurityGroupIds",
    "PreferredMaintenanceWindow",
    "NotificationTopicArn",
    "CacheNodeType",
    "EngineVersion",
)


def fault(code: str, message: str) -> ElastiCacheException:
    error = ElastiCacheException(message)
    error.code = code
    return error


def state(backend: Any) -> Data:
    """Everything of ours about one account and region."""
    found: Data = backend.__dict__.setdefault("local", {"groups": {}, "parameters": {}, "serverless": {}})
    return found


def replication_groups() -> None:
    """CreateReplicationGroup, Describe-, Modify-, DeleteReplicationGroup (API_ReplicationGroup.html).

    States take as long as is set. What was asked for is shown: encryption, failover, windows, node groups with their
    endpoints, the members' subnet group, security groups and parameter group.
    """
    owner = responses.ElastiCacheResponse

    @replaces(owner, "create_replication_group")
    def create(_original: Any, self: Any) -> ActionResult:
        backend = self.elasticache_backend
        group = _new_group(backend, self.params)
        state(backend)["groups"][group["ReplicationGroupId"]] = group
        return ActionResult({"ReplicationGroup": shown(group, "creating")})

    @replaces(owner, "describe_replication_groups")
    def describe(_original: Any, self: Any) -> ActionResult:
        groups = _groups(self.elasticache_backend)
        name = self.params.get("ReplicationGroupId")
        if name and name.lower() not in groups:
            raise _not_found(name)
        wanted = [groups[name.lower()]] if name else list(groups.values())
        return PaginatedResult({"ReplicationGroups": [shown(group) for group in wanted]})

    @replaces(owner, "modify_replication_group")
    def modify(_original: Any, self: Any) -> ActionResult:
        group = _available(self.elasticache_backend, self.params["ReplicationGroupId"])
        _modify(self.elasticache_backend, group, self.params)
        begin(group, "modifying")
        return ActionResult({"ReplicationGroup": shown(group, "modifying")})

    @replaces(owner, "delete_replication_group")
    def delete(_original: Any, self: Any) -> ActionResult:
        group = _available(self.elasticache_backend, self.params["ReplicationGroupId"])
        begin(group, "deleting")
        return ActionResult({"ReplicationGroup": shown(group, "deleting")})

    @adds(owner, "increase_replica_count", "decrease_replica_count")
    def replicas(self: Any) -> ActionResult:
        group = _available(self.elasticache_backend, self.params["ReplicationGroupId"])
        group["local_replicas"] = int(self.params["NewReplicaCount"])
        begin(group, "modifying")
        return ActionResult({"ReplicationGroup": shown(group, "modifying")})


def member_clusters() -> None:
    """DescribeCacheClusters shows the members of replication groups (API_CacheCluster.html)."""

    @replaces(responses.ElastiCacheResponse, "describe_cache_clusters")
    def describe(_original: Any, self: Any) -> ActionResult:
        backend = self.elasticache_backend
        members = [member for group in _groups(backend).values() for member in _members(group)]
        single = [] if self.params.get("ShowCacheClustersNotInReplicationGroups") is False else _single(backend)
        everything = single if self.params.get("ShowCacheClustersNotInReplicationGroups") else members + single
        name = self.params.get("CacheClusterId")
        if name:
            everything = [cluster for cluster in members + single if cluster["CacheClusterId"] == name]
            if not everything:
                raise fault("CacheClusterNotFound", f"CacheCluster not found: {name}")
        if not self.params.get("ShowCacheNodeInfo"):
            everything = [{key: value for key, value in c.items() if key != "CacheNodes"} for c in everything]
        return PaginatedResult({"CacheClusters": everything})


def single_clusters() -> None:
    """A deleted cluster goes (API_DeleteCacheCluster.html)."""

    @replaces(models.ElastiCacheBackend, "delete_cache_cluster")
    def delete(original: Any, self: Any, cache_cluster_id: str) -> Any:
        cluster = original(self, cache_cluster_id)
        self.cache_clusters.pop(cache_cluster_id, None)
        return cluster


def begin(thing: Data, name: str) -> None:
    """Let a thing be in a passing state for as long as is set."""
    thing["local_state"] = (name, time.time() + SETTINGS.cache_seconds)


def current(thing: Data) -> str:
    """The state that a thing is in; "gone" once its deletion is over."""
    name, until = thing.get("local_state", ("available", 0.0))
    if time.time() < until:
        return str(name)
    return "gone" if name == "deleting" else "available"


def shown(group: Data, status: str | None = None) -> Data:
    """A replication group as the API shows it now."""
    status = status or current(group)
    view = {key: value for key, value in group.items() if not key.startswith("local_")}
    view["Status"] = status
    view["MemberClusters"] = [member for _node, member, _number in _member_names(group)]
    if status != "creating":
        view["NodeGroups"] = [_node_group(group, number) for number in range(1, group["local_shards"] + 1)]
        if group["ClusterEnabled"]:
            view["ConfigurationEndpoint"] = {"Address": _host(group, "configuration"), "Port": group["local_port"]}
    return view


def _groups(backend: Any) -> dict[str, Data]:
    groups: dict[str, Data] = state(backend)["groups"]
    for name in [name for name, group in groups.items() if current(group) == "gone"]:
        del groups[name]
    return groups


def _not_found(name: str) -> ElastiCacheException:
    return fault("ReplicationGroupNotFoundFault", f"ReplicationGroup {name} not found.")


def _available(backend: Any, name: str) -> Data:
    group = _groups(backend).get(name.lower())
    if group is None:
        raise _not_found(name)
    if current(group) != "available":
        raise fault("InvalidReplicationGroupState", f"Replication group {name} has status {current(group)}.")
    return group


def _new_group(backend: Any, given: Data) -> Data:
    name = given["ReplicationGroupId"].lower()
    if name in _groups(backend):
        raise fault("ReplicationGroupAlreadyExists", f"ReplicationGroup {name} already exists.")
    _check_new(backend, given)
    engine = given.get("Engine") or "redis"
    shards = int(given.get("NumNodeGroups") or 1)
    cluster_mode = given.get("ClusterMode") or ("enabled" if _is_sharded(given, shards) else "disabled")
    arn = f"arn:aws:elasticache:{backend.region_name}:{backend.account_id}:replicationgroup:{name}"
    log_delivery = [{**entry, "Status": "active"} for entry in given.get("LogDeliveryConfigurations") or []]
    group: Data = {
        "ReplicationGroupId": name,
        "Description": given["ReplicationGroupDescription"],
        "PendingModifiedValues": {},
        "AutomaticFailover": _enabled(given.get("AutomaticFailoverEnabled")),
        "MultiAZ": _enabled(given.get("MultiAZEnabled")),
        "SnapshotRetentionLimit": int(given.get("SnapshotRetentionLimit") or 0),
        "SnapshotWindow": given.get("SnapshotWindow") or "05:00-06:00",
        "ClusterEnabled": cluster_mode == "enabled",
        "ClusterMode": cluster_mode,
        "CacheNodeType": given.get("CacheNodeType") or "cache.t4g.micro",
        "AuthTokenEnabled": bool(given.get("AuthToken")),
        "TransitEncryptionEnabled": bool(given.get("TransitEncryptionEnabled")),
        "AtRestEncryptionEnabled": bool(given.get("AtRestEncryptionEnabled")),
        "ARN": arn,
        "UserGroupIds": list(given.get("UserGroupIds") or []),
        "LogDeliveryConfigurations": log_delivery,
        "ReplicationGroupCreateTime": datetime.now(UTC),
        "DataTiering": "disabled",
        "AutoMinorVersionUpgrade": given.get("AutoMinorVersionUpgrade", True),
        "NetworkType": given.get("NetworkType") or "ipv4",
        "IpDiscovery": given.get("IpDiscovery") or "ipv4",
        "Engine": engine,
        "local_shards": shards,
        "local_replicas": _replicas(given),
        "local_port": int(given.get("Port") or 6379),
        "local_region": backend.region_name,
        "local_members": _of_members(given, engine),
    }
    if given.get("KmsKeyId"):
        group["KmsKeyId"] = given["KmsKeyId"]
    if group["TransitEncryptionEnabled"]:
        group["TransitEncryptionMode"] = given.get("TransitEncryptionMode") or "required"
    if group["AuthTokenEnabled"]:
        group["AuthTokenLastModifiedDate"] = datetime.now(UTC)
    backend.tagging_service.tag_resource(arn, list(given.get("Tags") or []))
    begin(group, "creating")
    return group


def _check_new(backend: Any, given: Data) -> None:
    """The combinations that CreateReplicationGroup refuses (API_CreateReplicationGroup.html)."""
    subnet_group = given.get("CacheSubnetGroupName")
    if subnet_group and subnet_group not in backend.cache_subnet_groups:
        raise fault("CacheSubnetGroupNotFoundFault", f"CacheSubnetGroup {subnet_group} not found.")
    parameter_group = given.get("CacheParameterGroupName")
    if parameter_group and not has_parameter_group(backend, parameter_group):
        raise fault("CacheParameterGroupNotFound", f"CacheParameterGroup {parameter_group} not found.")
    if given.get("AuthToken") and not given.get("TransitEncryptionEnabled"):
        message = "The AUTH token modification is only supported when encryption-in-transit is enabled."
        raise fault("InvalidParameterCombination", message)
    _check_failover(given.get("AutomaticFailoverEnabled"), given.get("MultiAZEnabled"), _replicas(given))


def _check_failover(failover: Any, multi_az: Any, replicas: int) -> None:
    if failover and not replicas:
        message = "To enable automatic failover, the replication group needs at least one replica."
        raise fault("InvalidParameterCombination", message)
    if multi_az and not failover:
        raise fault("InvalidParameterCombination", "Multi-AZ needs automatic failover to be enabled.")


def has_parameter_group(backend: Any, name: str) -> bool:
    return name.startswith("default.") or name in state(backend)["parameters"]


def _is_sharded(given: Data, shards: int) -> bool:
    return shards > 1 or ".cluster.on" in str(given.get("CacheParameterGroupName"))


def _replicas(given: Data) -> int:
    if given.get("ReplicasPerNodeGroup") is not None:
        return int(given["ReplicasPerNodeGroup"])
    return int(given.get("NumCacheClusters") or 1) - 1


def _of_members(given: Data, engine: str) -> Data:
    version = full_version(engine, given.get("EngineVersion"))
    return {
        "CacheParameterGroupName": given.get("CacheParameterGroupName") or default_parameter_group(engine, version),
        "CacheSubnetGroupName": given.get("CacheSubnetGroupName") or "default",
        "SecurityGroupIds": list(given.get("SecurityGroupIds") or []),
        "PreferredMaintenanceWindow": given.get("PreferredMaintenanceWindow") or "sun:05:00-sun:06:00",
        "NotificationTopicArn": given.get("NotificationTopicArn"),
        "EngineVersion": version,
        "zones": list(given.get("PreferredCacheClusterAZs") or []),
        "pending": {},
    }


def full_version(engine: str, version: str | None) -> str:
    if not version:
        return DEFAULT_VERSIONS[engine]
    return FULL_VERSIONS.get(engine, {}).get(version, version)


def default_parameter_group(engine: str, version: str) -> str:
    return f"default.{family_of(engine, version)}"


def family_of(engine: str, version: str) -> str:
    """redis7, redis6.x, valkey8 (https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.html)."""
    major = version.split(".", maxsplit=1)[0]
    return f"{engine}6.x" if (engine, major) == ("redis", "6") else f"{engine}{major}"


def _enabled(value: Any) -> str:
    return "enabled" if value else "disabled"


def _modify(backend: Any, group: Data, given: Data) -> None:
    failover = given.get("AutomaticFailoverEnabled", group["AutomaticFailover"] == "enabled")
    multi_az = given.get("MultiAZEnabled", group["MultiAZ"] == "enabled")
    _check_failover(failover, multi_az, group["local_replicas"])
    group.update(AutomaticFailover=_enabled(failover), MultiAZ=_enabled(multi_az))
    for name, key in MODIFIED_BY_NAME.items():
        if given.get(name) is not None:
            group[key] = given[name]
    if given.get("CacheParameterGroupName") and not has_parameter_group(backend, given["CacheParameterGroupName"]):
        message = f"CacheParameterGroup {given['CacheParameterGroupName']} not found."
        raise fault("CacheParameterGroupNotFound", message)
    if given.get("AuthToken"):
        group.update(AuthTokenEnabled=True, AuthTokenLastModifiedDate=datetime.now(UTC))
    added, removed = given.get("UserGroupIdsToAdd") or [], given.get("UserGroupIdsToRemove") or []
    group["UserGroupIds"] = [name for name in [*group["UserGroupIds"], *added] if name not in removed]
    _modify_members(group, {key: given[key] for key in OF_MEMBERS if given.get(key) is not None}, given)


def _modify_members(group: Data, changes: Data, given: Data) -> None:
    """Node type and engine version wait for the maintenance window unless applied immediately."""
    if given.get("Engine"):
        group["Engine"] = given["Engine"]
    if "EngineVersion" in changes:
        changes["EngineVersion"] = full_version(group["Engine"], changes["EngineVersion"])
    members = group["local_members"]
    if not given.get("ApplyImmediately"):
        for key in ("CacheNodeType", "EngineVersion"):
            if key in changes:
                members["pending"][key] = changes.pop(key)
    if "CacheNodeType" in changes:
        group["CacheNodeType"] = changes.pop("CacheNodeType")
        members["pending"].pop("CacheNodeType", None)
    if "EngineVersion" in changes:
        members["pending"].pop("EngineVersion", None)
    members.update(changes)


def _member_names(group: Data) -> list[tuple[int, str, int]]:
    """(node group, cluster id, number in the node group) of every member."""
    nodes = range(1, group["local_replicas"] + 2)
    name = group["ReplicationGroupId"]
    if group["ClusterEnabled"]:
        shards = range(1, group["local_shards"] + 1)
        return [(shard, f"{name}-{shard:04d}-{node:03d}", node) for shard in shards for node in nodes]
    return [(1, f"{name}-{node:03d}", node) for node in nodes]


def _node_group(group: Data, number: int) -> Data:
    members = [entry for entry in _member_names(group) if entry[0] == number]
    port = group["local_port"]
    view: Data = {"NodeGroupId": f"{number:04d}", "Status": current(group) if current(group) != "gone" else "deleting"}
    view["NodeGroupMembers"] = [
        {
            "CacheClusterId": cluster,
            "CacheNodeId": "0001",
            "PreferredAvailabilityZone": _zone(group, node),
            **(
                {}
                if group["ClusterEnabled"]
                else {
                    "ReadEndpoint": {"Address": _host(group, "node", cluster), "Port": port},
                    "CurrentRole": "primary" if node == 1 else "replica",
                }
            ),
        }
        for _shard, cluster, node in members
    ]
    if group["ClusterEnabled"]:
        size = 16384 // group["local_shards"]
        last = 16383 if number == group["local_shards"] else number * size - 1
        view["Slots"] = f"{(number - 1) * size}-{last}"
    else:
        view["PrimaryEndpoint"] = {"Address": _host(group, "primary"), "Port": port}
        view["ReaderEndpoint"] = {"Address": _host(group, "reader"), "Port": port}
    return view


def _host(group: Data, kind: str, cluster: str = "") -> str:
    """Host names as they are: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Endpoints.html"""
    name = group["ReplicationGroupId"]
    mark = hashlib.sha256(group["ARN"].encode()).hexdigest()[:6]
    domain = f"{short_region(group['local_region'])}.cache.amazonaws.com"
    if group["TransitEncryptionEnabled"]:
        prefix = {"primary": "master", "reader": "replica", "configuration": "clustercfg", "node": cluster}[kind]
        return f"{prefix}.{name}.{mark}.{domain}"
    return {
        "primary": f"{name}.{mark}.ng.0001.{domain}",
        "reader": f"{name}-ro.{mark}.ng.0001.{domain}",
        "configuration": f"{name}.{mark}.clustercfg.{domain}",
        "node": f"{cluster}.{mark}.0001.{domain}",
    }[kind]


def short_region(region: str) -> str:
    area, direction, number = region.rsplit("-", 2)
    return f"{area.replace('-', '')}{SHORT_REGIONS.get(direction, direction)}{number}"


def _zone(group: Data, node: int) -> str:
    zones = group["local_members"]["zones"]
    return str(zones[node - 1]) if node <= len(zones) else f"{group['local_region']}{'abc'[(node - 1) % 2]}"


def _members(group: Data) -> list[Data]:
    shared = group["local_members"]
    prefix = group["ARN"].rsplit(":replicationgroup:", 1)[0]
    parameter_group = {"CacheParameterGroupName": shared["CacheParameterGroupName"]}
    common: Data = {
        "CacheNodeType": group["CacheNodeType"],
        "Engine": group["Engine"],
        "EngineVersion": shared["EngineVersion"],
        "CacheClusterStatus": current(group),
        "NumCacheNodes": 1,
        "CacheClusterCreateTime": group["ReplicationGroupCreateTime"],
        "PreferredMaintenanceWindow": shared["PreferredMaintenanceWindow"],
        "PendingModifiedValues": shared["pending"],
        "CacheSecurityGroups": [],
        "CacheParameterGroup": {**parameter_group, "ParameterApplyStatus": "in-sync", "CacheNodeIdsToReboot": []},
        "CacheSubnetGroupName": shared["CacheSubnetGroupName"],
        "SecurityGroups": [{"SecurityGroupId": name, "Status": "active"} for name in shared["SecurityGroupIds"]],
        "ReplicationGroupId": group["ReplicationGroupId"],
        "ReplicationGroupLogDeliveryEnabled": bool(group["LogDeliveryConfigurations"]),
    }
    same = ("AutoMinorVersionUpgrade", "SnapshotWindow", "AuthTokenEnabled", "TransitEncryptionEnabled")
    same += (
        "AtRestEncryptionEnabled",
        "NetworkType",
        "IpDiscovery",
        "TransitEncryptionMode",
        "LogDeliveryConfigurations",
    )
    common.update({key: group[key] for key in same if key in group})
    if shared["NotificationTopicArn"]:
        common["NotificationConfiguration"] = {"TopicArn": shared["NotificationTopicArn"], "TopicStatus": "active"}
    return [
        {
            **common,
            "CacheClusterId": cluster,
            "ARN": f"{prefix}:cluster:{cluster}",
            "PreferredAvailabilityZone": _zone(group, node),
            # Snapshots are taken of a replica where there is one: API_ReplicationGroup.html, SnapshottingClusterId
            "SnapshotRetentionLimit": group["SnapshotRetentionLimit"] if node == group["local_replicas"] + 1 else 0,
            "CacheNodes": [
                {
                    "CacheNodeId": "0001",
                    "CacheNodeStatus": current(group),
                    "CacheNodeCreateTime": group["ReplicationGroupCreateTime"],
                    "Endpoint": {"Address": _host(group, "node", cluster), "Port": group["local_port"]},
                    "ParameterGroupStatus": "in-sync",
                    "CustomerAvailabilityZone": _zone(group, node),
                }
            ],
        }
        for _shard, cluster, node in _member_names(group)
    ]


def _single(backend: Any) -> list[Data]:
    """moto's clusters that belong to no replication group, with the nodes that they lack."""
    return [
        {
            "CacheClusterId": cluster.cache_cluster_id,
            "CacheNodeType": cluster.cache_node_type,
            "Engine": cluster.engine,
            "EngineVersion": full_version(cluster.engine, cluster.engine_version),
            "CacheClusterStatus": "available",
            "NumCacheNodes": getattr(cluster, "num_cache_nodes", 1),
            "PreferredAvailabilityZone": cluster.preferred_availability_zone or f"{backend.region_name}a",
            "CacheClusterCreateTime": cluster.cache_cluster_create_time,
            "PreferredMaintenanceWindow": cluster.preferred_maintenance_window or "sun:05:00-sun:06:00",
            "PendingModifiedValues": {},
            "CacheSecurityGroups": [],
            "CacheParameterGroup": {
                "CacheParameterGroupName": cluster.cache_parameter_group_name
                or default_parameter_group(cluster.engine, full_version(cluster.engine, cluster.engine_version)),
                "ParameterApplyStatus": "in-sync",
                "CacheNodeIdsToReboot": [],
            },
            "CacheSubnetGroupName": cluster.cache_subnet_group_name or "default",
            "SecurityGroups": [{"SecurityGroupId": name, "Status": "active"} for name in cluster.security_group_ids],
            "AutoMinorVersionUpgrade": True,
            "SnapshotRetentionLimit": cluster.snapshot_retention_limit,
            "AuthTokenEnabled": cluster.auth_token_enabled,
            "TransitEncryptionEnabled": bool(cluster.transit_encryption_enabled),
            "AtRestEncryptionEnabled": False,
            "ARN": cluster.arn,
            "CacheNodes": [
                {
                    "CacheNodeId": f"{number:04d}",
                    "CacheNodeStatus": "available",
                    "CacheNodeCreateTime": cluster.cache_cluster_create_time,
                    "Endpoint": {
                        "Address": f"{cluster.cache_cluster_id}.local.{number:04d}."
                        f"{short_region(backend.region_name)}.cache.amazonaws.com",
                        "Port": cluster.port,
                    },
                    "ParameterGroupStatus": "in-sync",
                }
                for number in range(1, getattr(cluster, "num_cache_nodes", 1) + 1)
            ],
        }
        for cluster in backend.cache_clusters.values()
    ]


FIXES = (replication_groups, member_clusters, single_clusters)
