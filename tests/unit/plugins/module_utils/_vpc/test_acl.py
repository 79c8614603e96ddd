# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._vpc.acl import acls, covers
from ansible_collections.slipway.aws.plugins.module_utils._vpc.rules import Rule

PUBLIC, PRIVATE, DATABASE = "10.0.1.7", "10.0.10.7", "10.0.100.7"
OTHER_PRIVATE, OTHER_DATABASE = "10.0.20.7", "10.0.200.7"
INTERNET = "198.51.100.9"
TIERS = {PUBLIC: "public", PRIVATE: "private", OTHER_PRIVATE: "private"}
TIERS |= {DATABASE: "database", OTHER_DATABASE: "database"}


def lets(entries, protocol, port, peer):
    """What AWS does with a packet: the first entry that fits, by number, and "deny" at the end."""
    for _number, entry in sorted(entries.items()):
        rule = entry.rule
        fits = rule.protocol in ("all", protocol) and (rule.first == -1 or rule.first <= port <= rule.last)
        if fits and ipaddress.ip_address(peer) in ipaddress.ip_network(rule.peer):
            return entry.action == "allow"
    return False


def one_way(acl, protocol, source, target, port):
    """Whether a packet leaves the source's subnet and enters the target's. The internet has no ACL."""
    out = source not in TIERS or lets(acl[TIERS[source]]["egress"], protocol, port, target)
    return out and (target not in TIERS or lets(acl[TIERS[target]]["ingress"], protocol, port, source))


def answered(acl, source, target, port, protocol="tcp"):
    """Whether a question gets there and its answer back, from whichever port was taken."""
    back = all(one_way(acl, protocol, target, source, port) for port in (1024, 32768, 61000, 65535))
    return one_way(acl, protocol, source, target, port) and back


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        pytest.param(INTERNET, PUBLIC, 443, id="a browser asks the load balancer"),
        pytest.param(INTERNET, PUBLIC, 80, id="a browser is redirected"),
        pytest.param(PUBLIC, PRIVATE, 3000, id="the load balancer asks a task"),
        pytest.param(PUBLIC, OTHER_PRIVATE, 80, id="the load balancer asks a task on a low port in the other zone"),
        pytest.param(PRIVATE, OTHER_PRIVATE, 8080, id="a task asks another one"),
        pytest.param(PRIVATE, OTHER_PRIVATE, 443, id="a task asks an interface endpoint"),
        pytest.param(PRIVATE, DATABASE, 5432, id="a task asks PostgreSQL"),
        pytest.param(PRIVATE, OTHER_DATABASE, 6379, id="a task asks Redis in the other zone"),
        pytest.param(DATABASE, OTHER_DATABASE, 5432, id="a replica asks its primary"),
        pytest.param(PUBLIC, INTERNET, 443, id="a NAT gateway asks the internet"),
        pytest.param(PRIVATE, PUBLIC, 443, id="a task asks a load balancer"),
    ],
)
def test_what_a_stack_needs_passes_both_ways(spec, source, target, port):
    assert answered(acls(spec), source, target, port)


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        pytest.param(INTERNET, PUBLIC, 22, id="somebody tries SSH"),
        pytest.param(INTERNET, DATABASE, 5432, id="somebody tries PostgreSQL from outside"),
        pytest.param(PUBLIC, DATABASE, 5432, id="a public subnet tries PostgreSQL"),
        pytest.param(DATABASE, INTERNET, 443, id="a database tries to send data out"),
        pytest.param(DATABASE, PRIVATE, 443, id="a database opens a connection of its own"),
        pytest.param(PRIVATE, DATABASE, 22, id="a task tries SSH on a database"),
        pytest.param(PRIVATE, INTERNET, 25, id="a task tries to send mail past its security group"),
    ],
)
def test_what_a_stack_does_not_need_is_stopped(spec, source, target, port):
    assert not one_way(acls(spec), "tcp", source, target, port)


def through_nat(acl, protocol, port):
    """A task asks the internet: its packet enters the NAT gateway's subnet with the internet's address on it, and the
    answer comes back through that subnet in the same way. Each subnet sees the task's and the internet's addresses."""
    task_out = lets(acl["private"]["egress"], protocol, port, INTERNET)
    nat_in = lets(acl["public"]["ingress"], protocol, port, PRIVATE)
    nat_out = lets(acl["public"]["egress"], protocol, port, INTERNET)
    back = [
        lets(acl["public"]["ingress"], protocol, high, INTERNET)
        and lets(acl["public"]["egress"], protocol, high, PRIVATE)
        and lets(acl["private"]["ingress"], protocol, high, INTERNET)
        for high in (1024, 65535)
    ]
    return task_out and nat_in and nat_out and all(back)


