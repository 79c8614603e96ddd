# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._secrets.describe import bare_key, describe
from ansible_collections.slipway.aws.plugins.module_utils._secrets.plan import plan, plan_removal, plan_restore
from ansible_collections.slipway.aws.plugins.module_utils._secrets.values import Decision

STACK = Stack("tvshows", "prod", "secrets", {})
OURS = {
    "slipway:stack": "tvshows",
    "slipway:environment": "prod",
    "slipway:role": "secrets",
    "slipway:kind": "generated",
}


def have(**fields):
    base = {
        "arn": "a",
        "description": "",
        "kms_key": "",
        "replicas": {},
        "has_value": True,
        "deleted": False,
        "primary": "",
        "tags": dict(OURS),
    }
    return {**base, **fields}


@pytest.mark.parametrize(
    ("current", "item", "decision", "after"),
    [
        pytest.param({}, {}, Decision(), None, id="nothing differs"),
        pytest.param({}, {}, Decision("x"), {"value": "(new value)"}, id="another value is wanted"),
        pytest.param({"description": "d"}, {}, Decision(), None, id="a description that is not given stays"),
        pytest.param({}, {"kms_key": "arn:aws:kms:r:1:alias/k"}, Decision(), {"kms_key": "alias/k"}, id="a KMS key"),
        pytest.param({"kms_key": "k1"}, {"kms_key": "k1"}, Decision(), None, id="the same KMS key"),
        pytest.param({"replicas": {"b": ""}}, {}, Decision(), None, id="replicas that are not given stay"),
        pytest.param({"replicas": {"b": ""}}, {"replicas": ["b"]}, Decision(), None, id="the same replicas"),
        pytest.param({"replicas": {"b": ""}}, {"replicas": []}, Decision(), {"replicas": []}, id="no replicas"),
        pytest.param({"replicas": {"b": "why"}}, {"replicas": ["b"]}, Decision(), {"replicas": ["b"]}, id="one failed"),
        pytest.param(
            {"has_value": False}, {"replicas": ["b"]}, Decision(), None, id="replicas wait until there is a value"
        ),
        pytest.param({"tags": {**OURS, "cost": "7"}}, {}, Decision(), None, id="a tag of somebody else stays"),
    ],
)
def test_an_existing_secret(current, item, decision, after):
    items = [{"name": "app/a", "kind": "generated", **item}]
    found = plan({"app/a": have(**current)}, items, {"app/a": decision}, STACK)
    assert [change.after for change in found] == ([] if after is None else [after])


def test_a_plan_shows_no_value():
    decisions = {"app/a": Decision("hunter2"), "app/b": Decision("hunter2", keys=("k",))}
    items = [{"name": "app/a", "kind": "generated"}, {"name": "app/b", "kind": "json"}]
    changes = plan({"app/b": have(tags={**OURS, "slipway:kind": "json"})}, items, decisions, STACK)
    assert [change.action for change in changes] == ["create", "update"]
    assert "hunter2" not in repr(changes)


def test_what_is_left_for_later_is_not_created():
    items = [{"name": "app/a", "kind": "composed"}]
    assert plan({}, items, {"app/a": Decision(later=True)}, STACK) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"tags": {**OURS, "slipway:stack": "jiki"}}, "stack jiki-prod", id="of another stack"),
        pytest.param({"primary": "us-west-2"}, "is a replica of the one in us-west-2", id="a replica"),
    ],
)
def test_what_is_refused(fields, words):
    with pytest.raises(SlipwayError, match=words):
        plan_restore({"app/a": have(**fields)}, ["app/a"], STACK)


def test_only_what_waits_for_its_deletion_is_restored():
    current = {"app/a": have(deleted=True), "app/b": have()}
    assert [change.name for change in plan_restore(current, ["app/a", "app/b", "app/c"], STACK)] == ["app/a"]


def test_removal_leaves_what_is_not_ours_and_what_is_on_its_way_out():
    current = {"a": have(), "b": have(tags={}), "c": have(deleted=True), "d": have(primary="us-west-2")}
    assert [change.name for change in plan_removal(current, STACK)] == ["a"]


def test_describe_reads_what_describe_secret_answers():
    answer = {
        "ARN": "arn",
        "KmsKeyId": "arn:aws:kms:us-east-1:1:key/abc",
        "PrimaryRegion": "us-east-1",
        "VersionIdsToStages": {"1": ["AWSPREVIOUS"], "2": ["AWSCURRENT"]},
        "ReplicationStatus": [
            {"Region": "us-west-2", "Status": "InSync"},
            {"Region": "eu-west-1", "Status": "Failed", "StatusMessage": "name taken"},
        ],
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    assert describe(answer, "us-east-1") == {
        "arn": "arn",
        "description": "",
        "kms_key": "abc",
        "replicas": {"us-west-2": "", "eu-west-1": "name taken"},
        "has_value": True,
        "deleted": False,
        "primary": "",
        "tags": {"a": "b"},
    }
    assert describe({"ARN": "arn"}, "us-east-1")["has_value"] is False


def test_a_key_is_the_same_by_any_of_its_names():
    assert bare_key("arn:aws:kms:us-east-1:1:key/abc") == bare_key("abc") == "abc"
    assert bare_key("arn:aws:kms:us-east-1:1:alias/x") == bare_key("alias/x") == "alias/x"
