# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module rds_postgres does in each of its states: start, wait and complete, remove."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, outcome, walk
from ansible_collections.slipway.aws.plugins.module_utils._rds import api
from ansible_collections.slipway.aws.plugins.module_utils._rds.apply import handlers, password
from ansible_collections.slipway.aws.plugins.module_utils._rds.context import Run
from ansible_collections.slipway.aws.plugins.module_utils._rds.describe import read, read_for_removal, result
from ansible_collections.slipway.aws.plugins.module_utils._rds.plan import (
    INSTANCE,
    PARAMETER_GROUP,
    REPLICA,
    Desired,
    deferred,
    desired,
    family,
    group_prefix,
    parameter_group_name,
    parameters_differ,
    plan,
    plan_instances,
    plan_removal,
    usable,
)
from ansible_collections.slipway.aws.plugins.module_utils._rds.ready import Waiter, finish, look, why_lost


def present(run: Run) -> dict[str, Any]:
    """Start everything that can be started now."""
    aws, spec, stack = run.aws, run.spec, run.stack
    name, group, wanted = spec["identifier"], parameter_group_name(spec), desired(spec, stack)
    current = read(aws, name, group)
    # The kinds of parameters take several calls to read, which a run that changes none of them need not make.
    static = static_parameters(aws, spec) if parameters_differ(current, wanted) else frozenset()
    changes = plan(
        current,
        wanted,
        stack,
        identifier=name,
        static=static,
        now=spec["apply_immediately"],
        major_upgrade=spec["major_upgrade"],
        reboot=spec["reboot"],
    )
    later = [change for change in changes if deferred(change, current["instances"], name, changes)]
    at_once = changes if run.check else [change for change in changes if change not in later]
    if at_once and not run.check:
        refuse_unknown(at_once)
        creates = any((change.resource, change.action) == (INSTANCE, "create") for change in at_once)
        walk(
            at_once,
            handlers(
                aws,
                current,
                identifier=name,
                static=static,
                now=spec["apply_immediately"],
                master_password=password(aws.client("secretsmanager"), spec["password_secret"]) if creates else "",
            ),
            check=False,
        )
        current = read(aws, name, group)
    return finished(run, current["instances"], at_once, deferred=[change.name for change in later])


def static_parameters(aws: Clients, spec: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(api.static_parameters(aws.client("rds"), family(spec["engine"], spec["engine_version"])))


def refuse_unknown(changes: list[Change]) -> None:
    """What only a check mode on an empty account may leave open has to be known before anything is made."""
    for change in changes:
        if change.action != "create" or change.resource in (PARAMETER_GROUP, REPLICA):
            continue
        field = "security_groups" if change.resource == INSTANCE else "subnets"
        if not change.after.get(field):
            raise SlipwayError(
                f"{change.resource} {change.name} has no {field.replace('_', ' ')}",
                f"database_{field} came to nothing, or to ids that do not exist yet",
                "Run role networking first; it makes them.",
            )


def ready(run: Run) -> dict[str, Any]:
    """Wait, and complete what had to wait."""
    aws, spec, stack = run.aws, run.spec, run.stack
    name, wanted, now = spec["identifier"], desired(spec, stack), spec["apply_immediately"]
    first = look(aws, name)
    if name not in first["instances"]:
        if run.check:  # announced by the other entry point, and not there to be waited for
            return finished(run, {}, [])
        raise SlipwayError(f"There is no database {name} to wait for", "", "Start it first: role database, main.")
    if run.check:
        return finished(run, first["instances"], [])
    waiter = Waiter(aws, name, timeout=spec["timeout"], interval=spec["poll_interval"])
    instances, changes = finish(
        waiter,
        first,
        name,
        lambda instances: left_to_do(instances, wanted, stack, spec),
        lambda changes, instances: walk(
            changes, handlers(aws, {"instances": instances}, identifier=name, now=now), check=False
        ),
        now=now,
    )
    return finished(run, instances, changes, waited_s=round(waiter.waited_s, 1))


def left_to_do(instances: Any, wanted: Desired, stack: Stack, spec: Mapping[str, Any]) -> list[Change]:
    return plan_instances(
        instances,
        wanted,
        stack,
        identifier=spec["identifier"],
        now=spec["apply_immediately"],
        major_upgrade=spec["major_upgrade"],
        reboot=spec["reboot"],
    )


def finished(run: Run, instances: Any, changes: list[Change], **more: Any) -> dict[str, Any]:
    """What both entry points return, with warnings about what waits for somebody."""
    aws, spec = run.aws, run.spec
    ours = {name: have for name, have in instances.items() if name == spec["identifier"] or have["source"]}
    reboots = sorted(name for name, have in ours.items() if have["parameter_status"] == "pending-reboot")
    pending = {name: have["pending"] for name, have in ours.items() if have["pending"]}
    if reboots:
        run.warn(f"Parameters of {', '.join(reboots)} wait for a reboot: -e database_reboot=true does it.")
    for name, what in pending.items():
        run.warn(f"{name}: {', '.join(sorted(what))} will change in the maintenance window.")
    return outcome(
        changes,
        result=result(ours, spec["identifier"], spec),
        pending=pending,
        reboot_pending=reboots,
        **{"waited_s": 0.0, **more, "api_calls": aws.api_calls},
    )


def absent(run: Run) -> dict[str, Any]:
    """Remove replicas, then the instance, then the groups, each when the former are gone."""
    aws, spec, stack = run.aws, run.spec, run.stack
    name, prefix = spec["identifier"], group_prefix(spec)
    waiter = Waiter(aws, name, timeout=spec["timeout"], interval=spec["poll_interval"])
    current = read_for_removal(aws, name, prefix)
    busy = [each for each, have in owned(current, stack).items() if not usable(have) and not why_lost(have["status"])]
    if busy and not run.check:
        waiter.available(busy, now=False)  # no last snapshot is taken of an instance that is being made or changed
        current = read_for_removal(aws, name, prefix)
    changes = plan_removal(current, stack, identifier=name, final_snapshot=spec["final_snapshot"])
    if not run.check:
        stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        does = handlers(aws, current, identifier=name, final_snapshot=f"{name}-final-{stamp}")
        ours = list(owned(current, stack))
        for kind, going in ((REPLICA, [each for each in ours if each != name]), (INSTANCE, ours)):
            walk([change for change in changes if change.resource == kind], does, check=False)
            if going:
                waiter.gone(going)
        walk([change for change in changes if change.resource not in (REPLICA, INSTANCE)], does, check=False)
    return outcome(changes, waited_s=round(waiter.waited_s, 1), api_calls=aws.api_calls)


def owned(current: dict[str, Any], stack: Stack) -> dict[str, Any]:
    return {name: have for name, have in current["instances"].items() if stack.owns(have["tags"])}
