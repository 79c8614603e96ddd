# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module elasticache_replication_group does in each of its states: start, wait and complete, remove."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._elasticache.apply import handlers, token
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.describe import read, read_for_removal, result
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.plan import (
    GROUP,
    SUBNET_GROUP,
    desired,
    later,
    parameter_group_name,
    plan,
    plan_group,
    plan_removal,
)
from ansible_collections.slipway.aws.plugins.module_utils._elasticache.ready import LOST, Waiter, finish, look
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, outcome, plain, walk
from ansible_collections.slipway.aws.plugins.module_utils._rds.context import Run


def present(run: Run) -> dict[str, Any]:
    """Start everything that can be started now."""
    aws, spec, stack = run.aws, run.spec, run.stack
    name, parameters, now = spec["identifier"], parameter_group_name(spec), spec["apply_immediately"]
    wanted = desired(spec, stack)
    current = read(aws, name, parameters)
    changes = plan(current, wanted, stack, identifier=name, now=now, major_upgrade=spec["major_upgrade"])
    waiting = later(changes, current["group"])
    at_once = changes if run.check else [change for change in changes if change not in waiting]
    if at_once and not run.check:
        refuse_unknown(at_once)
        creates = any((change.resource, change.action) == (GROUP, "create") for change in at_once)
        auth = token(aws.client("secretsmanager"), spec["auth_token_secret"]) if creates else ""
        walk(at_once, handlers(aws, current, identifier=name, now=now, auth_token=auth), check=False)
        current = read(aws, name, parameters)
    return finished(run, current["group"], at_once, deferred=[change.resource for change in waiting])


def refuse_unknown(changes: list[Change]) -> None:
    """What only a check mode on an empty account may leave open has to be known before anything is made."""
    for resource, field in ((SUBNET_GROUP, "subnets"), (GROUP, "security_groups")):
        for change in changes:
            if (change.resource, change.action) == (resource, "create") and not change.after.get(field):
                raise SlipwayError(
                    f"{resource} {change.name} has no {field.replace('_', ' ')}",
                    f"cache_{field} came to nothing, or to ids that do not exist yet",
                    "Run role networking first; it makes them.",
                )


def ready(run: Run) -> dict[str, Any]:
    """Wait, and complete what had to wait."""
    aws, spec, stack = run.aws, run.spec, run.stack
    name, wanted, now = spec["identifier"], desired(spec, stack)["group"], spec["apply_immediately"]
    first = look(aws, name)
    if run.check:  # what is to be made was announced by the other entry point
        return finished(run, first["group"], [])
    if first["group"] is None:
        raise SlipwayError(f"There is no cache {name} to wait for", "", "Start it first: role cache, main.")
    waiter = Waiter(aws, name, timeout=spec["timeout"], interval=spec["poll_interval"])
    group, changes = finish(
        waiter,
        first,
        lambda group: plan_group(name, group, wanted, stack, now=now, major_upgrade=spec["major_upgrade"]),
        lambda changes, group: walk(changes, handlers(aws, {"group": group}, identifier=name, now=now), check=False),
        now=now,
    )
    return finished(run, group, changes, waited_s=round(waiter.waited_s, 1))


def finished(run: Run, group: Any, changes: list[Change], **more: Any) -> dict[str, Any]:
    """What both entry points return, with warnings about what waits."""
    aws, spec = run.aws, run.spec
    name, pending = spec["identifier"], plain((group or {}).get("pending", {}))
    if pending:
        run.warn(f"{name}: {', '.join(sorted(pending))} will change in the maintenance window.")
    if (group or {}).get("to_reboot"):
        run.warn(f"Parameters of {name} wait until its nodes are rebooted: {', '.join(group['to_reboot'])}.")
    return outcome(
        changes,
        result=result(group, spec),
        pending=pending,
        **{"waited_s": 0.0, **more, "api_calls": aws.api_calls},
    )


def absent(run: Run) -> dict[str, Any]:
    """Remove the group, then, when it is gone, its parameter and subnet groups."""
    aws, spec, stack = run.aws, run.spec, run.stack
    name = spec["identifier"]
    waiter = Waiter(aws, name, timeout=spec["timeout"], interval=spec["poll_interval"])
    current = read_for_removal(aws, name)
    if current["group"] and current["group"]["status"] not in ("available", *LOST) and not run.check:
        waiter.available(now=False)  # AWS neither deletes a busy group nor says whose it is
        current = read_for_removal(aws, name)
    changes = plan_removal(current, stack, identifier=name, final_snapshot=spec["final_snapshot"])
    if not run.check:
        stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        snapshot = f"{name}-final-{stamp}" if spec["final_snapshot"] else None
        does = handlers(aws, current, identifier=name, final_snapshot=snapshot)
        walk([change for change in changes if change.resource == GROUP], does, check=False)
        if going(current, changes):
            waiter.gone()
        walk([change for change in changes if change.resource != GROUP], does, check=False)
    return outcome(changes, waited_s=round(waiter.waited_s, 1), api_calls=aws.api_calls)


def going(current: dict[str, Any], changes: list[Change]) -> bool:
    """Whether a group is on its way out whose subnet and parameter groups go after it."""
    group = current["group"]
    return bool(group and changes and (group["status"] == "deleting" or changes[0].resource == GROUP))
