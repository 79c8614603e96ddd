# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person may get wrong: named with the variable and its file, before anything is touched."""

from __future__ import annotations

import pytest

NAME = "tvshows-local"


@pytest.fixture(scope="module")
def account(_server):
    _server.reset()
    _server.calls()
    return _server


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(
            ["networking_natt=none"], ["networking_natt", "did you mean networking_nat?"], id="a misspelt name"
        ),
        pytest.param(["netwroking_nat=none"], ["did you mean networking_nat?"], id="a misspelt prefix"),
        pytest.param(['{"database_multi_az": "perhaps"}'], ["database_multi_az", "perhaps"], id="a wrong type"),
        pytest.param(["networking_nat=double"], ["networking_nat", "double"], id="a choice that is none"),
        pytest.param(
            [
                '{"networking_subnets": [{"name": "a", "tier": "public", "cidr": "10.0.1.0/24", "zone": "a"},'
                '{"name": "b", "tier": "public", "cidr": "10.0.1.128/25", "zone": "b"}]}'
            ],
            ["networking_subnets", "overlap"],
            id="overlapping ranges",
        ),
        pytest.param(
            ["networking_cidr=192.168.0.0/16"], ["networking_subnets", "192.168.0.0/16"], id="subnets outside"
        ),
        pytest.param(
            ['{"networking_subnets": [{"name": "a", "tier": "public", "cidr": "10.0.1.0/24", "zone": "z9"}]}'],
            ["networking_subnets", "z9"],
            id="a zone that is none",
        ),
        pytest.param(
            [
                '{"ecs_services_task_definitions": [{"name": "tv-shows-api", "cpu": 512, "memory": 512,'
                '"containers": [{"name": "web", "image": "tv-shows-api", "ports": [3000]}]}]}'
            ],
            ["ecs_services_task_definitions", "no memory 512 with cpu 512"],
            id="a size that Fargate has not",
        ),
        pytest.param(
            ['{"release_order": ["wbe"]}'], ["release_order", "wbe is not in ecs_services_services"], id="a reference"
        ),
        pytest.param(["stack_account_id=999988887777"], ["999988887777", "111122223333"], id="the wrong account"),
        pytest.param(["stack_name=TV_Shows"], ["stack_name", "lower-case"], id="a name that AWS would refuse"),
        pytest.param(
            ["stack_name=a-name-that-is-much-too-long-for-aws-to-take"], ["stack_name", "32"], id="a name too long"
        ),
        pytest.param(["stack_region=eu-wset-1"], ["stack_region", "eu-wset-1"], id="a region that is none"),
        pytest.param(
            [
                '{"monitoring_alarms": [{"name": "x", "service": "nope", "metric": "cpu", "above": 80, "for": "2x300s",'
                '"topic": "warning"}]}'
            ],
            ["monitoring_alarms", "nope"],
            id="an alarm on nothing",
        ),
    ],
)
def test_it_is_named_and_nothing_is_touched(account, options, words):
    run = account.site(*[part for option in options for part in ("-e", option)])
    assert run.rc != 0
    assert all(word in run.words for word in words), run.text
    assert "Traceback" not in run.text
    assert account.writes() == []


def test_the_file_and_line_of_a_misspelt_name_are_said(account, tmp_path):
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "hosts.yml").write_text("all: {hosts: {x-y: {stack_name: x, stack_environment: y}}}\n")
    (tmp_path / "group_vars" / "all.yml").write_text("---\nstack_region: us-east-1\ncache_engin: redis\n")
    run = account.play("site.yml", inventory=str(tmp_path))
    assert "cache_engin" in run.words and "all.yml:3" in run.words and "did you mean cache_engine?" in run.words


def test_an_endpoint_that_is_not_this_machine_is_refused(account, tmp_path):
    path = tmp_path / "local_cloud.json"
    path.write_text('{"endpoint": "https://ec2.us-east-1.amazonaws.com"}')
    run = account.site("-e", f"local_cloud_endpoint={{{{ '{path}' | slipway.aws.loopback_endpoint }}}}")
    assert run.rc != 0 and "not loopback" in run.words
