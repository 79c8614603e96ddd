# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._elbv2 import listener_apply, listener_describe
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.listener_plan import (
    desired,
    desired_action,
    desired_conditions,
    keep_weights,
    plan,
    refuse_missing,
    refuse_unknown,
    require_owned,
)
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

STACK = Stack("tvshows", "prod", "alb", {})
OURS = {"slipway:stack": "tvshows", "slipway:environment": "prod", "slipway:role": "alb"}
DOMAIN = "api.tvshows.example.com"
RECORD = {"name": "_x.", "type": "CNAME", "value": "_y."}
ISSUED = {DOMAIN: {"arn": "arn:cert", "status": "ISSUED", "validation_records": [RECORD]}}
PENDING = {DOMAIN: {"arn": "arn:cert", "status": "PENDING_VALIDATION", "validation_records": [RECORD]}}
POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
REDIRECT = {
    "type": "redirect",
    "protocol": "HTTPS",
    "port": "443",
    "host": "#{host}",
    "path": "/#{path}",
    "query": "#{query}",
    "status": 301,
}
TO_WEB = {"type": "forward", "groups": {"web": 1}, "stickiness": 0}
WEB = {
    "name": "web",
    "certificate": {"domain": DOMAIN},
    "listeners": [{"port": 80, "redirect": 443}, {"port": 443, "target_group": "web"}],
}
RULE = {"priority": 10, "path": ["/admin/*"], "target_group": "admin"}


def http(**fields):
    base = {
        "arn": "arn:80",
        "protocol": "HTTP",
        "port": 80,
        "ssl_policy": None,
        "certificate": None,
        "certificates": frozenset(),
        "action": REDIRECT,
        "tags": dict(OURS),
    }
    return {**base, **fields}


def https(**fields):
    base = {"arn": "arn:443", "protocol": "HTTPS", "port": 443, "ssl_policy": POLICY, "certificate": "arn:cert"}
    return http(**{**base, "action": TO_WEB, **fields})


def rule(**fields):
    base = {
        "arn": "arn:r",
        "listener": "web:443",
        "conditions": {"path": ["/admin/*"]},
        "action": {"type": "forward", "groups": {"admin": 1}, "stickiness": 0},
        "tags": dict(OURS),
    }
    return {**base, **fields}


THERE = {"web:80": http(), "web:443": https()}


def with_rules(*rules):
    return {**WEB, "listeners": [WEB["listeners"][0], {**WEB["listeners"][1], "rules": list(rules)}]}


def changes(item=WEB, listeners=THERE, rules=None, certificates=ISSUED):
    wanted_listeners, wanted_rules, _missing = desired([item], certificates, STACK)
    return plan(listeners, rules or {}, wanted_listeners, wanted_rules)


def steps(*arguments, **named):
    return [(change.action, change.name) for change in changes(*arguments, **named)]


def test_what_is_missing_is_created():
    redirect, secure = changes(listeners={})
    assert (redirect.name, secure.name) == ("web:80", "web:443")
    assert redirect.after["protocol"] == "HTTP"
    assert redirect.after["action"] == REDIRECT
    assert secure.after["protocol"] == "HTTPS"
    assert secure.after["ssl_policy"] == POLICY
    assert secure.after["certificate"] == "arn:cert"
    assert secure.after["tags"] == OURS


@pytest.mark.parametrize(
    ("item", "listeners", "expected"),
    [
        pytest.param(WEB, THERE, [], id="nothing differs"),
        pytest.param(WEB, {**THERE, "web:8080": http(port=8080)}, [("delete", "web:8080")], id="one too many goes"),
        pytest.param(WEB, {"web:443": https()}, [("create", "web:80")], id="one is missing"),
        pytest.param(
            WEB,
            {**THERE, "web:443": https(ssl_policy="ELBSecurityPolicy-2016-08")},
            [("update", "web:443")],
            id="policy",
        ),
        pytest.param(
            WEB, {**THERE, "web:443": https(certificate="arn:old")}, [("update", "web:443")], id="the certificate"
        ),
        pytest.param(
            WEB,
            {**THERE, "web:443": https(certificates=frozenset(["arn:x"]))},
            [("update", "web:443")],
            id="an additional certificate too many",
        ),
        pytest.param(
            WEB,
            {**THERE, "web:80": http(action={**REDIRECT, "status": 302})},
            [("update", "web:80")],
            id="the redirect",
        ),
        pytest.param(
            WEB,
            {**THERE, "web:80": http(action={"type": "authenticate-oidc and forward"})},
            [("update", "web:80")],
            id="an action that is none of ours",
        ),
        pytest.param(WEB, {**THERE, "web:443": https(tags={**OURS, "x": "y"})}, [], id="a tag of somebody else stays"),
        pytest.param(
            {**WEB, "listeners": [{"port": 80, "fixed_response": {"status": 503}}]},
            THERE,
            [("update", "web:80"), ("delete", "web:443")],
            id="what is not wanted goes last",
        ),
    ],
)
def test_listeners_are_exact(item, listeners, expected):
    assert steps(item, listeners) == expected


