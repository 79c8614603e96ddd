# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vpc_network
short_description: The network of a stack, whole
description:
  - Makes a stack's VPC with its subnets, internet gateway, NAT gateways and their addresses, route tables, ACLs,
    endpoints and security groups, and keeps them as they are written down.
  - One process, one plan and eleven reads for all of it, in place of a task of about half a second for each of some
    thirty items with M(amazon.aws.ec2_vpc_net), M(amazon.aws.ec2_vpc_subnet) and the rest; and one ownership guard.
  - What is listed is exact. Rules of security groups and network ACLs that are not listed go, and so does what this
    module made for the stack earlier and the lists no longer have. Only routes other than C(0.0.0.0/0), tags that are
    not the stack's, and everything that somebody else has made are left alone.
  - A run that was killed is completed by the next one, as everything is tagged in the call that makes it. NAT gateways
    that failed do not count, elastic IPs without one are used again.
  - IPv6 addresses for the VPC and its subnets are deliberately left out. Rules may name IPv6 CIDRs.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  cidr:
    description:
      - The VPC's IPv4 block, V(/16) to V(/28). It cannot be changed later.
      - Required with O(state=present). With O(vpc.adopt) it has to be one of the VPC's blocks.
    type: str
  vpc:
    description: About the VPC itself.
    type: dict
    default: {}
    suboptions:
      adopt:
        description:
          - The id of an existing VPC to work in. It is checked and read, and neither tagged, changed nor removed.
            An internet gateway that it has is used as it is.
        type: str
      aws_name:
        description: The VPC's name, if it is not to be C(<stack>-<environment>).
        type: str
      dns_support:
        description: Whether AWS's resolver answers inside the VPC.
        type: bool
        default: true
      dns_hostnames:
        description: Whether instances get DNS names.
        type: bool
        default: true
  subnets:
    description: The subnets.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The subnet's name.
        type: str
        required: true
      tier:
        description:
          - V(public) subnets have a way to and from the internet, V(private) ones a way out through NAT where there is
            some, V(database) ones none.
        type: str
        required: true
        choices: [public, private, database]
      cidr:
        description: The subnet's IPv4 block, within O(cidr).
        type: str
        required: true
      zone:
        description: The letter of the availability zone, for example V(a).
        type: str
        required: true
      map_public:
        description: Whether what starts there gets a public address. Without it, that is so in V(public) subnets.
        type: bool
      aws_name:
        description: The subnet's name in AWS, if it is not to be C(<stack>-<environment>-<name>).
        type: str
  nat:
    description:
      - V(single) makes one NAT gateway for all private subnets, V(per_zone) one for each zone that has public and
        private subnets. Private subnets of another zone use the nearest.
    type: str
    choices: [none, single, per_zone]
    default: none
  security_groups:
    description: The security groups. What a group has and is not listed here is taken away, also the rule that lets
      everything out with which AWS makes groups.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The group's name.
        type: str
        required: true
      description:
        description: The group's description. AWS cannot change it later.
        type: str
      aws_name:
        description: The group's name in AWS, if it is not to be C(<stack>-<environment>-<name>).
        type: str
      ingress:
        description: What may come in. Without it, nothing.
        type: list
        elements: dict
        suboptions:
          port:
            description: A port.
            type: int
          ports:
            description: Several ports or ranges, for example V(8000-8010).
            type: list
            elements: str
          protocol:
            description: V(tcp), V(udp), V(icmp), V(all), or a protocol's number.
            type: str
            default: tcp
          icmp_type:
            description: With O(security_groups[].ingress[].protocol=icmp) the type. All without it.
            type: int
          icmp_code:
            description: With O(security_groups[].ingress[].protocol=icmp) the code. All without it.
            type: int
          from:
            description: CIDRs, names of security groups, or ids of prefix lists (C(pl-…)) and foreign groups (C(sg-…)).
            type: list
            elements: str
            required: true
          description:
            description: What the rule is for. Left alone where it is not given.
            type: str
      egress:
        description: What may go out. Without it, nothing.
        type: list
        elements: dict
        suboptions:
          port:
            description: A port.
            type: int
          ports:
            description: Several ports or ranges, for example V(8000-8010).
            type: list
            elements: str
          protocol:
            description: V(tcp), V(udp), V(icmp), V(all), or a protocol's number.
            type: str
            default: tcp
          icmp_type:
            description: With O(security_groups[].egress[].protocol=icmp) the type. All without it.
            type: int
          icmp_code:
            description: With O(security_groups[].egress[].protocol=icmp) the code. All without it.
            type: int
          to:
            description: CIDRs, names of security groups, or ids of prefix lists (C(pl-…)) and foreign groups (C(sg-…)).
            type: list
            elements: str
            required: true
          description:
            description: What the rule is for. Left alone where it is not given.
            type: str
  acls:
    description:
      - Rules for the network ACL of a tier in place of the default ones, V(public), V(private) or V(database) each with
        C(ingress) and C(egress). A direction that is not given keeps the default.
      - A rule has C(port), C(ports), C(protocol), C(icmp_type), C(icmp_code) and C(from) or C(to) as in a security
        group, though only CIDRs, and C(action) (V(allow) or V(deny)) and C(number). Without a number they are counted
        in tens from 100.
      - The default rules follow from the tiers, their CIDRs and the security groups. They let in the web and answers
        from outside, keep the tiers to the traffic of load balancer, tasks, NAT and stores, and give the database tier
        no way beyond the VPC.
    type: dict
    default: {}
  acls_managed:
    description: Whether there are network ACLs of the stack at all. Without them the VPC's own lets everything pass.
    type: bool
    default: true
  endpoints:
    description:
      - Services to reach without the internet, for example V(s3), V(dynamodb), V(ecr.api) or V(logs). The first two
        are gateways in the routes of public and private subnets, all others interfaces in the private subnets with
        private DNS names and a security group C(endpoints) that lets in 443 from O(cidr).
    type: list
    elements: str
    default: []
  lock_default_security_group:
    description: Whether all rules of the VPC's default security group are taken away. Without it they are left alone.
    type: bool
    default: false
  wait_timeout:
    description: How long to wait for a NAT gateway, an endpoint, or on removal for network interfaces, in seconds.
    type: int
    default: 600
  wait_interval:
    description: How long to pause between two looks, in seconds.
    type: float
    default: 5
  state:
    description: V(absent) removes everything that is the stack's, in reverse order, and waits until it is gone.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keep the network
  slipway.aws.vpc_network:
    stack: {name: tvshows, environment: prod, role: networking}
    cidr: 10.0.0.0/16
    nat: single
    subnets:
      - {name: public-a, tier: public, cidr: 10.0.1.0/24, zone: a}
      - {name: private-a, tier: private, cidr: 10.0.10.0/24, zone: a}
      - {name: database-a, tier: database, cidr: 10.0.100.0/24, zone: a}
    endpoints: [s3, ecr.api, ecr.dkr]
    security_groups:
      - name: alb
        ingress: [{port: 80, from: 0.0.0.0/0}, {port: 443, from: 0.0.0.0/0}]
        egress: [{port: 3000, to: ecs}]
      - name: ecs
        ingress: [{port: 3000, from: alb}]
        egress: [{port: 443, to: 0.0.0.0/0}, {port: 5432, to: database}]
      - name: database
        ingress: [{port: 5432, from: ecs}]

