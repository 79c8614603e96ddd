# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors for the person at the bad hour: what failed, on what, why, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The parts of AWS error codes that say what kind of trouble it is, with what helps. First match counts.
_ADVICE: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("ExpiredToken", "RequestExpired", "TokenRefreshRequired"),
        "The credentials have expired: log in again, then repeat the run.",
    ),
    (
        ("InvalidClientTokenId", "UnrecognizedClient", "SignatureDoesNotMatch", "AuthFailure", "InvalidAccessKeyId"),
        "AWS does not know these credentials: check AWS_PROFILE or the access key, and that the region is enabled.",
    ),
    (
        ("AccessDenied", "Unauthorized", "NotAuthorized"),
        "The credentials of this run may not do that: grant the action to their role, then repeat the run.",
    ),
    (
        ("Throttl", "RequestLimitExceeded", "TooManyRequests", "SlowDown", "ServerException", "ServiceUnavailable"),
        "AWS is refusing calls for now: wait a minute and repeat the run, it goes on where it stopped.",
    ),
    (
        ("LimitExceeded", "QuotaExceeded", "TooMany", "InsufficientDBInstanceCapacity", "AddressLimit"),
        "A quota of the account is reached: raise it in Service Quotas or remove what is not needed, "
        "then repeat the run.",
    ),
)
# Errors of botocore that come without an answer from AWS: class names, what to say, what helps.
_BEFORE_THE_CALL: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"),
        "No credentials for AWS",
        "Set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or put them into stack_aws_environment.",
    ),
    (("ProfileNotFound",), "No such AWS profile", "See `aws configure list-profiles` and stack_aws_environment."),
    (
        ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"),
        "AWS cannot be reached",
        "Check the region's name, the network, and AWS_ENDPOINT_URL where one is set.",
    ),
    (("NoRegionError", "InvalidRegionError"), "No usable region", "Set stack_region, for example eu-west-1."),
)
_REPEAT = "Correct the cause and repeat the run, it goes on where it stopped."


class SlipwayError(Exception):
    """An error with a text that is complete by itself.

    what: what was attempted, on what ("Creating service web of tvshows-prod")
    why:  the cause, verbatim where AWS gave it
    hint: what to do next
    details: more for the module's result, never a secret
    """

    def __init__(self, what: str, why: str = "", hint: str = "", **details: Any) -> None:
        self.what, self.why, self.hint, self.details = what, why, hint, details
        super().__init__(self.text)

    @property
    def text(self) -> str:
        head = f"{self.what}: {self.why}" if self.why else self.what
        head = head if head.endswith((".", "!", "?")) else head + "."
        return f"{head} {self.hint}" if self.hint else head


def error_code(error: BaseException) -> str:
    """The AWS error code of a botocore ClientError, "" for anything else."""
    response = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        return ""
    return str(response.get("Error", {}).get("Code", ""))


def is_code(error: BaseException, *parts: str) -> bool:
    """True where the AWS error code of `error` contains one of `parts`."""
    code = error_code(error)
    return any(part in code for part in parts)


def _advice(code: str) -> str:
    return next((hint for parts, hint in _ADVICE if any(part in code for part in parts)), _REPEAT)


def _without_code(error: BaseException) -> str:
    """The message that AWS sent, without botocore's preamble."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Message") or error).strip()


def explain(error: BaseException, what: str = "") -> SlipwayError:
    """Any error of a call to AWS as a SlipwayError. `what` says what was being done, if that is known."""
    if isinstance(error, SlipwayError):
        return error
    code = error_code(error)
    if code:
        operation = getattr(error, "operation_name", "a call")
        return SlipwayError(
            what or f"AWS refused {operation}",
            f"{code} from {operation}: {_without_code(error)}",
            _advice(code),
            aws_error=code,
            aws_operation=operation,
        )
    kind = type(error).__name__
    for kinds, title, hint in _BEFORE_THE_CALL:
        if kind in kinds:
            return SlipwayError(what or title, str(error), hint)
    return SlipwayError(what or "The call to AWS failed", f"{kind}: {error}", _REPEAT)
