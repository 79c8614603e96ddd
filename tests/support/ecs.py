# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an ECS service needs around it, made through the API: network, repository with an image, role, log group."""

from __future__ import annotations

import json
from typing import Any

STACK = {"name": "tvshows", "environment": "prod", "role": "ecs_services", "tags": {}}
OURS = [{"Key": "slipway:stack", "Value": "tvshows"}, {"Key": "slipway:environment", "Value": "prod"}]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def surroundings(cloud: Any) -> dict[str, Any]:
    """{networking, roles, repositories, log_group} in the shapes that the modules take."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2)]
    group = ec2.create_security_group(GroupName="ecs", Description="ecs", VpcId=vpc)["GroupId"]
    role = cloud.client("iam").create_role(RoleName="ecs", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    cloud.client("logs").create_log_group(logGroupName="/ecs/tv")
    uri = cloud.client("ecr").create_repository(repositoryName="api", tags=OURS)["repository"]["repositoryUri"]
    push(cloud, "latest")
    return {
        "networking": {"tiers": {"private": subnets}, "security_groups": {"ecs": group}},
        "roles": {"execution": role, "task": role},
        "repositories": {"api": {"uri": uri}},
        "log_group": "/ecs/tv",
    }


def push(cloud: Any, tag: str) -> str:
    """Put an image into repository api; another tag is another image. Returns its digest."""
    media = "application/vnd.oci.image.manifest.v1+json"
    digest = f"sha256:{tag.encode().hex():0<64}"
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 1}
    manifest = {"schemaVersion": 2, "mediaType": media, "config": config, "layers": []}
    image = cloud.client("ecr").put_image(
        repositoryName="api", imageManifest=json.dumps(manifest), imageManifestMediaType=media, imageTag=tag
    )
    return str(image["image"]["imageId"]["imageDigest"])
