# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a plan out. What does not need each other is done side by side: a network is many small calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import each
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, is_code
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change, plain, walk
from ansible_collections.slipway.aws.plugins.module_utils._vpc import api
from ansible_collections.slipway.aws.plugins.module_utils._vpc.describe import GONE, default_group
from ansible_collections.slipway.aws.plugins.module_utils._vpc.model import (
    ANYWHERE,
    DEFAULT_GROUP,
    ELASTIC_IP,
    ENDPOINT,
    INTERNET,
    INTERNET_GATEWAY,
    NAT_GATEWAY,
    NETWORK_ACL,
    NETWORK_ACL_ASSOCIATION,
    NETWORK_ACL_RULES,
    ROUTE,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SECURITY_GROUP,
    SECURITY_GROUP_RULES,
    SUBNET,
    VPC,
    Network,
)
from ansible_collections.slipway.aws.plugins.module_utils._vpc.plan import (
    Difference,
    entry_difference,
    known_rules,
    rule_difference,
)
from ansible_collections.slipway.aws.plugins.module_utils._vpc.rules import EGRESS, Rule, permissions, to_entry
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, Clock, Judgement, failed, wait_for

# Consecutive changes of one number are made side by side.
_STAGES: dict[tuple[str, str], int] = {
    (VPC, "create"): 0,
    (VPC, "update"): 0,
    (ROUTE, "create"): 3,
    (ROUTE, "update"): 3,
    (ROUTE, "delete"): 3,
    (NETWORK_ACL_ASSOCIATION, "create"): 3,
    (NETWORK_ACL_ASSOCIATION, "update"): 3,
    (ROUTE_TABLE_ASSOCIATION, "create"): 4,
    (ROUTE_TABLE_ASSOCIATION, "update"): 4,
    (ENDPOINT, "delete"): 5,
    (NAT_GATEWAY, "delete"): 5,
    (ELASTIC_IP, "delete"): 6,
    (SECURITY_GROUP, "delete"): 7,
    (SUBNET, "delete"): 7,
    (ROUTE_TABLE, "delete"): 8,
    (NETWORK_ACL, "delete"): 8,
    (INTERNET_GATEWAY, "delete"): 8,
    (VPC, "delete"): 9,
    **{
        (kind, action): 1
        for kind in (INTERNET_GATEWAY, SUBNET, ELASTIC_IP, ROUTE_TABLE, NETWORK_ACL, SECURITY_GROUP)
        for action in ("create", "update")
    },
    **{(kind, action): 2 for kind in (NAT_GATEWAY, ENDPOINT) for action in ("create", "update")},
    **{
        (kind, action): 2
        for kind in (SECURITY_GROUP_RULES, DEFAULT_GROUP, NETWORK_ACL_RULES)
        for action in ("create", "update", "delete")
    },
}
# EC2 may not know for some seconds what it has just made, nor forget at once what it has deleted.
_SETTLES_S, _PAUSE_S = 60.0, 2.0


@dataclass
class Work:
    """What the handlers of one run share. `ids` grows while things are made: {resource: {name: id}}. Times: seconds."""

    ec2: Any
    current: Network
    wanted: Network
    timeout: float = 600.0
    interval: float = 5.0
    clock: Clock = time
    ids: dict[str, dict[str, str]] = field(default_factory=dict)
    public_ips: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ids = self.current.ids()
        self.public_ips = {name: it["public_ip"] for name, it in self.current.elastic_ips.items()}

    @property
    def vpc_id(self) -> str:
        return next(iter(self.ids[VPC].values()), "")

    def id(self, kind: str, name: str) -> str:
        """The id of something of ours by its name; what is not ours is called by its id already."""
        return self.ids[kind].get(name, name)

    def settled(self, call: Callable[[], Any], *codes: str) -> Any:
        """call(), again while EC2 answers with one of `codes`: it does not yet see what was done just before."""
        start = self.clock.monotonic()
        while True:
            try:
                return call()
            except Exception as error:
                over = self.clock.monotonic() - start + _PAUSE_S > min(_SETTLES_S, self.timeout)
                if over or not is_code(error, *codes):
                    raise
                self.clock.sleep(_PAUSE_S)

    def made(self, call: Callable[[], Any]) -> Any:
        """A call about something that may have been made a moment ago."""
        return self.settled(call, ".NotFound", "NatGatewayNotFound")

    def gone(self, call: Callable[[], Any]) -> None:
        """A deletion: what is gone already is fine, what still seems in use is tried again for a while."""
        try:
            self.settled(call, "DependencyViolation", "InvalidIPAddress.InUse")
        except Exception as error:
            if not is_code(error, "NotFound"):
                raise


