# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls about flow logs, their log group and their role, one function each."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import pages, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code

POLICY_NAME = "flow-logs"


def flow_logs(ec2: Any, filters: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return pages(ec2, "describe_flow_logs", "FlowLogs", Filter=list(filters))


def create_flow_log(ec2: Any, vpc_id: str, tags: Mapping[str, str], **settings: Any) -> tuple[str, str]:
    """The new one's id, and "" or why AWS made none: it answers with 200 then."""
    answer = ec2.create_flow_logs(
        ClientToken=str(uuid.uuid4()),  # botocore's own retries of this call make no second one
        ResourceIds=[vpc_id],
        ResourceType="VPC",
        LogDestinationType="cloud-watch-logs",
        TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": tag_list(tags)}],
        **settings,
    )
    for refused in answer.get("Unsuccessful", ()):
        error = refused.get("Error", {})
        return "", f"{error.get('Code', '')}: {error.get('Message', '')}"
    return str(answer["FlowLogIds"][0]), ""


def tag_flow_log(ec2: Any, flow_log_id: str, tags: Mapping[str, str]) -> None:
    ec2.create_tags(Resources=[flow_log_id], Tags=tag_list(tags))


def delete_flow_log(ec2: Any, flow_log_id: str) -> str:
    """Why AWS keeps it, "" where it does not."""
    for refused in ec2.delete_flow_logs(FlowLogIds=[flow_log_id]).get("Unsuccessful", ()):
        error = refused.get("Error", {})
        if "NotFound" not in error.get("Code", ""):
            return f"{error.get('Code', '')}: {error.get('Message', '')}"
    return ""


def log_group(logs: Any, name: str) -> dict[str, Any] | None:
    """A log group with its `tags`, None where there is none."""
    found = pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    group = next((it for it in found if it["logGroupName"] == name), None)
    if group is None:
        return None
    arn = str(group["arn"]).removesuffix(":*")
    return {**group, "arn": arn, "tags": logs.list_tags_for_resource(resourceArn=arn)["tags"]}


def create_log_group(logs: Any, name: str, tags: Mapping[str, str]) -> None:
    logs.create_log_group(logGroupName=name, tags=dict(tags))


def retention(logs: Any, name: str, days: int) -> None:
    """0 keeps the logs for ever."""
    if days:
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    else:
        logs.delete_retention_policy(logGroupName=name)


def tag_log_group(logs: Any, arn: str, tags: Mapping[str, str]) -> None:
    logs.tag_resource(resourceArn=arn, tags=dict(tags))


def delete_log_group(logs: Any, name: str) -> None:
    try:
        logs.delete_log_group(logGroupName=name)
    except logs.exceptions.ResourceNotFoundException:
        return


def role(iam: Any, name: str) -> dict[str, Any] | None:
    try:
        return dict(iam.get_role(RoleName=name)["Role"])
    except iam.exceptions.NoSuchEntityException:
        return None


def policy(iam: Any, name: str) -> dict[str, Any]:
    """The document of the role's inline policy, {} where there is none."""
    try:
        document = iam.get_role_policy(RoleName=name, PolicyName=POLICY_NAME)["PolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        return {}
    return dict(document)


def create_role(iam: Any, name: str, trust: Mapping[str, Any], tags: Mapping[str, str]) -> str:
    answer = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(trust),
        Description="Lets VPC flow logs write to their log group",
        Tags=tag_list(tags),
    )
    return str(answer["Role"]["Arn"])


def trust(iam: Any, name: str, document: Mapping[str, Any]) -> None:
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))


def put_policy(iam: Any, name: str, document: Mapping[str, Any]) -> None:
    iam.put_role_policy(RoleName=name, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(document))


def tag_role(iam: Any, name: str, tags: Mapping[str, str]) -> None:
    iam.tag_role(RoleName=name, Tags=tag_list(tags))


def delete_role(iam: Any, name: str) -> None:
    with contextlib.suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_role_policy(RoleName=name, PolicyName=POLICY_NAME)
    try:
        iam.delete_role(RoleName=name)
    except Exception as error:
        if not is_code(error, "NoSuchEntity"):
            raise
