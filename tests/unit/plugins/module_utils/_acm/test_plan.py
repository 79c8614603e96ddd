# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._acm.plan import (
    choose,
    desired,
    how_to_validate,
    judge,
    judge_records,
    missing,
    plan,
    plan_removal,
    problems,
    token,
    wanted_certificates,
)
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

STACK = Stack("tvshows", "prod", "certificate", {"team": "tv"})
DOMAIN = "api.tvshows.example.com"
OURS = {
    "slipway:stack": "tvshows",
    "slipway:environment": "prod",
    "slipway:role": "certificate",
    "team": "tv",
    "Name": DOMAIN,
}
ARN = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b"
RECORD = {"name": f"_x.{DOMAIN}.", "type": "CNAME", "value": "_y.acm-validations.aws."}


def certificate(**fields):
    base = {
        "arn": ARN,
        "domain": DOMAIN,
        "region": "us-east-1",
        "names": frozenset([DOMAIN]),
        "validation": "DNS",
        "key_algorithm": "RSA_2048",
        "status": "ISSUED",
        "failure": "",
        "records": [RECORD],
        "complete": True,
        "in_use_by": [],
        "created": 1.0,
        "tags": dict(OURS),
    }
    return {**base, **fields}


def changes(found, *items):
    wanted = desired(items or [{"domain": DOMAIN}], "us-east-1", STACK)
    return plan({key: list(found) for key in wanted}, wanted, STACK)


def steps(found, *items):
    return [(change.action, change.name) for change in changes(found, *items)]


def test_a_missing_certificate_is_requested_with_its_tags():
    (change,) = changes([], {"domain": DOMAIN, "alternative_names": ["www.tvshows.example.com"]})
    assert (change.action, change.name) == ("create", DOMAIN)
    assert change.after["names"] == {DOMAIN, "www.tvshows.example.com"}
    assert change.after["validation"] == "DNS"
    assert change.after["tags"] == OURS


@pytest.mark.parametrize(
    ("found", "item", "expected"),
    [
        pytest.param([certificate()], {}, [], id="an issued one stays"),
        pytest.param([certificate(status="PENDING_VALIDATION")], {}, [], id="a pending one stays"),
        pytest.param([certificate(tags={})], {}, [("create", DOMAIN)], id="somebody else's of that domain is no help"),
        pytest.param(
            [certificate(tags={**OURS, "slipway:environment": "dev"})],
            {},
            [("create", DOMAIN)],
            id="neither is one of another environment",
        ),
        pytest.param([certificate(tags={**OURS, "cost": "7"})], {}, [], id="a tag of somebody else stays"),
        pytest.param([certificate(tags={**OURS, "team": "x"})], {}, [("update", DOMAIN)], id="our tag is put right"),
        pytest.param(
            [certificate(in_use_by=["lb"])],
            {"alternative_names": ["b.example.com"]},
            [("create", DOMAIN)],
            id="other names make a new one, and the old one serves on",
        ),
        pytest.param(
            [certificate()],
            {"alternative_names": ["b.example.com"]},
            [("create", DOMAIN)],
            id="an unused old one stays until the new one is issued",
        ),
        pytest.param(
            [certificate(arn="old", names=frozenset(["x"])), certificate(created=2.0)],
            {},
            [("delete", "old")],
            id="an unused old one goes once the new one is issued",
        ),
        pytest.param(
            [certificate(arn="old", names=frozenset(["x"]), in_use_by=["lb"]), certificate(created=2.0)],
            {},
            [],
            id="an old one that is in use stays",
        ),
        pytest.param(
            [certificate(arn="foreign", names=frozenset(["x"]), tags={}), certificate()],
            {},
            [],
            id="a foreign one is never deleted",
        ),
        pytest.param(
            [certificate(status="FAILED", failure="CAA_ERROR")],
            {},
            [("create", DOMAIN), ("delete", ARN)],
            id="a failed one is requested anew and removed",
        ),
        pytest.param(
            [certificate(status="EXPIRED", in_use_by=["lb"])],
            {},
            [("create", DOMAIN)],
            id="an expired one that is in use is left for now",
        ),
        pytest.param([certificate()], {"key_algorithm": "EC_prime256v1"}, [("create", DOMAIN)], id="another key"),
        pytest.param([certificate()], {"validation": "email"}, [], id="how an issued one was validated is past"),
        pytest.param(
            [certificate(status="PENDING_VALIDATION")],
            {"validation": "email"},
            [("create", DOMAIN)],
            id="a pending one cannot change its validation",
        ),
    ],
)
def test_what_is_there_decides(found, item, expected):
    assert steps(found, {"domain": DOMAIN, **item}) == expected


