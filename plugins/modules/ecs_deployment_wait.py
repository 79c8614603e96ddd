# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_deployment_wait
short_description: Follows ECS deployments to a verdict with a reason
description:
  - Follows the deployments of one or several services until each is known to serve, or known not to, and says why.
  - A deployment is followed by its id. A rollback that has ended well is V(rolled_back), never a success.
  - Fails as soon as failure is certain, with the reason, what to do about it, and the last log lines in the message.
  - Understands rolling deployments with and without circuit breaker and alarms, the native blue/green, linear and
    canary strategies, and the controllers CODE_DEPLOY and EXTERNAL.
  - Only C(ecs:DescribeServices) must be allowed. A permission missing for another look (tasks, service deployments,
    target health, alarms, logs) costs evidence, never the verdict.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  cluster:
    description: The cluster's name or ARN.
    type: str
    required: true
  services:
    description: The services of this release, in the order in which they were updated. They are watched together.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The service's name.
        type: str
        required: true
      deployment_id:
        description: The deployment to follow (C(ecs-svc/…)), or the task set. Else the PRIMARY when the watch begins.
        type: str
      service_deployment_arn:
        description: The service deployment to follow.
        type: str
      task_definition:
        description: What was deployed, for this service. See O(task_definition).
        type: str
      rollback_to:
        description:
          - The task definition to go back to. Without it, that of the deployment which served when the watch began.
        type: str
  task_definition:
    description: What was deployed (ARN or family:revision). Anything else that serves in the end is no success.
    type: str
  timeout:
    description: Seconds after which the verdict is V(timed_out). Counts again for each service that is rolled back.
    type: int
    default: 1200
  poll_interval:
    description: Seconds between two looks. A little jitter is added, and the pause grows while AWS throttles.
    type: float
    default: 5.0
  fail_fast:
    description: How many equal failures of our tasks make a verdict before the platform would.
    type: int
    default: 3
  on_failure:
    description:
      - V(rollback) takes back what this release updated when a service ends V(failed), V(stalled) or V(timed_out).
        The services go back in reverse order, each followed to its end.
      - Only our own deployments are touched. V(superseded) and V(paused) are left alone, and so is a service whose
        PRIMARY is not ours any more.
    type: str
    choices: [report, rollback]
    default: report
  log_lines:
    description: How many last log lines of each stopped container are read. V(0) reads none.
    type: int
    default: 20
  lease:
    description: The stack's lease, as the task that took it returned it. It is renewed while waiting.
    type: dict
    suboptions:
      table:
        description: The DynamoDB table.
        type: str
        required: true
      stack:
        description: The stack that it is for.
        type: str
        required: true
      owner:
        description: Who holds it.
        type: str
        required: true
      fence:
        description: Its fencing token.
        type: int
        required: true
      duration:
        description: Seconds for which it holds.
        type: float
        default: 120.0
attributes:
  check_mode:
    description: Nothing was deployed in check mode, so nothing is waited for.
    support: full
  diff_mode:
    description: There is nothing to show a difference of.
    support: none
  idempotent:
    description: Looking changes nothing; only O(on_failure=rollback) does, after a failure.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Wait for the verdict
  slipway.aws.ecs_deployment_wait:
    cluster: tvshows-prod
    services: "{{ ecs_services_rollouts }}"
    timeout: 900
    on_failure: rollback

- name: Follow a blue/green deployment
  slipway.aws.ecs_deployment_wait:
    cluster: tvshows-prod
    services:
      - name: web
        service_deployment_arn: arn:aws:ecs:us-east-1:111122223333:service-deployment/tvshows-prod/web/NCWGC2ZR-taaw
    timeout: 3600
"""

RETURN = r"""
verdict:
  description: >-
    V(succeeded) where all succeeded, else that of the first service that did not: V(rolled_back), V(failed),
    V(superseded), V(paused), V(stalled) or V(timed_out).
  type: str
  returned: always, null in check mode
reason:
  description: Why.
  type: dict
  returned: always, null in check mode
  contains:
    code:
      description: One of a closed set, for example C(image_not_found).
      type: str
    class:
      description: What kind of code it is.
      type: str
    text:
      description: The message as AWS gave it.
      type: str
    hint:
      description: What to do about it.
      type: str
evidence:
  description: >-
    C(stopped_tasks) with stop code, reason, exit codes and last log lines, C(targets), C(events) since the start,
    C(alarms), and C(unseen), the looks that were refused.
  type: dict
  returned: always, empty in check mode
timeline:
  description: What was seen when, each with C(at) in seconds and C(seen).
  type: list
  elements: dict
  returned: always
services:
  description: >-
    All of the above for each service, with C(service), C(deployment_id), C(service_deployment_arn),
    C(task_definition) and C(previous_task_definition). C(verdict) is null where another service failed first.
  type: list
  elements: dict
  returned: always
rollback:
  description: What was taken back, each with C(service), C(action), C(back) and C(text).
  type: list
  elements: dict
  returned: when O(on_failure=rollback) acted
waited_s:
  description: Seconds waited.
  type: float
  returned: always
api_calls:
  description: How many calls it took.
  type: int
  returned: always
"""

import time
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._ecs.release import Release, release

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "deployment_id": {"type": "str"},
            "service_deployment_arn": {"type": "str"},
            "task_definition": {"type": "str"},
            "rollback_to": {"type": "str"},
        },
    },
    "task_definition": {"type": "str"},
    "timeout": {"type": "int", "default": 1200},
    "poll_interval": {"type": "float", "default": 5.0},
    "fail_fast": {"type": "int", "default": 3},
    "on_failure": {"type": "str", "choices": ["report", "rollback"], "default": "report"},
    "log_lines": {"type": "int", "default": 20},
    "lease": {
        "type": "dict",
        "options": {
            "table": {"type": "str", "required": True},
            "stack": {"type": "str", "required": True},
            "owner": {"type": "str", "required": True},
            "fence": {"type": "int", "required": True},
            "duration": {"type": "float", "default": 120.0},
        },
    },
}


def run(module: Any, aws: Any = None, clock: Any = time) -> dict[str, Any]:
    if module.check_mode:
        nothing: dict[str, Any] = {"verdict": None, "reason": None, "evidence": {}, "timeline": [], "services": []}
        return {"changed": False, **nothing, "waited_s": 0.0, "api_calls": 0}
    return release(Release.of(module.params), aws or Clients.of(module), clock)


def main() -> None:
    execute(aws_module(ARGUMENTS, stack=False), run)


if __name__ == "__main__":
    main()
