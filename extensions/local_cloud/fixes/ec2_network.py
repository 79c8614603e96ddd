# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EC2: network ACLs, VPC endpoints, what goes with a subnet or VPC.

API: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.models.vpcs import VPCBackend
from moto.ec2.responses.network_acls import NetworkACLs
from moto.ec2.responses.vpcs import VPCs

from ..patching import replaces


def keep_icmp_of_acl_entries() -> None:
    """An entry for ICMP keeps its type and code; moto asks for them by a name that the request does not have.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html
    """

    @replaces(NetworkACLs, "_get_param")
    def _get_param(original: Any, self: Any, name: str, if_none: Any = None) -> Any:
        names = {"Icmp.Code": "IcmpTypeCode.Code", "Icmp.Type": "IcmpTypeCode.Type"}
        return original(self, names.get(name, name), if_none)


def route_modified_gateway_endpoints() -> None:
    """A route table that is added to a gateway endpoint gets its route, one that is taken away loses it.

    moto makes the routes with the endpoint only, and then fails to delete it.
    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html#gateway-endpoint-routing
    """

    @replaces(VPCBackend, "modify_vpc_endpoint")
    def modify_vpc_endpoint(original: Any, self: Any, vpc_id: str, **changes: Any) -> None:
        endpoint = self.describe_vpc_endpoints(vpc_end_point_ids=[vpc_id])[0]
        before = set(endpoint.route_table_ids)
        original(self, vpc_id=vpc_id, **changes)
        after, prefix_list = set(endpoint.route_table_ids), endpoint.destination_prefix_list_id
        if prefix_list:
            for table in after - before:
                self.create_route(table, None, gateway_id=vpc_id, destination_prefix_list_id=prefix_list)
            for table in before - after:
                self.delete_route(table, prefix_list)


def modify_private_dns() -> None:
    """ModifyVpcEndpoint takes PrivateDnsEnabled, which moto drops.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html
    """

    @replaces(VPCs, "modify_vpc_endpoint")
    def modify_vpc_endpoint(original: Any, self: Any) -> Any:
        answer = original(self)
        enabled = self._get_param("PrivateDnsEnabled")
        if enabled is not None:
            endpoint = self.ec2_backend.vpc_end_points[self._get_param("VpcEndpointId")]
            endpoint.private_dns_enabled = str(enabled).lower() == "true"
        return answer


def forget_associations_of_deleted_subnets() -> None:
    """A subnet that is deleted is no longer associated with its route table and network ACL, which can then be deleted.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html
    """

    @replaces(SubnetBackend, "delete_subnet")
    def delete_subnet(original: Any, self: Any, subnet_id: str) -> Any:
        answer = original(self, subnet_id)
        for acl in self.network_acls.values():
            acl._associations = {key: it for key, it in acl._associations.items() if it.subnet_id != subnet_id}
        for table in self.route_tables.values():
            table._associations = {key: it for key, it in table._associations.items() if it != subnet_id}
        return answer


def delete_default_acl_with_vpc() -> None:
    """The VPC's default network ACL goes with it (API_DeleteVpc.html), as moto's route table and group do."""

    @replaces(VPCBackend, "delete_vpc")
    def delete_vpc(original: Any, self: Any, vpc_id: str) -> Any:
        answer = original(self, vpc_id)
        for acl_id in [key for key, acl in self.network_acls.items() if acl.vpc_id == vpc_id and acl.default]:
            del self.network_acls[acl_id]
        return answer


FIXES = (
    keep_icmp_of_acl_entries,
    route_modified_gateway_endpoints,
    modify_private_dns,
    forget_associations_of_deleted_subnets,
    delete_default_acl_with_vpc,
)
