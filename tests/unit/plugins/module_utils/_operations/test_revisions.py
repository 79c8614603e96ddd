# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._operations.revisions import (
    asked_number,
    ecr_images,
    last_good,
    recorded_good,
    release_rows,
    rolled_back,
)

ARN = "arn:aws:ecs:eu-west-1:111122223333:task-definition/api"
ONE, TWO, THREE, FOUR = (f"{ARN}:{number}" for number in (1, 2, 3, 4))
ACTIVE = [ONE, TWO, THREE, FOUR]


def deployed(definition, status="SUCCESSFUL"):
    return {"definition": definition, "status": status, "finishedAt": 0}


def released(definition, verdict="succeeded"):
    return {"after": {"web": definition}, "verdict": verdict, "at": "2026-05-01T10:00:00", "who": "anna"}


@pytest.mark.parametrize(
    ("now", "history", "active", "found"),
    [
        pytest.param(FOUR, [deployed(FOUR), deployed(THREE)], ACTIVE, THREE, id="the one before"),
        pytest.param(
            FOUR, [deployed(FOUR), deployed(THREE, "ROLLBACK_SUCCESSFUL"), deployed(TWO)], ACTIVE, TWO, id="failed once"
        ),
        pytest.param(
            TWO, [deployed(TWO), deployed(FOUR), deployed(ONE)], ACTIVE, ONE, id="after a rollback not forward"
        ),
        pytest.param(FOUR, [deployed(FOUR), deployed(THREE), deployed(TWO)], [TWO, FOUR], TWO, id="deregistered"),
        pytest.param(FOUR, [], ACTIVE, THREE, id="nothing is remembered"),
        pytest.param(ONE, [deployed(ONE)], ACTIVE, "", id="nothing before it"),
        pytest.param(TWO, [deployed(TWO), deployed(ONE, "ROLLBACK_FAILED")], ACTIVE, "", id="nothing good before it"),
    ],
)
def test_last_good(now, history, active, found):
    assert last_good(now, history, active)[0] == found


@pytest.mark.parametrize(
    ("now", "releases", "found"),
    [
        pytest.param(FOUR, [released(FOUR), released(THREE, "failed"), released(TWO)], TWO, id="the last that served"),
        pytest.param(TWO, [released(TWO), released(FOUR), released(ONE)], ONE, id="not forward"),
        pytest.param(FOUR, [released(FOUR)], "", id="nothing before"),
        pytest.param(FOUR, [{"after": {"other": ONE}, "verdict": "succeeded"}], "", id="another service's"),
    ],
)
def test_recorded_good(now, releases, found):
    assert recorded_good("web", now, ACTIVE, releases)[0] == found


@pytest.mark.parametrize(
    ("to", "found"),
    [
        ("7", "api:7"),
        ("api:7", "api:7"),
        (f"{ARN}:7", "api:7"),
        ("other:7", ""),
        ("1.4.2", ""),
        ("sha256:00", ""),
        ("latest", ""),
    ],
)
def test_asked_number(to, found):
    assert asked_number(to, "api") == found


def test_what_ecs_went_back_to_is_no_place_to_go_back_from():
    assert rolled_back([deployed(TWO, "ROLLBACK_SUCCESSFUL"), deployed(ONE)])
    assert not rolled_back([deployed(TWO)]) and not rolled_back([])


def test_images_in_ecr():
    digest = f"sha256:{'0' * 64}"
    images = ["111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/api", "docker.io/library/nginx:1"]
    boxes = [
        {"image": f"{images[0]}@{digest}"},
        {"image": f"{images[0]}:1.4"},
        {"image": images[0]},
        {"image": images[1]},
    ]
    found = ecr_images({"containerDefinitions": boxes})
    assert [(it["repository"], it["digest"], it["tag"]) for it in found] == [
        ("team/api", digest, ""),
        ("team/api", "", "1.4"),
        ("team/api", "", "latest"),
    ]
    assert {(it["registry_id"], it["region"]) for it in found} == {("111122223333", "eu-west-1")}


def test_a_record_of_a_failure_is_told_in_one_line():
    record = {**released(TWO, "failed"), "seconds": 61, "reason": {"code": "oom_killed", "text": "OutOfMemory\nmore"}}
    (row,) = release_rows([record])
    assert row == ["2026-05-01 10:00:00", "anna", "", "api:2", "failed", "61 s", "oom_killed: OutOfMemory"]
