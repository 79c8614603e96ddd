# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ElastiCache parameter groups, subnet groups, serverless caches and tags, which moto has in part or not at all.

API: https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.core.responses import ActionResult, EmptyResult, PaginatedResult
from moto.elasticache import models, responses

from ..patching import adds, replaces
from .elasticache import Data, begin, current, default_parameter_group, fault, full_version, short_region, state

# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html: some, with default and type
PARAMETERS = (
    ("activedefrag", "no", "string"),
    ("activerehashing", "yes", "string"),
    ("appendonly", "no", "string"),
    ("client-output-buffer-limit-pubsub-hard-limit", "33554432", "integer"),
    ("close-on-replica-write", "yes", "string"),
    ("cluster-enabled", "no", "string"),
    ("databases", "16", "integer"),
    ("lazyfree-lazy-eviction", "no", "string"),
    ("maxmemory-policy", "volatile-lru", "string"),
    ("maxmemory-samples", "3", "integer"),
    ("notify-keyspace-events", None, "string"),
    ("reserved-memory-percent", "25", "integer"),
    ("slowlog-log-slower-than", "10000", "integer"),
    ("slowlog-max-len", "128", "integer"),
    ("tcp-keepalive", "300", "integer"),
    ("timeout", "0", "integer"),
)
FAMILIES = ("redis5.0", "redis6.x", "redis7", "valkey7", "valkey8", "memcached1.6")
TAGGED = re.compile(
    r"arn:aws:elasticache:[^:]+:\d+:(cluster|snapshot|subnetgroup|replicationgroup|user|parametergroup|serverlesscache):.+"
)


def parameter_groups() -> None:
    """Create-, Describe-, Modify-, Reset-, DeleteCacheParameterGroup (API_CacheParameterGroup.html)."""
    owner = responses.ElastiCacheResponse

    @adds(owner, "create_cache_parameter_group")
    def create(self: Any) -> ActionResult:
        given, backend = self.params, self.elasticache_backend
        name, family = given["CacheParameterGroupName"].lower(), given["CacheParameterGroupFamily"]
        if name in state(backend)["parameters"]:
            raise fault("CacheParameterGroupAlreadyExists", f"CacheParameterGroup {name} already exists.")
        if family not in FAMILIES:
            raise fault(
                "InvalidParameterValue", f"CacheParameterGroupFamily {family} is not a valid parameter group family."
            )
        group = _new_parameter_group(backend, name, family, given["Description"])
        state(backend)["parameters"][name] = group
        backend.tagging_service.tag_resource(group["ARN"], list(given.get("Tags") or []))
        return ActionResult({"CacheParameterGroup": group})

    @adds(owner, "describe_cache_parameter_groups")
    def describe(self: Any) -> ActionResult:
        groups = _parameter_groups(self.elasticache_backend)
        name = self.params.get("CacheParameterGroupName")
        wanted = [_parameter_group(self.elasticache_backend, name)] if name else list(groups.values())
        return PaginatedResult({"CacheParameterGroups": wanted})

    @adds(owner, "delete_cache_parameter_group")
    def delete(self: Any) -> ActionResult:
        backend, name = self.elasticache_backend, self.params["CacheParameterGroupName"]
        _parameter_group(backend, name)
        used = any(g["local_members"]["CacheParameterGroupName"] == name for g in _live_groups(backend))
        if used or name.startswith("default."):
            message = f"One or more cache clusters are still members of parameter group {name}, so it cannot go."
            raise fault("InvalidCacheParameterGroupState", message)
        del state(backend)["parameters"][name]
        return EmptyResult()

    _parameters(owner)


def _parameters(owner: Any) -> None:
    @adds(owner, "describe_cache_parameters")
    def describe(self: Any) -> ActionResult:
        group = _parameter_group(self.elasticache_backend, self.params["CacheParameterGroupName"])
        source = self.params.get("Source")
        found = [p for p in group["local_parameters"].values() if source in (None, p["Source"])]
        return ActionResult({"Parameters": found, "CacheNodeTypeSpecificParameters": []})

    @adds(owner, "modify_cache_parameter_group")
    def modify(self: Any) -> ActionResult:
        name = self.params["CacheParameterGroupName"]
        group = _parameter_group(self.elasticache_backend, name)
        for change in self.params["ParameterNameValues"]:
            known = group["local_parameters"].setdefault(change["ParameterName"], _parameter(change["ParameterName"]))
            known.update(ParameterValue=change["ParameterValue"], Source="user")
        return ActionResult({"CacheParameterGroupName": name})

    @adds(owner, "reset_cache_parameter_group")
    def reset(self: Any) -> ActionResult:
        name = self.params["CacheParameterGroupName"]
        group = _parameter_group(self.elasticache_backend, name)
        defaults = _defaults()
        named = [change["ParameterName"] for change in self.params.get("ParameterNameValues") or []]
        for parameter in list(group["local_parameters"]) if self.params.get("ResetAllParameters") else named:
            if parameter in defaults:
                group["local_parameters"][parameter] = defaults[parameter]
            else:
                group["local_parameters"].pop(parameter, None)
        return ActionResult({"CacheParameterGroupName": name})


