# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_task_role
short_description: IAM roles of a stack's tasks, allowed what the stack uses
description:
  - Makes the roles with which ECS starts tasks and which containers have, and keeps their policies, all in one call.
  - Takes the place of M(amazon.aws.iam_role) and M(amazon.aws.iam_policy), which would take a task for each part, and
    of policies by hand. What a role may do follows from the names of what it uses, so nothing of that has to exist yet.
  - Policies are compared by what they mean. One inline policy, V(slipway), is ours; policies that others have added
    stay, unless O(roles[].purge) is set.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  roles:
    description: The roles.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The role's name in the stack, for example V(execution) or V(task).
        type: str
        required: true
      aws_name:
        description: The role's name in IAM. Without it V(<stack>-<environment>-<name>).
        type: str
      service:
        description: The service that may take the role, on behalf of this account alone.
        type: str
        default: ecs-tasks.amazonaws.com
      repositories:
        description: ECR repositories that may be pulled from.
        type: list
        elements: str
        default: []
      log_groups:
        description: Log groups that may be written to.
        type: list
        elements: str
        default: []
      secrets:
        description: Secrets that may be read, each a name, V(name#key) or ARN.
        type: list
        elements: str
        default: []
      kms_keys:
        description: KMS keys that may decrypt for Secrets Manager, by id, ARN or alias.
        type: list
        elements: str
        default: []
      metrics_namespaces:
        description: CloudWatch namespaces that may be written to.
        type: list
        elements: str
        default: []
      xray:
        description: Whether traces may be sent to X-Ray.
        type: bool
        default: false
      exec:
        description: Whether ECS Exec may open a shell in the containers.
        type: bool
        default: false
      buckets:
        description: S3 buckets that may be used.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The name.
            type: str
            required: true
          access:
            description: V(write) includes reading.
            type: str
            choices: [read, write]
            default: write
      tables:
        description: DynamoDB tables that may be used.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The name.
            type: str
            required: true
          access:
            description: V(write) includes reading.
            type: str
            choices: [read, write]
            default: write
      statements:
        description: More statements, as IAM has them.
        type: list
        elements: dict
        default: []
      managed_policies:
        description: ARNs of managed policies that are attached. Others stay, unless O(roles[].purge) is set.
        type: list
        elements: str
      boundary:
        description: ARN of the permissions boundary. Left alone where it is not given.
        type: str
      purge:
        description: Whether policies that are not named here are taken away from the role.
        type: bool
        default: false
  account_id:
    description: The account that the ARNs are made for. Without it STS is asked.
    type: str
  state:
    description: V(absent) removes the stack's own roles of these names, with what is attached to them.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keep the roles of the tasks
  slipway.aws.iam_task_role:
    stack: {name: tvshows, environment: prod, role: identity}
    account_id: "111122223333"
    roles:
      - name: execution
        repositories: [tv-shows-api]
        log_groups: [/ecs/tvshows-prod]
        secrets: [tv-shows-api/database-url, tv-shows-api/redis-url]
      - name: task
        metrics_namespaces: [TvShowsApi]
        xray: true
        buckets: [{name: tvshows-assets}]
"""

RETURN = r"""
changes:
  description: The plan, each step with C(action), resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
result:
  description: V(identity_result) of role identity, C(roles) by name with their ARNs.
  type: dict
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._iam import api
from ansible_collections.slipway.aws.plugins.module_utils._iam.apply import handlers
from ansible_collections.slipway.aws.plugins.module_utils._iam.describe import read, result
from ansible_collections.slipway.aws.plugins.module_utils._iam.plan import (
    aws_name,
    desired,
    listed,
    plan,
    plan_removal,
)
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import ECS_TASKS, Place
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import outcome, walk

STRINGS: dict[str, Any] = {"type": "list", "elements": "str", "default": []}
ACCESS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "name": {"type": "str", "required": True},
        "access": {"type": "str", "choices": ["read", "write"], "default": "write"},
    },
}
ARGUMENTS: dict[str, Any] = {
    "roles": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "aws_name": {"type": "str"},
            "service": {"type": "str", "default": ECS_TASKS},
            "repositories": STRINGS,
            "log_groups": STRINGS,
            "secrets": {**STRINGS, "no_log": False},
            "kms_keys": {**STRINGS, "no_log": False},
            "metrics_namespaces": STRINGS,
            "xray": {"type": "bool", "default": False},
            "exec": {"type": "bool", "default": False},
            "buckets": ACCESS,
            "tables": ACCESS,
            "statements": {"type": "list", "elements": "dict", "default": []},
            "managed_policies": {"type": "list", "elements": "str"},
            "boundary": {"type": "str"},
            "purge": {"type": "bool", "default": False},
        },
    },
    "account_id": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, roles = Stack.of(module.params), Clients.of(module), module.params["roles"]
    place = Place(module.params["account_id"] or api.account(aws.client("sts")), aws.region)
    names = {role["name"]: aws_name(role, stack) for role in roles}
    if module.params["state"] == "absent":
        current = read(aws, names.values(), lists=names.values())
        changes = plan_removal(current, stack)
    else:
        wanted = desired(roles, stack, place)
        current = read(aws, names.values(), lists=listed(wanted))
        changes = plan(current, wanted, stack)
    walk(changes, handlers(aws, current), check=module.check_mode)
    return outcome(changes, result=result(names, place))


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
