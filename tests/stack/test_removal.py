# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stack goes as it came: asked for by name, in reverse order, nothing left, and again without harm."""

from __future__ import annotations

REMOVE = "playbooks/remove.yml"
SURE = ("-e", "confirm=tvshows-local", "-e", "ecr_remove_images=true", "-e", "database_final_snapshot=false")


# EC2 is asked itself: the tagging API goes on naming what is deleted for a while
GONE = (":secret:", ":task-definition/", ":ec2:")
EC2 = {
    "describe_vpcs": "Vpcs",
    "describe_subnets": "Subnets",
    "describe_internet_gateways": "InternetGateways",
    "describe_addresses": "Addresses",
    "describe_route_tables": "RouteTables",
    "describe_network_acls": "NetworkAcls",
    "describe_security_groups": "SecurityGroups",
    "describe_vpc_endpoints": "VpcEndpoints",
}


def left(stack):
    """What still bears the stack's tags. A secret waits for its recovery window, an INACTIVE task definition stays."""
    tagged = stack.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "slipway:stack", "Values": ["tvshows"]}]
    )["ResourceTagMappingList"]
    arns = [it["ResourceARN"] for it in tagged if not any(part in it["ResourceARN"] for part in GONE)]
    ec2 = stack.client("ec2")
    mine = [{"Name": "tag:slipway:stack", "Values": ["tvshows"]}]
    found = [it for name, key in EC2.items() for it in getattr(ec2, name)(Filters=mine)[key]]
    nats = ec2.describe_nat_gateways(Filters=[*mine, {"Name": "state", "Values": ["pending", "available"]}])
    return [*arns, *[it for it in found if it.get("State") != "deleted"], *nats["NatGateways"]]


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
    again = standing.play(REMOVE, *SURE)
    assert again.rc == 0 and again.changed() == 0, again.text
