# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import hashlib
import json

import pytest

from tests.support.ecs import OURS, STACK, TRUST, surroundings
from tests.support.modules import ModuleFailed, call

ACCOUNT = "123456789012"
SERVICES = [
    {
        "name": "web",
        "task_definition": "api",
        "count": 2,
        "security_groups": ["ecs"],
        "load_balancers": [{"target_group": "web", "container": "web", "port": 3000}],
    }
]
PERMISSIONS = [
    {"Effect": "Allow", "Action": ["ecr:*", "logs:*"], "Resource": "*"},
    {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"},
]


class Ready:
    """A stack whose tasks would come up: everything that a test does not spoil is there."""

    def __init__(self, cloud):
        self.cloud, self.around = cloud, surroundings(cloud)
        self.networking = self.around["networking"]
        ec2, elb, iam = cloud.client("ec2"), cloud.client("elbv2"), cloud.client("iam")
        self.private = self.networking["tiers"]["private"]
        self.vpc = ec2.describe_subnets(SubnetIds=self.private)["Subnets"][0]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        (self.table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"]
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=self.private[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
        ec2.create_route(RouteTableId=self.table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
        group = elb.create_target_group(
            Name="web", Protocol="HTTP", Port=3000, VpcId=self.vpc, TargetType="ip", HealthCheckTimeoutSeconds=5
        )["TargetGroups"][0]["TargetGroupArn"]
        balancer = elb.create_load_balancer(Name="web", Subnets=self.private)["LoadBalancers"][0]["LoadBalancerArn"]
        forward = [{"Type": "forward", "TargetGroupArn": group}]
        elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward)
        self.alb = {"target_groups": {"web": {"arn": group}}}
        iam.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(TRUST))
        self.allow(PERMISSIONS)
        secrets = cloud.client("secretsmanager")
        self.secret = secrets.create_secret(Name="app/settings", SecretString='{"key": "hidden-value"}', Tags=OURS)[
            "ARN"
        ]
        self.digest = self.push("amd64")
        call("ecs_cluster", stack=STACK, name="tv")

    def allow(self, statements):
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.cloud.client("iam").put_role_policy(RoleName="execution", PolicyName="needs", PolicyDocument=policy)

    def push(self, architecture):
        """A whole image, its configuration included, as a builder pushes it."""
        ecr = self.cloud.client("ecr")
        content = json.dumps({"architecture": architecture, "os": "linux"}).encode()
        upload = ecr.initiate_layer_upload(repositoryName="api")["uploadId"]
        ecr.upload_layer_part(
            repositoryName="api", uploadId=upload, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content
        )
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        ecr.complete_layer_upload(repositoryName="api", uploadId=upload, layerDigests=[digest])
        media = "application/vnd.oci.image.manifest.v1+json"
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(content)}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "config": config, "layers": []})
        image = ecr.put_image(
            repositoryName="api", imageManifest=manifest, imageManifestMediaType=media, imageTag=architecture
        )
        return image["image"]["imageId"]["imageDigest"]

    def define(self, **container):
        arn = f"arn:aws:iam::{ACCOUNT}:role/execution"
        definition = {
            "name": "web",
            "image": f"{self.around['repositories']['api']['uri']}@{self.digest}",
            "portMappings": [{"containerPort": 3000}],
            "secrets": [{"name": "KEY", "valueFrom": f"{self.secret}:key::"}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "/ecs/tv", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web"},
            },
            **container,
        }
        answer = self.cloud.client("ecs").register_task_definition(
            family="api",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            executionRoleArn=arn,
            taskRoleArn=arn,
            containerDefinitions=[definition],
        )
        return answer["taskDefinition"]["taskDefinitionArn"]

    def preflight(self, services=None, definition=None, **options):
        return call(
            "ecs_preflight",
            stack=STACK,
            cluster="tv",
            services=services or SERVICES,
            task_definitions={"api": definition or self.define()},
            networking=self.networking,
            alb=self.alb,
            **options,
        )

    def bad(self, **options):
        """(level, what, why) of what is not OK."""
        seen = self.preflight(fail=False, **options)
        return [(it["level"], it["what"], it["why"]) for it in seen["checks"] if it["level"] != "OK"]


@pytest.fixture
def ready(cloud):
    return Ready(cloud)


def the_one(found, level, what, why):
    """Among the findings is this one, and every other one of its level is of the same kind."""
    assert any(it[:2] == (level, what) and why in it[2] for it in found), found
    assert {it[1] for it in found if it[0] == "FAIL"} <= {what}, found


