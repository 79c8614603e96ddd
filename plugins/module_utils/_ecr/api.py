# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to ECR, one function each."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code


def repository(ecr: Any, name: str) -> dict[str, Any] | None:
    """A repository as DescribeRepositories gives it, None where there is none."""
    try:
        found = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    except ecr.exceptions.RepositoryNotFoundException:
        return None
    return dict(found[0])


def lifecycle_policy(ecr: Any, name: str) -> str | None:
    """The policy's JSON text, None where there is none."""
    try:
        return str(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return None


def tags(ecr: Any, arn: str) -> list[dict[str, str]]:
    return list(ecr.list_tags_for_resource(resourceArn=arn)["tags"])


def create(ecr: Any, name: str, **settings: Any) -> dict[str, Any]:
    return dict(ecr.create_repository(repositoryName=name, **settings)["repository"])


def scan_on_push(ecr: Any, name: str, scan: bool) -> None:
    ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": scan})


def mutability(ecr: Any, name: str, value: str) -> None:
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability=value)


def put_lifecycle_policy(ecr: Any, name: str, text: str) -> None:
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)


def delete_lifecycle_policy(ecr: Any, name: str) -> None:
    ecr.delete_lifecycle_policy(repositoryName=name)


def tag(ecr: Any, arn: str, pairs: list[dict[str, str]]) -> None:
    ecr.tag_resource(resourceArn=arn, tags=pairs)


def delete(ecr: Any, name: str, *, images_too: bool) -> None:
    """Delete a repository. Without `images_too` AWS refuses where images are left (RepositoryNotEmptyException)."""
    try:
        ecr.delete_repository(repositoryName=name, force=images_too)
    except Exception as error:
        if not is_code(error, "RepositoryNotFound"):
            raise
