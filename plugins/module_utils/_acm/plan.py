# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificates a stack wants, and the changes that lead there. Pure.

A certificate never changes: other names, another key or another way of validation mean a new one beside the old one,
and the old one goes once the new one is issued and nothing uses the old one any more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._acm.describe import Certificate
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack, managed
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, plain
from ansible_collections.slipway.aws.plugins.module_utils._wait import DONE, PENDING, Judgement, failed

CERTIFICATE = "certificate"
ALIVE = ("PENDING_VALIDATION", "ISSUED")
KEY_ALGORITHMS = ("RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")
_DOMAIN = re.compile(r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")
_ARN = re.compile(r"^arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate/[A-Za-z0-9-]+$")
_KNOWN = ("domain", "alternative_names", "validation", "key_algorithm", "region", "arn")


def wanted_certificates(
    load_balancers: Iterable[Mapping[str, Any]], more: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The certificates that load balancers and their listeners name, and `more`; each once, in the inventory's order.

    A later mention of the same domain (in the same region) adds what the first one leaves open: a listener may say
    `{domain: api.example.com}` where the load balancer has said the rest.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for item in [*_mentioned(load_balancers), *more]:
        known = {field: item[field] for field in _KNOWN if item.get(field) not in (None, [], "")}
        identity = (str(known.get("arn") or known.get("domain") or ""), str(known.get("region") or ""))
        found[identity] = {**known, **found.get(identity, {})}
    return list(found.values())


def _mentioned(load_balancers: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    for balancer in load_balancers:
        for place in (balancer, *(balancer.get("listeners") or [])):
            yield from filter(None, [place.get("certificate"), *(place.get("certificates") or [])])


def problems(spec: Mapping[str, Any]) -> list[str]:
    """What is wrong with the certificates in a stack's variables, one sentence each, naming variable and item.

    spec: the variables of the host; read are alb_load_balancers, certificate_certificates and stack_region.
    """
    balancers = spec.get("alb_load_balancers") or []
    places = [
        (f"alb_load_balancers[{balancer.get('name', '?')}]", item)
        for balancer in balancers
        for item in _mentioned([balancer])
    ]
    places += [("certificate_certificates", item) for item in spec.get("certificate_certificates") or []]
    found = [sentence for where, item in places for sentence in _item_problems(where, item, spec.get("stack_region"))]
    return list(dict.fromkeys(found + _conflicts(places)))


def _item_problems(where: str, item: Mapping[str, Any], region: str | None) -> list[str]:
    arn, domain = item.get("arn"), item.get("domain")
    if bool(arn) == bool(domain):
        return [f"{where}: a certificate has either a `domain` (it is requested) or an `arn` (it exists already)."]
    if arn:
        match = _ARN.match(arn)
        if not match:
            return [f"{where}: {arn} is not the ARN of an ACM certificate."]
        if where.startswith("alb_") and region and match[1] != region:
            return [f"{where}: {arn} is in {match[1]}; a load balancer takes certificates of its own region, {region}."]
        return []
    return _domain_problems(f"{where} certificate {domain}", item, region)


def _domain_problems(where: str, item: Mapping[str, Any], region: str | None) -> list[str]:
    names = [item["domain"], *(item.get("alternative_names") or [])]
    found = [f"{where}: {name} is not a domain name (lower case, with a dot)." for name in names if not domain_ok(name)]
    if len(item["domain"]) > 64:
        found.append(f"{where}: the first name of a certificate has at most 64 characters, this one has more.")
    if (item.get("key_algorithm") or "RSA_2048") not in KEY_ALGORITHMS:
        found.append(f"{where}: key_algorithm is one of {', '.join(KEY_ALGORITHMS)}, not {item['key_algorithm']}.")
    if (item.get("validation") or "dns") not in ("dns", "email"):
        found.append(f"{where}: validation is dns or email, not {item['validation']}.")
    if where.startswith("alb_") and region and item.get("region") not in (None, "", region):
        found.append(
            f"{where}: region is {item['region']}; a load balancer takes certificates of its own region, {region}."
        )
    return found


def domain_ok(name: Any) -> bool:
    return isinstance(name, str) and len(name) <= 253 and bool(_DOMAIN.match(name))


def _conflicts(places: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Two mentions of a domain that contradict each other."""
    first: dict[tuple[str, str, str], tuple[str, Any]] = {}
    found = []
    for where, item in places:
        for field in ("alternative_names", "validation", "key_algorithm"):
            value = item.get(field)
            if value in (None, [], ""):
                continue
            place, other = first.setdefault(
                (str(item.get("domain")), str(item.get("region") or ""), field), (where, value)
            )
            if other != value:
                found.append(
                    f"{where}: certificate {item.get('domain')} has {field} {value}, but {other} in {place}; "
                    "say it in one place."
                )
    return found


def desired(items: Iterable[Mapping[str, Any]], region: str, stack: Stack) -> dict[str, dict[str, Any]]:
    """{key: what is wanted}. The key is the domain; for another region than the stack's `domain@region`; an adopted
    certificate has its ARN as key, since its domain is not known before it is read."""
    wanted = {}
    for item in items:
        arn, domain = item.get("arn") or "", item.get("domain") or ""
        where = arn.split(":")[3] if arn else item.get("region") or region
        key = arn or (domain if where == region else f"{domain}@{where}")
        wanted[key] = {
            "arn": arn,
            "domain": domain,
            "region": where,
            "names": frozenset([domain, *(item.get("alternative_names") or [])]),
            "validation": (item.get("validation") or "dns").upper(),
            "key_algorithm": item.get("key_algorithm"),
            "tags": {} if arn else stack.owned(domain),
        }
    return wanted


def fits(certificate: Certificate, wanted: Mapping[str, Any]) -> bool:
    """Whether this certificate is what the inventory describes. How an issued one was validated no longer matters."""
    if certificate["names"] != wanted["names"]:
        return False
    if wanted["key_algorithm"] and certificate["key_algorithm"] != wanted["key_algorithm"]:
        return False
    return certificate["status"] == "ISSUED" or certificate["validation"] in ("", wanted["validation"])


def choose(found: Iterable[Certificate], wanted: Mapping[str, Any], stack: Stack) -> Certificate | None:
    """The certificate to go on with: of ours that fit and live an issued one, else the newest; None for none."""
    if wanted["arn"]:
        return next(iter(found), None)
    ours = [it for it in found if stack.owns(it["tags"]) and it["status"] in ALIVE and fits(it, wanted)]
    return max(ours, key=lambda it: (it["status"] == "ISSUED", it["created"], it["arn"]), default=None)


def plan(
    current: Mapping[str, Sequence[Certificate]], wanted: Mapping[str, Mapping[str, Any]], stack: Stack
) -> list[Change]:
    changes: list[Change] = []
    for key, item in wanted.items():
        chosen = choose(current[key], item, stack)
        if item["arn"]:
            check_adopted(item["arn"], chosen)
            continue
        others = [it for it in current[key] if stack.owns(it["tags"]) and it is not chosen]
        if chosen is None:
            changes.append(_request(key, item, others))
        else:
            changes += _retag(key, item, chosen)
        changes += [
            Change("delete", CERTIFICATE, it["arn"], _summary(it), None, f"replaced, and nothing uses it ({key})")
            for it in others
            if not it["in_use_by"] and (it["status"] not in ALIVE or (chosen and chosen["status"] == "ISSUED"))
        ]
    return changes


def check_adopted(arn: str, certificate: Certificate | None) -> None:
    """An adopted certificate is read and never changed. Raises where it is not there or cannot serve any more."""
    if certificate is None:
        raise SlipwayError(
            f"Certificate {arn} does not exist",
            "the inventory names it as one that exists already",
            "Correct the ARN, or name a `domain` instead: then it is requested.",
        )
    if certificate["status"] not in ALIVE:
        raise SlipwayError(
            f"Certificate {arn} cannot be used",
            f"its status is {certificate['status']} {certificate['failure']}".strip(),
            "It is not ours to renew: renew or replace it, and correct the ARN in the inventory.",
        )


def _request(key: str, item: Mapping[str, Any], others: Sequence[Certificate]) -> Change:
    after = {field: item[field] for field in ("domain", "region", "names", "validation", "key_algorithm", "tags")}
    after["replaces"] = sorted(it["arn"] for it in others)
    return Change("create", CERTIFICATE, key, None, after, _why(item, others))


def _why(item: Mapping[str, Any], others: Sequence[Certificate]) -> str:
    if not others:
        return ""
    newest = max(others, key=lambda it: it["created"])
    if newest["status"] not in ALIVE:
        return f"the last one is {newest['status']} {newest['failure']}".strip()
    if newest["names"] != item["names"]:
        return f"other names: {', '.join(sorted(newest['names']))} -> {', '.join(sorted(item['names']))}"
    return f"{newest['key_algorithm']} by {newest['validation']} cannot be changed in place"


def _retag(key: str, item: Mapping[str, Any], chosen: Certificate) -> list[Change]:
    have = managed(chosen["tags"], item["tags"])
    if have == item["tags"]:
        return []
    return [Change("update", CERTIFICATE, key, {"tags": have}, {"tags": item["tags"]})]


def _summary(certificate: Certificate) -> dict[str, Any]:
    return {"domain": certificate["domain"], "names": certificate["names"], "status": certificate["status"]}


def plan_removal(
    current: Mapping[str, Sequence[Certificate]], wanted: Mapping[str, Mapping[str, Any]], stack: Stack
) -> list[Change]:
    """Delete what is ours. Adopted and foreign certificates stay."""
    ours = {
        it["arn"]: it
        for key, found in current.items()
        if not wanted[key]["arn"]
        for it in found
        if stack.owns(it["tags"])
    }
    return [Change("delete", CERTIFICATE, arn, _summary(it)) for arn, it in ours.items()]


def token(change: Change, stack: Stack) -> str:
    """The idempotency token of a request: the same for the same wish, another one after each replacement.

    ACM takes up to 32 letters and digits and remembers them for an hour.
    """
    return hashlib.sha256(repr((stack.prefix, plain(change.after))).encode()).hexdigest()[:32]


def judge(certificates: Mapping[str, Certificate | None]) -> Judgement:
    """One look at all certificates that are waited for: done when all are ISSUED."""
    waiting = []
    for key, it in certificates.items():
        if it is None:
            return failed(f"certificate {key} has been deleted meanwhile")
        if it["status"] == "PENDING_VALIDATION":
            waiting.append(f"{key} is not validated yet ({', '.join(how_to_validate(it['records']))})")
        elif it["status"] != "ISSUED":
            return failed(f"certificate {key} is {it['status']} {it['failure']}".strip())
    return Judgement("pending", "; ".join(waiting)) if waiting else DONE


def judge_records(certificate: Certificate | None) -> Judgement:
    """One look at a new certificate: ACM makes the validation records some seconds after the request."""
    if certificate is None:
        return PENDING
    if certificate["status"] not in ALIVE:
        return failed(f"it is {certificate['status']} {certificate['failure']}".strip())
    waits = certificate["status"] == "PENDING_VALIDATION" and not certificate["complete"]
    return Judgement("pending", "ACM has not made all validation records yet") if waits else DONE


def how_to_validate(records: Iterable[Mapping[str, str]]) -> list[str]:
    """What a person has to do so that a certificate is issued, one line for each record."""
    lines = [f"set the DNS record {record['name']} {record['type']} {record['value']}" for record in records]
    return lines or ["answer the e-mail that Amazon has sent to the owners of the domain"]


def missing(chosen: Mapping[str, Certificate | None]) -> list[dict[str, Any]]:
    """Items for `slipway_missing`: certificates that wait for what only a person can do."""
    return [
        {
            "what": f"certificate {key} is not validated yet",
            "how": [*how_to_validate(it["records"]), "AWS issues it some minutes after that"],
        }
        for key, it in chosen.items()
        if it is not None and it["status"] == "PENDING_VALIDATION"
    ]
