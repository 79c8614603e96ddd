# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The look before a rollout: side by side, in three steps, since some reads need what others found."""

from __future__ import annotations

import json
import urllib.parse
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.urls import open_url
from ansible_collections.slipway.aws.plugins.module_utils._aws import (
    Clients,
    batches,
    each,
    pages,
    together,
)
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight import policies
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.facts import (
    DECRYPT,
    SECRETS,
    EcrImage,
    Facts,
    Needed,
    Raw,
    Reference,
    Unseen,
    containers,
    log_options,
    needed,
    references,
    seen,
)
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code
from ansible_collections.slipway.aws.plugins.module_utils._iam import api as iam_api

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:  # the module reports a missing boto3 in its own words
    BotoCoreError = ClientError = Exception

REFUSED = (ClientError, BotoCoreError)
OWN_KEY = "alias/aws/secretsmanager"
# What ECR may answer with; without it an image index comes back as the manifest of one platform.
MEDIA = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
]
LARGEST_CONFIG = 1024 * 1024  # bytes; an image's configuration has a few thousand


def look(aws: Clients, cluster: str, services: Iterable[Raw], arns: Mapping[str, str]) -> Facts:
    """services: the inventory's with `aws_name`, ids and ARNs; arns: {task definition's name: ARN}."""
    items = list(services)
    first = together(
        {
            "definitions": lambda: each(lambda arn: api.task_definition(aws.client("ecs"), arn), arns.values()),
            "services": lambda: api.services(aws.client("ecs"), cluster, [it["aws_name"] for it in items]),
            "subnets": lambda: seen(lambda: _subnets(aws, items), REFUSED),
            "target_groups": lambda: seen(lambda: _target_groups(aws, items), REFUSED),
        }
    )
    definitions = dict(zip(arns, first["definitions"], strict=True))
    known = [it for it in definitions.values() if it]
    second = together({**_around(aws, known), **_network(aws, first["subnets"])})
    third = _permissions(aws, known, second["secrets"])
    found = {it["serviceName"]: it for it in first["services"]}
    return Facts(
        aws.region,
        definitions,
        [{**it, "found": found.get(it["aws_name"], {})} for it in items],
        subnets=first["subnets"],
        target_groups=first["target_groups"],
        **second,
        **third,
    )


def _around(aws: Clients, definitions: list[Raw]) -> dict[str, Any]:
    """The reads for what the task definitions name."""
    images = {container["image"] for it in definitions for container in containers(it)}
    wanted = [reference for it in definitions for _where, reference in references(it)]
    roles = {str(it[key]) for it in definitions for key in ("executionRoleArn", "taskRoleArn") if it.get(key)}
    groups = {str(options.get("awslogs-group", "")) for it in definitions for options in log_options(it)}
    return {
        "images": lambda: _images(aws, images),
        "secrets": lambda: _secrets(aws, wanted),
        "parameters": lambda: seen(lambda: _parameters(aws, wanted), REFUSED),
        "roles": lambda: _each_seen(lambda arn: iam_api.role(aws.client("iam"), arn.rsplit("/", 1)[-1]), roles),
        "log_groups": lambda: _each_seen(lambda name: _log_group(aws, name), groups),
    }


def _each_seen(function: Any, names: Iterable[str]) -> dict[str, Any]:
    """{name: function(name) or Unseen}, side by side."""
    ordered = sorted(set(names))
    return dict(zip(ordered, each(lambda name: seen(lambda: function(name), REFUSED), ordered), strict=True))


def _subnets(aws: Clients, services: list[Raw]) -> dict[str, Raw]:
    """By a filter, so that one that is gone is only missing."""
    ids = sorted({it for service in services for it in service["subnets"]})
    if not ids:
        return {}
    found = pages(aws.client("ec2"), "describe_subnets", "Subnets", Filters=[{"Name": "subnet-id", "Values": ids}])
    return {it["SubnetId"]: it for it in found}