@pytest.mark.parametrize(
    ("item", "rules", "expected"),
    [
        pytest.param(with_rules(RULE), {"web:443 rule 10": rule()}, [], id="nothing differs"),
        pytest.param(with_rules(RULE), {}, [("create", "web:443 rule 10")], id="one is missing"),
        pytest.param(WEB, {"web:443 rule 10": rule()}, [("delete", "web:443 rule 10")], id="one too many goes"),
        pytest.param(
            with_rules(RULE),
            {"web:443 rule 10": rule(conditions={"path": ["/x"]})},
            [("update", "web:443 rule 10")],
            id="its conditions are put right",
        ),
        pytest.param(
            with_rules({**RULE, "priority": 20}),
            {"web:443 rule 10": rule()},
            [("create", "web:443 rule 20"), ("delete", "web:443 rule 10")],
            id="a moved rule is made before the old one goes",
        ),
        pytest.param(
            {**WEB, "listeners": WEB["listeners"][:1]},
            {"web:443 rule 10": rule()},
            [("delete", "web:443")],
            id="rules go with their listener",
        ),
    ],
)
def test_rules_are_exact(item, rules, expected):
    assert steps(item, rules=rules) == expected


def shifted(*groups, **fields):
    secure = {"port": 443, "target_groups": list(groups), **fields}
    return {**WEB, "listeners": [WEB["listeners"][0], secure]}


BLUE, GREEN = {"name": "blue", "weight": 100}, {"name": "green", "weight": 0}


def forwarding(**groups):
    return {**THERE, "web:443": https(action={"type": "forward", "groups": groups, "stickiness": 0})}


@pytest.mark.parametrize(
    ("item", "have", "after"),
    [
        pytest.param(shifted(BLUE, GREEN), {"blue": 0, "green": 100}, None, id="a shift owns the weights"),
        pytest.param(shifted(BLUE, GREEN), {"blue": 90, "green": 10}, None, id="also in the middle of it"),
        pytest.param(
            shifted(BLUE, GREEN), {"green": 100}, {"blue": 0, "green": 100}, id="a group that comes new gets no traffic"
        ),
        pytest.param(
            shifted(BLUE, GREEN), {"other": 1}, {"blue": 100, "green": 0}, id="nothing is left to keep: the inventory's"
        ),
        pytest.param(
            shifted(BLUE, GREEN, manage_weights=True),
            {"blue": 0, "green": 100},
            {"blue": 100, "green": 0},
            id="unless the inventory owns them",
        ),
        pytest.param(shifted(BLUE), {"blue": 50, "green": 50}, {"blue": 50}, id="a group that is not listed goes"),
    ],
)
def test_weights_belong_to_a_traffic_shift(item, have, after):
    found = changes(item, forwarding(**have))
    assert [change.after["action"]["groups"] for change in found] == ([] if after is None else [after])


def test_a_new_weighted_listener_starts_with_the_weights_of_the_inventory():
    (_redirect, secure) = changes(shifted(BLUE, GREEN), {})
    assert secure.after["action"]["groups"] == {"blue": 100, "green": 0}


def test_weights_are_not_kept_from_another_kind_of_action():
    assert keep_weights(TO_WEB, REDIRECT) == TO_WEB


