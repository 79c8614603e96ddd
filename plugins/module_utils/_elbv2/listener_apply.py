# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries the plan of listeners and rules out, call by call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, tag_list
from ansible_collections.slipway.aws.plugins.module_utils._elbv2 import api
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.describe import Described
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.listener_plan import LISTENER, RULE
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._plan import Action, Change

_VALUES = {
    "path": ("path-pattern", "PathPatternConfig"),
    "host": ("host-header", "HostHeaderConfig"),
    "method": ("http-request-method", "HttpRequestMethodConfig"),
    "source_ip": ("source-ip", "SourceIpConfig"),
}


class Writer:
    """The calls for each kind of change, with the ARNs of what exists and of what it makes on the way.

    balancers and groups: {name: ARN}
    """

    def __init__(
        self,
        aws: Clients,
        balancers: Mapping[str, str],
        groups: Mapping[str, str],
        listeners: Described,
        rules: Described,
    ) -> None:
        self.elb = aws.client("elbv2")
        self.balancers, self.groups = balancers, groups
        self.listeners = {name: it["arn"] for name, it in listeners.items()}
        self.rules = {name: it["arn"] for name, it in rules.items()}
        self.ports = {name: it["port"] for name, it in listeners.items()}

    def handlers(self) -> dict[tuple[str, Action], Callable[[Change], None]]:
        return {
            (LISTENER, "create"): self.create_listener,
            (LISTENER, "update"): self.update_listener,
            (LISTENER, "delete"): self.delete_listener,
            (RULE, "create"): self.create_rule,
            (RULE, "update"): self.update_rule,
            (RULE, "delete"): lambda change: api.delete_rule(self.elb, self.rules[change.name]),
        }

    def create_listener(self, change: Change) -> None:
        wanted = change.after
        settings = {
            **self.listener_settings(wanted),
            "Port": wanted["port"],
            "Tags": tag_list(wanted["tags"]),
        }
        balancer = self.balancers[change.name.rsplit(":", 1)[0]]
        arn = api.create_listener(self.elb, balancer, **settings)
        self.listeners[change.name] = arn
        if wanted.get("certificates"):
            api.add_listener_certificates(self.elb, arn, wanted["certificates"])

    def update_listener(self, change: Change) -> None:
        arn, after = self.listeners[change.name], change.after
        settings = self.listener_settings(after)
        if settings:
            api.modify_listener(self.elb, arn, **settings)
        if "certificates" in after:
            before = set((change.before or {}).get("certificates") or ())
            if after["certificates"] - before:
                api.add_listener_certificates(self.elb, arn, after["certificates"] - before)
            if before - after["certificates"]:
                api.remove_listener_certificates(self.elb, arn, before - after["certificates"])
        if "tags" in after:
            api.tag(self.elb, arn, after["tags"])

    def delete_listener(self, change: Change) -> None:
        api.delete_listener(self.elb, self.listeners.pop(change.name))

    def create_rule(self, change: Change) -> None:
        wanted = change.after
        api.create_rule(
            self.elb,
            self.listeners[wanted["listener"]],
            int(change.name.rsplit(" ", 1)[1]),
            Conditions=conditions(wanted["conditions"]),
            Actions=[action(wanted["action"], self.groups)],
            Tags=tag_list(wanted["tags"]),
        )

    def update_rule(self, change: Change) -> None:
        arn, after = self.rules[change.name], change.after
        settings: dict[str, Any] = {}
        if "conditions" in after:
            settings["Conditions"] = conditions(after["conditions"])
        if "action" in after:
            settings["Actions"] = [action(after["action"], self.groups)]
        if settings:
            api.modify_rule(self.elb, arn, **settings)
        if "tags" in after:
            api.tag(self.elb, arn, after["tags"])

    def listener_settings(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        if fields.get("protocol"):
            settings["Protocol"] = fields["protocol"]
        if fields.get("ssl_policy"):
            settings["SslPolicy"] = fields["ssl_policy"]
        if fields.get("certificate"):
            settings["Certificates"] = [{"CertificateArn": fields["certificate"]}]
        if fields.get("action"):
            settings["DefaultActions"] = [action(fields["action"], self.groups)]
        return settings


def action(wanted: Mapping[str, Any], groups: Mapping[str, str]) -> dict[str, Any]:
    """Our action as AWS takes it."""
    if wanted["type"] == "redirect":
        config = {
            "Protocol": wanted["protocol"],
            "Port": wanted["port"],
            "Host": wanted["host"],
            "Path": wanted["path"],
            "Query": wanted["query"],
            "StatusCode": f"HTTP_{wanted['status']}",
        }
        return {"Type": "redirect", "RedirectConfig": config}
    if wanted["type"] == "fixed-response":
        response = {"StatusCode": str(wanted["status"]), "ContentType": wanted["content_type"]}
        if wanted["body"]:
            response["MessageBody"] = wanted["body"]
        return {"Type": "fixed-response", "FixedResponseConfig": response}
    forward: dict[str, Any] = {
        "TargetGroups": [
            {"TargetGroupArn": target_group_arn(name, groups), "Weight": weight}
            for name, weight in wanted["groups"].items()
        ]
    }
    if wanted["stickiness"]:
        forward["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": wanted["stickiness"]}
    return {"Type": "forward", "ForwardConfig": forward}


def target_group_arn(name: str, groups: Mapping[str, str]) -> str:
    if not groups.get(name):
        raise SlipwayError(
            f"Target group {name} does not exist", "", "Run role alb's main entry point first; it makes target groups."
        )
    return groups[name]


def conditions(wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Our conditions as AWS takes them."""
    found: list[dict[str, Any]] = []
    for word, values in wanted.items():
        if word in _VALUES:
            field, key = _VALUES[word]
            found.append({"Field": field, key: {"Values": values}})
        elif word == "headers":
            found += [
                {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": texts}}
                for name, texts in values.items()
            ]
        elif word == "query":
            found.append({"Field": "query-string", "QueryStringConfig": {"Values": [_pair(it) for it in values]}})
    return found


def _pair(text: str) -> dict[str, str]:
    key, equals, value = text.partition("=")
    return {"Key": key, "Value": value} if equals else {"Value": text}
