# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._vpc.layout import desired
from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import KINDS, Network
from ansible_collections.slipway.aws.plugins.module_utils._vpc.plan import plan, plan_removal, refuse_adoption
from ansible_collections.slipway.aws.plugins.module_utils._vpc.rules import Entry, Rule

STACK = Stack("tvshows", "prod", "networking", {"team": "tv"})
OURS = STACK.owned()


def wanted(spec):
    return desired(spec, STACK, "us-east-1")


def as_made(network, **more):
    """What AWS has once `network` is made."""
    kinds = {
        field: {name: {**it, "id": f"{kind[:3]}-{name}"} for name, it in getattr(network, field).items()}
        for kind, field in KINDS.items()
    }
    for name, it in kinds["nat_gateways"].items():
        it.update(subnet=network.nat_gateways[name]["subnets"][0], state="available")
    for it in kinds["internet_gateways"].values():
        it.update(attached="vpc-1", adopted=False)
    for it in kinds["vpcs"].values():
        it.update(cidrs=[it["cidr"]], ipv6=False)
    for it in kinds["security_groups"].values():
        it.update(description="made", ingress=dict.fromkeys(it["ingress"], ""), egress=dict.fromkeys(it["egress"], ""))
    own = {"table_of": dict(network.table_of), "acl_of": dict(network.acl_of)}
    return dataclasses.replace(Network(), **{**kinds, **own, **more})


@pytest.fixture
def made(spec):
    return as_made(wanted(spec))


def steps(changes):
    return [(change.action, change.resource, change.name) for change in changes]


def foreign(resource, name, **fields):
    return {
        "resource": resource,
        "name": name,
        "id": "x-1",
        "tags": {"team": "billing"},
        "cidr": "",
        "service": "",
        "inside": True,
        **fields,
    }


def test_nothing_is_to_do_where_all_is_there(spec, made):
    assert plan(made, wanted(spec), STACK) == []


def test_an_empty_account_gets_everything_in_an_order_that_works(spec):
    found = steps(plan(Network(), wanted(spec), STACK))
    order = [resource for _action, resource, _name in found]
    assert order[0] == "VPC"
    for earlier, later in [
        ("subnet", "NAT gateway"),
        ("elastic IP", "NAT gateway"),
        ("NAT gateway", "default route"),
        ("internet gateway", "default route"),
        ("security group", "security group rules"),
        ("security group", "VPC endpoint"),
        ("route table", "VPC endpoint"),
        ("network ACL rules", "network ACL association"),
        ("default route", "route table association"),
    ]:
        assert max(n for n, kind in enumerate(order) if kind == earlier) < order.index(later), (earlier, later)


