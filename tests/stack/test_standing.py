# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stack that stands: repaired exactly where a hand changed it, and nowhere else."""

from __future__ import annotations


def repaired(stack, *options):
    run = stack.site(*options)
    assert run.rc == 0, run.text
    assert stack.site(*options).changed() == 0
    return run.changes()


def test_a_security_group_rule(standing):
    group = standing.group("tvshows-local-rds")
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "203.0.113.0/24"}]}
    standing.client("ec2").authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[rule])
    (change,) = repaired(standing)
    assert change[0] in ("delete", "update") and "rds" in change[1]
    (left,) = standing.group("tvshows-local-rds")["IpPermissions"]
    assert left["IpRanges"] == [] and len(left["UserIdGroupPairs"]) == 1


def test_a_log_retention(standing):
    standing.client("logs").put_retention_policy(logGroupName="/ecs/tv-shows-api", retentionInDays=1)
    (change,) = repaired(standing)
    assert change[0] == "update" and "/ecs/tv-shows-api" in change[1]
    groups = standing.client("logs").describe_log_groups(logGroupNamePrefix="/ecs/tv-shows-api")["logGroups"]
    assert [it["retentionInDays"] for it in groups] == [30]


def test_an_alarm_threshold(standing):
    cloudwatch = standing.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["tvshows-local-web-cpu"])["MetricAlarms"]
    fields = (
        "AlarmName Namespace MetricName Dimensions Statistic Period EvaluationPeriods ComparisonOperator "
        "AlarmActions OKActions TreatMissingData"
    )
    kept = {field: alarm[field] for field in fields.split() if field in alarm}
    cloudwatch.put_metric_alarm(**kept, Threshold=99)
    (change,) = repaired(standing)
    assert change[0] == "update" and "web-cpu" in change[1]
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["tvshows-local-web-cpu"])["MetricAlarms"]
    assert alarm["Threshold"] == 80


def test_a_service_count_without_auto_scaling(standing):
    plain = ("-e", '{"tvshows_scaling": {}}')
    assert standing.site(*plain).rc == 0  # takes the scaling away
    standing.client("ecs").update_service(cluster="tv-shows-api-cluster", service="tv-shows-api-web", desiredCount=5)
    (change,) = repaired(standing, *plain)
    assert change[0] == "update" and "tv-shows-api-web" in change[1]
    assert standing.site().rc == 0  # and brings it back


def test_a_count_under_auto_scaling_is_nobody_elses(standing):
    standing.client("ecs").update_service(cluster="tv-shows-api-cluster", service="tv-shows-api-web", desiredCount=4)
    assert standing.site().changed() == 0


def test_the_running_image_is_kept_and_another_one_released_when_asked_for(standing):
    digest = standing.seed(tag="1.4.2")
    assert standing.site().changed() == 0
    run = standing.site("-e", "image_tag=1.4.2")
    assert run.rc == 0 and "Run the migration" in run.text, run.text
    running = standing.client("ecs").describe_task_definition(taskDefinition="tv-shows-api")["taskDefinition"]
    assert {it["image"].partition("@")[2] for it in running["containerDefinitions"]} == {digest}
    assert standing.site().changed() == 0


def test_a_release_without_its_image_touches_no_service(standing):
    before = standing.client("ecs").describe_services(cluster="tv-shows-api-cluster", services=["tv-shows-api-web"])[
        "services"
    ][0]["taskDefinition"]
    standing.calls()
    run = standing.site("-e", "image_tag=no-such")
    assert run.rc != 0 and "image tv-shows-api:no-such" in run.text
    assert standing.writes() == []
    after = standing.client("ecs").describe_services(cluster="tv-shows-api-cluster", services=["tv-shows-api-web"])
    assert after["services"][0]["taskDefinition"] == before


def test_no_secret_is_ever_printed(standing):
    secrets = standing.client("secretsmanager")
    value = secrets.get_secret_value(SecretId="tv-shows-api/database-password")["SecretString"]
    url = secrets.get_secret_value(SecretId="tv-shows-api/database-url")["SecretString"]
    text = standing.site("--diff", "-vvv").text
    assert value not in text and url not in text
    assert len(value) == 32 and url.startswith("postgresql://tvshows:")


def test_what_a_stack_has_is_read_as_its_roles_gave_it(standing):
    run = standing.play("tests/stack/equal.yml")
    assert run.rc == 0, run.text
    assert run.text.count("All assertions passed") == 0  # quiet: only a difference says something