def subnet_groups() -> None:
    """ModifyCacheSubnetGroup and DeleteCacheSubnetGroup; a group in use stays (API_DeleteCacheSubnetGroup.html)."""
    owner = responses.ElastiCacheResponse

    @adds(owner, "delete_cache_subnet_group")
    def delete(self: Any) -> ActionResult:
        backend, name = self.elasticache_backend, self.params["CacheSubnetGroupName"]
        if name not in backend.cache_subnet_groups:
            raise fault("CacheSubnetGroupNotFoundFault", f"CacheSubnetGroup {name} not found.")
        used = any(g["local_members"]["CacheSubnetGroupName"] == name for g in _live_groups(backend))
        if used or any(c.cache_subnet_group_name == name for c in backend.cache_clusters.values()):
            raise fault("CacheSubnetGroupInUse", f"Cache subnet group {name} is currently in use by a cache cluster.")
        del backend.cache_subnet_groups[name]
        return EmptyResult()

    @adds(owner, "modify_cache_subnet_group")
    def modify(self: Any) -> ActionResult:
        backend, name = self.elasticache_backend, self.params["CacheSubnetGroupName"]
        known = backend.cache_subnet_groups.get(name)
        if known is None:
            raise fault("CacheSubnetGroupNotFoundFault", f"CacheSubnetGroup {name} not found.")
        description = self.params.get("CacheSubnetGroupDescription") or known.cache_subnet_group_description
        subnets = list(self.params.get("SubnetIds") or known.subnet_ids)
        group = models.CacheSubnetGroup(backend.account_id, backend.region_name, name, description, subnets, known.tags)
        backend.cache_subnet_groups[name] = group
        return ActionResult({"CacheSubnetGroup": group})


