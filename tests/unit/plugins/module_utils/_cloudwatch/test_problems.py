# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.problems import problems

GOOD = {
    "stack_name": "tvshows",
    "stack_environment": "prod",
    "secrets_items": [{"name": "app/pd", "kind": "manual"}],
    "ecs_services_services": [{"name": "web"}],
    "alb_load_balancers": [{"name": "web", "target_groups": [{"name": "web"}]}],
    "database_engine": "postgres",
    "monitoring_topics": {
        "critical": [{"pagerduty": "app/pd#key"}],
        "warning": [{"email": "a@example.com"}],
        "info": [],
    },
    "monitoring_log_groups": [{"name": "/aws/rds/x", "retention_days": 30}],
    "monitoring_metric_filters": [
        {"name": "f", "log_group": "/a", "pattern": "", "namespace": "TvShowsApi", "metric": "Errors"}
    ],
    "monitoring_alarms": [
        {"name": "cpu", "service": "web", "metric": "cpu", "above": 80, "for": "2x300s", "topic": "warning"},
        {"name": "rate", "load_balancer": "web", "rate": ["http_5xx", "requests"], "above": 5, "for": "1x300s"},
        {"name": "db", "database": True, "metric": "connections", "percent_of": 200, "above": 80, "for": "1x300s"},
        {"name": "own", "namespace": "App", "metric": "Backlog", "above": 100, "for": "1x60s"},
        {
            "name": "slow",
            "target_group": "web",
            "metric": "response_time",
            "above": 2,
            "for": "1x60s",
            "statistic": "p95",
        },
    ],
}
ALARM = {"name": "a", "service": "web", "metric": "cpu", "above": 80, "for": "2x300s"}


def test_good_settings_have_no_problem():
    assert problems(GOOD) == [] and problems({}) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"topic": "loud"}, "topic: there is no loud in monitoring_topics, it has critical", id="topic"),
        pytest.param({"topic": ["warning", "loud"]}, "there is no loud", id="one of two topics"),
        pytest.param({"service": "wep"}, "service: there is no wep in ecs_services_services, it has web", id="service"),
        pytest.param(
            {"service": None, "load_balancer": "x", "metric": "requests"}, "load_balancer: there is no x", id="balancer"
        ),
        pytest.param(
            {"service": None, "target_group": "x", "metric": "requests"}, "target_group: there is no x", id="group"
        ),
        pytest.param({"service": None}, "name one of service, load_balancer", id="nothing to watch"),
        pytest.param({"namespace": "App"}, "name one of service", id="two things to watch"),
        pytest.param({"database": True}, "name one of service", id="a service and a database"),
        pytest.param({"metric": "cpus"}, "service has no metric cpus, it has cpu", id="a metric misspelt"),
        pytest.param({"metric": None}, "give either metric, or rate", id="no metric"),
        pytest.param({"rate": ["cpu", "memory"]}, "give either metric, or rate", id="both"),
        pytest.param({"metric": None, "rate": ["cpu"]}, "rate takes two metrics", id="half a rate"),
        pytest.param({"above": None}, "give either above or below", id="no limit"),
        pytest.param({"below": 1}, "give either above or below", id="two limits"),
        pytest.param({"above": "80%"}, "above is '80%', it has to be a number", id="a limit that is no number"),
        pytest.param({"percent_of": 0}, "percent_of takes a positive number", id="a share of nothing"),
        pytest.param({"for": "5 minutes"}, "for is '5 minutes', it has to be like 2x300s", id="for"),
        pytest.param({"for": "1x45s"}, "whole minutes, not 45 s", id="an odd period"),
        pytest.param({"for": "1x0s"}, "whole minutes, not 0 s", id="no period"),
        pytest.param({"for": "3/2x60s"}, "3 out of 2 periods", id="more than there are"),
        pytest.param({"for": "25x3540s"}, "longer than the 24 hours", id="longer than a day"),
        pytest.param({"missing": "quiet"}, "missing is 'quiet'", id="silence"),
        pytest.param({"statistic": "Median"}, "statistic is 'Median'", id="statistic"),
        pytest.param({"service": None, "cache": True, "metric": "cpu"}, "cache: the stack has none", id="no cache"),
    ],
)
def test_a_bad_alarm_is_named_with_its_variable(fields, words):
    alarms = [*GOOD["monitoring_alarms"], {**ALARM, **fields}]
    (problem,) = problems({**GOOD, "cache_engine": "none", "monitoring_alarms": alarms})
    assert problem.startswith("monitoring_alarms: a: ") and words in problem


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"monitoring_topics": []}, None, id="no topics at all"),
        pytest.param({"monitoring_topics": ["x"]}, "monitoring_topics: has to be a dictionary", id="a list"),
        pytest.param({"monitoring_topics": {"a b": []}}, "a b: a topic's name takes", id="a topic's name"),
        pytest.param({"monitoring_topics": {"a": "x@y.z"}}, "a: has to be a list", id="a bare address"),
        pytest.param({"monitoring_topics": {"a": [{"slack": "#x"}]}}, "{'slack': '#x'} is no subscriber", id="chat"),
        pytest.param({"monitoring_topics": {"a": [{"email": "nobody"}]}}, "'nobody' is no mail address", id="address"),
        pytest.param({"monitoring_topics": {"a": [{"https": "http://x"}]}}, "does not start with https", id="plain"),
        pytest.param({"monitoring_topics": {"a": [{"pagerduty": "x"}]}}, "secrets_items has no x", id="no secret"),
        pytest.param({"monitoring_topic_names": {"x": "y"}}, "there is no such topic", id="a name for no topic"),
        pytest.param(
            {"monitoring_log_groups": [{"name": "/a", "retention_days": 31}]},
            "retention_days is 31, AWS knows 30",
            id="days",
        ),
        pytest.param({"monitoring_log_groups": [{"name": "a b"}]}, "a b: a log group's name", id="a log group's name"),
        pytest.param(
            {"monitoring_log_groups": [{"name": "/ecs/tvshows-prod"}]}, "is the log group of the tasks", id="the tasks'"
        ),
        pytest.param({"monitoring_metric_filters": [{"name": "f"}]}, "f: log_group, pattern, namespace", id="a filter"),
        pytest.param(
            {"monitoring_metric_filters": [{**GOOD["monitoring_metric_filters"][0], "namespace": "AWS/RDS"}]},
            "AWS's own",
            id="a namespace of AWS",
        ),
    ],
)
def test_other_bad_settings(variables, words):
    found = problems({**GOOD, "monitoring_alarms": [], **variables})
    assert len(found) == (1 if words else 0) and all(words in problem for problem in found)


def test_a_name_that_is_there_twice_and_a_group_of_several_balancers():
    assert problems({**GOOD, "monitoring_alarms": [ALARM, ALARM]}) == ["monitoring_alarms: a is there twice"]
    two = [*GOOD["alb_load_balancers"], {"name": "other"}]
    (problem,) = problems({**GOOD, "alb_load_balancers": two})
    assert problem.startswith("monitoring_alarms: slow: target_group: the stack has several load balancers")


def test_names_are_looked_for_only_where_there_is_a_list():
    assert problems({"monitoring_alarms": [{**ALARM, "service": "anything"}]}) == []
