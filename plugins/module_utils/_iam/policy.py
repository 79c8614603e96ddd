# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies from names: what a stack uses, as the least that IAM has to allow. Pure.

Resources are named by ARN patterns, since most of them do not exist yet when the roles are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VERSION = "2012-10-17"
ECS_TASKS = "ecs-tasks.amazonaws.com"
LARGEST = 10240  # characters of all inline policies of a role together, white space not counted

_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
_XRAY = [
    "xray:GetSamplingRules",
    "xray:GetSamplingStatisticSummaries",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
]
_EXEC = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]
_READ_OBJECTS, _WRITE_OBJECTS = ["s3:GetObject"], ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
_READ_ITEMS = [
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:Scan",
]
_WRITE_ITEMS = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]


@dataclass(frozen=True)
class Place:
    """Where the stack is: what ARNs are made of."""

    account: str
    region: str

    @property
    def partition(self) -> str:
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rpartition("-")[0].rpartition("-")[0], "aws")

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def role(self, name: str) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role/{name}"


def trust(service: str, place: Place) -> dict[str, Any]:
    """Who may take the role: the service, on behalf of this account alone (against the confused deputy)."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": place.account}},
    }
    if service == ECS_TASKS:
        statement["Condition"]["ArnLike"] = {"aws:SourceArn": place.arn("ecs", "*")}
    return {"Version": VERSION, "Statement": [statement]}


def document(role: Mapping[str, Any], place: Place) -> dict[str, Any] | None:
    """The inline policy of a role, None where it needs nothing."""
    statements = [
        *pull(role.get("repositories") or [], place),
        *logs(role.get("log_groups") or [], place),
        *read_secrets(role.get("secrets") or [], place),
        *decrypt(role.get("kms_keys") or [], place),
        *metrics(role.get("metrics_namespaces") or []),
        *(allowed("Traces", _XRAY, ["*"]) if role.get("xray") else []),
        *(allowed("Exec", _EXEC, ["*"]) if role.get("exec") else []),
        *buckets(role.get("buckets") or [], place),
        *tables(role.get("tables") or [], place),
        *(dict(statement) for statement in role.get("statements") or []),
    ]
    return {"Version": VERSION, "Statement": statements} if statements else None


def allowed(
    sid: str, actions: Sequence[str], resources: Iterable[str], condition: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """One statement in a list, none where there is no resource."""
    named = sorted(set(resources))
    if not named:
        return []
    statement: dict[str, Any] = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": named}
    return [{**statement, "Condition": condition}] if condition else [statement]


def pull(repositories: Sequence[str], place: Place) -> list[dict[str, Any]]:
    """Pulling of exactly these repositories; the token for the registry knows no resource."""
    if not repositories:
        return []
    arns = [place.arn("ecr", f"repository/{name}") for name in repositories]
    return [*allowed("Registry", ["ecr:GetAuthorizationToken"], ["*"]), *allowed("Pull", _PULL, arns)]


def logs(groups: Sequence[str], place: Place) -> list[dict[str, Any]]:
    return allowed("Logs", _LOGS, [place.arn("logs", f"log-group:{name}:*") for name in groups])


def read_secrets(secrets: Sequence[str], place: Place) -> list[dict[str, Any]]:
    """Reading of exactly these secrets, each a name, `name#key` or ARN. AWS adds six characters to a name's ARN."""
    names = {secret.partition("#")[0] for secret in secrets}
    arns = [name if name.startswith("arn:") else place.arn("secretsmanager", f"secret:{name}-??????") for name in names]
    return allowed("Secrets", ["secretsmanager:GetSecretValue"], arns)


def decrypt(keys: Sequence[str], place: Place) -> list[dict[str, Any]]:
    """Decryption with these keys (id, ARN or alias) for Secrets Manager alone.

    IAM does not match a key by an alias's ARN: an alias becomes a condition on the keys that bear it.
    """
    via = {"StringEquals": {"kms:ViaService": f"secretsmanager.{place.region}.amazonaws.com"}}
    aliases = sorted({f"alias/{key.rpartition('alias/')[2]}" for key in keys if "alias/" in key})
    plain = [key if key.startswith("arn:") else place.arn("kms", f"key/{key}") for key in keys if "alias/" not in key]
    named = {**via, "ForAnyValue:StringEquals": {"kms:ResourceAliases": aliases}}
    return [
        *allowed("Keys", ["kms:Decrypt"], plain, via),
        *allowed("KeysByAlias", ["kms:Decrypt"], [place.arn("kms", "key/*")] if aliases else [], named),
    ]


def metrics(namespaces: Sequence[str]) -> list[dict[str, Any]]:
    """Writing of metrics to these namespaces; PutMetricData knows no resource."""
    condition = {"StringEquals": {"cloudwatch:namespace": sorted(namespaces)}}
    return allowed("Metrics", ["cloudwatch:PutMetricData"], ["*"], condition) if namespaces else []


def buckets(given: Sequence[Mapping[str, Any]], place: Place) -> list[dict[str, Any]]:
    """Each bucket a `name` and an `access` (read, write); writing includes reading."""
    arns = {item["name"]: f"arn:{place.partition}:s3:::{item['name']}" for item in given}
    written = [f"{arns[item['name']]}/*" for item in given if item.get("access") != "read"]
    return [
        *allowed("Buckets", ["s3:GetBucketLocation", "s3:ListBucket"], arns.values()),
        *allowed("Objects", _READ_OBJECTS, [f"{arn}/*" for arn in arns.values()]),
        *allowed("ObjectsWritten", _WRITE_OBJECTS, written),
    ]


def tables(given: Sequence[Mapping[str, Any]], place: Place) -> list[dict[str, Any]]:
    """Each DynamoDB table a `name` and an `access` (read, write), with its indexes; writing includes reading."""
    arns = {item["name"]: place.arn("dynamodb", f"table/{item['name']}") for item in given}
    read = [arn for name in arns for arn in (arns[name], f"{arns[name]}/index/*")]
    written = [arns[item["name"]] for item in given if item.get("access") != "read"]
    return [*allowed("Items", _READ_ITEMS, read), *allowed("ItemsWritten", _WRITE_ITEMS, written)]


def normal(policy: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A policy document in the one form in which two that mean the same are equal.

    Single values become lists, lists are sorted, statements too: IAM gives back what was sent, people's editors do not.
    """
    if not policy:
        return None
    statements = policy.get("Statement") or []
    given = [statements] if isinstance(statements, Mapping) else list(statements)
    return {
        "Version": str(policy.get("Version", VERSION)),
        "Statement": sorted((_statement(it) for it in given), key=lambda it: json.dumps(it, sort_keys=True)),
    }


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, value in statement.items():
        if field == "Condition":
            found[field] = {operator: _listed(keys) for operator, keys in value.items()}
        elif field in ("Principal", "NotPrincipal"):
            found[field] = _listed(value) if isinstance(value, Mapping) else value
        elif field in ("Action", "NotAction", "Resource", "NotResource"):
            found[field] = _sorted(value)
        else:
            found[field] = value
    return found


def _listed(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _sorted(value) for key, value in keys.items()}


def _sorted(value: Any) -> list[str]:
    """Conditions may hold booleans and numbers; IAM gives back their text."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return sorted(str(it).lower() if isinstance(it, bool) else str(it) for it in values)


def size(policy: Mapping[str, Any] | None) -> int:
    return len(json.dumps(policy, separators=(",", ":"))) if policy else 0