def _target_groups(aws: Clients, services: list[Raw]) -> dict[str, Raw]:
    arns = sorted({it["target_group"] for service in services for it in service.get("load_balancers") or []})
    if not arns:
        return {}
    elb = aws.client("elbv2")

    def read(some: list[str]) -> list[Raw]:
        """One that is gone makes the call fail for all: then they are asked for one by one."""
        try:
            return pages(elb, "describe_target_groups", "TargetGroups", TargetGroupArns=some)
        except ClientError as error:
            if not is_code(error, "TargetGroupNotFound"):
                raise
            return [] if len(some) == 1 else [it for arn in some for it in read([arn])]

    return {it["TargetGroupArn"]: it for it in read(arns)}


def _network(aws: Clients, subnets: Mapping[str, Raw] | Unseen) -> dict[str, Any]:
    ec2 = aws.client("ec2")
    vpcs = [] if isinstance(subnets, Unseen) else sorted({it["VpcId"] for it in subnets.values()})
    within = [{"Name": "vpc-id", "Values": vpcs}]

    def read(operation: str, key: str) -> Any:
        if isinstance(subnets, Unseen):
            return subnets
        return seen(lambda: pages(ec2, operation, key, Filters=within) if vpcs else [], REFUSED)

    def groups() -> Any:
        found = read("describe_security_groups", "SecurityGroups")
        return found if isinstance(found, Unseen) else {it["GroupId"]: it for it in found}

    return {
        "route_tables": lambda: read("describe_route_tables", "RouteTables"),
        "endpoints": lambda: read("describe_vpc_endpoints", "VpcEndpoints"),
        "groups": groups,
    }


def _images(aws: Clients, references_: Iterable[str]) -> dict[str, list[str] | Unseen | None]:
    """The architectures of images in ECR, one call for each repository; those of other registries are left out."""
    by_repository: dict[tuple[str, str, str], dict[str, EcrImage]] = defaultdict(dict)
    for reference in references_:
        image = EcrImage.of(reference)
        if image is not None:
            by_repository[image.account, image.region, image.repository][reference] = image
    found: dict[str, list[str] | Unseen | None] = {}
    for images in each(lambda wanted: _repository(aws, wanted), by_repository.values()):
        found.update(images)
    return found


def _repository(aws: Clients, wanted: Mapping[str, EcrImage]) -> dict[str, list[str] | Unseen | None]:
    first = next(iter(wanted.values()))
    ecr = aws.client("ecr", first.region)
    where = {"registryId": first.account, "repositoryName": first.repository}

    def read() -> list[Raw]:
        ids = [it.id for it in wanted.values()]
        try:
            return list(ecr.batch_get_image(**where, imageIds=ids, acceptedMediaTypes=MEDIA)["images"])
        except ClientError as error:
            if is_code(error, "RepositoryNotFound"):
                return []
            raise

    stored = seen(read, REFUSED)
    if isinstance(stored, Unseen):
        return dict.fromkeys(wanted, stored)
    return {
        reference: next((_architectures(ecr, where, it) for it in stored if _is(it, image)), None)
        for reference, image in wanted.items()
    }


def _is(stored: Raw, image: EcrImage) -> bool:
    return all(stored["imageId"].get(key) == value for key, value in image.id.items())


def _architectures(ecr: Any, where: Mapping[str, str], stored: Raw) -> list[str]:
    """An index lists its platforms; of a single image the configuration has it. [] where neither can be read."""
    manifest = json.loads(stored["imageManifest"])
    if manifest.get("manifests"):
        found = [str(it.get("platform", {}).get("architecture", "")) for it in manifest["manifests"]]
        return [it for it in found if it and it != "unknown"]
    digest = manifest.get("config", {}).get("digest")
    if not digest:
        return []
    try:
        url = ecr.get_download_url_for_layer(**where, layerDigest=digest)["downloadUrl"]
        architecture = json.loads(_fetch(url)).get("architecture")
    except (ClientError, BotoCoreError, OSError, ValueError, AttributeError):
        return []  # what the image is for stays unknown, which is a warning
    return [str(architecture)] if architecture else []


