# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EC2. API: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import elastic_network_interfaces, nat_gateways, tags

from ..patching import enter, passing, replaces
from ..settings import SETTINGS

# API_TagDescription.html, resourceType: moto's name, AWS's name
TAGGED_TYPES = {"nat-gateway": "natgateway", "vpc-elastic-ip": "elastic-ip", "flow-logs": "vpc-flow-log"}


def tag_types() -> None:
    """DescribeTags names resource types as AWS does, and filters by those names (API_DescribeTags.html)."""
    ours = {theirs: name for name, theirs in TAGGED_TYPES.items()}

    @replaces(tags.TagBackend, "describe_tags")
    def describe(original: Any, self: Any, filters: dict[str, list[str]] | None = None) -> list[dict[str, str]]:
        wanted = dict(filters) if filters else filters
        if wanted and "resource-type" in wanted:
            wanted["resource-type"] = [ours.get(name, name) for name in wanted["resource-type"]]
        found: list[dict[str, str]] = original(self, wanted)
        return [{**tag, "resource_type": TAGGED_TYPES.get(tag["resource_type"], tag["resource_type"])} for tag in found]


def nat_gateway_states() -> None:
    """A NAT gateway is "pending" first and "deleted" at the end (API_NatGateway.html, state)."""

    def state(self: Any) -> str:
        return passing(self, self.__dict__.get("final_state", "available"))

    def set_state(self: Any, value: str) -> None:
        self.final_state = value

    nat_gateways.NatGateway.state = property(state, set_state)

    @replaces(nat_gateways.NatGatewayBackend, "create_nat_gateway")
    def create(original: Any, self: Any, *arguments: Any, **options: Any) -> Any:
        gateway = original(self, *arguments, **options)
        enter(gateway, "pending", SETTINGS.nat_gateway_seconds)
        return gateway

    @replaces(nat_gateways.NatGatewayBackend, "delete_nat_gateway")
    def delete(original: Any, self: Any, nat_gateway_id: str) -> Any:
        gateway = original(self, nat_gateway_id)
        enter(gateway, "deleting", SETTINGS.nat_gateway_seconds)
        self.enis.pop(gateway._eni.id, None)  # its interface goes with it, or the subnet could not be deleted
        for address in self.addresses:
            if address.eni is gateway._eni:
                address.eni, address.association_id = None, None
        return gateway


def nat_gateway_addresses() -> None:
    """The private address of a NAT gateway is one of its subnet's (API_NatGatewayAddress.html)."""

    @replaces(nat_gateways.NatGateway, "__init__")
    def initialise(original: Any, self: Any, backend: Any, subnet_id: str, *arguments: Any, **options: Any) -> None:
        original(self, backend, subnet_id, *arguments, **options)
        subnet = backend.get_subnet(subnet_id)
        taken = {eni.private_ip_address for eni in backend.enis.values() if eni.subnet.id == subnet_id}
        free = (str(subnet.cidr[index]) for index in range(4, subnet.cidr.num_addresses - 1))
        address = next(candidate for candidate in free if candidate not in taken)
        self.private_ip = self._eni.private_ip_address = address
        self._eni.private_ip_addresses = [{"PrivateIpAddress": address, "Primary": True}]


def interfaces_without_dns_names() -> None:
    """An interface in a VPC without DNS host names has no DNS name (API_NetworkInterface.html, privateDnsName)."""
    elastic_network_interfaces.NetworkInterface.private_dns_name = None


FIXES = (tag_types, nat_gateway_states, nat_gateway_addresses, interfaces_without_dns_names)
