# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets Manager. API: https://docs.aws.amazon.com/secretsmanager/latest/apireference/"""

from __future__ import annotations

from typing import Any

from moto.secretsmanager import models
from moto.secretsmanager.exceptions import (
    InvalidRequestException,
    ResourceNotFoundException,
    SecretNotFoundException,
)

from ..patching import replaces


def batches_with_secrets_without_value() -> None:
    """A secret without a value is among the Errors, not the end of the call (API_BatchGetSecretValue.html)."""

    @replaces(models.SecretsManagerBackend, "get_secret_value")
    def get(original: Any, self: Any, secret_id: str, version_id: str, version_stage: str) -> Any:
        try:
            return original(self, secret_id, version_id, version_stage)
        except ResourceNotFoundException as error:
            message = str(getattr(error, "message", error))
            if not version_id and "for VersionId: AWSCURRENT" in message:
                text = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
                raise ResourceNotFoundException(text) from None
            raise

    @replaces(models.SecretsManagerBackend, "batch_get_secret_value")
    def batch(
        original: Any,
        self: Any,
        secret_id_list: list[str] | None = None,
        filters: list[dict[str, Any]] | None = None,
        **options: Any,
    ) -> Any:
        if not secret_id_list or filters:
            return original(self, secret_id_list=secret_id_list, filters=filters, **options)
        values, errors = [], []
        for secret_id in secret_id_list:
            try:
                values.append(self.get_secret_value(secret_id, "", ""))
            except (ResourceNotFoundException, SecretNotFoundException, InvalidRequestException) as error:
                entry = {"SecretId": secret_id, "ErrorCode": error.error_type, "Message": error.message}
                errors.append(entry)
        return values, errors, None


def names_of_deleted_secrets() -> None:
    """A name stays taken until the recovery window is over (API_CreateSecret.html, InvalidRequestException)."""

    @replaces(models.SecretsManagerBackend, "create_secret")
    def create(original: Any, self: Any, name: str, **options: Any) -> Any:
        known = self.secrets.get(name)
        if known is not None and known.is_deleted():
            raise InvalidRequestException(
                "You can't create this secret because a secret with this name is already scheduled for deletion."
            )
        return original(self, name=name, **options)


def arn_of_replication_calls() -> None:
    """ReplicateSecretToRegions and RemoveRegionsFromReplication answer with the ARN (Response Elements)."""
    for name in ("replicate_secret_to_regions", "remove_regions_from_replication"):

        @replaces(models.SecretsManagerBackend, name)
        def call(original: Any, self: Any, secret_id: str, *arguments: Any, **options: Any) -> Any:
            _identifier, statuses = original(self, secret_id, *arguments, **options)
            return self.describe_secret(secret_id).arn, statuses


FIXES = (batches_with_secrets_without_value, names_of_deleted_secrets, arn_of_replication_calls)
