# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.plan import problems

WEB = {
    "name": "web",
    "security_groups": ["alb"],
    "certificate": {"domain": "api.tvshows.example.com", "validation": "dns"},
    "listeners": [{"port": 80, "redirect": 443}, {"port": 443, "target_group": "web"}],
    "target_groups": [{"name": "web", "port": 3000, "health_check": {"path": "/up", "interval": 30, "timeout": 5}}],
}
STACK = {
    "stack_name": "tvshows",
    "stack_environment": "prod",
    "networking_subnets": [
        {"name": "public-a", "tier": "public", "zone": "a"},
        {"name": "public-b", "tier": "public", "zone": "b"},
        {"name": "private-a", "tier": "private", "zone": "a"},
    ],
    "networking_security_groups": [{"name": "alb"}, {"name": "ecs"}],
}


def found(*balancers, **variables):
    return problems({**STACK, "alb_load_balancers": list(balancers), **variables})


def listener(**fields):
    """The load balancer with a third listener, on port 8080."""
    return {**WEB, "listeners": [*WEB["listeners"], {"port": 8080, **fields}]}


def group(**fields):
    return {**WEB, "target_groups": [{**WEB["target_groups"][0], **fields}]}


def check(**fields):
    return group(health_check=fields)


def test_a_good_load_balancer_has_no_problems():
    assert found(WEB) == []


def test_a_stack_without_load_balancers_has_no_problems():
    assert problems({}) == []


def test_without_a_networking_inventory_its_references_are_not_judged():
    assert problems({"alb_load_balancers": [{**WEB, "security_groups": ["x"]}], "stack_name": "t"}) == []