def _fetch(url: str) -> bytes:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"not an address of a layer: {url}")
    with open_url(url, timeout=5) as answer:
        return bytes(answer.read(LARGEST_CONFIG))


def _secrets(aws: Clients, wanted: list[Reference]) -> dict[str, Raw | Unseen | None]:
    keyed = {it.arn for it in wanted if it.key and not it.version}
    return _each_seen(lambda arn: _secret(aws, arn, arn in keyed), (it.arn for it in wanted if not it.parameter))


def _secret(aws: Clients, arn: str, with_keys: bool) -> Raw | None:
    client = aws.client("secretsmanager", arn.split(":")[3])
    try:
        secret = dict(client.describe_secret(SecretId=arn))
    except client.exceptions.ResourceNotFoundException:
        return None
    if ":alias/" in _key(secret):
        # IAM knows keys, not their aliases. Where the alias cannot be followed it stays, and nothing is certain.
        kms = aws.client("kms", arn.split(":")[3])
        found = seen(lambda: str(kms.describe_key(KeyId=_key(secret))["KeyMetadata"]["Arn"]), REFUSED)
        secret["KmsKeyId"] = secret["KmsKeyId"] if isinstance(found, Unseen) else found
    if with_keys and _stages(secret) and not secret.get("DeletedDate"):
        secret["keys"] = seen(lambda: _json_keys(client, arn), REFUSED)
    return secret


def _stages(secret: Raw) -> set[str]:
    return {stage for stages in (secret.get("VersionIdsToStages") or {}).values() for stage in stages}


def _json_keys(client: Any, arn: str) -> list[str] | None:
    """The names in a JSON value, None where it is no JSON object. The value itself goes nowhere."""
    try:
        value = json.loads(client.get_secret_value(SecretId=arn).get("SecretString") or "")
    except ValueError:
        return None
    return sorted(map(str, value)) if isinstance(value, dict) else None


def _parameters(aws: Clients, wanted: list[Reference]) -> frozenset[str]:
    names = sorted({it.arn for it in wanted if it.parameter})
    if not names:
        return frozenset()
    ssm = aws.client("ssm")
    gone = {name for some in batches(names, 10) for name in ssm.get_parameters(Names=list(some))["InvalidParameters"]}
    return frozenset(set(names) - gone)


def _log_group(aws: Clients, name: str) -> bool:
    found = aws.client("logs").describe_log_groups(logGroupNamePrefix=name, limit=50)["logGroups"]
    return any(it["logGroupName"] == name for it in found)


