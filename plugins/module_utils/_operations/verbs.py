# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs of operations.yml, and what is refused before one of them starts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ansible_collections.slipway.aws.plugins.module_utils._settings import nearest


@dataclass(frozen=True)
class Verb:
    name: str
    text: str
    mutating: bool = False


VERBS = (
    Verb("status", "services, deployments, tasks, targets, alarms, database and cache on one screen"),
    Verb("diagnose", "why it is not healthy: reasons, what to do, last log lines"),
    Verb("logs", "the last log lines; -e service= -e container= -e since=15m -e filter="),
    Verb("history", "what was deployed when, and how that ended"),
    Verb("outputs", "addresses, endpoints, repositories"),
    Verb("rollback", "back to what served before; -e to=<revision|tag|digest> -e service=", mutating=True),
    Verb("restart", "new tasks of the same revision; -e service=", mutating=True),
    Verb("scale", "another number of tasks; -e service=web -e count=3, or -e min= -e max=", mutating=True),
    Verb("exec", "the command that opens a shell in a running task; -e service= -e container="),
    Verb("run", 'a one-off command; -e command="bin/rails db:seed" -e service= -e container=', mutating=True),
    Verb("unlock", "frees the lease that a dead run holds; -e takeover=<stack>", mutating=True),
)
# What Ansible takes for a tag and is none: without --tags it is "all".
_NO_VERB = {"all"}


@dataclass(frozen=True)
class Answer:
    """refusal: why nothing may start, "" where all is well; shows: whether the list of verbs is wanted."""

    refusal: str = ""
    shows: bool = False


def by_name(verbs: Sequence[Verb] = VERBS) -> dict[str, Verb]:
    return {verb.name: verb for verb in verbs}


def judge(asked: Collection[str], hosts: Sequence[str], stacks: str) -> Answer:
    """asked: the tags of the run; hosts: those that the run is for; stacks: what -e stacks= says."""
    known = by_name()
    names = [name for name in asked if name not in _NO_VERB]
    if not names:
        return Answer(shows=True)
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near}?" if near else f"known are {', '.join(known)}."
            return Answer(f"There is no verb {name}; {hint} Nothing was touched.", shows=not near)
    mutating = [name for name in names if known[name].mutating]
    if len(mutating) > 1:
        return Answer(f"{' and '.join(mutating)} each change the stack: one at a time. Nothing was touched.")
    if mutating and len(hosts) > 1 and stacks != "all":
        return Answer(
            f"{mutating[0]} changes stacks, and this run is for {len(hosts)} of them: {', '.join(hosts)}. Nothing was "
            f"touched. Name one, --limit {hosts[0]}, or say that all of them are meant: -e stacks=all"
        )
    return Answer()
