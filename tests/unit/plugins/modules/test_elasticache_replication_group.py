# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "cache", "tags": {"team": "tv"}}
NAME, GROUP, SECRET = "tvshows-prod", "tvshows-prod-redis7", "tv-shows-api/cache-token"
TOKEN = "correct-horse-battery-staple"
CACHE = {
    "stack": STACK,
    "identifier": NAME,
    "engine": "redis",
    "engine_version": "7",
    "node_type": "cache.t3.micro",
    "replicas": 0,
    "multi_az": False,
    "parameters": {"maxmemory-policy": "noeviction"},
    "snapshots": {"days": 1, "window": "05:00-06:00"},
    "maintenance_window": "Sun:06:00-Sun:07:00",
    "auto_minor_upgrade": True,
    "poll_interval": 0.05,
    "timeout": 20,
}


@pytest.fixture
def cache(cloud):
    """The options of a cache whose subnets and security group exist."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for cidr, zone in (("10.0.100.0/24", "us-east-1a"), ("10.0.200.0/24", "us-east-1b"))
    ]
    group = ec2.create_security_group(GroupName="cache", Description="c", VpcId=vpc)["GroupId"]
    return {**CACHE, "subnets": subnets, "security_groups": [group], "vpc_id": vpc}


def elasticache(**arguments):
    return call("elasticache_replication_group", **arguments)


def kinds(result):
    return [(change["action"], change["resource"]) for change in result["changes"]]


def replication_group(cloud, name=NAME):
    return cloud.client("elasticache").describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"][0]


def member(cloud):
    (found, *_others) = cloud.client("elasticache").describe_cache_clusters()["CacheClusters"]
    return found


def test_check_create_again_repair_remove(cloud, cache):
    announced = elasticache(check=True, **cache)
    assert kinds(announced) == [
        ("create", "cache subnet group"),
        ("create", "cache parameter group"),
        ("create", "cache replication group"),
    ]
    assert cloud.client("elasticache").describe_replication_groups()["ReplicationGroups"] == []

    made = elasticache(**cache)
    assert made["changes"] == announced["changes"]
    found, node = replication_group(cloud), member(cloud)
    assert (found["ClusterEnabled"], found["CacheNodeType"], len(found["MemberClusters"])) == (
        False,
        "cache.t3.micro",
        1,
    )
    assert (found["AtRestEncryptionEnabled"], found["TransitEncryptionEnabled"]) == (True, True)
    assert (found["SnapshotRetentionLimit"], found["SnapshotWindow"]) == (1, "05:00-06:00")
    assert (node["Engine"], node["EngineVersion"][:2]) == ("redis", "7.")
    assert node["CacheParameterGroup"]["CacheParameterGroupName"] == GROUP
    assert node["PreferredMaintenanceWindow"] == "sun:06:00-sun:07:00"
    assert [group["SecurityGroupId"] for group in node["SecurityGroups"]] == cache["security_groups"]
    client = cloud.client("elasticache")
    tags = client.list_tags_for_resource(ResourceName=found["ARN"])["TagList"]
    assert {"Key": "slipway:stack", "Value": "tvshows"} in tags
    parameters = client.describe_cache_parameters(CacheParameterGroupName=GROUP, Source="user")["Parameters"]
    assert {each["ParameterName"]: each["ParameterValue"] for each in parameters} == {"maxmemory-policy": "noeviction"}

    ready = elasticache(**cache, state="ready")
    assert not ready["changed"], ready["changes"]
    assert ready["result"]["endpoint"] == found["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
    assert (ready["result"]["status"], ready["result"]["tls"], ready["result"]["port"]) == ("available", True, 6379)

    again = elasticache(**cache)
    assert not again["changed"], again["changes"]
    assert again["api_calls"] == 8
    assert elasticache(**cache, state="ready")["api_calls"] == 3

    client.modify_replication_group(ReplicationGroupId=NAME, SnapshotRetentionLimit=9, ApplyImmediately=True)
    repaired = elasticache(**cache)
    assert [change["after"] for change in repaired["changes"]] == [{"snapshot_days": 1}]
    assert replication_group(cloud)["SnapshotRetentionLimit"] == 1

    removed = elasticache(**cache, state="absent")
    assert kinds(removed) == [
        ("delete", "cache replication group"),
        ("delete", "cache parameter group"),
        ("delete", "cache subnet group"),
    ]
    assert client.describe_replication_groups()["ReplicationGroups"] == []
    assert client.describe_cache_subnet_groups()["CacheSubnetGroups"] == []
    groups = client.describe_cache_parameter_groups()["CacheParameterGroups"]
    assert not [group for group in groups if NAME in group["CacheParameterGroupName"]]
    assert not elasticache(**cache, state="absent")["changed"]


def test_check_mode_on_an_empty_account_needs_no_network(cloud):
    unknown = {**CACHE, "subnets": ["", ""], "security_groups": [""], "vpc_id": ""}
    announced = elasticache(check=True, **unknown)
    assert [change["name"] for change in announced["changes"]] == [NAME, GROUP, NAME]
    assert announced["result"] == {
        "identifier": NAME, "arn": "", "status": "", "engine": "redis", "engine_version": "7", "endpoint": "",
        "reader_endpoint": "", "port": 6379, "tls": True,
    }  # fmt: skip
    waited = elasticache(check=True, **unknown, state="ready")
    assert (waited["changed"], waited["result"]) == (False, announced["result"])


def test_a_real_run_without_a_network_stops_before_anything_is_made(cloud):
    with pytest.raises(ModuleFailed, match="cache_subnets"):
        elasticache(**CACHE, subnets=["", ""])
    assert cloud.client("elasticache").describe_cache_subnet_groups()["CacheSubnetGroups"] == []


def test_a_cluster_has_shards_and_one_configuration_endpoint(cloud, cache):
    cluster = {**cache, "mode": "cluster", "shards": 1, "replicas": 2, "multi_az": True}
    elasticache(**cluster)
    found = replication_group(cloud)
    assert (found["ClusterEnabled"], found["MultiAZ"], found["AutomaticFailover"]) == (True, "enabled", "enabled")
    assert len(found["MemberClusters"]) == 3
    ready = elasticache(**cluster, state="ready")
    assert ready["result"]["endpoint"] == found["ConfigurationEndpoint"]["Address"]
    assert not elasticache(**cluster)["changed"]
    for count in (3, 1):
        assert kinds(elasticache(**{**cluster, "shards": count})) == [("update", "cache shards")]
        assert len(replication_group(cloud)["NodeGroups"]) == count
    with pytest.raises(ModuleFailed, match="mode is cluster, wanted replication_group"):
        elasticache(**{**cache, "replicas": 2})


def test_the_way_to_several_zones_goes_by_way_of_a_replica_and_back(cloud, cache):
    elasticache(**cache)
    safe = {**cache, "replicas": 1, "multi_az": True}
    assert kinds(elasticache(check=True, **safe)) == [
        ("update", "cache replicas"),
        ("update", "cache replication group"),
    ]
    started = elasticache(**safe)
    assert (kinds(started), started["deferred"]) == ([("update", "cache replicas")], ["cache replication group"])
    completed = elasticache(**safe, state="ready")
    assert kinds(completed) == [("update", "cache replication group")]
    found = replication_group(cloud)
    assert (len(found["MemberClusters"]), found["MultiAZ"], found["AutomaticFailover"]) == (2, "enabled", "enabled")
    assert not elasticache(**safe)["changed"]

    alone = {**cache, "failover": False}
    assert kinds(elasticache(**alone)) == [("update", "cache replication group")]
    assert kinds(elasticache(**alone, state="ready")) == [("update", "cache replicas")]
    assert len(replication_group(cloud)["MemberClusters"]) == 1


def test_starting_does_not_wait_and_waiting_ends_when_it_is_available(cloud, cache):
    cloud.post("/local-cloud/settings", {"cache_seconds": 2.0})
    try:
        made = elasticache(**cache)
        assert (made["waited_s"], made["result"]["status"]) == (0, "creating")
        looked = elasticache(check=True, **cache, state="ready")
        assert (looked["waited_s"], looked["result"]["status"]) == (0, "creating")
        assert looked["result"]["arn"].endswith(f":replicationgroup:{NAME}")
        busy = elasticache(**{**cache, "snapshots": {"days": 3, "window": "05:00-06:00"}})
        assert (busy["changed"], busy["deferred"]) == (False, ["cache replication group"])
        ready = elasticache(**{**cache, "snapshots": {"days": 3, "window": "05:00-06:00"}}, state="ready")
        assert ready["waited_s"] > 0
        assert kinds(ready) == [("update", "cache replication group")]
        assert replication_group(cloud)["SnapshotRetentionLimit"] == 3
        assert elasticache(**cache, state="absent")["waited_s"] > 0
    finally:
        cloud.post("/local-cloud/settings", {"cache_seconds": 0})


def test_a_cache_that_is_still_being_made_is_removed_when_it_is_there(cloud, cache):
    cloud.post("/local-cloud/settings", {"cache_seconds": 0.3})
    try:
        elasticache(**cache)
        assert len(elasticache(**cache, state="absent")["changes"]) == 3
    finally:
        cloud.post("/local-cloud/settings", {"cache_seconds": 0})


def test_a_time_limit_says_what_was_seen(cloud, cache):
    cloud.post("/local-cloud/settings", {"cache_seconds": 30})
    try:
        elasticache(**cache)
        with pytest.raises(ModuleFailed, match="tvshows-prod is creating"):
            elasticache(**{**cache, "timeout": 0}, state="ready")
    finally:
        cloud.post("/local-cloud/settings", {"cache_seconds": 0})


def test_waiting_for_what_was_never_started_is_an_error(cloud, cache):
    with pytest.raises(ModuleFailed, match="no cache tvshows-prod to wait for"):
        elasticache(**cache, state="ready")


def test_the_token_is_the_secrets_and_goes_nowhere_else(cloud, cache):
    cloud.client("secretsmanager").create_secret(Name=SECRET, SecretString=TOKEN)
    with_token = {**cache, "auth_token_secret": SECRET}
    results = [elasticache(**with_token, diff=True), elasticache(**with_token, state="ready", diff=True)]
    assert TOKEN not in json.dumps(results)
    assert replication_group(cloud)["AuthTokenEnabled"] is True
    assert not elasticache(**with_token)["changed"]


def test_a_token_that_will_not_do_stops_before_anything_is_made(cloud, cache):
    cloud.client("secretsmanager").create_secret(Name=SECRET, SecretString="short")
    with pytest.raises(ModuleFailed, match="cannot be an AUTH token"):
        elasticache(**cache, auth_token_secret=SECRET)
    assert cloud.client("elasticache").describe_cache_subnet_groups()["CacheSubnetGroups"] == []


def test_parameters_are_exact(cloud, cache):
    elasticache(**cache)
    changed = elasticache(**{**cache, "parameters": {"timeout": 300}})
    assert changed["changes"][0]["after"] == {"parameters": {"maxmemory-policy": None, "timeout": "300"}}
    assert not elasticache(**{**cache, "parameters": {"timeout": 300}})["changed"]


def test_a_foreign_cache_is_left_alone(cloud, cache):
    cloud.client("elasticache").create_replication_group(
        ReplicationGroupId=NAME, ReplicationGroupDescription="theirs", Tags=[{"Key": "team", "Value": "billing"}]
    )
    with pytest.raises(ModuleFailed, match="team=billing"):
        elasticache(**cache)
    assert not elasticache(**cache, state="absent")["changed"]
    assert replication_group(cloud)["Description"] == "theirs"


def test_what_was_started_and_cut_off_is_completed(cloud, cache):
    tags = [{"Key": f"slipway:{key}", "Value": value} for key, value in (("stack", "tvshows"), ("environment", "prod"))]
    cloud.client("elasticache").create_cache_parameter_group(
        CacheParameterGroupName=GROUP, CacheParameterGroupFamily="redis7", Description="d", Tags=tags
    )
    assert kinds(elasticache(**cache)) == [
        ("create", "cache subnet group"),
        ("update", "cache parameter group"),
        ("create", "cache replication group"),
    ]
    assert not elasticache(**cache)["changed"]


def test_bad_input_is_refused_before_aws_is_asked(cloud):
    with pytest.raises(ModuleFailed, match=r"cache_node_type: db.t3.micro .*cache_multi_az"):
        elasticache(**{**CACHE, "node_type": "db.t3.micro", "multi_az": True})


@pytest.mark.parametrize(
    "operation",
    ["CreateCacheParameterGroup", "ModifyCacheParameterGroup", "CreateReplicationGroup"],
)
def test_what_aws_refuses_half_way_is_named_and_completed_by_the_next_run(cloud, cache, operation):
    fault = {"kind": "api_error", "times": 1, "code": "NodeQuotaExceeded", "message": "no more", "status": 400}
    cloud.post("/local-cloud/faults", {**fault, "match": {"aws_service": "elasticache", "operation": operation}})
    with pytest.raises(ModuleFailed, match=f"NodeQuotaExceeded from {operation}"):
        elasticache(**cache)
    elasticache(**cache)
    assert replication_group(cloud)["Status"] == "available"
    assert not elasticache(**cache)["changed"]
    elasticache(**cache, state="absent")
