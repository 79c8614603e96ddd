# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to RDS, one function each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import batches, pages, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, error_code, is_code

PARAMETERS_PER_CALL = 20


def instances(rds: Any, identifiers: Sequence[str]) -> list[dict[str, Any]]:
    """Those of the instances that exist, with their tags. By filter, since asking for a missing one is an error."""
    return pages(
        rds,
        "describe_db_instances",
        "DBInstances",
        Filters=[{"Name": "db-instance-id", "Values": list(identifiers)}],
    )


def subnet_group(rds: Any, name: str) -> dict[str, Any] | None:
    try:
        found = rds.describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"]
    except Exception as error:
        if is_code(error, "DBSubnetGroupNotFound"):
            return None
        raise
    return dict(found[0]) if found else None


def parameter_group(rds: Any, name: str) -> dict[str, Any] | None:
    try:
        found = rds.describe_db_parameter_groups(DBParameterGroupName=name)["DBParameterGroups"]
    except Exception as error:
        if is_code(error, "DBParameterGroupNotFound"):
            return None
        raise
    return dict(found[0]) if found else None


def parameter_groups(rds: Any, prefix: str) -> list[dict[str, Any]]:
    """All parameter groups whose names start so: there is no filter for that."""
    found = pages(rds, "describe_db_parameter_groups", "DBParameterGroups")
    return [group for group in found if group["DBParameterGroupName"].startswith(prefix)]


def parameters(rds: Any, group: str) -> list[dict[str, Any]]:
    """The parameters that were set in a group, none where there is no such group."""
    try:
        return pages(rds, "describe_db_parameters", "Parameters", DBParameterGroupName=group, Source="user")
    except Exception as error:
        if is_code(error, "DBParameterGroupNotFound"):
            return []
        raise


def static_parameters(rds: Any, family: str) -> set[str]:
    """The parameters of a family that take effect at the next start only."""
    token: dict[str, str] = {}
    found: set[str] = set()
    while True:
        answer = rds.describe_engine_default_parameters(DBParameterGroupFamily=family, **token)["EngineDefaults"]
        found |= {each["ParameterName"] for each in answer.get("Parameters", []) if each.get("ApplyType") == "static"}
        if not answer.get("Marker"):
            return found
        token = {"Marker": answer["Marker"]}


def tags(rds: Any, arn: str) -> list[dict[str, str]]:
    return list(rds.list_tags_for_resource(ResourceName=arn)["TagList"])


def events(rds: Any, identifier: str, minutes: int) -> list[str]:
    """What RDS says happened to an instance, oldest first."""
    found = pages(
        rds, "describe_events", "Events", SourceIdentifier=identifier, SourceType="db-instance", Duration=minutes
    )
    return [str(event.get("Message", "")) for event in found]


def create_subnet_group(rds: Any, name: str, description: str, subnets: Sequence[str], pairs: dict[str, str]) -> None:
    rds.create_db_subnet_group(
        DBSubnetGroupName=name,
        DBSubnetGroupDescription=description,
        SubnetIds=list(subnets),
        Tags=tag_list(pairs),
    )


def modify_subnet_group(rds: Any, name: str, subnets: Iterable[str]) -> None:
    rds.modify_db_subnet_group(DBSubnetGroupName=name, SubnetIds=sorted(subnets))


def delete_subnet_group(rds: Any, name: str) -> None:
    try:
        rds.delete_db_subnet_group(DBSubnetGroupName=name)
    except Exception as error:
        if not is_code(error, "DBSubnetGroupNotFound"):
            raise


def create_parameter_group(rds: Any, name: str, family: str, description: str, pairs: dict[str, str]) -> None:
    rds.create_db_parameter_group(
        DBParameterGroupName=name, DBParameterGroupFamily=family, Description=description, Tags=tag_list(pairs)
    )


def set_parameters(rds: Any, group: str, entries: Sequence[dict[str, str]]) -> None:
    for some in batches(entries, PARAMETERS_PER_CALL):
        rds.modify_db_parameter_group(DBParameterGroupName=group, Parameters=list(some))


def reset_parameters(rds: Any, group: str, entries: Sequence[dict[str, str]]) -> None:
    for some in batches(entries, PARAMETERS_PER_CALL):
        rds.reset_db_parameter_group(DBParameterGroupName=group, ResetAllParameters=False, Parameters=list(some))


def delete_parameter_group(rds: Any, name: str) -> None:
    try:
        rds.delete_db_parameter_group(DBParameterGroupName=name)
    except Exception as error:
        if not is_code(error, "DBParameterGroupNotFound"):
            raise


def create_instance(rds: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """Start a new instance. AWS answers at once; the instance is usable minutes later."""
    return dict(rds.create_db_instance(**settings)["DBInstance"])


def create_replica(rds: Any, settings: dict[str, Any]) -> dict[str, Any]:
    return dict(rds.create_db_instance_read_replica(**settings)["DBInstance"])


def modify_instance(rds: Any, identifier: str, settings: dict[str, Any], *, immediately: bool) -> None:
    rds.modify_db_instance(DBInstanceIdentifier=identifier, ApplyImmediately=immediately, **settings)


def reboot(rds: Any, identifier: str) -> None:
    rds.reboot_db_instance(DBInstanceIdentifier=identifier)


def delete_instance(rds: Any, identifier: str, snapshot: str | None) -> None:
    """Delete an instance, with a last snapshot of that name where one is given. Safe where it is gone already."""
    last: dict[str, Any] = {"FinalDBSnapshotIdentifier": snapshot, "SkipFinalSnapshot": False}
    try:
        rds.delete_db_instance(DBInstanceIdentifier=identifier, **(last if snapshot else {"SkipFinalSnapshot": True}))
    except Exception as error:
        gone = is_code(error, "DBInstanceNotFound")
        under_way = is_code(error, "InvalidDBInstanceState") and "already being deleted" in str(error)
        if not (gone or under_way):
            raise


def tag(rds: Any, arn: str, pairs: dict[str, str]) -> None:
    rds.add_tags_to_resource(ResourceName=arn, Tags=tag_list(pairs))


def secret_value(secrets: Any, name: str) -> str:
    """The text of a secret of Secrets Manager, at its JSON key where the name is `name#key`.

    It goes from this call into the next one and nowhere else: not into a plan, a result, a log or an error.
    """
    secret, _rest, key = name.partition("#")
    what = f"Could not read secret {secret}"
    try:
        text = str(secrets.get_secret_value(SecretId=secret).get("SecretString") or "")
    except Exception as error:
        if is_code(error, "ResourceNotFound"):
            raise SlipwayError(
                what,
                error_code(error),
                "Make it first: a secret of kind generated in secrets_items, written by role secrets.",
            ) from None
        raise
    return _at_key(text, key, what) if key else text


def _at_key(text: str, key: str, what: str) -> str:
    try:
        found = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):
        # from None: the text that could not be read must not travel with the error
        raise SlipwayError(
            what, f"it is no JSON object with the key {key}", "Correct the name or the secret."
        ) from None
    return str(found)
