# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._vpc.flow_log.apply import created_verdict
from ansible_collections.slipway.aws.plugins.module_utils._vpc.flow_log.plan import (
    desired,
    partition,
    plan,
    plan_removal,
    problems,
    trust,
)

STACK = Stack("tvshows", "prod", "networking")
NOTHING = {"log_group": None, "role": None, "flow_log": None}


def wanted(**settings):
    return desired({"vpc_id": "vpc-1", "retention_days": 30, **settings}, STACK, "us-east-1")


def made(**settings):
    found = wanted(**settings)
    found["flow_log"].update(id="fl-1", interval=600)
    return found


def test_names_and_the_destination():
    want = wanted()
    assert want["log_group"]["name"] == want["flow_log"]["log_group"] == "/vpc/tvshows-prod/flow-logs"
    assert want["role"]["name"] == want["flow_log"]["role"] == "tvshows-prod-flow-logs"
    assert want["flow_log"]["traffic"] == "ALL"
    assert wanted(log_group="/mine")["flow_log"]["log_group"] == "/mine"


def test_everything_is_made_in_order_and_nothing_twice():
    kinds = [change.resource for change in plan(NOTHING, wanted(), STACK)]
    assert kinds == ["log group", "IAM role", "flow log"]
    assert plan(made(), wanted(), STACK) == []


def test_another_vpc_makes_a_new_flow_log():
    (change,) = plan(made(), wanted(vpc_id="vpc-2"), STACK)
    assert change.reason == "made anew, as AWS asks: vpc vpc-1 -> vpc-2"


def test_in_check_mode_before_there_is_a_vpc_the_flow_log_stays():
    assert plan(made(), wanted(vpc_id=""), STACK) == []


def test_removal_leaves_what_is_not_ours():
    current = made()
    current["log_group"]["tags"] = {"team": "billing"}
    assert [change.resource for change in plan_removal(current, wanted(), STACK)] == ["flow log", "IAM role"]


def test_the_role_serves_one_account():
    assert "Condition" not in trust(None, "us-east-1")["Statement"][0]
    condition = trust("111122223333", "cn-north-1")["Statement"][0]["Condition"]
    assert condition["ArnLike"]["aws:SourceArn"] == "arn:aws-cn:ec2:cn-north-1:111122223333:vpc-flow-log/*"


@pytest.mark.parametrize(
    ("region", "expected"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_partitions(region, expected):
    assert partition(region) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({"retention_days": 30}, 0, id="a month"),
        pytest.param({"retention_days": 0}, 0, id="for ever"),
        pytest.param({}, 0, id="nothing given"),
        pytest.param({"log_group": "/vpc/mine"}, 0, id="a log group of one's own"),
        pytest.param({"log_group": "vpc logs"}, 1, id="a log group with a blank"),
        pytest.param({"retention_days": 31, "interval": 30}, 2, id="two things that AWS does not know"),
    ],
)
def test_problems(settings, expected):
    assert len(problems(settings)) == expected


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        pytest.param(("fl-1", ""), "done", id="made"),
        pytest.param(("", "InvalidParameter: Unable to assume given IAM role"), "pending", id="the role is too new"),
        pytest.param(("", "FlowLogAlreadyExists: There is an equal one"), "failed", id="AWS has another reason"),
    ],
)
def test_an_answer_of_create_flow_logs_is_judged(answer, state):
    assert created_verdict(answer).state == state


def test_a_role_with_too_long_a_name_is_found_before_iam_refuses_it():
    (found,) = problems({"retention_days": 30}, "x" * 55)
    assert "that is 65 characters, IAM takes 64" in found
    assert problems({}, "x" * 55) == []
