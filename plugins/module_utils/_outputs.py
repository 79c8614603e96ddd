# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person wants to know of a stack that stands: addresses, services, alarms. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Result = Mapping[str, Any]


def outputs(results: Mapping[str, Result]) -> list[tuple[str, str]]:
    """(what, value) rows from the roles' results, {"alb": alb_result, …}; a role without a result has no rows."""
    return [
        *addresses(results.get("alb") or {}, results.get("certificate") or {}),
        *services(results.get("ecs_services") or {}, results.get("release") or {}),
        *stores(results.get("database") or {}, results.get("cache") or {}),
        *alarms(results.get("monitoring") or {}),
        *repositories(results.get("ecr") or {}),
    ]


def addresses(alb: Result, certificate: Result) -> Iterator[tuple[str, str]]:
    """The URL by the certificate's domain, where there is one, and the load balancer's own name for the DNS record."""
    certificates = certificate.get("certificates") or {}
    for name, balancer in (alb.get("load_balancers") or {}).items():
        scheme = "https" if "443" in balancer["listeners"] else "http"
        yield f"load balancer {name}", f"{scheme}://{balancer['dns_name']}"
    for domain, it in certificates.items():
        if it["status"] == "ISSUED":
            yield "URL", f"https://{domain}"
        else:
            yield f"certificate {domain}", it["status"]


def services(ecs: Result, release: Result) -> Iterator[tuple[str, str]]:
    for name, it in (ecs.get("services") or {}).items():
        revision = it["task_definition"].rsplit("/", 1)[-1]
        yield f"service {name}", f"{it['running']}/{it['desired']} running, {revision or 'not released yet'}"
    for repository, digest in (release.get("images") or {}).items():
        source = (release.get("sources") or {}).get(repository, "")
        yield f"image {repository}", f"{digest[:19]} ({source})" if source else digest[:19]


def stores(database: Result, cache: Result) -> Iterator[tuple[str, str]]:
    if database:
        yield "database", f"{database['endpoint']}:{database['port']}/{database['name']} ({database['status']})"
        for host in database["readers"]:
            yield "reader", f"{host}:{database['port']}"
    if cache:
        scheme = "rediss" if cache["tls"] else "redis"
        yield "cache", f"{scheme}://{cache['endpoint']}:{cache['port']} ({cache['status']})"


def alarms(monitoring: Result) -> Iterator[tuple[str, str]]:
    names = sorted(monitoring.get("alarms") or {})
    if names:
        yield "alarms", f"{len(names)}: {', '.join(names)}"


def repositories(ecr: Result) -> Iterator[tuple[str, str]]:
    for name, it in (ecr.get("repositories") or {}).items():
        yield f"repository {name}", it["uri"]
