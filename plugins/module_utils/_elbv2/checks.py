# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with load balancers as they are written, found before anything is touched. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]
VARIABLE = "alb_load_balancers"
_NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$")
_MATCHER = re.compile(r"^\d{1,3}(-\d{1,3})?(,\d{1,3}(-\d{1,3})?)*$")
ACTIONS = ("redirect", "redirect_to", "target_group", "target_groups", "fixed_response")
CONDITIONS = ("path", "host", "method", "source_ip", "headers", "query")
# {field: (least, most)}, as AWS takes them
_BALANCER_LIMITS = {"idle_timeout": (1, 4000), "keep_alive": (60, 604800)}
_GROUP_LIMITS = {"port": (1, 65535), "deregistration_delay": (0, 3600)}
_CHECK_LIMITS = {"interval": (5, 300), "timeout": (2, 120), "healthy": (2, 10), "unhealthy": (2, 10)}


def problems(spec: Mapping[str, Any]) -> list[str]:
    """One sentence for each mistake, naming variable and item.

    spec: the variables of the host; read are alb_load_balancers, stack_name, stack_environment and, where they are
    there, networking_subnets (tier, zone) and networking_security_groups.
    """
    items: Sequence[Item] = spec.get(VARIABLE) or []
    prefix = f"{spec.get('stack_name', '')}-{spec.get('stack_environment', '')}"
    found = _twice(VARIABLE, "load balancer", [item.get("name") for item in items])
    groups = [(item, group) for item in items for group in item.get("target_groups") or []]
    found += _shared_groups(groups)
    for item in items:
        where = f"{VARIABLE}[{item.get('name')}]"
        found += _name(where, "load balancer", item, prefix)
        found += _limits(where, item, _BALANCER_LIMITS)
        found += _network(where, item, spec)
        found += _listeners(where, item)
    for item, group in groups:
        where = f"{VARIABLE}[{item.get('name')}].target_groups[{group.get('name')}]"
        found += _name(where, "target group", group, prefix) + _group(where, group)
    return found


def _twice(where: str, kind: str, names: Iterable[Any]) -> list[str]:
    return [f"{where}: {kind} {name} is listed {n} times." for name, n in Counter(names).items() if n > 1]


def _shared_groups(groups: Iterable[tuple[Item, Item]]) -> list[str]:
    owners: dict[Any, list[Any]] = {}
    for item, group in groups:
        owners.setdefault(group.get("name"), []).append(item.get("name"))
    return [
        f"{VARIABLE}[{names[1]}].target_groups[{group}]: it is listed under {names[0]} already; a target group serves "
        "one load balancer and is listed once."
        for group, names in owners.items()
        if len(names) > 1
    ]


def _name(where: str, kind: str, item: Item, prefix: str) -> list[str]:
    name = item.get("aws_name") or f"{prefix}-{item.get('name')}"
    if len(name) > 32:
        return [
            f"{where}: AWS's name of this {kind} would be {name}, {len(name)} characters; it takes 32. "
            "Choose a shorter name, or set aws_name."
        ]
    if not _NAME.match(name) or name.startswith("internal-"):
        return [
            f"{where}: AWS refuses {name} as the name of a {kind}: letters, digits and hyphens, no hyphen at the ends, "
            "and not starting with internal-."
        ]
    return []


def _limits(where: str, item: Item, limits: Mapping[str, tuple[int, int]]) -> list[str]:
    return [
        f"{where}: {field} is {item[field]}; AWS takes {least} to {most}."
        for field, (least, most) in limits.items()
        if item.get(field) is not None and not _within(item[field], least, most)
    ]


def _within(value: Any, least: int, most: int) -> bool:
    try:
        return least <= int(value) <= most
    except (TypeError, ValueError):
        return False


def _network(where: str, item: Item, spec: Mapping[str, Any]) -> list[str]:
    found = []
    scheme = item.get("scheme") or "internet-facing"
    tier = item.get("subnets") or ("public" if scheme == "internet-facing" else "private")
    subnets = spec.get("networking_subnets")
    if subnets is not None:
        zones = {subnet.get("zone") for subnet in subnets if subnet.get("tier") == tier}
        if len(zones) < 2:
            found.append(
                f"{where}: a load balancer needs subnets in two zones, tier {tier} of networking_subnets has "
                f"{len(zones)}."
            )
    if scheme == "internet-facing" and tier != "public":
        found.append(f"{where}: an internet-facing load balancer in subnets of tier {tier} cannot be reached.")
    groups = spec.get("networking_security_groups")
    if groups is not None:
        known = [group.get("name") for group in groups]
        found += [
            f"{where}: security group {name} is not in networking_security_groups ({_listed(known)})."
            for name in item.get("security_groups") or []
            if name not in known and not name.startswith("sg-")
        ]
    return found


def _listed(names: Iterable[Any]) -> str:
    return "there are " + ", ".join(sorted(map(str, names))) if names else "there is none"


def _group(where: str, group: Item) -> list[str]:
    found = _limits(where, group, _GROUP_LIMITS)
    if not group.get("port"):
        found.append(f"{where}: port is missing.")
    slow = group.get("slow_start")
    if slow and not _within(slow, 30, 900):
        found.append(f"{where}: slow_start is {slow}; AWS takes 0 (off) or 30 to 900 seconds.")
    if slow and group.get("algorithm") not in (None, "round_robin"):
        found.append(f"{where}: slow_start works with algorithm round_robin only.")
    return found + _health_check(f"{where}.health_check", group.get("health_check") or {})