- name: Work in a VPC that somebody else has made
  slipway.aws.vpc_network:
    stack: {name: jiki, environment: prod, role: networking}
    vpc: {adopt: vpc-0123456789abcdef0}
    cidr: 10.1.0.0/16
    subnets:
      - {name: public-a, tier: public, cidr: 10.1.1.0/24, zone: a}
"""

RETURN = r"""
changes:
  description: The plan, each step with C(action), resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
api_calls:
  description: How many calls to AWS it took.
  type: int
  returned: always
result:
  description:
    - V(networking_result) of role networking, with C(vpc_id), C(cidr), C(subnets), C(tiers), C(security_groups),
      C(route_tables), C(internet_gateway_id), C(nat_gateways), C(network_acls) and C(endpoints), by the inventory's
      names.
    - In check mode, what does not exist yet has the id V("").
  type: dict
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, outcome
from ansible_collections.slipway.aws.plugins.module_utils._vpc import api
from ansible_collections.slipway.aws.plugins.module_utils._vpc.apply import Work, carry_out
from ansible_collections.slipway.aws.plugins.module_utils._vpc.describe import read, result
from ansible_collections.slipway.aws.plugins.module_utils._vpc.layout import adopted, desired
from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import SUBNET, Network
from ansible_collections.slipway.aws.plugins.module_utils._vpc.plan import (
    plan,
    plan_removal,
    problems,
    refuse_adoption,
)


