# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles give each other: the type of every `<role>_result`.

A role sets its result after its work; `stack_info` reads the same dicts from AWS. Ids and ARNs are strings, names are
the inventory's unless said otherwise, times are seconds.
"""

from __future__ import annotations

from typing import TypedDict


class Subnet(TypedDict):
    id: str
    cidr: str
    tier: str  # public | private | database
    zone: str  # us-east-1a


class NetworkingResult(TypedDict):
    vpc_id: str
    cidr: str
    subnets: dict[str, Subnet]
    tiers: dict[str, list[str]]  # {"public": [subnet ids in the inventory's order]}
    security_groups: dict[str, str]  # {name: id}
    route_tables: dict[str, str]  # {"public" | "private" | "private-a" | "database": id}
    internet_gateway_id: str
    nat_gateways: dict[str, dict[str, str]]  # {"nat" | "nat-a": {"id", "public_ip"}}
    network_acls: dict[str, str]  # {tier: id}
    endpoints: dict[str, str]  # {"s3": id}


class Repository(TypedDict):
    arn: str
    uri: str


class EcrResult(TypedDict):
    repositories: dict[str, Repository]


class Secret(TypedDict):
    arn: str
    kind: str  # generated | composed | json | manual
    has_value: bool


class SecretsResult(TypedDict):
    secrets: dict[str, Secret]  # values never


class IdentityResult(TypedDict):
    execution_role_arn: str
    task_role_arn: str
    roles: dict[str, str]  # {"execution" | "task" | further names: ARN}


class DatabaseResult(TypedDict):
    identifier: str
    arn: str
    status: str
    engine: str
    engine_version: str
    endpoint: str  # host name
    port: int
    name: str
    username: str
    password_secret: str  # name of the secret that holds the password
    readers: list[str]  # host names of the replicas


class CacheResult(TypedDict):
    identifier: str
    arn: str
    status: str
    engine: str
    engine_version: str
    endpoint: str  # host name of the primary, or of the configuration endpoint in cluster mode
    reader_endpoint: str
    port: int
    tls: bool


class ValidationRecord(TypedDict):
    name: str
    type: str
    value: str


class Certificate(TypedDict):
    arn: str
    status: str  # PENDING_VALIDATION | ISSUED | …
    validation_records: list[ValidationRecord]


class CertificateResult(TypedDict):
    certificates: dict[str, Certificate]  # by domain


class LoadBalancer(TypedDict):
    arn: str
    dns_name: str
    zone_id: str
    full_name: str  # app/<name>/<id>: the dimension of its metrics
    listeners: dict[str, str]  # {"443": ARN}


class TargetGroup(TypedDict):
    arn: str
    full_name: str  # targetgroup/<name>/<id>
    port: int
    protocol: str


class AlbResult(TypedDict):
    load_balancers: dict[str, LoadBalancer]
    target_groups: dict[str, TargetGroup]


class Service(TypedDict):
    name: str  # AWS's name
    arn: str
    task_definition: str  # ARN of the running revision
    desired: int
    running: int


class EcsServicesResult(TypedDict):
    cluster: str  # AWS's name
    cluster_arn: str
    log_group: str
    task_definitions: dict[str, str]  # {name: ARN of the latest active revision}
    services: dict[str, Service]


class MonitoringResult(TypedDict):
    topics: dict[str, str]  # {name: ARN}
    alarms: dict[str, str]  # {name: ARN}
    log_groups: dict[str, str]  # {AWS's name: ARN}
