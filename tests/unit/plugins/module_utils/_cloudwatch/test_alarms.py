# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.alarms import wanted, window
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.apply import settings
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.describe import alarm as described
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.metrics import METRICS, dimensions, nodes
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError

PREFIX = "tvshows-prod"
RESOURCES = {
    "cluster": "tvshows-prod",
    "services": [{"name": "web"}, {"name": "old", "aws_name": "legacy-web"}],
    "load_balancers": {"web": "app/web/1"},
    "target_groups": {"web": "targetgroup/web/2"},
    "database": {"identifier": "tvshows-prod", "engine": "postgres"},
    "cache": {"identifier": "tvshows-prod", "mode": "replication_group", "replicas": 0},
}
TOPICS = {"warning": "arn:w", "critical": "arn:c"}


def alarm(**fields):
    return {"name": "a", "above": 80, "for": "2x300s", **fields}


def want(check=False, resources=RESOURCES, **fields):
    return wanted(alarm(**fields), resources, TOPICS, PREFIX, check=check)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2x300s", (2, 2, 300)),
        ("2/3x60s", (2, 3, 60)),
        ("1x10s", (1, 1, 10)),
        ("300s", None),
        ("2x5m", None),
        ("x300s", None),
    ],
)
def test_for(text, found):
    assert window(text) == found


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        pytest.param(
            {"service": "web"},
            [{"ClusterName": "tvshows-prod", "ServiceName": "tvshows-prod-web"}],
            id="a service by pattern, it does not have to exist",
        ),
        pytest.param(
            {"service": "old"},
            [{"ClusterName": "tvshows-prod", "ServiceName": "legacy-web"}],
            id="a service with a name of its own",
        ),
        pytest.param({"load_balancer": "web"}, [{"LoadBalancer": "app/web/1"}], id="a load balancer"),
        pytest.param(
            {"target_group": "web"},
            [{"LoadBalancer": "app/web/1", "TargetGroup": "targetgroup/web/2"}],
            id="a target group of the only load balancer",
        ),
        pytest.param({"database": True}, [{"DBInstanceIdentifier": "tvshows-prod"}], id="the database"),
        pytest.param({"database": "True"}, [{"DBInstanceIdentifier": "tvshows-prod"}], id="the database, as a text"),
        pytest.param({"database": "reader-1"}, [{"DBInstanceIdentifier": "reader-1"}], id="an instance"),
        pytest.param({"cache": True}, [{"CacheClusterId": "tvshows-prod-001"}], id="the cache's one node"),
        pytest.param({"cache": "other-002"}, [{"CacheClusterId": "other-002"}], id="a node"),
        pytest.param({"namespace": "App", "dimensions": {"Queue": "q"}}, [{"Queue": "q"}], id="one's own"),
    ],
)
def test_dimensions(fields, found):
    assert dimensions(alarm(**fields), RESOURCES, PREFIX) == found


def test_an_aurora_database_is_watched_as_a_cluster():
    resources = {"database": {"identifier": "jiki-production", "engine": "aurora-postgresql"}}
    assert dimensions(alarm(database=True), resources, PREFIX) == [{"DBClusterIdentifier": "jiki-production"}]


def test_the_nodes_of_a_cache_follow_from_its_shape():
    assert nodes("r", {"replicas": 2}) == ["r-001", "r-002", "r-003"]
    assert nodes("r", {"mode": "cluster", "shards": 2, "replicas": 1}) == [
        "r-0001-001",
        "r-0001-002",
        "r-0002-001",
        "r-0002-002",
    ]


