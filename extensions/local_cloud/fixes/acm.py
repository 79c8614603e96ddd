# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ACM. API: https://docs.aws.amazon.com/acm/latest/APIReference/"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from moto.acm import models
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


FIXES = (validation, records)
