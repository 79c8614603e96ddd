# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib
import io
import json
import re
import sys

import pytest
from ansible.module_utils import basic

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "secrets", "tags": {"team": "tv"}}
URL = "postgresql://{database.username}:{database.password}@{database.endpoint}:{database.port}/{database.name}"
ITEMS = [
    {"name": "tv-shows-api/database-password", "kind": "generated", "length": 40, "replicas": ["us-west-2"]},
    {"name": "tv-shows-api/database-url", "kind": "composed", "value": URL},
    {"name": "tv-shows-api/redis-url", "kind": "composed", "value": "{cache.scheme}://{cache.endpoint}:6379/0"},
    {"name": "tv-shows-api/rails-master-key", "kind": "manual", "replicas": ["us-west-2"]},
]
FACTS = {
    "database": {
        "username": "app",
        "endpoint": "db.example.internal",
        "port": 5432,
        "name": "tvshows",
        "password_secret": "tv-shows-api/database-password",
    },
    "cache": {"endpoint": "cache.example.internal", "tls": True},
}
UNKNOWN = {"database": {"endpoint": "", "password_secret": "tv-shows-api/database-password"}, "cache": {}}


def secret(**arguments):
    return call("secret", **{"stack": STACK, "items": ITEMS, **arguments})


def value(cloud, name, region="us-east-1"):
    return cloud.client("secretsmanager", region).get_secret_value(SecretId=name)["SecretString"]


def steps(result):
    return [(change["action"], change["name"]) for change in result["changes"]]


def test_check_create_again_repair_remove(cloud):
    client = cloud.client("secretsmanager")
    announced = secret(check=True, facts=UNKNOWN)
    assert steps(announced) == [("create", item["name"]) for item in ITEMS]
    assert client.list_secrets()["SecretList"] == []
    assert announced["result"]["secrets"]["tv-shows-api/database-url"] == {
        "arn": "",
        "kind": "composed",
        "has_value": False,
    }

    first = secret()
    assert steps(first) == [
        ("create", "tv-shows-api/database-password"),
        ("create", "tv-shows-api/rails-master-key"),
    ]
    assert not secret()["changed"]
    second = secret(facts=FACTS)
    assert steps(second) == [("create", "tv-shows-api/database-url"), ("create", "tv-shows-api/redis-url")]
    again = secret(facts=FACTS)
    assert not again["changed"]
    password = value(cloud, "tv-shows-api/database-password")
    assert re.fullmatch(r"[A-Za-z0-9]{40}", password)
    assert value(cloud, "tv-shows-api/database-password", "us-west-2") == password
    assert value(cloud, "tv-shows-api/database-url") == (
        f"postgresql://app:{password}@db.example.internal:5432/tvshows"
    )
    assert value(cloud, "tv-shows-api/redis-url") == "rediss://cache.example.internal:6379/0"
    made = again["result"]["secrets"]
    assert {name: it["has_value"] for name, it in made.items()} == {
        "tv-shows-api/database-password": True,
        "tv-shows-api/database-url": True,
        "tv-shows-api/redis-url": True,
        "tv-shows-api/rails-master-key": False,
    }
    assert made["tv-shows-api/rails-master-key"]["arn"].startswith(
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:tv-shows-api/rails-master-key-"
    )
    assert [it["name"] for it in again["waiting"]] == ["tv-shows-api/rails-master-key"]

    client.put_secret_value(SecretId="tv-shows-api/database-url", SecretString="postgresql://elsewhere")
    repaired = secret(facts=FACTS)
    (change,) = repaired["changes"]
    assert (change["name"], change["before"], change["after"]) == (
        "tv-shows-api/database-url",
        {"value": "(value)"},
        {"value": "(new value)"},
    )
    assert value(cloud, "tv-shows-api/database-url").endswith("@db.example.internal:5432/tvshows")

    assert len(steps(secret(state="absent", recovery_days=0))) == 4
    assert client.list_secrets()["SecretList"] == []
    assert not secret(state="absent", recovery_days=0)["changed"]


def test_what_a_person_has_set_is_never_written_and_then_replicated(cloud):
    client = cloud.client("secretsmanager")
    secret()
    client.put_secret_value(SecretId="tv-shows-api/rails-master-key", SecretString="by hand")
    after = secret()
    assert [(change["name"], change["after"]) for change in after["changes"]] == [
        ("tv-shows-api/rails-master-key", {"replicas": ["us-west-2"]})
    ]
    assert value(cloud, "tv-shows-api/rails-master-key") == "by hand"
    assert after["result"]["secrets"]["tv-shows-api/rails-master-key"]["has_value"]
    assert after["waiting"] == [] and not secret()["changed"]

    client.put_secret_value(SecretId="tv-shows-api/database-password", SecretString="rotated")
    assert not secret()["changed"]
    assert value(cloud, "tv-shows-api/database-password") == "rotated"


def test_a_region_that_is_not_wanted_any_more_loses_its_replica(cloud):
    secret()
    items = [{**ITEMS[0], "replicas": []}]
    (change,) = secret(items=items)["changes"]
    assert (change["before"], change["after"]) == ({"replicas": ["us-west-2"]}, {"replicas": []})
    assert cloud.client("secretsmanager", "us-west-2").list_secrets()["SecretList"] == []


