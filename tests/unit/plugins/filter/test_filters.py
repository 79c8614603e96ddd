# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.slipway.aws.plugins.filter.field import field
from ansible_collections.slipway.aws.plugins.filter.loopback_endpoint import loopback_endpoint
from ansible_collections.slipway.aws.plugins.filter.missing_secrets import missing_secrets


def test_field_takes_one_field_of_every_item():
    assert field({"a": {"arn": "1", "x": 2}, "b": {"x": 3}}, "arn") == {"a": "1"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.9.1"])
def test_this_machine_is_taken(host, tmp_path):
    path = tmp_path / "local_cloud.json"
    path.write_text(f'{{"endpoint": "http://{host}:5000"}}')
    assert loopback_endpoint(str(path)) == f"http://{host}:5000"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"endpoint": "https://ec2.us-east-1.amazonaws.com"}', id="AWS"),
        pytest.param('{"endpoint": "http://10.0.0.1:5000"}', id="another machine"),
        pytest.param('{"endpoint": "http://localhost.example.com"}', id="a name that begins like it"),
        pytest.param("{}", id="no endpoint"),
        pytest.param("nonsense", id="no JSON"),
    ],
)
def test_anything_else_is_refused(text, tmp_path):
    path = tmp_path / "local_cloud.json"
    path.write_text(text)
    with pytest.raises(AnsibleFilterError):
        loopback_endpoint(str(path))


def test_without_an_embedded_aws_the_command_that_starts_it_is_said(tmp_path):
    with pytest.raises(AnsibleFilterError, match="Start it with `make demo`"):
        loopback_endpoint(str(tmp_path / "local_cloud.json"))


def test_hand_set_secrets_without_a_value_are_missing_with_their_command():
    result = {
        "secrets": {
            "tv/key": {"kind": "manual", "has_value": False},
            "tv/set": {"kind": "manual", "has_value": True},
            "tv/password": {"kind": "generated", "has_value": False},
        }
    }
    (item,) = missing_secrets(result, "eu-west-1")
    assert "tv/key" in item["what"] and "--region eu-west-1 --secret-id tv/key" in item["how"][0]
