# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that bring the listeners and rules of load balancers to what is wanted, exactly. Pure.

Which target groups a listener may use is the inventory's to say; how much traffic each of them gets belongs to a
traffic shift, and is left alone unless the listener says `manage_weights`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._acm.plan import how_to_validate
from ansible_collections.slipway.aws.plugins.module_utils._aws import batches
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.checks import protocol
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, managed, require_ours
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare

LISTENER = "listener"
RULE = "listener rule"
SSL_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
HIGHEST_PRIORITY = 50000
GROUPS_A_FORWARD = 5
NOBODY = "192.0.2.1/32"  # of TEST-NET-1 (RFC 5737): no client has that address
UNKNOWN_CERTIFICATE = "(known after certificate)"
Certificates = Mapping[str, Mapping[str, Any]]  # certificate_result.certificates
Wanted = dict[str, dict[str, Any]]


def names(balancers: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """{`web:443`: (load balancer, listener)}"""
    return {
        f"{item['name']}:{listener['port']}": (item, listener)
        for item in balancers
        for listener in item.get("listeners") or []
    }


def find_certificate(item: Mapping[str, Any], certificates: Certificates) -> dict[str, Any]:
    """{name, arn, status, validation_records} of a certificate that the inventory names by domain or ARN.

    One that is named by ARN and not among `certificates` is taken as it is. A status of "" means that the certificate
    would be requested by this very run (check mode).
    """
    arn, domain = item.get("arn"), item.get("domain") or ""
    if arn:
        known = next((it for it in certificates.values() if it.get("arn") == arn), {})
        return {"name": arn, "arn": arn, "status": "ISSUED", "validation_records": [], **known}
    known = certificates.get(domain, {})
    return {"arn": "", "status": "", "validation_records": [], **known, "name": domain}


def usable(certificate: Mapping[str, Any]) -> bool:
    return certificate["status"] in ("ISSUED", "")


def certificates_of(
    item: Mapping[str, Any], listener: Mapping[str, Any], certificates: Certificates
) -> list[dict[str, Any]]:
    """The certificates of an HTTPS listener, its default one first; the load balancer's where it names none."""
    if protocol(listener) != "HTTPS":
        return []
    first = listener.get("certificate") or item.get("certificate") or {}
    more = [*(item.get("certificates") or []), *(listener.get("certificates") or [])]
    found = [find_certificate(it, certificates) for it in [first, *more]]
    return [it for n, it in enumerate(found) if it["name"] not in [other["name"] for other in found[:n]]]


def desired(
    balancers: Iterable[Mapping[str, Any]], certificates: Certificates, stack: Stack
) -> tuple[Wanted, Wanted, list[dict[str, Any]]]:
    """(listeners, rules, what is missing). A listener whose certificate is not issued yet has certificate None."""
    listeners, rules, missing = {}, {}, []
    for name, (item, listener) in names(balancers).items():
        used = certificates_of(item, listener, certificates)
        missing += [_missing(name, it, default=n == 0) for n, it in enumerate(used) if not usable(it)]
        listeners[name] = desired_listener(listener, used, stack)
        for rule in listener.get("rules") or []:
            rules[f"{name} rule {rule['priority']}"] = {
                "listener": name,
                "conditions": desired_conditions(rule),
                "action": desired_action(rule),
                "manage_weights": bool(rule.get("manage_weights")),
                "tags": stack.owned(),
            }
    return listeners, rules, missing


def desired_listener(listener: Mapping[str, Any], used: list[dict[str, Any]], stack: Stack) -> dict[str, Any]:
    secure = protocol(listener) == "HTTPS"
    ready = [it["arn"] or UNKNOWN_CERTIFICATE for it in used if usable(it)]
    default = ready[0] if used and usable(used[0]) else None
    return {
        "protocol": protocol(listener),
        "port": listener["port"],
        "ssl_policy": (listener.get("ssl_policy") or SSL_POLICY) if secure else None,
        "certificate": default,
        "certificates": frozenset(ready) - {default} if secure else None,
        "certificates_pending": len(ready) < len(used),
        "action": desired_action(listener),
        "manage_weights": bool(listener.get("manage_weights")),
        "tags": stack.owned(),
    }


def _missing(name: str, certificate: Mapping[str, Any], *, default: bool) -> dict[str, Any]:
    """An item for `slipway_missing`."""
    what = "does not serve HTTPS" if default else "does not serve that domain"
    return {
        "what": f"listener {name} {what} until certificate {certificate['name']} is issued "
        f"(it is {certificate['status']})",
        "how": how_to_validate(certificate["validation_records"]),
    }


def desired_action(holder: Mapping[str, Any]) -> dict[str, Any]:
    """The action of a listener or rule in the shape of describe."""
    if holder.get("redirect") or holder.get("redirect_to"):
        return _redirect(holder.get("redirect_to") or {}, holder.get("redirect"))
    if holder.get("fixed_response"):
        given = holder["fixed_response"]
        return {
            "type": "fixed-response",
            "status": int(given["status"]),
            "content_type": given.get("content_type") or "text/plain",
            "body": given.get("body") or "",
        }
    groups = holder.get("target_groups") or [{"name": holder.get("target_group"), "weight": 1}]
    return {
        "type": "forward",
        "groups": {it["name"]: 1 if it.get("weight") is None else int(it["weight"]) for it in groups},
        "stickiness": int(holder.get("stickiness") or 0),
    }


def _redirect(given: Mapping[str, Any], port: Any) -> dict[str, Any]:
    """To HTTPS on `port`, unless told otherwise; #{…} keeps that part of the address as it came."""
    target = str(port or given.get("port") or "#{port}")
    schemes = {"80": "HTTP", "#{port}": "#{protocol}"}
    return {
        "type": "redirect",
        "protocol": given.get("protocol") or schemes.get(target, "HTTPS"),
        "port": target,
        "host": given.get("host") or "#{host}",
        "path": given.get("path") or "/#{path}",
        "query": "#{query}" if given.get("query") is None else given["query"],
        "status": int(given.get("status") or 301),
    }


def desired_conditions(rule: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        word: sorted(map(str, rule[word]))
        for word in ("path", "host", "method", "source_ip", "query")
        if rule.get(word)
    }
    if rule.get("headers"):
        found["headers"] = {
            name: sorted(map(str, values if isinstance(values, list) else [values]))
            for name, values in rule["headers"].items()
        }
    return found


def plan(
    listeners: Mapping[str, Mapping[str, Any]],
    rules: Mapping[str, Mapping[str, Any]],
    wanted_listeners: Wanted,
    wanted_rules: Wanted,
) -> list[Change]:
    """Listeners, then their rules, then what is not in the inventory: so no request falls between two rules.

    A listener that waits for its certificate is not made (see stand_ins); where it exists already it keeps the
    certificate that it has.
    """
    held_back = {name for name, it in wanted_listeners.items() if waits(it, listeners.get(name))}
    settled = {name: settle(it, listeners.get(name)) for name, it in wanted_listeners.items() if name not in held_back}
    kept_rules = {name: it for name, it in wanted_rules.items() if it["listener"] not in held_back}
    kept_rules |= stand_ins(wanted_listeners, wanted_rules, held_back)
    settled_rules = {name: settle(it, rules.get(name)) for name, it in kept_rules.items()}
    current = {name: it for name, it in listeners.items() if name not in held_back}
    # Rules go with their listener: those of one that is deleted need no step of their own.
    current_rules = {name: it for name, it in rules.items() if it["listener"] in settled}
    changes = compare(LISTENER, with_our_tags(current, settled), settled, purge=True)
    changes += compare(RULE, with_our_tags(current_rules, settled_rules), settled_rules, purge=True)
    return sorted(changes, key=lambda change: change.action == "delete")


def waits(wanted: Mapping[str, Any], have: Mapping[str, Any] | None) -> bool:
    """Whether a listener cannot be made, or turned from HTTP, before its certificate is issued."""
    if wanted["protocol"] != "HTTPS" or wanted["certificate"]:
        return False
    return have is None or have["protocol"] != "HTTPS"


def stand_ins(wanted_listeners: Wanted, wanted_rules: Wanted, held_back: set[str]) -> Wanted:
    """Rules that tie the target groups of a listener that waits to their load balancer, by a listener that does not.

    ECS makes no service for a target group that no load balancer uses; so without them nothing could start before the
    certificate is issued. No request ever meets their condition. They go when the listener comes.
    """
    found: Wanted = {}
    for balancer in sorted({_balancer(name) for name in held_back}):
        listeners = {name: it for name, it in wanted_listeners.items() if _balancer(name) == balancer}
        rules = {name: it for name, it in wanted_rules.items() if it["listener"] in listeners}
        kept = [it for name, it in listeners.items() if name not in held_back]
        tied = _groups([*kept, *(it for it in rules.values() if it["listener"] not in held_back)])
        loose = [name for name in _groups([*listeners.values(), *rules.values()]) if name not in tied]
        host = next((name for name in listeners if name not in held_back), None)
        if host is None:
            continue
        free = (n for n in range(HIGHEST_PRIORITY, 0, -1) if f"{host} rule {n}" not in rules)
        for batch in batches(loose, GROUPS_A_FORWARD):
            found[f"{host} rule {next(free)}"] = {
                "listener": host,
                "conditions": {"source_ip": [NOBODY]},
                "action": {"type": "forward", "groups": dict.fromkeys(batch, 1), "stickiness": 0},
                "manage_weights": False,
                "tags": listeners[host]["tags"],
            }
    return found


def _balancer(listener_name: str) -> str:
    return listener_name.rsplit(":", 1)[0]


def _groups(holders: Iterable[Mapping[str, Any]]) -> list[str]:
    """The target groups that listeners and rules forward to, each once."""
    return list(dict.fromkeys(name for it in holders for name in it["action"].get("groups", {})))


def settle(wanted: Mapping[str, Any], have: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is wanted, given what is there: weights that a traffic shift owns, certificates that still have to serve."""
    settled = {key: value for key, value in wanted.items() if key not in ("manage_weights", "certificates_pending")}
    if have is None:
        return settled
    if not wanted["manage_weights"]:
        settled["action"] = keep_weights(wanted["action"], have["action"])
    if wanted.get("certificates_pending"):
        # An old certificate may be serving in place of one that is not issued yet: add, do not take away.
        settled["certificates"] = (wanted["certificates"] | have["certificates"]) - {wanted["certificate"]}
    return settled


def keep_weights(wanted: Mapping[str, Any], have: Mapping[str, Any]) -> dict[str, Any]:
    """The wanted action with the weights that are there. A group that comes new gets none of the traffic."""
    if wanted["type"] != "forward" or have.get("type") != "forward":
        return dict(wanted)
    weights = {name: have["groups"].get(name, 0) for name in wanted["groups"]}
    return {**wanted, "groups": weights} if any(weights.values()) else dict(wanted)


def refuse_unknown(changes: Iterable[Change]) -> None:
    """Raise where a listener needs a certificate that nobody knows. Check mode prints the placeholder instead."""
    for change in changes:
        after = change.after if isinstance(change.after, Mapping) else {}
        if UNKNOWN_CERTIFICATE in (after.get("certificate"), *(after.get("certificates") or ())):
            raise SlipwayError(
                f"{change.resource} {change.name} cannot be made",
                "its certificate is not known",
                "Name the certificate under the load balancer or in certificate_certificates, and run role certificate "
                "first.",
            )


def require_owned(balancers: Mapping[str, Mapping[str, Any]], stack: Stack) -> None:
    for have in balancers.values():
        require_ours(stack, "load balancer", have["aws_name"], have["tags"])


def refuse_missing(wanted: Mapping[str, str], balancers: Mapping[str, Any]) -> None:
    absent = sorted(set(wanted) - set(balancers))
    if absent:
        raise SlipwayError(
            f"Load balancer {', '.join(absent)} does not exist",
            "its listeners cannot be made",
            "Run role alb's main entry point first; it makes load balancers.",
        )


def with_our_tags(current: Mapping[str, Mapping[str, Any]], wanted: Wanted) -> dict[str, dict[str, Any]]:
    return {
        name: {**it, "tags": managed(it["tags"], wanted.get(name, {}).get("tags", {}))} for name, it in current.items()
    }
