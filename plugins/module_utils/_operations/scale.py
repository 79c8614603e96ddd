# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another number of tasks: the count itself, or the limits of auto scaling, which owns the count then. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs.scaling.plan import TARGET
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.plan import SERVICE
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, PENDING, Judgement


@dataclass(frozen=True)
class Asked:
    count: int | None = None
    minimum: int | None = None
    maximum: int | None = None


def require(name: str, asked: Asked, limits: Mapping[str, int] | None) -> None:
    """Raise where the numbers do not go together. limits: auto scaling's {min, max}, None where there is none."""
    what = f"Service {name} cannot be scaled so"
    if asked == Asked():
        raise SlipwayError(what, "no number was given", "Say how many tasks: -e count=3" + _or_limits(limits))
    if any(number is not None and number < 0 for number in (asked.count, asked.minimum, asked.maximum)):
        raise SlipwayError(what, "a number is below 0", "Give 0 or more.")
    if limits is None:
        if asked.minimum is not None or asked.maximum is not None:
            hint = "Give -e count=, or `scaling` in ecs_services_services and run site.yml."
            raise SlipwayError(what, "it has no auto scaling, so no minimum and maximum", hint)
        return
    wanted = wanted_limits(asked, limits)
    if wanted["min"] > wanted["max"]:
        raise SlipwayError(what, f"the minimum {wanted['min']} is above the maximum {wanted['max']}", "Give both.")
    if asked.count is not None and not wanted["min"] <= asked.count <= wanted["max"]:
        why = f"auto scaling keeps the count between {wanted['min']} and {wanted['max']}"
        raise SlipwayError(what, why, "Move a limit in the same run: -e min= or -e max=.")


def _or_limits(limits: Mapping[str, int] | None) -> str:
    return ", or move auto scaling's limits: -e min= -e max=" if limits else ""


def wanted_limits(asked: Asked, limits: Mapping[str, int]) -> dict[str, int]:
    return {
        "min": limits["min"] if asked.minimum is None else asked.minimum,
        "max": limits["max"] if asked.maximum is None else asked.maximum,
    }


def plan(name: str, count: int, asked: Asked, limits: Mapping[str, int] | None) -> list[Change]:
    """The limits first: a count beyond the old ones would be taken back. count: what is desired now."""
    changes = []
    wanted = wanted_limits(asked, limits) if limits is not None else None
    if limits is not None and wanted is not None and wanted != dict(limits):
        moved = [limit for limit in wanted if wanted[limit] != limits[limit]]
        before, after = ({limit: it[limit] for limit in moved} for it in (limits, wanted))
        changes.append(Change("update", TARGET, name, before, after))
    target = asked.count
    if target is None and wanted is not None:
        # Auto scaling would get there by itself within minutes; nobody scales by hand to wait for that.
        target = min(max(count, wanted["min"]), wanted["max"])
    if target is not None and target != count:
        changes.append(Change("update", SERVICE, name, {"count": count}, {"count": target}))
    return changes


def owner_told(item: Mapping[str, Any], limits: Mapping[str, int] | None, wanted: Mapping[str, int] | None) -> str:
    """Who owns the count from now on. item: the inventory's service."""
    if limits is None:
        if item.get("count") is None:
            return "The count is yours: the inventory names none, so no other run changes it."
        return (
            f"The inventory says count: {item['count']}. The next site.yml goes back to that: write the new number "
            "there if it is to stay."
        )
    now = wanted or limits
    told = f"Auto scaling owns the count, between {now['min']} and {now['max']}: it may change it at any time."
    given = item.get("scaling") or {}
    if given and (given.get("min"), given.get("max")) != (now["min"], now["max"]):
        told += (
            f" The inventory says min: {given.get('min')}, max: {given.get('max')}. The next site.yml goes back to "
            "that: write the new limits there if they are to stay."
        )
    return told


def settled(service: Mapping[str, Any]) -> Judgement:
    """Whether as many tasks run as are desired. service: DescribeServices' entry."""
    running, desired, pending = service.get("runningCount", 0), service["desiredCount"], service.get("pendingCount", 0)
    if running == desired and not pending:
        return DONE
    latest = next((it["message"] for it in service.get("events") or []), "")
    return Judgement(PENDING.state, f"{running} of {desired} tasks run, {pending} are starting. {latest}".strip())
