# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to Elastic Load Balancing v2, one function each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import batches, each, pages, tag_dict, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code

Raw = dict[str, Any]
NAMES_A_CALL = 20  # DescribeLoadBalancers, DescribeTargetGroups and DescribeTags take that many at once


def load_balancers(elb: Any, names: Sequence[str]) -> list[Raw]:
    """The load balancers of these names that exist."""
    return _by_name(elb, "describe_load_balancers", "LoadBalancers", "LoadBalancerNotFound", names)


def target_groups(elb: Any, names: Sequence[str]) -> list[Raw]:
    """The target groups of these names that exist."""
    return _by_name(elb, "describe_target_groups", "TargetGroups", "TargetGroupNotFound", names)


def _by_name(elb: Any, operation: str, key: str, not_found: str, names: Sequence[str]) -> list[Raw]:
    """All in one call where all exist. AWS answers with an error where one does not: then each by itself."""

    def ask(batch: Sequence[str]) -> list[Raw]:
        try:
            return list(getattr(elb, operation)(Names=list(batch))[key])
        except Exception as error:
            if not is_code(error, not_found):
                raise
        if len(batch) == 1:
            return []
        return [item for found in each(lambda name: ask([name]), batch) for item in found]

    return [item for batch in batches(list(names), NAMES_A_CALL) for item in ask(batch)]


def tags(elb: Any, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """{arn: tags}"""
    answers = each(
        lambda batch: elb.describe_tags(ResourceArns=list(batch))["TagDescriptions"], batches(arns, NAMES_A_CALL)
    )
    return {entry["ResourceArn"]: tag_dict(entry["Tags"]) for answer in answers for entry in answer}


def load_balancer_attributes(elb: Any, arn: str) -> dict[str, str]:
    answer = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    return tag_dict(answer)


def target_group_attributes(elb: Any, arn: str) -> dict[str, str]:
    answer = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    return tag_dict(answer)


def listeners(elb: Any, arn: str) -> list[Raw]:
    return pages(elb, "describe_listeners", "Listeners", LoadBalancerArn=arn)


def rules(elb: Any, arn: str) -> list[Raw]:
    """All rules of a listener, the default one included."""
    return pages(elb, "describe_rules", "Rules", ListenerArn=arn)


def listener_certificates(elb: Any, arn: str) -> list[Raw]:
    return pages(elb, "describe_listener_certificates", "Certificates", ListenerArn=arn)


def create_load_balancer(elb: Any, name: str, **settings: Any) -> Raw:
    """Asked for again with the same settings, AWS answers with the one that exists."""
    return dict(elb.create_load_balancer(Name=name, Type="application", **settings)["LoadBalancers"][0])


def create_target_group(elb: Any, name: str, **settings: Any) -> Raw:
    """Asked for again with the same settings, AWS answers with the one that exists."""
    return dict(elb.create_target_group(Name=name, **settings)["TargetGroups"][0])


def set_subnets(elb: Any, arn: str, subnets: Iterable[str]) -> None:
    elb.set_subnets(LoadBalancerArn=arn, Subnets=sorted(subnets))


def set_security_groups(elb: Any, arn: str, groups: Iterable[str]) -> None:
    elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=sorted(groups))


def set_load_balancer_attributes(elb: Any, arn: str, attributes: Mapping[str, str]) -> None:
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=tag_list(attributes))


def set_target_group_attributes(elb: Any, arn: str, attributes: Mapping[str, str]) -> None:
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=tag_list(attributes))


def modify_target_group(elb: Any, arn: str, **settings: Any) -> None:
    elb.modify_target_group(TargetGroupArn=arn, **settings)


def tag(elb: Any, arn: str, pairs: Mapping[str, str]) -> None:
    elb.add_tags(ResourceArns=[arn], Tags=tag_list(pairs))


def delete_load_balancer(elb: Any, arn: str) -> None:
    _gone(elb.delete_load_balancer, "LoadBalancerNotFound", LoadBalancerArn=arn)


def delete_target_group(elb: Any, arn: str) -> None:
    """AWS refuses while a listener or a rule names it (ResourceInUse)."""
    _gone(elb.delete_target_group, "TargetGroupNotFound", TargetGroupArn=arn)


def create_listener(elb: Any, load_balancer: str, **settings: Any) -> str:
    return str(elb.create_listener(LoadBalancerArn=load_balancer, **settings)["Listeners"][0]["ListenerArn"])


def modify_listener(elb: Any, arn: str, **settings: Any) -> None:
    elb.modify_listener(ListenerArn=arn, **settings)


def delete_listener(elb: Any, arn: str) -> None:
    _gone(elb.delete_listener, "ListenerNotFound", ListenerArn=arn)


def add_listener_certificates(elb: Any, arn: str, certificates: Iterable[str]) -> None:
    elb.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": it} for it in sorted(certificates)])


def remove_listener_certificates(elb: Any, arn: str, certificates: Iterable[str]) -> None:
    pairs = [{"CertificateArn": it} for it in sorted(certificates)]
    elb.remove_listener_certificates(ListenerArn=arn, Certificates=pairs)


def create_rule(elb: Any, listener: str, priority: int, **settings: Any) -> None:
    elb.create_rule(ListenerArn=listener, Priority=priority, **settings)


def modify_rule(elb: Any, arn: str, **settings: Any) -> None:
    elb.modify_rule(RuleArn=arn, **settings)


def delete_rule(elb: Any, arn: str) -> None:
    _gone(elb.delete_rule, "RuleNotFound", RuleArn=arn)


def network_interfaces(ec2: Any, full_name: str) -> list[str]:
    """The interfaces that a load balancer still has; they hold its subnets and security groups."""
    filters = [{"Name": "description", "Values": [f"ELB {full_name}"]}]
    found = pages(ec2, "describe_network_interfaces", "NetworkInterfaces", Filters=filters)
    return [interface["NetworkInterfaceId"] for interface in found]


def _gone(call: Any, not_found: str, **arguments: Any) -> None:
    try:
        call(**arguments)
    except Exception as error:
        if not is_code(error, not_found):
            raise