def test_a_listener_whose_certificate_is_pending_is_left_out_and_reported():
    wanted_listeners, wanted_rules, missing = desired([with_rules(RULE)], PENDING, STACK)
    assert [change.name for change in plan({}, {}, wanted_listeners, wanted_rules)] == ["web:80", "web:80 rule 50000"]
    (item,) = missing
    assert item["what"] == (
        f"listener web:443 does not serve HTTPS until certificate {DOMAIN} is issued (it is PENDING_VALIDATION)"
    )
    assert item["how"] == ["set the DNS record _x. CNAME _y."]


def test_target_groups_of_a_listener_that_waits_are_tied_to_the_load_balancer_meanwhile():
    item = with_rules(RULE, {"priority": 20, "path": ["/x"], "fixed_response": {"status": 404}})
    (_redirect, stand_in) = changes(item, {}, certificates=PENDING)
    assert stand_in.after["action"] == {"type": "forward", "groups": {"web": 1, "admin": 1}, "stickiness": 0}
    assert stand_in.after["conditions"] == {"source_ip": ["192.0.2.1/32"]}
    assert stand_in.after["tags"] == OURS

    there = {"web:80": http()}
    stand_ins = {"web:80 rule 50000": {**rule(), **stand_in.after, "listener": "web:80"}}
    assert steps(item, there, stand_ins, PENDING) == []
    assert [step for step in steps(item, there, stand_ins) if step[0] == "delete"] == [("delete", "web:80 rule 50000")]
    assert steps(item, there, stand_ins)[-1] == ("delete", "web:80 rule 50000")


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param(
            {**WEB, "listeners": [{"port": 80, "target_group": "web"}, WEB["listeners"][1]]},
            ["web:80"],
            id="another listener forwards to it already",
        ),
        pytest.param({**WEB, "listeners": WEB["listeners"][1:]}, [], id="there is no other listener"),
        pytest.param(
            {
                **WEB,
                "listeners": [
                    {"port": 80, "redirect": 443, "rules": [{**RULE, "priority": 50000}]},
                    WEB["listeners"][1],
                ],
            },
            ["web:80", "web:80 rule 50000", "web:80 rule 49999"],
            id="the highest priority is taken",
        ),
        pytest.param(
            {
                **WEB,
                "listeners": [
                    WEB["listeners"][0],
                    {"port": 443, "fixed_response": {"status": 200}},
                ],
            },
            ["web:80"],
            id="it forwards to none",
        ),
    ],
)
def test_a_stand_in_is_made_only_where_it_is_needed(item, expected):
    assert [change.name for change in changes(item, {}, certificates=PENDING)] == expected


@pytest.mark.parametrize(
    ("listeners", "expected"),
    [
        pytest.param({**THERE, "web:443": https(certificate="arn:old")}, [], id="it keeps the certificate that it has"),
        pytest.param(
            {**THERE, "web:443": https(certificate="arn:old", ssl_policy="x")},
            [("update", "web:443")],
            id="the rest of it is put right",
        ),
        pytest.param(
            {**THERE, "web:443": http(port=443)},
            [("create", "web:80 rule 50000")],
            id="one of HTTP stays what it is for now",
        ),
    ],
)
def test_a_listener_that_is_there_serves_on_while_its_certificate_is_pending(listeners, expected):
    assert steps(listeners=listeners, certificates=PENDING) == expected


def test_additional_certificates_are_added_when_issued_and_none_is_taken_away_before():
    item = {**WEB, "certificates": [{"domain": "b.example.com"}, {"arn": "arn:adopted"}]}
    some = {**ISSUED, "b.example.com": {"arn": "arn:b", "status": "PENDING_VALIDATION", "validation_records": []}}
    listeners = {**THERE, "web:443": https(certificates=frozenset(["arn:b-old"]))}
    (change,) = changes(item, listeners, certificates=some)
    assert change.after == {"certificates": frozenset(["arn:b-old", "arn:adopted"])}
    _listeners, _rules, missing = desired([item], some, STACK)
    assert "does not serve that domain until certificate b.example.com" in missing[0]["what"]
    some["b.example.com"]["status"] = "ISSUED"
    (change,) = changes(item, listeners, certificates=some)
    assert change.after == {"certificates": frozenset(["arn:b", "arn:adopted"])}


