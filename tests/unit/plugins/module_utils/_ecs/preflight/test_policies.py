# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.policies import decide, trusts

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/key-AbCdEf"
ALLOW = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": ARN}
VIA = {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
ASSUME = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("statements", "decision"),
    [
        pytest.param([], "denied", id="nothing is said"),
        pytest.param([ALLOW], "allowed", id="exactly this is allowed"),
        pytest.param([{**ALLOW, "Action": ["ecr:*", "secretsmanager:get*"]}], "allowed", id="actions have no case"),
        pytest.param([{**ALLOW, "Resource": f"{ARN[:-6]}??????"}], "allowed", id="six characters are added by AWS"),
        pytest.param([{**ALLOW, "Resource": "*"}, {**ALLOW, "Effect": "Deny"}], "denied", id="a deny wins"),
        pytest.param([{**ALLOW, "Resource": "arn:aws:x"}], "denied", id="another resource is allowed"),
        pytest.param([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "allowed", id="all but others"),
        pytest.param([{**ALLOW, "Condition": {"Bool": {"aws:x": "true"}}}], "unclear", id="allowed on a condition"),
        pytest.param(
            [ALLOW, {**ALLOW, "Effect": "Deny", "Condition": {"Bool": {"aws:x": "true"}}}],
            "unclear",
            id="denied on a condition",
        ),
        pytest.param([{**ALLOW, "Condition": VIA}], "allowed", id="the condition is known and holds"),
        pytest.param(
            [{**ALLOW, "Condition": {"StringEquals": {"kms:ViaService": ["s3.us-east-1.amazonaws.com"]}}}],
            "denied",
            id="the condition is known and does not hold",
        ),
    ],
)
def test_documents_are_judged(statements, decision):
    context = {"kms:viaservice": "secretsmanager.us-east-1.amazonaws.com"}
    assert decide([{"Statement": statements}], "secretsmanager:GetSecretValue", ARN, context) == decision


@pytest.mark.parametrize(
    ("statement", "trusted"),
    [
        pytest.param(ASSUME, True, id="ECS is named"),
        pytest.param({**ASSUME, "Principal": {"Service": ["ec2.amazonaws.com"]}}, False, id="another service is named"),
        pytest.param({**ASSUME, "Effect": "Deny"}, False, id="it is denied"),
        pytest.param({**ASSUME, "Action": "sts:TagSession"}, False, id="another action"),
        pytest.param(
            {**ASSUME, "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}, True, id="this account"
        ),
        pytest.param(
            {**ASSUME, "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}},
            False,
            id="another account",
        ),
        pytest.param(
            {**ASSUME, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:ecs:*"}}}, True, id="what cannot be judged"
        ),
    ],
)
def test_trust_policies_are_judged(statement, trusted):
    assert trusts({"Statement": statement}, "111122223333") is trusted
