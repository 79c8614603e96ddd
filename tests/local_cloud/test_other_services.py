# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixes of the other services, each against what its API reference says."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_cloud_support import ACCOUNT, Cloud, until


def error_code(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def make_nat(cloud: Cloud) -> tuple[Any, str, str]:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    tags = [{"Key": "Name", "Value": "n"}]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}])[
        "AllocationId"
    ]
    gateway = ec2.create_nat_gateway(
        SubnetId=subnet,
        AllocationId=address,
        TagSpecifications=[{"ResourceType": "natgateway", "Tags": tags}],
    )["NatGateway"]
    return ec2, gateway["NatGatewayId"], subnet


def test_ec2_tag_types(cloud: Cloud) -> None:
    ec2, gateway, _subnet = make_nat(cloud)
    assert {tag["ResourceType"] for tag in ec2.describe_tags()["Tags"]} == {"natgateway", "elastic-ip"}
    only = ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": ["natgateway"]}])["Tags"]
    assert [tag["ResourceId"] for tag in only] == [gateway]


def test_ec2_nat_gateway_states_and_address(cloud: Cloud) -> None:
    cloud.control("POST", "settings", {"nat_gateway_seconds": 0.2})
    ec2, gateway, subnet = make_nat(cloud)

    def look() -> dict[str, Any]:
        return dict(ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0])

    assert look()["State"] == "pending"
    seen = until(look, lambda found: found["State"] == "available")
    assert seen["NatGatewayAddresses"][0]["PrivateIp"].startswith("10.0.0.")
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert look()["State"] == "deleting"
    until(look, lambda found: found["State"] == "deleted")
    ec2.delete_subnet(SubnetId=subnet)
    ec2.release_address(AllocationId=ec2.describe_addresses()["Addresses"][0]["AllocationId"])


def test_dynamodb_table_id(cloud: Cloud) -> None:
    table = {
        "TableName": "t",
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    client = cloud.client("dynamodb")
    made = client.create_table(**table)["TableDescription"]["TableId"]
    assert client.describe_table(TableName="t")["Table"]["TableId"] == made


def test_kms_keys_by_arn(cloud: Cloud) -> None:
    kms = cloud.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=arn)
    kms.enable_key(KeyId=arn)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Enabled"


def test_wafv2_resources_of_a_web_acl(cloud: Cloud) -> None:
    waf = cloud.client("wafv2")
    visibility = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "w"}
    acl = waf.create_web_acl(Name="w", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=visibility)
    balancer = f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:loadbalancer/app/web/0123456789abcdef"
    assert waf.list_resources_for_web_acl(WebACLArn=acl["Summary"]["ARN"])["ResourceArns"] == []
    waf.associate_web_acl(WebACLArn=acl["Summary"]["ARN"], ResourceArn=balancer)
    assert waf.list_resources_for_web_acl(WebACLArn=acl["Summary"]["ARN"])["ResourceArns"] == [balancer]


def test_backup_vaults_and_selections(cloud: Cloud) -> None:
    backup = cloud.client("backup")
    assert error_code(backup.describe_backup_vault, BackupVaultName="v") == "AccessDeniedException"
    backup.create_backup_vault(BackupVaultName="v")
    rule = {"RuleName": "daily", "TargetBackupVaultName": "v"}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule]})["BackupPlanId"]
    selection = {"SelectionName": "s", "IamRoleArn": f"arn:aws:iam::{ACCOUNT}:role/b", "Resources": ["*"]}
    made = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)["SelectionId"]
    listed = backup.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]
    assert [entry["SelectionName"] for entry in listed] == ["s"]
    assert backup.get_backup_selection(BackupPlanId=plan, SelectionId=made)["BackupSelection"] == selection
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=made)
    assert backup.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"] == []


