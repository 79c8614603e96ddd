# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every role's result, read from AWS by tags and names, side by side. What is not there has empty ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._acm import describe as acm
from ansible_collections.slipway.aws.plugins.module_utils._acm import plan as acm_plan
from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, each, together
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch import plan as cloudwatch
from ansible_collections.slipway.aws.plugins.module_utils._ecr import describe as ecr
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api as ecs_api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.cluster import describe as ecs_cluster
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service import describe as ecs_service
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.resolve import service_name
from ansible_collections.slipway.aws.plugins.module_utils._elasticache import describe as elasticache
from ansible_collections.slipway.aws.plugins.module_utils._elasticache import problems as elasticache_problems
from ansible_collections.slipway.aws.plugins.module_utils._elasticache import ready as elasticache_ready
from ansible_collections.slipway.aws.plugins.module_utils._elbv2 import describe as elbv2
from ansible_collections.slipway.aws.plugins.module_utils._elbv2 import plan as elbv2_plan
from ansible_collections.slipway.aws.plugins.module_utils._elbv2.api import listeners
from ansible_collections.slipway.aws.plugins.module_utils._iam import describe as iam
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import Place
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._rds import describe as rds
from ansible_collections.slipway.aws.plugins.module_utils._rds import problems as rds_problems
from ansible_collections.slipway.aws.plugins.module_utils._rds import ready as rds_ready
from ansible_collections.slipway.aws.plugins.module_utils._secrets import describe as secrets
from ansible_collections.slipway.aws.plugins.module_utils._settings import without_prefix
from ansible_collections.slipway.aws.plugins.module_utils._vpc import describe as vpc
from ansible_collections.slipway.aws.plugins.module_utils._vpc import layout

Settings = Mapping[str, Any]
Result = dict[str, Any]


def read_all(aws: Clients, stack: Stack, settings: Settings) -> dict[str, Result]:
    """{"networking_result": …, …}. settings: every variable of the roles, defaults included."""
    readers: dict[str, Callable[[Clients, Stack, Settings], Result]] = {
        "networking": networking,
        "ecr": repositories,
        "secrets": secret_items,
        "identity": identity,
        "database": database,
        "cache": cache,
        "certificate": certificates,
        "alb": load_balancers,
        "ecs_services": services,
        "monitoring": monitoring,
    }
    found = together(
        # each as its role, whose name is part of what it is found by
        {name: partial(reader, aws, replace(stack, role=name), settings) for name, reader in readers.items()}
    )
    return {f"{name}_result": result for name, result in found.items()}


def networking(aws: Clients, stack: Stack, settings: Settings) -> Result:
    spec = without_prefix(settings, "networking_")
    adopt = (spec.get("vpc") or {}).get("adopt", "")
    found = vpc.read(aws, stack, adopt)
    wanted = layout.desired(spec, stack, aws.region)
    known = {"vpc_id": adopt, "cidr": spec.get("cidr")} if adopt else {}
    addresses = {name: it.get("public_ip", "") for name, it in found.nat_gateways.items()}
    return dict(vpc.result(wanted, found.ids(), public_ips=addresses, **known))


def repositories(aws: Clients, stack: Stack, settings: Settings) -> Result:
    found = ecr.read(aws, [it["name"] for it in settings["ecr_repositories"]])
    return ecr.result({name: it for name, it in found.items() if stack.owns(it["tags"])})


def secret_items(aws: Clients, _stack: Stack, settings: Settings) -> Result:
    kinds = {it["name"]: it["kind"] for it in settings["secrets_items"]}
    return secrets.result(kinds, secrets.read(aws, kinds))


def identity(aws: Clients, stack: Stack, settings: Settings) -> Result:
    """ARNs of roles follow from their names."""
    given = {role: settings[f"identity_{role}_name"] for role in ("execution", "task")}
    names = {role: name or stack.named(role) for role, name in given.items()}
    names.update({it["name"]: it.get("aws_name") or stack.named(it["name"]) for it in settings["identity_roles"]})
    return iam.result(names, Place(settings["stack_account_id"], aws.region))


def database(aws: Clients, _stack: Stack, settings: Settings) -> Result:
    spec = rds_problems.spec_of(settings)
    if not rds_problems.wanted(spec):
        return {}
    found = rds_ready.look(aws, spec["identifier"])["instances"]
    ours = {name: it for name, it in found.items() if name == spec["identifier"] or it["source"]}
    return rds.result(ours, spec["identifier"], spec)


def cache(aws: Clients, _stack: Stack, settings: Settings) -> Result:
    spec = elasticache_problems.spec_of(settings)
    if not elasticache_problems.wanted(spec):
        return {}
    return elasticache.result(elasticache_ready.look(aws, spec["identifier"])["group"], spec)


def certificates(aws: Clients, stack: Stack, settings: Settings) -> Result:
    items = acm_plan.wanted_certificates(settings["alb_load_balancers"], settings["certificate_certificates"])
    wanted = acm_plan.desired(items, aws.region, stack)
    found = acm.read(aws, wanted)
    chosen = {key: acm_plan.choose(found[key], item, stack) for key, item in wanted.items()}
    return acm.result(acm.by_domain(chosen, aws.region))


def load_balancers(aws: Clients, stack: Stack, settings: Settings) -> Result:
    items = settings["alb_load_balancers"]
    names = elbv2_plan.aws_names(items, stack)
    group_names = elbv2_plan.aws_names(elbv2_plan.target_group_items(items), stack)
    balancers, groups = elbv2.read_both(aws, names, group_names, details=False)
    elb = aws.client("elbv2")
    found = each(lambda name: listeners(elb, balancers[name]["arn"]), balancers)
    ports = {
        name: {str(it["Port"]): it["ListenerArn"] for it in raw} for name, raw in zip(balancers, found, strict=True)
    }
    wanted = elbv2_plan.desired_target_groups(items, "", stack)
    return elbv2.result(balancers, groups, names, wanted, ports)


def services(aws: Clients, stack: Stack, settings: Settings) -> Result:
    cluster = (settings["ecs_services_cluster"] or {}).get("name") or stack.prefix
    items = {service_name(it, stack): it["name"] for it in settings["ecs_services_services"]}
    families = [it["name"] for it in settings["ecs_services_task_definitions"]]
    ecs = aws.client("ecs")
    found = together(
        {
            "cluster": lambda: ecs_cluster.read(aws, cluster),
            "services": lambda: ecs_service.read(aws, cluster, items) if items else {},
            "families": lambda: each(lambda family: ecs_api.task_definition(ecs, family), families),
        }
    )
    latest = dict(zip(families, found["families"], strict=True))
    running = {
        it["task_definition"]: found["services"][service_name(it, stack)]["task_definition"]
        for it in settings["ecs_services_services"]
        if service_name(it, stack) in found["services"]
    }
    return {
        "cluster": cluster,
        "cluster_arn": (found["cluster"] or {}).get("arn", ""),
        "log_group": (settings["ecs_services_logs"] or {}).get("group") or f"/ecs/{stack.prefix}",
        "task_definitions": {
            family: running.get(family) or (it["taskDefinitionArn"] if it else "") for family, it in latest.items()
        },
        "services": {items[name]: ecs_service.shown(name, it) for name, it in found["services"].items()},
    }


def monitoring(aws: Clients, stack: Stack, settings: Settings) -> Result:
    """ARNs of topics, alarms and log groups follow from their names."""
    return cloudwatch.result(
        without_prefix(settings, "monitoring_"), stack, Place(settings["stack_account_id"], aws.region)
    )