def _health_check(where: str, check: Item) -> list[str]:
    found = _limits(where, check, _CHECK_LIMITS)
    interval, timeout = check.get("interval") or 30, check.get("timeout") or 5
    if not found and int(timeout) >= int(interval):
        found.append(f"{where}: timeout {timeout} has to be shorter than interval {interval}.")
    path, matcher = check.get("path"), check.get("matcher")
    if path and not str(path).startswith("/"):
        found.append(f"{where}: path {path} has to start with a slash.")
    if matcher and not _MATCHER.match(str(matcher)):
        found.append(f"{where}: matcher {matcher} is not of the form 200 or 200-299 or 200,202.")
    return found


def _listeners(where: str, item: Item) -> list[str]:
    listeners = item.get("listeners") or []
    ports = [listener.get("port") for listener in listeners]
    found = [f"{where}: two listeners on port {port}." for port, n in Counter(ports).items() if n > 1]
    for listener in listeners:
        here = f"{where}.listeners[{listener.get('port')}]"
        if not _within(listener.get("port"), 1, 65535):
            found.append(f"{here}: a port is a number from 1 to 65535.")
        found += _certificate(here, item, listener)
        found += _action(here, item, listener, listener.get("port"))
        found += _rules(here, item, listener)
    return found


def protocol(listener: Item) -> str:
    """HTTP or HTTPS: as it is said, else HTTPS on port 443 and where a certificate is named."""
    said = listener.get("protocol")
    if said:
        return str(said).upper()
    return "HTTPS" if listener.get("port") == 443 or listener.get("certificate") else "HTTP"


def _certificate(where: str, item: Item, listener: Item) -> list[str]:
    own = listener.get("certificate") or listener.get("certificates")
    if protocol(listener) == "HTTPS" and not (listener.get("certificate") or item.get("certificate")):
        return [f"{where}: HTTPS without a certificate; give the load balancer `certificate: {{domain: …}}` or an arn."]
    if protocol(listener) == "HTTP" and own:
        return [f"{where}: HTTP takes no certificate."]
    return []


def _action(where: str, item: Item, holder: Item, port: Any) -> list[str]:
    said = [field for field in ACTIONS if holder.get(field) not in (None, [], {})]
    if len(said) != 1:
        has = f"it has {', '.join(said)}" if said else "it has none"
        return [f"{where}: needs exactly one of {', '.join(ACTIONS)}; {has}."]
    if said[0] in ("redirect", "redirect_to"):
        return _redirect(where, item, holder, port)
    if said[0] == "fixed_response":
        status = holder["fixed_response"].get("status")
        good = re.match(r"^[245]\d\d$", str(status))
        return [] if good else [f"{where}: fixed_response status {status} is not 2xx, 4xx or 5xx."]
    return _forward(where, item, holder)


def _redirect(where: str, item: Item, holder: Item, port: Any) -> list[str]:
    target = holder.get("redirect_to") or {"port": holder.get("redirect")}
    to = target.get("port")
    elsewhere = target.get("host") not in (None, "#{host}")
    if to in (None, "#{port}") or elsewhere:
        return []
    if not _within(to, 1, 65535):
        return [f"{where}: redirect to {to}; a port is a number from 1 to 65535."]
    ports = [str(listener.get("port")) for listener in item.get("listeners") or []]
    if str(to) not in ports:
        return [f"{where}: redirects to port {to}, where this load balancer has no listener."]
    same_place = str(to) == str(port) and target.get("path") in (None, "/#{path}") and not holder.get("priority")
    return [f"{where}: redirects to itself."] if same_place else []


def _forward(where: str, item: Item, holder: Item) -> list[str]:
    known = [group.get("name") for group in item.get("target_groups") or []]
    groups: Sequence[Item] = holder.get("target_groups") or [{"name": holder.get("target_group")}]
    found = [
        f"{where}: target group {group.get('name')} is not among this load balancer's ({_listed(known)})."
        for group in groups
        if group.get("name") not in known
    ]
    found += _twice(where, "target group", [group.get("name") for group in groups])
    weights = [group.get("weight") for group in groups if group.get("weight") is not None]
    found += [f"{where}: weight {weight}; AWS takes 0 to 999." for weight in weights if not _within(weight, 0, 999)]
    if len(groups) > 5:
        found.append(f"{where}: forwards to {len(groups)} target groups; AWS takes 5.")
    return found


def _rules(where: str, item: Item, listener: Item) -> list[str]:
    rules = listener.get("rules") or []
    found = [
        f"{where}: two rules of priority {priority}."
        for priority, n in Counter(rule.get("priority") for rule in rules).items()
        if n > 1
    ]
    for rule in rules:
        here = f"{where}.rules[{rule.get('priority')}]"
        if not _within(rule.get("priority"), 1, 50000):
            found.append(f"{here}: a priority is a number from 1 to 50000.")
        values = sum(_values(rule.get(field)) for field in CONDITIONS)
        if not 1 <= values <= 5:
            found.append(f"{here}: has {values} values in {', '.join(CONDITIONS)}; AWS takes 1 to 5 in a rule.")
        found += _action(here, item, rule, listener.get("port"))
    return found


def _values(condition: Any) -> int:
    if not condition:
        return 0
    if isinstance(condition, Mapping):
        return sum(_values(value) for value in condition.values())
    return len(condition) if isinstance(condition, (list, tuple)) else 1
