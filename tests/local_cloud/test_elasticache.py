# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ElastiCache as the API reference has it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_cloud_support import ACCOUNT, Cloud, until

GROUP = {
    "ReplicationGroupId": "sessions",
    "ReplicationGroupDescription": "sessions",
    "CacheNodeType": "cache.t3.micro",
    "Engine": "redis",
    "EngineVersion": "7.1",
    "NumCacheClusters": 2,
    "AutomaticFailoverEnabled": True,
    "MultiAZEnabled": True,
    "TransitEncryptionEnabled": True,
    "AtRestEncryptionEnabled": True,
    "SnapshotRetentionLimit": 5,
    "SnapshotWindow": "03:00-05:00",
    "CacheSubnetGroupName": "net",
    "SecurityGroupIds": ["sg-1"],
    "Tags": [{"Key": "team", "Value": "tv"}],
}
ARN = f"arn:aws:elasticache:us-east-1:{ACCOUNT}:replicationgroup:sessions"


@pytest.fixture
def cache(cloud: Cloud) -> Any:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    client = cloud.client("elasticache")
    client.create_cache_subnet_group(CacheSubnetGroupName="net", CacheSubnetGroupDescription="net", SubnetIds=[subnet])
    return client


def group(cache: Any) -> dict[str, Any]:
    return dict(cache.describe_replication_groups(ReplicationGroupId="sessions")["ReplicationGroups"][0])


def error_code(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def test_a_replication_group_shows_what_was_asked_for(cache: Any) -> None:
    assert cache.create_replication_group(**GROUP)["ReplicationGroup"]["Status"] == "creating"
    seen = group(cache)
    expected = {
        "Status": "available",
        "AutomaticFailover": "enabled",
        "MultiAZ": "enabled",
        "TransitEncryptionEnabled": True,
        "AtRestEncryptionEnabled": True,
        "SnapshotRetentionLimit": 5,
        "SnapshotWindow": "03:00-05:00",
        "CacheNodeType": "cache.t3.micro",
        "ClusterEnabled": False,
        "AuthTokenEnabled": False,
        "MemberClusters": ["sessions-001", "sessions-002"],
        "ARN": ARN,
        "Engine": "redis",
    }
    assert seen.items() >= expected.items()
    node_group = seen["NodeGroups"][0]
    assert node_group["PrimaryEndpoint"]["Address"].startswith("master.sessions.")
    assert node_group["ReaderEndpoint"]["Address"].startswith("replica.sessions.")
    assert node_group["PrimaryEndpoint"]["Port"] == 6379
    assert [member["CurrentRole"] for member in node_group["NodeGroupMembers"]] == ["primary", "replica"]


def test_members_bear_the_groups_network_and_version(cache: Any) -> None:
    cache.create_replication_group(**GROUP)
    found = cache.describe_cache_clusters(CacheClusterId="sessions-001", ShowCacheNodeInfo=True)["CacheClusters"][0]
    assert found["CacheSubnetGroupName"] == "net"
    assert found["SecurityGroups"] == [{"SecurityGroupId": "sg-1", "Status": "active"}]
    assert found["EngineVersion"] == "7.1.0"
    assert found["CacheParameterGroup"]["CacheParameterGroupName"] == "default.redis7"
    assert found["ReplicationGroupId"] == "sessions"
    assert found["CacheNodes"][0]["Endpoint"]["Port"] == 6379


def test_states_take_as_long_as_is_set(cloud: Cloud, cache: Any) -> None:
    cloud.control("POST", "settings", {"cache_seconds": 0.2})
    cache.create_replication_group(**GROUP)
    assert "NodeGroups" not in group(cache)
    code = error_code(cache.modify_replication_group, ReplicationGroupId="sessions", SnapshotRetentionLimit=1)
    assert code == "InvalidReplicationGroupState"
    until(lambda: group(cache)["Status"], lambda status: status == "available")
    cache.delete_replication_group(ReplicationGroupId="sessions")
    assert group(cache)["Status"] == "deleting"
    until(lambda: cache.describe_replication_groups()["ReplicationGroups"], lambda found: found == [])
    code = error_code(cache.describe_replication_groups, ReplicationGroupId="sessions")
    assert code == "ReplicationGroupNotFoundFault"


def test_changes_reach_group_and_members(cache: Any) -> None:
    cache.create_replication_group(**GROUP)
    changes = {"SnapshotRetentionLimit": 7, "SecurityGroupIds": ["sg-2"], "ReplicationGroupDescription": "more"}
    cache.modify_replication_group(ReplicationGroupId="sessions", **changes)
    assert (group(cache)["SnapshotRetentionLimit"], group(cache)["Description"]) == (7, "more")
    member = cache.describe_cache_clusters(CacheClusterId="sessions-001")["CacheClusters"][0]
    assert member["SecurityGroups"][0]["SecurityGroupId"] == "sg-2"


def test_a_node_type_waits_unless_applied_immediately(cache: Any) -> None:
    cache.create_replication_group(**GROUP)
    cache.modify_replication_group(ReplicationGroupId="sessions", CacheNodeType="cache.t3.small")
    member = cache.describe_cache_clusters(CacheClusterId="sessions-001")["CacheClusters"][0]
    assert member["PendingModifiedValues"]["CacheNodeType"] == "cache.t3.small"
    assert group(cache)["CacheNodeType"] == "cache.t3.micro"
    request = {"ReplicationGroupId": "sessions", "CacheNodeType": "cache.t3.small"}
    cache.modify_replication_group(**request, ApplyImmediately=True)
    assert group(cache)["CacheNodeType"] == "cache.t3.small"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(
            {"CacheSubnetGroupName": "x"}, "CacheSubnetGroupNotFoundFault", id="subnet group that is not there"
        ),
        pytest.param({"CacheParameterGroupName": "x"}, "CacheParameterGroupNotFound", id="parameter group likewise"),
        pytest.param({"NumCacheClusters": 1}, "InvalidParameterCombination", id="failover without a replica"),
        pytest.param(
            {"AutomaticFailoverEnabled": False}, "InvalidParameterCombination", id="Multi-AZ without failover"
        ),
    ],
)
def test_what_cannot_be_is_refused(cache: Any, change: dict[str, Any], code: str) -> None:
    assert error_code(cache.create_replication_group, **{**GROUP, **change}) == code


