# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.support.modules import ModuleFailed, call

STACK = {"name": "tvshows", "environment": "prod", "role": "certificate", "tags": {"team": "tv"}}
DOMAIN = "api.tvshows.example.com"
ITEMS = [{"domain": DOMAIN, "alternative_names": ["www.tvshows.example.com"]}]


def listed(cloud, region="us-east-1"):
    return cloud.client("acm", region).list_certificates()["CertificateSummaryList"]


def actions(result):
    return [(change["action"], change["name"]) for change in result["changes"]]


def test_check_request_again_repair_remove(cloud):
    acm = cloud.client("acm")
    announced = call("acm_certificate", check=True, stack=STACK, certificates=ITEMS)
    assert actions(announced) == [("create", DOMAIN)]
    assert announced["result"] == {"certificates": {DOMAIN: {"arn": "", "status": "", "validation_records": []}}}
    assert announced["missing"] == []
    assert listed(cloud) == []

    made = call("acm_certificate", stack=STACK, certificates=ITEMS)
    assert made["changes"] == announced["changes"]
    found = made["result"]["certificates"][DOMAIN]
    assert {record["type"] for record in found["validation_records"]} == {"CNAME"}
    assert len(found["validation_records"]) == 2
    raw = acm.describe_certificate(CertificateArn=found["arn"])["Certificate"]
    assert set(raw["SubjectAlternativeNames"]) == {DOMAIN, "www.tvshows.example.com"}
    again = call("acm_certificate", stack=STACK, certificates=ITEMS)
    assert not again["changed"]
    assert again["api_calls"] == 3
    assert again["result"]["certificates"][DOMAIN]["arn"] == found["arn"]

    acm.remove_tags_from_certificate(CertificateArn=found["arn"], Tags=[{"Key": "team", "Value": "tv"}])
    repaired = call("acm_certificate", stack=STACK, certificates=ITEMS)
    assert actions(repaired) == [("update", DOMAIN)]
    assert {"Key": "team", "Value": "tv"} in acm.list_tags_for_certificate(CertificateArn=found["arn"])["Tags"]

    removed = call("acm_certificate", stack=STACK, certificates=ITEMS, state="absent")
    assert actions(removed) == [("delete", found["arn"])]
    assert listed(cloud) == []
    assert not call("acm_certificate", stack=STACK, certificates=ITEMS, state="absent")["changed"]


def test_a_foreign_certificate_of_the_same_domain_is_left_alone(cloud):
    foreign = cloud.client("acm").request_certificate(
        DomainName=DOMAIN, ValidationMethod="DNS", IdempotencyToken="foreign"
    )["CertificateArn"]
    made = call("acm_certificate", stack=STACK, certificates=ITEMS)
    assert made["result"]["certificates"][DOMAIN]["arn"] != foreign
    call("acm_certificate", stack=STACK, certificates=ITEMS, state="absent")
    assert [it["CertificateArn"] for it in listed(cloud)] == [foreign]


def test_other_names_make_a_new_certificate_beside_the_old_one(cloud):
    old = call("acm_certificate", stack=STACK, certificates=ITEMS)["result"]["certificates"][DOMAIN]["arn"]
    new = call("acm_certificate", stack=STACK, certificates=[{"domain": DOMAIN}])
    assert new["result"]["certificates"][DOMAIN]["arn"] != old
    assert {it["CertificateArn"] for it in listed(cloud)} >= {old}


def test_one_certificate_for_cloudfront_and_one_for_the_stack(cloud):
    items = [{"domain": DOMAIN}, {"domain": DOMAIN, "region": "us-east-1"}]
    made = call("acm_certificate", stack=STACK, region="eu-west-1", certificates=items)
    assert {key: it["arn"].split(":")[3] for key, it in made["result"]["certificates"].items()} == {
        DOMAIN: "eu-west-1",
        f"{DOMAIN}@us-east-1": "us-east-1",
    }
    assert not call("acm_certificate", stack=STACK, region="eu-west-1", certificates=items)["changed"]


