# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ECS touches outside itself, in moto's backends: interfaces, images, secrets, roles, logs, targets, alarms."""

from __future__ import annotations

import json
import re
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.ec2.models import ec2_backends
from moto.ecr.models import ecr_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends

from . import messages
from .world import Data

ECR_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
SECRET_ARN = re.compile(r"(?P<arn>arn:aws[a-z-]*:secretsmanager:[^:]*:\d*:secret:[^:]+)(?P<rest>(?::[^:]*){0,3})")


class NoFreeAddressError(Exception):
    """The subnet has no free address."""


class Surroundings:
    """One account and region of moto."""

    def __init__(self, account: str, region: str) -> None:
        self.account = account
        self.region = region

    # interfaces

    def subnet(self, subnet_id: str) -> Any | None:
        try:
            return ec2_backends[self.account][self.region].get_subnet(subnet_id)
        except Exception:  # moto has one exception class for every kind of resource
            return None

    def security_group(self, group_id: str) -> Any | None:
        return ec2_backends[self.account][self.region].get_security_group_from_id(group_id)

    def create_interface(self, subnet_id: str, groups: list[str], description: str) -> Data:
        """An interface with the next free address of the subnet; raises NoFreeAddressError."""
        backend = ec2_backends[self.account][self.region]
        subnet = backend.get_subnet(subnet_id)
        if subnet.available_ip_address_count < 1:
            raise NoFreeAddressError(subnet_id)
        taken = {eni.private_ip_address for eni in backend.enis.values() if eni.subnet.id == subnet_id}
        # The first four addresses and the last are reserved:
        # https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
        free = (str(subnet.cidr[index]) for index in range(4, subnet.cidr.num_addresses - 1))
        address = next((candidate for candidate in free if candidate not in taken), None)
        if address is None:
            raise NoFreeAddressError(subnet_id)
        eni = backend.create_network_interface(subnet, address, group_ids=groups, description=description)
        eni.status = "in-use"
        eni.requester_managed = True
        return {
            "id": eni.id,
            "address": address,
            "mac": eni.mac_address,
            "zone": subnet.availability_zone,
            "dns": f"ip-{address.replace('.', '-')}.{self.region}.compute.internal",
        }

    def delete_interface(self, interface_id: str) -> None:
        ec2_backends[self.account][self.region].enis.pop(interface_id, None)

    # images

    def image_digest(self, image: str) -> tuple[bool, str | None]:
        """(whether it can be pulled, its digest). Registries other than this account's are taken to have it."""
        parts = ECR_IMAGE.fullmatch(image)
        if parts is None or parts["account"] != self.account:
            return True, None
        repository = ecr_backends[self.account][parts["region"]].repositories.get(parts["repository"])
        for stored in repository.images if repository else ():
            digest = stored.get_image_digest()
            if parts["digest"] == digest or (not parts["digest"] and (parts["tag"] or "latest") in stored.image_tags):
                return True, digest
        return False, None

    # secrets

    def secret_problem(self, reference: str) -> str | None:
        """Why the value that a container's secret refers to cannot be had, as the task would say it."""
        parts = SECRET_ARN.fullmatch(reference)
        if parts is None:
            return self._parameter_problem(reference)
        key, stage, _version = ([*parts["rest"].split(":")[1:], "", "", ""])[:3]
        secret = self._secret(parts["arn"])
        if secret is None:
            return messages.SECRET_MISSING.format(secret=parts["arn"])
        if secret.is_deleted():
            return messages.SECRET_DELETED.format(secret=parts["arn"])
        stage = stage or "AWSCURRENT"
        version = next((v for v in secret.versions.values() if stage in v.get("version_stages", [])), None)
        if version is None or (version.get("secret_string") is None and version.get("secret_binary") is None):
            return messages.SECRET_WITHOUT_VALUE.format(secret=parts["arn"], stage=stage)
        return _key_problem(parts["arn"], key, version.get("secret_string") or "") if key else None

    def _secret(self, arn: str) -> Any | None:
        region = arn.split(":")[3]
        name = arn.split(":", 6)[6]
        for secret in secretsmanager_backends[self.account][region].secrets.values():
            if secret.arn == arn or secret.name == name:
                return secret
        return None

    def _parameter_problem(self, reference: str) -> str | None:
        name = reference.split(":parameter", 1)[1] if ":parameter" in reference else reference
        backend = ssm_backends[self.account][self.region]
        known = any(backend.get_parameters([candidate]) for candidate in {name, name.lstrip("/")})
        return None if known else messages.PARAMETER_MISSING.format(parameter=name)

    # roles

    def role_problem(self, arn: str | None) -> str | None:
        """Whether ECS tasks may assume the role: it exists and its trust policy names ecs-tasks.amazonaws.com."""
        if not arn:
            return None
        role = next((r for r in iam_backends[self.account]["aws"].roles.values() if r.arn == arn), None)
        if role is not None and "ecs-tasks.amazonaws.com" in str(role.assume_role_policy_document):
            return None
        return messages.ROLE_NOT_ASSUMABLE.format(role=arn)

    # logs

    def open_log_stream(self, options: Data, stream: str) -> str | None:
        """Create the stream as the awslogs driver does; returns why it cannot."""
        backend = logs_backends[self.account][options.get("awslogs-region") or self.region]
        group = options.get("awslogs-group", "")
        if group not in backend.groups:
            if options.get("awslogs-create-group") != "true":
                return messages.LOG_GROUP_MISSING
            backend.create_log_group(group, {})
        backend.ensure_log_stream(group, stream)
        return None

    def write_log(self, options: Data, stream: str, at: float, lines: list[str]) -> None:
        backend = logs_backends[self.account][options.get("awslogs-region") or self.region]
        group = backend.groups.get(options.get("awslogs-group", ""))
        if group is not None and stream in group.streams:
            events = [{"timestamp": int(at * 1000) + index, "message": line} for index, line in enumerate(lines)]
            group.streams[stream].put_log_events(events)

    # targets

    def target_group(self, arn: str) -> Any | None:
        return elbv2_backends[self.account][self.region].target_groups.get(arn)

    def register_target(self, arn: str, address: str, port: int, at: float) -> None:
        """`at` is ECS's own time, which may be a little behind the clock."""
        group = self.target_group(arn)
        if group is not None:
            group.register([{"Id": address, "Port": port}])
            group.targets[address]["registered_at"] = at

    def deregister_target(self, arn: str, address: str) -> None:
        group = self.target_group(arn)
        if group is not None and address in group.targets:
            group.deregister([{"Id": address}])

    def spoil_target(self, arn: str, address: str, reason: str, description: str) -> None:
        """From its next health check on the target is unhealthy."""
        group = self.target_group(arn)
        if group is not None and address in group.targets:
            group.targets[address]["unhealthy"] = {"reason": reason, "description": description}

    def target_state(self, arn: str, address: str) -> tuple[str, str]:
        """(state, description) as DescribeTargetHealth gives them."""
        group = self.target_group(arn)
        if group is None:
            return "unused", "Target group is gone"
        health = group.health_for({"Id": address}, ec2_backends[self.account][self.region])
        return health.status, health.description or ""

    def set_rule_weights(self, rule_arn: str, weights: dict[str, int]) -> None:
        """Let a listener rule forward by these weights; a listener's ARN stands for its default rule."""
        for balancer_listeners in elbv2_backends[self.account][self.region].load_balancers.values():
            for listener in balancer_listeners.listeners.values():
                for rule in listener.rules.values():
                    if getattr(rule, "arn", None) == rule_arn or listener.arn == rule_arn:
                        _forward(rule.actions, weights)

    # alarms

    def alarms_in_alarm(self, names: list[str]) -> frozenset[str]:
        alarms = cloudwatch_backends[self.account][self.region].alarms
        return frozenset(name for name in names if name in alarms and alarms[name].state_value == "ALARM")


def _key_problem(arn: str, key: str, value: str) -> str | None:
    try:
        content = json.loads(value)
    except ValueError:
        return messages.SECRET_NOT_JSON.format(secret=arn, character=value[:1])
    if not isinstance(content, dict) or key not in content:
        return messages.SECRET_WITHOUT_KEY.format(key=key)
    return None


def _forward(actions: list[Any], weights: dict[str, int]) -> None:
    for action in actions:
        config = action.data.get("ForwardConfig") if hasattr(action, "data") else None
        for group in (config or {}).get("TargetGroups", []):
            if group.get("TargetGroupArn") in weights:
                group["Weight"] = weights[group["TargetGroupArn"]]
