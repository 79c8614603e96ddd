# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.plan import (
    desired,
    family,
    later,
    parameter_group_name,
    plan,
    plan_removal,
)
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

STACK = Stack("tvshows", "prod", "cache", {"team": "tv"})
OURS = {"slipway:stack": "tvshows", "slipway:environment": "prod", "slipway:role": "cache", "team": "tv"}
NAME = "tvshows-prod"
SPEC = {
    "identifier": NAME,
    "engine": "redis",
    "engine_version": "7.1",
    "mode": "replication_group",
    "node_type": "cache.t3.micro",
    "replicas": 0,
    "multi_az": False,
    "failover": False,
    "snapshots": {"days": 1, "window": "05:00-06:00"},
    "parameters": {"timeout": 300},
    "port": 6379,
    "encrypted": True,
    "tls": True,
    "subnets": ["subnet-a", "subnet-b"],
    "security_groups": ["sg-1"],
    "vpc_id": "vpc-1",
    "log_delivery": [],
}


def group(**fields):
    base = {
        "arn": "arn", "status": "available", "mode": "replication_group", "engine": "redis", "engine_version": "7.1.0",
        "node_type": "cache.t3.micro", "shards": 1, "shard_names": ["0001"], "replicas": 0, "multi_az": False,
        "failover": False, "encrypted": True, "kms_key": "", "tls": True, "tls_mode": "required", "auth": False,
        "snapshot_days": 1, "snapshot_window": "05:00-06:00", "maintenance_window": "sun:06:00-sun:07:00",
        "parameter_group": "tvshows-prod-redis7", "parameter_status": "in-sync", "to_reboot": [],
        "security_groups": {"sg-1"}, "port": 6379, "endpoint": "e", "reader_endpoint": "r", "auto_minor_upgrade": True,
        "log_delivery": {}, "pending": {}, "tags": dict(OURS),
    }  # fmt: skip
    return {**base, **fields}


def what_is(have=None, **fields):
    base = {
        "subnet_group": {"arn": "a", "vpc": "vpc-1", "subnets": {"subnet-a", "subnet-b"}, "tags": dict(OURS)},
        "parameter_group": {"arn": "p", "family": "redis7", "parameters": {"timeout": "300"}, "tags": dict(OURS)},
        "group": have or group(),
    }
    return {**base, **fields}


EMPTY = {"subnet_group": None, "parameter_group": None, "group": None}


def changes(current, spec=None, **options):
    return plan(current, desired({**SPEC, **(spec or {})}, STACK), STACK, identifier=NAME, **options)


def test_an_empty_account_gets_groups_then_the_cache():
    found = changes(EMPTY)
    assert [(change.action, change.resource, change.name) for change in found] == [
        ("create", "cache subnet group", NAME),
        ("create", "cache parameter group", "tvshows-prod-redis7"),
        ("create", "cache replication group", NAME),
    ]
    assert found[2].after["tags"] == OURS
    assert found[1].after["parameters"] == {"timeout": "300"}


@pytest.mark.parametrize(
    ("engine", "version", "name"),
    [
        pytest.param("redis", "7.1", "redis7", id="redis 7"),
        pytest.param("redis", "6.2", "redis6.x", id="redis 6 has a spelling of its own"),
        pytest.param("redis", "5.0.6", "redis5.0", id="and so has redis 5"),
        pytest.param("valkey", "8", "valkey8", id="valkey"),
    ],
)
def test_families(engine, version, name):
    assert family(engine, version) == name


def test_a_parameter_groups_name_has_no_dot():
    assert parameter_group_name({**SPEC, "engine_version": "6.2"}) == "tvshows-prod-redis6-x"


@pytest.mark.parametrize(
    ("have", "want", "after"),
    [
        pytest.param({}, {}, [], id="nothing differs"),
        pytest.param({}, {"engine_version": "7"}, [], id="any minor version satisfies its major one"),
        pytest.param({}, {"engine_version": "7.0"}, [], id="what AWS upgraded by itself is not taken back"),
        pytest.param({"snapshot_days": 9}, {}, [{"snapshot_days": 1}], id="snapshots were changed by hand"),
        pytest.param({}, {"snapshots": {}}, [], id="what is left out is not managed"),
        pytest.param(
            {"pending": {"node_type": "cache.r6g.large"}},
            {"node_type": "cache.r6g.large"},
            [],
            id="AWS was told already",
        ),
        pytest.param({"security_groups": {"sg-9"}}, {}, [{"security_groups": {"sg-1"}}], id="another group"),
        pytest.param({"security_groups": None}, {}, [], id="no node has told its groups yet"),
        pytest.param({"port": 0}, {}, [], id="it has no endpoint yet"),
        pytest.param({"log_delivery": {"slow-log": {}}}, {}, [{"log_delivery": {}}], id="a log too many"),
        pytest.param(
            {},
            {"replicas": 1, "multi_az": True},
            [{"replicas": 1}, {"multi_az": True, "failover": True}],
            id="a replica is there before it is failed over to",
        ),
        pytest.param(
            {"replicas": 1, "multi_az": True, "failover": True},
            {},
            [{"multi_az": False, "failover": False}, {"replicas": 0}],
            id="and goes after it is not any more",
        ),
        pytest.param(
            {"tls_mode": "required"}, {"tls_mode": "preferred"}, [{"tls_mode": "preferred"}], id="both may do"
        ),
        pytest.param(
            {"tls": False, "tls_mode": ""},
            {"tls_mode": "preferred"},
            [{"tls": True, "tls_mode": "preferred"}],
            id="the first step to encryption",
        ),
        pytest.param({"tls_mode": "preferred"}, {"tls": False}, [{"tls": False}], id="the last step away from it"),
        pytest.param(
            {"tags": {**OURS, "team": "x", "cost": "7"}}, {}, [{"tags": OURS}], id="only our tag is put right"
        ),
    ],
)
def test_an_existing_cache(have, want, after):
    assert [change.after for change in changes(what_is(group(**have)), want)] == after


