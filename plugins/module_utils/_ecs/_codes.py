# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The closed set of reason codes: what class each is of, and what a person does about it."""

from __future__ import annotations

from dataclasses import dataclass

FAILURE, TRANSIENT, VERDICT_FAILED = "failure", "transient", "verdict_failed"
PROGRESS, VERDICT_OK, EXTERNAL = "progress", "verdict_ok", "external"

_FAILURES = {
    "image_not_found": "Push the image, or correct repository, tag or digest in the task definition.",
    "image_pull_auth": "Grant the execution role ecr:GetAuthorizationToken, ecr:BatchGetImage and "
    "ecr:GetDownloadUrlForLayer (and the repository's policy, across accounts), or set repositoryCredentials.",
    "image_pull_rate_limited": "Pull from ECR (a pull-through cache) or authenticate to the registry.",
    "registry_unreachable": "Give the task's subnets a way to the registry: a NAT gateway, a public address, or the "
    "endpoints ecr.api, ecr.dkr and s3 with a security group that lets 443 in.",
    "architecture_mismatch": "Build the image for the task's CPU (docker buildx build --platform), or set "
    "runtimePlatform.cpuArchitecture to the image's.",
    "disk_full": "Raise ephemeralStorage of the task (or clean the container instance), or make the image smaller.",
    "secret_missing": "Create the secret, its value or its JSON key, or correct the name in the task definition.",
    "secret_invalid": "Check the reference (full ARN, `arn:key:stage:version`), that the value is valid JSON where a "
    "key is asked for, and that the secret is not marked for deletion.",
    "secret_access_denied": "Grant the execution role secretsmanager:GetSecretValue or ssm:GetParameters on it, and "
    "kms:Decrypt on its key.",
    "secrets_unreachable": "Give the task's subnets a way to Secrets Manager and SSM: a NAT gateway, a public address, "
    "or the endpoints secretsmanager and ssm with a security group that lets 443 in.",
    "log_driver_failure": "Check that the log group exists in awslogs-region, that the execution role has "
    "logs:CreateLogStream and logs:PutLogEvents, and that the subnets reach CloudWatch Logs.",
    "efs_mount_failed": "Check the mount targets, port 2049 from the task's security group, the access point and the "
    "task role's elasticfilesystem:ClientMount.",
    "eni_failure": "Check subnets, security groups and tag policies of the network interface; a time-out alone "
    "usually heals by itself.",
    "subnet_ip_exhausted": "Free addresses in the subnet, or add larger subnets to the service.",
    "role_cannot_be_assumed": "Check that the role exists and that its trust policy allows ecs-tasks.amazonaws.com (or "
    "ecs.amazonaws.com for an infrastructure role). A role made a moment ago heals by itself.",
    "iam_permission_denied": "Grant the action that is named to the role that is named.",
    "command_not_found": "Correct entryPoint or command, or add the file to the image, executable.",
    "container_start_failed": "Read the text: the container runtime refused. Try the image with the same command and "
    "user in a local container.",
    "container_dependency_failed": "Look at the container that others depend on: its exit code, health check and logs.",
    "start_timeout": "Make the container start faster, or raise startTimeout / stopTimeout.",
    "container_stop_failed": "The container runtime lost control of a container; replace the task or its instance.",
    "port_conflict": "Use another host port, dynamic ports, or more container instances.",
    "invalid_cpu_memory": "Choose a supported pair of cpu and memory, within the quota of the account.",
    "task_definition_inactive": "Register the task definition again and deploy that revision.",
    "resource_unavailable_device": "Run on instances that have the device, or take it out of the task definition.",
    "oom_killed": "Raise the memory of the container or task, or find out what eats it.",
    "essential_container_exited": "Read its last log lines and exit code: the program ended by itself.",
    "container_health_check_failed": "Run the health check's command in the container (is curl in the image?), and "
    "give it a longer startPeriod if the program starts slowly.",
    "elb_health_check_failed": "Check path, port and expected codes of the target group, the way from the load "
    "balancer's security group to the task, and the grace period.",
    "target_group_misconfigured": "Check that the target group exists in the service's VPC, has type ip for awsvpc, "
    "and is behind a listener rule.",
    "no_capacity": "Add capacity: other zones or subnets, FARGATE beside FARGATE_SPOT, or container instances that "
    "fit the task's cpu, memory, ports and attributes.",
    "quota_exceeded": "Raise the quota in Service Quotas, or run less.",
    "scheduler_backoff": "Tasks fail again and again and ECS waits longer each time: see the stopped tasks' reasons.",
    "service_inactive": "The service is deleted or being deleted: check cluster and name, or create it again.",
    "deployment_config_blocks": "Raise maximumPercent or lower minimumHealthyPercent so that a task can start or stop.",
    "task_protection": "Wait for the scale-in protection of the old tasks to end, or take it away "
    "(aws ecs update-task-protection --no-protection-enabled).",
}
_TRANSIENTS = {
    "spot_interruption": "Spot capacity was taken back; ECS starts another task.",
    "host_lost": "The host of the task is gone or not connected; ECS starts another task elsewhere.",
    "platform_retirement": "AWS maintains the host; ECS starts another task.",
    "internal_error": "An error inside AWS. If it stays, check that the subnets' zones are supported.",
    "scheduler_throttled": "ECS throttles its own calls and goes on by itself.",
}
_VERDICTS_FAILED = {
    "circuit_breaker_triggered": "ECS gave the deployment up because its tasks kept failing: see the stopped tasks.",
    "deployment_alarm_triggered": "A CloudWatch alarm of the deployment fired: see what it measures.",
    "lifecycle_hook_failed": "A lifecycle hook said no or broke: see the log of its Lambda function.",
    "rollback_started": "ECS goes back to the last revision that worked: see why the deployment failed.",
    "rollback_impossible": "No earlier deployment was completed, so there is nothing to go back to: correct the cause "
    "and deploy again.",
}
_PROGRESSES = {
    "deployment_in_progress": "The deployment has not ended yet.",
    "steady_state": "The service is steady, which says nothing about one deployment.",
    "task_started": "",
    "task_stopped_routine": "",
    "target_registered": "",
    "target_deregistered": "",
    "draining": "",
    "az_rebalance": "",
    "scaling": "Stopped by a deployment or by scaling, not by a failure.",
}
_OKS = {"deployment_completed": ""}
_EXTERNALS = {
    "user_stopped": "Somebody stopped the task: ask before starting it again.",
    "superseded": "Another deployment took this one's place: follow that one.",
}

CLASS_OF: dict[str, str] = {
    code: class_
    for class_, codes in (
        (FAILURE, _FAILURES),
        (TRANSIENT, _TRANSIENTS),
        (VERDICT_FAILED, _VERDICTS_FAILED),
        (PROGRESS, _PROGRESSES),
        (VERDICT_OK, _OKS),
        (EXTERNAL, _EXTERNALS),
    )
    for code in codes
}
HINT_OF: dict[str, str] = {**_FAILURES, **_TRANSIENTS, **_VERDICTS_FAILED, **_PROGRESSES, **_OKS, **_EXTERNALS}


@dataclass(frozen=True)
class Reason:
    """Why: code and class of the closed set, the text as AWS gave it, and what to do."""

    code: str
    class_: str
    text: str
    hint: str

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "class": self.class_, "text": self.text, "hint": self.hint}


def reason_of(code: str, text: str) -> Reason:
    """The Reason of a code of the set. Raises KeyError for any other."""
    return Reason(code, CLASS_OF[code], text, HINT_OF[code])