def _permissions(aws: Clients, definitions: list[Raw], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """What the execution roles may do, and the state of the keys that they need."""
    keys = {arn: key for arn, it in secrets.items() if isinstance(it, dict) and (key := _key(it))}
    wanted: dict[Needed, None] = {}
    for definition in definitions:
        wanted.update(dict.fromkeys(needed(definition, aws.region)))
        used = {keys[it.arn] for _where, it in references(definition) if it.arn in keys}
        if definition.get("executionRoleArn"):
            wanted.update({Needed(definition["executionRoleArn"], DECRYPT, key): None for key in sorted(used)})
    return together(
        {
            "permissions": lambda: _allowed(aws, list(wanted)),
            "keys": lambda: _each_seen(lambda key: _key_state(aws, key), keys.values()),
        }
    )


def _key(secret: Raw) -> str:
    """The secret's own KMS key, "" for the one that AWS keeps and that every reader in the account may use."""
    key = str(secret.get("KmsKeyId") or "")
    if not key or key.endswith(OWN_KEY):
        return ""
    if key.startswith("arn:"):
        return key
    place = ":".join(secret["ARN"].split(":")[:5]).replace(":secretsmanager:", ":kms:")
    return f"{place}:{key}" if key.startswith("alias/") else f"{place}:key/{key}"


def _key_state(aws: Clients, key: str) -> str | None:
    kms = aws.client("kms", key.split(":")[3])
    try:
        return str(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"])
    except kms.exceptions.NotFoundException:
        return None


def _allowed(aws: Clients, wanted: list[Needed]) -> dict[Needed, str | Unseen]:
    """IAM's simulation for each role and service; where that is refused, the role's own policies, judged here."""
    groups: dict[tuple[str, str], list[Needed]] = defaultdict(list)
    for it in wanted:
        groups[it.role, it.action if it.resource == "*" else it.action.partition(":")[0]].append(it)
    answers = each(lambda some: seen(lambda: _simulate(aws, some), REFUSED), groups.values())
    found: dict[Needed, str | Unseen] = {}
    refused: dict[str, list[Needed]] = defaultdict(list)
    for some, answer in zip(groups.values(), answers, strict=True):
        if isinstance(answer, Unseen):
            refused[some[0].role] += some
        else:
            found.update(answer)
    for role, some in refused.items():
        found.update(_by_documents(aws, role, some))
    denied = [it for it, answer in found.items() if answer == policies.DENIED and it.action in (SECRETS, DECRYPT)]
    return {**found, **dict(zip(denied, each(lambda it: _by_resource(aws, it), denied), strict=True))}


def _context(aws: Clients) -> dict[str, str]:
    return {"kms:ViaService": f"secretsmanager.{aws.region}.amazonaws.com"}


def _simulate(aws: Clients, some: list[Needed]) -> dict[Needed, str]:
    keys = some[0].action == DECRYPT
    entries = [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for name, value in _context(aws).items()
    ]
    results = pages(
        aws.client("iam"),
        "simulate_principal_policy",
        "EvaluationResults",
        PolicySourceArn=some[0].role,
        ActionNames=sorted({it.action for it in some}),
        ResourceArns=sorted({it.resource for it in some}),
        **({"ContextEntries": entries} if keys else {}),
    )
    decisions = {
        (it["EvalActionName"].lower(), one["EvalResourceName"]): _decision(one)
        for it in results
        for one in (it, *(it.get("ResourceSpecificResults") or []))
    }
    return {it: decisions.get((it.action.lower(), it.resource), policies.UNCLEAR) for it in some}


def _decision(result: Raw) -> str:
    if (result.get("EvalDecision") or result.get("EvalResourceDecision")) == "allowed":
        return policies.ALLOWED
    return policies.UNCLEAR if result.get("MissingContextValues") else policies.DENIED


def _by_documents(aws: Clients, role: str, some: list[Needed]) -> dict[Needed, str | Unseen]:
    documents = seen(lambda: _documents(aws, role.rsplit("/", 1)[-1]), REFUSED)
    if isinstance(documents, Unseen):
        return dict.fromkeys(some, documents)
    context = {name.lower(): value for name, value in _context(aws).items()}
    return {it: policies.decide(documents, it.action, it.resource, context) for it in some}


def _documents(aws: Clients, role: str) -> list[Raw]:
    iam = aws.client("iam")

    def managed(arn: str) -> Raw:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return dict(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])

    inline = [it for name in iam_api.inline_names(iam, role) if (it := iam_api.inline(iam, role, name))]
    return [*inline, *each(managed, iam_api.attached(iam, role))]


def _by_resource(aws: Clients, it: Needed) -> str:
    """A secret or key can let the role in by its own policy: where it names the role, nothing is certain."""
    region = it.resource.split(":")[3]
    if ":alias/" in it.resource:
        return policies.UNCLEAR

    def read() -> str:
        if it.action == DECRYPT:
            return str(aws.client("kms", region).get_key_policy(KeyId=it.resource, PolicyName="default")["Policy"])
        return str(aws.client("secretsmanager", region).get_resource_policy(SecretId=it.resource).get("ResourcePolicy"))

    text = seen(read, REFUSED)
    return policies.UNCLEAR if not isinstance(text, Unseen) and it.role in text else policies.DENIED
