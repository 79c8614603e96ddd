# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "identity", "tags": {"team": "tv"}}
EXECUTION = {
    "name": "execution",
    "repositories": ["tv-shows-api"],
    "log_groups": ["/ecs/tvshows-prod"],
    "secrets": ["tv-shows-api/database-url", "tv-shows-api/all#jwt"],
}
TASK = {"name": "task", "metrics_namespaces": ["TvShowsApi"], "xray": True}
ROLES = [EXECUTION, TASK]
ACCOUNT = "123456789012"


def roles(given=ROLES, **arguments):
    return call("iam_task_role", stack=STACK, roles=given, account_id=ACCOUNT, **arguments)


def names(cloud):
    return sorted(role["RoleName"] for role in cloud.client("iam").list_roles()["Roles"])


def statements(cloud, role):
    found = cloud.client("iam").get_role_policy(RoleName=role, PolicyName="slipway")["PolicyDocument"]["Statement"]
    return {statement["Sid"]: statement for statement in found}


def test_check_create_again_repair_remove(cloud):
    iam = cloud.client("iam")
    expected = {
        "execution_role_arn": "arn:aws:iam::123456789012:role/tvshows-prod-execution",
        "task_role_arn": "arn:aws:iam::123456789012:role/tvshows-prod-task",
        "roles": {
            "execution": "arn:aws:iam::123456789012:role/tvshows-prod-execution",
            "task": "arn:aws:iam::123456789012:role/tvshows-prod-task",
        },
    }
    announced = roles(check=True)
    assert [change["name"] for change in announced["changes"]] == ["tvshows-prod-execution", "tvshows-prod-task"]
    assert announced["result"] == expected and names(cloud) == []

    made = roles()
    assert made["changes"] == announced["changes"] and made["result"] == expected
    assert not roles()["changed"]
    trust = iam.get_role(RoleName="tvshows-prod-execution")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"]["Service"] in ("ecs-tasks.amazonaws.com", ["ecs-tasks.amazonaws.com"])
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ["123456789012"]},
        "ArnLike": {"aws:SourceArn": ["arn:aws:ecs:us-east-1:123456789012:*"]},
    }
    execution = statements(cloud, "tvshows-prod-execution")
    assert execution["Pull"]["Resource"] == ["arn:aws:ecr:us-east-1:123456789012:repository/tv-shows-api"]
    assert execution["Secrets"] == {
        "Sid": "Secrets",
        "Effect": "Allow",
        "Action": ["secretsmanager:GetSecretValue"],
        "Resource": [
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:tv-shows-api/all-??????",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:tv-shows-api/database-url-??????",
        ],
    }
    assert execution["Logs"]["Resource"] == ["arn:aws:logs:us-east-1:123456789012:log-group:/ecs/tvshows-prod:*"]
    assert sorted(execution) == ["Logs", "Pull", "Registry", "Secrets"]
    assert statements(cloud, "tvshows-prod-task")["Metrics"]["Condition"] == {
        "StringEquals": {"cloudwatch:namespace": ["TvShowsApi"]}
    }
    assert iam.list_attached_role_policies(RoleName="tvshows-prod-execution")["AttachedPolicies"] == []

    wide = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="tvshows-prod-task", PolicyName="slipway", PolicyDocument=json.dumps(wide))
    (change,) = roles()["changes"]
    assert (change["name"], list(change["after"])) == ("tvshows-prod-task", ["policy"])
    assert sorted(statements(cloud, "tvshows-prod-task")) == ["Metrics", "Traces"]

    assert [change["action"] for change in roles(state="absent")["changes"]] == ["delete", "delete"]
    assert names(cloud) == [] and not roles(state="absent")["changed"]


def test_a_policy_that_is_written_otherwise_and_means_the_same_is_left_alone(cloud):
    roles([EXECUTION])
    iam = cloud.client("iam")
    role = "tvshows-prod-execution"
    document = iam.get_role_policy(RoleName=role, PolicyName="slipway")["PolicyDocument"]
    document["Statement"].reverse()
    for statement in document["Statement"]:
        if len(statement["Resource"]) == 1:
            statement["Resource"] = statement["Resource"][0]
        if isinstance(statement["Action"], list):
            statement["Action"].reverse()
    iam.put_role_policy(RoleName=role, PolicyName="slipway", PolicyDocument=json.dumps(document))
    assert not roles([EXECUTION])["changed"]