def carry_out(changes: Sequence[Change], work: Work, *, check: bool) -> None:
    """Walk the plan, each stage side by side; in check mode do nothing.

    Raises SlipwayError for the first step that failed, with the steps of the stages before it.
    """
    if check:
        return
    handlers = _handlers(work)
    done: list[Change] = []
    for _stage, group in groupby(changes, key=lambda change: _STAGES[change.resource, change.action]):
        together = list(group)
        try:
            each(lambda change: walk([change], handlers, check=False), together)
        except SlipwayError as error:
            details = {**error.details, "changes": [plain(step.as_dict()) for step in done], "changed": bool(done)}
            raise SlipwayError(error.what, error.why, error.hint, **details) from error
        done += together
    _await_endpoints(work)


def _handlers(work: Work) -> dict[tuple[str, Action], Callable[[Change], None]]:
    kinds: dict[str, tuple[Callable[..., None], Callable[..., None], Callable[..., None]]] = {
        VPC: (_create_vpc, _update_vpc, _delete_vpc),
        INTERNET_GATEWAY: (_create_gateway, _update_gateway, _delete_gateway),
        SUBNET: (_create_subnet, _update_subnet, _delete_subnet),
        ELASTIC_IP: (_create_address, _update_tags, _delete_address),
        NAT_GATEWAY: (_create_nat, _update_tags, _delete_nat),
        ROUTE_TABLE: (_create_table, _update_tags, _delete_table),
        ROUTE: (_set_route, _set_route, _set_route),
        ROUTE_TABLE_ASSOCIATION: (_associate_table, _associate_table, _associate_table),
        NETWORK_ACL: (_create_acl, _update_tags, _delete_acl),
        NETWORK_ACL_RULES: (_set_entries, _set_entries, _set_entries),
        NETWORK_ACL_ASSOCIATION: (_associate_acl, _associate_acl, _associate_acl),
        SECURITY_GROUP: (_create_group, _update_tags, _delete_group),
        SECURITY_GROUP_RULES: (_set_rules, _set_rules, _set_rules),
        DEFAULT_GROUP: (_lock_group, _lock_group, _lock_group),
        ENDPOINT: (_create_endpoint, _update_endpoint, _delete_endpoint),
    }
    actions: tuple[Action, Action, Action] = ("create", "update", "delete")
    return {
        (kind, action): partial(handler, work)
        for kind, three in kinds.items()
        for action, handler in zip(actions, three, strict=True)
    }


def _update_tags(work: Work, change: Change) -> None:
    api.tag(work.ec2, work.id(change.resource, change.name), change.after["tags"])


# ---- VPC, subnets, internet gateway


def _create_vpc(work: Work, change: Change) -> None:
    want = change.after
    vpc_id = api.create_vpc(work.ec2, want["cidr"], want["tags"])
    work.ids[VPC][change.name] = vpc_id
    work.made(partial(api.dns_support, work.ec2, vpc_id, want["dns_support"]))
    work.made(partial(api.dns_hostnames, work.ec2, vpc_id, want["dns_hostnames"]))