@pytest.mark.parametrize(
    ("item", "where", "words"),
    [
        pytest.param(listener(target_group="api"), "listeners[8080]", "target group api", id="an unknown target group"),
        pytest.param(listener(port=443, target_group="web"), "web", "two listeners on port 443", id="a port twice"),
        pytest.param(listener(redirect=9000), "listeners[8080]", "port 9000", id="a redirect to nothing"),
        pytest.param(listener(redirect=8080), "listeners[8080]", "redirects to itself", id="a redirect in a circle"),
        pytest.param(
            {**WEB, "certificate": None},
            "listeners[443]",
            "HTTPS without a certificate",
            id="HTTPS without certificate",
        ),
        pytest.param(
            listener(protocol="HTTP", target_group="web", certificate={"domain": "a.b"}),
            "listeners[8080]",
            "HTTP takes no certificate",
            id="a certificate for HTTP",
        ),
        pytest.param(listener(), "listeners[8080]", "exactly one of", id="no action"),
        pytest.param(listener(redirect=443, target_group="web"), "listeners[8080]", "exactly one of", id="two actions"),
        pytest.param(listener(fixed_response={"status": 301}), "listeners[8080]", "301", id="a status AWS refuses"),
        pytest.param(
            listener(target_groups=[{"name": "web", "weight": 1000}]), "listeners[8080]", "weight 1000", id="a weight"
        ),
        pytest.param(
            listener(target_group="web", rules=[{"priority": 1, "target_group": "web"}]),
            "listeners[8080].rules[1]",
            "0 values",
            id="a rule without a condition",
        ),
        pytest.param(
            listener(target_group="web", rules=[{"priority": 1, "path": list("abcdef"), "target_group": "web"}]),
            "listeners[8080].rules[1]",
            "6 values",
            id="a rule with too many values",
        ),
        pytest.param(
            listener(target_group="web", rules=[{"priority": 0, "path": ["/a"], "target_group": "web"}]),
            "rules[0]",
            "1 to 50000",
            id="a priority out of range",
        ),
        pytest.param(
            listener(target_group="web", rules=[{"priority": 1, "path": ["/a"], "target_group": "api"}]),
            "rules[1]",
            "target group api",
            id="a rule to an unknown target group",
        ),
        pytest.param(
            listener(target_group="web", rules=[{"priority": 1, "path": ["/a"], "target_group": "web"}] * 2),
            "listeners[8080]",
            "two rules of priority 1",
            id="a priority twice",
        ),
        pytest.param(check(interval=10, timeout=10), "health_check", "shorter than interval 10", id="timeout too long"),
        pytest.param(check(interval=5), "health_check", "timeout 5", id="the default timeout is too long as well"),
        pytest.param(check(interval=4), "health_check", "5 to 300", id="an interval too short"),
        pytest.param(check(healthy=1), "health_check", "2 to 10", id="too few checks"),
        pytest.param(check(path="up"), "health_check", "slash", id="a path without slash"),
        pytest.param(check(matcher="ok"), "health_check", "matcher ok", id="a matcher that is none"),
        pytest.param(group(deregistration_delay=4000), "target_groups[web]", "0 to 3600", id="a delay too long"),
        pytest.param(group(slow_start=10), "target_groups[web]", "30 to 900", id="a slow start too short"),
        pytest.param(
            group(slow_start=30, algorithm="least_outstanding_requests"),
            "target_groups[web]",
            "round_robin only",
            id="slow start with the wrong algorithm",
        ),
        pytest.param({**WEB, "idle_timeout": 5000}, "[web]", "1 to 4000", id="an idle timeout too long"),
        pytest.param({**WEB, "security_groups": ["db"]}, "[web]", "there are alb, ecs", id="an unknown security group"),
        pytest.param({**WEB, "scheme": "internal"}, "[web]", "tier private", id="one private zone is too few"),
        pytest.param({**WEB, "subnets": "private"}, "[web]", "two zones", id="in the wrong tier"),
        pytest.param({**WEB, "name": "a" * 20}, "[" + "a" * 20 + "]", "33 characters", id="a name too long"),
        pytest.param({**WEB, "aws_name": "internal-x"}, "[web]", "internal-", id="a name that AWS keeps to itself"),
        pytest.param({**WEB, "aws_name": "web_1"}, "[web]", "letters, digits", id="a name with an underscore"),
        pytest.param(group(aws_name="x" * 33), "target_groups[web]", "32", id="a target group's name too long"),
    ],
)
def test_a_mistake_is_named_with_its_place(item, where, words):
    sentences = [sentence for sentence in found(item) if words in sentence]
    assert sentences, found(item)
    assert where in sentences[0]
    assert sentences[0].startswith("alb_load_balancers[")


def test_one_mistake_is_one_sentence():
    assert len(found(listener(redirect=9000))) == 1


def test_a_target_group_serves_one_load_balancer():
    (sentence,) = found(WEB, {**WEB, "name": "api"})
    assert "alb_load_balancers[api].target_groups[web]" in sentence
    assert "under web already" in sentence


def test_a_name_is_used_once():
    assert any("load balancer web is listed 2 times" in sentence for sentence in found(WEB, WEB))


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(listener(redirect_to={"host": "www.example.com", "port": "443"}), id="a redirect to another host"),
        pytest.param(listener(redirect_to={"path": "/new"}), id="a redirect to another path of the same port"),
        pytest.param(listener(fixed_response={"status": 404}), id="a fixed response"),
        pytest.param(listener(target_groups=[{"name": "web", "weight": 100}]), id="a weighted forward"),
        pytest.param(listener(protocol="HTTPS", target_group="web"), id="HTTPS on another port, the same certificate"),
        pytest.param({**WEB, "security_groups": ["sg-0123"]}, id="a security group by its id"),
        pytest.param(
            listener(
                target_group="web",
                rules=[{"priority": 1, "headers": {"x": ["a", "b"]}, "path": "/a", "fixed_response": {"status": 204}}],
            ),
            id="a rule with a header",
        ),
    ],
)
def test_what_is_right_is_let_through(item):
    assert found(item) == []
