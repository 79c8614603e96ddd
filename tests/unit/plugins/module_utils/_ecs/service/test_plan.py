# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.describe import describe
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.plan import (
    desired,
    plan,
    problems,
    starts_deployment,
)
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.resolve import UNKNOWN, resolve
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change

STACK = Stack("tvshows", "prod", "ecs_services")
TAGS = [
    {"key": "slipway:stack", "value": "tvshows"},
    {"key": "slipway:environment", "value": "prod"},
    {"key": "slipway:role", "value": "ecs_services"},
]
ITEM = {
    "name": "web",
    "task_definition": "arn:td:7",
    "count": 2,
    "subnets": ["subnet-b", "subnet-a"],
    "security_groups": ["sg-1"],
    "load_balancers": [{"target_group": "arn:tg", "container": "web", "port": 3000}],
    "grace": 60,
}


def service(**fields):
    """DescribeServices' entry of a service that is as ITEM wants it."""
    network = {"subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}
    breaker = {"enable": True, "rollback": True}
    return {
        "serviceArn": "arn:s",
        "serviceName": "tvshows-prod-web",
        "status": "ACTIVE",
        "taskDefinition": "arn:td:7",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": network},
        "deploymentConfiguration": {
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
            "deploymentCircuitBreaker": breaker,
        },
        "healthCheckGracePeriodSeconds": 60,
        "loadBalancers": [{"targetGroupArn": "arn:tg", "containerName": "web", "containerPort": 3000}],
        "propagateTags": "SERVICE",
        "deployments": [
            {"id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": "arn:td:7", "rolloutState": "COMPLETED"}
        ],
        "tags": TAGS,
        **fields,
    }


def changes(have, item=ITEM):
    return plan({"tvshows-prod-web": describe(have)}, {"tvshows-prod-web": desired(item, STACK)}, STACK)


@pytest.mark.parametrize(
    ("have", "item", "fields"),
    [
        pytest.param({}, {}, None, id="nothing differs"),
        pytest.param({"desiredCount": 5}, {}, {"count"}, id="a count that somebody changed"),
        pytest.param(
            {"desiredCount": 5}, {"scaling": {"min": 2, "max": 10, "cpu": 70}}, None, id="a count under auto scaling"
        ),
        pytest.param({"desiredCount": 5}, {"count": None}, None, id="a count that is not given"),
        pytest.param({"taskDefinition": "arn:td:6"}, {}, {"task_definition"}, id="another revision"),
        pytest.param({"healthCheckGracePeriodSeconds": 0}, {}, {"grace"}, id="a grace period"),
        pytest.param(
            {"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200}},
            {},
            {"deployment"},
            id="a circuit breaker switched off",
        ),
        pytest.param({"loadBalancers": []}, {}, {"load_balancers"}, id="a load balancer taken away"),
        pytest.param({}, {"security_groups": ["sg-2"]}, {"network"}, id="another security group"),
        pytest.param({"tags": [*TAGS, {"key": "cost", "value": "1"}]}, {}, None, id="a tag of somebody else"),
    ],
)
def test_what_differs(have, item, fields):
    found = changes(service(**have), {**ITEM, **item})
    assert [set(change.after) for change in found] == ([] if fields is None else [fields])


def test_a_service_of_somebody_else_is_refused():
    with pytest.raises(SlipwayError, match="is not of stack tvshows-prod"):
        changes(service(tags=[]))


def test_a_service_that_is_being_removed_is_not_updated():
    with pytest.raises(SlipwayError, match="DRAINING"):
        changes(service(status="DRAINING"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({"count"}, False), ({"tags", "grace"}, False), ({"task_definition"}, True), ({"network", "count"}, True)],
)
def test_what_starts_a_deployment(fields, expected):
    assert starts_deployment(Change("update", "ECS service", "x", {}, dict.fromkeys(fields, 1))) is expected


def test_names_are_resolved_and_unknown_ones_refused():
    item = {**ITEM, "task_definition": "api", "subnets": "private", "security_groups": ["ecs"], "load_balancers": []}
    given = {
        "networking": {"tiers": {"private": ["s"]}, "security_groups": {"ecs": "sg"}},
        "alb": {},
        "task_definitions": {"api": "arn"},
    }
    assert resolve(item, **given, check=False)["subnets"] == ["s"]
    with pytest.raises(SlipwayError, match=r"refers to security group db.*Known are: ecs"):
        resolve({**item, "security_groups": ["db"]}, **given, check=False)
    planned = resolve(item, networking={}, alb={}, task_definitions={}, check=True)
    assert planned["task_definition"] == UNKNOWN and planned["subnets"] == [UNKNOWN]


TASKS = [{"name": "api", "containers": [{"name": "web", "ports": [3000]}]}]
GOOD = {"name": "web", "task_definition": "api", "count": 2, "security_groups": ["ecs"]}


@pytest.mark.parametrize(
    ("item", "part"),
    [
        pytest.param({}, None, id="all is well"),
        pytest.param({"task_definition": "apj"}, "task_definition apj", id="an unknown task definition"),
        pytest.param({"security_groups": ["alb"]}, "security group alb", id="an unknown security group"),
        pytest.param({"subnets": "public"}, "tier public", id="a tier without subnets"),
        pytest.param({"grace": 60}, "load_balancers", id="a grace period without load balancer"),
        pytest.param(
            {"load_balancers": [{"target_group": "x", "container": "web", "port": 3000}]},
            "target group x",
            id="an unknown target group",
        ),
        pytest.param(
            {"load_balancers": [{"target_group": "web", "container": "wbe", "port": 3000}]},
            "container wbe",
            id="an unknown container",
        ),
        pytest.param(
            {"load_balancers": [{"target_group": "web", "container": "web", "port": 80}]},
            "port 80",
            id="a port that it has not",
        ),
        pytest.param({"scaling": {"min": 3, "max": 2, "cpu": 70}}, "above max", id="a minimum above the maximum"),
        pytest.param({"scaling": {"min": 3, "max": 5, "cpu": 70}}, "outside", id="a count outside of scaling"),
        pytest.param({"scaling": {"min": 1, "max": 5}}, "no target", id="scaling on nothing"),
        pytest.param({"scaling": {"min": 1, "max": 5, "cpu": 170}}, "percentage", id="more than all of the cpu"),
    ],
)
def test_problems(item, part):
    found = problems([{**GOOD, **item}], TASKS, {"web": {}}, {"ecs"}, {"private"})
    assert (found == []) if part is None else any(part in text for text in found), found