@pytest.mark.parametrize(
    ("egress", "protocol", "port"),
    [
        pytest.param([], "tcp", 443, id="HTTPS always"),
        pytest.param([{"port": 587, "to": "0.0.0.0/0"}], "tcp", 587, id="mail, where a security group lets it out"),
        pytest.param([{"port": 123, "protocol": "udp", "to": "0.0.0.0/0"}], "udp", 123, id="time, where it is let out"),
        pytest.param([{"protocol": "all", "to": "0.0.0.0/0"}], "tcp", 9200, id="anything, where all is let out"),
        pytest.param([{"protocol": "all", "to": "0.0.0.0/0"}], "udp", 53, id="DNS elsewhere, where all is let out"),
    ],
)
def test_a_task_reaches_the_internet_through_nat(spec, egress, protocol, port):
    spec["security_groups"][1]["egress"] += egress
    assert through_nat(acls(spec), protocol, port)


def test_what_no_security_group_lets_out_does_not_go_through_nat(spec):
    assert not through_nat(acls(spec), "tcp", 587)
    assert not through_nat(acls(spec), "udp", 123)


def test_a_peered_network_that_a_security_group_lets_in_reaches_private_subnets(spec):
    peer = "172.16.4.4"
    assert not one_way(acls(spec), "tcp", peer, PRIVATE, 443)
    spec["security_groups"][1]["ingress"].append({"port": 443, "from": "172.16.0.0/16"})
    assert answered(acls(spec), peer, PRIVATE, 443)


def test_a_store_on_an_unusual_port_is_reached_where_its_group_gives_nothing_out(spec):
    assert not one_way(acls(spec), "tcp", PRIVATE, DATABASE, 11211)
    spec["security_groups"].append({"name": "memcached", "ingress": [{"port": 11211, "from": "ecs"}]})
    assert answered(acls(spec), PRIVATE, DATABASE, 11211)


def test_without_private_subnets_tasks_in_public_ones_reach_the_stores(spec):
    spec["subnets"] = [it for it in spec["subnets"] if it["tier"] != "private"]
    assert answered(acls(spec), PUBLIC, DATABASE, 5432)
    assert list(acls(spec)) == ["public", "database"]


def test_packets_that_are_too_large_are_told_so(spec):
    for tier in ("public", "private"):
        for direction in ("ingress", "egress"):
            rules = [entry.rule for entry in acls(spec)[tier][direction].values()]
            assert Rule("icmp", 3, 4, "0.0.0.0/0") in rules


def test_own_rules_take_the_place_of_one_direction(spec):
    spec["acls"] = {"database": {"ingress": [{"number": 90, "action": "deny", "port": 1, "from": "10.0.9.0/24"}]}}
    found, default = acls(spec)["database"], acls({**spec, "acls": {}})["database"]
    assert [entry.text(number, "ingress") for number, entry in found["ingress"].items()] == [
        "90 deny tcp 1 from 10.0.9.0/24"
    ]
    assert found["egress"] == default["egress"]


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        pytest.param(
            ("all", -1, -1, "10.0.0.0/8"), ("tcp", 80, 80, "10.1.0.0/16"), True, id="everything covers a port"
        ),
        pytest.param(("tcp", 1024, 65535, "0.0.0.0/0"), ("tcp", 3000, 3000, "10.0.0.0/8"), True, id="a range a port"),
        pytest.param(("tcp", 80, 80, "0.0.0.0/0"), ("tcp", 80, 81, "0.0.0.0/0"), False, id="a port no range"),
        pytest.param(("tcp", 80, 80, "10.0.0.0/8"), ("tcp", 80, 80, "0.0.0.0/0"), False, id="a part not the whole"),
        pytest.param(("udp", 80, 80, "0.0.0.0/0"), ("tcp", 80, 80, "0.0.0.0/0"), False, id="another protocol"),
        pytest.param(("icmp", 3, 4, "0.0.0.0/0"), ("icmp", -1, -1, "0.0.0.0/0"), False, id="one ICMP type not all"),
        pytest.param(("all", -1, -1, "0.0.0.0/0"), ("tcp", 80, 80, "::/0"), False, id="IPv4 covers no IPv6"),
    ],
)
def test_which_rule_covers_another(wide, narrow, expected):
    assert covers(Rule(*wide), Rule(*narrow)) is expected
