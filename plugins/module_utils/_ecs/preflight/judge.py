# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From facts to checks: the definition, what a task pulls and reads, where it runs, who asks it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight import health, network, policies
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.checks import Check, fail, ok, unseen, warn
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.facts import (
    CREATE_GROUP,
    DECRYPT,
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
)
from ansible_collections.slipway.aws.plugins.module_utils._ecs.task_definition.plan import size_problems

# ECS's word for an architecture: that of image manifests.
ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
NOT_FOUND = "it is not there"


def judge(facts: Facts) -> list[Check]:
    found: list[Check] = []
    for name, definition in facts.definitions.items():
        if definition is None:
            found.append(fail("task definition", name, "it is not registered", "Register it, then repeat the run."))
            continue
        found += size(name, definition)
        found += images(facts, name, definition)
        found += roles(facts, definition)
        found += secrets(facts, name, definition)
        found += log_groups(facts, definition)
        found += permissions(facts, definition)
    found += network.judge(facts)
    found += health.judge(facts)
    return list(dict.fromkeys(found))  # what two task definitions share is told once


def size(name: str, definition: Raw) -> Iterator[Check]:
    if "FARGATE" not in (definition.get("requiresCompatibilities") or ["FARGATE"]):
        return
    cpu, memory = definition.get("cpu"), definition.get("memory")
    problems = size_problems(cpu, memory)
    for text in problems:
        yield fail("task size", name, text, "Correct cpu and memory in ecs_services_task_definitions.")
    if not problems:
        yield ok("task size", name, f"cpu {cpu}, memory {memory}")


def images(facts: Facts, name: str, definition: Raw) -> Iterator[Check]:
    platform = (definition.get("runtimePlatform") or {}).get("cpuArchitecture") or "X86_64"
    wanted = ARCHITECTURES.get(platform, platform)
    for reference in dict.fromkeys(container["image"] for container in containers(definition)):
        image = EcrImage.of(reference)
        if image is None:
            yield warn("image", reference, "not checked: it is in another registry", "Keep a copy of it in ECR.")
            continue
        found = facts.images.get(reference, Unseen("not looked at"))
        if isinstance(found, Unseen):
            yield unseen("image", reference, found, "ecr:BatchGetImage")
        elif found is None:
            yield fail("image", reference, NOT_FOUND, f"Push it to repository {image.repository}, or release another.")
        elif not found:
            yield warn("image", reference, "its architecture is not known", f"Task {name} needs {wanted}.")
        elif wanted not in found:
            why = f"it is for {', '.join(found)}, task {name} runs on {wanted}"
            yield fail("image", reference, why, f"Build it with --platform linux/{wanted}, or set the architecture.")
        else:
            yield ok("image", reference, f"it is there for {wanted}")


def roles(facts: Facts, definition: Raw) -> Iterator[Check]:
    account = str(definition["taskDefinitionArn"]).split(":")[4]
    for key in ("executionRoleArn", "taskRoleArn"):
        arn = str(definition.get(key) or "")
        if not arn:
            continue
        role, name = facts.roles.get(arn, Unseen("not looked at")), arn.rsplit("/", 1)[-1]
        if isinstance(role, Unseen):
            yield unseen("role", name, role, "iam:GetRole")
        elif role is None:
            yield fail("role", name, NOT_FOUND, "Run site.yml with the role identity, which makes it.")
        elif not policies.trusts(role.get("AssumeRolePolicyDocument") or {}, account):
            why = f"{policies.ECS_TASKS} may not assume it for account {account}"
            yield fail("role", name, why, "Correct its trust policy, the role identity does.")
        else:
            yield ok("role", name, "tasks may assume it")


def secrets(facts: Facts, name: str, definition: Raw) -> Iterator[Check]:
    for where, reference in references(definition):
        on = f"{name}: {where}"
        if reference.parameter:
            yield _parameter(facts, on, reference)
        else:
            yield _secret(facts, on, reference)


def _parameter(facts: Facts, on: str, reference: Reference) -> Check:
    if isinstance(facts.parameters, Unseen):
        return unseen("parameter", on, facts.parameters, "ssm:GetParameters")
    if reference.arn in facts.parameters:
        return ok("parameter", on, f"{reference.arn} is there")
    return fail("parameter", on, f"{reference.arn} is not there", "Make it in Systems Manager, or correct the name.")


