# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.modules import ModuleFailed, call

# A builder that writes down what it was asked for, and what came on its standard input.
BUILDER = """#!/bin/sh
echo "$(basename $0) $*" >> "$0.log"
case "$1" in
  info) exit {info} ;;
  login) cat >> "$0.stdin" ;;
  push) exit {push} ;;
esac
"""


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "source"
    directory.mkdir()
    (directory / "Dockerfile").write_text("FROM scratch\n")
    who = {f"GIT_{role}_{what}": "a@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(directory), *command], check=True, env={**os.environ, **who})
    return directory


@pytest.fixture
def builder(tmp_path, monkeypatch):
    def make(name, info=0, push=0):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(BUILDER.format(info=info, push=push))
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
        return path

    return make


@pytest.fixture
def repository(cloud):
    cloud.client("ecr").create_repository(repositoryName="api")
    return {"repository": "api"}


def test_builds_logs_in_and_pushes_the_commit(cloud, repository, source, builder):
    docker = builder("docker", info=1)
    podman = builder("podman")
    commit = subprocess.run(
        ["git", "-C", str(source), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    announced = call("image_publish", check=True, **repository, source=str(source))
    assert announced["changed"] and not (podman.parent / "podman.log").exists()
    done = call("image_publish", **repository, source=str(source))
    assert done["changed"] and done["tag"] == commit and done["builder"] == str(podman)
    assert (docker.parent / "docker.log").read_text() == "docker info\n"
    steps = (podman.parent / "podman.log").read_text().splitlines()
    registry = done["reference"].partition("/")[0]
    assert steps == [
        "podman info",
        f"podman build --platform linux/amd64 --tag {done['reference']} {source}",
        f"podman login --username AWS --password-stdin {registry}",
        f"podman push {done['reference']}",
    ]
    assert (podman.parent / "podman.stdin").read_text().strip()


def test_an_image_that_is_there_is_left_alone(cloud, repository, source, builder):
    path = builder("docker")
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = f'{{"schemaVersion": 2, "mediaType": "{media}", "layers": []}}'
    cloud.client("ecr").put_image(
        repositoryName="api", imageManifest=manifest, imageManifestMediaType=media, imageTag="1.0"
    )
    done = call("image_publish", **repository, source=str(source), tag="1.0")
    assert not done["changed"] and not (path.parent / "docker.log").exists()


@pytest.mark.parametrize("change", ["a file that is not committed", "no repository"])
def test_what_is_not_a_commit_needs_a_tag(cloud, repository, source, tmp_path, change):
    if change == "no repository":
        source, message = tmp_path, "has no commit"
    else:
        (source / "new").write_text("")
        message = "not committed"
    with pytest.raises(ModuleFailed, match=message):
        call("image_publish", **repository, source=str(source))


def test_where_nothing_builds_it_says_so_in_one_sentence(cloud, repository, source, builder):
    builder("docker", info=1)
    with pytest.raises(ModuleFailed, match=r"No image can be built here: docker: .*; no-such is not installed"):
        call("image_publish", **repository, source=str(source), builders=["docker", "no-such"])


def test_a_push_that_fails_is_told(cloud, repository, source, builder):
    builder("docker", push=1)
    with pytest.raises(ModuleFailed, match=r"Pushing .* failed \(exit code 1\)"):
        call("image_publish", **repository, source=str(source))
