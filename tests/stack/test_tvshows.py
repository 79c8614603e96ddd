# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TV shows system as its document sizes it, read back through the API. Expected values are the document's."""

from __future__ import annotations

import json

import pytest

ENVIRONMENTS = ["dev", "prod"]


class Read:
    """What stands in one environment."""

    def __init__(self, stack, environment):
        self.stack, self.environment, self.name = stack, environment, f"tvshows-{environment}"

    def __getattr__(self, service):
        return self.stack.client(service.replace("_", "-"))

    def groups(self):
        found = self.ec2.describe_security_groups(Filters=[{"Name": "tag:slipway:stack", "Values": ["tvshows"]}])
        return {it["GroupName"].removeprefix(f"{self.name}-"): it for it in found["SecurityGroups"]}


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def read(request, _server):
    environment = request.param
    _server.reset()
    aws = {
        "AWS_ENDPOINT_URL": _server.endpoint,
        "AWS_ACCESS_KEY_ID": "embedded-aws",
        "AWS_SECRET_ACCESS_KEY": "embedded-aws-takes-any-key",
    }
    quick = {"release_poll_interval": 0.1, "database_poll_interval": 0.1, "cache_poll_interval": 0.1}
    settings = {"stack_aws_environment": aws, "tvshows_reachable": False, **quick}
    options = ("-e", json.dumps(settings))
    inventory = f"inventories/{environment}"
    _server.site(*options, inventory=inventory)
    _server.seed()
    _server.set_secret()
    done = _server.site(*options, inventory=inventory)
    assert done.rc == 0, done.text
    again = _server.site(*options, inventory=inventory)
    assert again.rc == 0 and again.changed(f"tvshows-{environment}") == 0, again.text
    return Read(_server, environment)


def by(environment, dev, prod):
    return dev if environment == "dev" else prod


def test_network(read):
    (vpc,) = read.ec2.describe_vpcs(Filters=[{"Name": "tag:slipway:stack", "Values": ["tvshows"]}])["Vpcs"]
    assert vpc["CidrBlock"] == "10.0.0.0/16"
    subnets = read.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    assert {it["CidrBlock"] for it in subnets} == {
        "10.0.1.0/24",
        "10.0.2.0/24",
        "10.0.10.0/24",
        "10.0.20.0/24",
        "10.0.100.0/24",
        "10.0.200.0/24",
    }
    assert {it["AvailabilityZone"] for it in subnets} == {"us-east-1a", "us-east-1b"}
    acls = read.ec2.describe_network_acls(Filters=[{"Name": "tag:slipway:stack", "Values": ["tvshows"]}])
    assert sorted(len(it["Associations"]) for it in acls["NetworkAcls"]) == [2, 2, 2]


def test_security_groups_are_exactly_those_of_the_table(read):
    groups = read.groups()
    names = {it["GroupId"]: name for name, it in groups.items()}

    def flat(permissions):
        return {
            (it["FromPort"], peer)
            for it in permissions
            for peer in [r["CidrIp"] for r in it["IpRanges"]] + [names[p["GroupId"]] for p in it["UserIdGroupPairs"]]
        }

    rules = {name: (flat(it["IpPermissions"]), flat(it["IpPermissionsEgress"])) for name, it in groups.items()}
    assert rules == {
        "alb": ({(80, "0.0.0.0/0"), (443, "0.0.0.0/0")}, {(3000, "ecs")}),
        "ecs": ({(3000, "alb")}, {(443, "0.0.0.0/0"), (5432, "rds"), (6379, "redis")}),
        "rds": ({(5432, "ecs")}, set()),
        "redis": ({(6379, "ecs")}, set()),
    }


def test_database(read):
    instances = {it["DBInstanceIdentifier"]: it for it in read.rds.describe_db_instances()["DBInstances"]}
    database = instances.pop("tv-shows-api-db")
    assert database["DBInstanceClass"] == by(read.environment, "db.t3.micro", "db.r5.large")
    assert database["MultiAZ"] is by(read.environment, False, True)
    assert database["EngineVersion"].split(".")[0] == "16"
    assert (database["StorageType"], database["AllocatedStorage"]) == ("gp3", 100)
    assert database["MaxAllocatedStorage"] > 100
    assert (database["BackupRetentionPeriod"], database["StorageEncrypted"]) == (7, True)
    assert 1 <= len(instances) <= 3 if read.environment == "prod" else instances == {}
    group = database["DBParameterGroups"][0]["DBParameterGroupName"]
    found = read.rds.describe_db_parameters(DBParameterGroupName=group, Source="user")["Parameters"]
    parameters = {it["ParameterName"]: it.get("ParameterValue") for it in found}
    assert parameters["shared_preload_libraries"] == "pg_stat_statements"
    assert parameters["max_connections"] == "200"
    assert parameters["log_statement"] == by(read.environment, "all", "none")


