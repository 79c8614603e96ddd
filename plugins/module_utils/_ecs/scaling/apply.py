# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries the plan of auto scaling out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling.describe import resource_id
from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling.plan import POLICY, TARGET
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change


def handlers(
    aws: Clients, cluster: str, wanted: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    scaling = aws.client("application-autoscaling")

    def register(change: Change) -> None:
        target = wanted["targets"][change.name]
        api.register_target(scaling, resource_id(cluster, change.name), target["min"], target["max"])

    def deregister(change: Change) -> None:
        api.deregister_target(scaling, resource_id(cluster, change.name))

    def put(change: Change) -> None:
        service, name = change.name.split("/")
        api.put_policy(scaling, resource_id(cluster, service), name, configuration(wanted["policies"][change.name]))

    def delete(change: Change) -> None:
        service, name = change.name.split("/")
        api.delete_policy(scaling, resource_id(cluster, service), name)

    return {
        (TARGET, "create"): register,
        (TARGET, "update"): register,
        (TARGET, "delete"): deregister,
        (POLICY, "create"): put,
        (POLICY, "update"): put,
        (POLICY, "delete"): delete,
    }


def configuration(policy: Mapping[str, Any]) -> dict[str, Any]:
    metric = {"PredefinedMetricType": policy["metric"]}
    if policy["label"]:
        metric["ResourceLabel"] = policy["label"]
    return {
        "TargetValue": policy["target"],
        "PredefinedMetricSpecification": metric,
        "ScaleOutCooldown": policy["out_cooldown"],
        "ScaleInCooldown": policy["in_cooldown"],
        "DisableScaleIn": not policy["scale_in"],
    }
