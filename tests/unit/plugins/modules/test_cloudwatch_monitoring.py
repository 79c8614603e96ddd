# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "monitoring", "tags": {"team": "tv"}}
ACCOUNT = "123456789012"
TOPICS = {
    "critical": [{"pagerduty": "app/pagerduty"}],
    "warning": [{"email": "team@example.com"}],
    "info": [],
}
ALARMS = [
    {"name": "web-cpu", "service": "web", "metric": "cpu", "above": 80, "for": "2x300s", "topic": "warning"},
    {"name": "web-memory", "service": "web", "metric": "memory", "above": 80, "for": "2x300s", "topic": "warning"},
    {
        "name": "database-connections",
        "database": True,
        "metric": "connections",
        "percent_of": 200,
        "above": 80,
        "for": "1x300s",
        "topic": "critical",
    },
    {
        "name": "error-rate",
        "load_balancer": "web",
        "rate": ["http_5xx", "requests"],
        "above": 5,
        "for": "1x300s",
        "topic": ["critical", "warning"],
    },
]
RESOURCES = {
    "cluster": "tvshows-prod",
    "services": [{"name": "web"}],
    "load_balancers": {"web": "app/tvshows-prod-web/0123456789abcdef"},
    "target_groups": {"web": "targetgroup/tvshows-prod-web/0123456789abcdef"},
    "database": {"identifier": "tvshows-prod", "engine": "postgres"},
    "cache": {"identifier": "tvshows-prod", "mode": "replication_group", "replicas": 1},
}
GROUPS = [{"name": "/aws/rds/instance/tvshows-prod/postgresql", "retention_days": 30, "adopt": True}]
FILTERS = [
    {
        "name": "connection-errors",
        "log_group": "/aws/rds/instance/tvshows-prod/postgresql",
        "pattern": "FATAL",
        "namespace": "TvShowsApi",
        "metric": "DatabaseConnectionErrors",
    }
]
ALL = {"topics": TOPICS, "alarms": ALARMS, "resources": RESOURCES, "log_groups": GROUPS, "metric_filters": FILTERS}


def monitoring(**arguments):
    return call("cloudwatch_monitoring", **{"stack": STACK, "account_id": ACCOUNT, **arguments})


def steps(result):
    return [(change["action"], change["resource"], change["name"]) for change in result["changes"]]