def _secret(facts: Facts, on: str, reference: Reference) -> Check:
    secret = facts.secrets.get(reference.arn, Unseen("not looked at"))
    label = _label(reference.arn)
    if isinstance(secret, Unseen):
        return unseen("secret", on, secret, "secretsmanager:DescribeSecret")
    if secret is None:
        return fail("secret", on, f"{label} is not there", "Run site.yml with the role secrets, which makes it.")
    if secret.get("DeletedDate"):
        next_ = f"aws secretsmanager restore-secret --secret-id {label}"
        return fail("secret", on, f"{label} is marked for deletion", next_)
    versions = secret.get("VersionIdsToStages") or {}
    stage = reference.stage or "AWSCURRENT"
    if not reference.version and not any(stage in stages for stages in versions.values()):
        next_ = f"aws secretsmanager put-secret-value --secret-id {label} --secret-string …"
        return fail("secret", on, f"{label} has no value (stage {stage})", next_)
    return _key(on, label, reference, secret) or ok("secret", on, f"{label} has a value")


def _key(on: str, label: str, reference: Reference, secret: Raw) -> Check | None:
    """The JSON key that is asked for; only the current value was looked at."""
    if not reference.key or reference.version or reference.stage not in ("", "AWSCURRENT"):
        return None
    keys = secret.get("keys", Unseen("not looked at"))
    if isinstance(keys, Unseen):
        return unseen("secret", on, keys, "secretsmanager:GetSecretValue")
    if keys is None:
        return fail("secret", on, f"{label} is no JSON object, key {reference.key} is asked for", "Correct its value.")
    if reference.key not in keys:
        why = f"{label} has no key {reference.key}, it has {', '.join(keys) or 'none'}"
        return fail("secret", on, why, "Add the key to its value, or correct the reference.")
    return None


def _label(arn: str) -> str:
    """The secret's name, without the six characters that AWS adds."""
    name, dash, tail = arn.split(":", 6)[-1].rpartition("-")
    return name if dash and len(tail) == 6 else arn.split(":", 6)[-1]


def log_groups(facts: Facts, definition: Raw) -> Iterator[Check]:
    for options in log_options(definition):
        name = str(options.get("awslogs-group", ""))
        found = facts.log_groups.get(name, Unseen("not looked at"))
        if isinstance(found, Unseen):
            yield unseen("log group", name, found, "logs:DescribeLogGroups")
        elif found:
            yield ok("log group", name, "it is there")
        elif options.get("awslogs-create-group") == "true":
            yield ok("log group", name, "the first task makes it")
        else:
            yield fail("log group", name, NOT_FOUND, "Run site.yml with the role ecs_services, which makes it.")


def permissions(facts: Facts, definition: Raw) -> Iterator[Check]:
    """What the execution role may do, a check for each action, and the keys of the secrets."""
    if not definition.get("executionRoleArn"):
        if any(EcrImage.of(it["image"]) for it in containers(definition)) or references(definition):
            why = "it has no execution role, which pulls from ECR, reads secrets and writes logs"
            yield fail("execution role", str(definition["family"]), why, "Give it an execution role.")
        return
    wanted = [it for it in needed(definition, facts.region) if _matters(facts, it)]
    arns = {reference.arn for _where, reference in references(definition)}
    keys = {str(it.get("KmsKeyId") or "") for arn, it in facts.secrets.items() if arn in arns and isinstance(it, dict)}
    tails = {key.rsplit("/", 1)[-1] for key in keys if key}
    wanted += [
        it
        for it in facts.permissions
        if it.action == DECRYPT
        and it.role == definition["executionRoleArn"]
        and it.resource.rsplit("/", 1)[-1] in tails
    ]
    for it in wanted:
        yield _permission(facts, it)
        if it.action == DECRYPT:
            yield _key_state(facts, it.resource)


def _matters(facts: Facts, it: Needed) -> bool:
    """A log group that is there need not be made; a secret that is not there is told as such."""
    if it.action == CREATE_GROUP:
        return facts.log_groups.get(it.resource.split(":log-group:")[1].split(":")[0]) is False
    return facts.secrets.get(it.resource, "") is not None


def _permission(facts: Facts, it: Needed) -> Check:
    answer = facts.permissions.get(it, Unseen("not looked at"))
    role = it.role.rsplit("/", 1)[-1]
    on = f"{role}: {it.action}"
    resource = it.resource.replace(":log-stream:x", "")
    if isinstance(answer, Unseen):
        return unseen("permission", on, answer, "iam:SimulatePrincipalPolicy")
    if answer == policies.ALLOWED:
        return ok("permission", on, f"allowed on {resource}")
    if answer == policies.UNCLEAR:
        why = f"not certain on {resource}: a policy has conditions or lies with the resource"
        return warn("permission", on, why, "Look at the conditions of the policies.")
    return fail("permission", on, f"not allowed on {resource}", f"Allow it to {role}, the role identity does.")


def _key_state(facts: Facts, key: str) -> Check:
    state = facts.keys.get(key, Unseen("not looked at"))
    if isinstance(state, Unseen):
        return unseen("KMS key", key, state, "kms:DescribeKey")
    if state == "Enabled":
        return ok("KMS key", key, "it is enabled")
    return fail(
        "KMS key", key, f"its state is {state}" if state else NOT_FOUND, "Enable it, or give the secret another."
    )