def test_tags_of_a_replication_group(cache: Any) -> None:
    cache.create_replication_group(**GROUP)
    added = cache.add_tags_to_resource(ResourceName=ARN, Tags=[{"Key": "a", "Value": "b"}])["TagList"]
    assert {tag["Key"] for tag in added} == {"team", "a"}
    cache.remove_tags_from_resource(ResourceName=ARN, TagKeys=["a"])
    assert cache.list_tags_for_resource(ResourceName=ARN)["TagList"] == [{"Key": "team", "Value": "tv"}]


def test_parameter_groups(cache: Any) -> None:
    assert (
        error_code(cache.describe_cache_parameter_groups, CacheParameterGroupName="p") == "CacheParameterGroupNotFound"
    )
    cache.create_cache_parameter_group(CacheParameterGroupName="p", CacheParameterGroupFamily="redis7", Description="p")
    change = {"ParameterName": "maxmemory-policy", "ParameterValue": "allkeys-lru"}
    cache.modify_cache_parameter_group(CacheParameterGroupName="p", ParameterNameValues=[change])
    by_user = cache.describe_cache_parameters(CacheParameterGroupName="p", Source="user")["Parameters"]
    assert [(p["ParameterName"], p["ParameterValue"]) for p in by_user] == [("maxmemory-policy", "allkeys-lru")]
    cache.create_replication_group(**GROUP, CacheParameterGroupName="p")
    code = error_code(cache.delete_cache_parameter_group, CacheParameterGroupName="p")
    assert code == "InvalidCacheParameterGroupState"
    assert error_code(cache.delete_cache_subnet_group, CacheSubnetGroupName="net") == "CacheSubnetGroupInUse"
    cache.delete_replication_group(ReplicationGroupId="sessions")
    cache.delete_cache_parameter_group(CacheParameterGroupName="p")
    cache.delete_cache_subnet_group(CacheSubnetGroupName="net")


def test_subnet_groups_show_zones_and_can_change(cache: Any) -> None:
    seen = cache.describe_cache_subnet_groups(CacheSubnetGroupName="net")["CacheSubnetGroups"][0]
    assert seen["Subnets"][0]["SubnetAvailabilityZone"] == {"Name": "us-east-1a"}
    cache.modify_cache_subnet_group(CacheSubnetGroupName="net", CacheSubnetGroupDescription="more")
    seen = cache.describe_cache_subnet_groups(CacheSubnetGroupName="net")["CacheSubnetGroups"][0]
    assert seen["CacheSubnetGroupDescription"] == "more"


def test_serverless_caches(cache: Any) -> None:
    created = cache.create_serverless_cache(ServerlessCacheName="s", Engine="valkey", MajorEngineVersion="8")
    assert created["ServerlessCache"]["Status"] == "creating"
    seen = cache.describe_serverless_caches(ServerlessCacheName="s")["ServerlessCaches"][0]
    assert (seen["Status"], seen["MajorEngineVersion"]) == ("available", "8")
    cache.delete_serverless_cache(ServerlessCacheName="s")
    assert error_code(cache.describe_serverless_caches, ServerlessCacheName="s") == "ServerlessCacheNotFoundFault"


def test_cluster_mode_has_a_configuration_endpoint(cache: Any) -> None:
    sharded = {key: value for key, value in GROUP.items() if key != "NumCacheClusters"}
    cache.create_replication_group(**sharded, NumNodeGroups=2, ReplicasPerNodeGroup=1)
    seen = group(cache)
    assert seen["ConfigurationEndpoint"]["Address"].startswith("clustercfg.sessions.")
    assert [node_group["Slots"] for node_group in seen["NodeGroups"]] == ["0-8191", "8192-16383"]
    assert len(seen["MemberClusters"]) == 4
