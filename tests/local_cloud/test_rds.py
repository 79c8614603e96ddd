# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RDS as the API reference has it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_cloud_support import Cloud, until

INSTANCE = {
    "DBInstanceIdentifier": "db",
    "Engine": "postgres",
    "DBInstanceClass": "db.t4g.micro",
    "AllocatedStorage": 100,
    "MasterUsername": "app",
    "MasterUserPassword": "not-a-real-one",
}


@pytest.fixture
def rds(cloud: Cloud) -> Any:
    return cloud.client("rds")


def instance(rds: Any, name: str = "db") -> dict[str, Any]:
    return dict(rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0])


def error_code(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def subnets(cloud: Cloud) -> list[str]:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{z}")["Subnet"]["SubnetId"]
        for n, z in enumerate("ab")
    ]


def test_creation_answers_creating_and_is_available_at_once_by_default(rds: Any) -> None:
    assert rds.create_db_instance(**INSTANCE)["DBInstance"]["DBInstanceStatus"] == "creating"
    assert instance(rds)["DBInstanceStatus"] == "available"


def test_states_take_as_long_as_is_set(cloud: Cloud, rds: Any) -> None:
    cloud.control("POST", "settings", {"database_seconds": 0.3})
    rds.create_db_instance(**INSTANCE)
    seen = instance(rds)
    assert seen["DBInstanceStatus"] == "creating"
    assert "Endpoint" not in seen
    code = error_code(rds.modify_db_instance, DBInstanceIdentifier="db", AllocatedStorage=200)
    assert code == "InvalidDBInstanceState"
    ready = until(lambda: instance(rds), lambda found: found["DBInstanceStatus"] == "available")
    assert ready["Endpoint"]["Port"] == 5432
    rds.modify_db_instance(DBInstanceIdentifier="db", AllocatedStorage=200, ApplyImmediately=True)
    assert instance(rds)["DBInstanceStatus"] == "modifying"
    until(lambda: instance(rds)["DBInstanceStatus"], lambda status: status == "available")
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    assert instance(rds)["DBInstanceStatus"] == "deleting"
    until(lambda: rds.describe_db_instances()["DBInstances"], lambda found: found == [])


def test_an_instance_that_is_gone_is_not_found(rds: Any) -> None:
    rds.create_db_instance(**INSTANCE)
    gone = rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    assert gone["DBInstance"]["DBInstanceStatus"] == "deleting"
    assert error_code(rds.describe_db_instances, DBInstanceIdentifier="db") == "DBInstanceNotFound"


@pytest.mark.parametrize(
    ("gigabytes", "iops", "throughput"),
    [
        pytest.param(100, 3000, 125, id="up to 399 GiB: 3000 and 125"),
        pytest.param(400, 12000, 500, id="from 400 GiB: 12000 and 500"),
    ],
)
def test_gp3_shows_its_iops_and_throughput(rds: Any, gigabytes: int, iops: int, throughput: int) -> None:
    rds.create_db_instance(**{**INSTANCE, "AllocatedStorage": gigabytes}, StorageType="gp3")
    seen = instance(rds)
    assert (seen["Iops"], seen["StorageThroughput"]) == (iops, throughput)


def test_performance_insights_are_shown(rds: Any) -> None:
    rds.create_db_instance(**INSTANCE, EnablePerformanceInsights=True)
    seen = instance(rds)
    assert (seen["PerformanceInsightsEnabled"], seen["PerformanceInsightsRetentionPeriod"]) == (True, 7)
    rds.modify_db_instance(DBInstanceIdentifier="db", EnablePerformanceInsights=False, ApplyImmediately=True)
    assert instance(rds)["PerformanceInsightsEnabled"] is False


