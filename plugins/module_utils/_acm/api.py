# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to ACM, one function each. Every region has its own client."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import pages
from ansible_collections.slipway.aws.plugins.module_utils._errors import is_code

# ListCertificates shows nothing but RSA up to 2048 bits unless the others are asked for.
KEY_TYPES = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]


def summaries(acm: Any) -> list[dict[str, Any]]:
    """All certificates of the region, as ListCertificates gives them: without tags and validation records."""
    return pages(acm, "list_certificates", "CertificateSummaryList", Includes={"keyTypes": KEY_TYPES})


def certificate(acm: Any, arn: str) -> dict[str, Any] | None:
    """A certificate as DescribeCertificate gives it, None where there is none."""
    try:
        return dict(acm.describe_certificate(CertificateArn=arn)["Certificate"])
    except Exception as error:
        if is_code(error, "ResourceNotFound"):
            return None
        raise


def tags(acm: Any, arn: str) -> list[dict[str, str]]:
    """The tags, none where the certificate has gone meanwhile."""
    try:
        return list(acm.list_tags_for_certificate(CertificateArn=arn).get("Tags", []))
    except Exception as error:
        if is_code(error, "ResourceNotFound"):
            return []
        raise


def request(acm: Any, domain: str, token: str, **settings: Any) -> str:
    """The ARN. A repetition with the same token within an hour gives the same certificate."""
    return str(acm.request_certificate(DomainName=domain, IdempotencyToken=token, **settings)["CertificateArn"])


def tag(acm: Any, arn: str, pairs: list[dict[str, str]]) -> None:
    acm.add_tags_to_certificate(CertificateArn=arn, Tags=pairs)


def delete(acm: Any, arn: str) -> None:
    """Delete a certificate. AWS refuses while something uses it (ResourceInUseException)."""
    try:
        acm.delete_certificate(CertificateArn=arn)
    except Exception as error:
        if not is_code(error, "ResourceNotFound"):
            raise
