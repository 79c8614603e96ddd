# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS has on a load balancer, in our shape.

A listener: {arn, protocol, port, ssl_policy, certificate, certificates (frozenset, the default one not in it), action,
tags}.
A rule: {arn, listener, conditions, action, tags}.
An action: {type: redirect, protocol, port, host, path, query, status}, {type: forward, groups: {name: weight},
stickiness: seconds, 0 for none} or {type: fixed-response, status, content_type, body}.
Conditions: {path | host | method | source_ip: [values], headers: {name: [values]}, query: ["key=value"]}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, together
from ansible_collections.slipway.aws.plugins.module_utils._elbv2 import api
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.describe import Described, read_both

# {field of a condition: (our word, the key of its configuration)}
_CONDITIONS = {
    "path-pattern": ("path", "PathPatternConfig"),
    "host-header": ("host", "HostHeaderConfig"),
    "http-request-method": ("method", "HttpRequestMethodConfig"),
    "source-ip": ("source_ip", "SourceIpConfig"),
}


def read_owners(
    aws: Clients, names: Mapping[str, str], groups: Mapping[str, Any] | None, group_names: Mapping[str, str]
) -> tuple[Described, Described]:
    """(load balancers, without tags and attributes; target groups), the latter as given where they are given."""
    if groups is not None:
        return read_both(aws, names, {}, details=False)[0], {name: dict(it) for name, it in groups.items()}
    return read_both(aws, names, group_names, details=False)


def read(aws: Clients, balancers: Described, groups: Mapping[str, str]) -> tuple[Described, Described]:
    """(listeners, rules), by names such as `web:443` and `web:443 rule 10`; the load balancers get their tags.

    balancers: what exists, as described; groups: {name: ARN}
    Listeners: one call per load balancer. Rules and certificates: one or two calls per listener. Tags: 20 a call, in
    one go with the listeners' and, where there are any, another for the rules'.
    """
    elb = aws.client("elbv2")
    names = {arn: name for name, arn in groups.items() if arn}
    answers = each(lambda name: api.listeners(elb, balancers[name]["arn"]), balancers)
    raw = {
        f"{name}:{listener['Port']}": listener
        for name, found in zip(balancers, answers, strict=True)
        for listener in found
    }
    arns = [it["arn"] for it in balancers.values()] + [it["ListenerArn"] for it in raw.values()]
    more = together({"tags": lambda: api.tags(elb, arns), "of_listeners": lambda: _of_listeners(elb, raw)})
    rules, certificates = more["of_listeners"]
    ours = {f"{name} rule {rule['Priority']}": (name, rule) for name in raw for rule in rules[name]}
    tags = {**more["tags"], **api.tags(elb, [it["RuleArn"] for _name, it in ours.values()])}
    for it in balancers.values():
        it["tags"] = tags.get(it["arn"], {})
    return (
        {name: listener(it, certificates.get(name, []), tags, names) for name, it in raw.items()},
        {key: rule(name, it, tags, names) for key, (name, it) in ours.items()},
    )