def test_on_an_empty_account_the_listener_is_announced_and_never_made_without_a_certificate():
    unknown = {DOMAIN: {"arn": "", "status": "", "validation_records": []}}
    found = changes(listeners={}, certificates=unknown)
    assert [change.name for change in found] == ["web:80", "web:443"]
    assert found[1].after["certificate"] == "(known after certificate)"
    with pytest.raises(SlipwayError, match="listener web:443 cannot be made: its certificate is not known"):
        refuse_unknown(found)
    refuse_unknown(changes(listeners={}))


def test_a_listener_of_its_own_certificate():
    item = {**WEB, "listeners": [{"port": 8443, "target_group": "web", "certificate": {"arn": "arn:own"}}]}
    (change, *_deleted) = changes(item)
    assert change.after["protocol"] == "HTTPS"
    assert change.after["certificate"] == "arn:own"


def test_foreign_and_absent_load_balancers_are_refused():
    with pytest.raises(SlipwayError, match="team=billing"):
        require_owned({"web": {"aws_name": "tvshows-prod-web", "tags": {"team": "billing"}}}, STACK)
    with pytest.raises(SlipwayError, match="Load balancer web does not exist"):
        refuse_missing({"web": "tvshows-prod-web"}, {})


GROUPS = {"web": "arn:tg/web", "green": "arn:tg/green"}
NAMES = {arn: name for name, arn in GROUPS.items()}


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param({"redirect": 443}, id="redirect"),
        pytest.param(
            {"redirect_to": {"host": "www.example.com", "path": "/new", "query": "", "status": 302}},
            id="redirect to a host",
        ),
        pytest.param({"target_group": "web"}, id="forward"),
        pytest.param(
            {"target_groups": [{"name": "web", "weight": 90}, {"name": "green", "weight": 10}], "stickiness": 60},
            id="weighted forward with stickiness",
        ),
        pytest.param({"fixed_response": {"status": 404}}, id="fixed response"),
        pytest.param({"fixed_response": {"status": 200, "content_type": "text/html", "body": "x"}}, id="with a body"),
    ],
)
def test_an_action_comes_back_from_aws_as_it_was_wanted(holder):
    wanted = desired_action(holder)
    assert listener_describe.action([listener_apply.action(wanted, GROUPS)], NAMES) == wanted


def test_a_conditions_list_comes_back_from_aws_as_it_was_wanted():
    wanted = desired_conditions(
        {
            "path": ["/b", "/a"],
            "host": ["x.example.com"],
            "method": ["GET"],
            "source_ip": ["10.0.0.0/8"],
            "headers": {"X-Version": ["2"], "X-Beta": "yes"},
            "query": ["a=1", "b"],
        }
    )
    assert listener_describe.conditions(listener_apply.conditions(wanted)) == wanted


def test_aws_says_a_plain_forward_twice():
    raw = {
        "Type": "forward",
        "TargetGroupArn": "arn:tg/web",
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": "arn:tg/web", "Weight": 1}],
            "TargetGroupStickinessConfig": {"Enabled": False},
        },
    }
    assert listener_describe.action([raw], NAMES) == TO_WEB
    assert listener_describe.action([{"Type": "forward", "TargetGroupArn": "arn:tg/web"}], NAMES) == TO_WEB


def test_aws_says_a_condition_twice():
    raw = {"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/a"]}}
    assert listener_describe.conditions([raw]) == {"path": ["/a"]}


def test_the_default_certificate_may_stand_among_the_additional_ones():
    raw = {
        "ListenerArn": "arn:443",
        "Port": 443,
        "Protocol": "HTTPS",
        "SslPolicy": POLICY,
        "Certificates": [{"CertificateArn": "arn:cert"}],
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": "arn:tg/web"}],
    }
    listed = [
        {"CertificateArn": "arn:cert", "IsDefault": True},
        {"CertificateArn": "arn:cert", "IsDefault": False},
        {"CertificateArn": "arn:more", "IsDefault": False},
    ]
    found = listener_describe.listener(raw, listed, {"arn:443": OURS}, NAMES)
    assert found == https(certificates=frozenset(["arn:more"]))


def test_a_target_group_that_is_not_there_is_named():
    with pytest.raises(SlipwayError, match="Target group web does not exist"):
        listener_apply.action(TO_WEB, {"web": ""})
