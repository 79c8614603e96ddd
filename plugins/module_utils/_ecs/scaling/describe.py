# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Auto scaling of services in our shape, from Application Auto Scaling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, together
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api


def resource_id(cluster: str, service: str) -> str:
    return f"service/{cluster}/{service}"


def read(aws: Clients, cluster: str, services: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{"targets": {service: {min, max}}, "policies": {service/policy: …}} of the services named."""
    scaling, names = aws.client("application-autoscaling"), list(services)
    if not names:
        return {"targets": {}, "policies": {}}
    ids = {resource_id(cluster, name): name for name in names}
    answers = together(
        {
            "targets": lambda: api.scalable_targets(scaling, list(ids)),
            **{f"policies {one}": partial(api.scaling_policies, scaling, one) for one in ids},
        }
    )
    policies = [it for key, answer in answers.items() if key != "targets" for it in answer]
    return {
        "targets": {ids[it["ResourceId"]]: target(it) for it in answers["targets"] if it["ResourceId"] in ids},
        "policies": {f"{ids[it['ResourceId']]}/{it['PolicyName']}": policy(it) for it in policies},
    }


def target(item: Mapping[str, Any]) -> dict[str, int]:
    return {"min": item["MinCapacity"], "max": item["MaxCapacity"]}


def policy(item: Mapping[str, Any]) -> dict[str, Any]:
    """A target tracking policy; cooldowns are seconds, AWS's default is 300."""
    tracking = item.get("TargetTrackingScalingPolicyConfiguration") or {}
    metric = tracking.get("PredefinedMetricSpecification") or {}
    return {
        "metric": metric.get("PredefinedMetricType", ""),
        "label": metric.get("ResourceLabel", ""),
        "target": float(tracking.get("TargetValue", 0)),
        "out_cooldown": tracking.get("ScaleOutCooldown", 300),
        "in_cooldown": tracking.get("ScaleInCooldown", 300),
        "scale_in": not tracking.get("DisableScaleIn", False),
    }