def test_a_role_whose_making_was_cut_short_is_completed(cloud):
    roles()
    iam = cloud.client("iam")
    iam.delete_role_policy(RoleName="tvshows-prod-execution", PolicyName="slipway")
    (change,) = roles()["changes"]
    assert (change["name"], list(change["after"])) == ("tvshows-prod-execution", ["policy"])
    assert "Secrets" in statements(cloud, "tvshows-prod-execution")


def test_what_others_attach_stays_unless_it_is_purged(cloud):
    iam = cloud.client("iam")
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    one, two = (iam.create_policy(PolicyName=name, PolicyDocument=policy)["Policy"]["Arn"] for name in ("one", "two"))
    roles([TASK])
    iam.attach_role_policy(RoleName="tvshows-prod-task", PolicyArn=one)
    iam.put_role_policy(RoleName="tvshows-prod-task", PolicyName="theirs", PolicyDocument=policy)

    def attached():
        found = iam.list_attached_role_policies(RoleName="tvshows-prod-task")["AttachedPolicies"]
        return sorted(it["PolicyArn"] for it in found)

    assert not roles([TASK])["changed"]
    assert roles([{**TASK, "managed_policies": [two]}])["changed"] and attached() == [one, two]
    assert not roles([{**TASK, "managed_policies": [two]}])["changed"]
    assert roles([{**TASK, "managed_policies": [two], "purge": True}])["changed"] and attached() == [two]
    assert iam.list_role_policies(RoleName="tvshows-prod-task")["PolicyNames"] == ["slipway"]
    assert not roles([{**TASK, "managed_policies": [two], "purge": True}])["changed"]
    assert roles([TASK], state="absent")["changed"] and names(cloud) == []


def test_a_role_that_needs_nothing_any_more_loses_its_policy(cloud):
    roles([TASK])
    (change,) = roles([{"name": "task"}])["changes"]
    assert change["after"] == {"policy": {}}
    assert cloud.client("iam").list_role_policies(RoleName="tvshows-prod-task")["PolicyNames"] == []
    assert not roles([{"name": "task"}])["changed"]


def test_without_an_account_sts_is_asked(cloud):
    made = call("iam_task_role", stack=STACK, roles=[TASK])
    assert made["result"]["task_role_arn"] == "arn:aws:iam::123456789012:role/tvshows-prod-task"


def test_a_foreign_role_is_refused_and_left_on_removal(cloud):
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    tags = [{"Key": "team", "Value": "billing"}]
    cloud.client("iam").create_role(RoleName="tvshows-prod-task", AssumeRolePolicyDocument=trust, Tags=tags)
    with pytest.raises(ModuleFailed, match="team=billing"):
        roles()
    assert names(cloud) == ["tvshows-prod-task"]
    assert not roles(state="absent")["changed"] and names(cloud) == ["tvshows-prod-task"]


def test_a_name_too_long_is_refused_before_anything_is_made(cloud):
    with pytest.raises(ModuleFailed, match=r"role migration is too long.*AWS takes 64"):
        roles([TASK, {"name": "migration", "aws_name": "m" * 65}])
    assert names(cloud) == []


@pytest.mark.parametrize("operation", ["CreateRole", "PutRolePolicy"])
def test_what_aws_refuses_half_way_is_named_and_completed_by_the_next_run(cloud, operation):
    fault = {"kind": "api_error", "times": 1, "code": "AccessDeniedException", "message": "no", "status": 400}
    cloud.post("/local-cloud/faults", {**fault, "match": {"aws_service": "iam", "operation": operation}})
    with pytest.raises(ModuleFailed, match=f"AccessDeniedException from {operation}"):
        roles()
    assert roles()["changed"]
    assert not roles()["changed"]
