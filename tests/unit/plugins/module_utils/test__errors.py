# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, explain
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError


def refused(code, message="because"):
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateThing")


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        pytest.param(refused("AccessDeniedException"), ["CreateThing", "may not do that"], id="not allowed"),
        pytest.param(refused("ThrottlingException"), ["wait a minute"], id="throttled"),
        pytest.param(refused("VpcLimitExceeded"), ["Service Quotas"], id="a quota"),
        pytest.param(refused("ExpiredToken"), ["log in again"], id="expired credentials"),
        pytest.param(refused("InvalidClientTokenId"), ["does not know these credentials"], id="unknown credentials"),
        pytest.param(refused("SomethingNew"), ["SomethingNew", "because", "repeat the run"], id="anything else"),
        pytest.param(NoCredentialsError(), ["AWS_PROFILE"], id="no credentials"),
        pytest.param(EndpointConnectionError(endpoint_url="http://x"), ["region's name"], id="no way there"),
    ],
)
def test_an_error_says_why_and_what_next(error, parts):
    text = explain(error).text
    assert all(part in text for part in parts), text
    assert "Traceback" not in text


def test_our_own_error_is_left_as_it_is():
    error = SlipwayError("what", "why", "next.")
    assert explain(error) is error and error.text == "what: why. next."
