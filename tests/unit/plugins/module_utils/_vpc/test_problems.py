# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._vpc.plan import problems


def subnet(spec, which, **fields):
    next(it for it in spec["subnets"] if it["name"] == which).update(fields)


def group(spec, which, **fields):
    next(it for it in spec["security_groups"] if it["name"] == which).update(fields)


def many_zones(spec):
    letters = "abcdefghijk"
    spec["subnets"] = [
        {"name": f"{tier}-{z}", "tier": tier, "cidr": f"10.0.{base + 2 * n}.0/24", "zone": z}
        for tier, base in (("public", 1), ("private", 100))
        for n, z in enumerate(letters)
    ]


def test_a_good_network_has_none(spec):
    assert problems(spec, prefix="tvshows-prod", zones=["us-east-1a", "us-east-1b"]) == []


def test_an_empty_inventory_has_none():
    assert problems({"cidr": "10.0.0.0/16", "vpc": {}, "subnets": [], "nat": "none"}) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda s: subnet(s, "private-b", cidr="10.0.10.128/25"),
            "networking_subnets: private-a (10.0.10.0/24) and private-b (10.0.10.128/25) overlap",
            id="two subnets overlap",
        ),
        pytest.param(
            lambda s: subnet(s, "public-a", cidr="10.1.1.0/24"),
            "networking_subnets: public-a: 10.1.1.0/24 is not within networking_cidr 10.0.0.0/16",
            id="a subnet lies outside the VPC",
        ),
        pytest.param(
            lambda s: subnet(s, "public-a", cidr="10.0.1.0/29"),
            "networking_subnets: public-a: 10.0.1.0/29 is a /29; AWS takes /16 to /28",
            id="a subnet is too small for AWS",
        ),
        pytest.param(
            lambda s: s.update(cidr="10.0.0.0/8"),
            "networking_cidr: 10.0.0.0/8 is a /8; AWS takes /16 to /28",
            id="a VPC is too large for AWS",
        ),
        pytest.param(
            lambda s: s.update(cidr="10.0.0.1/16"),
            "networking_cidr: 10.0.0.1/16 is not where a block starts; 10.0.0.0/16 is",
            id="a block has host bits",
        ),
        pytest.param(
            lambda s: s.update(cidr="ten"),
            "networking_cidr: ten is not an IPv4 block such as 10.0.0.0/16",
            id="a block is none",
        ),
        pytest.param(lambda s: s.pop("cidr"), "networking_cidr is not set", id="there is no block"),
        pytest.param(
            lambda s: subnet(s, "public-b", zone="g"),
            "networking_subnets: public-b: there is no zone g; this account has us-east-1a, us-east-1b",
            id="a zone too many",
        ),
        pytest.param(
            lambda s: subnet(s, "public-b", zone="us-east-1b"),
            "networking_subnets: public-b: zone us-east-1b is not the letter of a zone",
            id="a zone is more than a letter",
        ),
        pytest.param(
            lambda s: subnet(s, "public-b", tier="open"),
            "networking_subnets: public-b: tier open is none of public, private, database",
            id="a tier is unknown",
        ),
        pytest.param(
            lambda s: subnet(s, "public-b", name="public-a"),
            "networking_subnets: public-a is there 2 times",
            id="two subnets have one name",
        ),
        pytest.param(
            lambda s: s["subnets"][0].pop("cidr"),
            "networking_subnets: public-a has no cidr",
            id="a subnet has no block",
        ),
        pytest.param(
            lambda s: s["subnets"].append("x"), "networking_subnets: item 7 has no name", id="an item is text"
        ),
        pytest.param(
            lambda s: subnet(s, "public-a", name="x" * 243),
            "its name in AWS has 256 characters, AWS takes 255",
            id="a subnet's name is too long",
        ),
        pytest.param(
            lambda s: group(s, "alb", name="y" * 243),
            "its name in AWS has 256 characters, AWS takes 255",
            id="a group's name is too long",
        ),
        pytest.param(
            lambda s: group(s, "alb", aws_name="sg-alb"),
            "networking_security_groups: alb: AWS does not take sg-alb as the name of a security group",
            id="a group's name looks like an id to AWS",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"port": 5432, "from": "esc"}]),
            "networking_security_groups: database: ingress: esc is no security group; there are alb, database, ecs",
            id="a rule names a group that is not there",
        ),
        pytest.param(
            lambda s: group(s, "database", description="the stack's database"),
            "networking_security_groups: database: AWS does not take the description",
            id="a group's description has an apostrophe",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"port": 5432, "from": "ecs", "description": "ä"}]),
            "networking_security_groups: database: ingress: AWS does not take the description",
            id="a rule's description has an umlaut",
        ),
        pytest.param(
            lambda s: group(
                s, "database", ingress=[{"ports": ["1", "3", "5"], "from": [f"10.0.{n}.0/24" for n in range(21)]}]
            ),
            "networking_security_groups: database: 63 rules of ingress, AWS takes 60",
            id="a group has too many rules",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"port": 70000, "from": "ecs"}]),
            "networking_security_groups: database: ingress: 70000 is not within ports 0 to 65535 in order",
            id="a port is out of range",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"ports": "90-80", "from": "ecs"}]),
            "database: ingress: 90-80 is not within ports 0 to 65535 in order",
            id="a range runs backwards",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"ports": ["http"], "from": "ecs"}]),
            "database: ingress: http is not a port or a range such as 8000-8010",
            id="a port is a word",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"from": "ecs"}]),
            "database: ingress: a rule for tcp has no port (from: ecs); for all of them say ports: 0-65535",
            id="a rule has no port",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"protocol": "all", "port": 80, "from": "ecs"}]),
            "database: ingress: protocol all has no ports",
            id="a rule for everything has a port",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"protocol": "ftp", "port": 80, "from": "ecs"}]),
            "database: ingress: protocol ftp is none of tcp, udp, icmp, all, nor a number",
            id="a protocol is unknown",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"port": 5432}]),
            "database: ingress: a rule says nothing about from (port: 5432)",
            id="a rule has no peer",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"port": 5432, "from": "10.0.0.1/16"}]),
            "database: ingress: 10.0.0.1/16 is not where a block starts; 10.0.0.0/16 is",
            id="a rule's block has host bits",
        ),
        pytest.param(
            lambda s: group(s, "database", ingress=[{"port": 5432, "from": "10.0.0.300/32"}]),
            "database: ingress: 10.0.0.300/32 is not a CIDR",
            id="a rule's block is none",
        ),
        pytest.param(
            lambda s: s.update(subnets=[it for it in s["subnets"] if it["tier"] != "public"], nat="per_zone"),
            "networking_nat is per_zone, but networking_subnets has no public subnet",
            id="a NAT gateway has nowhere to be",
        ),
        pytest.param(
            lambda s: s.update(subnets=[it for it in s["subnets"] if it["tier"] != "private"]),
            "networking_nat is single, but networking_subnets has no private subnet that would use it",
            id="a NAT gateway has nobody to serve",
        ),
        pytest.param(
            lambda s: s.update(nat="some"),
            "networking_nat: some is none of none, single, per_zone",
            id="NAT is unknown",
        ),
        pytest.param(
            lambda s: s.update(endpoints=["s3", "s3"]), "networking_endpoints: s3 is there 2 times", id="endpoint twice"
        ),
        pytest.param(
            lambda s: s.update(vpc={"dns_hostnames": False}),
            "networking_endpoints: ecr.api needs dns_support and dns_hostnames",
            id="an endpoint has no DNS",
        ),
        pytest.param(
            lambda s: s.update(subnets=[it for it in s["subnets"] if it["tier"] == "database"], nat="none"),
            "networking_endpoints: ecr.api needs a private or public subnet",
            id="an endpoint has nowhere to be",
        ),
        pytest.param(
            lambda s: s.update(acls={"private": {"ingress": [{"port": 80, "from": "alb"}]}}),
            "networking_acls: private: ingress: alb is not a CIDR, and a network ACL knows nothing else",
            id="an ACL names a group",
        ),
        pytest.param(
            lambda s: s.update(
                acls={"private": {"ingress": [{"number": 9, "port": p, "from": "10.0.0.0/8"} for p in (1, 2)]}}
            ),
            "networking_acls: private: ingress: number: 9 is there 2 times",
            id="two ACL rules have one number",
        ),
        pytest.param(
            lambda s: s.update(acls={"inner": {}}),
            "networking_acls: inner is none of public, private, database",
            id="an ACL of no tier",
        ),
        pytest.param(
            lambda s: s.update(vpc={"adopt": "vpc-0123456789abcdef0"}, lock_default_security_group=True),
            "networking_lock_default_security_group is set, but the VPC vpc-0123456789abcdef0 is adopted",
            id="the default group of somebody else's VPC",
        ),
        pytest.param(
            lambda s: s.update(vpc={"adopt": "my-vpc"}),
            "networking_vpc: my-vpc is not the id of a VPC",
            id="what is adopted is no id",
        ),
        pytest.param(
            lambda s: s.update(flow_logs={"retention_days": 31}),
            "networking_flow_logs: retention_days 31 is not a time that CloudWatch knows; the nearest is 30",
            id="CloudWatch does not know that retention",
        ),
    ],
)
def test_a_problem_names_the_variable_and_the_item(spec, change, words):
    change(spec)
    found = problems(spec, prefix="tvshows-prod", zones=["us-east-1a", "us-east-1b"])
    assert [problem for problem in found if words in problem], found


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s.update(nat="per_zone"), id="a NAT gateway for each zone"),
        pytest.param(
            lambda s: s["subnets"].append(
                {"name": "private-c", "tier": "private", "cidr": "10.0.30.0/24", "zone": "c"}
            ),
            id="a private subnet in a zone without a public one uses the nearest NAT gateway",
        ),
        pytest.param(
            lambda s: group(s, "alb", egress=[{"protocol": "all", "to": ["0.0.0.0/0", "::/0"]}]),
            id="everything goes out, by IPv4 and IPv6",
        ),
        pytest.param(
            lambda s: group(s, "alb", ingress=[{"port": 443, "from": ["pl-3b927c52", "sg-0123456789abcdef0", "alb"]}]),
            id="prefix lists, foreign groups, and the group itself",
        ),
        pytest.param(
            lambda s: group(s, "ecs", egress=[{"port": 443, "to": "endpoints"}]), id="the group of the endpoints"
        ),
        pytest.param(lambda s: group(s, "ecs", ingress=[{"ports": ["80", "8000-8010"], "from": "alb"}]), id="ranges"),
        pytest.param(
            lambda s: s.update(
                acls={"database": {"ingress": [{"number": 90, "action": "deny", "port": 5432, "from": "10.0.9.0/24"}]}}
            ),
            id="own ACL rules",
        ),
        pytest.param(lambda s: (many_zones(s), s.update(acls_managed=False)), id="many zones without ACLs"),
        pytest.param(lambda s: s.update(flow_logs={"retention_days": 30}), id="flow logs"),
    ],
)
def test_what_is_allowed(spec, change):
    change(spec)
    zones = [f"us-east-1{letter}" for letter in "abcdefghijk"]
    assert problems(spec, prefix="tvshows-prod", zones=zones) == []


def test_default_acl_rules_that_are_too_many_for_aws_are_refused(spec):
    many_zones(spec)
    found = problems(spec, prefix="tvshows-prod")
    assert found[0] == (
        "networking_acls: public: ingress comes to 26 rules, AWS takes 20; "
        "give the tier rules of its own, or set networking_acls_managed to false"
    )
