# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan is a value: what is, against what is wanted, as a list of changes.

Check mode prints the list, diff mode folds it, a real run walks it. All functions but `walk` are pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.slipway.aws.plugins.module_utils import _step
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, explain

Action = Literal["create", "update", "delete"]


@dataclass(frozen=True)
class Change:
    """One step of a plan.

    resource: what kind of thing, in AWS's words ("security group rule")
    name:     which one, as the inventory calls it
    before, after: only what differs; None where it is not there. Never a secret's value.
    reason:   why, where it is not plain from before and after
    """

    action: Action
    resource: str
    name: str
    before: Any = None
    after: Any = None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "action": self.action,
            "resource": self.resource,
            "name": self.name,
            "before": self.before,
            "after": self.after,
            "reason": self.reason,
        }


def differing(current: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `desired` that `current` has otherwise. A field that is None in `desired` is not managed."""
    return {
        field: value for field, value in desired.items() if value is not None and not same(current.get(field), value)
    }


def same(have: Any, want: Any) -> bool:
    """Equal as AWS sees it: sets for sets, and None for what is empty."""
    if isinstance(want, (set, frozenset)):
        return set(have or ()) == set(want)
    if want in ({}, [], "") and have in (None, {}, [], ""):
        return True
    return bool(have == want)


def compare(
    resource: str,
    current: Mapping[str, Mapping[str, Any]],
    desired: Mapping[str, Mapping[str, Any]],
    *,
    purge: bool = False,
    fixed: Iterable[str] = (),
) -> list[Change]:
    """Changes from `current` to `desired`, both {name: {field: value}}.

    purge: what is not desired is deleted
    fixed: fields that AWS cannot change after creation; a difference there is an error that names them
    """
    changes: list[Change] = []
    for name, wanted in desired.items():
        have = current.get(name)
        if have is None:
            changes.append(Change("create", resource, name, None, dict(wanted)))
            continue
        differ = differing(have, wanted)
        refuse_fixed(resource, name, have, differ, fixed)
        if differ:
            changes.append(Change("update", resource, name, {field: have.get(field) for field in differ}, differ))
    if purge:
        changes += [
            Change("delete", resource, name, dict(have), None, "not in the inventory")
            for name, have in current.items()
            if name not in desired
        ]
    return changes


def refuse_fixed(
    resource: str, name: str, have: Mapping[str, Any], differ: Mapping[str, Any], fixed: Iterable[str]
) -> None:
    """Raise where a field differs that only a replacement can change: better now than half-way through."""
    stuck = sorted(set(fixed) & set(differ))
    if stuck:
        words = ", ".join(f"{field} is {_short(have.get(field))}, wanted {_short(differ[field])}" for field in stuck)
        raise SlipwayError(
            f"{resource} {name} cannot be changed in place",
            words,
            "Put the old value back, or remove this resource (it is not replaced unasked, that would lose what is in "
            "it) and repeat the run.",
        )


def _short(value: Any) -> str:
    text = str(sorted(value) if isinstance(value, (set, frozenset)) else value)
    return text if len(text) <= 120 else text[:117] + "..."


def plain(value: Any) -> Any:
    """A value that JSON can carry, in a stable order: for results and diffs."""
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def folded(changes: Sequence[Change]) -> dict[str, Any]:
    """The plan as Ansible's diff: {"before": …, "after": …}, each {"resource name": what differs}."""
    before = {f"{change.resource} {change.name}": change.before for change in changes if change.before is not None}
    after = {f"{change.resource} {change.name}": change.after for change in changes if change.after is not None}
    return {"before": plain(before), "after": plain(after)}


def outcome(changes: Sequence[Change], **more: Any) -> dict[str, Any]:
    """What a module returns: `changed`, the plan, its diff, and a table of it for people."""
    result: dict[str, Any] = {
        "changed": bool(changes),
        "changes": [plain(change.as_dict()) for change in changes],
        "diff": folded(changes),
        **more,
    }
    if changes and "report" not in result:
        result["report"] = [table(changes)]
    return result


def table(changes: Sequence[Change]) -> dict[str, Any]:
    """The plan as a table of `report`: {"title": str, "columns": [str], "rows": [[str]]}."""
    rows = [[change.action, change.resource, change.name, change.reason or _fields(change)] for change in changes]
    return {"title": "", "columns": ["action", "resource", "name", "what"], "rows": rows}


def _fields(change: Change) -> str:
    if change.action != "update" or not isinstance(change.after, Mapping):
        return ""
    before = change.before if isinstance(change.before, Mapping) else {}
    return ", ".join(f"{key}: {_short(before.get(key))} -> {_short(value)}" for key, value in change.after.items())


def walk(
    changes: Sequence[Change], handlers: Mapping[tuple[str, Action], Callable[[Change], None]], *, check: bool
) -> None:
    """Carry the plan out, in its order. In check mode nothing is done.

    Raises SlipwayError naming the step that failed and how far the plan had come: a repeated run goes on from there.
    """
    if check or not changes:
        return
    _step.begin()
    for done, change in enumerate(changes):
        try:
            _step.beat()
            handlers[change.resource, change.action](change)
        except Exception as error:
            what = f"Could not {change.action} {change.resource} {change.name}"
            failure = explain(error)
            raise SlipwayError(
                what,
                failure.text if isinstance(error, SlipwayError) else failure.why,
                "" if isinstance(error, SlipwayError) else failure.hint,
                **failure.details,
                changes=[plain(step.as_dict()) for step in changes[:done]],
                changed=bool(done),
            ) from error
