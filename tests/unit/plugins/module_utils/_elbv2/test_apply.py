# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import boto3
import pytest
from ansible_collections.slipway.aws.plugins.module_utils._elbv2 import api, apply
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from botocore.stub import Stubber

NAME = "tvshows-prod-web"
ARN = "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/tvshows-prod-web/1a"
GROUP = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/tvshows-prod-web/2b"


class Clock:
    def __init__(self):
        self.now, self.slept = 0.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class Stubs:
    """Clients that are stubbed; `clients` is what the code under test gets."""

    def __init__(self):
        self.made = {
            service: boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
            for service in ("elbv2", "ec2")
        }
        self.stubs = {service: Stubber(client) for service, client in self.made.items()}

    def client(self, service, _region=None):
        return self.made[service]

    def __getitem__(self, service):
        return self.stubs[service]


@pytest.fixture
def aws():
    stubs = Stubs()
    for stub in stubs.stubs.values():
        stub.activate()
    yield stubs
    for stub in stubs.stubs.values():
        stub.assert_no_pending_responses()


def state(aws, *codes):
    for code in codes:
        raw = {"LoadBalancerArn": ARN, "LoadBalancerName": NAME, "State": {"Code": code, "Reason": "no addresses left"}}
        aws["elbv2"].add_response("describe_load_balancers", {"LoadBalancers": [raw]}, {"Names": [NAME]})


def waiting():
    return {"web": {"arn": ARN, "aws_name": NAME, "state": "provisioning", "reason": "", "tags": {"a": "b"}}}


def test_the_wait_ends_when_the_load_balancer_serves(aws):
    state(aws, "provisioning", "active")
    balancers, clock = waiting(), Clock()
    assert apply.wait_active(aws, balancers, timeout=60, interval=10, clock=clock) == 10.0
    assert balancers["web"]["state"] == "active"
    assert balancers["web"]["tags"] == {"a": "b"}


def test_what_serves_already_is_not_asked_again(aws):
    balancers = {"web": {**waiting()["web"], "state": "active"}}
    assert apply.wait_active(aws, balancers, timeout=60, interval=10, clock=Clock()) == 0.0


def test_the_wait_ends_at_once_when_it_has_failed(aws):
    state(aws, "failed")
    with pytest.raises(SlipwayError, match="tvshows-prod-web is in state failed: no addresses left"):
        apply.wait_active(aws, waiting(), timeout=60, interval=10, clock=Clock())


def test_the_wait_says_what_it_saw_last(aws):
    state(aws, "provisioning", "provisioning")
    with pytest.raises(SlipwayError, match="not done after 10 s: tvshows-prod-web is provisioning"):
        apply.wait_active(aws, waiting(), timeout=15, interval=10, clock=Clock())


def interfaces(aws, *ids):
    aws["elbv2"].add_client_error("describe_load_balancers", "LoadBalancerNotFound")
    aws["ec2"].add_response(
        "describe_network_interfaces",
        {"NetworkInterfaces": [{"NetworkInterfaceId": it} for it in ids]},
        {"Filters": [{"Name": "description", "Values": ["ELB app/tvshows-prod-web/1a"]}]},
    )


def test_deletion_waits_until_the_interfaces_are_gone(aws):
    aws["elbv2"].add_response("delete_load_balancer", {}, {"LoadBalancerArn": ARN})
    interfaces(aws, "eni-1")
    interfaces(aws)
    clock = Clock()
    apply.delete_load_balancer(aws, {"arn": ARN, "aws_name": NAME, "full_name": f"app/{NAME}/1a"}, clock)
    assert clock.slept == [5.0]


def test_interfaces_that_stay_are_named(aws, monkeypatch):
    monkeypatch.setattr(apply, "GONE_S", 1.0)
    aws["elbv2"].add_response("delete_load_balancer", {}, {"LoadBalancerArn": ARN})
    interfaces(aws, "eni-1")
    with pytest.raises(SlipwayError, match="network interfaces eni-1 are left"):
        apply.delete_load_balancer(aws, {"arn": ARN, "aws_name": NAME, "full_name": f"app/{NAME}/1a"}, Clock())


def test_a_target_group_goes_when_its_listener_has_let_go(aws):
    aws["elbv2"].add_client_error("delete_target_group", "ResourceInUse")
    aws["elbv2"].add_response("delete_target_group", {}, {"TargetGroupArn": GROUP})
    clock = Clock()
    apply.delete_target_group(aws.client("elbv2"), GROUP, clock)
    assert clock.slept == [3.0]


def test_another_error_of_a_deletion_is_not_waited_for(aws):
    aws["elbv2"].add_client_error("delete_target_group", "AccessDenied")
    with pytest.raises(Exception, match="AccessDenied"):
        apply.delete_target_group(aws.client("elbv2"), GROUP, Clock())


def test_what_is_gone_already_is_fine(aws):
    aws["elbv2"].add_client_error("delete_load_balancer", "LoadBalancerNotFound")
    api.delete_load_balancer(aws.client("elbv2"), ARN)


def test_names_are_asked_for_together_and_one_by_one_where_one_is_unknown(aws, monkeypatch):
    monkeypatch.setattr(api, "each", lambda function, items: [function(item) for item in items])
    found = {"LoadBalancerArn": ARN, "LoadBalancerName": NAME}
    aws["elbv2"].add_client_error("describe_load_balancers", "LoadBalancerNotFound")
    aws["elbv2"].add_response("describe_load_balancers", {"LoadBalancers": [found]}, {"Names": [NAME]})
    aws["elbv2"].add_client_error("describe_load_balancers", "LoadBalancerNotFound")
    assert api.load_balancers(aws.client("elbv2"), [NAME, "other"]) == [found]


def test_attributes_in_the_words_of_aws():
    fields = {"idle_timeout": 60, "http2": False, "deletion_protection": None, "access_logs.prefix": ""}
    assert apply.attributes(apply.ATTRIBUTES, fields) == {
        "idle_timeout.timeout_seconds": "60",
        "routing.http2.enabled": "false",
        "access_logs.s3.prefix": "",
    }


@pytest.mark.parametrize(("version", "key"), [("HTTP1", "HttpCode"), ("GRPC", "GrpcCode")])
def test_health_checks_in_the_words_of_aws(version, key):
    fields = {"health_check.path": "/up", "health_check.interval": None, "health_check.matcher": "200"}
    assert apply.health_check(fields, version) == {"HealthCheckPath": "/up", "Matcher": {key: "200"}}