def test_s3_policies_with_conditions_let_the_stack_in(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="logs-bucket")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::logs-bucket/*"}
    statement = {**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket="logs-bucket", Policy=json.dumps(policy))
    s3.put_object(Bucket="logs-bucket", Key="k", Body=b"x" * 70_000)
    assert s3.head_object(Bucket="logs-bucket", Key="k")["ContentLength"] == 70_000
    s3.put_bucket_policy(Bucket="logs-bucket", Policy=json.dumps({**policy, "Statement": [deny]}))
    assert error_code(s3.put_object, Bucket="logs-bucket", Key="k", Body=b"x") in ("AccessDenied", "403")


def test_iam_has_the_managed_policies_of_aws(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [arn]


def test_iam_simulation(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    secret = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:a-123456"
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document)
    answer = iam.simulate_principal_policy(
        PolicySourceArn=role, ActionNames=["secretsmanager:GetSecretValue"], ResourceArns=[secret, secret + "x"]
    )
    decisions = [result["EvalDecision"] for result in answer["EvaluationResults"]]
    assert decisions == ["allowed", "implicitDeny"]


def test_iam_simulation_knows_the_wildcards(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    secret = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:a/b.c"
    statement = {"Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": f"{secret}-??????"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document)
    resources = [f"{secret}-123456", f"{secret}-1234567", f"{secret.replace('.', 'x')}-123456"]
    answer = iam.simulate_principal_policy(
        PolicySourceArn=role, ActionNames=["secretsmanager:GetSecretValue"], ResourceArns=resources
    )
    decisions = [result["EvalDecision"] for result in answer["EvaluationResults"]]
    assert decisions == ["allowed", "implicitDeny", "implicitDeny"]


def test_secrets_without_a_value(cloud: Cloud) -> None:
    secrets = cloud.client("secretsmanager")
    arn = secrets.create_secret(Name="empty", Tags=[{"Key": "a", "Value": "b"}])["ARN"]
    secrets.create_secret(Name="full", SecretString="v")
    assert "VersionIdsToStages" not in secrets.describe_secret(SecretId=arn)
    assert error_code(secrets.get_secret_value, SecretId="empty") == "ResourceNotFoundException"
    batch = secrets.batch_get_secret_value(SecretIdList=["empty", "full"])
    assert [value["SecretString"] for value in batch["SecretValues"]] == ["v"]
    assert [(e["SecretId"], e["ErrorCode"]) for e in batch["Errors"]] == [("empty", "ResourceNotFoundException")]
    secrets.put_secret_value(SecretId="empty", SecretString="now")
    assert secrets.get_secret_value(SecretId="empty")["SecretString"] == "now"
    assert secrets.describe_secret(SecretId=arn)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_names_of_deleted_secrets_stay_taken(cloud: Cloud) -> None:
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="s", SecretString="v")
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    assert error_code(secrets.create_secret, Name="s", SecretString="v") == "InvalidRequestException"
    secrets.restore_secret(SecretId="s")
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "v"


def test_replicas_of_secrets(cloud: Cloud) -> None:
    secrets = cloud.client("secretsmanager")
    arn = secrets.create_secret(Name="s", SecretString="v", AddReplicaRegions=[{"Region": "us-west-2"}])["ARN"]
    assert cloud.client("secretsmanager", "us-west-2").get_secret_value(SecretId="s")["SecretString"] == "v"
    removed = secrets.remove_regions_from_replication(SecretId="s", RemoveReplicaRegions=["us-west-2"])
    assert (removed["ARN"], removed["ReplicationStatus"]) == (arn, [])


def test_certificates_wait_for_their_record(cloud: Cloud) -> None:
    acm, dns = cloud.client("acm"), cloud.client("route53")
    zone = dns.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    arn = acm.request_certificate(
        DomainName="api.example.com", SubjectAlternativeNames=["*.api.example.com"], ValidationMethod="DNS"
    )["CertificateArn"]

    def look() -> dict[str, Any]:
        return dict(acm.describe_certificate(CertificateArn=arn)["Certificate"])

    seen = look()
    assert seen["Status"] == "PENDING_VALIDATION"
    records = [option["ResourceRecord"] for option in seen["DomainValidationOptions"]]
    assert records[0] == records[1] == look()["DomainValidationOptions"][0]["ResourceRecord"]
    cloud.control("POST", "settings", {"certificate_seconds": 0.2})
    entry = {
        "Name": records[0]["Name"],
        "Type": "CNAME",
        "TTL": 60,
        "ResourceRecords": [{"Value": records[0]["Value"]}],
    }
    change = {"Action": "UPSERT", "ResourceRecordSet": entry}
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    assert look()["Status"] == "PENDING_VALIDATION"
    until(lambda: look()["Status"], lambda status: status == "ISSUED")


@pytest.mark.parametrize(
    ("needs_record", "status"),
    [
        pytest.param(False, "ISSUED", id="DNS elsewhere is taken to be done"),
        pytest.param(True, "PENDING_VALIDATION", id="unless the setting says not"),
    ],
)
def test_certificates_of_domains_elsewhere(cloud: Cloud, needs_record: bool, status: str) -> None:
    cloud.control("POST", "settings", {"certificate_needs_record": needs_record})
    acm = cloud.client("acm")
    arn = acm.request_certificate(DomainName="a.example.org", ValidationMethod="DNS")["CertificateArn"]
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == status


ALARM = {
    "AlarmName": "cpu",
    "MetricName": "CPUUtilization",
    "Namespace": "AWS/ECS",
    "Period": 300,
    "EvaluationPeriods": 2,
    "Threshold": 80.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "Statistic": "Average",
    "TreatMissingData": "notBreaching",
    "Dimensions": [{"Name": "ClusterName", "Value": "main"}],
}


def test_alarms_begin_without_data_and_keep_their_state(cloud: Cloud) -> None:
    watch = cloud.client("cloudwatch")
    watch.put_metric_alarm(**ALARM, Tags=[{"Key": "team", "Value": "tv"}])
    seen = watch.describe_alarms(AlarmNames=["cpu"])["MetricAlarms"][0]
    assert seen["StateValue"] == "INSUFFICIENT_DATA"
    assert seen.items() >= ALARM.items()
    assert watch.list_tags_for_resource(ResourceARN=seen["AlarmArn"])["Tags"] == [{"Key": "team", "Value": "tv"}]
    watch.set_alarm_state(AlarmName="cpu", StateValue="ALARM", StateReason="test")
    watch.put_metric_alarm(**{**ALARM, "Threshold": 90.0})
    assert watch.describe_alarms(AlarmNames=["cpu"])["MetricAlarms"][0]["StateValue"] == "ALARM"


def test_composite_alarms(cloud: Cloud) -> None:
    watch = cloud.client("cloudwatch")
    watch.put_metric_alarm(**ALARM)
    watch.put_composite_alarm(AlarmName="any", AlarmRule="ALARM(cpu)", AlarmActions=["arn:aws:sns:us-east-1:1:t"])
    found = watch.describe_alarms(AlarmTypes=["CompositeAlarm"])
    assert (found["MetricAlarms"], found["CompositeAlarms"][0]["AlarmRule"]) == ([], "ALARM(cpu)")
    assert watch.describe_alarms()["CompositeAlarms"] == []
    watch.delete_alarms(AlarmNames=["any"])
    assert watch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"] == []


def test_log_retention_is_one_of_a_list(cloud: Cloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g", tags={"a": "b"})
    logs.put_retention_policy(logGroupName="g", retentionInDays=30)
    assert error_code(logs.put_retention_policy, logGroupName="g", retentionInDays=31) == "InvalidParameterException"
    group = logs.describe_log_groups(logGroupNamePrefix="g")["logGroups"][0]
    assert group["retentionInDays"] == 30
    assert logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"] == {"a": "b"}


def test_subscriptions_by_mail_are_pending(cloud: Cloud) -> None:
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://events.example.com/x")
    found = {
        s["Protocol"]: s["SubscriptionArn"] for s in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    }
    assert found["email"] == "PendingConfirmation"
    assert found["https"].startswith(topic)


def test_ecr_digests_tags_and_scans(cloud: Cloud) -> None:
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="web", imageScanningConfiguration={"scanOnPush": True})
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2, "digest": "sha256:" + "a" * 64}
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 3, "digest": "sha256:" + "b" * 64}
    media_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer]})
    digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
    for tag in ("1", "2"):
        pushed = ecr.put_image(repositoryName="web", imageManifest=manifest, imageTag=tag)["image"]
        assert pushed["imageId"]["imageDigest"] == digest
    assert error_code(ecr.put_image, repositoryName="web", imageManifest=manifest, imageTag="2") == (
        "ImageAlreadyExistsException"
    )
    detail = ecr.describe_images(repositoryName="web", imageIds=[{"imageDigest": digest}])["imageDetails"][0]
    assert (sorted(detail["imageTags"]), detail["imageSizeInBytes"]) == (["1", "2"], 5)
    batch = ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1"}, {"imageTag": "9"}])
    assert batch["images"][0]["imageId"] == {"imageDigest": digest, "imageTag": "1"}
    assert [failure["failureCode"] for failure in batch["failures"]] == ["ImageNotFound"]
    scan = ecr.describe_image_scan_findings(repositoryName="web", imageId={"imageDigest": digest})
    assert scan["imageScanStatus"]["status"] == "COMPLETE"


def test_ecr_immutable_tags(cloud: Cloud) -> None:
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="web", imageTagMutability="IMMUTABLE")
    base = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    ecr.put_image(repositoryName="web", imageManifest=json.dumps({**base, "annotations": {"n": "1"}}), imageTag="1")
    other = json.dumps({**base, "annotations": {"n": "2"}})
    code = error_code(ecr.put_image, repositoryName="web", imageManifest=other, imageTag="1")
    assert code == "ImageTagAlreadyExistsException"


def test_scheduled_scaling_actions(cloud: Cloud) -> None:
    cloud.client("ecs").create_cluster(clusterName="main")
    scaling = cloud.client("application-autoscaling")
    target = {"ServiceNamespace": "dynamodb", "ScalableDimension": "dynamodb:table:ReadCapacityUnits"}
    scaling.register_scalable_target(**target, ResourceId="table/t", MinCapacity=1, MaxCapacity=4)
    action = {"ScheduledActionName": "night", "Schedule": "cron(0 22 * * ? *)", "Timezone": "Europe/Berlin"}
    capacity = {"MinCapacity": 0, "MaxCapacity": 1}
    scaling.put_scheduled_action(**target, ResourceId="table/t", **action, ScalableTargetAction=capacity)
    found = scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"][0]
    assert found.items() >= {**action, "ScalableTargetAction": capacity}.items()
    scaling.delete_scheduled_action(**target, ResourceId="table/t", ScheduledActionName="night")
    assert scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"] == []


def test_the_tagging_api_finds_what_a_stack_has(cloud: Cloud) -> None:
    tags = [{"Key": "stack", "Value": "x"}]
    ec2 = cloud.client("ec2")
    ec2.allocate_address(Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}])
    cloud.client("ecr").create_repository(repositoryName="web", tags=tags)
    cloud.client("secretsmanager").create_secret(Name="s", Tags=tags)
    cloud.client("rds").create_db_parameter_group(
        DBParameterGroupName="pg", DBParameterGroupFamily="postgres16", Description="d", Tags=tags
    )
    cloud.client("ecs").create_cluster(clusterName="c", tags=[{"key": "stack", "value": "x"}])
    cloud.client("logs").create_log_group(logGroupName="g", tags={"stack": "x"})
    api = cloud.client("resourcegroupstaggingapi")
    found = api.get_resources(TagFilters=[{"Key": "stack", "Values": ["x"]}])["ResourceTagMappingList"]
    kinds = sorted(":".join(entry["ResourceARN"].split(":")[2:6:3]).split("/")[0] for entry in found)
    assert kinds == [
        "ec2:elastic-ip",
        "ecr:repository",
        "ecs:cluster",
        "logs:log-group",
        "rds:pg",
        "secretsmanager:secret",
    ]
    only = api.get_resources(ResourceTypeFilters=["ecr:repository"])["ResourceTagMappingList"]
    assert [entry["ResourceARN"] for entry in only] == [f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/web"]


def test_efs_tags_by_the_old_calls(cloud: Cloud) -> None:
    efs = cloud.client("efs")
    identity = efs.create_file_system(CreationToken="t")["FileSystemId"]
    efs.create_tags(FileSystemId=identity, Tags=[{"Key": "a", "Value": "b"}])
    assert efs.describe_tags(FileSystemId=identity)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_scaling_policies_and_their_alarms_go_with_the_target(cloud: Cloud) -> None:
    scaling = cloud.client("application-autoscaling")
    target = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/t",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    tracking = {
        "TargetValue": 70.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
    }
    for resource in ("table/t", "table/other"):
        named = {**target, "ResourceId": resource}
        scaling.register_scalable_target(**named, MinCapacity=1, MaxCapacity=2)
        scaling.put_scaling_policy(
            **named,
            PolicyName="cpu",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=tracking,
        )
    alarms = len(cloud.client("cloudwatch").describe_alarms()["MetricAlarms"])
    scaling.deregister_scalable_target(**target)
    left = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert [policy["ResourceId"] for policy in left] == ["table/other"]
    assert len(cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]) == alarms / 2 > 0