def alarm(cloud, name):
    (found,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found


def endpoints(cloud, topic):
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:{topic}"
    found = cloud.client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    return sorted((it["Protocol"], it["Endpoint"]) for it in found)


def test_check_create_again_repair_remove(cloud):
    cloudwatch, logs, sns = cloud.client("cloudwatch"), cloud.client("logs"), cloud.client("sns")
    announced = monitoring(check=True, **{**ALL, "resources": {}})
    assert len(announced["changes"]) == 10 and cloudwatch.describe_alarms()["MetricAlarms"] == []
    made = monitoring(**ALL)
    assert (
        steps(made)
        == steps(announced)
        == [
            ("create", "log group", "/aws/rds/instance/tvshows-prod/postgresql"),
            (
                "create",
                "metric filter",
                "/aws/rds/instance/tvshows-prod/postgresql tvshows-prod-connection-errors",
            ),
            ("create", "SNS topic", "tvshows-prod-critical"),
            ("create", "SNS topic", "tvshows-prod-warning"),
            ("create", "SNS subscription", "tvshows-prod-warning: team@example.com"),
            ("create", "SNS topic", "tvshows-prod-info"),
            ("create", "CloudWatch alarm", "tvshows-prod-web-cpu"),
            ("create", "CloudWatch alarm", "tvshows-prod-web-memory"),
            ("create", "CloudWatch alarm", "tvshows-prod-database-connections"),
            ("create", "CloudWatch alarm", "tvshows-prod-error-rate"),
        ]
    )
    assert made["result"] == announced["result"]
    assert made["result"]["alarms"]["web-cpu"] == f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:tvshows-prod-web-cpu"
    assert made["result"]["topics"]["info"] == f"arn:aws:sns:us-east-1:{ACCOUNT}:tvshows-prod-info"
    again = monitoring(**ALL)
    assert not again["changed"]
    assert [it["name"] for it in again["waiting"]] == ["tvshows-prod-critical: pagerduty, key of app/pagerduty"]

    cpu = alarm(cloud, "tvshows-prod-web-cpu")
    assert (cpu["Namespace"], cpu["MetricName"], cpu["Statistic"]) == ("AWS/ECS", "CPUUtilization", "Average")
    assert {it["Name"]: it["Value"] for it in cpu["Dimensions"]} == {
        "ClusterName": "tvshows-prod",
        "ServiceName": "tvshows-prod-web",
    }
    assert (cpu["Threshold"], cpu["Period"], cpu["EvaluationPeriods"]) == (80.0, 300, 2)
    assert cpu["AlarmActions"] == cpu["OKActions"] == [f"arn:aws:sns:us-east-1:{ACCOUNT}:tvshows-prod-warning"]
    rate = alarm(cloud, "tvshows-prod-error-rate")
    queries = {it["Id"]: it for it in rate["Metrics"]}
    assert queries["e1"]["Expression"] == "100 * FILL(m1, 0) / IF(FILL(m2, 0) > 0, FILL(m2, 0), 1)"
    assert queries["m1"]["MetricStat"]["Metric"] == {
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_Target_5XX_Count",
        "Dimensions": [{"Name": "LoadBalancer", "Value": "app/tvshows-prod-web/0123456789abcdef"}],
    }
    assert rate["TreatMissingData"] == "notBreaching" and len(rate["AlarmActions"]) == 2
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 30

    cloudwatch.put_metric_alarm(
        **{
            key: cpu[key] for key in ("AlarmName", "ComparisonOperator", "EvaluationPeriods", "Namespace", "MetricName")
        },
        **{key: cpu[key] for key in ("Dimensions", "Period", "Statistic", "AlarmActions", "OKActions")},
        Threshold=95,
        DatapointsToAlarm=2,
        AlarmDescription=cpu["AlarmDescription"],
    )
    logs.put_retention_policy(logGroupName="/aws/rds/instance/tvshows-prod/postgresql", retentionInDays=7)
    repaired = monitoring(**ALL)
    assert [(change["name"], change["before"], change["after"]) for change in repaired["changes"]] == [
        ("/aws/rds/instance/tvshows-prod/postgresql", {"retention_days": 7}, {"retention_days": 30}),
        ("tvshows-prod-web-cpu", {"threshold": 95.0}, {"threshold": 80.0}),
    ]
    assert alarm(cloud, "tvshows-prod-web-cpu")["Threshold"] == 80
    assert not monitoring(**ALL)["changed"]

    gone = monitoring(**ALL, state="absent")
    assert [change["action"] for change in gone["changes"]] == ["delete"] * 9
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    assert sns.list_topics()["Topics"] == [] and logs.describe_log_groups()["logGroups"] == []
    assert not monitoring(**ALL, state="absent")["changed"]


def test_an_integration_key_is_used_and_never_shown(cloud):
    secrets, sns = cloud.client("secretsmanager"), cloud.client("sns")
    secrets.create_secret(Name="app/pagerduty", SecretString="0123456789abcdef0123456789abcdef")
    made = monitoring(topics=TOPICS)
    assert ("create", "SNS subscription", "tvshows-prod-critical: pagerduty, key of app/pagerduty") in steps(made)
    url = "https://events.pagerduty.com/integration/0123456789abcdef0123456789abcdef/enqueue"
    assert endpoints(cloud, "tvshows-prod-critical") == [("https", url)]
    assert "0123456789abcdef" not in json.dumps(made)
    assert not monitoring(topics=TOPICS)["changed"]

    secrets.put_secret_value(SecretId="app/pagerduty", SecretString=json.dumps({"key": "https://eu.example.com/x"}))
    topics = {**TOPICS, "critical": [{"pagerduty": "app/pagerduty#key"}]}
    changed = monitoring(topics=topics, diff=True)
    assert [change["action"] for change in changed["changes"]] == ["create", "delete"]
    assert endpoints(cloud, "tvshows-prod-critical") == [("https", "https://eu.example.com/x")]
    assert "0123456789abcdef" not in json.dumps(changed)

    sns.subscribe(
        TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:tvshows-prod-critical",
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:theirs",
    )
    assert not monitoring(topics=topics)["changed"]
    (change,) = monitoring(topics={**topics, "critical": []})["changes"]
    assert change["action"] == "delete" and "eu.example.com/x" not in json.dumps(change)
    assert [it[0] for it in endpoints(cloud, "tvshows-prod-critical")] == ["sqs"]


def test_what_is_not_in_the_inventory_any_more_is_removed_and_nothing_else(cloud):
    cloudwatch, sns = cloud.client("cloudwatch"), cloud.client("sns")
    odd = {**ALARMS[0], "name": "odd", "aws_name": "Odd name"}
    monitoring(**{**ALL, "alarms": [*ALARMS, odd]})
    foreign = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 1, "Period": 60}
    more = {"MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Dimensions": [], "AlarmActions": []}
    cloudwatch.put_metric_alarm(AlarmName="tvshows-prod-theirs", **foreign, **more)
    deployment = [
        {"Key": "slipway:stack", "Value": "tvshows"},
        {"Key": "slipway:environment", "Value": "prod"},
        {"Key": "slipway:role", "Value": "ecs_services"},
    ]
    cloudwatch.put_metric_alarm(AlarmName="tvshows-prod-deployment", Tags=deployment, **foreign, **more)
    less = {**ALL, "alarms": ALARMS[1:], "topics": {name: TOPICS[name] for name in ("critical", "warning")}}
    assert steps(monitoring(**less)) == [
        ("delete", "CloudWatch alarm", "tvshows-prod-web-cpu"),
        ("delete", "CloudWatch alarm", "Odd name"),
        ("delete", "SNS topic", "tvshows-prod-info"),
    ]
    left = {it["AlarmName"] for it in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert {"tvshows-prod-theirs", "tvshows-prod-deployment"} < left and len(left) == 5
    assert len(sns.list_topics()["Topics"]) == 2
    assert not monitoring(**less)["changed"]


def test_a_foreign_alarm_topic_or_log_group_is_refused(cloud):
    cloud.client("sns").create_topic(Name="tvshows-prod-info", Tags=[{"Key": "team", "Value": "billing"}])
    with pytest.raises(ModuleFailed, match=r"SNS topic tvshows-prod-info exists and is not of stack.*team=billing"):
        monitoring(**ALL)
    assert cloud.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    cloud.client("logs").create_log_group(logGroupName="/app", tags={"slipway:stack": "jiki"})
    for adopt in (True, False):
        with pytest.raises(ModuleFailed, match=r"log group /app exists.*stack jiki"):
            monitoring(log_groups=[{"name": "/app", "adopt": adopt}])
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName="tvshows-prod-web-cpu",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Threshold=1,
        MetricName="m",
        Namespace="n",
        Period=60,
        Statistic="Sum",
    )
    with pytest.raises(ModuleFailed, match="alarm tvshows-prod-web-cpu exists and is not of stack"):
        monitoring(alarms=ALARMS[:1], topics={"warning": []}, resources=RESOURCES)
    assert not monitoring(alarms=ALARMS, topics=TOPICS, state="absent")["changed"]


