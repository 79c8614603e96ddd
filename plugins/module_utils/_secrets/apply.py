# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a plan out, call by call. The only place where a value meets a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change
from ansible_collections.slipway.aws.plugins.module_utils._secrets import api
from ansible_collections.slipway.aws.plugins.module_utils._secrets.plan import SECRET
from ansible_collections.slipway.aws.plugins.module_utils._secrets.values import Decision


def handlers(
    aws: Clients,
    current: Mapping[str, Mapping[str, Any]],
    decisions: Mapping[str, Decision],
    *,
    recovery_days: int = 0,
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    """What to do for each kind of change."""
    client = aws.client("secretsmanager")
    return {
        (SECRET, "create"): partial(create, client, decisions),
        (SECRET, "update"): partial(update, client, current, decisions),
        (SECRET, "delete"): partial(delete, client, recovery_days),
    }


def create(client: Any, decisions: Mapping[str, Decision], change: Change) -> None:
    """One call, so that there is no moment in which a generated secret exists without its value."""
    after, text = change.after, decisions[change.name].text
    settings: dict[str, Any] = {"Tags": tag_list(after["tags"])}
    if text is not None:  # an empty string is refused by AWS: a secret is made empty by leaving it out
        settings["SecretString"] = text
    if after.get("kms_key"):
        settings["KmsKeyId"] = after["kms_key"]
    if after.get("description"):
        settings["Description"] = after["description"]
    if after.get("replicas"):
        settings["AddReplicaRegions"] = [{"Region": region} for region in after["replicas"]]
    api.create(client, change.name, **settings)


def update(
    client: Any, current: Mapping[str, Mapping[str, Any]], decisions: Mapping[str, Decision], change: Change
) -> None:
    name, after = change.name, change.after
    text = decisions.get(name, Decision()).text
    if "scheduled_for_deletion" in after:
        api.restore(client, name)
    settings = {
        parameter: after[field]
        for field, parameter in (("kms_key", "KmsKeyId"), ("description", "Description"))
        if field in after
    }
    if settings:
        api.update(client, name, **settings)
    if text is not None:
        api.put_value(client, name, text)
    if "tags" in after:
        api.tag(client, name, tag_list(after["tags"]))
    if "replicas" in after:
        replicas(client, name, current[name]["replicas"], after["replicas"])


def replicas(client: Any, name: str, have: Mapping[str, str], want: list[str]) -> None:
    """A replica that failed is made anew; AWS has no other way to repeat it."""
    gone = [region for region, failure in have.items() if failure or region not in want]
    if gone:
        api.stop_replication(client, name, gone)
    missing = [region for region in want if region in gone or region not in have]
    if not missing:
        return
    failed = {it["Region"]: it for it in api.replicate(client, name, missing) if it.get("Status") == "Failed"}
    if failed:
        words = "; ".join(f"{region}: {it.get('StatusMessage', '')}" for region, it in failed.items())
        raise SlipwayError(
            f"Secret {name} could not be replicated",
            words,
            "Remove or rename what is in the way there, then repeat the run.",
        )


def delete(client: Any, recovery_days: int, change: Change) -> None:
    if change.before["replicas"]:  # AWS refuses to delete a secret that has replicas
        api.stop_replication(client, change.name, change.before["replicas"])
    api.delete(client, change.name, recovery_days)
