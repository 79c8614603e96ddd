# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries the plan of a cluster out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.cluster.plan import CLUSTER
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change


def handlers(
    aws: Clients, current: Mapping[str, Any] | None, wanted: Mapping[str, Any]
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    ecs = aws.client("ecs")
    return {
        (CLUSTER, "create"): partial(create, ecs),
        (CLUSTER, "update"): partial(update, ecs, current or {}, wanted),
        (CLUSTER, "delete"): lambda change: api.delete_cluster(ecs, change.name),
    }


def create(ecs: Any, change: Change) -> None:
    after = change.after
    api.create_cluster(
        ecs,
        change.name,
        settings=settings(after),
        capacityProviders=after["capacity_providers"],
        defaultCapacityProviderStrategy=strategy(after),
        tags=tag_list(after["tags"], "key", "value"),
    )


def update(ecs: Any, current: Mapping[str, Any], wanted: Mapping[str, Any], change: Change) -> None:
    if "container_insights" in change.after:
        api.update_cluster_settings(ecs, change.name, settings(wanted))
    if "capacity_providers" in change.after or "default_strategy" in change.after:
        api.put_capacity_providers(ecs, change.name, wanted["capacity_providers"], strategy(wanted))
    if "tags" in change.after:
        api.tag(ecs, current["arn"], tag_list(wanted["tags"], "key", "value"))


def settings(wanted: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": "containerInsights", "value": wanted["container_insights"]}]


def strategy(wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"capacityProvider": it["provider"], "weight": it["weight"], "base": it["base"]}
        for it in wanted["default_strategy"]
    ]
