# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ElastiCache: the shards of a replication group in cluster mode.

API: https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.elasticache import responses

from ..patching import adds
from .elasticache import _available, begin, fault, shown


def shard_configuration() -> None:
    """ModifyReplicationGroupShardConfiguration makes and removes shards of a group in cluster mode.

    API_ModifyReplicationGroupShardConfiguration.html: fewer shards need the names of those that go or stay.
    """

    @adds(responses.ElastiCacheResponse, "modify_replication_group_shard_configuration")
    def modify(self: Any) -> ActionResult:
        group = _available(self.elasticache_backend, self.params["ReplicationGroupId"])
        count = int(self.params["NodeGroupCount"])
        if not group["ClusterEnabled"]:
            raise fault("InvalidParameterCombination", "Cluster mode is not enabled for this replication group.")
        named = self.params.get("NodeGroupsToRemove") or self.params.get("NodeGroupsToRetain")
        if count < group["local_shards"] and not named:
            raise fault("InvalidParameterCombination", "Must specify the node groups to remove or to retain.")
        group["local_shards"] = count
        begin(group, "modifying")
        return ActionResult({"ReplicationGroup": shown(group, "modifying")})


FIXES = (shard_configuration,)
