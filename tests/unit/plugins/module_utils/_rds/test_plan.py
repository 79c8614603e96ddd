# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._rds.plan import (
    deferred,
    desired,
    parameters_differ,
    plan,
    plan_removal,
)

STACK = Stack("tvshows", "prod", "database", {"team": "tv"})
OURS = {"slipway:stack": "tvshows", "slipway:environment": "prod", "slipway:role": "database", "team": "tv"}
NAME = "tvshows-prod"
GROUP = "tvshows-prod-postgres16"
SPEC = {
    "engine": "postgres",
    "engine_version": "16",
    "instance_class": "db.t3.micro",
    "identifier": NAME,
    "name": "tvshows",
    "username": "app",
    "port": 5432,
    "storage": {"type": "gp3", "gb": 100, "max_gb": 500},
    "backup": {"days": 7, "window": "03:00-04:00"},
    "parameters": {"max_connections": 200},
    "subnets": ["subnet-a", "subnet-b"],
    "security_groups": ["sg-1"],
    "vpc_id": "vpc-1",
    "encrypted": True,
    "multi_az": False,
    "deletion_protection": True,
    "log_exports": ["postgresql"],
}


def instance(**fields):
    base = {
        "arn": "arn", "status": "available", "engine": "postgres", "engine_version": "16.4", "class": "db.t3.micro",
        "storage_type": "gp3", "gb": 100, "max_gb": 500, "iops": 3000, "throughput": 125, "encrypted": True,
        "kms_key": "arn:aws:kms:us-east-1:1:key/abc", "multi_az": False, "parameter_group": GROUP,
        "parameter_status": "in-sync", "subnet_group": NAME, "vpc": "vpc-1", "security_groups": {"sg-1"},
        "backup_days": 7, "backup_window": "03:00-04:00", "maintenance_window": "sun:04:00-sun:05:00",
        "deletion_protection": True, "copy_tags": True, "public": False, "performance_insights": False,
        "monitoring_interval": 0, "monitoring_role": "", "log_exports": {"postgresql"}, "auto_minor_upgrade": True,
        "ca_certificate": "rds-ca-rsa2048-g1", "name": "tvshows", "username": "app", "endpoint": "e", "port": 5432,
        "source": "", "replicas": [], "pending": {}, "tags": dict(OURS),
    }  # fmt: skip
    return {**base, **fields}


def reader(**fields):
    return instance(**{"source": NAME, "deletion_protection": False, **fields})


def what_is(instances=None, **fields):
    base = {
        "subnet_group": {"arn": "a", "vpc": "vpc-1", "subnets": {"subnet-a", "subnet-b"}, "tags": dict(OURS)},
        "parameter_group": {
            "arn": "p", "family": "postgres16", "parameters": {"max_connections": "200"}, "tags": dict(OURS),
        },
        "instances": {NAME: instance()} if instances is None else instances,
    }  # fmt: skip
    return {**base, **fields}


EMPTY = {"subnet_group": None, "parameter_group": None, "instances": {}}


def changes(current, spec=None, **options):
    return plan(current, desired({**SPEC, **(spec or {})}, STACK), STACK, identifier=NAME, **options)


def test_an_empty_account_gets_groups_then_the_instance_then_its_replicas():
    found = changes(EMPTY, {"replicas": 2})
    assert [(change.action, change.resource, change.name) for change in found] == [
        ("create", "database subnet group", NAME),
        ("create", "database parameter group", GROUP),
        ("create", "database instance", NAME),
        ("create", "database read replica", f"{NAME}-replica-1"),
        ("create", "database read replica", f"{NAME}-replica-2"),
    ]
    assert found[2].after["gb"] == 100
    assert found[2].after["tags"] == OURS
    assert found[1].after["parameters"] == {"max_connections": "200"}
    assert "password" not in str(found).lower()


def test_ids_that_are_not_known_yet_do_not_stop_a_plan():
    found = changes(EMPTY, {"subnets": ["", ""], "security_groups": [""], "vpc_id": ""})
    assert len(found) == 3
    assert "security_groups" not in found[2].after


