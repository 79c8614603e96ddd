# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster in our shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_dict
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api


def read(aws: Clients, name: str) -> dict[str, Any] | None:
    found = api.cluster(aws.client("ecs"), name)
    return describe(found) if found else None


def describe(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """From DescribeClusters' entry. An answer without capacity providers means none."""
    settings = {it["name"]: it["value"] for it in cluster.get("settings", [])}
    return {
        "arn": cluster["clusterArn"],
        "container_insights": settings.get("containerInsights", "disabled"),
        "capacity_providers": sorted(cluster.get("capacityProviders") or []),
        "default_strategy": strategy(cluster.get("defaultCapacityProviderStrategy") or []),
        "tags": tag_dict(cluster.get("tags"), "key", "value"),
    }


def strategy(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A capacity provider strategy as [{provider, weight, base}], sorted by provider."""
    shaped = [
        {"provider": it["capacityProvider"], "weight": int(it.get("weight", 0)), "base": int(it.get("base", 0))}
        for it in items
    ]
    return sorted(shaped, key=lambda it: str(it["provider"]))
