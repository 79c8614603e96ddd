# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to ElastiCache, one function each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import batches, pages, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code

PARAMETERS_PER_CALL = 20


def group(cache: Any, identifier: str) -> dict[str, Any] | None:
    """A replication group as DescribeReplicationGroups gives it, None where there is none."""
    try:
        found = cache.describe_replication_groups(ReplicationGroupId=identifier)["ReplicationGroups"]
    except Exception as error:
        if is_code(error, "ReplicationGroupNotFound"):
            return None
        raise
    return dict(found[0]) if found else None


def member(cache: Any, cluster: str) -> dict[str, Any] | None:
    """One node of a replication group. It knows what its group does not tell: version, security groups, window."""
    try:
        found = cache.describe_cache_clusters(CacheClusterId=cluster)["CacheClusters"]
    except Exception as error:
        if is_code(error, "CacheClusterNotFound"):
            return None  # it was taken away between two calls
        raise
    return dict(found[0]) if found else None


def subnet_group(cache: Any, name: str) -> dict[str, Any] | None:
    try:
        found = cache.describe_cache_subnet_groups(CacheSubnetGroupName=name)["CacheSubnetGroups"]
    except Exception as error:
        if is_code(error, "CacheSubnetGroupNotFound"):
            return None
        raise
    return dict(found[0]) if found else None


def parameter_group(cache: Any, name: str) -> dict[str, Any] | None:
    try:
        found = cache.describe_cache_parameter_groups(CacheParameterGroupName=name)["CacheParameterGroups"]
    except Exception as error:
        if is_code(error, "CacheParameterGroupNotFound"):
            return None
        raise
    return dict(found[0]) if found else None


def parameter_groups(cache: Any, prefixes: tuple[str, ...]) -> list[dict[str, Any]]:
    """All parameter groups whose names start with one of these: there is no filter for that."""
    found = pages(cache, "describe_cache_parameter_groups", "CacheParameterGroups")
    return [entry for entry in found if entry["CacheParameterGroupName"].startswith(prefixes)]


def parameters(cache: Any, name: str) -> list[dict[str, Any]]:
    """The parameters that were set in a group, none where there is no such group."""
    try:
        return pages(cache, "describe_cache_parameters", "Parameters", CacheParameterGroupName=name, Source="user")
    except Exception as error:
        if is_code(error, "CacheParameterGroupNotFound"):
            return []
        raise


def tags(cache: Any, arn: str) -> list[dict[str, str]] | None:
    """Tags come apart from everything else. None where a group is busy: AWS tells them of available ones only."""
    try:
        return list(cache.list_tags_for_resource(ResourceName=arn)["TagList"])
    except Exception as error:
        if is_code(error, "InvalidReplicationGroupState"):
            return None
        raise


def events(cache: Any, identifier: str, minutes: int) -> list[str]:
    """What ElastiCache says happened to a replication group, oldest first."""
    found = pages(
        cache,
        "describe_events",
        "Events",
        SourceIdentifier=identifier,
        SourceType="replication-group",
        Duration=minutes,
    )
    return [str(event.get("Message", "")) for event in found]


def create_subnet_group(cache: Any, name: str, description: str, subnets: Sequence[str], pairs: dict[str, str]) -> None:
    cache.create_cache_subnet_group(
        CacheSubnetGroupName=name,
        CacheSubnetGroupDescription=description,
        SubnetIds=list(subnets),
        Tags=tag_list(pairs),
    )


def modify_subnet_group(cache: Any, name: str, subnets: Iterable[str]) -> None:
    cache.modify_cache_subnet_group(CacheSubnetGroupName=name, SubnetIds=sorted(subnets))


def delete_subnet_group(cache: Any, name: str) -> None:
    try:
        cache.delete_cache_subnet_group(CacheSubnetGroupName=name)
    except Exception as error:
        if not is_code(error, "CacheSubnetGroupNotFound"):
            raise


def create_parameter_group(cache: Any, name: str, family: str, description: str, pairs: dict[str, str]) -> None:
    cache.create_cache_parameter_group(
        CacheParameterGroupName=name, CacheParameterGroupFamily=family, Description=description, Tags=tag_list(pairs)
    )


def set_parameters(cache: Any, name: str, entries: Sequence[dict[str, str]]) -> None:
    for some in batches(entries, PARAMETERS_PER_CALL):
        cache.modify_cache_parameter_group(CacheParameterGroupName=name, ParameterNameValues=list(some))


def reset_parameters(cache: Any, name: str, entries: Sequence[dict[str, str]]) -> None:
    for some in batches(entries, PARAMETERS_PER_CALL):
        cache.reset_cache_parameter_group(
            CacheParameterGroupName=name, ResetAllParameters=False, ParameterNameValues=list(some)
        )


def delete_parameter_group(cache: Any, name: str) -> None:
    try:
        cache.delete_cache_parameter_group(CacheParameterGroupName=name)
    except Exception as error:
        if not is_code(error, "CacheParameterGroupNotFound"):
            raise


def create_group(cache: Any, settings: dict[str, Any]) -> None:
    """Start a new replication group. AWS answers at once; the group is usable minutes later."""
    cache.create_replication_group(**settings)


def modify_group(cache: Any, identifier: str, settings: dict[str, Any], *, immediately: bool) -> None:
    cache.modify_replication_group(ReplicationGroupId=identifier, ApplyImmediately=immediately, **settings)


def set_replicas(cache: Any, identifier: str, count: int, *, more: bool) -> None:
    """Replicas of every shard. AWS knows no other way than at once."""
    call = cache.increase_replica_count if more else cache.decrease_replica_count
    call(ReplicationGroupId=identifier, NewReplicaCount=count, ApplyImmediately=True)


def set_shards(cache: Any, identifier: str, count: int, remove: Sequence[str]) -> None:
    """Shards of a group in cluster mode; `remove` names those that go."""
    gone = {"NodeGroupsToRemove": list(remove)} if remove else {}
    cache.modify_replication_group_shard_configuration(
        ReplicationGroupId=identifier, NodeGroupCount=count, ApplyImmediately=True, **gone
    )


def delete_group(cache: Any, identifier: str, snapshot: str | None) -> None:
    """Delete a group, with a last snapshot of that name where one is given. Safe where it is gone already."""
    last = {"FinalSnapshotIdentifier": snapshot} if snapshot else {}
    try:
        cache.delete_replication_group(ReplicationGroupId=identifier, RetainPrimaryCluster=False, **last)
    except Exception as error:
        if not is_code(error, "ReplicationGroupNotFound"):
            raise


def tag(cache: Any, arn: str, pairs: dict[str, str]) -> None:
    cache.add_tags_to_resource(ResourceName=arn, Tags=tag_list(pairs))
