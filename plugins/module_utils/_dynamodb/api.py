# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DynamoDB's tables, one function a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import pages, tag_dict, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code


def table(client: Any, name: str) -> dict[str, Any] | None:
    try:
        return dict(client.describe_table(TableName=name)["Table"])
    except Exception as error:
        if is_code(error, "ResourceNotFound"):
            return None
        raise


def recovery(client: Any, name: str) -> bool:
    found = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    state = found.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    return bool(state == "ENABLED")


def tags(client: Any, arn: str) -> dict[str, str]:
    return tag_dict(pages(client, "list_tags_of_resource", "Tags", ResourceArn=arn))


def create(client: Any, name: str, keys: tuple[str, ...], owned: Mapping[str, str], *, protected: bool) -> None:
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=protected,
        Tags=tag_list(owned),
    )


def delete(client: Any, name: str) -> None:
    client.delete_table(TableName=name)


def set_protection(client: Any, name: str, *, protected: bool) -> None:
    client.update_table(TableName=name, DeletionProtectionEnabled=protected)


def set_recovery(client: Any, name: str, *, enabled: bool) -> None:
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
    )


def tag(client: Any, arn: str, owned: Mapping[str, str]) -> None:
    client.tag_resource(ResourceArn=arn, Tags=tag_list(owned))
