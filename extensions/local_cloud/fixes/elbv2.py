# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elastic Load Balancing v2. API: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/"""

from __future__ import annotations

import time
from typing import Any

from moto.elbv2 import models
from moto.elbv2.exceptions import ELBClientError

from ..patching import enter, passing, replaces
from ..settings import SETTINGS

# https://docs.aws.amazon.com/general/latest/gr/elb.html, "Route 53 hosted zone ID (Application Load Balancers)"
HOSTED_ZONES = {
    "us-east-1": "Z35SXDOTRQ7X7K",
    "us-east-2": "Z3AADJGX6KTTL2",
    "us-west-1": "Z368ELLRRE2KJ0",
    "us-west-2": "Z1H1FL5HABSF5",
    "eu-west-1": "Z32O12XQLNTSW2",
    "eu-west-2": "ZHURV8PSTC4K8",
    "eu-central-1": "Z215JYRZR1TBD5",
    "ap-southeast-1": "Z1LMS91P8CMLE5",
    "ap-northeast-1": "Z14GRHDCWA56QT",
}
# API_LoadBalancerAttribute.html: the attributes of an Application Load Balancer and their defaults
BALANCER_ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
# API_TargetGroupAttribute.html: the attributes of an HTTP target group and their defaults
GROUP_ATTRIBUTES = {
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}


def balancer_attributes() -> None:
    """DescribeLoadBalancerAttributes gives every attribute, set or not (API_LoadBalancerAttribute.html)."""

    @replaces(models.FakeLoadBalancer, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        if self.type == "application":
            self.attrs = {**BALANCER_ATTRIBUTES, "routing.http.response.server.enabled": "true"}
        self.canonical_hosted_zone_id = HOSTED_ZONES.get(self.arn.split(":")[3], self.canonical_hosted_zone_id)

    models.FakeLoadBalancer.VALID_ATTRS = models.FakeLoadBalancer.VALID_ATTRS | {"routing.http.response.server.enabled"}


def group_attributes() -> None:
    """DescribeTargetGroupAttributes gives the stickiness attributes, set or not (API_TargetGroupAttribute.html)."""

    @replaces(models.FakeTargetGroup, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        if self.protocol in ("HTTP", "HTTPS"):
            self.attributes = {**GROUP_ATTRIBUTES, **self.attributes}


def health_check_defaults() -> None:
    """The path is "/" and the time-out 5 seconds for HTTP target groups (API_CreateTargetGroup.html)."""

    @replaces(models.FakeTargetGroup, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        if self.health_check_protocol in ("HTTP", "HTTPS"):
            self.health_check_path = self.health_check_path or "/"
            if not options.get("healthcheck_timeout_seconds"):
                self.health_check_timeout_seconds = 5


def provisioning() -> None:
    """A load balancer is "provisioning" before it is "active" (API_LoadBalancerState.html)."""

    @replaces(models.FakeLoadBalancer, "activate")
    def activate(original: Any, self: Any) -> None:
        if "passing" not in self.__dict__:
            enter(self, "provisioning", SETTINGS.load_balancer_seconds)
        if passing(self, "active") == "active":
            original(self)


def deletion_protection() -> None:
    """A protected load balancer is not deleted: OperationNotPermitted (API_DeleteLoadBalancer.html)."""

    @replaces(models.ELBv2Backend, "delete_load_balancer")
    def delete(original: Any, self: Any, arn: str) -> Any:
        balancer = self.load_balancers.get(arn)
        if balancer is not None and str(balancer.attrs.get("deletion_protection.enabled")).lower() == "true":
            message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            raise ELBClientError("OperationNotPermitted", message)
        answer = original(self, arn)
        for group in self.target_groups.values():
            group.load_balancer_arns = [known for known in group.load_balancer_arns if known != arn]
        return answer


def target_registration() -> None:
    """Targets know since when they are registered, and until when they drain (API_DeregisterTargets.html)."""

    @replaces(models.FakeTargetGroup, "register")
    def register(original: Any, self: Any, targets: list[dict[str, Any]]) -> None:
        earlier = {target["Id"]: dict(self.targets.get(target["Id"], {})) for target in targets}
        original(self, targets)
        for target in targets:
            kept = {key: value for key, value in earlier[target["Id"]].items() if key != "Port"}
            self.targets[target["Id"]].update({"registered_at": time.time(), **kept})

    @replaces(models.FakeTargetGroup, "deregister")
    def deregister(original: Any, self: Any, targets: list[dict[str, Any]]) -> None:
        original(self, targets)
        for target in targets:
            self.deregistered_targets[target["Id"]]["drained_at"] = time.time() + SETTINGS.deregistration_seconds


def target_health() -> None:
    """A target is "initial", then "healthy" or "unhealthy", and "draining" in the end (API_TargetHealth.html)."""

    @replaces(models.FakeTargetGroup, "health_for")
    def health_for(original: Any, self: Any, target: dict[str, Any], ec2: Any) -> Any:
        status = original(self, target, ec2)
        entry = self.targets.get(target["Id"])
        if entry is None and _drains(self.deregistered_targets.get(target["Id"], {})):
            _set(status, "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
        elif entry is not None and status.status == "healthy":
            _judge(status, entry, in_use=bool(self.load_balancer_arns))
        return status

    @replaces(models.ELBv2Backend, "describe_target_health")
    def describe(original: Any, self: Any, target_group_arn: str, targets: list[dict[str, Any]]) -> Any:
        found = original(self, target_group_arn, targets)
        group = self.target_groups[target_group_arn]
        if not targets:
            draining = [target for target in group.deregistered_targets.values() if _drains(target)]
            found += [group.health_for(target, self.ec2_backend) for target in draining]
        return found


def _drains(target: dict[str, Any]) -> bool:
    return bool(time.time() < target.get("drained_at", 0.0))


def _judge(status: Any, entry: dict[str, Any], *, in_use: bool) -> None:
    if not in_use:
        message = "Target group is not configured to receive traffic from the load balancer"
        _set(status, "unused", "Target.NotInUse", message)
    elif time.time() < entry.get("registered_at", 0) + SETTINGS.target_healthy_seconds:
        _set(status, "initial", "Elb.RegistrationInProgress", "Target registration is in progress")
    elif "unhealthy" in entry:
        _set(status, "unhealthy", entry["unhealthy"]["reason"], entry["unhealthy"]["description"])


def _set(status: Any, state: str, reason: str, description: str) -> None:
    status.status, status.reason, status.description = state, reason, description


FIXES = (
    balancer_attributes,
    group_attributes,
    health_check_defaults,
    provisioning,
    deletion_protection,
    target_registration,
    target_health,
)
