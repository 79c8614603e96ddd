# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import boto3
import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change
from ansible_collections.slipway.aws.plugins.module_utils._rds import api, apply
from botocore.stub import Stubber

FIXED = {"region_name": "us-east-1", "aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
HAVE = {
    "arn": "arn:db", "gb": 500, "iops": 12000, "throughput": 500, "storage_type": "gp3", "engine_version": "16.4",
    "log_exports": {"upgrade"}, "monitoring_role": "role", "monitoring_interval": 60,
}  # fmt: skip


@pytest.fixture
def rds():
    client = boto3.client("rds", **FIXED)
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("after", "told"),
    [
        pytest.param({"class": "db.r5.large"}, {"DBInstanceClass": "db.r5.large"}, id="a class goes alone"),
        pytest.param({"port": 5433}, {"DBPortNumber": 5433}, id="the port has another name here"),
        pytest.param({"max_gb": 0}, {"MaxAllocatedStorage": 500}, id="no autoscaling is a limit at the size"),
        pytest.param(
            {"gb": 600},
            {"AllocatedStorage": 600, "Iops": 12000, "StorageThroughput": 500},
            id="a size takes iops and throughput along",
        ),
        pytest.param(
            {"storage_type": "gp2"}, {"StorageType": "gp2", "AllocatedStorage": 500}, id="gp2 has neither of them"
        ),
        pytest.param(
            {"log_exports": {"postgresql"}},
            {
                "CloudwatchLogsExportConfiguration": {
                    "EnableLogTypes": ["postgresql"],
                    "DisableLogTypes": ["upgrade"],
                }
            },
            id="log exports are told as differences",
        ),
        pytest.param(
            {"monitoring_interval": 30},
            {"MonitoringInterval": 30, "MonitoringRoleArn": "role"},
            id="an interval takes its role along",
        ),
        pytest.param({"monitoring_interval": 0}, {"MonitoringInterval": 0}, id="no monitoring needs no role"),
        pytest.param({"engine_version": "16.9"}, {"EngineVersion": "16.9"}, id="a minor version"),
        pytest.param(
            {"engine_version": "17"},
            {"EngineVersion": "17", "AllowMajorVersionUpgrade": True},
            id="a major version is allowed explicitly",
        ),
    ],
)
def test_what_a_modification_tells_aws(after, told):
    assert apply.modification(HAVE, after) == told


def test_a_modification_is_a_call_that_aws_would_take(rds):
    client, stub = rds
    stub.add_response(
        "modify_db_instance",
        {},
        {"DBInstanceIdentifier": "d", "ApplyImmediately": False, "VpcSecurityGroupIds": ["sg-1", "sg-2"]},
    )
    stub.add_response("add_tags_to_resource", {}, {"ResourceName": "arn:db", "Tags": [{"Key": "a", "Value": "b"}]})
    change = Change("update", "database instance", "d", {}, {"security_groups": {"sg-2", "sg-1"}, "tags": {"a": "b"}})
    apply.update_instance(client, {"d": HAVE}, False, change)


def test_an_instance_is_made_in_one_call_with_its_tags_and_password(rds):
    client, stub = rds
    wanted = {
        "engine": "postgres", "engine_version": "16", "class": "db.t3.micro", "storage_type": "gp3", "gb": 100,
        "encrypted": True, "name": "tv", "username": "app", "port": 5432, "public": False, "max_gb": 0,
        "log_exports": {"postgresql"}, "security_groups": {"sg-1"}, "tags": {"slipway:stack": "tv"},
    }  # fmt: skip
    stub.add_response(
        "create_db_instance",
        {"DBInstance": {"DBInstanceIdentifier": "d"}},
        {
            "DBInstanceIdentifier": "d", "Engine": "postgres", "EngineVersion": "16", "DBInstanceClass": "db.t3.micro",
            "StorageType": "gp3", "AllocatedStorage": 100, "StorageEncrypted": True, "DBName": "tv",
            "MasterUsername": "app", "MasterUserPassword": "s3cret-value", "Port": 5432, "PubliclyAccessible": False,
            "EnableCloudwatchLogsExports": ["postgresql"], "VpcSecurityGroupIds": ["sg-1"], "DBSubnetGroupName": "d",
            "Tags": [{"Key": "slipway:stack", "Value": "tv"}],
        },
    )  # fmt: skip
    apply.create_instance(client, "d", "s3cret-value", Change("create", "database instance", "d", None, wanted))


def test_parameters_go_in_calls_of_twenty_and_static_ones_wait(rds):
    client, stub = rds
    names = [f"p{number:02}" for number in range(25)]
    for some in (names[:20], names[20:]):
        method = {"p00": "pending-reboot"}
        entries = [
            {"ParameterName": name, "ParameterValue": "1", "ApplyMethod": method.get(name, "immediate")}
            for name in some
        ]
        stub.add_response("modify_db_parameter_group", {}, {"DBParameterGroupName": "g", "Parameters": entries})
    stub.add_response(
        "reset_db_parameter_group",
        {},
        {
            "DBParameterGroupName": "g",
            "ResetAllParameters": False,
            "Parameters": [{"ParameterName": "old", "ApplyMethod": "immediate"}],
        },
    )
    after = {"parameters": {**dict.fromkeys(names, "1"), "old": None}}
    change = Change("update", "database parameter group", "g", {}, after)
    apply.update_parameter_group(client, {}, frozenset(["p00"]), change)


def test_an_instance_that_is_gone_can_be_deleted_again(rds):
    client, stub = rds
    stub.add_client_error("delete_db_instance", "DBInstanceNotFound")
    api.delete_instance(client, "d", None)
    stub.add_client_error("delete_db_instance", "InvalidDBInstanceState", "Instance d is already being deleted.")
    api.delete_instance(client, "d", None)
    stub.add_client_error("delete_db_instance", "InvalidDBInstanceState", "Instance d is creating.")
    with pytest.raises(client.exceptions.ClientError):
        api.delete_instance(client, "d", None)


class Secrets:
    def __init__(self, text):
        self.text = text

    def get_secret_value(self, SecretId):  # noqa: N803  (boto3's name)
        return {"SecretString": self.text}


def test_a_password_comes_from_a_secret_or_from_a_key_of_one():
    assert apply.password(Secrets("long-enough"), "tv/password") == "long-enough"
    assert apply.password(Secrets('{"password": "long-enough"}'), "tv/all#password") == "long-enough"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("short1!", "tv/password", id="too short"),
        pytest.param("with/a-slash-in-it", "tv/password", id="a slash"),
        pytest.param("with a space in it", "tv/password", id="a space"),
        pytest.param("not-json-at-all", "tv/all#password", id="no JSON"),
        pytest.param('{"other": "long-enough"}', "tv/all#password", id="no such key"),
    ],
)
def test_a_password_that_will_not_do_is_refused_without_being_quoted(text, name):
    with pytest.raises(SlipwayError) as error:
        apply.password(Secrets(text), name)
    assert text not in str(error.value)
    assert name.partition("#")[0] in str(error.value)
    assert error.value.details == {}