def test_a_new_group_without_egress_loses_what_aws_gives_it(spec):
    changes = {(it.resource, it.name): it for it in plan(Network(), wanted(spec), STACK)}
    change = changes["security group rules", "database egress"]
    assert (change.action, change.before, change.after) == ("delete", ["all to 0.0.0.0/0"], None)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        pytest.param(
            lambda n: n.security_groups["database"]["ingress"].clear(),
            ("create", "security group rules", "database ingress", None, ["tcp 5432 from ecs"]),
            id="a rule is gone",
        ),
        pytest.param(
            lambda n: n.security_groups["database"]["ingress"].update({Rule("tcp", 22, 22, "0.0.0.0/0"): "mine"}),
            ("delete", "security group rules", "database ingress", ["tcp 22 from 0.0.0.0/0"], None),
            id="a rule too many",
        ),
        pytest.param(
            lambda n: n.security_groups["alb"]["egress"].update({Rule("tcp", 22, 22, "::/0"): ""}),
            ("delete", "security group rules", "alb egress", ["tcp 22 to ::/0"], None),
            id="an IPv6 rule too many",
        ),
        pytest.param(
            lambda n: n.subnets["public-a"].update(map_public=False),
            ("update", "subnet", "public-a", {"map_public": False}, {"map_public": True}),
            id="a public subnet gives no addresses",
        ),
        pytest.param(
            lambda n: n.vpcs["tvshows-prod"].update(dns_hostnames=False),
            ("update", "VPC", "tvshows-prod", {"dns_hostnames": False}, {"dns_hostnames": True}),
            id="host names are off, as after a run that was killed",
        ),
        pytest.param(
            lambda n: n.route_tables["private"].update(default_route=""),
            ("create", "default route", "private", None, "nat"),
            id="a route is gone",
        ),
        pytest.param(
            lambda n: n.route_tables["private"].update(default_route="nat-0dead"),
            ("update", "default route", "private", "nat-0dead", "nat"),
            id="a route leads nowhere",
        ),
        pytest.param(
            lambda n: n.route_tables["database"].update(default_route="internet"),
            ("delete", "default route", "database", "internet", None),
            id="the databases have a way out",
        ),
        pytest.param(
            lambda n: n.table_of.update({"private-a": "public"}),
            ("update", "route table association", "private-a", "public", "private"),
            id="a subnet has another route table",
        ),
        pytest.param(
            lambda n: n.acl_of.update({"private-a": ""}),
            ("create", "network ACL association", "private-a", None, "private"),
            id="a subnet has the default ACL",
        ),
        pytest.param(
            lambda n: n.network_acls["database"]["ingress"].pop(100),
            ("create", "network ACL rules", "database ingress", None, ["100 allow tcp 5432 from 10.0.10.0/24"]),
            id="an ACL rule is gone",
        ),
        pytest.param(
            lambda n: n.network_acls["database"]["egress"].update(
                {100: Entry("deny", Rule("tcp", 1024, 65535, "10.0.10.0/24"))}
            ),
            (
                "update",
                "network ACL rules",
                "database egress",
                ["100 deny tcp 1024-65535 to 10.0.10.0/24"],
                ["100 allow tcp 1024-65535 to 10.0.10.0/24"],
            ),
            id="an ACL rule is turned round",
        ),
        pytest.param(
            lambda n: n.endpoints["s3"].update(route_tables=frozenset({"public"})),
            (
                "update",
                "VPC endpoint",
                "s3",
                {"route_tables": frozenset({"public"})},
                {"route_tables": frozenset({"public", "private"})},
            ),
            id="an endpoint lacks a route table",
        ),
        pytest.param(
            lambda n: n.internet_gateways["internet"].update(attached=""),
            ("update", "internet gateway", "internet", {"attached": ""}, {"attached": "VPC"}),
            id="the internet gateway is not attached",
        ),
        pytest.param(
            lambda n: n.nat_gateways.pop("nat"),
            (
                "create",
                "NAT gateway",
                "nat",
                None,
                {"subnet": "public-a", "tags": {**OURS, "Name": "tvshows-prod-nat", "slipway:part": "nat"}},
            ),
            id="the NAT gateway is gone: its address is used again",
        ),
        pytest.param(
            lambda n: n.elastic_ips.update({"nat (eip-2)": {"id": "eip-2", "public_ip": "192.0.2.1", "tags": OURS}}),
            ("delete", "elastic IP", "nat (eip-2)", {"id": "eip-2", "public_ip": "192.0.2.1"}, None),
            id="an address too many",
        ),
    ],
)
def test_one_thing_that_was_changed_by_hand_is_one_change(spec, made, spoil, expected):
    spoil(made)
    (change,) = plan(made, wanted(spec), STACK)
    assert (change.action, change.resource, change.name, change.before, change.after) == expected


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda n: n.subnets["public-a"]["tags"].update(cost="7"), id="a tag of somebody else"),
        pytest.param(lambda n: n.nat_gateways["nat"].update(subnet="public-b"), id="NAT in the other public subnet"),
        pytest.param(
            lambda n: n.security_groups["alb"]["ingress"].update(
                dict.fromkeys(n.security_groups["alb"]["ingress"], "x")
            ),
            id="a description that is not managed",
        ),
        pytest.param(lambda n: n.default_group.update(ingress={Rule("tcp", 1, 1, "::/0"): ""}), id="the default group"),
    ],
)
def test_what_is_not_ours_to_change_stays(spec, made, spoil):
    spoil(made)
    assert plan(made, wanted(spec), STACK) == []


def test_a_description_that_is_given_is_put_right(spec, made):
    spec["security_groups"][2]["ingress"][0]["description"] = "from the tasks"
    (change,) = plan(made, wanted(spec), STACK)
    assert (change.before, change.after) == (["tcp 5432 from ecs ()"], ["tcp 5432 from ecs (from the tasks)"])


def test_the_default_group_is_emptied_where_that_is_asked_for(spec, made):
    spec["lock_default_security_group"] = True
    made = dataclasses.replace(
        made, default_group={"id": "sg-0", "ingress": {}, "egress": {Rule("all", -1, -1, "0.0.0.0/0"): ""}}
    )
    assert steps(plan(made, wanted(spec), STACK)) == [("delete", "default security group", "default egress")]


def test_from_one_nat_gateway_to_one_a_zone_the_new_ones_come_first(spec, made):
    found = steps(plan(made, wanted({**spec, "nat": "per_zone"}), STACK))
    moved = found.index(("update", "route table association", "private-b"))
    assert found.index(("create", "default route", "private-b")) < moved
    assert moved < found.index(("delete", "NAT gateway", "nat")) < found.index(("delete", "elastic IP", "nat"))
    assert ("delete", "route table", "private") in found


def test_what_is_no_longer_listed_goes(spec, made):
    spec["subnets"] = [it for it in spec["subnets"] if it["name"] != "database-b"]
    spec["security_groups"].pop()
    spec["security_groups"][1]["egress"].pop()
    found = steps(plan(made, wanted(spec), STACK))
    assert ("delete", "security group rules", "database ingress") in found  # else no group that it names could go
    assert ("delete", "security group rules", "ecs egress") in found
    assert [step for step in found if step[0] == "delete" and step[1] in ("subnet", "security group")] == [
        ("delete", "security group", "database"),
        ("delete", "subnet", "database-b"),
    ]


