# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from tests.support.modules import call

RESULTS = {
    "alb": {"load_balancers": {"web": {"dns_name": "web.elb.amazonaws.com", "listeners": {"443": "arn"}}}},
    "certificate": {"certificates": {"api.example.com": {"status": "ISSUED"}}},
    "ecs_services": {"services": {"web": {"running": 2, "desired": 2, "task_definition": "arn:…/api:7"}}},
    "database": {"endpoint": "db", "port": 5432, "name": "tv", "status": "available", "readers": ["r1"]},
    "cache": {"endpoint": "c", "port": 6379, "tls": True, "status": "available"},
    "monitoring": {"alarms": {"cpu": "arn", "errors": "arn"}},
}


def test_the_table_has_what_a_person_looks_for():
    rows = {it["what"]: it["value"] for it in call("stack_outputs", title="tv-prod", results=RESULTS)["outputs"]}
    assert rows == {
        "load balancer web": "https://web.elb.amazonaws.com",
        "URL": "https://api.example.com",
        "service web": "2/2 running, api:7",
        "database": "db:5432/tv (available)",
        "reader": "r1:5432",
        "cache": "rediss://c:6379 (available)",
        "alarms": "2: cpu, errors",
    }


def test_a_stack_without_anything_has_an_empty_table():
    assert call("stack_outputs", title="x", results={})["outputs"] == []
