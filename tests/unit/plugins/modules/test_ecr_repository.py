# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "ecr", "tags": {"team": "tv"}}
ITEMS = [{"name": "tv-shows-api", "scan": True, "keep_images": 30}, {"name": "other"}]


def test_check_create_again_repair_remove(cloud):
    ecr = cloud.client("ecr")
    announced = call("ecr_repository", check=True, stack=STACK, repositories=ITEMS)
    assert announced["changed"] and [change["name"] for change in announced["changes"]] == ["tv-shows-api", "other"]
    assert ecr.describe_repositories()["repositories"] == []

    made = call("ecr_repository", stack=STACK, repositories=ITEMS)
    assert made["changes"] == announced["changes"]
    assert made["result"]["repositories"]["tv-shows-api"]["uri"].endswith("/tv-shows-api")
    assert not call("ecr_repository", stack=STACK, repositories=ITEMS)["changed"]

    ecr.put_image_scanning_configuration(
        repositoryName="tv-shows-api", imageScanningConfiguration={"scanOnPush": False}
    )
    repaired = call("ecr_repository", stack=STACK, repositories=ITEMS)
    assert [(change["name"], change["after"]) for change in repaired["changes"]] == [("tv-shows-api", {"scan": True})]
    policy = json.loads(ecr.get_lifecycle_policy(repositoryName="tv-shows-api")["lifecyclePolicyText"])
    assert policy["rules"][0]["selection"]["countNumber"] == 30

    assert call("ecr_repository", stack=STACK, repositories=ITEMS, state="absent")["changed"]
    assert ecr.describe_repositories()["repositories"] == []
    assert not call("ecr_repository", stack=STACK, repositories=ITEMS, state="absent")["changed"]


def test_a_foreign_repository_is_left_alone(cloud):
    cloud.client("ecr").create_repository(repositoryName="other", tags=[{"Key": "team", "Value": "billing"}])
    with pytest.raises(ModuleFailed, match="team=billing"):
        call("ecr_repository", stack=STACK, repositories=ITEMS)
    assert [r["repositoryName"] for r in cloud.client("ecr").describe_repositories()["repositories"]] == ["other"]
