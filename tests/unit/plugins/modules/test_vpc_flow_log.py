# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "networking", "tags": {"team": "tv"}}
GROUP = "/vpc/tvshows-prod/flow-logs"
ROLE = "tvshows-prod-flow-logs"


@pytest.fixture
def vpc(cloud):
    return cloud.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def flow_log(check=False, **options):
    return call("vpc_flow_log", check=check, **{"stack": STACK, "retention_days": 30, **options})


def steps(result):
    return [(change["action"], change["resource"], change["name"]) for change in result["changes"]]


EVERYTHING = [("log group", GROUP), ("IAM role", ROLE), ("flow log", ROLE)]


def test_check_create_again_and_remove(cloud, vpc):
    ec2, logs, iam = cloud.client("ec2"), cloud.client("logs"), cloud.client("iam")
    announced = flow_log(check=True, vpc_id="")
    assert [step[1:] for step in steps(announced)] == EVERYTHING
    assert announced["result"]["flow_log_id"] == "" and logs.describe_log_groups()["logGroups"] == []

    made = flow_log(vpc_id=vpc, account_id="123456789012")
    assert steps(made) == [("create", *thing) for thing in EVERYTHING]
    (found,) = ec2.describe_flow_logs()["FlowLogs"]
    assert found["FlowLogId"] == made["result"]["flow_log_id"]
    assert (found["ResourceId"], found["TrafficType"], found["LogGroupName"]) == (vpc, "ALL", GROUP)
    assert found["DeliverLogsPermissionArn"] == made["result"]["role_arn"]
    (group,) = logs.describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 30
    (statement,) = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    write = iam.get_role_policy(RoleName=ROLE, PolicyName="flow-logs")["PolicyDocument"]["Statement"][0]
    assert write["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    arn = f"arn:aws:logs:us-east-1:*:log-group:{GROUP}"
    assert write["Resource"] == [arn, f"{arn}:*"]

    again = flow_log(vpc_id=vpc, account_id="123456789012")
    assert not again["changed"] and again["api_calls"] == 5

    assert steps(flow_log(state="absent")) == [("delete", *thing) for thing in reversed(EVERYTHING)]
    assert ec2.describe_flow_logs()["FlowLogs"] == [] and logs.describe_log_groups()["logGroups"] == []
    assert not flow_log(state="absent")["changed"]


def shorten(cloud):
    cloud.client("logs").put_retention_policy(logGroupName=GROUP, retentionInDays=1)


def widen(cloud):
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    cloud.client("iam").put_role_policy(RoleName=ROLE, PolicyName="flow-logs", PolicyDocument=json.dumps(document))


def unset(cloud):
    ec2 = cloud.client("ec2")
    ec2.delete_flow_logs(FlowLogIds=[it["FlowLogId"] for it in ec2.describe_flow_logs()["FlowLogs"]])


@pytest.mark.parametrize(
    ("spoil", "step"),
    [
        pytest.param(shorten, ("update", "log group", GROUP), id="another retention"),
        pytest.param(widen, ("update", "IAM role", ROLE), id="a role that may do everything"),
        pytest.param(unset, ("create", "flow log", ROLE), id="no flow log"),
    ],
)
def test_one_thing_changed_by_hand_is_the_one_thing_repaired(cloud, vpc, spoil, step):
    flow_log(vpc_id=vpc)
    spoil(cloud)
    assert steps(flow_log(vpc_id=vpc)) == [step]
    assert not flow_log(vpc_id=vpc)["changed"]


def test_a_setting_that_aws_cannot_change_makes_a_new_flow_log(cloud, vpc):
    before = flow_log(vpc_id=vpc)["result"]["flow_log_id"]
    changed = flow_log(vpc_id=vpc, traffic="reject")
    assert steps(changed) == [("update", "flow log", ROLE)]
    assert changed["changes"][0]["reason"] == "made anew, as AWS asks: traffic ALL -> REJECT"
    (found,) = cloud.client("ec2").describe_flow_logs()["FlowLogs"]
    assert found["FlowLogId"] != before and found["TrafficType"] == "REJECT"


def test_what_is_not_given_is_not_managed(cloud, vpc):
    flow_log(vpc_id=vpc)
    shorten(cloud)
    assert not flow_log(vpc_id=vpc, retention_days=None)["changed"]


def test_a_log_group_of_somebody_else_is_refused(cloud, vpc):
    cloud.client("logs").create_log_group(logGroupName=GROUP, tags={"team": "billing"})
    with pytest.raises(ModuleFailed, match=r"log group /vpc/tvshows-prod/flow-logs exists.*team=billing"):
        flow_log(vpc_id=vpc)
    assert cloud.client("ec2").describe_flow_logs()["FlowLogs"] == []
    assert not flow_log(state="absent")["changed"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"vpc_id": ""}, "vpc_id is empty: role networking gave none", id="no VPC"),
        pytest.param(
            {"vpc_id": "vpc-1", "retention_days": 8}, "retention_days 8 is not.*nearest is 7", id="eight days"
        ),
    ],
)
def test_bad_input_touches_nothing(cloud, options, words):
    with pytest.raises(ModuleFailed, match=words):
        flow_log(**options)
    assert cloud.client("logs").describe_log_groups()["logGroups"] == []