def _update_vpc(work: Work, change: Change) -> None:
    if "dns_support" in change.after:
        api.dns_support(work.ec2, work.vpc_id, change.after["dns_support"])
    if "dns_hostnames" in change.after:
        api.dns_hostnames(work.ec2, work.vpc_id, change.after["dns_hostnames"])
    if "tags" in change.after:
        api.tag(work.ec2, work.vpc_id, change.after["tags"])


def _delete_vpc(work: Work, change: Change) -> None:
    work.gone(partial(api.delete_vpc, work.ec2, work.ids[VPC][change.name]))


def _create_subnet(work: Work, change: Change) -> None:
    want = change.after
    create = partial(api.create_subnet, work.ec2, work.vpc_id, want["cidr"], want["zone"], want["tags"])
    subnet_id = str(work.made(create))
    work.ids[SUBNET][change.name] = subnet_id
    if want["map_public"]:
        work.made(partial(api.map_public, work.ec2, subnet_id, True))


def _update_subnet(work: Work, change: Change) -> None:
    subnet_id = work.id(SUBNET, change.name)
    if "map_public" in change.after:
        api.map_public(work.ec2, subnet_id, change.after["map_public"])
    if "tags" in change.after:
        api.tag(work.ec2, subnet_id, change.after["tags"])


def _delete_subnet(work: Work, change: Change) -> None:
    subnet_id = work.id(SUBNET, change.name)
    _await_interfaces(work, f"subnet {change.name}", "subnet-id", subnet_id)
    work.gone(partial(api.delete_subnet, work.ec2, subnet_id))


def _create_gateway(work: Work, change: Change) -> None:
    gateway_id = api.create_internet_gateway(work.ec2, change.after["tags"])
    work.ids[INTERNET_GATEWAY][change.name] = gateway_id
    work.made(partial(api.attach_internet_gateway, work.ec2, gateway_id, work.vpc_id))


def _update_gateway(work: Work, change: Change) -> None:
    gateway_id = work.id(INTERNET_GATEWAY, change.name)
    if "tags" in change.after:
        api.tag(work.ec2, gateway_id, change.after["tags"])
    if "attached" in change.after:
        work.made(partial(api.attach_internet_gateway, work.ec2, gateway_id, work.vpc_id))


def _delete_gateway(work: Work, change: Change) -> None:
    gateway_id, attached = (
        work.id(INTERNET_GATEWAY, change.name),
        work.current.internet_gateways[change.name]["attached"],
    )
    if attached:
        work.gone(partial(api.detach_internet_gateway, work.ec2, gateway_id, attached))
    work.gone(partial(api.delete_internet_gateway, work.ec2, gateway_id))


# ---- NAT


def _create_address(work: Work, change: Change) -> None:
    allocation_id, address = api.allocate_address(work.ec2, change.after["tags"])
    work.ids[ELASTIC_IP][change.name], work.public_ips[change.name] = allocation_id, address


def _delete_address(work: Work, change: Change) -> None:
    work.gone(partial(api.release_address, work.ec2, work.id(ELASTIC_IP, change.name)))


def _create_nat(work: Work, change: Change) -> None:
    """Its readiness is waited for by the first route that needs it; meanwhile the rest goes on."""
    name, want = change.name, change.after
    if name in work.current.leaving:
        _await_nat_gone(work, name, work.current.leaving[name])
    subnet_id, allocation_id = work.id(SUBNET, want["subnet"]), work.id(ELASTIC_IP, name)
    create = partial(api.create_nat_gateway, work.ec2, subnet_id, allocation_id, want["tags"])
    work.ids[NAT_GATEWAY][name] = str(work.made(create))


def _delete_nat(work: Work, change: Change) -> None:
    nat_id = work.id(NAT_GATEWAY, change.name)
    work.gone(partial(api.delete_nat_gateway, work.ec2, nat_id))
    _await_nat_gone(work, change.name, nat_id)


