# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "database", "tags": {"team": "tv"}}
NAME, GROUP, SECRET = "tvshows-prod", "tvshows-prod-postgres16", "tv-shows-api/database-password"
PASSWORD = "correct-horse-battery-staple"
DATABASE = {
    "stack": STACK,
    "identifier": NAME,
    "engine_version": "16",
    "instance_class": "db.t3.micro",
    "storage": {"type": "gp3", "gb": 100, "max_gb": 500},
    "multi_az": False,
    "parameters": {"shared_preload_libraries": "pg_stat_statements", "max_connections": 200, "log_statement": "all"},
    "backup": {"days": 7, "window": "03:00-04:00"},
    "maintenance_window": "Sun:04:00-Sun:05:00",
    "deletion_protection": False,
    "performance_insights": True,
    "monitoring_interval": 0,
    "log_exports": ["postgresql"],
    "auto_minor_upgrade": True,
    "name": "tvshows",
    "username": "app",
    "password_secret": SECRET,
    "poll_interval": 0.05,
    "timeout": 20,
}


@pytest.fixture
def database(cloud):
    """The options of a database whose subnets, security group and password exist."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for cidr, zone in (("10.0.100.0/24", "us-east-1a"), ("10.0.200.0/24", "us-east-1b"))
    ]
    group = ec2.create_security_group(GroupName="database", Description="d", VpcId=vpc)["GroupId"]
    cloud.client("secretsmanager").create_secret(Name=SECRET, SecretString=PASSWORD)
    return {**DATABASE, "subnets": subnets, "security_groups": [group], "vpc_id": vpc}


def rds(**arguments):
    return call("rds_postgres", **arguments)


def kinds(result):
    return [(change["action"], change["resource"]) for change in result["changes"]]


def instance(cloud, name=NAME):
    return cloud.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def test_check_create_again_repair_remove(cloud, database):
    announced = rds(check=True, **database)
    assert kinds(announced) == [
        ("create", "database subnet group"),
        ("create", "database parameter group"),
        ("create", "database instance"),
    ]
    assert cloud.client("rds").describe_db_instances()["DBInstances"] == []

    made = rds(**database)
    assert made["changes"] == announced["changes"]
    found = instance(cloud)
    assert found["EngineVersion"].startswith("16.")
    assert (found["AllocatedStorage"], found["MaxAllocatedStorage"], found["StorageType"]) == (100, 500, "gp3")
    assert found["StorageEncrypted"] is True
    assert found["PubliclyAccessible"] is False
    assert found["BackupRetentionPeriod"] == 7
    assert found["PerformanceInsightsEnabled"] is True
    assert found["EnabledCloudwatchLogsExports"] == ["postgresql"]
    assert found["DBParameterGroups"][0] == {"DBParameterGroupName": GROUP, "ParameterApplyStatus": "in-sync"}
    assert {"Key": "slipway:stack", "Value": "tvshows"} in found["TagList"]
    parameters = cloud.client("rds").describe_db_parameters(DBParameterGroupName=GROUP, Source="user")["Parameters"]
    assert {each["ParameterName"]: (each["ParameterValue"], each["ApplyMethod"]) for each in parameters} == {
        "shared_preload_libraries": ("pg_stat_statements", "pending-reboot"),
        "max_connections": ("200", "pending-reboot"),
        "log_statement": ("all", "immediate"),
    }

    ready = rds(**database, state="ready")
    assert not ready["changed"]
    assert ready["result"]["endpoint"] == found["Endpoint"]["Address"]
    assert ready["result"]["status"] == "available"

    again = rds(**database)
    assert not again["changed"], again["changes"]
    assert again["api_calls"] == 6
    assert rds(**database, state="ready")["api_calls"] == 1

    cloud.client("rds").modify_db_instance(DBInstanceIdentifier=NAME, BackupRetentionPeriod=1, ApplyImmediately=True)
    repaired = rds(**database)
    assert [change["after"] for change in repaired["changes"]] == [{"backup_days": 7}]
    assert instance(cloud)["BackupRetentionPeriod"] == 7

    removed = rds(**database, state="absent", final_snapshot=False)
    assert kinds(removed) == [
        ("delete", "database instance"),
        ("delete", "database parameter group"),
        ("delete", "database subnet group"),
    ]
    client = cloud.client("rds")
    assert client.describe_db_instances()["DBInstances"] == []
    assert client.describe_db_subnet_groups()["DBSubnetGroups"] == []
    assert not [
        g for g in client.describe_db_parameter_groups()["DBParameterGroups"] if NAME in g["DBParameterGroupName"]
    ]
    assert not rds(**database, state="absent")["changed"]


def test_check_mode_on_an_empty_account_needs_neither_network_nor_secret(cloud):
    unknown = {**DATABASE, "subnets": ["", ""], "security_groups": [""], "vpc_id": "", "replicas": 2}
    announced = rds(check=True, **unknown)
    assert [change["name"] for change in announced["changes"]] == [
        NAME, GROUP, NAME, f"{NAME}-replica-1", f"{NAME}-replica-2",
    ]  # fmt: skip
    assert announced["result"] == {
        "identifier": NAME, "arn": "", "status": "", "engine": "postgres", "engine_version": "16", "endpoint": "",
        "port": 5432, "name": "tvshows", "username": "app", "password_secret": SECRET, "readers": [],
    }  # fmt: skip
    waited = rds(check=True, **unknown, state="ready")
    assert not waited["changed"]
    assert waited["result"] == announced["result"]


def test_a_real_run_without_a_network_stops_before_anything_is_made(cloud):
    with pytest.raises(ModuleFailed, match="database_subnets"):
        rds(**DATABASE, subnets=["", ""])
    assert cloud.client("rds").describe_db_subnet_groups()["DBSubnetGroups"] == []


def test_the_password_is_the_secrets_and_goes_nowhere_else(cloud, database):
    results = [rds(**database, diff=True), rds(**database, state="ready", diff=True)]
    assert PASSWORD not in json.dumps(results)
    cloud.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="rotated-by-somebody-else")
    assert not rds(**database)["changed"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param("short", "cannot be a database password", id="a password that RDS refuses"),
        pytest.param(None, "secrets_items", id="no secret at all"),
    ],
)
def test_a_password_that_will_not_do_stops_before_anything_is_made(cloud, database, value, words):
    secrets = cloud.client("secretsmanager")
    secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    if value:
        secrets.create_secret(Name=SECRET, SecretString=value)
    with pytest.raises(ModuleFailed, match=words):
        rds(**database)
    assert cloud.client("rds").describe_db_subnet_groups()["DBSubnetGroups"] == []


def test_replicas_follow_when_the_instance_is_there_and_go_again(cloud, database):
    with_replicas = {**database, "replicas": 2}
    made = rds(**with_replicas)
    assert made["deferred"] == [f"{NAME}-replica-1", f"{NAME}-replica-2"]
    completed = rds(**with_replicas, state="ready")
    assert kinds(completed) == [("create", "database read replica")] * 2
    assert [host.split(".")[0] for host in completed["result"]["readers"]] == [f"{NAME}-replica-1", f"{NAME}-replica-2"]
    assert instance(cloud, f"{NAME}-replica-1")["ReadReplicaSourceDBInstanceIdentifier"] == NAME
    for state in ("present", "ready"):
        again = rds(**with_replicas, state=state)
        assert not again["changed"], again["changes"]

    fewer = rds(**{**database, "replicas": 1})
    assert [(change["action"], change["name"]) for change in fewer["changes"]] == [("delete", f"{NAME}-replica-2")]
    rds(**database, state="absent")
    assert cloud.client("rds").describe_db_instances()["DBInstances"] == []


def test_starting_does_not_wait_and_waiting_ends_when_it_is_available(cloud, database):
    cloud.post("/local-cloud/settings", {"database_seconds": 2.0})
    try:
        made = rds(**database, replicas=1)
        assert made["waited_s"] == 0
        assert (made["result"]["status"], made["result"]["endpoint"]) == ("creating", "")
        busy = rds(**{**database, "multi_az": True, "replicas": 1})
        assert busy["deferred"] == [NAME, f"{NAME}-replica-1"]
        assert not busy["changed"]
        ready = rds(**{**database, "multi_az": True, "replicas": 1}, apply_immediately=True, state="ready")
        assert ready["waited_s"] > 0
        assert kinds(ready) == [("update", "database instance"), ("create", "database read replica")]
        assert instance(cloud)["MultiAZ"] is True
        assert rds(**database, state="absent")["waited_s"] > 0
    finally:
        cloud.post("/local-cloud/settings", {"database_seconds": 0})


def test_a_time_limit_says_what_was_seen(cloud, database):
    cloud.post("/local-cloud/settings", {"database_seconds": 30})
    try:
        rds(**database)
        with pytest.raises(ModuleFailed, match="tvshows-prod is creating"):
            rds(**{**database, "timeout": 0}, state="ready")
    finally:
        cloud.post("/local-cloud/settings", {"database_seconds": 0})


def test_waiting_for_what_was_never_started_is_an_error(cloud, database):
    with pytest.raises(ModuleFailed, match="no database tvshows-prod to wait for"):
        rds(**database, state="ready")


def test_a_static_parameter_waits_for_a_reboot_that_is_asked_for(cloud, database):
    rds(**database)
    parameters = {"shared_preload_libraries": "pg_stat_statements", "max_connections": 300}
    changed = rds(**{**database, "parameters": parameters})
    (change,) = changed["changes"]
    assert change["after"] == {"parameters": {"log_statement": None, "max_connections": "300"}}
    assert change["reason"] == "in force after a reboot: max_connections"
    assert changed["reboot_pending"] == [NAME]
    again = rds(**{**database, "parameters": parameters})
    assert (again["changed"], again["reboot_pending"]) == (False, [NAME])
    rebooted = rds(**{**database, "parameters": parameters}, reboot=True, state="ready")
    assert kinds(rebooted) == [("update", "database reboot")]
    assert rebooted["reboot_pending"] == []


def test_a_change_that_interrupts_waits_for_the_window_and_is_no_drift_then(cloud, database):
    rds(**database)
    larger = {**database, "instance_class": "db.r5.large"}
    assert rds(**larger)["changes"][0]["reason"] == "in the maintenance window: class"
    waiting = rds(**larger)
    assert (waiting["changed"], waiting["pending"]) == (False, {NAME: {"class": "db.r5.large"}})
    assert instance(cloud)["DBInstanceClass"] == "db.t3.micro"
    assert rds(**larger, apply_immediately=True)["changed"]
    assert instance(cloud)["DBInstanceClass"] == "db.r5.large"


def test_a_major_upgrade_takes_its_permission_and_leaves_no_group_behind(cloud, database):
    rds(**database)
    newer = {**database, "engine_version": "17"}
    with pytest.raises(ModuleFailed, match="database_major_upgrade"):
        rds(**newer)
    upgraded = rds(**newer, major_upgrade=True, apply_immediately=True)
    assert upgraded["result"]["engine_version"].startswith("17.")
    rds(**newer, state="absent")
    groups = cloud.client("rds").describe_db_parameter_groups()["DBParameterGroups"]
    assert not [group for group in groups if NAME in group["DBParameterGroupName"]]


def test_a_final_snapshot_is_taken_unless_it_is_declined(cloud, database):
    rds(**database)
    rds(**database, state="absent")
    (snapshot,) = cloud.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert snapshot["DBSnapshotIdentifier"].startswith(f"{NAME}-final-")


def test_a_protected_database_is_not_removed(cloud, database):
    rds(**{**database, "deletion_protection": True})
    with pytest.raises(ModuleFailed, match="database_deletion_protection: false"):
        rds(**database, state="absent")
    assert instance(cloud)["DBInstanceStatus"] == "available"


def test_a_foreign_database_is_left_alone(cloud, database):
    cloud.client("rds").create_db_instance(
        DBInstanceIdentifier=NAME, DBInstanceClass="db.t3.micro", Engine="postgres", AllocatedStorage=20,
        MasterUsername="x", MasterUserPassword="x" * 10, Tags=[{"Key": "team", "Value": "billing"}],
    )  # fmt: skip
    with pytest.raises(ModuleFailed, match="team=billing"):
        rds(**database)
    assert not rds(**database, state="absent")["changed"]
    assert instance(cloud)["AllocatedStorage"] == 20


def test_what_was_started_and_cut_off_is_completed(cloud, database):
    client = cloud.client("rds")
    tags = [{"Key": f"slipway:{key}", "Value": value} for key, value in (("stack", "tvshows"), ("environment", "prod"))]
    client.create_db_parameter_group(
        DBParameterGroupName=GROUP, DBParameterGroupFamily="postgres16", Description="d", Tags=tags
    )
    completed = rds(**database)
    assert kinds(completed) == [
        ("create", "database subnet group"),
        ("update", "database parameter group"),
        ("create", "database instance"),
    ]
    assert not rds(**database)["changed"]


def test_bad_input_is_refused_before_aws_is_asked(cloud):
    with pytest.raises(ModuleFailed, match=r"database_storage.gb: 5 .*database_backup.days: 99"):
        rds(**{**DATABASE, "storage": {"gb": 5}, "backup": {"days": 99}})


@pytest.mark.parametrize(
    "operation",
    ["CreateDBParameterGroup", "ModifyDBParameterGroup", "CreateDBInstance"],
)
def test_what_aws_refuses_half_way_is_named_and_completed_by_the_next_run(cloud, database, operation):
    fault = {"kind": "api_error", "times": 1, "code": "InstanceQuotaExceeded", "message": "no more", "status": 400}
    cloud.post("/local-cloud/faults", {**fault, "match": {"aws_service": "rds", "operation": operation}})
    with pytest.raises(ModuleFailed, match=f"InstanceQuotaExceeded from {operation}"):
        rds(**database)
    rds(**database)
    assert instance(cloud)["DBInstanceStatus"] == "available"
    assert not rds(**database)["changed"]
    rds(**database, state="absent", final_snapshot=False)


def test_a_removal_that_was_cut_off_is_completed(cloud, database):
    rds(**database)
    fault = {"kind": "api_error", "times": 1, "code": "AccessDenied", "message": "no", "status": 403}
    cloud.post("/local-cloud/faults", {**fault, "match": {"operation": "DeleteDBParameterGroup"}})
    with pytest.raises(ModuleFailed, match="AccessDenied"):
        rds(**database, state="absent", final_snapshot=False)
    assert kinds(rds(**database, state="absent")) == [
        ("delete", "database parameter group"),
        ("delete", "database subnet group"),
    ]
