# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look before a rollout saw. Whatever could not be looked at is an Unseen in the place of the fact."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Raw: TypeAlias = Mapping[str, Any]

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]+))?"
)
_SECRET = re.compile(r"(?P<arn>arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+)(?P<rest>(?::[^:]*)*)")
SECRETS, PARAMETER = "secretsmanager:GetSecretValue", "ssm:GetParameters"
DECRYPT, CREATE_GROUP = "kms:Decrypt", "logs:CreateLogGroup"


@dataclass(frozen=True)
class Unseen:
    """A look that was refused or failed, and why."""

    why: str


@dataclass(frozen=True)
class EcrImage:
    account: str
    region: str
    repository: str
    tag: str
    digest: str

    @classmethod
    def of(cls, reference: str) -> EcrImage | None:
        """None for an image of another registry."""
        found = _ECR.fullmatch(reference)
        if found is None:
            return None
        return cls(*(found[name] or "" for name in ("account", "region", "repository", "tag", "digest")))

    @property
    def id(self) -> dict[str, str]:
        return {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag or "latest"}

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ecr:{self.region}:{self.account}:repository/{self.repository}"


@dataclass(frozen=True)
class Reference:
    """What a container's secret refers to. `arn` is a parameter's name or ARN where `parameter` is true."""

    arn: str
    key: str = ""
    stage: str = ""
    version: str = ""
    parameter: bool = False

    @classmethod
    def of(cls, value_from: str) -> Reference:
        """ECS's valueFrom: `arn:json-key:version-stage:version-id`, or a parameter."""
        found = _SECRET.fullmatch(value_from)
        if found is None:
            return cls(value_from, parameter=True)
        key, stage, version = [*found["rest"].split(":")[1:], "", "", ""][:3]
        return cls(found["arn"], key, stage, version)


@dataclass(frozen=True)
class Needed:
    """One permission that the start of a task needs."""

    role: str
    action: str
    resource: str


@dataclass(frozen=True)
class Facts:
    """Everything that is judged.

    definitions:   {name: DescribeTaskDefinition's entry, None where there is none}
    services:      the inventory's, each with `subnets` and `security_groups` as ids, `load_balancers` with ARNs and
                   `found`, what DescribeServices says of it ({} where there is none)
    images:        {reference: its architectures; None where it is not there}
    secrets:       {ARN: DescribeSecret's answer with `keys`, the names in its JSON value, where they were needed}
    parameters:    names and ARNs that are there
    keys:          {KMS key: its state}
    roles:         {ARN: GetRole's}
    permissions:   {Needed: allowed | denied | unclear}
    """

    region: str
    definitions: Mapping[str, Raw | None]
    services: Iterable[Raw]
    images: Mapping[str, list[str] | Unseen | None] = field(default_factory=dict)
    secrets: Mapping[str, Raw | Unseen | None] = field(default_factory=dict)
    parameters: frozenset[str] | Unseen = frozenset()
    keys: Mapping[str, str | Unseen | None] = field(default_factory=dict)
    roles: Mapping[str, Raw | Unseen | None] = field(default_factory=dict)
    permissions: Mapping[Needed, str | Unseen] = field(default_factory=dict)
    log_groups: Mapping[str, bool | Unseen] = field(default_factory=dict)
    target_groups: Mapping[str, Raw] | Unseen = field(default_factory=dict)
    subnets: Mapping[str, Raw] | Unseen = field(default_factory=dict)
    route_tables: list[Raw] | Unseen = field(default_factory=list)
    endpoints: list[Raw] | Unseen = field(default_factory=list)
    groups: Mapping[str, Raw] | Unseen = field(default_factory=dict)


def partition(region: str) -> str:
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def containers(definition: Raw) -> list[Raw]:
    return list(definition.get("containerDefinitions") or [])


def references(definition: Raw) -> list[tuple[str, Reference]]:
    """(container and variable, what it refers to) of all secrets of a task definition."""
    return [
        (f"{container['name']}: {it['name']}", Reference.of(it["valueFrom"]))
        for container in containers(definition)
        for it in container.get("secrets") or []
    ]


def log_options(definition: Raw) -> list[Raw]:
    """The options of the containers that log to CloudWatch, one for each log group."""
    found = [
        container["logConfiguration"].get("options") or {}
        for container in containers(definition)
        if (container.get("logConfiguration") or {}).get("logDriver") == "awslogs"
    ]
    return list({it.get("awslogs-group", ""): it for it in found}.values())


def needed(definition: Raw, region: str) -> list[Needed]:
    """What the execution role has to be allowed before the containers start, apart from KMS keys."""
    role = definition.get("executionRoleArn")
    if not role:
        return []
    account = str(definition["taskDefinitionArn"]).split(":")[4]
    images = {it.arn for container in containers(definition) if (it := EcrImage.of(container["image"]))}
    wanted = [("ecr:GetAuthorizationToken", "*")] if images else []
    wanted += [(f"ecr:{it}", arn) for arn in sorted(images) for it in ("BatchGetImage", "GetDownloadUrlForLayer")]
    for _where, secret in references(definition):
        arn = parameter_arn(secret.arn, region, account) if secret.parameter else secret.arn
        wanted.append((PARAMETER if secret.parameter else SECRETS, arn))
    for options in log_options(definition):
        group = f"arn:{partition(region)}:logs:{region}:{account}:log-group:{options.get('awslogs-group')}"
        wanted += [("logs:CreateLogStream", f"{group}:log-stream:x"), ("logs:PutLogEvents", f"{group}:log-stream:x")]
        if options.get("awslogs-create-group") == "true":
            wanted.append((CREATE_GROUP, f"{group}:log-stream:x"))
    return [Needed(role, action, resource) for action, resource in dict.fromkeys(wanted)]


def parameter_arn(name: str, region: str, account: str) -> str:
    if name.startswith("arn:"):
        return name
    return f"arn:{partition(region)}:ssm:{region}:{account}:parameter/{name.lstrip('/')}"


def seen(look: Callable[[], T], errors: tuple[type[Exception], ...]) -> T | Unseen:
    """The look's result, or why there is none."""
    try:
        return look()
    except errors as error:
        answer = getattr(error, "response", None) or {}
        return Unseen(str(answer.get("Error", {}).get("Code") or type(error).__name__))
