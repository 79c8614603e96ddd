# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a plan out, call by call, and waits for what ACM does afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._acm import api
from ansible_collections.slipway.aws.plugins.module_utils._acm.describe import Certificate, look
from ansible_collections.slipway.aws.plugins.module_utils._acm.plan import CERTIFICATE, judge, judge_records, token
from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, is_code
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, Clock, Judgement, wait_for

RECORDS_S = 120.0  # ACM gives the validation records within seconds
UNUSED_S = 300.0  # after a load balancer is gone, ACM calls its certificate in use for some minutes


def handlers(
    aws: Clients, stack: Stack, chosen: dict[str, Certificate | None], *, clock: Clock = time
) -> dict[tuple[str, Action], Callable[[Change], None]]:
    """What to do for each kind of change. `chosen` is brought up to date while the plan is walked."""
    return {
        (CERTIFICATE, "create"): partial(create, aws, stack, chosen, clock),
        (CERTIFICATE, "update"): partial(update, aws, chosen),
        (CERTIFICATE, "delete"): lambda change: delete(aws, change.name, clock),
    }


def create(aws: Clients, stack: Stack, chosen: dict[str, Certificate | None], clock: Clock, change: Change) -> None:
    wanted = change.after
    settings: dict[str, Any] = {"ValidationMethod": wanted["validation"], "Tags": tag_list(wanted["tags"])}
    alternatives = sorted(wanted["names"] - {wanted["domain"]})
    if alternatives:
        settings["SubjectAlternativeNames"] = alternatives
    if wanted["key_algorithm"]:
        settings["KeyAlgorithm"] = wanted["key_algorithm"]
    region = wanted["region"]
    arn = api.request(aws.client("acm", region), wanted["domain"], token(change, stack), **settings)
    chosen[change.name] = wait_for(
        f"Getting the validation records of certificate {change.name}",
        lambda: look(aws, region, arn),
        judge_records,
        timeout=RECORDS_S,
        interval=2.0,
        clock=clock,
    ).look


def update(aws: Clients, chosen: dict[str, Certificate | None], change: Change) -> None:
    certificate = chosen[change.name]
    if certificate is None:
        raise AssertionError("certificate has to be known here")
    api.tag(aws.client("acm", certificate["region"]), certificate["arn"], tag_list(change.after["tags"]))


def delete(aws: Clients, arn: str, clock: Clock) -> None:
    """Delete a certificate, waiting for the end of its use by something that has just been removed."""
    acm = aws.client("acm", arn.split(":")[3])

    def attempt() -> Judgement:
        try:
            api.delete(acm, arn)
        except Exception as error:
            if not is_code(error, "ResourceInUse"):
                raise
            used = (api.certificate(acm, arn) or {}).get("InUseBy") or []
            return Judgement("pending", f"still in use by {', '.join(used)}" if used else "still in use")
        return DONE

    wait_for(
        f"Deleting certificate {arn}", attempt, lambda verdict: verdict, timeout=UNUSED_S, interval=5.0, clock=clock
    )


def wait_issued(
    aws: Clients,
    chosen: dict[str, Certificate | None],
    *,
    timeout: float,
    interval: float,
    required: bool,
    clock: Clock,
) -> float:
    """Wait until all are ISSUED; `chosen` then holds the last look. Gives the seconds waited.

    Raises SlipwayError at once when one can no longer be issued (with ACM's reason), and after `timeout` only where
    `required`: without it a certificate that a person has to validate simply stays pending.
    """
    if judge(chosen).state == "done":
        return 0.0
    start = clock.monotonic()

    def again() -> dict[str, Certificate | None]:
        pending = [(key, it) for key, it in chosen.items() if it and it["status"] == "PENDING_VALIDATION"]
        looks = each(lambda entry: look(aws, entry[1]["region"], entry[1]["arn"]), pending)
        chosen.update(zip((key for key, _it in pending), looks, strict=True))
        return chosen

    def verdict(seen: Mapping[str, Certificate | None]) -> Judgement:
        found = judge(seen)
        out_of_time = clock.monotonic() - start + interval > timeout
        return DONE if found.state == "pending" and out_of_time and not required else found

    hint = "See FailureReason in the ACM documentation; CAA records of the domain must allow amazon.com."
    try:
        wait_for("Issuing the certificates", again, verdict, timeout=timeout, interval=interval, hint=hint, clock=clock)
    except SlipwayError as error:
        error.details["certificates"] = {key: it["status"] if it else "" for key, it in chosen.items()}
        raise
    return round(clock.monotonic() - start, 1)
