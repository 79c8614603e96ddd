# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics that alarms may name, by what they watch. Pure.

Names and dimensions are those of the services' own pages: Amazon ECS CloudWatch metrics, Container Insights metrics,
CloudWatch metrics for your Application Load Balancer, Amazon RDS instance and cluster metrics, Metrics for Valkey and
Redis OSS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError

Dimensions = dict[str, str]

MIB, GIB = 2**20, 2**30


@dataclass(frozen=True)
class Metric:
    """statistic: what an alarm takes unless it says; scale: how many of AWS's units one of ours has."""

    namespace: str
    name: str
    statistic: str = "Average"
    scale: int = 1


def _ecs(name: str) -> Metric:
    return Metric("AWS/ECS", name)


def _tasks(name: str) -> Metric:
    return Metric("ECS/ContainerInsights", name)


def _alb(name: str, statistic: str = "Sum") -> Metric:
    return Metric("AWS/ApplicationELB", name, statistic)


def _rds(name: str, scale: int = 1) -> Metric:
    return Metric("AWS/RDS", name, scale=scale)


def _redis(name: str, statistic: str = "Average", scale: int = 1) -> Metric:
    return Metric("AWS/ElastiCache", name, statistic, scale)


_ANSWERS = {
    "requests": _alb("RequestCount"),
    "http_2xx": _alb("HTTPCode_Target_2XX_Count"),
    "http_4xx": _alb("HTTPCode_Target_4XX_Count"),
    "http_5xx": _alb("HTTPCode_Target_5XX_Count"),
    "response_time": _alb("TargetResponseTime", "Average"),
    "connection_errors": _alb("TargetConnectionErrorCount"),
}
METRICS: dict[str, dict[str, Metric]] = {
    "service": {
        "cpu": _ecs("CPUUtilization"),
        "memory": _ecs("MemoryUtilization"),
        "running_tasks": _tasks("RunningTaskCount"),
        "pending_tasks": _tasks("PendingTaskCount"),
        "desired_tasks": _tasks("DesiredTaskCount"),
    },
    "load_balancer": {
        **_ANSWERS,
        "balancer_4xx": _alb("HTTPCode_ELB_4XX_Count"),
        "balancer_5xx": _alb("HTTPCode_ELB_5XX_Count"),
        "connections": _alb("ActiveConnectionCount"),
        "rejected_connections": _alb("RejectedConnectionCount"),
    },
    "target_group": {
        **_ANSWERS,
        "healthy_hosts": _alb("HealthyHostCount", "Minimum"),
        "unhealthy_hosts": _alb("UnHealthyHostCount", "Maximum"),
        "requests_per_target": _alb("RequestCountPerTarget"),
    },
    "database": {
        "cpu": _rds("CPUUtilization"),
        "connections": _rds("DatabaseConnections"),
        "free_memory": _rds("FreeableMemory", MIB),
        "free_storage": _rds("FreeStorageSpace", GIB),
        "read_latency": _rds("ReadLatency"),
        "write_latency": _rds("WriteLatency"),
        "queue_depth": _rds("DiskQueueDepth"),
        "replica_lag": _rds("ReplicaLag"),
        "aurora_lag": _rds("AuroraReplicaLag"),
        "capacity": _rds("ServerlessDatabaseCapacity"),
        "capacity_used": _rds("ACUUtilization"),
    },
    "cache": {
        "cpu": _redis("CPUUtilization"),
        "engine_cpu": _redis("EngineCPUUtilization"),
        "memory": _redis("DatabaseMemoryUsagePercentage"),
        "free_memory": _redis("FreeableMemory", scale=MIB),
        "connections": _redis("CurrConnections"),
        "evictions": _redis("Evictions", "Sum"),
        "replica_lag": _redis("ReplicationLag"),
        "swap": _redis("SwapUsage", scale=MIB),
    },
}
SOURCES = tuple(METRICS)
WHOLE = ("true", "yes", "on")  # `database: true` means the stack's one


