# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import boto3
import pytest
from ansible_collections.slipway.aws.plugins.module_utils._elasticache import api, apply
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change
from botocore.stub import Stubber

FIXED = {"region_name": "us-east-1", "aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
HAVE = {
    "arn": "arn:cache", "engine": "redis", "replicas": 2, "shard_names": ["0001", "0002", "0003"], "pending": {},
    "log_delivery": {"slow-log": {"log_group": "/old", "format": "json"}},
}  # fmt: skip


@pytest.fixture
def cache():
    client = boto3.client("elasticache", **FIXED)
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


def change(resource, after):
    return Change("update", resource, "c", {}, after)


def test_a_cache_is_made_in_one_call_with_its_tags_and_token(cache):
    client, stub = cache
    wanted = {
        "mode": "replication_group", "engine": "redis", "engine_version": "7", "node_type": "cache.t3.micro",
        "replicas": 1, "multi_az": True, "failover": True, "encrypted": True, "tls": True, "port": 6379, "auth": True,
        "parameter_group": "c-redis7", "security_groups": {"sg-1"}, "log_delivery": {}, "tags": {"a": "b"},
        "snapshot_days": 1,
    }  # fmt: skip
    stub.add_response(
        "create_replication_group",
        {},
        {
            "ReplicationGroupId": "c", "ReplicationGroupDescription": "Cache c", "Engine": "redis",
            "EngineVersion": "7.1", "CacheNodeType": "cache.t3.micro", "NumNodeGroups": 1, "ReplicasPerNodeGroup": 1,
            "MultiAZEnabled": True, "AutomaticFailoverEnabled": True, "AtRestEncryptionEnabled": True,
            "TransitEncryptionEnabled": True, "Port": 6379, "CacheParameterGroupName": "c-redis7",
            "CacheSubnetGroupName": "c", "SecurityGroupIds": ["sg-1"], "SnapshotRetentionLimit": 1,
            "AuthToken": "a-token-of-some-length", "Tags": [{"Key": "a", "Value": "b"}],
        },
    )  # fmt: skip
    creation = Change("create", "cache replication group", "c", None, wanted)
    apply.create_group(client, "c", "a-token-of-some-length", creation)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        pytest.param({"snapshot_days": 3}, {"SnapshotRetentionLimit": 3}, id="a setting goes alone"),
        pytest.param(
            {"multi_az": True},
            {"MultiAZEnabled": True, "AutomaticFailoverEnabled": True},
            id="several zones take failover along",
        ),
        pytest.param({"engine_version": "7"}, {"EngineVersion": "7.1"}, id="a major version gets a minor one"),
        pytest.param(
            {"engine": "valkey", "engine_version": "8"},
            {"Engine": "valkey", "EngineVersion": "8.0"},
            id="of its own engine",
        ),
        pytest.param(
            {"log_delivery": {"engine-log": {"log_group": "/new", "format": "text"}}},
            {
                "LogDeliveryConfigurations": [
                    {
                        "LogType": "engine-log",
                        "DestinationType": "cloudwatch-logs",
                        "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "/new"}},
                        "LogFormat": "text",
                        "Enabled": True,
                    },
                    {"LogType": "slow-log", "Enabled": False},
                ]
            },
            id="a log that is not wanted is switched off by name",
        ),
    ],
)
def test_what_a_modification_tells_aws(after, told):
    assert apply.modification(HAVE, after) == told


@pytest.mark.parametrize(
    ("after", "pending", "now", "immediately"),
    [
        pytest.param({"snapshot_days": 3}, {}, False, True, id="what interrupts nobody does not wait"),
        pytest.param({"node_type": "cache.r6g.large"}, {}, False, False, id="what interrupts waits"),
        pytest.param({"node_type": "cache.r6g.large"}, {}, True, True, id="unless it is to be made now"),
        pytest.param(
            {"snapshot_days": 3}, {"node_type": "x"}, False, False, id="nothing takes along what waits already"
        ),
    ],
)
def test_when_a_modification_is_made(monkeypatch, after, pending, now, immediately):
    seen = []
    monkeypatch.setattr(api, "modify_group", lambda *_, immediately: seen.append(immediately))
    apply.update_group(None, {**HAVE, "pending": pending}, now, change("cache replication group", after))
    assert seen == [immediately]


def test_counts_of_nodes_have_calls_of_their_own(cache):
    client, stub = cache
    common = {"ReplicationGroupId": "c", "ApplyImmediately": True}
    stub.add_response("increase_replica_count", {}, {**common, "NewReplicaCount": 3})
    stub.add_response("decrease_replica_count", {}, {**common, "NewReplicaCount": 1})
    stub.add_response(
        "modify_replication_group_shard_configuration",
        {},
        {**common, "NodeGroupCount": 2, "NodeGroupsToRemove": ["0003"]},
    )
    stub.add_response("modify_replication_group_shard_configuration", {}, {**common, "NodeGroupCount": 4})
    apply.update_replicas(client, HAVE, change("cache replicas", {"replicas": 3}))
    apply.update_replicas(client, HAVE, change("cache replicas", {"replicas": 1}))
    apply.update_shards(client, HAVE, change("cache shards", {"shards": 2}))
    apply.update_shards(client, HAVE, change("cache shards", {"shards": 4}))


def test_encryption_in_transit_is_changed_at_once(cache):
    client, stub = cache
    told = {"TransitEncryptionEnabled": True, "TransitEncryptionMode": "preferred"}
    stub.add_response("modify_replication_group", {}, {"ReplicationGroupId": "c", "ApplyImmediately": True, **told})
    apply.update_tls(client, change("cache encryption in transit", {"tls": True, "tls_mode": "preferred"}))


def test_tags_of_a_busy_group_are_unknown_and_not_an_error(cache):
    client, stub = cache
    stub.add_client_error("list_tags_for_resource", "InvalidReplicationGroupState")
    assert api.tags(client, "arn:aws:elasticache:us-east-1:1:replicationgroup:c") is None
    stub.add_client_error("list_tags_for_resource", "AccessDenied")
    with pytest.raises(client.exceptions.ClientError):
        api.tags(client, "arn:aws:elasticache:us-east-1:1:replicationgroup:c")


@pytest.mark.parametrize(
    ("read", "call", "code"),
    [
        pytest.param(api.group, "describe_replication_groups", "ReplicationGroupNotFoundFault", id="group"),
        pytest.param(api.member, "describe_cache_clusters", "CacheClusterNotFound", id="node"),
        pytest.param(api.subnet_group, "describe_cache_subnet_groups", "CacheSubnetGroupNotFoundFault", id="subnets"),
        pytest.param(
            api.parameter_group, "describe_cache_parameter_groups", "CacheParameterGroupNotFound", id="parameters"
        ),
    ],
)
def test_what_is_not_there_is_none(cache, read, call, code):
    client, stub = cache
    stub.add_client_error(call, code)
    assert read(client, "c") is None
    stub.add_client_error(call, "AccessDenied")
    with pytest.raises(client.exceptions.ClientError):
        read(client, "c")