def subnets_have_zones() -> None:
    """A subnet's zone is a structure with a name (API_Subnet.html); moto gives the bare name."""

    @replaces(models.CacheSubnetGroup, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        for subnet in self.subnets:
            zone = subnet.get("subnet_availability_zone")
            if isinstance(zone, str):
                subnet["subnet_availability_zone"] = {"name": zone}


def serverless_caches() -> None:
    """Create-, Describe-, Modify-, DeleteServerlessCache (API_ServerlessCache.html)."""
    owner = responses.ElastiCacheResponse

    @adds(owner, "create_serverless_cache")
    def create(self: Any) -> ActionResult:
        backend, given = self.elasticache_backend, self.params
        name = given["ServerlessCacheName"].lower()
        if name in _serverless(backend):
            raise fault("ServerlessCacheAlreadyExistsFault", f"Serverless cache {name} already exists.")
        cache = _new_serverless(backend, name, given)
        state(backend)["serverless"][name] = cache
        backend.tagging_service.tag_resource(cache["ARN"], list(given.get("Tags") or []))
        return ActionResult({"ServerlessCache": _shown(cache, "creating")})

    @adds(owner, "describe_serverless_caches")
    def describe(self: Any) -> ActionResult:
        caches = _serverless(self.elasticache_backend)
        name = self.params.get("ServerlessCacheName")
        wanted = [_one_serverless(self.elasticache_backend, name)] if name else list(caches.values())
        return ActionResult({"ServerlessCaches": [_shown(cache) for cache in wanted]})

    @adds(owner, "modify_serverless_cache")
    def modify(self: Any) -> ActionResult:
        cache = _one_serverless(self.elasticache_backend, self.params["ServerlessCacheName"])
        keys = ("Description", "CacheUsageLimits", "SecurityGroupIds", "SnapshotRetentionLimit", "DailySnapshotTime")
        cache.update({key: self.params[key] for key in keys if self.params.get(key) is not None})
        begin(cache, "modifying")
        return ActionResult({"ServerlessCache": _shown(cache, "modifying")})

    @adds(owner, "delete_serverless_cache")
    def delete(self: Any) -> ActionResult:
        cache = _one_serverless(self.elasticache_backend, self.params["ServerlessCacheName"])
        begin(cache, "deleting")
        return ActionResult({"ServerlessCache": _shown(cache, "deleting")})


def tags() -> None:
    """Tags go to every kind of resource and come back from the calls that change them (API_AddTagsToResource.html)."""
    owner = responses.ElastiCacheResponse

    def listed(self: Any) -> ActionResult:
        arn = self.params["ResourceName"]
        if not TAGGED.fullmatch(arn):
            raise fault("InvalidARN", f"ARN {arn} is invalid.")
        _check_exists(self.elasticache_backend, arn)
        return ActionResult({"TagList": self.elasticache_backend.tagging_service.list_tags_for_resource(arn)["Tags"]})

    @replaces(owner, "list_tags_for_resource")
    def list_tags(_original: Any, self: Any) -> ActionResult:
        return listed(self)

    @replaces(owner, "add_tags_to_resource")
    def add(_original: Any, self: Any) -> ActionResult:
        self.elasticache_backend.add_tags_to_resource(self.params["ResourceName"], list(self.params["Tags"]))
        return listed(self)

    @replaces(owner, "remove_tags_from_resource")
    def remove(_original: Any, self: Any) -> ActionResult:
        self.elasticache_backend.remove_tags_from_resource(self.params["ResourceName"], list(self.params["TagKeys"]))
        return listed(self)


def tagging_api() -> None:
    """The Resource Groups Tagging API finds them by their service's type names.

    https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
    """

    @replaces(models.ElastiCacheBackend, "iter_tagged_resources")
    def resources(_original: Any, self: Any) -> Iterator[TaggedResource]:
        arns = [group["ARN"] for group in _live_groups(self)]
        arns += [thing["ARN"] for thing in (*state(self)["parameters"].values(), *_serverless(self).values())]
        arns += [thing.arn for thing in (*self.cache_subnet_groups.values(), *self.cache_clusters.values())]
        for arn in arns:
            kind = arn.split(":")[5]
            found = self.tagging_service.get_tag_dict_for_resource(arn)
            yield TaggedResource(arn=arn, tags=found, resource_type=f"elasticache:{kind}")


def _new_parameter_group(backend: Any, name: str, family: str, description: str) -> Data:
    return {
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": family,
        "Description": description,
        "IsGlobal": False,
        "ARN": f"arn:aws:elasticache:{backend.region_name}:{backend.account_id}:parametergroup:{name}",
        "local_parameters": _defaults(),
    }


def _parameter(name: str, value: str | None = None, kind: str = "string") -> Data:
    parameter = {
        "ParameterName": name,
        "DataType": kind,
        "Source": "system",
        "IsModifiable": True,
        "ChangeType": "immediate",
    }
    return {**parameter, "ParameterValue": value} if value is not None else parameter


def _defaults() -> dict[str, Data]:
    return {name: _parameter(name, value, kind) for name, value, kind in PARAMETERS}


def _parameter_groups(backend: Any) -> dict[str, Data]:
    """The default groups and those that were made."""
    defaults = {
        f"default.{family}": _new_parameter_group(
            backend, f"default.{family}", family, f"Default parameter group for {family}"
        )
        for family in FAMILIES
    }
    return {**defaults, **state(backend)["parameters"]}


def _parameter_group(backend: Any, name: str) -> Data:
    group = _parameter_groups(backend).get(name)
    if group is None:
        raise fault("CacheParameterGroupNotFound", f"CacheParameterGroup {name} not found.")
    return group


def _live_groups(backend: Any) -> list[Data]:
    return [group for group in state(backend)["groups"].values() if current(group) != "gone"]


def _serverless(backend: Any) -> dict[str, Data]:
    caches: dict[str, Data] = state(backend)["serverless"]
    for name in [name for name, cache in caches.items() if current(cache) == "gone"]:
        del caches[name]
    return caches


def _one_serverless(backend: Any, name: str) -> Data:
    cache = _serverless(backend).get(name.lower())
    if cache is None:
        raise fault("ServerlessCacheNotFoundFault", f"Serverless cache {name} not found.")
    return cache


def _new_serverless(backend: Any, name: str, given: Data) -> Data:
    engine = given["Engine"]
    version = full_version(engine, given.get("MajorEngineVersion"))
    arn = f"arn:aws:elasticache:{backend.region_name}:{backend.account_id}:serverlesscache:{name}"
    mark = hashlib.sha256(arn.encode()).hexdigest()[:6]
    host = f"{name}-{mark}.serverless.{short_region(backend.region_name)}.cache.amazonaws.com"
    cache: Data = {
        "ServerlessCacheName": name,
        "Description": given.get("Description") or " ",
        "CreateTime": datetime.now(UTC),
        "Engine": engine,
        "MajorEngineVersion": version.split(".")[0],
        "FullEngineVersion": version.rsplit(".", 1)[0],
        "SecurityGroupIds": list(given.get("SecurityGroupIds") or []),
        "Endpoint": {"Address": host, "Port": 6379},
        "ReaderEndpoint": {"Address": host, "Port": 6380},
        "ARN": arn,
        "SubnetIds": list(given.get("SubnetIds") or []),
        "SnapshotRetentionLimit": int(given.get("SnapshotRetentionLimit") or 0),
        "local_parameter_group": default_parameter_group(engine, version),
    }
    for key in ("CacheUsageLimits", "KmsKeyId", "UserGroupId", "DailySnapshotTime"):
        if given.get(key) is not None:
            cache[key] = given[key]
    begin(cache, "creating")
    return cache


def _shown(cache: Data, status: str | None = None) -> Data:
    view = {key: value for key, value in cache.items() if not key.startswith("local_")}
    return {**view, "Status": status or current(cache)}


def _check_exists(backend: Any, arn: str) -> None:
    kind, name = arn.split(":", 6)[5:]
    if kind == "replicationgroup" and name not in {group["ReplicationGroupId"] for group in _live_groups(backend)}:
        raise fault("ReplicationGroupNotFoundFault", f"ReplicationGroup {name} not found.")


FIXES = (parameter_groups, subnet_groups, subnets_have_zones, serverless_caches, tags, tagging_api)