def _await_nat(work: Work, name: str) -> None:
    nat_id = work.id(NAT_GATEWAY, name)
    wait_for(
        f"NAT gateway {name} ({nat_id})",
        lambda: work.made(partial(api.nat_gateway, work.ec2, nat_id)),
        nat_verdict,
        timeout=work.timeout,
        interval=work.interval,
        hint="AWS clears it away by itself: correct the cause and repeat the run, it makes another one.",
        clock=work.clock,
    )


def nat_verdict(nat: Mapping[str, Any]) -> Judgement:
    """One look at a NAT gateway that is wanted."""
    state = nat["State"]
    if state == "available":
        return DONE
    if state in GONE:
        code, message = nat.get("FailureCode", ""), nat.get("FailureMessage", "")
        return failed(" ".join(filter(None, (f"it is {state}", code and f"({code})", message))))
    return Judgement("pending", f"it is {state}")


def _await_nat_gone(work: Work, name: str, nat_id: str) -> None:
    wait_for(
        f"The end of NAT gateway {name} ({nat_id})",
        lambda: _or_none(partial(api.nat_gateway, work.ec2, nat_id)),
        gone_verdict,
        timeout=work.timeout,
        interval=work.interval,
        clock=work.clock,
    )


def _or_none(look: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """What is there, None where it is no longer known."""
    try:
        return look()
    except Exception as error:
        if not is_code(error, "NotFound"):
            raise
        return None


def gone_verdict(it: Mapping[str, Any] | None) -> Judgement:
    """One look at a NAT gateway or endpoint that is to go."""
    if it is None or str(it["State"]).lower() in ("deleted", "failed"):
        return DONE
    return Judgement("pending", f"it is {it['State']}")


# ---- route tables


def _create_table(work: Work, change: Change) -> None:
    create = partial(api.create_route_table, work.ec2, work.vpc_id, change.after["tags"])
    work.ids[ROUTE_TABLE][change.name] = str(work.made(create))


def _delete_table(work: Work, change: Change) -> None:
    work.gone(partial(api.delete_route_table, work.ec2, work.id(ROUTE_TABLE, change.name)))


def _set_route(work: Work, change: Change) -> None:
    table_id = work.id(ROUTE_TABLE, change.name)
    if change.after is None:
        work.gone(partial(api.delete_route, work.ec2, table_id, ANYWHERE))
        return
    if change.after == INTERNET:
        target = {"GatewayId": work.id(INTERNET_GATEWAY, INTERNET)}
    else:
        _await_nat(work, change.after)
        target = {"NatGatewayId": work.id(NAT_GATEWAY, change.after)}
    put = api.replace_route if change.before else api.create_route
    work.made(partial(put, work.ec2, table_id, ANYWHERE, target))


def _associate_table(work: Work, change: Change) -> None:
    table_id = work.id(ROUTE_TABLE, change.after)
    present = work.current.table_associations.get(change.name)
    if present:
        work.made(partial(api.replace_route_table_association, work.ec2, present, table_id))
    else:
        work.made(partial(api.associate_route_table, work.ec2, table_id, work.id(SUBNET, change.name)))


# ---- network ACLs


def _create_acl(work: Work, change: Change) -> None:
    create = partial(api.create_network_acl, work.ec2, work.vpc_id, change.after["tags"])
    work.ids[NETWORK_ACL][change.name] = str(work.made(create))


def _set_entries(work: Work, change: Change) -> None:
    """What is new comes first, so that nothing is shut out in between."""
    tier, _rest, direction = change.name.rpartition(" ")
    acl_id = work.id(NETWORK_ACL, tier)
    have = work.current.network_acls.get(tier, {}).get(direction, {})
    add, take = entry_difference(have, work.wanted.network_acls[tier][direction])
    for number in sorted(add):
        call = api.replace_acl_entry if number in take else api.create_acl_entry
        work.made(partial(call, work.ec2, acl_id, to_entry(number, add[number], direction)))
    for number in sorted(set(take) - set(add)):
        work.gone(partial(api.delete_acl_entry, work.ec2, acl_id, number, direction == EGRESS))


def _associate_acl(work: Work, change: Change) -> None:
    name = change.name
    acl_id = work.ids[NETWORK_ACL].get(change.after) or work.current.default_acl
    present = work.current.acl_associations.get(name)
    if not present:
        present = str(work.made(partial(api.acl_association, work.ec2, work.id(SUBNET, name))))
    work.made(partial(api.replace_acl_association, work.ec2, present, acl_id))


def _delete_acl(work: Work, change: Change) -> None:
    work.gone(partial(api.delete_network_acl, work.ec2, work.id(NETWORK_ACL, change.name)))


# ---- security groups


def _create_group(work: Work, change: Change) -> None:
    want = change.after
    description = want["description"] or f"{change.name} of {want['tags']['slipway:stack']}"
    create = partial(api.create_security_group, work.ec2, work.vpc_id, want["aws_name"], description, want["tags"])
    work.ids[SECURITY_GROUP][change.name] = str(work.made(create))


def _delete_group(work: Work, change: Change) -> None:
    group_id = work.id(SECURITY_GROUP, change.name)
    _await_interfaces(work, f"security group {change.name}", "group-id", group_id)
    work.gone(partial(api.delete_security_group, work.ec2, group_id))


def _set_rules(work: Work, change: Change) -> None:
    name, _rest, direction = change.name.rpartition(" ")
    have = known_rules(work.current, name, direction)
    want: Mapping[Rule, str | None] = work.wanted.security_groups.get(name, {}).get(direction, {})
    _put_rules(work, work.id(SECURITY_GROUP, name), direction, rule_difference(have, want))


def _lock_group(work: Work, change: Change) -> None:
    """The default group of a VPC made a moment ago is looked up first."""
    direction = change.name.rpartition(" ")[2]
    group = work.current.default_group or default_group(
        api.of_vpc(work.ec2, "describe_security_groups", "SecurityGroups", work.vpc_id), {}
    )
    _put_rules(work, group["id"], direction, rule_difference(group[direction], {}))


def _put_rules(work: Work, group_id: str, direction: str, difference: Difference) -> None:
    """What is new comes first, so that nothing is shut out in between."""
    ids = work.ids[SECURITY_GROUP]
    add, take, texts = difference
    if add:
        work.made(partial(api.authorize, work.ec2, direction, group_id, permissions(add, ids)))
    if texts:
        work.made(partial(api.describe_rules, work.ec2, direction, group_id, permissions(texts, ids)))
    if take:
        _revoke(work, partial(api.revoke, work.ec2, direction, group_id, permissions(dict.fromkeys(take), ids)))


def _revoke(work: Work, call: Callable[[], None]) -> None:
    """A group may not be known yet; a rule that is gone already is fine."""
    try:
        work.settled(call, "InvalidGroup.NotFound", "InvalidGroupId")
    except Exception as error:
        if not is_code(error, "InvalidPermission.NotFound"):
            raise


# ---- endpoints


def _create_endpoint(work: Work, change: Change) -> None:
    want = change.after
    more: dict[str, Any] = {}
    if want["type"] == "Gateway":
        more["RouteTableIds"] = _ids(work, ROUTE_TABLE, want["route_tables"])
    else:
        more = {
            "SubnetIds": _ids(work, SUBNET, want["subnets"]),
            "SecurityGroupIds": _ids(work, SECURITY_GROUP, want["security_groups"]),
            "PrivateDnsEnabled": want["private_dns"],
        }
    create = partial(
        api.create_endpoint, work.ec2, work.vpc_id, want["service_name"], want["type"], want["tags"], **more
    )
    work.ids[ENDPOINT][change.name] = str(work.made(create))


def _ids(work: Work, kind: str, names: Any) -> list[str]:
    return sorted(work.id(kind, name) for name in names)


def _update_endpoint(work: Work, change: Change) -> None:
    endpoint_id, after, before = work.id(ENDPOINT, change.name), change.after, change.before
    changes: dict[str, Any] = {}
    for name, kind, argument in (
        ("subnets", SUBNET, "SubnetIds"),
        ("route_tables", ROUTE_TABLE, "RouteTableIds"),
        ("security_groups", SECURITY_GROUP, "SecurityGroupIds"),
    ):
        if name in after:
            changes[f"Add{argument}"] = _ids(work, kind, after[name] - before[name])
            changes[f"Remove{argument}"] = _ids(work, kind, before[name] - after[name])
    if "private_dns" in after:
        changes["PrivateDnsEnabled"] = after["private_dns"]
    changes = {argument: value for argument, value in changes.items() if value != []}
    if changes:
        work.made(partial(api.modify_endpoint, work.ec2, endpoint_id, **changes))
    if "tags" in after:
        api.tag(work.ec2, endpoint_id, after["tags"])


def _await_endpoints(work: Work) -> None:
    """Until an interface endpoint is there, its service's name still leads to the internet."""
    known = {it["id"]: it["state"] for it in work.current.endpoints.values()}
    new = [endpoint_id for name, endpoint_id in work.ids[ENDPOINT].items() if name in work.wanted.endpoints]
    open_ones = sorted(endpoint_id for endpoint_id in new if known.get(endpoint_id) != "available")
    if open_ones:
        wait_for(
            f"VPC endpoints {', '.join(open_ones)}",
            lambda: work.made(partial(api.endpoints, work.ec2, open_ones)),
            endpoints_verdict,
            timeout=work.timeout,
            interval=work.interval,
            clock=work.clock,
        )


def endpoints_verdict(endpoints: Sequence[Mapping[str, Any]]) -> Judgement:
    """One look at endpoints that are wanted."""
    states = {it["VpcEndpointId"]: str(it["State"]).lower() for it in endpoints}
    for endpoint_id, state in states.items():
        if state in GONE:
            error = next((it.get("LastError") for it in endpoints if it["VpcEndpointId"] == endpoint_id), None) or {}
            return failed(" ".join(filter(None, (f"{endpoint_id} is {state}", error.get("Message", "")))))
    waiting = [f"{endpoint_id} is {state}" for endpoint_id, state in states.items() if state != "available"]
    return Judgement("pending", ", ".join(waiting)) if waiting else DONE


def _delete_endpoint(work: Work, change: Change) -> None:
    endpoint_id = work.id(ENDPOINT, change.name)
    for refused in api.delete_endpoint(work.ec2, endpoint_id):
        error = refused.get("Error", {})
        if "NotFound" not in error.get("Code", ""):
            raise SlipwayError(f"AWS keeps VPC endpoint {change.name} ({endpoint_id})", error.get("Message", ""))
    wait_for(
        f"The end of VPC endpoint {change.name} ({endpoint_id})",
        lambda: _or_none(lambda: api.endpoints(work.ec2, [endpoint_id])[0]),
        gone_verdict,
        timeout=work.timeout,
        interval=work.interval,
        clock=work.clock,
    )


# ---- what keeps a subnet or a group


def _await_interfaces(work: Work, what: str, filter_name: str, value: str) -> None:
    """Network interfaces of load balancers, tasks and databases outlive these by minutes."""
    wait_for(
        f"The release of the network interfaces of {what} ({value})",
        partial(api.interfaces, work.ec2, filter_name, value),
        interfaces_verdict,
        timeout=work.timeout,
        interval=work.interval,
        hint="Remove what they belong to, then repeat the run.",
        clock=work.clock,
    )


def interfaces_verdict(found: Sequence[Mapping[str, Any]]) -> Judgement:
    if not found:
        return DONE
    listed = [" ".join(filter(None, (it["NetworkInterfaceId"], it.get("Description", "")))) for it in found]
    return Judgement("pending", f"still there: {', '.join(sorted(listed))}")
