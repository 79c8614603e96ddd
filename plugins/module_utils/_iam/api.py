# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to IAM, one function each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import pages
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code


def account(sts: Any) -> str:
    return str(sts.get_caller_identity()["Account"])


def role(iam: Any, name: str) -> dict[str, Any] | None:
    """A role as GetRole gives it, with its tags, None where there is none."""
    try:
        return dict(iam.get_role(RoleName=name)["Role"])
    except iam.exceptions.NoSuchEntityException:
        return None


def inline(iam: Any, name: str, policy: str) -> dict[str, Any] | None:
    """The document of an inline policy (botocore decodes it), None where there is none."""
    try:
        return dict(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
    except iam.exceptions.NoSuchEntityException:
        return None


def attached(iam: Any, name: str) -> list[str]:
    """The ARNs of the managed policies of a role, none where there is no such role."""
    try:
        return [it["PolicyArn"] for it in pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name)]
    except iam.exceptions.NoSuchEntityException:
        return []


def inline_names(iam: Any, name: str) -> list[str]:
    """The names of the inline policies of a role, none where there is no such role."""
    try:
        return [str(it) for it in pages(iam, "list_role_policies", "PolicyNames", RoleName=name)]
    except iam.exceptions.NoSuchEntityException:
        return []


def create(iam: Any, name: str, trust: Mapping[str, Any], tags: list[dict[str, str]], **more: Any) -> None:
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), Tags=tags, **more)


def put_trust(iam: Any, name: str, trust: Mapping[str, Any]) -> None:
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))


def put_inline(iam: Any, name: str, policy: str, document: Mapping[str, Any]) -> None:
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def delete_inline(iam: Any, name: str, policy: str) -> None:
    try:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    except Exception as error:
        if not is_code(error, "NoSuchEntity"):
            raise


def attach(iam: Any, name: str, arn: str) -> None:
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)


def detach(iam: Any, name: str, arn: str) -> None:
    try:
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    except Exception as error:
        if not is_code(error, "NoSuchEntity"):
            raise


def put_boundary(iam: Any, name: str, arn: str) -> None:
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)


def tag(iam: Any, name: str, pairs: list[dict[str, str]]) -> None:
    iam.tag_role(RoleName=name, Tags=pairs)


def delete(iam: Any, name: str) -> None:
    try:
        iam.delete_role(RoleName=name)
    except Exception as error:
        if not is_code(error, "NoSuchEntity"):
            raise
