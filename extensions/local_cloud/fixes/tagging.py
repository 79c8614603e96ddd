# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resource Groups Tagging API: every kind of resource that a stack has, by its own type name and ARN.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html and, for the ARNs,
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import (
    TaggedResource,
    iter_taggable_backends,
    make_tag_matcher,
    match_resource_type,
)
from moto.ec2.models import ec2_backends
from moto.ecr.models import ecr_backends
from moto.elbv2.models import elbv2_backends
from moto.events.models import events_backends
from moto.rds.models import rds_backends
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend
from moto.wafv2.models import wafv2_backends

from ..patching import replaces

# The beginning of an identifier of EC2, and the type in its ARN
EC2_TYPES = {
    "vpc": "vpc",
    "subnet": "subnet",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "igw": "internet-gateway",
    "rtb": "route-table",
    "nat": "natgateway",
    "acl": "network-acl",
    "vpce": "vpc-endpoint",
    "fl": "vpc-flow-log",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "dopt": "dhcp-options",
    "pl": "prefix-list",
    "i": "instance",
    "vol": "volume",
    "pcx": "vpc-peering-connection",
}


def resources_of_a_stack() -> None:
    """GetResources finds what moto leaves out: addresses, network ACLs, endpoints, repositories, listeners, groups."""

    @replaces(ResourceGroupsTaggingAPIBackend, "_get_resources_generator")
    def resources(
        _original: Any,
        self: Any,
        tag_filters: Any = None,
        resource_type_filters: Any = None,
        resource_arn_list: Any = None,
    ) -> Iterator[TaggedResource]:
        matches = make_tag_matcher(tag_filters)
        for resource in _everything(self.account_id, self.region_name):
            if not resource.tags or not match_resource_type(resource.resource_type, resource_type_filters):
                continue
            if matches(resource.tags) and (not resource_arn_list or resource.arn in resource_arn_list):
                yield resource


def _everything(account: str, region: str) -> Iterator[TaggedResource]:
    seen = set()
    for resource in (*_added(account, region), *_of_moto(account, region)):
        if resource.arn not in seen:
            seen.add(resource.arn)
            yield resource


def _of_moto(account: str, region: str) -> Iterator[TaggedResource]:
    for backend in iter_taggable_backends(account, region):
        if backend.SERVICE_NAMESPACE != "ec2":
            for resource in backend.iter_tagged_resources():
                if resource.arn.split(":")[2:3] == ["logs"]:
                    resource.resource_type = "logs:log-group"
                yield resource


def _added(account: str, region: str) -> Iterator[TaggedResource]:
    for identity, tags in list(ec2_backends[account][region].tags.items()):
        kind = EC2_TYPES.get(identity.split("-")[0])
        if kind and tags:
            arn = f"arn:aws:ec2:{region}:{account}:{kind}/{identity}"
            yield TaggedResource(arn=arn, tags=dict(tags), resource_type=f"ec2:{kind}")
    ecr = ecr_backends[account][region]
    for repository in ecr.repositories.values():
        tags = ecr.tagger.get_tag_dict_for_resource(repository.arn)
        yield TaggedResource(arn=repository.arn, tags=tags, resource_type="ecr:repository")
    elb = elbv2_backends[account][region]
    for arn in [arn for balancer in elb.load_balancers.values() for arn in _listeners(balancer)]:
        kind = arn.split(":")[5].split("/")[0]
        tags = elb.tagging_service.get_tag_dict_for_resource(arn)
        yield TaggedResource(arn=arn, tags=tags, resource_type=f"elasticloadbalancing:{kind}")
    rds = rds_backends[account][region]
    groups = {"subgrp": rds.subnet_groups, "pg": rds.db_parameter_groups, "cluster-pg": rds.db_cluster_parameter_groups}
    for kind, things in groups.items():
        for thing in things.values():
            tags = {tag["Key"]: tag["Value"] for tag in thing.tags}
            yield TaggedResource(arn=thing.arn, tags=tags, resource_type=f"rds:{kind}")
    waf = wafv2_backends[account][region]
    for acl in waf.wacls.values():
        tags = waf.tagging_service.get_tag_dict_for_resource(acl.arn)
        yield TaggedResource(arn=acl.arn, tags=tags, resource_type="wafv2:regional/webacl")
    events = events_backends[account][region]
    for rule in [rule for bus in events.event_buses.values() for rule in bus.rules.values()]:
        tags = events.tagger.get_tag_dict_for_resource(rule.arn)
        yield TaggedResource(arn=rule.arn, tags=tags, resource_type="events:rule")


def _listeners(balancer: Any) -> Iterator[str]:
    for listener in balancer.listeners.values():
        yield listener.arn
        yield from (rule.arn for rule in listener.rules.values() if getattr(rule, "arn", None))


FIXES = (resources_of_a_stack,)
