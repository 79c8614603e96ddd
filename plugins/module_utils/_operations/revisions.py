# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was deployed when and how it ended, and which revision a rollback goes to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api as ecs_api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.looks import epoch
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._operations import api
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import (
    Glance,
    image_name,
    last_part,
    moment,
    span,
    table,
)

Shape = Mapping[str, Any]
# How many revisions and deployments are looked through.
DEPTH = 50
_REGISTRY = re.compile(
    r"^(?P<registry_id>\d{12})\.dkr\.ecr\.(?P<region>[\w-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^@:]+)"
    r"(@(?P<digest>sha256:[0-9a-f]{64})|:(?P<tag>[\w.-]+))?$"
)


@dataclass(frozen=True)
class Target:
    """Where one service goes back to. why: what speaks for that revision."""

    service: str
    now: str
    to: str
    why: str

    def as_dict(self) -> dict[str, str]:
        return {"service": self.service, "from": self.now, "to": self.to, "why": self.why}


def past(aws: Clients, cluster: str, name: str, glance: Glance, limit: int = DEPTH) -> list[dict[str, Any]]:
    """The service's deployments, newest first; [] where they may not be read."""
    ecs = aws.client("ecs")
    read = partial(api.deployments, ecs, cluster, name, limit)
    found: list[dict[str, Any]] = glance.at("service deployments", read, [])
    return found


def family_of(arn: str) -> str:
    return last_part(arn).rpartition(":")[0]


def number_of(arn: str) -> int:
    return int(last_part(arn).rpartition(":")[2])


def last_good(now: str, deployments: Sequence[Shape], active: Sequence[str]) -> tuple[str, str]:
    """(revision, why) of the last one before `now` that served; ("", "") where there is none.

    deployments: newest first; active: the family's ACTIVE revisions, oldest first
    """
    for one in deployments:
        definition = str(one.get("definition", ""))
        good = one.get("status") == "SUCCESSFUL" and definition and definition != now
        if good and definition in active and number_of(definition) < number_of(now):
            return definition, f"its deployment succeeded at {moment(one.get('finishedAt')) or 'an unknown time'}"
    known = {str(one.get("definition", "")) for one in deployments}
    older = [arn for arn in active if number_of(arn) < number_of(now) and arn not in known]
    if older:
        return older[-1], "the revision before; whether it served is not known any more"
    return "", ""


def rolled_back(deployments: Sequence[Shape]) -> bool:
    """Whether what runs is what ECS went back to by itself."""
    return bool(deployments) and str(deployments[0].get("status", "")).startswith("ROLLBACK_")


def recorded_good(service: str, now: str, active: Sequence[str], releases: Iterable[Shape]) -> tuple[str, str]:
    """(revision, why) of the last recorded release that served, before what runs; ("", "") where there is none."""
    for one in releases:
        definition = str((one.get("after") or {}).get(service, ""))
        if one.get("verdict") == "succeeded" and definition in active and number_of(definition) < number_of(now):
            return definition, f"released {str(one.get('at', ''))[:16]} by {one.get('who') or 'somebody'}, succeeded"
    return "", ""


def asked_number(to: str, family: str) -> str:
    """ "tv-shows-api:7" where `to` names a revision of this family ("7", "tv-shows-api:7" or an ARN), else ""."""
    plain = last_part(to) if to.startswith("arn:") else to
    if plain.isdigit():
        return f"{family}:{plain}"
    head, colon, tail = plain.rpartition(":")
    return plain if colon and tail.isdigit() and head == family else ""


def uses(definition: Shape, digests: Iterable[str]) -> bool:
    wanted = set(digests)
    return any(box["image"].partition("@")[2] in wanted for box in definition.get("containerDefinitions") or [])


def tagged(definition: Shape, tag: str) -> bool:
    images = [_REGISTRY.match(box["image"]) for box in definition.get("containerDefinitions") or []]
    return any(it and it["tag"] == tag for it in images)


def ecr_images(definition: Shape) -> list[dict[str, str]]:
    """{registry_id, region, repository, digest or tag, image} of the containers whose image is in ECR."""
    found = {}
    for box in definition.get("containerDefinitions") or []:
        match = _REGISTRY.match(box["image"])
        if match:
            parts = {name: value or "" for name, value in match.groupdict().items()}
            parts["tag"] = parts["tag"] or ("" if parts["digest"] else "latest")
            found[box["image"]] = {**parts, "image": box["image"]}
    return list(found.values())


