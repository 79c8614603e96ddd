# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._operations.shared import (
    Glance,
    ago,
    chosen,
    image_name,
    only,
    seconds_of,
)
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from botocore.exceptions import ClientError

STACK = Stack("tv", "prod", "operations")
ITEMS = [{"name": "web", "aws_name": "tv-web"}, {"name": "worker"}]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        pytest.param("", {"tv-web": "web", "tv-prod-worker": "worker"}, id="without a name all"),
        pytest.param("worker, web", {"tv-prod-worker": "worker", "tv-web": "web"}, id="those that are named"),
    ],
)
def test_chosen(asked, names):
    assert chosen(ITEMS, STACK, asked) == names


def test_a_misspelt_service_is_named_with_the_nearest():
    with pytest.raises(SlipwayError, match="did you mean worker"):
        chosen(ITEMS, STACK, "wrkr")


def test_one_service_is_asked_for_where_there_are_several():
    assert only({"tv-web": "web"}, "scale") == ("tv-web", "web")
    with pytest.raises(SlipwayError, match="-e service=web"):
        only(chosen(ITEMS, STACK, ""), "scale")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), ("30", 30)])
def test_seconds_of(text, seconds):
    assert seconds_of(text) == seconds


def test_a_time_span_that_is_none():
    with pytest.raises(SlipwayError, match="15m"):
        seconds_of("yesterday")


@pytest.mark.parametrize(("at", "words"), [(990, "10 s ago"), (760, "4 min ago"), (None, "")])
def test_ago(at, words):
    assert ago(at, 1000) == words


def test_an_image_is_named_by_tag_or_by_the_first_digits():
    assert image_name("1.dkr.ecr.eu-west-1.amazonaws.com/team/api:1.4") == "api:1.4"
    assert image_name("1.dkr.ecr.eu-west-1.amazonaws.com/api@sha256:0123456789abcdef") == "api@0123456789ab"


def refused(code):
    def look():
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeTasks")

    return look


def test_a_look_that_is_not_allowed_costs_its_part_alone():
    glance = Glance()
    assert glance.at("tasks", refused("AccessDeniedException"), []) == []
    assert glance.table()[0]["rows"] == [["tasks", "AccessDeniedException"]]


def test_a_look_that_fails_otherwise_fails():
    with pytest.raises(ClientError):
        Glance().at("tasks", refused("ClusterNotFoundException"), [])