def test_without_managed_acls_the_subnets_go_back_to_the_vpcs_own(spec, made):
    found = plan(made, wanted({**spec, "acls_managed": False}), STACK)
    moves = [change for change in found if change.resource == "network ACL association"]
    assert len(moves) == 6 and {change.after for change in moves} == {"default"}
    assert [name for action, kind, name in steps(found) if (action, kind) == ("delete", "network ACL")] == [
        "public",
        "private",
        "database",
    ]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(
            lambda n: n.subnets["public-a"].update(cidr="10.0.9.0/24"),
            "subnet public-a cannot be changed in place.*cidr is 10.0.9.0/24, wanted 10.0.1.0/24",
            id="a subnet's block",
        ),
        pytest.param(
            lambda n: n.subnets["public-a"].update(zone="us-east-1c"), "subnet public-a cannot.*zone is", id="its zone"
        ),
        pytest.param(
            lambda n: n.vpcs["tvshows-prod"].update(cidr="10.9.0.0/16"), "VPC tvshows-prod cannot", id="a VPC's block"
        ),
        pytest.param(
            lambda n: n.nat_gateways["nat"].update(subnet="private-a"),
            "NAT gateway nat cannot.*subnet is private-a, wanted public-a",
            id="where a NAT gateway is",
        ),
    ],
)
def test_what_aws_cannot_change_is_refused_before_anything_is_touched(spec, made, spoil, words):
    spoil(made)
    with pytest.raises(SlipwayError, match=words):
        plan(made, wanted(spec), STACK)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        pytest.param(foreign("VPC", "tvshows-prod", inside=False), "VPC tvshows-prod.*team=billing", id="a VPC"),
        pytest.param(
            foreign("security group", "tvshows-prod-alb"), "security group tvshows-prod-alb.*team=billing", id="a group"
        ),
        pytest.param(
            foreign("route table", "tvshows-prod-public"), "route table tvshows-prod-public.*billing", id="a table"
        ),
        pytest.param(
            foreign("subnet", "theirs", cidr="10.0.0.0/22"),
            r"public-a \(10.0.1.0/24\) overlaps subnet theirs \(10.0.0.0/22, x-1\).*team=billing",
            id="a subnet of their name with our addresses",
        ),
        pytest.param(
            foreign("VPC endpoint", "theirs", service="com.amazonaws.us-east-1.ecr.api"),
            "has an endpoint x-1 for com.amazonaws.us-east-1.ecr.api already.*team=billing",
            id="an endpoint with our private DNS names",
        ),
        pytest.param(foreign("internet gateway", "igw"), "internet gateway igw.*of our VPC.*billing", id="a gateway"),
    ],
)
def test_what_is_somebody_elses_is_refused_and_its_owner_named(spec, made, other, words):
    with pytest.raises(SlipwayError, match=words):
        plan(dataclasses.replace(made, foreign=(other,)), wanted(spec), STACK)


def test_a_group_of_our_name_in_another_vpc_is_no_matter(spec, made):
    other = foreign("security group", "tvshows-prod-alb", inside=False)
    assert plan(dataclasses.replace(made, foreign=(other,)), wanted(spec), STACK) == []


def test_an_adopted_vpc_keeps_its_internet_gateway(spec, made):
    spec["vpc"] = {"adopt": "vpc-1"}
    made.internet_gateways["internet"].update(adopted=True, tags={"team": "billing"})
    made.vpcs["tvshows-prod"]["tags"] = {"team": "billing"}
    assert plan(made, wanted(spec), STACK) == []
    assert not [step for step in steps(plan_removal(made, STACK)) if step[1] in ("VPC", "internet gateway")]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(
            {"cidrs": ["10.9.0.0/16"]}, "networking_cidr is 10.0.0.0/16, but.*has 10.9.0.0/16", id="its block"
        ),
        pytest.param({"dns_support": False}, "has no dns_support.*networking_endpoints", id="its DNS"),
    ],
)
def test_an_adopted_vpc_that_is_not_as_described_is_refused(spec, made, spoil, words):
    made.vpcs["tvshows-prod"].update(spoil)
    with pytest.raises(SlipwayError, match=words):
        refuse_adoption(made, wanted(spec), "10.0.0.0/16")


def test_removal_goes_backwards(made):
    order = [resource for _action, resource, _name in steps(plan_removal(made, STACK))]
    kinds = list(dict.fromkeys(order))
    assert kinds == [
        "VPC endpoint",
        "NAT gateway",
        "elastic IP",
        "security group rules",
        "security group",
        "subnet",
        "route table",
        "network ACL",
        "internet gateway",
        "VPC",
    ]


def test_removal_is_refused_while_something_of_others_is_in_our_vpc(made):
    other = foreign("security group", "theirs")
    with pytest.raises(SlipwayError, match=r"VPC tvshows-prod holds.*security group theirs \(x-1, of team=billing\)"):
        plan_removal(dataclasses.replace(made, foreign=(other,)), STACK)


def test_removal_of_nothing_is_nothing():
    assert plan_removal(Network(), STACK) == []
