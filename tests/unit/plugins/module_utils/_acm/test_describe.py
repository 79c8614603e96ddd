# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._acm.describe import describe, records, result

RAW = {
    "CertificateArn": "arn:c",
    "DomainName": "example.com",
    "SubjectAlternativeNames": ["example.com", "*.example.com"],
    "DomainValidationOptions": [
        {
            "DomainName": "example.com",
            "ValidationMethod": "DNS",
            "ResourceRecord": {"Name": "_x.example.com.", "Type": "CNAME", "Value": "_y.acm-validations.aws."},
        },
        {
            "DomainName": "*.example.com",
            "ValidationMethod": "DNS",
            "ResourceRecord": {"Name": "_x.example.com.", "Type": "CNAME", "Value": "_y.acm-validations.aws."},
        },
    ],
    "KeyAlgorithm": "EC-prime256v1",
    "Status": "PENDING_VALIDATION",
    "InUseBy": [],
    "CreatedAt": datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
}


def test_a_certificate_in_our_shape():
    found = describe(RAW, [{"Key": "team", "Value": "tv"}], "us-east-1")
    assert found["names"] == {"example.com", "*.example.com"}
    assert found["key_algorithm"] == "EC_prime256v1"
    assert found["validation"] == "DNS"
    assert found["created"] == 1704067200.0
    assert found["tags"] == {"team": "tv"}


def test_a_wildcard_and_its_domain_share_one_record():
    assert records(RAW["DomainValidationOptions"]) == [
        {"name": "_x.example.com.", "type": "CNAME", "value": "_y.acm-validations.aws."}
    ]


def test_records_that_are_not_made_yet_are_none():
    assert records([{"DomainName": "example.com", "ValidationMethod": "DNS"}]) == []


def test_what_is_not_there_yet_has_empty_fields():
    found = describe(RAW, [], "us-east-1")
    assert result({"example.com": found, "b.example.com": None}) == {
        "certificates": {
            "example.com": {"arn": "arn:c", "status": "PENDING_VALIDATION", "validation_records": found["records"]},
            "b.example.com": {"arn": "", "status": "", "validation_records": []},
        }
    }


@pytest.mark.parametrize(
    ("options", "complete"),
    [
        pytest.param([], False, id="nothing yet"),
        pytest.param([{"DomainName": "a", "ValidationMethod": "DNS"}], False, id="no record yet"),
        pytest.param([*RAW["DomainValidationOptions"], {"DomainName": "b"}], False, id="one of three is missing"),
        pytest.param(RAW["DomainValidationOptions"], True, id="all are there"),
        pytest.param([{"DomainName": "a", "ValidationMethod": "EMAIL"}], True, id="email has no record"),
    ],
)
def test_records_come_some_seconds_after_the_request(options, complete):
    assert describe({**RAW, "DomainValidationOptions": options}, [], "us-east-1")["complete"] is complete
