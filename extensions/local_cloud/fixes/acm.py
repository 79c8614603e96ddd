# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ACM. API: https://docs.aws.amazon.com/acm/latest/APIReference/"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from moto.acm import models, responses
from moto.acm.exceptions import AWSError
from moto.elbv2.models import elbv2_backends
from moto.route53.models import route53_backends

from ..patching import replaces
from ..settings import SETTINGS


def validation() -> None:
    """A certificate is issued once its CNAME records are there (API_RequestCertificate.html, dns-validation.html).

    Where no hosted zone of this account covers a domain, its record is in somebody else's hands and is taken to be
    there, unless `certificate_needs_record` is set.
    """

    @replaces(models.CertBundle, "check")
    def check(original: Any, self: Any) -> None:
        if self.type != "AMAZON_ISSUED" or self.status != "PENDING_VALIDATION":
            original(self)
            return
        if not all(_has_record(self, name) for name in _names(self)):
            self.__dict__.pop("validated_at", None)
            return
        validated_at = self.__dict__.setdefault("validated_at", time.time())
        if time.time() >= validated_at + SETTINGS.certificate_seconds:
            self.status = "ISSUED"


def records() -> None:
    """A domain and its wildcard have one record in common, the same at every look (dns-validation.html)."""

    @replaces(models.CertBundle, "describe")
    def describe(original: Any, self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = original(self)
        certificate = answer["Certificate"]
        if self.type != "AMAZON_ISSUED":
            return answer
        issued = certificate["Status"] == "ISSUED"
        names = _names(self)
        certificate["SubjectAlternativeNames"] = names
        certificate["DomainValidationOptions"] = [
            {
                "DomainName": name,
                "ValidationDomain": name,
                "ValidationStatus": "SUCCESS" if issued else "PENDING_VALIDATION",
                "ValidationMethod": "DNS",
                "ResourceRecord": _record(self, name),
            }
            for name in names
        ]
        for key in () if issued else ("IssuedAt", "NotAfter", "NotBefore"):
            certificate.pop(key, None)
        return answer


def requests() -> None:
    """A certificate has the key and the validation that were asked for (API_RequestCertificate.html).

    Validation by e-mail has no record (email-validation.html).
    """

    @replaces(responses.AWSCertificateManagerResponse, "request_certificate")
    def request(original: Any, self: Any) -> Any:
        answer = original(self)
        certificate = self.acm_backend._certificates[answer.result["CertificateArn"]]
        certificate.asked = {name: self._get_param(name) for name in ("KeyAlgorithm", "ValidationMethod")}
        return answer

    @replaces(models.CertBundle, "describe")
    def describe(original: Any, self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = original(self)
        asked, certificate = self.__dict__.get("asked", {}), answer["Certificate"]
        if asked.get("KeyAlgorithm"):
            certificate["KeyAlgorithm"] = asked["KeyAlgorithm"]
        if asked.get("ValidationMethod") == "EMAIL":
            for option in certificate["DomainValidationOptions"]:
                option["ValidationMethod"] = "EMAIL"
                del option["ResourceRecord"]
        return answer


def in_use() -> None:
    """InUseBy names the load balancers that serve a certificate, and until none does it cannot be deleted:
    ResourceInUseException (API_CertificateDetail.html, API_DeleteCertificate.html)."""

    @replaces(models.CertBundle, "describe")
    def describe(original: Any, self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = original(self)
        answer["Certificate"]["InUseBy"] = _users(self.arn)
        return answer

    @replaces(models.AWSCertificateManagerBackend, "delete_certificate")
    def delete(original: Any, self: Any, arn: str) -> Any:
        if _users(arn):
            raise AWSError(f"Certificate {arn} in account is in use.", exception_type="ResourceInUseException")
        return original(self, arn)


def tokens() -> None:
    """The token of a certificate that has been deleted gives a new one (API_RequestCertificate.html)."""

    @replaces(models.AWSCertificateManagerBackend, "_get_arn_from_idempotency_token")
    def remembered(original: Any, self: Any, token: str) -> str | None:
        arn = original(self, token)
        return arn if arn in self._certificates else None


def _users(arn: str) -> list[str]:
    region, account = arn.split(":")[3:5]
    balancers = elbv2_backends[account][region].load_balancers.values()
    return [
        balancer.arn
        for balancer in balancers
        if any(arn in listener.certificates for listener in balancer.listeners.values())
    ]


def _names(certificate: Any) -> list[str]:
    """The domain name first, as it was asked for; each name once."""
    return list(dict.fromkeys([certificate.common_name, *sorted(certificate.sans)]))


def _record(certificate: Any, name: str) -> dict[str, str]:
    base = name.removeprefix("*.")
    account = certificate.arn.split(":")[4]
    label = hashlib.sha256(f"{account}/{base}".encode()).hexdigest()
    return {
        "Name": f"_{label[:32]}.{base}.",
        "Type": "CNAME",
        "Value": f"_{label[32:]}.{label[:10]}.acm-validations.aws.",
    }


def _has_record(certificate: Any, name: str) -> bool:
    record = _record(certificate, name)
    zones = route53_backends[certificate.arn.split(":")[4]]["aws"].zones.values()
    covering = [zone for zone in zones if record["Name"].endswith("." + zone.name.rstrip(".") + ".")]
    if not covering:
        return not SETTINGS.certificate_needs_record
    return any(entry.name.rstrip(".") == record["Name"].rstrip(".") for zone in covering for entry in zone.rrsets)


FIXES = (validation, records, requests, in_use, tokens)
