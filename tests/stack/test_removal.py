# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stack goes as it came: asked for by name, in reverse order, nothing left, and again without harm."""

from __future__ import annotations

REMOVE = "playbooks/remove.yml"
SURE = ("-e", "confirm=tvshows-local", "-e", "ecr_remove_images=true", "-e", "database_final_snapshot=false")


def left(stack):
    """What still bears the stack's tags."""
    found = stack.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "slipway:stack", "Values": ["tvshows"]}]
    )["ResourceTagMappingList"]
    # A secret waits for its recovery window, a deregistered task definition stays INACTIVE: as AWS has it
    return [
        it["ResourceARN"] for it in found if ":secret:" not in it["ResourceARN"] and "task-def" not in it["ResourceARN"]
    ]


def test_it_asks_for_the_name_first(standing):
    standing.calls()
    run = standing.play(REMOVE)
    assert run.rc != 0 and "confirm=tvshows-local" in run.text
    assert standing.writes() == []


def test_everything_goes_and_a_second_time_nothing_happens(standing):
    assert left(standing)
    run = standing.play(REMOVE, *SURE)
    assert run.rc == 0, run.text
    assert left(standing) == []
    vpcs = standing.client("ec2").describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["slipway:stack"]}])["Vpcs"]
    assert vpcs == []
    again = standing.play(REMOVE, *SURE)
    assert again.rc == 0 and again.changed() == 0, again.text
