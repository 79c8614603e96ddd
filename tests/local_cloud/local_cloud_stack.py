# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a service needs around it: network, roles, image, load balancer, log group, cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from local_cloud_support import ACCOUNT, REGION, Cloud, until

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": 7,
        "digest": "sha256:" + "a" * 64,
    },
    "layers": [
        {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 9, "digest": "sha256:" + "b" * 64},
    ],
}
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:1"


@dataclass
class Stack:
    cloud: Cloud
    subnets: list[str]
    group: str
    role: str
    target_group: str
    listener: str

    @property
    def ecs(self) -> Any:
        return self.cloud.client("ecs")

    @property
    def network(self) -> dict[str, Any]:
        return {"awsvpcConfiguration": {"subnets": self.subnets, "securityGroups": [self.group]}}

    def define(self, family: str = "web", image: str = IMAGE, **container: Any) -> str:
        """Register a revision with one container; returns its ARN."""
        logs = {"awslogs-group": "/ecs/web", "awslogs-region": REGION, "awslogs-stream-prefix": "web"}
        definition = {
            "name": "web",
            "image": image,
            "portMappings": [{"containerPort": 3000}],
            "logConfiguration": {"logDriver": "awslogs", "options": logs},
            **container,
        }
        answer = self.ecs.register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            executionRoleArn=self.role,
            taskRoleArn=self.role,
            containerDefinitions=[definition],
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def create(self, name: str = "web", *, balanced: bool = False, count: int = 2, **settings: Any) -> dict[str, Any]:
        balancers = [{"targetGroupArn": self.target_group, "containerName": "web", "containerPort": 3000}]
        request = {
            "cluster": "main",
            "serviceName": name,
            "taskDefinition": "web",
            "desiredCount": count,
            "launchType": "FARGATE",
            "networkConfiguration": self.network,
            **({"loadBalancers": balancers} if balanced else {}),
            **settings,
        }
        return dict(self.ecs.create_service(**request)["service"])

    def service(self, name: str = "web") -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster="main", services=[name])["services"][0])

    def settled(self, name: str = "web") -> dict[str, Any]:
        """The service once its PRIMARY deployment is COMPLETED."""
        return until(lambda: self.service(name), lambda seen: seen["deployments"][0]["rolloutState"] == "COMPLETED")

    def tasks(self, status: str = "RUNNING", **request: Any) -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster="main", desiredStatus=status, **request)["taskArns"]
        return list(self.ecs.describe_tasks(cluster="main", tasks=arns)["tasks"]) if arns else []

    def events(self, name: str = "web") -> list[str]:
        return [event["message"] for event in self.service(name)["events"]]

    def run(self, **request: Any) -> dict[str, Any]:
        answer = self.ecs.run_task(
            cluster="main",
            **{"taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": self.network, **request},
        )
        assert not answer["failures"], answer["failures"]
        return dict(answer["tasks"][0])

    def stopped(self, arn: str) -> dict[str, Any]:
        return until(
            lambda: self.ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0],
            lambda seen: seen["lastStatus"] == "STOPPED",
        )


def build(cloud: Cloud, *, image: bool = True, define: bool = True) -> Stack:
    ec2, elb, iam = cloud.client("ec2"), cloud.client("elbv2"), cloud.client("iam")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    role = iam.create_role(RoleName="tasks", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    cloud.client("logs").create_log_group(logGroupName="/ecs/web")
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="web")
    if image:
        ecr.put_image(repositoryName="web", imageTag="1", imageManifest=json.dumps(MANIFEST))
    target_group = elb.create_target_group(Name="web", Protocol="HTTP", Port=3000, VpcId=vpc, TargetType="ip")
    target_group_arn = target_group["TargetGroups"][0]["TargetGroupArn"]
    balancer = elb.create_load_balancer(Name="web", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group_arn}],
    )["Listeners"][0]["ListenerArn"]
    cloud.client("ecs").create_cluster(clusterName="main", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    stack = Stack(cloud, subnets, group, role, target_group_arn, listener)
    if define:
        stack.define()
    return stack
