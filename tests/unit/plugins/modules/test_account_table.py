# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.support.modules import ModuleFailed, call

GIVEN = {
    "account_id": "111122223333",
    "tables": [{"name": "leases", "keys": ["stack", "item"]}, {"name": "releases", "keys": ["stack", "id"]}],
    "tags": {"team": "tv"},
}


def recovery(client, name):
    found = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    return found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]


def test_check_create_again_repair(cloud):
    client = cloud.client("dynamodb")
    announced = call("account_table", check=True, **GIVEN)
    assert [it["name"] for it in announced["changes"]] == ["leases", "releases"]
    assert announced["tables"] == {"leases": "", "releases": ""} and client.list_tables()["TableNames"] == []

    made = call("account_table", **GIVEN)
    assert made["changes"] == announced["changes"] and made["tables"]["leases"].endswith(":table/leases")
    table = client.describe_table(TableName="leases")["Table"]
    assert table["KeySchema"] == [
        {"AttributeName": "stack", "KeyType": "HASH"},
        {"AttributeName": "item", "KeyType": "RANGE"},
    ]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST" and table["DeletionProtectionEnabled"]
    assert recovery(client, "leases") == recovery(client, "releases") == "ENABLED"
    tags = {it["Key"]: it["Value"] for it in client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]}
    assert tags == {"slipway:account": "111122223333", "team": "tv"}
    assert not call("account_table", **GIVEN)["changed"]

    client.update_continuous_backups(
        TableName="leases", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    client.update_table(TableName="releases", DeletionProtectionEnabled=False)
    repaired = call("account_table", **GIVEN)
    assert [(it["name"], it["after"]) for it in repaired["changes"]] == [
        ("leases", {"recovery": True}),
        ("releases", {"protected": True}),
    ]
    assert recovery(client, "leases") == "ENABLED" and not call("account_table", **GIVEN)["changed"]


def test_removed_only_where_it_is_not_protected(cloud):
    client = cloud.client("dynamodb")
    call("account_table", **GIVEN)
    with pytest.raises(ModuleFailed, match="account_protected: false"):
        call("account_table", state="absent", **GIVEN)
    assert client.list_tables()["TableNames"] == ["leases", "releases"]
    open_ = {**GIVEN, "tables": [{**it, "protected": False} for it in GIVEN["tables"]]}
    assert call("account_table", check=True, state="absent", **open_)["changed"]
    assert call("account_table", state="absent", **open_)["changed"] and client.list_tables()["TableNames"] == []
    assert not call("account_table", state="absent", **open_)["changed"]


@pytest.mark.parametrize(
    ("keys", "tags", "message"),
    [
        pytest.param(["stack", "item"], {"team": "billing"}, "team=billing", id="somebody else's table"),
        pytest.param(["id"], {"slipway:account": "111122223333"}, "keys is", id="other keys"),
    ],
)
def test_a_table_that_cannot_be_used_is_left_alone(cloud, keys, tags, message):
    client = cloud.client("dynamodb")
    client.create_table(
        TableName="leases",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": k, "KeyType": t} for k, t in zip(keys, ("HASH", "RANGE"), strict=False)],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    with pytest.raises(ModuleFailed, match=message):
        call("account_table", **GIVEN)
    assert client.list_tables()["TableNames"] == ["leases"]
