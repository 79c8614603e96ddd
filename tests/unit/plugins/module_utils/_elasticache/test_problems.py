# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.problems import problems, spec_of

GOOD = {
    "engine": "redis",
    "engine_version": "7.1",
    "mode": "replication_group",
    "node_type": "cache.t3.micro",
    "identifier": "tvshows-prod",
    "replicas": 1,
    "multi_az": True,
    "snapshots": {"days": 7, "window": "04:00-05:00"},
    "maintenance_window": "sun:06:00-sun:07:00",
    "tls": True,
    "auth_token_secret": "tv/token",
}


def test_a_good_cache_has_no_problem():
    assert problems(GOOD) == []
    assert problems({**GOOD, "mode": "cluster", "shards": 3}) == []


def test_no_cache_has_no_problem():
    assert problems({"engine": "none", "node_type": "nonsense"}) == []
    assert problems({}) == []


@pytest.mark.parametrize(
    ("fields", "variable", "words"),
    [
        pytest.param({"engine": "memcached"}, "cache_engine", "memcached", id="another engine"),
        pytest.param({"mode": "serverless"}, "cache_mode", "not made yet", id="serverless"),
        pytest.param({"engine_version": "8.0"}, "cache_engine_version", "valkey", id="redis ends at 7"),
        pytest.param(
            {"engine": "valkey", "engine_version": "6"}, "cache_engine_version", "7.2", id="valkey begins at 7"
        ),
        pytest.param({"engine_version": "new"}, "cache_engine_version", "new", id="no version"),
        pytest.param({"node_type": "db.t3.micro"}, "cache_node_type", "db.t3", id="a database's class"),
        pytest.param({"identifier": "t" * 41}, "cache_identifier", "40", id="a long name"),
        pytest.param({"identifier": "tv--shows"}, "cache_identifier", "tv--shows", id="two hyphens"),
        pytest.param({"replicas": 6}, "cache_replicas", "5", id="too many replicas"),
        pytest.param({"replicas": 0}, "cache_multi_az", "cache_replicas", id="several zones and one node"),
        pytest.param(
            {"replicas": 0, "multi_az": False, "failover": True},
            "cache_failover",
            "cache_replicas",
            id="nobody to fail over to",
        ),
        pytest.param({"failover": False}, "cache_failover", "cache_multi_az", id="several zones without failover"),
        pytest.param({"shards": 2}, "cache_shards", "cluster", id="shards without a cluster"),
        pytest.param({"mode": "cluster", "shards": 501}, "cache_shards", "500", id="too many shards"),
        pytest.param({"node_type": "cache.t1.micro"}, "cache_encrypted", "cache.t1.micro", id="an old node"),
        pytest.param(
            {"node_type": "cache.t2.micro", "parameters": {"appendonly": True}},
            "cache_parameters.appendonly",
            "cache.t2",
            id="an append-only file on a T2 node",
        ),
        pytest.param({"snapshots": {"days": 36}}, "cache_snapshots.days", "35", id="snapshots for too long"),
        pytest.param({"snapshots": {"window": "04:00-04:30"}}, "cache_snapshots.window", "60", id="a short window"),
        pytest.param(
            {"maintenance_window": "sun:04:30-sun:05:30"},
            "cache_maintenance_window",
            "overlaps",
            id="the windows overlap",
        ),
        pytest.param({"tls": False}, "cache_auth_token_secret", "cache_tls", id="a token without encryption"),
        pytest.param({"tls_mode": "sometimes"}, "cache_tls_mode", "preferred", id="no such mode"),
        pytest.param({"tls_mode": "preferred", "engine_version": "6.2"}, "cache_tls_mode", "7", id="a mode too early"),
        pytest.param({"encrypted": False, "kms_key": "k"}, "cache_kms_key", "cache_encrypted", id="a key for nothing"),
        pytest.param({"log_delivery": [{"type": "fast-log"}]}, "cache_log_delivery.type", "fast-log", id="no such log"),
        pytest.param(
            {"log_delivery": [{"type": "slow-log"}, {"type": "slow-log"}]},
            "cache_log_delivery",
            "twice",
            id="a log twice",
        ),
    ],
)
def test_each_problem_names_its_variable(fields, variable, words):
    found = problems({**GOOD, **fields})
    assert any(text.startswith(variable) and words in text for text in found), found


@pytest.mark.parametrize(
    ("known", "variable"),
    [
        pytest.param({"secrets": ["other"]}, "cache_auth_token_secret", id="a secret that nobody makes"),
        pytest.param({"security_groups": ["alb"]}, "cache_security_groups", id="a group that nobody makes"),
        pytest.param({"tiers": {"database": ["a"]}}, "cache_subnets", id="one zone for several"),
    ],
)
def test_references_are_checked_where_the_rest_is_known(known, variable):
    (problem,) = problems({**GOOD, "security_groups": ["cache"], "subnets": "database"}, **known)
    assert problem.startswith(variable)


def test_variables_become_a_spec():
    assert spec_of({"database_engine": "postgres", "cache_engine": "redis"}) == {"engine": "redis"}