def source(alarm: Mapping[str, Any]) -> tuple[str, str]:
    """What an alarm watches: ("service", "web"), ("database", "true"), or ("", "") for its own namespace.

    A target group comes with its load balancer, and counts for both.
    """
    given = [name for name in SOURCES if alarm.get(name) not in (None, "", False)]
    if "target_group" in given:
        return "target_group", str(alarm["target_group"])
    return (given[0], str(alarm[given[0]])) if given else ("", "")


def dimensions(
    alarm: Mapping[str, Any], resources: Mapping[str, Any], prefix: str, *, check: bool = False
) -> list[Dimensions]:
    """The dimensions of what an alarm watches: one set, or one a node for a cache that has several.

    resources: see option `resources` of cloudwatch_monitoring; prefix: what names of services start with
    check: what is not known yet is a placeholder and no error
    """
    kind, name = source(alarm)
    if not kind:
        return [{str(key): str(value) for key, value in (alarm.get("dimensions") or {}).items()}]
    known = _Known(str(alarm["name"]), check)
    if kind == "service":
        return [_service(name, resources, prefix, known)]
    if kind in ("load_balancer", "target_group"):
        return [_balancer(alarm, resources, known)]
    return _database(name, resources, known) if kind == "database" else _cache(name, resources, known)


@dataclass(frozen=True)
class _Known:
    alarm: str
    check: bool

    def value(self, value: Any, role: str, what: str) -> str:
        if value:
            return str(value)
        if self.check:
            return f"(known after {role})"
        raise SlipwayError(
            f"Alarm {self.alarm} cannot be made",
            f"{what} is not known",
            f"Role {role} gives it: it has to run, and end well, before role monitoring.",
        )


def _service(name: str, resources: Mapping[str, Any], prefix: str, known: _Known) -> Dimensions:
    services = {it["name"]: it.get("aws_name") for it in resources.get("services") or []}
    cluster = known.value(resources.get("cluster"), "ecs_services", "the cluster")
    return {"ClusterName": cluster, "ServiceName": str(services.get(name) or f"{prefix}-{name}")}


def _balancer(alarm: Mapping[str, Any], resources: Mapping[str, Any], known: _Known) -> Dimensions:
    balancers, groups = resources.get("load_balancers") or {}, resources.get("target_groups") or {}
    balancer = alarm.get("load_balancer") or (next(iter(balancers)) if len(balancers) == 1 else "")
    found = {"LoadBalancer": known.value(balancers.get(balancer), "alb", f"load balancer {balancer or '?'}")}
    group = alarm.get("target_group")
    if group:
        found["TargetGroup"] = known.value(groups.get(group), "alb", f"target group {group}")
    return found


def _database(name: str, resources: Mapping[str, Any], known: _Known) -> list[Dimensions]:
    if name.lower() not in WHOLE:
        return [{"DBInstanceIdentifier": name}]
    database = resources.get("database") or {}
    aurora = str(database.get("engine") or "").startswith("aurora")
    identifier = known.value(database.get("identifier"), "database", "the database's identifier")
    return [{"DBClusterIdentifier" if aurora else "DBInstanceIdentifier": identifier}]


def _cache(name: str, resources: Mapping[str, Any], known: _Known) -> list[Dimensions]:
    if name.lower() not in WHOLE:
        return [{"CacheClusterId": name}]
    cache = resources.get("cache") or {}
    identifier = known.value(cache.get("identifier"), "cache", "the cache's identifier")
    return [{"CacheClusterId": node} for node in nodes(identifier, cache)]


def nodes(identifier: str, cache: Mapping[str, Any]) -> list[str]:
    """The nodes of a replication group by ElastiCache's naming: id-001, in cluster mode id-0001-001."""
    members = [f"{number:03}" for number in range(1, int(cache.get("replicas") or 0) + 2)]
    if cache.get("mode") != "cluster":
        return [f"{identifier}-{member}" for member in members]
    shards = [f"{number:04}" for number in range(1, int(cache.get("shards") or 1) + 1)]
    return [f"{identifier}-{shard}-{member}" for shard in shards for member in members]