def test_an_adopted_certificate_comes_under_its_domain(cloud):
    arn = cloud.client("acm").request_certificate(DomainName=DOMAIN, ValidationMethod="DNS")["CertificateArn"]
    read = call("acm_certificate", stack=STACK, certificates=[{"arn": arn}])
    assert not read["changed"]
    assert read["result"]["certificates"][DOMAIN]["arn"] == arn
    call("acm_certificate", stack=STACK, certificates=[{"arn": arn}], state="absent")
    assert len(listed(cloud)) == 1


def test_an_adopted_certificate_that_is_not_there_is_an_error(cloud):
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    with pytest.raises(ModuleFailed, match="does not exist"):
        call("acm_certificate", stack=STACK, certificates=[{"arn": arn}])


def test_bad_input_is_refused_before_anything_is_asked(cloud):
    with pytest.raises(ModuleFailed, match="Not_A_Name is not a domain name"):
        call("acm_certificate", stack=STACK, certificates=[{"domain": "Not_A_Name"}])
    assert listed(cloud) == []


def test_a_certificate_that_a_listener_serves_is_replaced_only_after_the_listener_has_let_go(cloud):
    old = call("acm_certificate", stack=STACK, certificates=ITEMS)["result"]["certificates"][DOMAIN]["arn"]
    elb, ec2 = cloud.client("elbv2"), cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": old}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    )["Listeners"][0]["ListenerArn"]

    fewer = [{"domain": DOMAIN}]
    new = call("acm_certificate", stack=STACK, certificates=fewer)["result"]["certificates"][DOMAIN]["arn"]
    assert new != old
    assert not call("acm_certificate", stack=STACK, certificates=fewer)["changed"]
    elb.modify_listener(ListenerArn=listener, Certificates=[{"CertificateArn": new}])
    assert actions(call("acm_certificate", stack=STACK, certificates=fewer)) == [("delete", old)]
    assert not call("acm_certificate", stack=STACK, certificates=fewer)["changed"]


def test_the_key_and_the_validation_that_were_asked_for_stay(cloud):
    items = [{"domain": DOMAIN, "key_algorithm": "EC_prime256v1", "validation": "email"}]
    made = call("acm_certificate", stack=STACK, certificates=items)
    assert made["result"]["certificates"][DOMAIN]["validation_records"] == []
    assert not call("acm_certificate", stack=STACK, certificates=items)["changed"]


def test_a_certificate_can_be_requested_again_after_its_removal(cloud):
    first = call("acm_certificate", stack=STACK, certificates=ITEMS)["result"]["certificates"][DOMAIN]["arn"]
    call("acm_certificate", stack=STACK, certificates=ITEMS, state="absent")
    second = call("acm_certificate", stack=STACK, certificates=ITEMS)["result"]["certificates"][DOMAIN]["arn"]
    assert first != second


def test_while_the_record_is_not_set_the_certificate_is_missing_with_the_record(cloud):
    cloud.post("/local-cloud/settings", {"certificate_needs_record": True})
    try:
        zone = cloud.client("route53").create_hosted_zone(Name="tvshows.example.com", CallerReference="1")["HostedZone"]
        made = call("acm_certificate", stack=STACK, certificates=[{"domain": DOMAIN}])
        (record,) = made["result"]["certificates"][DOMAIN]["validation_records"]
        (item,) = made["missing"]
        assert item["how"][0] == f"set the DNS record {record['name']} CNAME {record['value']}"
        change = {
            "Name": record["name"],
            "Type": "CNAME",
            "TTL": 60,
            "ResourceRecords": [{"Value": record["value"]}],
        }
        cloud.client("route53").change_resource_record_sets(
            HostedZoneId=zone["Id"], ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": change}]}
        )
        issued = call(
            "acm_certificate", stack=STACK, certificates=[{"domain": DOMAIN}], wait_timeout=5, wait_interval=1
        )
        assert issued["result"]["certificates"][DOMAIN]["status"] == "ISSUED"
        assert issued["missing"] == []
    finally:
        cloud.post("/local-cloud/settings", {"certificate_needs_record": False})
