# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Application Auto Scaling. API: https://docs.aws.amazon.com/autoscaling/application/APIReference/"""

from __future__ import annotations

from typing import Any

from moto.applicationautoscaling import models

from ..patching import replaces


def policies_go_with_their_target() -> None:
    """Deregistering a scalable target deletes its scaling policies (API_DeregisterScalableTarget.html), and deleting a
    target tracking policy deletes its alarms (API_DeleteScalingPolicy.html)."""

    @replaces(models.ApplicationAutoscalingBackend, "deregister_scalable_target")
    def deregister(original: Any, self: Any, namespace: str, r_id: str, dimension: str) -> None:
        original(self, namespace, r_id, dimension)
        mine = (namespace, r_id, dimension)
        for policy in list(self.policies.values()):
            if (policy.service_namespace, policy.resource_id, policy.scalable_dimension) == mine:
                self.delete_scaling_policy(policy.policy_name, namespace, r_id, dimension)


FIXES = (policies_go_with_their_target,)
