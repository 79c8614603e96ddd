# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import boto3
import pytest
from ansible_collections.slipway.aws.plugins.module_utils._acm import apply
from ansible_collections.slipway.aws.plugins.module_utils._acm.plan import desired, plan
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from botocore.stub import ANY, Stubber

STACK = Stack("tvshows", "prod", "certificate", {})
DOMAIN = "api.tvshows.example.com"
ARN = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b"
RECORD = {"Name": f"_x.{DOMAIN}.", "Type": "CNAME", "Value": "_y."}


class Clock:
    def __init__(self):
        self.now, self.slept = 0.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class One:
    """Clients with one stubbed client."""

    def __init__(self, client):
        self._client = client

    def client(self, _service, _region=None):
        return self._client


@pytest.fixture
def acm():
    client = boto3.client("acm", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture(autouse=True)
def _one_call_at_a_time(monkeypatch):
    """A stub wants its calls in order."""
    monkeypatch.setattr(
        "ansible_collections.slipway.aws.plugins.module_utils._acm.describe.together",
        lambda reads: {name: read() for name, read in reads.items()},
    )


def raw(**fields):
    options = [{"DomainName": DOMAIN, "ValidationMethod": "DNS", "ResourceRecord": RECORD}]
    base = {"CertificateArn": ARN, "DomainName": DOMAIN, "Status": "PENDING_VALIDATION"}
    return {"Certificate": {**base, "DomainValidationOptions": options, **fields}}


def unready():
    return raw(DomainValidationOptions=[{"DomainName": DOMAIN, "ValidationMethod": "DNS"}])


def looks(stub, *answers):
    for answer in answers:
        stub.add_response("describe_certificate", answer, {"CertificateArn": ARN})
        stub.add_response("list_tags_for_certificate", {"Tags": [{"Key": "a", "Value": "b"}]}, {"CertificateArn": ARN})


def test_a_request_waits_for_its_validation_records(acm):
    wanted = desired([{"domain": DOMAIN, "alternative_names": ["b.example.com"]}], "us-east-1", STACK)
    (change,) = plan({DOMAIN: []}, wanted, STACK)
    acm.add_response(
        "request_certificate",
        {"CertificateArn": ARN},
        {
            "DomainName": DOMAIN,
            "IdempotencyToken": ANY,
            "ValidationMethod": "DNS",
            "SubjectAlternativeNames": ["b.example.com"],
            "Tags": ANY,
        },
    )
    looks(acm, unready(), raw())
    clock, chosen = Clock(), {DOMAIN: None}
    apply.create(One(acm.client), STACK, chosen, clock, change)
    assert clock.slept == [2.0]
    assert chosen[DOMAIN]["records"][0]["type"] == "CNAME"


def test_records_that_never_come_end_in_an_error(acm, monkeypatch):
    monkeypatch.setattr(apply, "RECORDS_S", 3.0)
    (change,) = plan({DOMAIN: []}, desired([{"domain": DOMAIN}], "us-east-1", STACK), STACK)
    acm.add_response("request_certificate", {"CertificateArn": ARN})
    looks(acm, unready(), unready())
    with pytest.raises(SlipwayError, match="not made all validation records"):
        apply.create(One(acm.client), STACK, {}, Clock(), change)


def test_deletion_waits_for_the_end_of_its_use(acm):
    acm.add_client_error("delete_certificate", "ResourceInUseException")
    acm.add_response("describe_certificate", raw(InUseBy=["arn:lb"]), {"CertificateArn": ARN})
    acm.add_response("delete_certificate", {}, {"CertificateArn": ARN})
    clock = Clock()
    apply.delete(One(acm.client), ARN, clock)
    assert clock.slept == [5.0]


def test_a_certificate_that_stays_in_use_is_named_with_its_user(acm, monkeypatch):
    monkeypatch.setattr(apply, "UNUSED_S", 1.0)
    acm.add_client_error("delete_certificate", "ResourceInUseException")
    acm.add_response("describe_certificate", raw(InUseBy=["arn:lb"]), {"CertificateArn": ARN})
    with pytest.raises(SlipwayError, match="still in use by arn:lb"):
        apply.delete(One(acm.client), ARN, Clock())


def waited(acm, *, timeout, required):
    chosen = {DOMAIN: {"arn": ARN, "region": "us-east-1", "status": "PENDING_VALIDATION", "records": [], "failure": ""}}
    clock = Clock()
    seconds = apply.wait_issued(One(acm.client), chosen, timeout=timeout, interval=10, required=required, clock=clock)
    return seconds, chosen[DOMAIN]["status"]


def test_the_wait_ends_when_it_is_issued(acm):
    looks(acm, raw(), raw(Status="ISSUED"))
    assert waited(acm, timeout=60, required=True) == (10.0, "ISSUED")


def test_the_wait_ends_at_once_when_it_can_no_longer_be_issued(acm):
    looks(acm, raw(Status="FAILED", FailureReason="CAA_ERROR"))
    with pytest.raises(SlipwayError, match="CAA_ERROR"):
        waited(acm, timeout=60, required=False)


def test_out_of_time_is_an_error_where_the_records_are_ours(acm):
    looks(acm, raw(), raw())
    with pytest.raises(SlipwayError, match="not done after 10 s"):
        waited(acm, timeout=15, required=True)


def test_out_of_time_is_no_error_where_a_person_sets_the_records(acm):
    looks(acm, raw(), raw())
    assert waited(acm, timeout=15, required=False) == (10.0, "PENDING_VALIDATION")