def test_a_stack_that_is_ready_has_nothing_but_ok(ready):
    seen = ready.preflight()
    assert [it for it in seen["checks"] if it["level"] != "OK"] == []
    assert seen["ok"] and not seen["changed"]
    kinds = {it["what"] for it in seen["checks"]}
    assert kinds == {
        "task size", "image", "role", "secret", "log group", "permission", "addresses", "route", "security groups",
        "container port", "target group", "health check", "circuit breaker",
    }  # fmt: skip
    (table,) = seen["report"]
    assert table["title"].startswith("Preflight of tvshows-prod: ") and table["title"].endswith("0 WARN, 0 FAIL")
    assert {row[0] for row in table["rows"]} == {"OK"}
    assert "hidden-value" not in json.dumps(seen)


def test_the_look_writes_nothing_and_takes_few_calls(ready):
    definition = ready.define()
    ready.cloud.client("ecs").describe_clusters()
    seen = ready.preflight(definition=definition)
    assert seen["api_calls"] <= 20


def test_every_failure_is_in_the_message(ready):
    ready.cloud.client("logs").delete_log_group(logGroupName="/ecs/tv")
    ready.cloud.client("secretsmanager").put_secret_value(SecretId="app/settings", SecretString='{"other": 1}')
    with pytest.raises(ModuleFailed) as failed:
        ready.preflight()
    text = str(failed.value)
    assert text.startswith("The tasks of tvshows-prod would not come up, 2 of the checks before the rollout failed")
    assert "log group /ecs/tv: it is not there. Run site.yml" in text
    assert "app/settings has no key key, it has other" in text
    assert text.endswith("Correct it and repeat the run.")
    assert failed.value.result["report"] and failed.value.result["ok"] is False


def test_an_image_that_is_gone(ready):
    ready.cloud.client("ecr").batch_delete_image(repositoryName="api", imageIds=[{"imageDigest": ready.digest}])
    the_one(ready.bad(), "FAIL", "image", "it is not there")


def test_an_image_for_another_architecture(ready):
    ready.digest = ready.push("arm64")
    the_one(ready.bad(), "FAIL", "image", "it is for arm64, task api runs on amd64")


def test_an_image_index_lists_its_platforms(ready):
    media = "application/vnd.oci.image.index.v1+json"
    entries = [
        {"digest": f"sha256:{n * 64}", "size": 1, "platform": {"os": "linux", "architecture": name}}
        for n, name in (("a", "arm64"), ("b", "unknown"))
    ]
    image = ready.cloud.client("ecr").put_image(
        repositoryName="api",
        imageManifest=json.dumps({"schemaVersion": 2, "mediaType": media, "manifests": entries}),
        imageManifestMediaType=media,
        imageTag="index",
    )
    ready.digest = image["image"]["imageId"]["imageDigest"]
    the_one(ready.bad(), "FAIL", "image", "it is for arm64, task api runs on amd64")


def test_an_image_without_a_readable_configuration_is_a_warning(ready):
    ready.digest = ready.cloud.client("ecr").describe_images(repositoryName="api", imageIds=[{"imageTag": "latest"}])[
        "imageDetails"
    ][0]["imageDigest"]
    assert ready.bad() == [("WARN", "image", "its architecture is not known")]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(
            lambda it, arn: it.put_secret_value(SecretId=arn, SecretString="text"), "no JSON object", id="text"
        ),
        pytest.param(lambda it, arn: it.delete_secret(SecretId=arn), "marked for deletion", id="deleted"),
        pytest.param(
            lambda it, arn: it.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True), "is not there", id="gone"
        ),
    ],
)
def test_a_secret_that_a_task_could_not_read(ready, spoil, why):
    spoil(ready.cloud.client("secretsmanager"), ready.secret)
    the_one(ready.bad(), "FAIL", "secret", why)


def test_a_secret_without_a_value(ready):
    empty = ready.cloud.client("secretsmanager").create_secret(Name="app/empty")["ARN"]
    definition = ready.define(secrets=[{"name": "KEY", "valueFrom": empty}])
    the_one(ready.bad(definition=definition), "FAIL", "secret", "app/empty has no value (stage AWSCURRENT)")


def test_a_permission_that_the_execution_role_lacks(ready):
    ready.allow(PERMISSIONS[:1])
    the_one(ready.bad(), "FAIL", "permission", f"not allowed on {ready.secret}")