def test_cache(read):
    (group,) = read.elasticache.describe_replication_groups()["ReplicationGroups"]
    assert group["CacheNodeType"] == by(read.environment, "cache.t3.micro", "cache.r6g.large")
    assert group["ClusterEnabled"] is False
    assert group["MultiAZ"] == by(read.environment, "disabled", "enabled")
    assert group["TransitEncryptionEnabled"] is True and group["AtRestEncryptionEnabled"] is True
    assert group["SnapshotRetentionLimit"] >= 1
    (member, *_rest) = read.elasticache.describe_cache_clusters()["CacheClusters"]
    assert member["EngineVersion"].startswith("7")


def test_task_definitions(read):
    definition = read.ecs.describe_task_definition(taskDefinition="tv-shows-api")["taskDefinition"]
    assert (definition["cpu"], definition["memory"], definition["networkMode"]) == ("512", "1024", "awsvpc")
    web, sidekiq = definition["containerDefinitions"]
    assert (web["name"], sidekiq["name"]) == ("web", "sidekiq")
    assert [it["containerPort"] for it in web["portMappings"]] == [3000]
    assert web["healthCheck"]["command"] == ["CMD-SHELL", "curl -f http://localhost:3000/up || exit 1"]
    assert [web["healthCheck"][field] for field in ("interval", "timeout", "retries")] == [30, 5, 3]
    assert sidekiq["command"] == ["bundle", "exec", "sidekiq"]
    assert {it["name"] for it in web["secrets"]} == {"DATABASE_URL", "REDIS_URL", "RAILS_MASTER_KEY"}
    assert all(":secretsmanager:" in it["valueFrom"] for it in web["secrets"])
    assert web["logConfiguration"]["options"]["awslogs-group"] == "/ecs/tv-shows-api"
    migration = read.ecs.describe_task_definition(taskDefinition="tv-shows-api-migration")["taskDefinition"]
    assert migration["containerDefinitions"][0]["command"] == ["bundle", "exec", "rails", "db:migrate"]


def test_service_and_scaling(read):
    (service,) = read.ecs.describe_services(cluster="tv-shows-api-cluster", services=["tv-shows-api-web"])["services"]
    assert service["desiredCount"] == by(read.environment, 1, 2)
    assert service["runningCount"] == service["desiredCount"]
    targets = read.application_autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    if read.environment == "dev":
        assert targets == []
        return
    assert [(it["MinCapacity"], it["MaxCapacity"]) for it in targets] == [(2, 10)]
    (policy,) = read.application_autoscaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 70
    assert (tracking["ScaleOutCooldown"], tracking["ScaleInCooldown"]) == (300, 300)


def test_load_balancer(read):
    (balancer,) = read.elbv2.describe_load_balancers()["LoadBalancers"]
    assert balancer["Scheme"] == "internet-facing"
    (group,) = read.elbv2.describe_target_groups()["TargetGroups"]
    assert (group["Port"], group["HealthCheckPath"], group["TargetType"]) == (3000, "/up", "ip")
    fields = (
        "HealthCheckIntervalSeconds",
        "HealthCheckTimeoutSeconds",
        "HealthyThresholdCount",
        "UnhealthyThresholdCount",
    )
    assert [group[field] for field in fields] == [30, 5, 2, 3]
    found = read.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    actions = {it["Port"]: it["DefaultActions"][0] for it in found}
    assert actions[80]["Type"] == "redirect" and actions[80]["RedirectConfig"]["Port"] == "443"
    assert actions[443]["Type"] == "forward"
    health = read.elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    assert [it["TargetHealth"]["State"] for it in health] == ["healthy"] * by(read.environment, 1, 2)


def test_registry_logs_metrics_and_alarms(read):
    assert read.ecr.describe_repositories()["repositories"][0]["repositoryName"] == "tv-shows-api"
    groups = {it["logGroupName"] for it in read.logs.describe_log_groups()["logGroups"]}
    assert {"/ecs/tv-shows-api", "/aws/rds/instance/tv-shows-api-db/postgresql"} <= groups
    names = read.iam.list_role_policies(RoleName=f"{read.name}-task")["PolicyNames"]
    documents = [
        read.iam.get_role_policy(RoleName=f"{read.name}-task", PolicyName=name)["PolicyDocument"] for name in names
    ]
    text = json.dumps(documents)
    assert "TvShowsApi" in text and "cloudwatch:PutMetricData" in text and "xray:PutTraceSegments" in text
    alarms = {it["AlarmName"]: it for it in read.cloudwatch.describe_alarms()["MetricAlarms"]}
    assert alarms[f"{read.name}-web-cpu"]["Threshold"] == 80
    assert alarms[f"{read.name}-web-memory"]["Threshold"] == 80
    assert alarms[f"{read.name}-error-rate"]["Threshold"] == 5
    assert f"{read.name}-database-connections" in alarms


def test_secrets_are_replicated_in_production(read):
    secret = read.secretsmanager.describe_secret(SecretId="tv-shows-api/database-url")
    regions = [it["Region"] for it in secret.get("ReplicationStatus", [])]
    assert regions == by(read.environment, [], ["us-west-2"])
    url = read.secretsmanager.get_secret_value(SecretId="tv-shows-api/redis-url")["SecretString"]
    assert url.startswith("rediss://")
