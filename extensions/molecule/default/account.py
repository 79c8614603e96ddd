# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account holds, asked with plain boto3 and by nothing that the roles use.

python account.py                  every resource of the kinds below, as {"kind": [ids]}
python account.py '<questions>'    the answers to {"name": ["service", "operation", {arguments}]}, by name;
                                   {"failed": "<error code>"} where AWS refuses
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]  # it comes with botocore
from botocore.config import Config
from botocore.exceptions import ClientError

# What counts: service, operation, and what names a resource in the answer.
KINDS = (
    ("acm", "list_certificates", "CertificateSummaryList[].CertificateArn"),
    ("application-autoscaling", "describe_scalable_targets", "ScalableTargets[].ResourceId"),
    ("application-autoscaling", "describe_scaling_policies", "ScalingPolicies[].PolicyARN"),
    ("cloudwatch", "describe_alarms", "MetricAlarms[].AlarmName"),
    ("ec2", "describe_addresses", "Addresses[].AllocationId"),
    ("ec2", "describe_flow_logs", "FlowLogs[].FlowLogId"),
    ("ec2", "describe_internet_gateways", "InternetGateways[].InternetGatewayId"),
    ("ec2", "describe_nat_gateways", "NatGateways[?State!='deleted'].NatGatewayId"),
    ("ec2", "describe_network_acls", "NetworkAcls[].NetworkAclId"),
    ("ec2", "describe_route_tables", "RouteTables[].RouteTableId"),
    ("ec2", "describe_security_groups", "SecurityGroups[].GroupId"),
    ("ec2", "describe_subnets", "Subnets[].SubnetId"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints[?State!='deleted'].VpcEndpointId"),
    ("ec2", "describe_vpcs", "Vpcs[].VpcId"),
    ("ecr", "describe_repositories", "repositories[].repositoryName"),
    ("ecs", "list_clusters", "clusterArns[]"),
    ("ecs", "list_task_definitions", "taskDefinitionArns[]"),
    ("elasticache", "describe_cache_clusters", "CacheClusters[].CacheClusterId"),
    ("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups[].CacheSubnetGroupName"),
    ("elasticache", "describe_cache_parameter_groups", "CacheParameterGroups[].CacheParameterGroupName"),
    ("elasticache", "describe_replication_groups", "ReplicationGroups[].ReplicationGroupId"),
    ("elbv2", "describe_load_balancers", "LoadBalancers[].LoadBalancerName"),
    ("elbv2", "describe_target_groups", "TargetGroups[].TargetGroupName"),
    ("iam", "list_instance_profiles", "InstanceProfiles[].InstanceProfileName"),
    ("iam", "list_roles", "Roles[].RoleName"),
    ("logs", "describe_log_groups", "logGroups[].logGroupName"),
    ("rds", "describe_db_instances", "DBInstances[].DBInstanceIdentifier"),
    ("rds", "describe_db_parameter_groups", "DBParameterGroups[].DBParameterGroupName"),
    ("rds", "describe_db_subnet_groups", "DBSubnetGroups[].DBSubnetGroupName"),
    ("secretsmanager", "list_secrets", "SecretList[].Name"),
    ("sns", "list_subscriptions", "Subscriptions[].SubscriptionArn"),
    ("sns", "list_topics", "Topics[].TopicArn"),
    ("wafv2", "list_web_acls", "WebACLs[].Name"),
)
# Operations that do not work without more.
ARGUMENTS = {
    ("application-autoscaling", "describe_scalable_targets"): {"ServiceNamespace": "ecs"},
    ("application-autoscaling", "describe_scaling_policies"): {"ServiceNamespace": "ecs"},
    ("ecs", "list_task_definitions"): {"status": "ACTIVE"},
    ("wafv2", "list_web_acls"): {"Scope": "REGIONAL"},
}
# Services that keep something in a second region too: replicas of secrets.
REPLICAS = {"secretsmanager": "us-west-2"}


def clients(services: set[str]) -> dict[tuple[str, str], Any]:
    """Made one after the other: making clients is not thread safe, using them is."""
    home = os.environ["AWS_REGION"]
    wanted = {(service, home) for service in services} | {(s, REPLICAS[s]) for s in services & REPLICAS.keys()}
    session, config = boto3.session.Session(), Config(max_pool_connections=16)
    return {(name, region): session.client(name, region_name=region, config=config) for name, region in sorted(wanted)}


def read(client: Any, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The whole answer, of all pages."""
    if not client.can_paginate(operation):
        answer = getattr(client, operation)(**arguments)
    else:
        answer = client.get_paginator(operation).paginate(**arguments).build_full_result()
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def holdings() -> dict[str, list[str]]:
    made = clients({service for service, _operation, _path in KINDS})
    work = [(kind, region) for kind in KINDS for service, region in made if service == kind[0]]

    def names(item: tuple[tuple[str, str, str], str]) -> list[str]:
        (service, operation, path), region = item
        answer = read(made[service, region], operation, ARGUMENTS.get((service, operation), {}))
        return sorted(jmespath.search(path, answer) or [])

    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(names, work))
    labels = [f"{kind[0]} {kind[1].split('_', 1)[1]} {region}" for kind, region in work]
    return dict(zip(labels, found, strict=True))


def answers(questions: dict[str, list[Any]]) -> dict[str, Any]:
    made = clients({service for service, *_rest in questions.values()})

    def answer(question: list[Any]) -> dict[str, Any]:
        service, operation, *arguments = question
        given = dict(arguments[0]) if arguments else {}
        region = given.pop("region", os.environ["AWS_REGION"])
        try:
            return read(made[service, region], operation, given)
        except ClientError as error:
            return {"failed": error.response["Error"]["Code"]}

    return {name: answer(question) for name, question in questions.items()}


def main() -> None:
    result = answers(json.loads(sys.argv[1])) if len(sys.argv) > 1 else holdings()
    print(json.dumps(result, default=str, indent=1))


if __name__ == "__main__":
    main()
