# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from tests.support.ecs import STACK, push, surroundings
from tests.support.modules import call

DEFINITIONS = [{"name": "api", "containers": [{"name": "web", "image": "api"}, {"name": "x", "image": "xray:3"}]}]


def find(around, **options):
    repositories = around["repositories"]
    return call(
        "release_image", stack=STACK, cluster="tv", task_definitions=DEFINITIONS, repositories=repositories, **options
    )


def test_a_tag_becomes_a_digest(cloud):
    around = surroundings(cloud)
    digest = push(cloud, "1.4.2")
    found = find(around, tag="1.4.2")
    assert found["images"] == {"api": f"{around['repositories']['api']['uri']}@{digest}"}
    assert (found["sources"], found["missing"], found["running"]) == ({"api": "asked"}, [], {})


def test_a_digest_that_is_not_there_is_missing(cloud):
    (item,) = find(surroundings(cloud), digest=f"sha256:{'0' * 64}")["missing"]
    assert item["what"].startswith("image api:sha256:000")
