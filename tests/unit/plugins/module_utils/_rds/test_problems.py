# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._rds.problems import problems, replicas, spec_of, wanted

GOOD = {
    "engine": "postgres",
    "engine_version": "16",
    "instance_class": "db.t3.micro",
    "identifier": "tvshows-prod",
    "name": "tvshows",
    "username": "app",
    "password_secret": "tv-shows-api/database-password",
    "storage": {"type": "gp3", "gb": 100, "max_gb": 500},
    "backup": {"days": 7, "window": "03:00-04:00"},
    "maintenance_window": "sun:04:00-sun:05:00",
    "replicas": 2,
    "log_exports": ["postgresql"],
}


def test_a_good_database_has_no_problem():
    assert problems(GOOD) == []


def test_no_database_has_no_problem():
    assert problems({"engine": "none", "instance_class": "nonsense"}) == []
    assert problems({}) == []
    assert not wanted({"engine": None})


@pytest.mark.parametrize(
    ("fields", "variable", "words"),
    [
        pytest.param({"engine": "mysql"}, "database_engine", "mysql", id="another engine"),
        pytest.param({"engine_version": "latest"}, "database_engine_version", "latest", id="no version"),
        pytest.param({"instance_class": "cache.t3.micro"}, "database_instance_class", "cache.t3", id="a cache's class"),
        pytest.param({"identifier": "tv--shows"}, "database_identifier", "tv--shows", id="two hyphens"),
        pytest.param({"identifier": "a" * 60, "replicas": 1}, "database_identifier", "63", id="no room for a replica"),
        pytest.param({"username": "admin"}, "database_username", "reserved", id="a reserved user"),
        pytest.param({"name": "tv-shows"}, "database_name", "tv-shows", id="a hyphen in the database's name"),
        pytest.param({"storage": {"gb": 10}}, "database_storage.gb", "20", id="less storage than AWS gives"),
        pytest.param(
            {"storage": {"type": "io2", "gb": 50, "iops": 1000}}, "database_storage.gb", "100", id="io2 too small"
        ),
        pytest.param({"storage": {"gb": 100, "max_gb": 109}}, "database_storage.max_gb", "10 %", id="no room to grow"),
        pytest.param(
            {"storage": {"gb": 100, "iops": 3000}}, "database_storage.iops", "400", id="gp3 too small for iops"
        ),
        pytest.param({"storage": {"type": "io2", "gb": 500}}, "database_storage.iops", "needs", id="io2 without iops"),
        pytest.param(
            {"storage": {"type": "gp2", "gb": 100, "throughput": 500}},
            "database_storage.throughput",
            "gp2",
            id="gp2 with throughput",
        ),
        pytest.param({"backup": {"days": 36}}, "database_backup.days", "35", id="backups for too long"),
        pytest.param({"backup": {"days": 0}}, "database_replicas", "backups", id="replicas without backups"),
        pytest.param({"replicas": 16}, "database_replicas", "15", id="too many replicas"),
        pytest.param({"replicas": "two"}, "database_replicas", "two", id="a word for a number"),
        pytest.param(
            {"replicas": {"count": 1, "region": "eu-west-1"}, "region": "us-east-1"},
            "database_replicas.region",
            "eu-west-1",
            id="a replica elsewhere",
        ),
        pytest.param(
            {"backup": {"window": "04:30-05:30"}}, "database_maintenance_window", "overlaps", id="the windows overlap"
        ),
        pytest.param(
            {"backup": {"window": "03:00-03:10"}}, "database_backup.window", "30 minutes", id="a short window"
        ),
        pytest.param({"monitoring_interval": 7}, "database_monitoring_interval", "7", id="an odd interval"),
        pytest.param(
            {"monitoring_interval": 60}, "database_monitoring_role_arn", "role", id="monitoring without a role"
        ),
        pytest.param({"log_exports": ["slow"]}, "database_log_exports", "slow", id="no such log"),
        pytest.param({"password_secret": ""}, "database_password_secret", "missing", id="no secret"),
    ],
)
def test_each_problem_names_its_variable(fields, variable, words):
    found = problems({**GOOD, **fields})
    assert any(text.startswith(variable) and words in text for text in found), found


@pytest.mark.parametrize(
    ("known", "variable"),
    [
        pytest.param({"secrets": ["other"]}, "database_password_secret", id="a secret that nobody makes"),
        pytest.param({"security_groups": ["alb"]}, "database_security_groups", id="a group that nobody makes"),
        pytest.param({"tiers": {"database": ["a", "a"]}}, "database_subnets", id="one zone only"),
    ],
)
def test_references_are_checked_where_the_rest_is_known(known, variable):
    spec = {**GOOD, "security_groups": ["database"], "subnets": "database"}
    (problem,) = problems(spec, **known)
    assert problem.startswith(variable)


def test_variables_become_a_spec():
    assert spec_of({"database_engine": "postgres", "cache_engine": "redis"}) == {"engine": "postgres"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param(2, {"count": 2, "class": None, "region": None}, id="a number"),
        pytest.param("2", {"count": 2, "class": None, "region": None}, id="a number that Jinja made a text"),
        pytest.param(
            {"class": "db.r5.large"}, {"count": 1, "class": "db.r5.large", "region": None}, id="a class alone"
        ),
        pytest.param(None, {"count": 0, "class": None, "region": None}, id="nothing"),
    ],
)
def test_replicas(value, found):
    assert replicas(value) == found


def test_a_replica_elsewhere_is_found_in_variables_too():
    elsewhere = {f"database_{key}": value for key, value in GOOD.items()}
    elsewhere["database_replicas"] = {"count": 1, "region": "eu-west-1"}
    (problem,) = problems(spec_of({**elsewhere, "stack_region": "us-east-1"}))
    assert problem.startswith("database_replicas.region")