def test_a_secret_of_ours_that_waits_for_its_deletion_comes_back_with_its_value(cloud):
    items = [
        {"name": "app/all", "kind": "json", "keys": {"jwt": {"kind": "generated"}, "mail": {"kind": "manual"}}},
        {"name": "app/password", "kind": "generated"},
    ]
    secret(items=items)
    before = value(cloud, "app/all"), value(cloud, "app/password")
    assert secret(items=items, state="absent", recovery_days=7)["changed"]
    assert not secret(items=items, state="absent", recovery_days=7)["changed"]
    announced = secret(items=items, check=True)
    back = secret(items=items)
    assert steps(back) == steps(announced) == [("update", "app/all"), ("update", "app/password")]
    assert (value(cloud, "app/all"), value(cloud, "app/password")) == before
    assert not secret(items=items)["changed"]


def test_a_json_secret_keeps_what_people_write_into_it(cloud):
    client = cloud.client("secretsmanager")
    keys = {
        "jwt_secret": {"kind": "generated", "length": 64, "charset": "hex"},
        "sendgrid_api_key": {"kind": "manual"},
        "engine": {"kind": "literal", "value": "postgres"},
        "url": {"kind": "composed", "value": "postgresql://{database.endpoint}"},
    }
    items = [{"name": "rupaya/production/secrets", "kind": "json", "keys": keys}]
    made = secret(items=items)
    assert made["waiting"] == [
        {"name": "rupaya/production/secrets", "what": "set its key sendgrid_api_key", "command": ""}
    ]
    first = json.loads(value(cloud, "rupaya/production/secrets"))
    assert sorted(first) == ["engine", "jwt_secret"]
    assert re.fullmatch(r"[0-9a-f]{64}", first["jwt_secret"])
    assert not secret(items=items)["changed"]

    edited = {**first, "sendgrid_api_key": "SG.x", "extra": {"kept": True}, "engine": "mysql"}
    client.put_secret_value(SecretId="rupaya/production/secrets", SecretString=json.dumps(edited))
    (change,) = secret(items=items, facts=FACTS)["changes"]
    assert change["reason"] == "keys engine, url"
    assert json.loads(value(cloud, "rupaya/production/secrets")) == {
        **edited,
        "engine": "postgres",
        "url": "postgresql://db.example.internal",
    }
    assert secret(items=items, facts=FACTS)["waiting"] == []

    client.put_secret_value(SecretId="rupaya/production/secrets", SecretString="no object")
    with pytest.raises(ModuleFailed, match="rupaya/production/secrets is no JSON object"):
        secret(items=items)
    assert value(cloud, "rupaya/production/secrets") == "no object"


def test_a_composed_secret_whose_input_a_person_has_to_set_is_made_empty_and_filled_later(cloud):
    items = [
        {"name": "app/key", "kind": "manual"},
        {"name": "app/url", "kind": "composed", "value": "https://{secret.app/key}@{database.endpoint}"},
    ]
    made = secret(items=items, facts=FACTS)
    assert not made["result"]["secrets"]["app/url"]["has_value"] and made["result"]["secrets"]["app/url"]["arn"]
    assert [it["what"] for it in made["waiting"]] == ["set its value", "set the value of app/key"]
    assert not secret(items=items, facts=FACTS)["changed"]
    cloud.client("secretsmanager").put_secret_value(SecretId="app/key", SecretString="p@ss/word")
    assert steps(secret(items=items, facts=FACTS)) == [("update", "app/url")]
    assert value(cloud, "app/url") == "https://p%40ss%2Fword@db.example.internal"


def test_a_second_call_for_what_is_composed_leaves_the_others_alone(cloud):
    only = {"facts": FACTS, "only": "composed"}
    announced = secret(check=True, **{**only, "facts": UNKNOWN})
    assert steps(announced) == [("create", "tv-shows-api/database-url"), ("create", "tv-shows-api/redis-url")]
    early = secret(items=ITEMS[:2], **only)
    assert [it["what"] for it in early["waiting"]] == ["set the value of tv-shows-api/database-password"]
    secret()
    assert steps(secret(**only)) == [("update", "tv-shows-api/database-url"), ("create", "tv-shows-api/redis-url")]
    again = secret(**only)
    assert not again["changed"] and all(it["arn"] for it in again["result"]["secrets"].values())