def test_the_reason_of_a_second_request_is_told():
    (created, _deleted) = changes([certificate(status="VALIDATION_TIMED_OUT")])
    assert created.reason == "the last one is VALIDATION_TIMED_OUT"


def test_of_several_that_fit_the_issued_one_is_taken_then_the_newest():
    item = desired([{"domain": DOMAIN}], "us-east-1", STACK)[DOMAIN]
    pending = certificate(arn="new", status="PENDING_VALIDATION", created=9.0)
    older = certificate(arn="older", status="PENDING_VALIDATION", created=3.0)
    assert choose([pending, certificate()], item, STACK)["arn"] == ARN
    assert choose([older, pending], item, STACK)["arn"] == "new"


def test_an_adopted_certificate_is_read_and_never_changed():
    assert steps([certificate(tags={})], {"arn": ARN}) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param([], "does not exist", id="it is not there"),
        pytest.param([certificate(status="EXPIRED")], "status is EXPIRED", id="it has expired"),
    ],
)
def test_an_adopted_certificate_that_cannot_serve_is_refused(found, words):
    with pytest.raises(SlipwayError, match=words):
        changes(found, {"arn": ARN})


def test_a_certificate_of_another_region_has_its_own_key():
    wanted = desired([{"domain": DOMAIN}, {"domain": DOMAIN, "region": "us-east-1"}], "eu-west-1", STACK)
    assert {key: item["region"] for key, item in wanted.items()} == {
        DOMAIN: "eu-west-1",
        f"{DOMAIN}@us-east-1": "us-east-1",
    }


def test_removal_takes_ours_alone():
    wanted = desired([{"domain": DOMAIN}, {"arn": "arn:aws:acm:us-east-1:1:certificate/z"}], "us-east-1", STACK)
    current = {key: [certificate(arn=key)] for key in wanted}
    current[DOMAIN].append(certificate(arn="foreign", tags={}))
    assert [change.name for change in plan_removal(current, wanted, STACK)] == [DOMAIN]


def test_the_token_is_the_same_for_the_same_wish_and_fits_into_what_acm_takes():
    (first,), (again,) = changes([]), changes([])
    (replacement, *_rest) = changes([certificate(status="FAILED")])
    assert token(first, STACK) == token(again, STACK)
    assert token(first, STACK) != token(replacement, STACK)
    assert token(first, STACK) != token(first, Stack("tvshows", "dev", "certificate"))
    assert len(token(first, STACK)) == 32
    assert token(first, STACK).isalnum()


@pytest.mark.parametrize(
    ("look", "state", "words"),
    [
        pytest.param({"a": certificate()}, "done", "", id="issued"),
        pytest.param({}, "done", "", id="nothing to wait for"),
        pytest.param(
            {"a": certificate(), "b": certificate(status="PENDING_VALIDATION")}, "pending", "CNAME", id="one is pending"
        ),
        pytest.param({"a": certificate(status="FAILED", failure="CAA_ERROR")}, "failed", "CAA_ERROR", id="failed"),
        pytest.param(
            {"a": certificate(status="VALIDATION_TIMED_OUT")}, "failed", "VALIDATION_TIMED_OUT", id="72 hours"
        ),
        pytest.param({"a": None}, "failed", "deleted", id="deleted meanwhile"),
    ],
)
def test_the_verdict_on_a_look(look, state, words):
    verdict = judge(look)
    assert verdict.state == state
    assert words in verdict.reason