def test_a_log_group_that_aws_made_is_taken_over_where_it_is_asked_for(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/aws/rds/instance/tvshows-prod/postgresql")
    with pytest.raises(ModuleFailed, match="is not of stack"):
        monitoring(log_groups=[{**GROUPS[0], "adopt": False}])
    (change,) = monitoring(log_groups=GROUPS)["changes"]
    assert change["after"]["retention_days"] == 30 and change["after"]["tags"]["slipway:stack"] == "tvshows"
    assert not monitoring(log_groups=[{**GROUPS[0], "adopt": False}])["changed"]


def test_a_log_group_alone_touches_neither_alarms_nor_topics(cloud):
    monitoring(**ALL)
    only = {"log_groups": [{"name": "/ecs/tvshows-prod", "retention_days": 0}]}
    assert steps(monitoring(**only)) == [("create", "log group", "/ecs/tvshows-prod")]
    assert not monitoring(**only)["changed"]
    assert len(cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]) == 4


def test_a_metric_filter_is_put_right_and_a_left_over_one_goes(cloud):
    logs = cloud.client("logs")
    monitoring(log_groups=GROUPS, metric_filters=[*FILTERS, {**FILTERS[0], "name": "other"}])
    changed = [{**FILTERS[0], "pattern": "PANIC", "default": 0}]
    assert [change["action"] for change in monitoring(log_groups=GROUPS, metric_filters=changed)["changes"]] == [
        "update",
        "delete",
    ]
    (found,) = logs.describe_metric_filters(logGroupName=GROUPS[0]["name"])["metricFilters"]
    assert (found["filterPattern"], found["metricTransformations"][0]["defaultValue"]) == ("PANIC", 0)
    assert not monitoring(log_groups=GROUPS, metric_filters=changed)["changed"]
    assert steps(monitoring(log_groups=GROUPS, metric_filters=[]))[0][:2] == ("delete", "metric filter")


