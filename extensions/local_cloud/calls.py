# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which API call a request is, and what its failure looks like in the service's protocol."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model

from .faults import Fault

# https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html: the credential scope names the service
SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/,]+)/aws4_request")
# Names in credential scopes that are not botocore's names
BOTOCORE_NAMES = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
    "elasticfilesystem": "efs",
    "email": "ses",
    "states": "stepfunctions",
}
REQUEST_ID = "00000000-0000-4000-8000-000000000000"
# The codes of throttling: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html,
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html,
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/CommonErrors.html
THROTTLING = {
    "ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
    "query": ("Throttling", "Rate exceeded", 400),
    "rest-xml": ("SlowDown", "Please reduce your request rate.", 503),
    "json": ("ThrottlingException", "Rate exceeded", 400),
}


@dataclass(frozen=True)
class Call:
    service: str  # botocore's name
    operation: str
    protocol: str

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"


def identify(environ: dict[str, Any]) -> Call | None:
    """The API call of a request, or None if it is none (moto's own pages, unsigned requests)."""
    match = SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if match is None:
        return None
    service = BOTOCORE_NAMES.get(match[1], match[1])
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if service == "sts" or not target:
        operation = _query_action(environ) or _route(service, environ)
    else:
        operation = target.split(".")[-1]
    operation = operation or f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '/')}"
    return Call(service, operation, _protocol(service, bool(target)))


Reply = tuple[int, list[tuple[str, str]], bytes]


def failure(call: Call, fault: Fault) -> Reply:
    """(status, headers, body) of a fault `throttling` or `api_error`."""
    return _reply(call, *_wording(call, fault))


def crash(call: Call, error: Exception) -> Reply:
    """What the caller of an operation that is missing or broken here gets; 501 is not tried again by SDKs."""
    if isinstance(error, NotImplementedError):
        return _reply(call, "NotImplemented", f"The embedded AWS does not have {call.name}.", 501)
    message = f"The embedded AWS failed in {call.name}: {type(error).__name__}: {error}. Its log says more."
    return _reply(call, "InternalFailure", message, 501)


def _reply(call: Call, code: str, message: str, status: int) -> Reply:
    if call.protocol in ("json", "rest-json"):
        body = f'{{"__type": "{code}", "message": {_json_string(message)}}}'
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
    elif call.protocol == "ec2":
        inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        body = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
        headers = [("Content-Type", "text/xml")]
    else:
        inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        error = f"<Error><Type>Sender</Type>{inner}</Error>"
        wrapped = f"<ErrorResponse>{error}<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        body = f"<Error>{inner}</Error>" if call.service == "s3" else wrapped
        headers = [("Content-Type", "text/xml")]
    return status, [*headers, ("x-amzn-RequestId", REQUEST_ID)], body.encode()


def _wording(call: Call, fault: Fault) -> tuple[str, str, int]:
    if fault.kind == "throttling":
        return THROTTLING.get(call.protocol, THROTTLING["json"])
    code = str(fault.options.get("code", "ServerException"))
    message = str(fault.options.get("message", "Service Unavailable. Please try again later."))
    return code, message, int(fault.options.get("status", 500 if code == "ServerException" else 400))


def _json_string(text: str) -> str:
    return json.dumps(text)


def _query_action(environ: dict[str, Any]) -> str | None:
    if "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", ""):
        body = environ["local_cloud.body"].decode("utf-8", "replace")
        return dict(parse_qsl(body)).get("Action")
    return dict(parse_qsl(environ.get("QUERY_STRING", ""))).get("Action")


def _route(service: str, environ: dict[str, Any]) -> str | None:
    """REST services: the method and the path, by the service's model."""
    try:
        operation, _parameters = get_service_router(service).match(Request(dict(environ)))
        return str(operation.name)
    except Exception:  # a request that fits no operation is counted under its path
        return None


@cache
def _protocol(service: str, has_target: bool) -> str:
    if has_target:
        return "json"
    try:
        return str(get_service_model(service).metadata["protocol"])
    except Exception:  # a service that botocore does not know
        return "query"