def test_a_major_version_stands_for_a_minor_one(rds: Any) -> None:
    rds.create_db_instance(**INSTANCE, EngineVersion="16")
    seen = instance(rds)
    assert seen["EngineVersion"].startswith("16.")
    assert seen["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres16"
    rds.modify_db_instance(DBInstanceIdentifier="db", EngineVersion="16", ApplyImmediately=True)
    assert instance(rds)["EngineVersion"] == seen["EngineVersion"]


def test_changes_without_apply_immediately_are_pending(rds: Any) -> None:
    rds.create_db_instance(**INSTANCE)
    rds.modify_db_instance(DBInstanceIdentifier="db", DBInstanceClass="db.t4g.large", BackupRetentionPeriod=7)
    seen = instance(rds)
    assert (seen["DBInstanceClass"], seen["BackupRetentionPeriod"]) == ("db.t4g.micro", 7)
    assert seen["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.large"}
    rds.modify_db_instance(DBInstanceIdentifier="db", DBInstanceClass="db.t4g.large", ApplyImmediately=True)
    seen = instance(rds)
    assert (seen["DBInstanceClass"], seen.get("PendingModifiedValues")) == ("db.t4g.large", {})


def test_each_instance_has_its_own_resource_id(rds: Any) -> None:
    rds.create_db_instance(**INSTANCE)
    rds.create_db_instance_read_replica(DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="db")
    identities = {instance(rds, name)["DbiResourceId"] for name in ("db", "replica")}
    assert len(identities) == 2
    assert all(identity.startswith("db-") and len(identity) == 29 for identity in identities)
    assert instance(rds)["ReadReplicaDBInstanceIdentifiers"] == ["replica"]


def test_a_parameter_group_that_is_not_there_is_an_error(rds: Any) -> None:
    code = error_code(rds.describe_db_parameter_groups, DBParameterGroupName="nothing")
    assert code == "DBParameterGroupNotFound"


def test_parameters_are_listed_by_source_and_can_be_reset(rds: Any) -> None:
    rds.create_db_parameter_group(DBParameterGroupName="pg", DBParameterGroupFamily="postgres16", Description="pg")
    change = {"ParameterName": "max_connections", "ParameterValue": "200", "ApplyMethod": "pending-reboot"}
    assert rds.describe_db_parameters(DBParameterGroupName="pg", Source="user")["Parameters"] == []
    defaults = {p["ParameterName"]: p for p in rds.describe_db_parameters(DBParameterGroupName="pg")["Parameters"]}
    assert defaults["max_connections"]["ApplyType"] == "static"
    assert defaults["log_min_duration_statement"]["Source"] == "engine-default"
    rds.modify_db_parameter_group(DBParameterGroupName="pg", Parameters=[change])
    by_user = rds.describe_db_parameters(DBParameterGroupName="pg", Source="user")["Parameters"]
    assert [(p["ParameterName"], p["ParameterValue"]) for p in by_user] == [("max_connections", "200")]
    rds.reset_db_parameter_group(DBParameterGroupName="pg", Parameters=[change])
    assert rds.describe_db_parameters(DBParameterGroupName="pg", Source="user")["Parameters"] == []


def test_a_static_parameter_waits_for_the_reboot(rds: Any) -> None:
    rds.create_db_parameter_group(DBParameterGroupName="pg", DBParameterGroupFamily="postgres16", Description="pg")
    rds.create_db_instance(**INSTANCE, DBParameterGroupName="pg")
    assert instance(rds)["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"
    change = {"ParameterName": "max_connections", "ParameterValue": "200", "ApplyMethod": "pending-reboot"}
    rds.modify_db_parameter_group(DBParameterGroupName="pg", Parameters=[change])
    assert instance(rds)["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot"
    rds.reboot_db_instance(DBInstanceIdentifier="db")
    assert instance(rds)["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"


def test_groups_that_are_used_are_not_deleted(cloud: Cloud, rds: Any) -> None:
    rds.create_db_parameter_group(DBParameterGroupName="pg", DBParameterGroupFamily="postgres16", Description="pg")
    rds.create_db_subnet_group(DBSubnetGroupName="net", DBSubnetGroupDescription="net", SubnetIds=subnets(cloud))
    rds.create_db_instance(**INSTANCE, DBParameterGroupName="pg", DBSubnetGroupName="net")
    assert error_code(rds.delete_db_parameter_group, DBParameterGroupName="pg") == "InvalidDBParameterGroupState"
    assert error_code(rds.delete_db_subnet_group, DBSubnetGroupName="net") == "InvalidDBSubnetGroupStateFault"
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    rds.delete_db_parameter_group(DBParameterGroupName="pg")
    rds.delete_db_subnet_group(DBSubnetGroupName="net")


def test_cluster_members_are_in_the_clusters_subnet_group(cloud: Cloud, rds: Any) -> None:
    rds.create_db_subnet_group(DBSubnetGroupName="net", DBSubnetGroupDescription="net", SubnetIds=subnets(cloud))
    created = rds.create_db_cluster(
        DBClusterIdentifier="aurora",
        Engine="aurora-postgresql",
        EngineVersion="16",
        DBSubnetGroupName="net",
        MasterUsername="app",
        MasterUserPassword="not-a-real-one",
    )
    assert created["DBCluster"]["Status"] == "creating"
    assert rds.describe_db_clusters(DBClusterIdentifier="aurora")["DBClusters"][0]["Status"] == "available"
    rds.create_db_instance(
        DBInstanceIdentifier="aurora-1",
        DBClusterIdentifier="aurora",
        Engine="aurora-postgresql",
        DBInstanceClass="db.serverless",
    )
    assert instance(rds, "aurora-1")["DBSubnetGroup"]["DBSubnetGroupName"] == "net"


def test_engine_versions_are_described(rds: Any) -> None:
    found = rds.describe_db_engine_versions(Engine="postgres", EngineVersion="16")["DBEngineVersions"]
    assert {version["DBParameterGroupFamily"] for version in found} == {"postgres16"}
    older = rds.describe_db_engine_versions(Engine="postgres", EngineVersion="15.12")["DBEngineVersions"][0]
    targets = {target["EngineVersion"]: target["IsMajorVersionUpgrade"] for target in older["ValidUpgradeTarget"]}
    assert targets["15.14"] is False
    assert targets["16.10"] is True
