# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._vpc.rules import (
    Entry,
    Rule,
    acl_entries,
    expand,
    from_entries,
    from_permissions,
    permissions,
    to_entry,
)

IDS = {"alb": "sg-1", "ecs": "sg-2"}
NAMES = {"sg-1": "alb", "sg-2": "ecs"}


@pytest.mark.parametrize(
    ("item", "texts"),
    [
        pytest.param({"port": 80, "from": "0.0.0.0/0"}, ["tcp 80 from 0.0.0.0/0"], id="one port, one block"),
        pytest.param(
            {"port": 80, "from": ["alb", "10.0.0.0/8"]}, ["tcp 80 from alb", "tcp 80 from 10.0.0.0/8"], id="two peers"
        ),
        pytest.param(
            {"ports": ["80", "90-99"], "from": "alb"}, ["tcp 80 from alb", "tcp 90-99 from alb"], id="two ranges"
        ),
        pytest.param({"ports": "8000 - 8010", "from": "alb"}, ["tcp 8000-8010 from alb"], id="a range with spaces"),
        pytest.param({"protocol": "all", "from": "alb"}, ["all from alb"], id="everything"),
        pytest.param({"protocol": "-1", "from": "alb"}, ["all from alb"], id="everything in AWS's words"),
        pytest.param({"protocol": "icmp", "from": "alb"}, ["icmp from alb"], id="all ICMP"),
        pytest.param(
            {"protocol": "icmp", "icmp_type": 3, "icmp_code": 4, "from": "alb"},
            ["icmp 3/4 from alb"],
            id="one ICMP type",
        ),
        pytest.param({"protocol": "UDP", "port": 53, "from": "alb"}, ["udp 53 from alb"], id="capitals"),
        pytest.param({"protocol": "6", "port": 53, "from": "alb"}, ["tcp 53 from alb"], id="a protocol's number"),
    ],
)
def test_an_item_of_the_inventory_in_words(item, texts):
    assert [rule.text("ingress") for rule in expand(item, "ingress")] == texts


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(Rule("tcp", 80, 80, "0.0.0.0/0"), id="a block"),
        pytest.param(Rule("tcp", 80, 80, "::/0"), id="an IPv6 block"),
        pytest.param(Rule("udp", 80, 90, "ecs"), id="a group"),
        pytest.param(Rule("tcp", 443, 443, "pl-3b927c52"), id="a prefix list"),
        pytest.param(Rule("tcp", 443, 443, "sg-0123456789abcdef0"), id="somebody else's group"),
        pytest.param(Rule("all", -1, -1, "0.0.0.0/0"), id="everything"),
        pytest.param(Rule("icmp", 3, 4, "0.0.0.0/0"), id="ICMP"),
        pytest.param(Rule("50", -1, -1, "10.0.0.0/8"), id="a protocol by number"),
    ],
)
def test_a_rule_survives_the_way_to_aws_and_back(rule):
    sent = permissions({rule: "why"}, IDS)
    assert from_permissions(sent, NAMES) == {rule: "why"}


def test_what_aws_puts_together_is_taken_apart():
    answer = [
        {
            "IpProtocol": "tcp",
            "FromPort": 80,
            "ToPort": 80,
            "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "inner"}, {"CidrIp": "0.0.0.0/0"}],
            "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            "UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": "1"}, {"GroupId": "sg-9", "UserId": "2"}],
            "PrefixListIds": [],
        }
    ]
    assert {rule.peer: text for rule, text in from_permissions(answer, NAMES).items()} == {
        "10.0.0.0/8": "inner",
        "0.0.0.0/0": "",
        "::/0": "",
        "alb": "",
        "sg-9": "",
    }


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(Entry("allow", Rule("tcp", 80, 80, "0.0.0.0/0")), id="a port"),
        pytest.param(Entry("deny", Rule("udp", 1, 9, "10.0.0.0/8")), id="a range"),
        pytest.param(Entry("allow", Rule("all", -1, -1, "10.0.0.0/8")), id="everything"),
        pytest.param(Entry("allow", Rule("icmp", 3, 4, "0.0.0.0/0")), id="ICMP"),
        pytest.param(Entry("allow", Rule("tcp", 80, 80, "::/0")), id="IPv6"),
    ],
)
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_an_acl_entry_survives_the_way_to_aws_and_back(entry, direction):
    sent = to_entry(100, entry, direction)
    last = {"RuleNumber": 32767, "Protocol": "-1", "RuleAction": "deny", "Egress": False, "CidrBlock": "0.0.0.0/0"}
    assert from_entries([sent, last])[direction] == {100: entry}


@pytest.mark.parametrize(
    ("items", "numbers"),
    [
        pytest.param([{}, {}, {}], [100, 110, 120], id="counted in tens"),
        pytest.param([{"number": 50}, {}, {}], [50, 60, 70], id="counted on from a number"),
        pytest.param([{"number": 5, "from": ["10.0.0.0/9", "10.128.0.0/9"]}, {}], [5, 6, 10], id="two for two peers"),
    ],
)
def test_numbers_of_acl_entries(items, numbers):
    given = [{"port": 80, "from": "10.0.0.0/8", **item} for item in items]
    assert list(acl_entries(given, "ingress")) == numbers