@pytest.mark.parametrize(
    ("have", "want", "after"),
    [
        pytest.param({}, {}, None, id="nothing differs"),
        pytest.param({"engine_version": "16.9"}, {"engine_version": "16.4"}, None, id="a newer minor version stays"),
        pytest.param({}, {"engine_version": "16.9"}, {"engine_version": "16.9"}, id="a minor upgrade is asked for"),
        pytest.param({"gb": 240}, {}, None, id="storage that grew by itself stays"),
        pytest.param({}, {"storage": {"gb": 200}}, {"gb": 200}, id="storage grows"),
        pytest.param({"max_gb": 0}, {}, {"max_gb": 500}, id="autoscaling was switched off by hand"),
        pytest.param({}, {"storage": {"max_gb": 0}}, {"max_gb": 0}, id="autoscaling is switched off"),
        pytest.param({}, {"instance_class": "db.r5.large"}, {"class": "db.r5.large"}, id="another class"),
        pytest.param(
            {"pending": {"class": "db.r5.large"}}, {"instance_class": "db.r5.large"}, None, id="AWS was told already"
        ),
        pytest.param(
            {"pending": {"class": "db.r5.large"}}, {}, {"class": "db.t3.micro"}, id="a pending change nobody wants"
        ),
        pytest.param({"multi_az": True}, {"multi_az": None}, None, id="what is left out is not managed"),
        pytest.param({"backup_days": 1}, {}, {"backup_days": 7}, id="backups were shortened by hand"),
        pytest.param({"deletion_protection": False}, {}, {"deletion_protection": True}, id="protection was taken off"),
        pytest.param({"public": True}, {}, {"public": False}, id="it was made public"),
        pytest.param({"security_groups": {"sg-1", "sg-9"}}, {}, {"security_groups": {"sg-1"}}, id="a group too many"),
        pytest.param(
            {"security_groups": {"sg-9"}}, {"security_groups": [""]}, None, id="groups that are not known yet"
        ),
        pytest.param({"log_exports": None}, {}, None, id="log exports under way"),
        pytest.param({"backup_window": "05:00-06:00"}, {}, {"backup_window": "03:00-04:00"}, id="another window"),
        pytest.param(
            {"maintenance_window": "sun:04:00-sun:05:00"},
            {"maintenance_window": "Sun:04:00-Sun:05:00"},
            None,
            id="capitals in a window",
        ),
        pytest.param({}, {"kms_key": "abc"}, None, id="a key by its id"),
        pytest.param({}, {"kms_key": "alias/tv"}, None, id="a key by its alias"),
        pytest.param({"tags": {**OURS, "cost": "7"}}, {}, None, id="a tag of somebody else stays"),
        pytest.param({"tags": {**OURS, "team": "x"}}, {}, {"tags": OURS}, id="our tag is put right"),
        pytest.param(
            {},
            {"monitoring_interval": 60, "monitoring_role_arn": "r"},
            {"monitoring_interval": 60, "monitoring_role": "r"},
            id="monitoring is switched on",
        ),
    ],
)
def test_an_existing_instance(have, want, after):
    found = changes(what_is({NAME: instance(**have)}), want)
    assert [change.after for change in found] == ([] if after is None else [after])


@pytest.mark.parametrize(
    ("have", "want", "words"),
    [
        pytest.param({"encrypted": False}, {}, "encrypted is False, wanted True", id="encryption"),
        pytest.param({"username": "root"}, {}, "username is root", id="the master user"),
        pytest.param({"name": "other"}, {}, "name is other", id="the database's name"),
        pytest.param({"vpc": "vpc-9"}, {}, "vpc is vpc-9", id="another VPC"),
        pytest.param({}, {"kms_key": "def"}, "kms_key", id="another key"),
        pytest.param(
            {"engine_version": "16.4"}, {"engine_version": "15"}, "cannot go back", id="an older major version"
        ),
        pytest.param({"engine_version": "15.4"}, {}, "database_major_upgrade: true", id="a newer major version"),
        pytest.param({}, {"storage": {"gb": 105}}, "database_storage.gb to 110", id="growth of less than a tenth"),
        pytest.param({"status": "deleting"}, {}, "being deleted", id="it is on its way out"),
    ],
)
def test_what_aws_cannot_do_is_refused_before_anything_is_touched(have, want, words):
    with pytest.raises(SlipwayError, match=words.replace("(", r"\(")):
        changes(what_is({NAME: instance(**have)}), want)


def test_a_major_upgrade_that_is_asked_for_takes_a_new_parameter_group_along():
    found = changes(what_is(parameter_group=None), {"engine_version": "17"}, major_upgrade=True)
    assert [(change.action, change.name) for change in found] == [("create", f"{NAME}-postgres17"), ("update", NAME)]
    assert found[0].after["family"] == "postgres17"
    assert found[1].after == {"engine_version": "17", "parameter_group": f"{NAME}-postgres17"}


def test_a_change_that_interrupts_says_that_it_waits_unless_it_is_to_be_made_now():
    (later,) = changes(what_is(), {"instance_class": "db.r5.large"})
    (now,) = changes(what_is(), {"instance_class": "db.r5.large"}, now=True)
    assert (later.reason, now.reason) == ("in the maintenance window: class", "")


def test_what_waits_for_the_window_is_made_now_when_that_is_asked_for():
    waiting = what_is({NAME: instance(pending={"class": "db.r5.large"})})
    (change,) = changes(waiting, {"instance_class": "db.r5.large"}, now=True)
    assert change.after == {"class": "db.r5.large"}


