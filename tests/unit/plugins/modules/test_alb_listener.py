# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "alb", "tags": {}}
DOMAIN = "api.tvshows.example.com"
WEB = {
    "name": "web",
    "certificate": {"domain": DOMAIN},
    "target_groups": [{"name": "web", "port": 3000}, {"name": "green", "port": 3000}],
    "listeners": [
        {"port": 80, "redirect": 443},
        {
            "port": 443,
            "target_groups": [{"name": "web", "weight": 100}, {"name": "green", "weight": 0}],
            "rules": [{"priority": 10, "path": ["/old/*"], "fixed_response": {"status": 410}}],
        },
    ],
}


class Place:
    """A load balancer with its target groups, and a certificate."""

    def __init__(self, cloud):
        self.elb, self.acm = cloud.client("elbv2"), cloud.client("acm")
        ec2 = cloud.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = {}
        for number, zone in enumerate(("us-east-1a", "us-east-1b"), 1):
            made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)
            subnets[zone] = {"id": made["Subnet"]["SubnetId"], "tier": "public", "zone": zone}
        network = {"vpc_id": vpc, "subnets": subnets}
        result = call("application_load_balancer", stack=STACK, load_balancers=[WEB], **network)["result"]
        self.arn = result["load_balancers"]["web"]["arn"]
        self.groups = result["target_groups"]
        self.certificate = self.acm.request_certificate(DomainName=DOMAIN, ValidationMethod="DNS")["CertificateArn"]

    def keep(self, item=WEB, status="ISSUED", **options):
        record = {"name": "_x.", "type": "CNAME", "value": "_y."}
        certificates = {DOMAIN: {"arn": self.certificate, "status": status, "validation_records": [record]}}
        return call(
            "alb_listener",
            stack=STACK,
            load_balancers=[item],
            target_groups=self.groups,
            certificates=certificates,
            **options,
        )

    def listeners(self):
        return {it["Port"]: it for it in self.elb.describe_listeners(LoadBalancerArn=self.arn)["Listeners"]}

    def rules(self, port):
        found = self.elb.describe_rules(ListenerArn=self.listeners()[port]["ListenerArn"])["Rules"]
        return [it for it in found if it["Priority"] != "default"]


@pytest.fixture
def place(cloud):
    return Place(cloud)


def steps(result):
    return [(change["action"], change["name"]) for change in result["changes"]]


def test_check_mode_on_an_empty_account(cloud):
    announced = call("alb_listener", check=True, stack=STACK, load_balancers=[WEB])
    assert steps(announced) == [("create", "web:80"), ("create", "web:443"), ("create", "web:443 rule 10")]
    assert announced["missing"] == []
    assert announced["result"]["load_balancers"]["web"]["listeners"] == {}
    with pytest.raises(ModuleFailed, match="Load balancer web does not exist"):
        call("alb_listener", stack=STACK, load_balancers=[WEB])


def test_check_create_again(place):
    announced = place.keep(check=True)
    assert place.listeners() == {}
    made = place.keep()
    assert made["changes"] == announced["changes"]

    found = place.listeners()
    assert set(found) == {80, 443}
    (redirect,) = found[80]["DefaultActions"]
    assert redirect["RedirectConfig"]["Port"] == "443"
    assert redirect["RedirectConfig"]["StatusCode"] == "HTTP_301"
    assert found[443]["Protocol"] == "HTTPS"
    assert found[443]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert found[443]["Certificates"] == [{"CertificateArn": place.certificate}]
    (forward,) = found[443]["DefaultActions"]
    weights = {it["TargetGroupArn"]: it["Weight"] for it in forward["ForwardConfig"]["TargetGroups"]}
    assert weights == {place.groups["web"]["arn"]: 100, place.groups["green"]["arn"]: 0}
    (rule,) = place.rules(443)
    assert rule["Conditions"][0]["PathPatternConfig"]["Values"] == ["/old/*"]

    listeners = made["result"]["load_balancers"]["web"]["listeners"]
    assert listeners == {str(port): it["ListenerArn"] for port, it in found.items()}
    again = place.keep()
    assert not again["changed"]
    assert again["api_calls"] == 7
    assert again["result"] == made["result"]


