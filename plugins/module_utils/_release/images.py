# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which image a release runs: a choice per repository (pure), then its digest in ECR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import each
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code


@dataclass(frozen=True)
class Choice:
    """What is asked of a repository: {"imageDigest": …} or {"imageTag": …}, and who asked."""

    image: Mapping[str, str]
    source: str  # asked | running | record | inventory

    @property
    def text(self) -> str:
        return next(iter(self.image.values()), "")


@dataclass(frozen=True)
class Asked:
    """tag, digest: of the command line, one value or {repository: value}; default_tag: release_image_tag."""

    tag: str | Mapping[str, str] = ""
    digest: str | Mapping[str, str] = ""
    default_tag: str | Mapping[str, str] = ""


def used_repositories(task_definitions: Iterable[Mapping[str, Any]], repositories: Mapping[str, Any]) -> list[str]:
    """The stack's repositories that its containers run, in order. Other images are full references."""
    images = [it["image"] for definition in task_definitions for it in definition.get("containers") or []]
    return [name for name in dict.fromkeys(images) if name in repositories]


def choose(repository: str, asked: Asked, running: Mapping[str, str], recorded: Mapping[str, str]) -> Choice | None:
    """Command line, else what runs, else the last good record, else the inventory. None where nobody says anything.

    running, recorded: {repository: digest}
    """
    ladder = (
        ("asked", "imageDigest", _of(asked.digest, repository)),
        ("asked", "imageTag", _of(asked.tag, repository)),
        ("running", "imageDigest", running.get(repository, "")),
        ("record", "imageDigest", recorded.get(repository, "")),
        ("inventory", "imageTag", _of(asked.default_tag, repository)),
    )
    return next((Choice({field: value}, source) for source, field, value in ladder if value), None)


def _of(value: str | Mapping[str, str], repository: str) -> str:
    return value.get(repository, "") if isinstance(value, Mapping) else value


def running_digests(definitions: Iterable[Mapping[str, Any]], repositories: Mapping[str, str]) -> dict[str, str]:
    """{repository: digest} of what services run. definitions: DescribeTaskDefinition's; repositories: {name: URI}."""
    by_uri = {uri: name for name, uri in repositories.items()}
    found: dict[str, str] = {}
    for definition in definitions:
        for container in definition.get("containerDefinitions", []):
            uri, at, digest = container["image"].partition("@")
            if at and uri in by_uri:
                found.setdefault(by_uri[uri], digest)
    return found


def digests(ecr: Any, choices: Mapping[str, Choice]) -> dict[str, str]:
    """{repository: digest} of the choices that ECR has. A repository or image that is not there is left out."""

    def one(name: str) -> str:
        try:
            found = ecr.describe_images(repositoryName=name, imageIds=[dict(choices[name].image)])["imageDetails"]
        except Exception as error:
            if is_code(error, "ImageNotFound", "RepositoryNotFound"):
                return ""
            raise
        return str(found[0]["imageDigest"]) if found else ""

    names = list(choices)
    return {name: digest for name, digest in zip(names, each(one, names), strict=True) if digest}


def push_commands(uri: str, tag: str, region: str) -> list[str]:
    """What a person types to put an image where the release looks for it."""
    registry, reference = uri.partition("/")[0], f"{uri}:{tag or 'latest'}"
    login = f"aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin {registry}"
    return [login, f"docker build -t {reference} .", f"docker push {reference}"]


def missing(
    names: Sequence[str],
    choices: Mapping[str, Choice],
    found: Mapping[str, str],
    uris: Mapping[str, str],
    region: str,
) -> list[dict[str, Any]]:
    """The repositories without their image: {what, how}, how being commands."""
    return [
        {
            "what": f"image {name}:{choices[name].text}" if name in choices else f"an image in repository {name}",
            "how": push_commands(
                uris.get(name, name), choices[name].image.get("imageTag", "") if name in choices else "", region
            ),
        }
        for name in names
        if name not in found
    ]