@pytest.mark.parametrize(
    ("look", "state"),
    [
        pytest.param(None, "pending", id="not visible yet"),
        pytest.param(certificate(status="PENDING_VALIDATION", complete=False), "pending", id="records are missing"),
        pytest.param(certificate(status="PENDING_VALIDATION"), "done", id="records are there"),
        pytest.param(certificate(complete=False), "done", id="issued at once"),
        pytest.param(certificate(status="FAILED", failure="PCA_LIMIT_EXCEEDED"), "failed", id="failed at once"),
    ],
)
def test_the_verdict_on_a_new_certificate(look, state):
    assert judge_records(look).state == state


def test_what_is_missing_says_the_exact_record():
    (item,) = missing({"a": certificate(), "b": certificate(status="PENDING_VALIDATION"), "c": None})
    assert item["what"] == "certificate b is not validated yet"
    assert item["how"][0] == f"set the DNS record _x.{DOMAIN}. CNAME _y.acm-validations.aws."
    assert "e-mail" in how_to_validate([])[0]


def test_certificates_of_load_balancers_come_once_and_later_mentions_complete_the_first():
    balancers = [
        {
            "name": "web",
            "certificate": {"domain": "a.example.com", "validation": "dns", "arn": None},
            "certificates": [{"arn": ARN}],
            "listeners": [
                {"port": 443, "certificate": {"domain": "a.example.com", "alternative_names": ["b.example.com"]}}
            ],
        },
        {"name": "plain", "listeners": None},
    ]
    assert wanted_certificates(balancers, [{"domain": "c.example.com", "region": "us-east-1"}]) == [
        {"domain": "a.example.com", "alternative_names": ["b.example.com"], "validation": "dns"},
        {"arn": ARN},
        {"domain": "c.example.com", "region": "us-east-1"},
    ]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        pytest.param({"domain": "api.example.com"}, None, id="a good one"),
        pytest.param({"domain": "*.example.com", "validation": "dns"}, None, id="a wildcard"),
        pytest.param({"arn": ARN}, None, id="an adopted one"),
        pytest.param({}, "either a `domain`", id="neither domain nor arn"),
        pytest.param({"domain": "a.b", "arn": ARN}, "either a `domain`", id="both"),
        pytest.param({"arn": "arn:aws:iam::1:server-certificate/x"}, "not the ARN", id="another service's ARN"),
        pytest.param({"arn": ARN.replace("us-east-1", "eu-west-1")}, "its own region", id="another region's ARN"),
        pytest.param({"domain": "a.b", "region": "eu-west-1"}, "its own region", id="another region"),
        pytest.param({"domain": "localhost"}, "not a domain name", id="no dot"),
        pytest.param({"domain": "API.example.com"}, "not a domain name", id="capitals"),
        pytest.param({"domain": "a.example.com", "alternative_names": ["b_c.d"]}, "b_c.d", id="a bad further name"),
        pytest.param({"domain": "a" * 60 + ".example.com"}, "at most 64", id="too long"),
        pytest.param({"domain": "a.b", "key_algorithm": "RSA_1024"}, "key_algorithm", id="a weak key"),
        pytest.param({"domain": "a.b", "validation": "http"}, "validation", id="no such validation"),
    ],
)
def test_problems_are_named(item, words):
    spec = {"stack_region": "us-east-1", "alb_load_balancers": [{"name": "web", "certificate": item or {"x": 1}}]}
    found = problems(spec)
    if words is None:
        assert found == []
    else:
        assert len(found) == 1
        assert words in found[0]
        assert found[0].startswith("alb_load_balancers[web]")


def test_two_places_that_contradict_each_other_are_named():
    spec = {
        "alb_load_balancers": [{"name": "web", "certificate": {"domain": "a.example.com", "validation": "dns"}}],
        "certificate_certificates": [{"domain": "a.example.com", "validation": "email"}],
    }
    (sentence,) = problems(spec)
    assert "certificate_certificates" in sentence
    assert "alb_load_balancers[web]" in sentence


def test_a_stack_without_certificates_has_no_problems():
    assert problems({}) == []