def rule_arguments(peer: str) -> dict[str, Any]:
    return {
        "port": {"type": "int"},
        "ports": {"type": "list", "elements": "str"},
        "protocol": {"type": "str", "default": "tcp"},
        "icmp_type": {"type": "int"},
        "icmp_code": {"type": "int"},
        peer: {"type": "list", "elements": "str", "required": True},
        "description": {"type": "str"},
    }


ARGUMENTS: dict[str, Any] = {
    "cidr": {"type": "str"},
    "vpc": {
        "type": "dict",
        "default": {},
        "options": {
            "adopt": {"type": "str"},
            "aws_name": {"type": "str"},
            "dns_support": {"type": "bool", "default": True},
            "dns_hostnames": {"type": "bool", "default": True},
        },
    },
    "subnets": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "tier": {"type": "str", "required": True, "choices": ["public", "private", "database"]},
            "cidr": {"type": "str", "required": True},
            "zone": {"type": "str", "required": True},
            "map_public": {"type": "bool"},
            "aws_name": {"type": "str"},
        },
    },
    "nat": {"type": "str", "choices": ["none", "single", "per_zone"], "default": "none"},
    "security_groups": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "description": {"type": "str"},
            "aws_name": {"type": "str"},
            "ingress": {"type": "list", "elements": "dict", "options": rule_arguments("from")},
            "egress": {"type": "list", "elements": "dict", "options": rule_arguments("to")},
        },
    },
    "acls": {"type": "dict", "default": {}},
    "acls_managed": {"type": "bool", "default": True},
    "endpoints": {"type": "list", "elements": "str", "default": []},
    "lock_default_security_group": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 600},
    "wait_interval": {"type": "float", "default": 5},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def refuse(found: list[str]) -> None:
    if found:
        raise SlipwayError(
            "The network cannot be made as the inventory has it",
            "; ".join(found),
            "Nothing was changed. Correct the inventory and repeat the run.",
            problems=found,
        )


def refuse_zones(aws: Clients, spec: dict[str, Any], changes: list[Change]) -> None:
    """Before the first subnet is made: whether all their zones exist."""
    if any(change.resource == SUBNET and change.action == "create" for change in changes):
        refuse(problems(spec, zones=api.zones(aws.client("ec2"))))


def run(module: Any) -> dict[str, Any]:
    spec, stack, aws = module.params, Stack.of(module.params), Clients.of(module)
    removing = spec["state"] == "absent"
    if not removing:
        refuse(problems(spec, prefix=stack.prefix))
    current = read(aws, stack, adopted(spec), removing=removing)
    if removing:
        wanted, changes = Network(), plan_removal(current, stack)
    else:
        wanted = desired(spec, stack, aws.region)
        if adopted(spec):
            refuse_adoption(current, wanted, spec["cidr"])
        changes = plan(current, wanted, stack)
        refuse_zones(aws, spec, changes)
    work = Work(aws.client("ec2"), current, wanted, spec["wait_timeout"], spec["wait_interval"])
    carry_out(changes, work, check=module.check_mode)
    known = {"vpc_id": work.vpc_id, "cidr": spec["cidr"]} if adopted(spec) and not removing else {}
    facts = result(wanted, work.ids, public_ips=work.public_ips, **known)
    return outcome(changes, result=facts, api_calls=aws.api_calls)


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