def test_drift_is_repaired_and_nothing_else(place):
    place.keep()
    arns = {port: it["ListenerArn"] for port, it in place.listeners().items()}
    place.elb.modify_listener(ListenerArn=arns[443], SslPolicy="ELBSecurityPolicy-2016-08")
    repaired = place.keep()
    assert steps(repaired) == [("update", "web:443")]
    assert repaired["changes"][0]["after"] == {"ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"}

    action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}}
    place.elb.create_rule(ListenerArn=arns[443], Priority=5, Conditions=[condition], Actions=[action])
    place.elb.create_listener(LoadBalancerArn=place.arn, Protocol="HTTP", Port=8080, DefaultActions=[action])
    place.elb.modify_rule(RuleArn=place.rules(443)[0]["RuleArn"], Conditions=[condition])
    assert sorted(steps(place.keep())) == [
        ("delete", "web:443 rule 5"),
        ("delete", "web:8080"),
        ("update", "web:443 rule 10"),
    ]
    assert not place.keep()["changed"]
    assert set(place.listeners()) == {80, 443}


def test_weights_of_a_traffic_shift_stay(place):
    place.keep()
    groups = [
        {"TargetGroupArn": place.groups["web"]["arn"], "Weight": 10},
        {"TargetGroupArn": place.groups["green"]["arn"], "Weight": 90},
    ]
    place.elb.modify_listener(
        ListenerArn=place.listeners()[443]["ListenerArn"],
        DefaultActions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    )
    assert not place.keep()["changed"]
    managed = {**WEB, "listeners": [WEB["listeners"][0], {**WEB["listeners"][1], "manage_weights": True}]}
    assert steps(place.keep(managed)) == [("update", "web:443")]


def test_without_a_certificate_the_rest_stands_and_what_is_missing_is_told(place):
    made = place.keep(status="PENDING_VALIDATION")
    assert steps(made) == [("create", "web:80"), ("create", "web:80 rule 50000")]
    groups = place.elb.describe_target_groups(LoadBalancerArn=place.arn)["TargetGroups"]
    assert sorted(it["TargetGroupName"] for it in groups) == ["tvshows-prod-green", "tvshows-prod-web"]
    (item,) = made["missing"]
    assert f"until certificate {DOMAIN} is issued" in item["what"]
    assert item["how"] == ["set the DNS record _x. CNAME _y."]
    assert not place.keep(status="PENDING_VALIDATION")["changed"]
    issued = place.keep()
    assert steps(issued) == [("create", "web:443"), ("create", "web:443 rule 10"), ("delete", "web:80 rule 50000")]
    assert issued["missing"] == []
    assert not place.keep(status="PENDING_VALIDATION")["changed"]
    assert set(place.listeners()) == {80, 443}


def test_additional_certificates_are_exact(place):
    more = place.acm.request_certificate(DomainName="b.example.com", ValidationMethod="DNS")["CertificateArn"]
    place.keep({**WEB, "certificates": [{"arn": more}]})
    arn = place.listeners()[443]["ListenerArn"]

    def served():
        return {
            it["CertificateArn"] for it in place.elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
        }

    assert served() == {place.certificate, more}
    assert not place.keep({**WEB, "certificates": [{"arn": more}]})["changed"]
    assert steps(place.keep()) == [("update", "web:443")]
    assert served() == {place.certificate}


def test_target_groups_are_read_where_they_are_not_given(place):
    place.keep()
    certificates = {DOMAIN: {"arn": place.certificate, "status": "ISSUED", "validation_records": []}}
    again = call("alb_listener", stack=STACK, load_balancers=[WEB], certificates=certificates)
    assert not again["changed"]
    assert again["result"]["target_groups"] == place.groups


def test_a_foreign_load_balancer_is_left_alone(cloud, place):
    place.elb.remove_tags(ResourceArns=[place.arn], TagKeys=["slipway:stack", "slipway:environment"])
    with pytest.raises(ModuleFailed, match="is not of stack tvshows-prod"):
        place.keep()
    assert place.listeners() == {}


def test_a_listener_that_aws_refuses_is_made_by_the_next_run(cloud, place):
    cloud.post(
        "/local-cloud/faults",
        {
            "kind": "api_error",
            "times": 1,
            "match": {"operation": "CreateRule"},
            "code": "AccessDenied",
            "message": "not authorized to perform elasticloadbalancing:CreateRule",
            "status": 403,
        },
    )
    with pytest.raises(ModuleFailed, match=r"create listener rule web:443 rule 10: AccessDenied.*grant the action"):
        place.keep()
    assert steps(place.keep()) == [("create", "web:443 rule 10")]
    assert not place.keep()["changed"]
