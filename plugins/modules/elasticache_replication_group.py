# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: elasticache_replication_group
short_description: A Redis or Valkey replication group of a stack, with its subnet and parameter groups
description:
  - Keeps an ElastiCache subnet group, a parameter group and a replication group as one plan.
  - M(community.aws.elasticache) makes single cache clusters only, without replicas, encryption or AUTH, and its
    parameter group module ends at C(redis6.x); nothing else in those collections makes replication groups.
  - V(state=present) starts what has to be done and does not wait. V(state=ready) waits until the cache is available,
    makes the changes that AWS takes only one at a time, and fails with the events of ElastiCache as soon as the cache
    cannot become available any more.
  - An AUTH token is read by this module from a secret of Secrets Manager when the group is created. It is no argument
    and is never returned, logged or compared.
  - A group that AWS has upgraded within its major version is never taken back; what AWS has been told already and does
    in the next maintenance window is no difference.
  - What AWS cannot change in place (encryption at rest and its key, mode, port, AUTH, VPC) is refused before anything
    is touched. Encryption in transit is switched in two steps, through O(tls_mode=preferred).
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  identifier:
    description: The name of the group and of its subnet group, and the first part of its parameter group's name.
    type: str
    required: true
  engine:
    description: The engine. A group of V(redis) can become one of V(valkey), which needs O(major_upgrade).
    type: str
    choices: [redis, valkey]
    required: true
  engine_version:
    description:
      - A major version (V(7)) or a full one (V(7.1)). A newer minor version that runs already satisfies both.
      - A major upgrade needs O(major_upgrade).
    type: str
    required: true
  mode:
    description: V(replication_group) is one shard with cluster mode disabled, V(cluster) is cluster mode enabled.
    type: str
    choices: [replication_group, cluster]
    default: replication_group
  node_type:
    description: The type of the nodes, for example V(cache.t4g.small).
    type: str
    required: true
  shards:
    description: How many shards there are, with O(mode=cluster). One where it is left out at creation.
    type: int
  replicas:
    description: How many replicas each shard has beside its primary.
    type: int
  multi_az:
    description: Whether nodes are in several zones. It needs a replica, and switches O(failover) on.
    type: bool
  failover:
    description: Whether a replica takes over when the primary fails. Always so with O(mode=cluster).
    type: bool
  parameters:
    description:
      - The parameters of the parameter group, exactly. A parameter that is taken out of this goes back to its default.
    type: dict
  snapshots:
    description: Daily snapshots.
    type: dict
    default: {}
    suboptions:
      days:
        description: For how many days they are kept. V(0) switches them off.
        type: int
      window:
        description: When they are made, in UTC, for example V(05:00-06:00).
        type: str
  maintenance_window:
    description: When AWS may work on the group, in UTC, for example V(sun:06:00-sun:07:00).
    type: str
  encrypted:
    description: Whether data at rest is encrypted. Cannot be changed later.
    type: bool
    default: true
  kms_key:
    description: Id, ARN or alias of the key; without it AWS's own key for ElastiCache. Cannot be changed later.
    type: str
  tls:
    description: Whether data in transit is encrypted, which clients see as C(rediss://).
    type: bool
    default: true
  tls_mode:
    description: V(preferred) takes clients without TLS too. Left out, it is V(required) at creation and not managed.
    type: str
    choices: [preferred, required]
  auth_token_secret:
    description: The secret that holds the AUTH token, C(name) or C(name#key) for a key of a JSON secret.
    type: str
  port:
    description: The port. Cannot be changed later.
    type: int
    default: 6379
  subnets:
    description: Ids of the subnets. Ids that are still unknown in check mode may be empty.
    type: list
    elements: str
    default: []
  vpc_id:
    description: The VPC of the subnets. An existing cache in another VPC is refused.
    type: str
  security_groups:
    description: Ids of the security groups, exactly.
    type: list
    elements: str
    default: []
  auto_minor_upgrade:
    description: Whether AWS upgrades minor versions by itself in the maintenance window.
    type: bool
  log_delivery:
    description: The logs that go to CloudWatch Logs, exactly.
    type: list
    elements: dict
    suboptions:
      type:
        description: Which log.
        type: str
        choices: [slow-log, engine-log]
        required: true
      log_group:
        description: The log group, which has to be there.
        type: str
        required: true
      format:
        description: The format.
        type: str
        choices: [json, text]
        default: json
  apply_immediately:
    description:
      - Whether changes that can interrupt the service (node type, engine, version) are made at once. Without it they
        wait for the maintenance window. With it, those that wait already are made at once too.
    type: bool
    default: false
  major_upgrade:
    description: Whether another major version or engine may be upgraded to. It cannot be taken back.
    type: bool
    default: false
  final_snapshot:
    description: Whether V(state=absent) takes a last snapshot.
    type: bool
    default: false
  timeout:
    description: For how many seconds V(state=ready) and V(state=absent) wait in all.
    type: int
    default: 3600
  poll_interval:
    description: Seconds between two looks while waiting.
    type: float
    default: 15
  state:
    description:
      - V(present) starts the work, V(ready) waits for it and completes it, V(absent) removes the stack's own cache,
        waits until it is gone, and removes its groups.
    type: str
    choices: [present, ready, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Start the cache
  slipway.aws.elasticache_replication_group: &cache
    stack: {name: tvshows, environment: prod, role: cache}
    identifier: tvshows-prod
    engine: redis
    engine_version: "7"
    node_type: cache.r6g.large
    replicas: 1
    multi_az: true
    snapshots: {days: 1, window: "05:00-06:00"}
    subnets: [subnet-0aaa, subnet-0bbb]
    security_groups: [sg-0ccc]

- name: Wait for it
  slipway.aws.elasticache_replication_group:
    <<: *cache
    state: ready
    timeout: 1800
"""

RETURN = r"""
changes:
  description: The plan, each step with C(action), resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
deferred:
  description: With O(state=present), the kinds of changes that wait until the cache is available.
  type: list
  elements: str
  returned: when O(state=present)
result:
  description: V(cache_result) of role cache.
  type: dict
  returned: unless O(state=absent)
pending:
  description: What AWS will do in the next maintenance window.
  type: dict
  returned: unless O(state=absent)
waited_s:
  description: For how many seconds this call waited.
  type: float
  returned: always
api_calls:
  description: How many calls to AWS were made.
  type: int
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.problems import problems
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.work import absent, present, ready
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._rds.context import Run

LOG: dict[str, Any] = {
    "type": {"type": "str", "choices": ["slow-log", "engine-log"], "required": True},
    "log_group": {"type": "str", "required": True},
    "format": {"type": "str", "choices": ["json", "text"], "default": "json"},
}
ARGUMENTS: dict[str, Any] = {
    "identifier": {"type": "str", "required": True},
    "engine": {"type": "str", "choices": ["redis", "valkey"], "required": True},
    "engine_version": {"type": "str", "required": True},
    "mode": {"type": "str", "choices": ["replication_group", "cluster"], "default": "replication_group"},
    "node_type": {"type": "str", "required": True},
    "shards": {"type": "int"},
    "replicas": {"type": "int"},
    "multi_az": {"type": "bool"},
    "failover": {"type": "bool"},
    "parameters": {"type": "dict"},
    "snapshots": {"type": "dict", "default": {}, "options": {"days": {"type": "int"}, "window": {"type": "str"}}},
    "maintenance_window": {"type": "str"},
    "encrypted": {"type": "bool", "default": True},
    "kms_key": {"type": "str", "no_log": False},
    "tls": {"type": "bool", "default": True},
    "tls_mode": {"type": "str", "choices": ["preferred", "required"]},
    "auth_token_secret": {"type": "str", "no_log": False},
    "port": {"type": "int", "default": 6379},
    "subnets": {"type": "list", "elements": "str", "default": []},
    "vpc_id": {"type": "str"},
    "security_groups": {"type": "list", "elements": "str", "default": []},
    "auto_minor_upgrade": {"type": "bool"},
    "log_delivery": {"type": "list", "elements": "dict", "options": LOG},
    "apply_immediately": {"type": "bool", "default": False},
    "major_upgrade": {"type": "bool", "default": False},
    "final_snapshot": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 3600},
    "poll_interval": {"type": "float", "default": 15},
    "state": {"type": "str", "choices": ["present", "ready", "absent"], "default": "present"},
}


def run(module: Any) -> dict[str, Any]:
    asked = Run.of(module)
    state = asked.spec["state"]
    wrong = [] if state == "absent" else problems(asked.spec)
    if wrong:
        raise SlipwayError(f"Cache {asked.spec['identifier']} cannot be made like this", "; ".join(wrong))
    return {"present": present, "ready": ready, "absent": absent}[state](asked)


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
