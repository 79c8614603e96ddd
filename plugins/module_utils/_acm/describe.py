# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ACM has, in our shape.

A certificate: {arn, domain, region, names (frozenset, the domain included), validation, key_algorithm, status,
failure, records, complete (all records are known), in_use_by, created, tags}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._acm import api
from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, tag_dict, together

Certificate = dict[str, Any]
Wanted = Mapping[str, Mapping[str, Any]]  # see plan.desired


def read(aws: Clients, wanted: Wanted) -> dict[str, list[Certificate]]:
    """{key: the certificates of that domain (or the adopted one)}, whoever they belong to, side by side.

    One ListCertificates per region that a domain is wanted in, then two calls per candidate.
    """
    regions = sorted({item["region"] for item in wanted.values() if not item["arn"]})
    listed = dict(zip(regions, each(lambda region: api.summaries(aws.client("acm", region)), regions), strict=True))
    work = [
        (key, item["region"], arn)
        for key, item in wanted.items()
        for arn in ([item["arn"]] if item["arn"] else _of_domain(listed[item["region"]], item["domain"]))
    ]
    looks = each(lambda entry: look(aws, entry[1], entry[2]), work)
    found: dict[str, list[Certificate]] = {key: [] for key in wanted}
    for (key, _region, _arn), certificate in zip(work, looks, strict=True):
        if certificate is not None:
            found[key].append(certificate)
    return found


def _of_domain(listed: Iterable[Mapping[str, Any]], domain: str) -> list[str]:
    """ARNs of the certificates of a domain that were requested; imported ones have no validation and no renewal."""
    return [
        summary["CertificateArn"]
        for summary in listed
        if summary.get("DomainName") == domain and summary.get("Type", "AMAZON_ISSUED") != "IMPORTED"
    ]


def look(aws: Clients, region: str, arn: str) -> Certificate | None:
    """One certificate with its tags."""
    acm = aws.client("acm", region)
    answers = together({"certificate": lambda: api.certificate(acm, arn), "tags": lambda: api.tags(acm, arn)})
    if answers["certificate"] is None:
        return None
    return describe(answers["certificate"], answers["tags"], region)


def describe(certificate: Mapping[str, Any], tags: Iterable[Mapping[str, str]], region: str) -> Certificate:
    """From DescribeCertificate's entry and ListTagsForCertificate's list."""
    options = certificate.get("DomainValidationOptions") or []
    created = certificate.get("CreatedAt") or certificate.get("ImportedAt")
    return {
        "arn": certificate["CertificateArn"],
        "domain": certificate["DomainName"],
        "region": region,
        "names": frozenset([certificate["DomainName"], *certificate.get("SubjectAlternativeNames", [])]),
        "validation": next((option["ValidationMethod"] for option in options if "ValidationMethod" in option), ""),
        # Requests say RSA_2048, answers RSA-2048.
        "key_algorithm": str(certificate.get("KeyAlgorithm", "RSA_2048")).replace("-", "_"),
        "status": certificate["Status"],
        "failure": certificate.get("FailureReason", ""),
        "records": records(options),
        "complete": bool(options) and all(_has_its_record(option) for option in options),
        "in_use_by": sorted(certificate.get("InUseBy") or []),
        "created": created.timestamp() if created else 0.0,
        "tags": tag_dict(tags),
    }


def _has_its_record(option: Mapping[str, Any]) -> bool:
    return bool(option.get("ResourceRecord")) or option.get("ValidationMethod") == "EMAIL"


def records(options: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The validation records, each once: a wildcard and its parent domain share one."""
    found = {
        option["ResourceRecord"]["Name"]: {
            "name": option["ResourceRecord"]["Name"],
            "type": option["ResourceRecord"]["Type"],
            "value": option["ResourceRecord"]["Value"],
        }
        for option in options
        if option.get("ResourceRecord")
    }
    return [found[name] for name in sorted(found)]


def result(chosen: Mapping[str, Certificate | None]) -> dict[str, Any]:
    """certificate_result, see _stack.CertificateResult. What is not there yet has an empty ARN and status."""
    return {
        "certificates": {
            key: {
                "arn": certificate["arn"] if certificate else "",
                "status": certificate["status"] if certificate else "",
                "validation_records": certificate["records"] if certificate else [],
            }
            for key, certificate in chosen.items()
        }
    }


def by_domain(chosen: dict[str, Certificate | None], region: str) -> dict[str, Certificate | None]:
    """Adopted certificates under their domain, now that it is known."""
    return {
        (
            key
            if not key.startswith("arn:") or it is None
            else it["domain"]
            if it["region"] == region
            else f"{it['domain']}@{it['region']}"
        ): it
        for key, it in chosen.items()
    }
