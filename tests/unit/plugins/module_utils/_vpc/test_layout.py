# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._vpc.layout import desired, nearest, service_name

STACK = Stack("tvshows", "prod", "networking", {"team": "tv"})


def network(spec):
    return desired(spec, STACK, "us-east-1")


def zone_c(spec):
    spec["subnets"].append({"name": "private-c", "tier": "private", "cidr": "10.0.30.0/24", "zone": "c"})


def test_subnets_get_zone_tags_and_public_addresses_by_their_tier(spec):
    subnets = network(spec).subnets
    assert subnets["public-a"]["zone"] == "us-east-1a"
    assert [name for name, it in subnets.items() if it["map_public"]] == ["public-a", "public-b"]
    assert subnets["database-b"]["tags"] == {
        "Name": "tvshows-prod-database-b",
        "slipway:stack": "tvshows",
        "slipway:environment": "prod",
        "slipway:role": "networking",
        "slipway:part": "database-b",
        "slipway:tier": "database",
        "team": "tv",
    }


@pytest.mark.parametrize(
    ("nat", "gateways", "routes"),
    [
        pytest.param("none", {}, {"public": "internet", "private": "", "database": ""}, id="no NAT"),
        pytest.param(
            "single",
            {"nat": ["public-a", "public-b"]},
            {"public": "internet", "private": "nat", "database": ""},
            id="one for all",
        ),
        pytest.param(
            "per_zone",
            {"nat-a": ["public-a"], "nat-b": ["public-b"]},
            {"public": "internet", "private-a": "nat-a", "private-b": "nat-b", "private-c": "nat-b", "database": ""},
            id="one for each zone, the third uses the nearest",
        ),
    ],
)
def test_ways_out(spec, nat, gateways, routes):
    zone_c(spec)
    made = network({**spec, "nat": nat})
    assert {name: it["subnets"] for name, it in made.nat_gateways.items()} == gateways
    assert {name: it["default_route"] for name, it in made.route_tables.items()} == routes
    assert sorted(made.elastic_ips) == sorted(gateways)


def test_each_subnet_has_its_table_and_acl(spec):
    made = network({**spec, "nat": "per_zone"})
    assert made.table_of == {
        "public-a": "public",
        "public-b": "public",
        "private-a": "private-a",
        "private-b": "private-b",
        "database-a": "database",
        "database-b": "database",
    }
    assert set(made.acl_of.values()) == {"public", "private", "database"}


def test_a_zone_without_private_subnets_gets_no_nat_gateway(spec):
    spec["subnets"] = [it for it in spec["subnets"] if it["name"] != "private-b"]
    assert list(network({**spec, "nat": "per_zone"}).nat_gateways) == ["nat-a"]


def test_private_subnets_in_zones_without_public_ones_share_a_nat_gateway(spec):
    spec["subnets"] = [it for it in spec["subnets"] if it["tier"] == "public"]
    zone_c(spec)
    made = network({**spec, "nat": "per_zone", "endpoints": []})
    assert made.nat_gateways["nat-a"]["subnets"] == ["public-a"]
    assert made.route_tables["private-c"]["default_route"] == "nat-a"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("a", "nat-a"), ("b", "nat-a"), ("c", "nat-d"), ("f", "nat-d")],
    ids=["its own", "of two equally near the first", "the next letter", "the last one"],
)
def test_the_nearest_nat_gateway(zone, expected):
    assert nearest(zone, ["nat-a", "nat-d"] if zone != "b" else ["nat-a", "nat-c"]) == expected


def test_an_internet_gateway_comes_with_public_subnets_only(spec):
    assert list(network(spec).internet_gateways) == ["internet"]
    spec["subnets"] = [it for it in spec["subnets"] if it["tier"] != "public"]
    assert network({**spec, "nat": "none"}).internet_gateways == {}


def test_endpoints_are_in_the_routes_or_in_one_private_subnet_of_each_zone(spec):
    spec["subnets"].append({"name": "private-a2", "tier": "private", "cidr": "10.0.11.0/24", "zone": "a"})
    made = network(spec).endpoints
    assert made["s3"]["type"] == "Gateway" and made["s3"]["route_tables"] == {"public", "private"}
    assert made["ecr.api"]["type"] == "Interface" and made["ecr.api"]["subnets"] == {"private-a", "private-b"}
    assert made["ecr.api"]["security_groups"] == {"endpoints"} and made["ecr.api"]["private_dns"]
    assert network(spec).security_groups["endpoints"]["egress"] == {}


def test_a_group_named_endpoints_in_the_inventory_is_used_as_it_is(spec):
    spec["security_groups"].append({"name": "endpoints", "ingress": [{"port": 443, "from": "ecs"}]})
    (rule,) = network(spec).security_groups["endpoints"]["ingress"]
    assert rule.peer == "ecs"


def test_interfaces_are_in_public_subnets_where_there_are_no_private_ones(spec):
    spec["subnets"] = [it for it in spec["subnets"] if it["tier"] == "public"]
    assert network({**spec, "nat": "none"}).endpoints["ecr.api"]["subnets"] == {"public-a", "public-b"}


def test_a_vpc_that_is_adopted_is_none_of_ours(spec):
    assert network({**spec, "vpc": {"adopt": "vpc-1"}}).vpcs == {}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        pytest.param("ecr.api", "com.amazonaws.us-east-1.ecr.api", id="a short name"),
        pytest.param(
            "com.amazonaws.vpce.us-east-1.vpce-svc-1", "com.amazonaws.vpce.us-east-1.vpce-svc-1", id="a full one"
        ),
    ],
)
def test_names_of_services(service, expected):
    assert service_name(service, "us-east-1") == expected


def test_names_in_aws_can_be_given(spec):
    spec["security_groups"][0]["aws_name"] = "front"
    spec["subnets"][0]["aws_name"] = "dmz"
    made = network({**spec, "vpc": {"aws_name": "main"}})
    assert made.security_groups["alb"]["aws_name"] == made.security_groups["alb"]["tags"]["Name"] == "front"
    assert made.subnets["public-a"]["tags"]["Name"] == "dmz"
    assert made.vpcs["tvshows-prod"]["tags"]["Name"] == "main"
