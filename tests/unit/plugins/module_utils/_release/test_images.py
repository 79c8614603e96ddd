# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._release.images import (
    Asked,
    Choice,
    choose,
    missing,
    push_commands,
    running_digests,
    used_repositories,
)
from ansible_collections.slipway.aws.plugins.module_utils._release.problems import problems

URIS = {"api": "1.dkr.ecr.us-east-1.amazonaws.com/api"}


@pytest.mark.parametrize(
    ("asked", "running", "recorded", "expected"),
    [
        pytest.param(Asked(tag="1.2"), {"api": "sha256:r"}, {}, ("asked", "1.2"), id="the command line goes first"),
        pytest.param(Asked(tag="1.2", digest="sha256:d"), {}, {}, ("asked", "sha256:d"), id="a digest before a tag"),
        pytest.param(
            Asked(tag={"other": "1.2"}), {"api": "sha256:r"}, {}, ("running", "sha256:r"), id="a tag for another one"
        ),
        pytest.param(
            Asked(default_tag="latest"), {"api": "sha256:r"}, {}, ("running", "sha256:r"), id="what runs stays"
        ),
        pytest.param(
            Asked(default_tag="latest"), {}, {"api": "sha256:o"}, ("record", "sha256:o"), id="the last good release"
        ),
        pytest.param(Asked(default_tag="latest"), {}, {}, ("inventory", "latest"), id="the inventory comes last"),
        pytest.param(Asked(), {}, {}, None, id="nobody says anything"),
    ],
)
def test_who_chooses(asked, running, recorded, expected):
    choice = choose("api", asked, running, recorded)
    assert (choice and (choice.source, choice.text)) == expected


def test_what_runs_is_read_from_the_digests_of_our_repositories():
    definitions = [
        {"containerDefinitions": [{"image": f"{URIS['api']}@sha256:a"}, {"image": "redis@sha256:b"}, {"image": "x:1"}]}
    ]
    assert running_digests(definitions, URIS) == {"api": "sha256:a"}


def test_only_images_of_the_stack_are_looked_up():
    definitions = [{"containers": [{"image": "api"}, {"image": "public.ecr.aws/xray/daemon:3"}, {"image": "api"}]}]
    assert used_repositories(definitions, URIS) == ["api"]


def test_a_missing_image_comes_with_the_commands_that_push_it():
    (item,) = missing(["api"], {"api": Choice({"imageTag": "1.2"}, "asked")}, {}, URIS, "us-east-1")
    assert item["what"] == "image api:1.2"
    assert item["how"] == push_commands(URIS["api"], "1.2", "us-east-1")
    assert item["how"][-1] == "docker push 1.dkr.ecr.us-east-1.amazonaws.com/api:1.2"


GOOD = {
    "ecr_repositories": [{"name": "api"}],
    "secrets_items": [{"name": "s", "kind": "json"}, {"name": "p", "kind": "manual"}],
    "ecs_services_task_definitions": [
        {"name": "t", "containers": [{"name": "web", "image": "api", "secrets": {"A": "s#key"}}]}
    ],
    "ecs_services_services": [{"name": "web"}, {"name": "worker"}],
    "release_order": [["web", "worker"]],
    "release_migration": {"task_definition": "t"},
}


def container(**fields):
    return {"ecs_services_task_definitions": [{"name": "t", "containers": [{"name": "web", "image": "api", **fields}]}]}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        pytest.param({}, None, id="all is well"),
        pytest.param({"release_order": ["web"]}, "worker is missing", id="a service that is never released"),
        pytest.param({"release_order": ["web", "worker", "nginx"]}, "nginx is not in", id="an unknown service"),
        pytest.param({"release_order": ["web", "worker", "web"]}, "web is there twice", id="a service twice"),
        pytest.param({"release_migration": {"task_definition": "m"}}, "task_definition m", id="an unknown migration"),
        pytest.param(
            {"release_migration": {"task_definition": "t", "container": "x"}}, "container x", id="an unknown container"
        ),
        pytest.param(container(secrets={"A": "q"}), "refers to secret q", id="an unknown secret"),
        pytest.param(container(secrets={"A": "p#key"}), "not of kind json", id="a key of a secret that has none"),
        pytest.param(container(image="apj"), "image apj is neither", id="an image of no repository"),
        pytest.param(container(image="nginx:1.27"), None, id="a full reference"),
    ],
)
def test_problems(change, part):
    found = problems({**GOOD, **change})
    assert (found == []) if part is None else any(part in text for text in found), found