def test_parameters_are_exact_and_static_ones_say_that_they_wait():
    group = {**what_is()["parameter_group"], "parameters": {"max_connections": "100", "log_statement": "all"}}
    (change,) = changes(what_is(parameter_group=group), static=["max_connections"])
    assert change.before["parameters"] == {"log_statement": "all", "max_connections": "100"}
    assert change.after == {"parameters": {"log_statement": None, "max_connections": "200"}}
    assert change.reason == "in force after a reboot: max_connections"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(True, "1", id="on"),
        pytest.param(["pg_stat_statements", "auto_explain"], "pg_stat_statements,auto_explain", id="a list"),
        pytest.param(0.5, "0.5", id="a number"),
    ],
)
def test_parameters_are_texts_as_aws_holds_them(value, text):
    wanted = desired({**SPEC, "parameters": {"p": value}}, STACK)
    assert wanted["parameter_group"]["parameters"] == {"p": text}
    assert parameters_differ(what_is(), wanted)


def test_a_reboot_is_planned_only_where_it_waits_and_is_asked_for():
    waiting = what_is({NAME: instance(parameter_status="pending-reboot")})
    assert changes(waiting) == []
    (change,) = changes(waiting, reboot=True)
    assert (change.resource, change.name) == ("database reboot", NAME)
    assert changes(what_is(), reboot=True) == []


def test_replicas_above_the_count_go_and_those_of_others_stay():
    instances = {
        NAME: instance(),
        f"{NAME}-replica-1": reader(),
        f"{NAME}-replica-2": reader(),
        f"{NAME}-replica-3": reader(tags={"owner": "billing"}),
    }
    (change,) = changes(what_is(instances), {"replicas": 1})
    assert (change.action, change.name) == ("delete", f"{NAME}-replica-2")


def test_a_replica_follows_its_source_but_for_what_is_its_own():
    found = changes(
        what_is({NAME: instance(), f"{NAME}-replica-1": reader(class_="x", backup_days=0, multi_az=True)}),
        {"replicas": {"count": 1, "class": "db.r5.large"}},
    )
    assert [(change.name, change.after) for change in found] == [(f"{NAME}-replica-1", {"class": "db.r5.large"})]


def test_a_replica_keeps_its_parameter_group_until_it_is_upgraded_itself():
    instances = {NAME: instance(), f"{NAME}-replica-1": reader()}
    want = {"engine_version": "17", "replicas": 1}
    found = changes(what_is(instances, parameter_group=None), want, major_upgrade=True)
    assert [change.name for change in found] == [f"{NAME}-postgres17", NAME]


def test_a_promoted_replica_is_not_touched():
    instances = {NAME: instance(), f"{NAME}-replica-1": reader(source="")}
    with pytest.raises(SlipwayError, match="it was promoted"):
        changes(what_is(instances), {"replicas": 1})


@pytest.mark.parametrize("kind", ["subnet_group", "parameter_group", "instances"])
def test_what_is_not_ours_is_refused_and_its_owner_named(kind):
    theirs = {**OURS, "slipway:stack": "jiki"}
    current = what_is()
    current[kind] = {NAME: instance(tags=theirs)} if kind == "instances" else {**current[kind], "tags": theirs}
    with pytest.raises(SlipwayError, match=r"is not of stack tvshows-prod.*stack jiki-prod"):
        changes(current)


@pytest.mark.parametrize(
    ("status", "want", "waiting"),
    [
        pytest.param("available", {"replicas": 1}, [], id="an available one takes a replica"),
        pytest.param("creating", {"replicas": 1}, [f"{NAME}-replica-1"], id="a new one has to be there first"),
        pytest.param("backing-up", {"multi_az": True}, [NAME], id="a busy one takes no change"),
        pytest.param(
            "available",
            {"multi_az": True, "replicas": 1},
            [f"{NAME}-replica-1"],
            id="a replica waits for the change of its source",
        ),
    ],
)
def test_what_has_to_wait_for_the_instance(status, want, waiting):
    current = what_is({NAME: instance(status=status)})
    found = changes(current, want)
    assert [each.name for each in found if deferred(each, current["instances"], NAME, found)] == waiting


def removal(instances, **fields):
    current = {**what_is(instances), "parameter_groups": {GROUP: what_is()["parameter_group"]}, **fields}
    return plan_removal(current, STACK, identifier=NAME, final_snapshot=True)


def test_removal_goes_in_reverse_order():
    found = removal({NAME: instance(deletion_protection=False), f"{NAME}-replica-1": reader()})
    assert [(change.resource, change.reason) for change in found] == [
        ("database read replica", "without a snapshot"),
        ("database instance", "with a final snapshot"),
        ("database parameter group", ""),
        ("database subnet group", ""),
    ]


def test_removal_respects_deletion_protection_and_names_the_setting():
    with pytest.raises(SlipwayError, match="database_deletion_protection: false"):
        removal({NAME: instance()})


def test_removal_leaves_what_is_not_ours_and_what_is_going_already():
    group = {**what_is()["subnet_group"], "tags": {}}
    instances = {NAME: instance(status="deleting"), f"{NAME}-replica-1": reader(tags={})}
    found = removal(instances, parameter_groups={}, subnet_group=group)
    assert found == []