def test_an_alarm_over_several_nodes_or_by_percentile_is_the_same_the_second_time(cloud):
    alarms = [
        {"name": "cache-memory", "cache": True, "metric": "memory", "above": 80, "for": "2/3x60s"},
        {
            "name": "slow",
            "target_group": "web",
            "metric": "response_time",
            "above": 2,
            "for": "1x300s",
            "statistic": "p95",
        },
        {"name": "storage", "database": "true", "metric": "free_storage", "below": 20, "for": "1x300s"},
        {"name": "queue", "namespace": "App", "metric": "Backlog", "above": 100, "for": "1x60s", "enabled": False},
    ]
    monitoring(alarms=alarms, resources=RESOURCES)
    assert not monitoring(alarms=alarms, resources=RESOURCES)["changed"]
    memory = {it["Id"]: it for it in alarm(cloud, "tvshows-prod-cache-memory")["Metrics"]}
    assert memory["e1"]["Expression"] == "MAX([m1, m2])"
    nodes = [memory[key]["MetricStat"]["Metric"]["Dimensions"][0]["Value"] for key in ("m1", "m2")]
    assert nodes == ["tvshows-prod-001", "tvshows-prod-002"]
    slow = alarm(cloud, "tvshows-prod-slow")
    assert slow["ExtendedStatistic"] == "p95" and len(slow["Dimensions"]) == 2
    assert alarm(cloud, "tvshows-prod-storage")["Threshold"] == 20 * 2**30
    assert alarm(cloud, "tvshows-prod-queue")["ActionsEnabled"] is False


def test_what_is_not_known_in_a_real_run_is_named_with_the_role_that_gives_it(cloud):
    with pytest.raises(
        ModuleFailed, match=r"Alarm error-rate cannot be made: load balancer web is not known. Role alb"
    ):
        monitoring(alarms=ALARMS[3:], topics=TOPICS, resources={})
    assert cloud.client("sns").list_topics()["Topics"] == []


def test_a_bad_alarm_is_refused_before_anything_is_made(cloud):
    with pytest.raises(ModuleFailed, match="monitoring_alarms: web-cpu: topic: there is no loud in monitoring_topics"):
        monitoring(**{**ALL, "alarms": [{**ALARMS[0], "topic": "loud"}]})
    assert cloud.client("sns").list_topics()["Topics"] == []


@pytest.mark.parametrize(
    "operation",
    ["CreateLogGroup", "PutRetentionPolicy", "PutMetricFilter", "CreateTopic", "Subscribe", "PutMetricAlarm"],
)
def test_what_aws_refuses_half_way_is_named_and_completed_by_the_next_run(cloud, operation):
    fault = {"kind": "api_error", "times": 1, "code": "AccessDeniedException", "message": "no", "status": 400}
    cloud.post("/local-cloud/faults", {**fault, "match": {"operation": operation}})
    with pytest.raises(ModuleFailed, match=f"AccessDeniedException from {operation}"):
        monitoring(**ALL)
    assert monitoring(**ALL)["changed"]
    assert not monitoring(**ALL)["changed"]
