# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS has, in our shape: {name: {arn, description, kms_key, replicas, has_value, deleted, primary, tags}}.

Values are read apart from it (`texts`) and kept apart from it, so that nothing that is printed can hold one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, batches, each, tag_dict
from ansible_collections.slipway.aws.plugins.module_utils._secrets import api

KIND_TAG = "slipway:kind"


def read(aws: Clients, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The secrets of these names that exist, read side by side."""
    client, wanted = aws.client("secretsmanager"), list(names)
    found = each(lambda name: api.secret(client, name), wanted)
    return {name: describe(it, aws.region) for name, it in zip(wanted, found, strict=True) if it is not None}


def texts(aws: Clients, names: Iterable[str]) -> dict[str, str]:
    """The values of these secrets; one without a value is left out."""
    client, wanted = aws.client("secretsmanager"), sorted(set(names))
    found = each(lambda batch: api.values(client, list(batch)), batches(wanted, api.BATCH))
    return {name: text for some in found for name, text in some.items()}


def describe(secret: Mapping[str, Any], region: str) -> dict[str, Any]:
    """One secret, from DescribeSecret's answer. `primary` is set where it is another region's replica."""
    stages = (secret.get("VersionIdsToStages") or {}).values()
    primary = secret.get("PrimaryRegion") or region
    return {
        "arn": secret["ARN"],
        "description": secret.get("Description") or "",
        "kms_key": bare_key(secret.get("KmsKeyId") or ""),
        "replicas": {it["Region"]: _status(it) for it in secret.get("ReplicationStatus") or []},
        "has_value": any("AWSCURRENT" in labels for labels in stages),
        "deleted": bool(secret.get("DeletedDate")),
        "primary": "" if primary == region else primary,
        "tags": tag_dict(secret.get("Tags")),
    }


def _status(replica: Mapping[str, Any]) -> str:
    """ "" for a replica that is well or on its way, else what AWS says about it."""
    return str(replica.get("StatusMessage") or "failed") if replica.get("Status") == "Failed" else ""


def bare_key(key: str) -> str:
    """A KMS key or alias without the account and region that an ARN adds: a key id, or alias/name."""
    name = key.rpartition(":")[2]
    return name.removeprefix("key/")


def result(names: Mapping[str, str], current: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """secrets_result, see _stack.SecretsResult. `names` is {name: kind}; what is not there yet has no ARN."""
    return {
        "secrets": {
            name: {
                "arn": current.get(name, {}).get("arn", ""),
                "kind": kind,
                "has_value": bool(current.get(name, {}).get("has_value")),
            }
            for name, kind in names.items()
        }
    }
