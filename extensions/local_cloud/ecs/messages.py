# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ECS says, word for word, each with the place where it was written down.

GUIDE is https://docs.aws.amazon.com/AmazonECS/latest/developerguide/.
"""

from __future__ import annotations

# GUIDE service-event-messages-list.html, "service (service-name) has reached a steady state."
STEADY = "has reached a steady state."
# GUIDE service-event-messages-list.html and ecs_service_deployment_events.html
DEPLOYMENT_COMPLETED = "(deployment {deployment}) deployment completed."
# GUIDE service-event-messages-list.html for the forms; the brackets around names and their order in a rollout are those
# that service owners report, for instance in https://github.com/aws/copilot-cli/issues/1879
STARTED = "has started {count} tasks: {tasks}."
STOPPED_RUNNING = "has stopped {count} running tasks: {tasks}."
STOPPED_PENDING = "stopped {count} pending tasks."
REGISTERED = "registered {count} targets in (target-group {target_group})"
DEREGISTERED = "deregistered {count} targets in (target-group {target_group})"
DRAINING = "has begun draining connections on {count} tasks."
REPLACED = "has started {count} tasks: {tasks}. Amazon ECS replaced {count} tasks due to an unhealthy status."

# GUIDE deployment-circuit-breaker.html: rolloutStateReason of a deployment
IN_PROGRESS = "ECS deployment {deployment} in progress."
COMPLETED = "ECS deployment {deployment} completed."
BREAKER_FAILED = "ECS deployment circuit breaker: tasks failed to start."
BREAKER_ROLLING_BACK = "ECS deployment circuit breaker: rolling back to deploymentId {deployment}."
BREAKER_FAILED_EVENT = "(deployment {deployment}) deployment failed: tasks failed to start."
ROLLING_BACK_EVENT = "rolling back to deployment {deployment}."
# The event as ECS writes it: https://github.com/aws/copilot-cli (internal/pkg/stream/ecs_test.go)
ALARM_FAILED_EVENT = "(deployment {deployment}) deployment failed: alarm detected."
# Not written down verbatim anywhere public: our wording, after the pattern of the circuit breaker's
ALARM_FAILED = "ECS deployment failed: alarm detected."
ALARM_ROLLING_BACK = "ECS deployment alarms: rolling back to deploymentId {deployment}."
SUPERSEDED = "Deployment stopped due to new deployment."
STOPPED_BY_REQUEST = "Service deployment stopped by user."
STOPPED_WITH_ROLLBACK = "Rollback requested by user."
USER_ROLLING_BACK = "ECS deployment rollback requested by user: rolling back to deploymentId {deployment}."
ROLLED_BACK_AT_HOOK = "Rollback was requested at a paused lifecycle hook."
HOOK_FAILED = "Lifecycle hook target {target} returned FAILED status."
# GUIDE service-event-messages-list.html
CANNOT_START_CONSISTENTLY = (
    "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the"
    " Amazon ECS Developer Guide."
)
# GUIDE service-event-messages-list.html, the headings of those names
DEPLOYMENT_BLOCKED = (
    "was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the"
    " minimumHealthyPercent or maximumPercent value and try again."
)
SCHEDULER_THROTTLED = "operations are being throttled. Will try again later."
QUOTA_EXCEEDED = "You\u2019ve reached the limit on the number of vCPUs you can run concurrently"
# https://github.com/aws/copilot-cli (internal/pkg/stream/ecs_test.go); the error is that of Elastic Load Balancing
REGISTER_FAILED = "failed to register targets in (target-group {target_group}) with (error {error})"
TARGET_GROUP_MISSING = "One or more target groups not found"
# GUIDE service-event-messages-list.html, "was unable to place a task"; on Fargate the reason is that of the stopped
# task, as in https://github.com/aws/containers-roadmap/issues/1206
UNABLE_TO_PLACE = "was unable to place a task. Reason: {reason}."
# GUIDE service-event-messages-list.html (error ...); the whole text in
# https://github.com/hashicorp/terraform-provider-aws/issues/3972
FAILED_TO_LAUNCH = "failed to launch a task with (error {reason})."
ROLE_NOT_ASSUMABLE = (
    "ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role being"
    " passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this"
    " role."
)
# GUIDE service-event-messages-list.html, "... (port 8080) is unhealthy in (target-group ...) due to (reason ...)"
TARGET_UNHEALTHY = "(task {task}) (port {port}) is unhealthy in (target-group {target_group}) due to (reason {reason})."
# GUIDE service-event-messages-list.html
CONTAINER_UNHEALTHY = "(task {task}) failed container health checks."

# GUIDE stopped-task-error-codes.html: stoppedReason of a task
SCALING = "Scaling activity initiated by (deployment {deployment})"
SCALING_TASK_SET = "Scaling activity initiated by (taskSet {task_set})"
ESSENTIAL_EXITED = "Essential container in task exited"
STOPPED_BY_USER = "Task stopped by user"
TARGET_CHECKS_FAILED = "Task failed ELB health checks in (target-group {target_group})"
CONTAINER_CHECKS_FAILED = "Task failed container health checks"
# GUIDE stopped-task-error-codes.html, SpotInterruption
SPOT = "Your Spot Task was interrupted."
# GUIDE out-of-memory.html; the container's reason
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"

# https://repost.aws/knowledge-center/ecs-fargate-capacity-unavailable-error-message and GUIDE
# api_failures_messages.html
NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
# GUIDE failed-to-start-error.html; the end of the text as in the public logs of Fargate users
NO_FREE_ADDRESS = (
    "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment {public} in subnet"
    " '{subnet}': InsufficientFreeAddressesInSubnet"
)
# GUIDE failed-to-start-error.html, "Timeout waiting for network interface provisioning to complete."
INTERFACE_TIMEOUT = "Timeout waiting for network interface provisioning to complete."

# GUIDE task_cannot_pull_image.html, and https://repost.aws/knowledge-center/ecs-fargate-pull-container-error
_PULL = "CannotPullContainerError: pull image manifest has been retried {tries} time(s): "
IMAGE_MISSING = _PULL + "failed to resolve ref {image}: {image}: not found"
IMAGE_WRONG_ARCHITECTURE = _PULL + "image Manifest does not contain descriptor matching platform '{platform}'"
IMAGE_UNREACHABLE = _PULL + (
    'failed to resolve ref {image}: failed to do request: Head "https://{registry}/v2/{repository}/manifests/{tag}":'
    " dial tcp 10.0.0.1:443: i/o timeout"
)
# GUIDE task_cannot_pull_image.html, "toomanyrequests"
IMAGE_RATE_LIMITED = (
    "CannotPullContainerError: inspect image has been retried 5 time(s): httpReadSeeker: failed open: unexpected status"
    " code https://{registry}/v2/{repository}/manifests/{tag}: 429 Too Many Requests - Server message: toomanyrequests:"
    " You have reached your pull rate limit. You may increase the limit by authenticating and upgrading:"
    " https://www.docker.com/increase-rate-limit"
)
# https://repost.aws/knowledge-center/ecs-unable-to-pull-secrets
IMAGE_DENIED = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable"
    " to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: User:"
    " arn:aws:sts::{account}:assumed-role/{role}/{task} is not authorized to perform: ecr:GetAuthorizationToken on"
    " resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action"
)
# GUIDE task_cannot_pull_image.html, "no space left on device"
DISK_FULL = (
    "CannotPullContainerError: ref pull has been retried 1 time(s): failed to extract layer sha256:{digest}: write"
    " /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/17/fs/app: no space left on device: unknown"
)
# GUIDE stopped-task-error-codes.html, CannotStartContainerError; runc's text in https://github.com/opencontainers/runc/issues/3715
COMMAND_MISSING = (
    "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to"
    " create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec:"
    ' "{command}": executable file not found in $PATH: unknown'
)
# GUIDE stopped-task-error-codes.html
START_TIMEOUT = "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 3m0s"

# GUIDE resource-initialization-error.html, "failed to invoke EFS utils commands to set up EFS volumes"
EFS_MOUNT_FAILED = (
    "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve"
    ' "fs-0123456789abcdef0.efs.{region}.amazonaws.com" - check that your file system ID is correct'
)
# https://repost.aws/knowledge-center/ecs-unable-to-pull-secrets and GUIDE resource-initialization-error.html
_SECRET = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable"
    " to retrieve secret from asm: service call has been retried 1 time(s): "
)
SECRET_MISSING = _SECRET + (
    "failed to fetch secret {secret} from secrets manager: ResourceNotFoundException: Secrets Manager can't find the"
    " specified secret."
)
SECRET_WITHOUT_VALUE = _SECRET + (
    "failed to fetch secret {secret} from secrets manager: ResourceNotFoundException: Secrets Manager can't find the"
    " specified secret value for staging label: {stage}"
)
# https://github.com/aws/containers-roadmap/issues/385 (JSON keys of secrets on Fargate)
SECRET_WITHOUT_KEY = _SECRET + "retrieved secret from Secrets Manager did not contain json key {key}"
# GUIDE specifying-sensitive-data-secrets.html: what a value that is no JSON object gives
SECRET_NOT_JSON = _SECRET + (
    "failed to parse secret {secret}: invalid character '{character}' looking for beginning of value"
)
SECRET_DELETED = _SECRET + (
    "failed to fetch secret {secret} from secrets manager: InvalidRequestException: You can't perform this operation on"
    " the secret because it was marked for deletion."
)
SECRET_DENIED = _SECRET + (
    "failed to fetch secret {secret} from secrets manager: AccessDeniedException: User:"
    " arn:aws:sts::{account}:assumed-role/{role}/{task} is not authorized to perform: secretsmanager:GetSecretValue on"
    " resource: {secret} because no identity-based policy allows the secretsmanager:GetSecretValue action"
)
SECRETS_UNREACHABLE = _SECRET + (
    "failed to fetch secret {secret} from secrets manager: RequestCanceled: request context canceled caused by: context"
    " deadline exceeded. Please check your task network configuration."
)
# https://repost.aws/knowledge-center/ecs-unable-to-pull-secrets, parameters of Systems Manager
PARAMETER_MISSING = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable"
    " to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: {parameter}"
)
# GUIDE resource-initialization-error.html, https://repost.aws/knowledge-center/ecs-resource-initialization-error
LOG_GROUP_MISSING = (
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to"
    " create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1"
)
