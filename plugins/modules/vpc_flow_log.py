# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vpc_flow_log
short_description: Flow logs of a stack's VPC
description:
  - Keeps a flow log of a VPC, with the log group that it writes to and the role that lets it.
  - Neither amazon.aws nor community.aws has a module for flow logs.
  - AWS cannot change a flow log. Where a setting differs, it is deleted and made anew.
  - Flow logs that somebody else has made for the same VPC are left alone.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  vpc_id:
    description: The VPC. In check mode it may be empty, for a VPC that is not there yet.
    type: str
    default: ''
  log_group:
    description: The log group's name. Without it, C(/vpc/<stack>-<environment>/flow-logs).
    type: str
  retention_days:
    description: How long logs are kept, in days; V(0) for ever. Left alone where it is not given.
    type: int
  traffic:
    description: Which traffic is logged.
    type: str
    choices: [all, accept, reject]
    default: all
  interval:
    description: Over how many seconds packets are gathered into a record, V(60) or V(600). AWS takes V(600) by itself.
    type: int
    choices: [60, 600]
  account_id:
    description: The account, so that the role can be used for flow logs of this account only.
    type: str
  state:
    description: V(absent) removes flow log, role and log group, if they are the stack's.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keep the flow logs for a month
  slipway.aws.vpc_flow_log:
    stack: {name: tvshows, environment: prod, role: networking}
    vpc_id: "{{ networking_result.vpc_id }}"
    retention_days: 30
"""

RETURN = r"""
changes:
  description: The plan, each step with C(action), resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
result:
  description: C(flow_log_id), C(log_group), C(log_group_arn), C(role_arn), and C(delivery_error) as AWS reports it.
  type: dict
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import outcome, walk
from ansible_collections.slipway.aws.plugins.module_utils._vpc.flow_log.apply import Work, handlers
from ansible_collections.slipway.aws.plugins.module_utils._vpc.flow_log.describe import read, result
from ansible_collections.slipway.aws.plugins.module_utils._vpc.flow_log.plan import (
    desired,
    plan,
    plan_removal,
    problems,
)

ARGUMENTS: dict[str, Any] = {
    "vpc_id": {"type": "str", "default": ""},
    "log_group": {"type": "str"},
    "retention_days": {"type": "int"},
    "traffic": {"type": "str", "choices": ["all", "accept", "reject"], "default": "all"},
    "interval": {"type": "int", "choices": [60, 600]},
    "account_id": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def refuse(settings: dict[str, Any], stack: Stack, *, check: bool) -> None:
    found = problems(settings, stack.prefix)
    if not settings["vpc_id"] and settings["state"] == "present" and not check:
        found.append("vpc_id is empty: role networking gave none")
    if found:
        raise SlipwayError("The flow logs cannot be made", "; ".join(found), "Nothing was changed.")


def run(module: Any) -> dict[str, Any]:
    settings, stack, aws = module.params, Stack.of(module.params), Clients.of(module)
    refuse(settings, stack, check=module.check_mode)
    wanted = desired(settings, stack, aws.region)
    names = wanted["log_group"]["name"], wanted["role"]["name"]
    current = read(aws, stack, *names)
    changes = plan_removal(current, wanted, stack) if settings["state"] == "absent" else plan(current, wanted, stack)
    walk(changes, handlers(Work(aws, current, wanted, settings["vpc_id"])), check=module.check_mode)
    if changes and not module.check_mode:
        current = read(aws, stack, *names)
    return outcome(changes, result=result(current, names[0]), api_calls=aws.api_calls)


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