def by_port(arns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """{`web`: {`443`: ARN}} from {`web:443`: ARN}"""
    found: dict[str, dict[str, str]] = {}
    for name, arn in sorted(arns.items()):
        balancer, port = name.rsplit(":", 1)
        found.setdefault(balancer, {})[port] = arn
    return found


def _of_listeners(elb: Any, raw: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(rules without the default one, certificates), by listener."""
    reads = [(name, api.rules) for name in raw]
    reads += [(name, api.listener_certificates) for name, it in raw.items() if it.get("Protocol") == "HTTPS"]
    answers = each(lambda entry: entry[1](elb, raw[entry[0]]["ListenerArn"]), reads)
    rules, certificates = {}, {}
    for (name, read_one), answer in zip(reads, answers, strict=True):
        if read_one is api.rules:
            rules[name] = [it for it in answer if not it.get("IsDefault") and it["Priority"] != "default"]
        else:
            certificates[name] = answer
    return rules, certificates


def listener(
    raw: Mapping[str, Any],
    certificates: Iterable[Mapping[str, Any]],
    tags: Mapping[str, Mapping[str, str]],
    names: Mapping[str, str],
) -> dict[str, Any]:
    secure = raw.get("Protocol") == "HTTPS"
    default = next((it["CertificateArn"] for it in raw.get("Certificates") or []), None)
    # The default certificate may be in the list a second time, as an additional one.
    additional = frozenset(it["CertificateArn"] for it in certificates if not it.get("IsDefault"))
    return {
        "arn": raw["ListenerArn"],
        "protocol": raw.get("Protocol", ""),
        "port": raw["Port"],
        "ssl_policy": raw.get("SslPolicy") if secure else None,
        "certificate": default if secure else None,
        "certificates": additional - {default},
        "action": action(raw.get("DefaultActions") or [], names),
        "tags": dict(tags.get(raw["ListenerArn"], {})),
    }


def rule(
    listener_name: str, raw: Mapping[str, Any], tags: Mapping[str, Mapping[str, str]], names: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "arn": raw["RuleArn"],
        "listener": listener_name,
        "conditions": conditions(raw.get("Conditions") or []),
        "action": action(raw.get("Actions") or [], names),
        "tags": dict(tags.get(raw["RuleArn"], {})),
    }


def action(raw: list[Mapping[str, Any]], names: Mapping[str, str]) -> dict[str, Any]:
    """The last action, which decides; one of a kind that we do not make comes as its type alone, and so differs."""
    last = raw[-1] if raw else {}
    kind = last.get("Type", "")
    if len(raw) > 1:
        return {"type": " and ".join(str(it.get("Type")) for it in raw)}
    if kind == "redirect":
        config = last.get("RedirectConfig", {})
        return {
            "type": kind,
            "protocol": config.get("Protocol", "#{protocol}"),
            "port": str(config.get("Port", "#{port}")),
            "host": config.get("Host", "#{host}"),
            "path": config.get("Path", "/#{path}"),
            "query": config.get("Query", "#{query}"),
            "status": int(str(config.get("StatusCode", "HTTP_301")).removeprefix("HTTP_")),
        }
    if kind == "fixed-response":
        config = last.get("FixedResponseConfig", {})
        return {
            "type": kind,
            "status": int(config.get("StatusCode", 0)),
            "content_type": config.get("ContentType") or "text/plain",
            "body": config.get("MessageBody") or "",
        }
    return forward(last, names) if kind == "forward" else {"type": kind}


def forward(raw: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """AWS gives one target group both by itself and in ForwardConfig; a group that is not ours keeps its ARN."""
    config = raw.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or [{"TargetGroupArn": raw.get("TargetGroupArn", ""), "Weight": 1}]
    sticky = config.get("TargetGroupStickinessConfig") or {}
    return {
        "type": "forward",
        "groups": {names.get(it["TargetGroupArn"], it["TargetGroupArn"]): int(it.get("Weight", 1)) for it in groups},
        "stickiness": int(sticky.get("DurationSeconds") or 0) if sticky.get("Enabled") else 0,
    }


def conditions(raw: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for it in raw:
        field = it.get("Field", "")
        if field in _CONDITIONS:
            word, key = _CONDITIONS[field]
            config = it.get(key) or {}
            values = [*(config.get("Values") or it.get("Values") or []), *(config.get("RegexValues") or [])]
            found[word] = sorted({*found.get(word, []), *values})
        elif field == "http-header":
            config = it.get("HttpHeaderConfig", {})
            found.setdefault("headers", {})[config.get("HttpHeaderName", "")] = sorted(config.get("Values") or [])
        elif field == "query-string":
            pairs = it.get("QueryStringConfig", {}).get("Values") or []
            found["query"] = sorted(_pair(pair) for pair in pairs)
        else:
            found[field] = sorted(map(str, it.get("Values") or []))
    return found


def _pair(pair: Mapping[str, str]) -> str:
    return f"{pair['Key']}={pair['Value']}" if pair.get("Key") else pair.get("Value", "")