def test_a_key_that_the_execution_role_may_not_use(ready):
    key = ready.cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    ready.cloud.client("secretsmanager").update_secret(SecretId="app/settings", KmsKeyId=key)
    the_one(ready.bad(), "FAIL", "permission", f"not allowed on {key}")
    ready.allow([*PERMISSIONS, {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}])
    assert ready.bad() == []
    ready.cloud.client("kms").disable_key(KeyId=key)
    the_one(ready.bad(), "FAIL", "KMS key", "its state is Disabled")


def test_an_alias_stands_for_its_key(ready):
    kms = ready.cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    ready.cloud.client("secretsmanager").update_secret(SecretId="app/settings", KmsKeyId="alias/app")
    the_one(ready.bad(), "FAIL", "permission", f"not allowed on {key}")
    ready.allow([*PERMISSIONS, {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}])
    assert ready.bad() == []


def test_a_role_that_tasks_may_not_assume(ready):
    policy = json.dumps(TRUST).replace("ecs-tasks", "ec2")
    ready.cloud.client("iam").update_assume_role_policy(RoleName="execution", PolicyDocument=policy)
    the_one(ready.bad(), "FAIL", "role", "ecs-tasks.amazonaws.com may not assume it")


def test_no_way_out_of_the_subnets(ready):
    ec2 = ready.cloud.client("ec2")
    ec2.delete_route(RouteTableId=ready.table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")
    missing = "no way to ECR, the layers of images in ECR, Secrets Manager, CloudWatch Logs"
    the_one(ready.bad(), "FAIL", "route", missing)
    group = ready.networking["security_groups"]["ecs"]
    for name in ("ecr.api", "ecr.dkr", "secretsmanager", "logs"):
        ec2.create_vpc_endpoint(
            VpcId=ready.vpc,
            ServiceName=f"com.amazonaws.us-east-1.{name}",
            VpcEndpointType="Interface",
            SubnetIds=ready.private,
            SecurityGroupIds=[group],
            PrivateDnsEnabled=True,
        )
    the_one(ready.bad(), "FAIL", "route", "no way to the layers of images in ECR: the subnet has no default route")
    ec2.create_vpc_endpoint(
        VpcId=ready.vpc,
        ServiceName="com.amazonaws.us-east-1.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[ready.table["RouteTableId"]],
    )
    the_one(ready.bad(), "FAIL", "endpoint", "ecs does not let web in on port 443")
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert ready.bad() == []


def test_a_target_group_of_another_vpc_and_kind(ready):
    elb, ec2 = ready.cloud.client("elbv2"), ready.cloud.client("ec2")
    other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    arn = elb.create_target_group(Name="x", Protocol="HTTP", Port=80, VpcId=other, TargetType="instance")
    ready.alb["target_groups"]["web"]["arn"] = arn["TargetGroups"][0]["TargetGroupArn"]
    found = ready.bad()
    the_one(found, "FAIL", "target group", f"it is in {other}, the tasks run in {ready.vpc}")
    the_one(found, "FAIL", "target group", "its target type is instance")
    the_one(found, "FAIL", "target group", "no listener forwards to it")


def test_a_target_group_that_is_gone(ready):
    ready.alb["target_groups"]["web"]["arn"] += "0"
    the_one(ready.bad(), "FAIL", "target group", "it is not there")


def test_a_port_that_the_container_does_not_list(ready):
    services = copy.deepcopy(SERVICES)
    services[0]["load_balancers"][0]["port"] = 8080
    the_one(ready.bad(services=services), "FAIL", "container port", "the container lists 3000")


@pytest.mark.parametrize("denied", ["simulation", "everything"])
def test_what_this_run_may_not_look_at_is_a_warning_or_judged_here(ready, denied):
    definition = ready.define()
    looks = {
        "iam": ["SimulatePrincipalPolicy"] if denied == "simulation" else ["*"],
        "ec2": [] if denied == "simulation" else ["*"],
        "secretsmanager": [] if denied == "simulation" else ["*"],
        "logs": [] if denied == "simulation" else ["*"],
        "ecr": [] if denied == "simulation" else ["*"],
        "elasticloadbalancing": [] if denied == "simulation" else ["*"],
    }
    for service, operations in looks.items():
        for operation in operations:
            match = {"aws_service": service, "operation": operation}
            fault = {"kind": "api_error", "code": "AccessDeniedException", "message": "no", "status": 403}
            ready.cloud.post("/local-cloud/faults", {**fault, "match": match})
    found = ready.bad(definition=definition)
    if denied == "simulation":
        assert found == []
        return
    assert {level for level, _what, _why in found} == {"WARN"}
    assert {what for _level, what, _why in found} >= {"image", "role", "secret", "log group", "permission", "subnets"}
    assert all("not checked: AccessDenied" in why for _level, _what, why in found)
