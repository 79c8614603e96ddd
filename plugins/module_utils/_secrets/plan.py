# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that bring the secrets from what is to what is wanted. Pure; a value appears as "(value)"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, managed, require_ours
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, differing
from ansible_collections.slipway.aws.plugins.module_utils._secrets.describe import KIND_TAG, bare_key
from ansible_collections.slipway.aws.plugins.module_utils._secrets.values import Decision

SECRET = "secret"  # noqa: S105 - the word for the resource
EMPTY, VALUE, NEW_VALUE = "(empty)", "(value)", "(new value)"


def plan(
    current: Mapping[str, Mapping[str, Any]],
    items: Iterable[Mapping[str, Any]],
    decisions: Mapping[str, Decision],
    stack: Stack,
) -> list[Change]:
    """One change a secret at most."""
    changes = []
    for item in items:
        name, decision = item["name"], decisions[item["name"]]
        have, want = current.get(name), settings(item, stack)
        if have is not None:
            changes += update(name, have, want, decision)
        elif not decision.later:
            replicas = {"replicas": want["replicas"]} if want["replicas"] and decision.writes else {}
            given = {field: value for field, value in want.items() if value and field != "replicas"}
            after = {"kind": item["kind"], "value": VALUE if decision.writes else EMPTY, **given, **replicas}
            changes.append(Change("create", SECRET, name, None, after, "; ".join(decision.waits)))
    return changes


def settings(item: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    """What an item says about everything but the value. None is not managed."""
    return {
        "description": item.get("description"),
        "kms_key": bare_key(item["kms_key"]) if item.get("kms_key") else None,
        "replicas": sorted(item["replicas"]) if item.get("replicas") is not None else None,
        "tags": {**stack.owned(), KIND_TAG: item["kind"]},
    }


def plan_restore(current: Mapping[str, Mapping[str, Any]], names: Iterable[str], stack: Stack) -> list[Change]:
    """First of all: refuse what is not ours, and take back what waits for its deletion (only then can it be read)."""
    for name in names:
        if name in current:
            require_writable(stack, name, current[name])
    before, after = {"scheduled_for_deletion": True}, {"scheduled_for_deletion": False}
    return [
        Change("update", SECRET, name, before, after, "taken back")
        for name in names
        if current.get(name, {}).get("deleted")
    ]


def require_writable(stack: Stack, name: str, have: Mapping[str, Any]) -> None:
    require_ours(stack, SECRET, name, have["tags"])
    if have["primary"]:
        raise SlipwayError(
            f"Secret {name} is a replica of the one in {have['primary']}",
            "a replica cannot be written",
            f"Write it in {have['primary']}, or promote the replica first (StopReplicationToReplica).",
        )


def update(name: str, have: Mapping[str, Any], want: Mapping[str, Any], decision: Decision) -> list[Change]:
    known = {**have, "tags": managed(have["tags"], want["tags"]), "replicas": sorted(have["replicas"])}
    wanted, reasons = dict(want), []
    if not (have["has_value"] or decision.writes):
        wanted["replicas"] = None  # AWS replicates a value; the replicas follow once a person has set one
    after = differing(known, wanted)
    failed = {region: why for region, why in have["replicas"].items() if why and region in (wanted["replicas"] or ())}
    if failed:
        after["replicas"] = wanted["replicas"]
        reasons += [f"replica in {region}: {why}" for region, why in failed.items()]
    before = {field: known[field] for field in after}
    if decision.writes:
        before, after = {**before, "value": VALUE if have["has_value"] else EMPTY}, {**after, "value": NEW_VALUE}
        reasons += [f"keys {', '.join(decision.keys)}"] if decision.keys else []
    return [Change("update", SECRET, name, before, after, "; ".join(reasons))] if after else []


def plan_removal(current: Mapping[str, Mapping[str, Any]], stack: Stack) -> list[Change]:
    """Delete what is ours and not already scheduled for deletion, its replicas first."""
    return [
        Change("delete", SECRET, name, {"arn": have["arn"], "replicas": sorted(have["replicas"])})
        for name, have in current.items()
        if stack.owns(have["tags"]) and not have["deleted"] and not have["primary"]
    ]


def waiting(decisions: Mapping[str, Decision], region: str) -> list[dict[str, str]]:
    """What a person has to do before every secret has its value: [{name, what, command}]."""
    return [
        {"name": name, "what": what, "command": command(name, what, region)}
        for name, decision in decisions.items()
        for what in decision.waits
    ]


def command(name: str, what: str, region: str) -> str:
    """The command that sets a value without leaving it in the shell's history; "" where another secret comes first."""
    if what != "set its value":
        return ""
    return f"aws secretsmanager put-secret-value --region {region} --secret-id {name} --secret-string file:///dev/stdin"