def choose(
    aws: Clients, service: str, now: str, to: str, *, deployments: Sequence[Shape], releases: Sequence[Shape] = ()
) -> Target:
    """Which revision is meant. Raises, with what there is, where none is."""
    ecs, family = aws.client("ecs"), family_of(now)
    if to and asked_number(to, family):
        return Target(service, now, asked_number(to, family), "asked for")
    active = ecs_api.active_revisions(ecs, family)
    if not to and rolled_back(deployments):
        return Target(service, now, now, "ECS has rolled the last deployment back itself; -e to= goes further back")
    if not to:
        found, why = recorded_good(service, now, active, releases)
        found, why = (found, why) if found else last_good(now, deployments, active)
        if found:
            return Target(service, now, found, why)
        raise SlipwayError(
            f"Service {service} has nothing to go back to",
            f"{last_part(now)} runs, and no revision before it is known",
            "Name one with -e to=, or release another image: ansible-playbook site.yml -e image_tag=…",
        )
    older = list(reversed(active))[:DEPTH]
    described = api.definitions(ecs, older)
    wanted = [to] if to.startswith("sha256:") else digests_of(aws, described.values(), to)
    fits = [arn for arn in older if arn in described and (uses(described[arn], wanted) or tagged(described[arn], to))]
    if fits:
        return Target(service, now, fits[0], f"runs image {to[:19]}")
    raise SlipwayError(
        f"No revision of {family} runs image {to}",
        f"looked through {', '.join(last_part(arn) for arn in older[:10]) or 'none'}",
        "See --tags history for what there is; an image that never ran is released: -e image_tag=…",
    )


def digests_of(aws: Clients, definitions: Iterable[Shape], tag: str) -> list[str]:
    """The digests that bear a tag in the repositories that the definitions use."""
    places = {
        (it["registry_id"], it["region"], it["repository"])
        for definition in definitions
        for it in ecr_images(definition)
    }

    def one(place: tuple[str, str, str]) -> str:
        image = {"registry_id": place[0], "repository": place[2], "tag": tag}
        return api.digest(aws.client("ecr", place[1]), image)

    return [digest for digest in each(one, sorted(places)) if digest]


def repository_digests(definition: Shape) -> dict[str, str]:
    """{repository: digest} as a release records them."""
    return {it["repository"]: it["digest"] for it in ecr_images(definition) if it["digest"]}


def check(aws: Clients, target: Target) -> dict[str, Any]:
    """The revision that a service is to go to: ACTIVE, with all its images in ECR. Raises where it is not."""
    name = last_part(target.to) or target.to
    definition = ecs_api.task_definition(aws.client("ecs"), target.to)
    what = f"Service {target.service} cannot go back to {name}"
    if definition is None or definition.get("status", "ACTIVE") != "ACTIVE":
        state = "there is no such revision" if definition is None else f"it is {definition['status']}"
        raise SlipwayError(what, state, "Nothing was touched. See --tags history for what there is.")
    images = ecr_images(definition)
    there = each(lambda it: bool(api.digest(aws.client("ecr", it["region"]), it)), images)
    gone = [it["image"] for it, found in zip(images, there, strict=True) if not found]
    if gone:
        raise SlipwayError(
            what,
            f"its image is not in ECR any more: {', '.join(gone)}",
            "Nothing was touched. Go back to another one, -e to= (--tags history shows them), or push the image again.",
        )
    return definition


def rows_of(service: str, deployments: Sequence[Shape], definitions: Mapping[str, Shape]) -> list[list[Any]]:
    rows = []
    for one in deployments:
        begin, end = epoch(one.get("startedAt") or one.get("createdAt")), epoch(one.get("finishedAt"))
        took = span(end - begin) if begin is not None and end is not None else ""
        boxes = definitions.get(str(one.get("definition")), {}).get("containerDefinitions") or []
        images = ", ".join(dict.fromkeys(image_name(box["image"]) for box in boxes))
        shown = [moment(one.get("createdAt")), service, last_part(one.get("definition")), one.get("status", "")]
        rows.append([*shown, took, images, one.get("statusReason") or ""])
    return rows


def revision_rows(service: str, revisions: Iterable[Shape]) -> list[list[Any]]:
    """Where the deployments may not be read: the family's revisions."""
    return [
        [
            moment(it.get("registeredAt")),
            service,
            last_part(it["taskDefinitionArn"]),
            "registered",
            "",
            ", ".join(dict.fromkeys(image_name(box["image"]) for box in it["containerDefinitions"])),
            "",
        ]
        for it in revisions
    ]


def release_rows(releases: Iterable[Shape]) -> list[list[Any]]:
    """Releases and rollbacks as they were recorded."""
    rows = []
    for it in releases:
        revisions = dict.fromkeys(last_part(arn) for arn in (it.get("after") or {}).values())
        reason = it.get("reason") or {}
        lines = str(reason.get("text") or "").splitlines()
        why = ": ".join(part for part in (reason.get("code"), lines[0] if lines else "") if part)
        who = " ".join(part for part in (it.get("who"), (it.get("commit") or "")[:8]) if part)
        took = span(float(it.get("seconds") or 0))
        shown = [str(it.get("at", "")).replace("T", " ")[:19], who, it.get("tag") or "", ", ".join(revisions)]
        rows.append([*shown, it.get("verdict", ""), took, why])
    return rows


def report(rows: Sequence[Sequence[Any]], releases: Iterable[Shape], glance: Glance) -> list[dict[str, Any]]:
    columns = ["begun (UTC)", "service", "revision", "ended", "took", "image", "reason"]
    newest = sorted(rows, key=lambda row: str(row[0]), reverse=True)
    recorded = release_rows(releases)
    headings = ["ended (UTC)", "who", "asked for", "revisions", "verdict", "took", "reason"]
    return [
        *([table("Releases, newest first", headings, recorded)] if recorded else []),
        table("Deployments, newest first", columns, newest),
        *glance.table(),
    ]