def test_tags_description_and_key_are_put_right_and_the_tags_of_others_stay(cloud):
    client = cloud.client("secretsmanager")
    items = [{"name": "app/a", "kind": "generated", "description": "first", "kms_key": "alias/one"}]
    secret(items=items)
    before = value(cloud, "app/a")
    client.tag_resource(SecretId="app/a", Tags=[{"Key": "team", "Value": "x"}, {"Key": "cost", "Value": "7"}])
    items[0].update(description="second", kms_key="alias/two")
    (change,) = secret(items=items)["changes"]
    assert {field: change["after"][field] for field in ("description", "kms_key")} == {
        "description": "second",
        "kms_key": "alias/two",
    }
    now = client.describe_secret(SecretId="app/a")
    assert (now["Description"], now["KmsKeyId"]) == ("second", "alias/two")
    tags = {tag["Key"]: tag["Value"] for tag in now["Tags"]}
    assert tags == {
        "slipway:stack": "tvshows",
        "slipway:environment": "prod",
        "slipway:role": "secrets",
        "slipway:kind": "generated",
        "team": "tv",
        "cost": "7",
    }
    assert value(cloud, "app/a") == before and not secret(items=items)["changed"]


def test_replicas_and_key_of_all_items_give_way_to_an_items_own(cloud):
    client = cloud.client("secretsmanager")
    items = [{"name": "app/a", "kind": "generated"}, {"name": "app/b", "kind": "generated", "replicas": []}]
    more = {"items": items, "replicas": ["us-west-2"], "kms_key": "alias/all"}
    secret(**more)
    found = {name: client.describe_secret(SecretId=name) for name in ("app/a", "app/b")}
    assert [it["Region"] for it in found["app/a"]["ReplicationStatus"]] == ["us-west-2"]
    assert not found["app/b"].get("ReplicationStatus")
    assert {it["KmsKeyId"] for it in found.values()} == {"alias/all"}
    assert not secret(**more)["changed"]


def test_a_foreign_secret_is_refused_and_left_on_removal(cloud):
    client = cloud.client("secretsmanager")
    client.create_secret(
        Name="tv-shows-api/rails-master-key", SecretString="theirs", Tags=[{"Key": "team", "Value": "billing"}]
    )
    with pytest.raises(ModuleFailed, match="team=billing"):
        secret()
    assert [it["Name"] for it in client.list_secrets()["SecretList"]] == ["tv-shows-api/rails-master-key"]
    assert not secret(state="absent")["changed"]
    assert value(cloud, "tv-shows-api/rails-master-key") == "theirs"


def test_an_input_that_is_missing_in_a_real_run_is_named_with_the_role_that_gives_it(cloud):
    with pytest.raises(
        ModuleFailed, match=r"database-url cannot be composed: \{database\.username\} is not known.*Role"
    ):
        secret(facts=UNKNOWN)


def test_bad_items_are_refused_before_anything_is_made(cloud):
    with pytest.raises(ModuleFailed, match="app/b: kind composed needs `value`"):
        secret(items=[{"name": "app/a", "kind": "generated"}, {"name": "app/b", "kind": "composed"}])
    assert cloud.client("secretsmanager").list_secrets()["SecretList"] == []


def test_no_value_leaves_the_module_and_no_short_literal_is_masked_in_names(cloud, monkeypatch, capsys):
    """The real way out, with the invocation that Ansible adds and the masking that it does."""
    items = [
        {"name": "app/production", "kind": "json", "keys": {"env": {"kind": "literal", "value": "production"}}},
        {"name": "app/token", "kind": "json", "keys": {"token": {"kind": "literal", "value": "s3cr3t-literal"}}},
        {"name": "app/generated", "kind": "generated"},
        {"name": "app/url", "kind": "composed", "value": "https://u:hunter2hunter2@{secret.app/generated}"},
    ]
    keys = {"access_key": "AKIAEXAMPLE", "secret_key": "aws-secret-key", "region": "us-east-1"}
    arguments = {"stack": STACK, "items": items, "facts": {}, "_ansible_diff": True, **keys}
    payload = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", payload)
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    module = importlib.import_module("ansible_collections.slipway.aws.plugins.modules.secret")
    with pytest.raises(SystemExit):
        module.main()
    printed = capsys.readouterr().out
    answer = json.loads(printed)
    assert answer["invocation"]["module_args"]["items"][0]["keys"] == "(value)"
    assert answer["result"]["secrets"]["app/production"]["arn"].split(":")[-1].startswith("app/production-")
    made = [value(cloud, "app/generated"), "s3cr3t-literal", "hunter2hunter2", "aws-secret-key"]
    assert [text for text in made if text in printed] == []


@pytest.mark.parametrize("operation", ["CreateSecret", "PutSecretValue", "ReplicateSecretToRegions"])
def test_what_aws_refuses_half_way_is_named_without_a_value_and_completed_by_the_next_run(cloud, operation):
    old = [{**ITEMS[0], "replicas": []}, {**ITEMS[1], "value": "old"}]
    if operation != "CreateSecret":
        secret(items=old, facts=FACTS)
    fault = {"kind": "api_error", "times": 1, "code": "AccessDeniedException", "message": "no", "status": 400}
    cloud.post("/local-cloud/faults", {**fault, "match": {"aws_service": "secretsmanager", "operation": operation}})
    with pytest.raises(ModuleFailed, match=f"AccessDeniedException from {operation}") as failure:
        secret(facts=FACTS)
    assert secret(facts=FACTS)["changed"] and not secret(facts=FACTS)["changed"]
    assert value(cloud, "tv-shows-api/database-password") not in json.dumps(failure.value.result)
