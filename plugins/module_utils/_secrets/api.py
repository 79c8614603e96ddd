# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to Secrets Manager, one function each."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, is_code

BATCH = 20  # BatchGetSecretValue takes no more


def secret(client: Any, name: str) -> dict[str, Any] | None:
    """A secret as DescribeSecret gives it (also while it is scheduled for deletion), None where there is none.

    Not ListSecrets: it may lag minutes behind, and a run that goes on after another would make a secret twice.
    """
    try:
        return dict(client.describe_secret(SecretId=name))
    except client.exceptions.ResourceNotFoundException:
        return None


def values(client: Any, names: list[str]) -> dict[str, str]:
    """The texts of at most BATCH secrets; one without a value (or without a text) is left out."""
    answer = client.batch_get_secret_value(SecretIdList=names)
    for error in answer.get("Errors", []):
        if error.get("ErrorCode") != "ResourceNotFoundException":
            raise SlipwayError(f"Could not read secret {error.get('SecretId')}", str(error.get("Message", "")))
    return {it["Name"]: it["SecretString"] for it in answer.get("SecretValues", []) if "SecretString" in it}


def create(client: Any, name: str, **settings: Any) -> None:
    client.create_secret(Name=name, **settings)


def put_value(client: Any, name: str, text: str) -> None:
    client.put_secret_value(SecretId=name, SecretString=text)


def update(client: Any, name: str, **settings: Any) -> None:
    client.update_secret(SecretId=name, **settings)


def tag(client: Any, name: str, pairs: list[dict[str, str]]) -> None:
    client.tag_resource(SecretId=name, Tags=pairs)


def restore(client: Any, name: str) -> None:
    client.restore_secret(SecretId=name)


def replicate(client: Any, name: str, regions: list[str]) -> list[dict[str, Any]]:
    """ReplicationStatus of the secret."""
    answer = client.replicate_secret_to_regions(
        SecretId=name, AddReplicaRegions=[{"Region": region} for region in regions]
    )
    return list(answer.get("ReplicationStatus", []))


def stop_replication(client: Any, name: str, regions: list[str]) -> None:
    client.remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=regions)


def delete(client: Any, name: str, recovery_days: int) -> None:
    """Schedule the deletion, or delete at once where `recovery_days` is 0."""
    how = {"RecoveryWindowInDays": recovery_days} if recovery_days else {"ForceDeleteWithoutRecovery": True}
    try:
        client.delete_secret(SecretId=name, **how)
    except Exception as error:
        if not is_code(error, "ResourceNotFound"):
            raise
