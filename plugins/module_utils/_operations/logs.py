# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log lines of services, and the command that follows them. Where they are is what the task definitions say."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each
from ansible_collections.slipway.aws.plugins.module_utils._ecs.evidence import log_options
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._operations import api
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import table

# So many lines are read at most before the last of them are shown.
MOST = 10_000


@dataclass(frozen=True)
class Source:
    """One container's streams: <prefix>/<container>/<task>."""

    service: str
    container: str
    group: str
    prefix: str

    @property
    def streams(self) -> str:
        return f"{self.prefix}/{self.container}/"


@dataclass(frozen=True)
class Line:
    at: float  # seconds since 1970
    source: Source
    task: str
    text: str


def sources(
    services: Mapping[str, Mapping[str, Any]], names: Mapping[str, str], definitions: Mapping[str, Any], container: str
) -> list[Source]:
    """Of all revisions that a service runs, without repetition. Raises where nothing logs to CloudWatch."""
    found: dict[Source, None] = {}
    known: dict[str, None] = {}
    for name, service in services.items():
        for one in service.get("deployments") or [service]:
            definition = definitions.get(one["taskDefinition"], {})
            for box in definition.get("containerDefinitions") or []:
                known[box["name"]] = None
                place = log_options(definition, box["name"])
                if place and container in ("", box["name"]):
                    found[Source(names[name], box["name"], *place)] = None
    if not found:
        asked = f"container {container}" if container else "these services"
        raise SlipwayError(
            f"There are no logs of {asked} in CloudWatch",
            f"containers are {', '.join(known) or 'none'}",
            "Correct -e container=, or see the log driver of the task definition.",
        )
    return list(found)


def read(aws: Clients, places: Sequence[Source], *, start: float, pattern: str, lines: int) -> tuple[list[Line], bool]:
    """(the last lines of all, whether some before them were left out)"""
    logs = aws.client("logs")

    def one(place: Source) -> tuple[list[dict[str, Any]], bool]:
        return api.log_events(
            logs, place.group, prefix=place.streams, start=round(start * 1000), pattern=pattern, most=MOST
        )

    answers = each(one, places)
    found = [
        Line(it["timestamp"] / 1000, place, it["logStreamName"].rpartition("/")[2], str(it["message"]).rstrip("\n"))
        for place, (events, _cut) in zip(places, answers, strict=True)
        for it in events
    ]
    found.sort(key=lambda line: line.at)
    return found[-lines:], len(found) > lines or any(cut for _events, cut in answers)


def follow_commands(places: Iterable[Source], region: str, since: str, pattern: str) -> list[str]:
    """What a person types to see more lines as they come."""
    commands = []
    for place in places:
        words = ["aws", "logs", "tail", place.group, "--log-stream-name-prefix", place.streams]
        words += ["--filter-pattern", pattern] if pattern else []
        commands.append(shlex.join([*words, "--region", region, "--since", since, "--follow"]))
    return commands


def report(found: Sequence[Line], commands: Sequence[str], *, cut: bool, since: str) -> list[dict[str, Any]]:
    rows = [
        [
            datetime.fromtimestamp(it.at, UTC).strftime("%H:%M:%S"),
            it.source.service,
            it.source.container,
            it.task[:8],
            it.text,
        ]
        for it in found
    ]
    title = f"The last {len(rows)} lines since {since}" + (", there are more before them" if cut else "") + " (UTC)"
    if rows:
        lines = table(title, ["at", "service", "container", "task", "line"], rows)
    else:
        lines = table(
            f"No lines since {since}", ["next"], [["look further back: -e since=1d, or leave -e filter= out"]]
        )
    return [lines, table("To follow them", ["command", ""], [[command, ""] for command in commands])]
