# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import random

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import (
    Place,
    decrypt,
    document,
    normal,
    tables,
    trust,
)
from ansible_collections.slipway.aws.plugins.module_utils._iam.uses import needs
from hypothesis import given
from hypothesis import strategies as st

PLACE = Place("111122223333", "eu-west-1")


def by_sid(role):
    return {statement["Sid"]: statement for statement in document(role, PLACE)["Statement"]}


def test_a_role_that_uses_nothing_has_no_policy():
    assert document({"name": "task"}, PLACE) is None


@pytest.mark.parametrize(
    ("role", "sids"),
    [
        pytest.param({"repositories": ["a"]}, ["Registry", "Pull"], id="images"),
        pytest.param({"log_groups": ["/a"]}, ["Logs"], id="logs"),
        pytest.param({"secrets": ["a"]}, ["Secrets"], id="secrets"),
        pytest.param({"metrics_namespaces": ["A"]}, ["Metrics"], id="metrics"),
        pytest.param({"xray": True}, ["Traces"], id="traces"),
        pytest.param({"exec": True}, ["Exec"], id="a shell"),
        pytest.param({"buckets": [{"name": "a"}]}, ["Buckets", "Objects", "ObjectsWritten"], id="a bucket"),
        pytest.param({"buckets": [{"name": "a", "access": "read"}]}, ["Buckets", "Objects"], id="a bucket to read"),
        pytest.param({"tables": [{"name": "a", "access": "read"}]}, ["Items"], id="a table to read"),
        pytest.param({"statements": [{"Sid": "Mine"}]}, ["Mine"], id="a statement as it is"),
    ],
)
def test_each_use_gives_its_own_statements(role, sids):
    assert list(by_sid(role)) == sids


def test_only_calls_without_resources_are_allowed_on_everything():
    role = {
        "repositories": ["a"],
        "log_groups": ["/a"],
        "secrets": ["a"],
        "kms_keys": ["k"],
        "metrics_namespaces": ["A"],
        "xray": True,
        "exec": True,
        "buckets": [{"name": "a"}],
        "tables": [{"name": "a"}],
    }
    open_ones = [sid for sid, statement in by_sid(role).items() if "*" in statement["Resource"]]
    assert open_ones == ["Registry", "Metrics", "Traces", "Exec"]
    assert not [s for s in by_sid(role).values() for action in s["Action"] if action.endswith("*")]


def test_a_secret_is_named_by_pattern_key_or_arn():
    arn = "arn:aws:secretsmanager:eu-west-1:1:secret:x-abcdef"
    assert by_sid({"secrets": ["app/a#k", "app/a", arn]})["Secrets"]["Resource"] == [
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/a-??????",
        arn,
    ]


def test_a_key_by_alias_becomes_a_condition():
    plain, alias = decrypt(["abc", "alias/app", "arn:aws:kms:eu-west-1:1:key/def"], PLACE)
    via = {"StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}}
    assert plain["Resource"] == [
        "arn:aws:kms:eu-west-1:111122223333:key/abc",
        "arn:aws:kms:eu-west-1:1:key/def",
    ]
    assert plain["Condition"] == via
    assert alias["Resource"] == ["arn:aws:kms:eu-west-1:111122223333:key/*"]
    assert alias["Condition"] == {**via, "ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/app"]}}


def test_a_table_comes_with_its_indexes():
    read, written = tables([{"name": "a"}], PLACE)
    assert read["Resource"] == [
        "arn:aws:dynamodb:eu-west-1:111122223333:table/a",
        "arn:aws:dynamodb:eu-west-1:111122223333:table/a/index/*",
    ]
    assert written["Resource"] == ["arn:aws:dynamodb:eu-west-1:111122223333:table/a"]


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_partition_follows_from_the_region(region, partition):
    assert Place("1", region).role("x") == f"arn:{partition}:iam::1:role/x"


def test_a_role_is_taken_for_this_account_alone():
    (tasks,) = trust("ecs-tasks.amazonaws.com", PLACE)["Statement"]
    assert tasks["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "111122223333"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ecs:eu-west-1:111122223333:*"},
    }
    (other,) = trust("lambda.amazonaws.com", PLACE)["Statement"]
    assert "ArnLike" not in other["Condition"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"Action": "a"}, {"Action": ["a"]}, True, id="one action as a list"),
        pytest.param({"Action": ["b", "a"]}, {"Action": ["a", "b"]}, True, id="another order"),
        pytest.param({"Resource": "x"}, {"Resource": "y"}, False, id="another resource"),
        pytest.param({"Effect": "Deny"}, {"Effect": "Allow"}, False, id="the opposite"),
        pytest.param(
            {"Condition": {"Bool": {"k": True}}}, {"Condition": {"Bool": {"k": ["true"]}}}, True, id="a boolean as text"
        ),
        pytest.param({"Principal": {"Service": "s"}}, {"Principal": {"Service": ["s"]}}, True, id="one principal"),
        pytest.param({"Principal": "*"}, {"Principal": {"AWS": "x"}}, False, id="everybody"),
    ],
)
def test_policies_are_compared_by_what_they_mean(one, other, same):
    whole = {"Version": "2012-10-17", "Statement": [{"Sid": "z"}, one]}
    single = {"Version": "2012-10-17", "Statement": [other, {"Sid": "z"}]}
    assert (normal(whole) == normal(single)) is same
    assert normal({"Version": "2012-10-17", "Statement": one}) == normal({"Version": "2012-10-17", "Statement": [one]})


WORDS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": WORDS, "Resource": WORDS},
    optional={"Condition": st.fixed_dictionaries({"StringEquals": st.fixed_dictionaries({"k": WORDS})})},
)


@given(st.lists(STATEMENTS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_order_and_single_values_never_matter(statements, chance: random.Random):
    other = json.loads(json.dumps(statements))
    chance.shuffle(other)
    for statement in other:
        for field in ("Action", "Resource"):
            chance.shuffle(statement[field])
            if len(statement[field]) == 1:
                (statement[field],) = statement[field]
    policy = normal({"Version": "2012-10-17", "Statement": statements})
    assert normal({"Statement": other, "Version": "2012-10-17"}) == policy == normal(policy)


def test_what_task_definitions_need():
    definitions = [
        {
            "name": "api",
            "containers": [
                {"name": "web", "secrets": {"URL": "app/url", "JWT": "app/all#jwt"}},
                {"name": "sidekiq", "secrets": {"URL": "app/url"}, "log_group": "/ecs/sidekiq"},
            ],
        },
        {"name": "other", "execution_role": "other", "containers": [{"name": "x", "secrets": {"A": "app/other"}}]},
    ]
    assert needs(definitions) == {"secrets": ["app/all", "app/url"], "log_groups": ["/ecs/sidekiq"]}
    assert needs(definitions, "other") == {"secrets": ["app/other"], "log_groups": []}
    assert needs([]) == {"secrets": [], "log_groups": []}
