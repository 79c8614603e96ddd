# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Target groups, health checks and the circuit breaker: what decides whether a new task stays. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.checks import Check, fail, ok, unseen, warn
from ansible_collections.slipway.aws.plugins.module_utils._ecs.preflight.facts import Facts, Raw, Unseen, containers

# Docker's own, which ECS takes over: HealthCheck in the API reference.
INTERVAL, TIMEOUT = 30, 5


def judge(facts: Facts) -> Iterator[Check]:
    for service in facts.services:
        definition = facts.definitions.get(service["task_definition"]) or {}
        for entry in service.get("load_balancers") or []:
            yield from target_group(facts, service, definition, entry)
        yield from container_checks(definition)
        yield from breaker(service)


def target_group(facts: Facts, service: Raw, definition: Raw, entry: Raw) -> Iterator[Check]:
    yield from ports(service, definition, entry)
    arn = str(entry["target_group"])
    on = f"{service['name']}: {arn.split('/')[1] if '/' in arn else arn}"
    if isinstance(facts.target_groups, Unseen):
        yield unseen("target group", on, facts.target_groups, "elasticloadbalancing:DescribeTargetGroups")
        return
    group = facts.target_groups.get(arn)
    if group is None:
        yield fail("target group", on, "it is not there", "Run site.yml with the role alb, which makes it.")
        return
    problems = list(_misfits(facts, service, group))
    for why, next_ in problems:
        yield fail("target group", on, why, next_)
    if not problems:
        yield ok("target group", on, "VPC and target type are right")
    yield from budget(service, definition, group, on)


def _misfits(facts: Facts, service: Raw, group: Raw) -> Iterator[tuple[str, str]]:
    if group.get("TargetType") != "ip":
        yield f"its target type is {group.get('TargetType')}, Fargate needs ip", "Make another target group."
    subnets = {} if isinstance(facts.subnets, Unseen) else facts.subnets
    vpcs = {subnets[it]["VpcId"] for it in service["subnets"] if it in subnets}
    if vpcs and group.get("VpcId") not in vpcs:
        yield f"it is in {group.get('VpcId')}, the tasks run in {', '.join(sorted(vpcs))}", "Use one of this VPC."
    if not group.get("LoadBalancerArns"):
        yield "no listener forwards to it, and ECS refuses the service then", "Add it to a listener."


def ports(service: Raw, definition: Raw, entry: Raw) -> Iterator[Check]:
    if not definition:
        return
    on = f"{service['name']}: {entry['container']}:{entry['port']}"
    container = next((it for it in containers(definition) if it["name"] == entry["container"]), None)
    if container is None:
        names = ", ".join(it["name"] for it in containers(definition))
        yield fail("container port", on, f"the task definition has {names}", "Correct load_balancers of the service.")
        return
    listed = [it.get("containerPort") for it in container.get("portMappings") or []]
    if entry["port"] not in listed:
        why = f"the container lists {', '.join(map(str, listed)) or 'no port'}"
        yield fail("container port", on, why, "Correct load_balancers of the service, or the container's ports.")
    else:
        yield ok("container port", on, "the container lists it")


def budget(service: Raw, definition: Raw, group: Raw, on: str) -> Iterator[Check]:
    """Whether a task has the time to become healthy before failing checks stop it. All times are seconds."""
    interval, timeout = int(group["HealthCheckIntervalSeconds"]), int(group["HealthCheckTimeoutSeconds"])
    if timeout >= interval:
        why = f"timeout {timeout} s is not below the interval of {interval} s"
        yield fail("health check", on, why, "Correct health_check in alb_load_balancers.")
        return
    grace = service.get("grace")
    if grace is None:
        grace = int((service.get("found") or {}).get("healthCheckGracePeriodSeconds") or 0)
    start = max(
        (int((it.get("healthCheck") or {}).get("startPeriod") or 0) for it in containers(definition)), default=0
    )
    healthy = start + interval * int(group["HealthyThresholdCount"])
    failing = interval * int(group["UnhealthyThresholdCount"])
    why = f"healthy at the latest {healthy} s after its start, stopped by failing checks after {max(grace, failing)} s"
    if start and max(grace, failing) < healthy:
        yield warn("health check", on, why, f"Set grace of the service to {healthy} or more.")
    else:
        yield ok("health check", on, why)


def container_checks(definition: Raw) -> Iterator[Check]:
    for container in containers(definition):
        check = container.get("healthCheck")
        if not check:
            continue
        interval, timeout = int(check.get("interval") or INTERVAL), int(check.get("timeout") or TIMEOUT)
        on = f"{definition['family']}: {container['name']}"
        if timeout >= interval:
            why = f"timeout {timeout} s is not below the interval of {interval} s"
            yield warn("health check", on, why, "Correct health_check of the container.")
        else:
            yield ok("health check", on, f"timeout {timeout} s, interval {interval} s")


def breaker(service: Raw) -> Iterator[Check]:
    settings = service.get("deployment") or {}
    if settings.get("breaker") is False:
        why = "it is off: ECS starts failing tasks for ever"
        yield warn("circuit breaker", service["name"], why, "Set deployment.breaker of the service to true.")
    else:
        yield ok("circuit breaker", service["name"], "it is on")