def test_what_is_not_known_is_a_placeholder_in_check_mode_and_an_error_otherwise():
    assert dimensions(alarm(load_balancer="web"), {}, PREFIX, check=True) == [{"LoadBalancer": "(known after alb)"}]
    with pytest.raises(SlipwayError, match=r"Alarm a cannot be made.*Role database gives it"):
        dimensions(alarm(database=True), {}, PREFIX)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"service": "web", "metric": "cpu"},
            {"threshold": 80.0, "comparison": "GreaterThanThreshold", "missing": "missing", "expression": ""},
            id="a gauge above",
        ),
        pytest.param(
            {"database": True, "metric": "free_storage", "above": None, "below": 20},
            {"threshold": 20.0 * 2**30, "comparison": "LessThanThreshold"},
            id="gibibytes below",
        ),
        pytest.param({"load_balancer": "web", "metric": "http_5xx"}, {"missing": "notBreaching"}, id="a count"),
        pytest.param(
            {"target_group": "web", "metric": "healthy_hosts", "above": None, "below": 1, "missing": "breaching"},
            {"missing": "breaching"},
            id="what silence means is said",
        ),
        pytest.param(
            {"load_balancer": "web", "rate": ["http_5xx", "requests"]},
            {
                "expression": "100 * FILL(m1, 0) / IF(FILL(m2, 0) > 0, FILL(m2, 0), 1)",
                "threshold": 80.0,
                "missing": "notBreaching",
            },
            id="a rate never divides by zero",
        ),
        pytest.param(
            {"database": True, "metric": "connections", "percent_of": 200.0},
            {"expression": "100 * m1 / 200", "threshold": 80.0},
            id="a share",
        ),
        pytest.param(
            {"database": True, "metric": "free_storage", "percent_of": 100, "above": None, "below": 20},
            {"expression": f"100 * m1 / {100 * 2**30}", "threshold": 20.0},
            id="a share of gibibytes",
        ),
        pytest.param({"service": "web", "metric": "cpu", "topic": "warning"}, {"actions": ["arn:w"]}, id="a topic"),
        pytest.param(
            {"service": "web", "metric": "cpu", "topic": ["warning", "critical"], "notify_ok": False},
            {"actions": ["arn:c", "arn:w"], "ok_actions": []},
            id="two topics, and no word at the end",
        ),
        pytest.param(
            {"service": "web", "metric": "cpu", "for": "2/3x60s"}, {"datapoints": 2, "periods": 3}, id="two of three"
        ),
        pytest.param(
            {"service": "web", "metric": "running_tasks", "above": None, "below": 1},
            {"description": "service web: running tasks below 1 for 2x300s"},
            id="a text for people",
        ),
    ],
)
def test_an_alarm(fields, expected):
    found = want(**fields)
    assert {field: found[field] for field in expected} == expected


def test_several_nodes_are_one_alarm():
    resources = {"cache": {"identifier": "r", "replicas": 1}}
    assert want(resources=resources, cache=True, metric="memory")["expression"] == "MAX([m1, m2])"
    assert want(resources=resources, cache=True, metric="evictions")["expression"] == "SUM([m1, m2])"
    low = want(resources=resources, cache=True, metric="free_memory", above=None, below=50)
    assert low["expression"] == "MIN([m1, m2])" and low["threshold"] == 50 * 2**20
    share = want(resources=resources, cache=True, rate=["evictions", "connections"])
    assert share["expression"] == (
        "100 * FILL(SUM([m1, m2]), 0) / IF(FILL(MAX([m3, m4]), 0) > 0, FILL(MAX([m3, m4]), 0), 1)"
    )


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"service": "web", "metric": "cpu", "topic": "warning"}, id="a plain metric"),
        pytest.param({"load_balancer": "web", "metric": "response_time", "statistic": "p95"}, id="a percentile"),
        pytest.param({"load_balancer": "web", "rate": ["http_5xx", "requests"]}, id="a rate"),
        pytest.param({"database": True, "metric": "connections", "percent_of": 200}, id="a share"),
        pytest.param({"namespace": "App", "metric": "Backlog", "enabled": False}, id="one's own metric"),
    ],
)
def test_what_is_sent_is_read_back_as_it_was_wanted(fields):
    found = want(**fields)
    answer = {**settings(found), "AlarmArn": "arn", "AlarmName": "a"}
    if "Metrics" in answer:
        answer["Metrics"] = list(reversed(answer["Metrics"]))
    assert {**found, "arn": "arn", "tags": {}} == described(answer, {})


def test_every_metric_says_a_namespace_of_aws():
    namespaces = {metric.namespace for metrics in METRICS.values() for metric in metrics.values()}
    assert namespaces == {"AWS/ECS", "ECS/ContainerInsights", "AWS/ApplicationELB", "AWS/RDS", "AWS/ElastiCache"}
