# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The argument spec of `load_balancers`, the same for both modules: the inventory's items are given to them whole."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._acm.plan import KEY_ALGORITHMS

_CERTIFICATE: dict[str, Any] = {
    "domain": {"type": "str"},
    "alternative_names": {"type": "list", "elements": "str"},
    "validation": {"type": "str", "choices": ["dns", "email"]},
    "key_algorithm": {"type": "str", "choices": list(KEY_ALGORITHMS)},
    "arn": {"type": "str"},
}
_ONE_CERTIFICATE: dict[str, Any] = {"type": "dict", "options": _CERTIFICATE}
_CERTIFICATES: dict[str, Any] = {"type": "list", "elements": "dict", "options": _CERTIFICATE}
_ACTION: dict[str, Any] = {
    "redirect": {"type": "int"},
    "redirect_to": {
        "type": "dict",
        "options": {
            "protocol": {"type": "str", "choices": ["HTTP", "HTTPS", "#{protocol}"]},
            "port": {"type": "str"},
            "host": {"type": "str"},
            "path": {"type": "str"},
            "query": {"type": "str"},
            "status": {"type": "int", "choices": [301, 302], "default": 301},
        },
    },
    "target_group": {"type": "str"},
    "target_groups": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str", "required": True}, "weight": {"type": "int", "default": 1}},
    },
    "stickiness": {"type": "int"},
    "manage_weights": {"type": "bool", "default": False},
    "fixed_response": {
        "type": "dict",
        "options": {
            "status": {"type": "int", "required": True},
            "content_type": {"type": "str", "default": "text/plain"},
            "body": {"type": "str", "default": ""},
        },
    },
}
_RULE: dict[str, Any] = {
    "priority": {"type": "int", "required": True},
    "path": {"type": "list", "elements": "str"},
    "host": {"type": "list", "elements": "str"},
    "method": {"type": "list", "elements": "str"},
    "source_ip": {"type": "list", "elements": "str"},
    "headers": {"type": "dict"},
    "query": {"type": "list", "elements": "str"},
    **_ACTION,
}
_LISTENER: dict[str, Any] = {
    "port": {"type": "int", "required": True},
    "protocol": {"type": "str", "choices": ["HTTP", "HTTPS"]},
    "ssl_policy": {"type": "str"},
    "certificate": _ONE_CERTIFICATE,
    "certificates": _CERTIFICATES,
    **_ACTION,
    "rules": {"type": "list", "elements": "dict", "options": _RULE},
}
_TARGET_GROUP: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "aws_name": {"type": "str"},
    "port": {"type": "int", "required": True},
    "protocol": {"type": "str", "choices": ["HTTP", "HTTPS"], "default": "HTTP"},
    "protocol_version": {"type": "str", "choices": ["HTTP1", "HTTP2", "GRPC"]},
    "target_type": {"type": "str", "choices": ["ip", "instance"], "default": "ip"},
    "health_check": {
        "type": "dict",
        "options": {
            "path": {"type": "str"},
            "port": {"type": "str"},
            "protocol": {"type": "str", "choices": ["HTTP", "HTTPS"]},
            "interval": {"type": "int"},
            "timeout": {"type": "int"},
            "healthy": {"type": "int"},
            "unhealthy": {"type": "int"},
            "matcher": {"type": "str"},
        },
    },
    "deregistration_delay": {"type": "int"},
    "slow_start": {"type": "int"},
    "algorithm": {
        "type": "str",
        "choices": ["round_robin", "least_outstanding_requests", "weighted_random"],
    },
    "stickiness": {
        "type": "dict",
        "options": {
            "enabled": {"type": "bool", "default": True},
            "duration": {"type": "int"},
            "cookie": {"type": "str"},
        },
    },
}
LOAD_BALANCERS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        "name": {"type": "str", "required": True},
        "aws_name": {"type": "str"},
        "scheme": {"type": "str", "choices": ["internet-facing", "internal"], "default": "internet-facing"},
        "subnets": {"type": "str"},
        "security_groups": {"type": "list", "elements": "str", "default": []},
        "idle_timeout": {"type": "int"},
        "keep_alive": {"type": "int"},
        "http2": {"type": "bool"},
        "deletion_protection": {"type": "bool"},
        "drop_invalid_headers": {"type": "bool"},
        "access_logs": {
            "type": "dict",
            "options": {
                "enabled": {"type": "bool", "default": True},
                "bucket": {"type": "str"},
                "prefix": {"type": "str"},
            },
        },
        "certificate": _ONE_CERTIFICATE,
        "certificates": _CERTIFICATES,
        "target_groups": {"type": "list", "elements": "dict", "options": _TARGET_GROUP, "default": []},
        "listeners": {"type": "list", "elements": "dict", "options": _LISTENER, "default": []},
    },
}