@pytest.mark.parametrize(
    ("have", "want", "words"),
    [
        pytest.param({"encrypted": False}, {}, "encrypted is False", id="encryption at rest"),
        pytest.param({"port": 7000}, {}, "port is 7000", id="the port"),
        pytest.param({"mode": "cluster"}, {}, "mode is cluster", id="cluster mode"),
        pytest.param({}, {"auth_token_secret": "s"}, "auth is False", id="AUTH"),
        pytest.param({"tls": False, "tls_mode": ""}, {}, "cache_tls_mode: preferred", id="encryption at one go"),
        pytest.param({}, {"tls": False}, "cache_tls_mode: preferred", id="no encryption at one go"),
        pytest.param({"engine_version": "6.2.6"}, {}, "cache_major_upgrade", id="a major upgrade"),
        pytest.param({}, {"engine_version": "6.2"}, "cannot go back", id="an older version"),
        pytest.param({}, {"engine": "valkey", "engine_version": "8.0"}, "cache_major_upgrade", id="another engine"),
        pytest.param({"engine": "valkey"}, {}, "from valkey to redis", id="the engine of before"),
        pytest.param({"status": "deleting"}, {}, "being deleted", id="it is on its way out"),
    ],
)
def test_what_aws_cannot_do_is_refused_before_anything_is_touched(have, want, words):
    groups = what_is() if parameter_group_name({**SPEC, **want}) == "tvshows-prod-redis7" else EMPTY
    with pytest.raises(SlipwayError, match=words):
        changes({**groups, "group": group(**have)}, want)


def test_valkey_takes_a_new_parameter_group_along():
    want = {"engine": "valkey", "engine_version": "8.0"}
    found = changes(what_is(parameter_group=None), want, major_upgrade=True)
    assert [(change.action, change.name) for change in found] == [("create", "tvshows-prod-valkey8"), ("update", NAME)]
    assert found[1].after == {"engine": "valkey", "engine_version": "8.0", "parameter_group": "tvshows-prod-valkey8"}


def test_a_cluster_has_its_parameter_and_always_fails_over():
    wanted = desired({**SPEC, "mode": "cluster", "shards": 3, "parameters": None}, STACK)
    assert wanted["parameter_group"]["parameters"] == {"cluster-enabled": "yes"}
    assert (wanted["group"]["shards"], wanted["group"]["failover"]) == (3, True)


def test_yes_and_no_are_words_of_redis():
    wanted = desired({**SPEC, "parameters": {"appendonly": True, "activedefrag": False, "timeout": 0}}, STACK)
    assert wanted["parameter_group"]["parameters"] == {"appendonly": "yes", "activedefrag": "no", "timeout": "0"}


def test_a_change_that_interrupts_says_that_it_waits_unless_it_is_to_be_made_now():
    (waits,) = changes(what_is(), {"node_type": "cache.r6g.large"})
    (now,) = changes(what_is(), {"node_type": "cache.r6g.large"}, now=True)
    assert (waits.reason, now.reason) == ("in the maintenance window: node_type", "")


@pytest.mark.parametrize("kind", ["subnet_group", "parameter_group", "group"])
def test_what_is_not_ours_is_refused_and_its_owner_named(kind):
    current = what_is()
    current[kind] = {**current[kind], "tags": {**OURS, "slipway:stack": "jiki"}}
    with pytest.raises(SlipwayError, match=r"is not of stack tvshows-prod.*stack jiki-prod"):
        changes(current)


def test_a_busy_cache_whose_tags_cannot_be_read_is_left_for_later():
    assert changes(what_is(group(status="creating", tags=None, snapshot_days=9))) == []


@pytest.mark.parametrize(
    ("status", "waiting"),
    [
        pytest.param("available", 1, id="one change at a time"),
        pytest.param("modifying", 2, id="none while it is busy"),
    ],
)
def test_what_has_to_wait(status, waiting):
    have = group(status=status)
    found = changes(what_is(have), {"replicas": 1, "multi_az": True})
    assert len(later(found, have)) == waiting


def removal(have, **fields):
    current = {**what_is(have), "parameter_groups": {"tvshows-prod-redis7": what_is()["parameter_group"]}, **fields}
    return plan_removal(current, STACK, identifier=NAME, final_snapshot=False)


def test_removal_goes_in_reverse_order():
    assert [change.resource for change in removal(group())] == [
        "cache replication group",
        "cache parameter group",
        "cache subnet group",
    ]


def test_removal_leaves_what_is_not_ours_and_what_is_going_already():
    subnets = {**what_is()["subnet_group"], "tags": {}}
    assert removal(group(tags={}), parameter_groups={}, subnet_group=subnets) == []
    assert removal(group(status="deleting"), parameter_groups={}, subnet_group=subnets) == []
