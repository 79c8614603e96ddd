# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rds_postgres
short_description: An RDS PostgreSQL database of a stack, with its groups, parameters and read replicas
description:
  - Keeps a DB subnet group, a parameter group, a PostgreSQL instance and its read replicas as one plan.
  - It takes the place of M(amazon.aws.rds_subnet_group), M(amazon.aws.rds_instance_param_group) and
    M(amazon.aws.rds_instance), which cost one process each, wait a fixed 30 minutes, fail in check mode on an empty
    account, and neither know owners nor take a password out of a secret.
  - V(state=present) starts what has to be done and does not wait. V(state=ready) waits until the database is
    available, makes what had to wait for that (read replicas, changes to a busy instance, reboots), and fails with
    the events of RDS as soon as the database cannot become available any more.
  - The master password is read by this module from a secret of Secrets Manager when the instance is created. It is no
    argument and is never returned, logged or compared. A password that is rotated later is the rotation's matter.
  - Storage grows by itself and is never shrunk; an instance that AWS has upgraded within its major version is never
    taken back; what AWS has been told already and does in the next maintenance window is no difference.
  - What AWS cannot change in place (encryption and its key, database name, master user, VPC, engine) is refused before
    anything is touched.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  identifier:
    description: The name of the instance, of its subnet group, and the first part of the names of everything else.
    type: str
    required: true
  engine:
    description: The engine.
    type: str
    choices: [postgres]
    default: postgres
  engine_version:
    description:
      - A major version (V(16)) or a full one (V(16.4)). A newer minor version that runs already satisfies both.
      - A major upgrade needs O(major_upgrade).
    type: str
    required: true
  instance_class:
    description: The class, for example V(db.t4g.medium).
    type: str
    required: true
  storage:
    description: The storage.
    type: dict
    suboptions:
      type:
        description: The kind of volume.
        type: str
        choices: [gp2, gp3, io1, io2]
        default: gp3
      gb:
        description: The size in GiB at creation. Later the size may only grow; a larger one than this is kept.
        type: int
        default: 20
      max_gb:
        description: Up to which size storage grows by itself. V(0) switches that off, left out it stays as it is.
        type: int
      iops:
        description: Provisioned IOPS, for V(io1), V(io2), and V(gp3) from 400 GiB on.
        type: int
      throughput:
        description: MiB a second, for V(gp3) from 400 GiB on.
        type: int
  multi_az:
    description: Whether a standby runs in a second zone.
    type: bool
  parameters:
    description:
      - The parameters of the parameter group, exactly. A parameter that is taken out of this goes back to its default.
      - A static parameter takes effect at the next reboot, which is reported and not done unless O(reboot) asks for it.
    type: dict
  backup:
    description: Automatic backups.
    type: dict
    default: {}
    suboptions:
      days:
        description: For how many days they are kept. V(0) switches them off.
        type: int
      window:
        description: When they are made, in UTC, for example V(03:00-04:00).
        type: str
  replicas:
    description:
      - How many read replicas there are, or a dictionary of C(count), C(class) and C(region).
      - They are named C(<identifier>-replica-1) and so on. What is above the count is removed.
      - C(region) is for replicas in another region, which are refused for now.
    type: raw
    default: 0
  name:
    description: The database that is made with the instance.
    type: str
    required: true
  username:
    description: The master user.
    type: str
    required: true
  password_secret:
    description: The secret that holds the master password, C(name) or C(name#key) for a key of a JSON secret.
    type: str
    required: true
  port:
    description: The port.
    type: int
    default: 5432
  subnets:
    description: Ids of the subnets, in two zones at least. Ids that are still unknown in check mode may be empty.
    type: list
    elements: str
    default: []
  vpc_id:
    description: The VPC of the subnets. An existing database in another VPC is refused.
    type: str
  security_groups:
    description: Ids of the security groups, exactly.
    type: list
    elements: str
    default: []
  encrypted:
    description: Whether storage is encrypted. Cannot be changed later.
    type: bool
    default: true
  kms_key:
    description: Id, ARN or alias of the key; without it AWS's own key for RDS. Cannot be changed later.
    type: str
  maintenance_window:
    description: When AWS may work on the instance, in UTC, for example V(sun:04:00-sun:05:00).
    type: str
  deletion_protection:
    description: Whether AWS refuses to delete the instance. Read replicas are never protected.
    type: bool
  copy_tags:
    description: Whether snapshots get the tags of the instance.
    type: bool
    default: true
  performance_insights:
    description: Whether Performance Insights is on.
    type: bool
  monitoring_interval:
    description: Seconds between samples of enhanced monitoring, V(0) for none.
    type: int
  monitoring_role_arn:
    description: The role that enhanced monitoring writes with.
    type: str
  log_exports:
    description: The logs that go to CloudWatch Logs, exactly.
    type: list
    elements: str
    choices: [postgresql, upgrade, iam-db-auth-error]
  ca_certificate:
    description: The certificate authority of the server's certificate, for example V(rds-ca-rsa2048-g1).
    type: str
  auto_minor_upgrade:
    description: Whether AWS upgrades minor versions by itself in the maintenance window.
    type: bool
  apply_immediately:
    description:
      - Whether changes that can interrupt the service (class, version, storage, standby, port) are made at once.
      - Without it they wait for the maintenance window. With it, those that wait already are made at once too.
    type: bool
    default: false
  major_upgrade:
    description: Whether another major version in O(engine_version) may be upgraded to. It cannot be taken back.
    type: bool
    default: false
  reboot:
    description: Whether V(state=ready) reboots instances whose parameters wait for it.
    type: bool
    default: false
  final_snapshot:
    description: Whether V(state=absent) takes a last snapshot.
    type: bool
    default: true
  timeout:
    description: For how many seconds V(state=ready) and V(state=absent) wait in all.
    type: int
    default: 3600
  poll_interval:
    description: Seconds between two looks while waiting.
    type: float
    default: 15
  state:
    description:
      - V(present) starts the work, V(ready) waits for it and completes it, V(absent) removes the stack's own
        database, waits until it is gone, and removes its groups.
    type: str
    choices: [present, ready, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Start the database
  slipway.aws.rds_postgres: &database
    stack: {name: tvshows, environment: prod, role: database}
    identifier: tvshows-prod
    engine_version: "16"
    instance_class: db.r5.large
    storage: {type: gp3, gb: 100, max_gb: 500}
    multi_az: true
    parameters: {shared_preload_libraries: pg_stat_statements, max_connections: 200}
    backup: {days: 7, window: "03:00-04:00"}
    replicas: 1
    name: tvshows
    username: app
    password_secret: tv-shows-api/database-password
    subnets: [subnet-0aaa, subnet-0bbb]
    security_groups: [sg-0ccc]

- name: Wait for it
  slipway.aws.rds_postgres:
    <<: *database
    state: ready
    timeout: 2400
"""

RETURN = r"""
changes:
  description: The plan, each step with C(action), resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
deferred:
  description: With O(state=present), the names of what waits until the database is available.
  type: list
  elements: str
  returned: when O(state=present)
result:
  description: V(database_result) of role database.
  type: dict
  returned: unless O(state=absent)
pending:
  description: What AWS will do in the next maintenance window, by instance.
  type: dict
  returned: unless O(state=absent)
reboot_pending:
  description: Instances with parameters that wait for a reboot.
  type: list
  elements: str
  returned: unless O(state=absent)
waited_s:
  description: For how many seconds this call waited.
  type: float
  returned: always
api_calls:
  description: How many calls to AWS were made.
  type: int
  returned: always
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._rds.context import Run
from ansible_collections.slipway.aws.plugins.module_utils._rds.problems import problems
from ansible_collections.slipway.aws.plugins.module_utils._rds.work import absent, present, ready

STORAGE: dict[str, Any] = {
    "type": {"type": "str", "choices": ["gp2", "gp3", "io1", "io2"], "default": "gp3"},
    "gb": {"type": "int", "default": 20},
    "max_gb": {"type": "int"},
    "iops": {"type": "int"},
    "throughput": {"type": "int"},
}
ARGUMENTS: dict[str, Any] = {
    "identifier": {"type": "str", "required": True},
    "engine": {"type": "str", "choices": ["postgres"], "default": "postgres"},
    "engine_version": {"type": "str", "required": True},
    "instance_class": {"type": "str", "required": True},
    "storage": {"type": "dict", "options": STORAGE, "apply_defaults": True},
    "multi_az": {"type": "bool"},
    "parameters": {"type": "dict"},
    "backup": {"type": "dict", "default": {}, "options": {"days": {"type": "int"}, "window": {"type": "str"}}},
    "replicas": {"type": "raw", "default": 0},
    "name": {"type": "str", "required": True},
    "username": {"type": "str", "required": True},
    "password_secret": {"type": "str", "required": True, "no_log": False},
    "port": {"type": "int", "default": 5432},
    "subnets": {"type": "list", "elements": "str", "default": []},
    "vpc_id": {"type": "str"},
    "security_groups": {"type": "list", "elements": "str", "default": []},
    "encrypted": {"type": "bool", "default": True},
    "kms_key": {"type": "str", "no_log": False},
    "maintenance_window": {"type": "str"},
    "deletion_protection": {"type": "bool"},
    "copy_tags": {"type": "bool", "default": True},
    "performance_insights": {"type": "bool"},
    "monitoring_interval": {"type": "int"},
    "monitoring_role_arn": {"type": "str"},
    "log_exports": {"type": "list", "elements": "str", "choices": ["postgresql", "upgrade", "iam-db-auth-error"]},
    "ca_certificate": {"type": "str"},
    "auto_minor_upgrade": {"type": "bool"},
    "apply_immediately": {"type": "bool", "default": False},
    "major_upgrade": {"type": "bool", "default": False},
    "reboot": {"type": "bool", "default": False},
    "final_snapshot": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 3600},
    "poll_interval": {"type": "float", "default": 15},
    "state": {"type": "str", "choices": ["present", "ready", "absent"], "default": "present"},
}


def run(module: Any) -> dict[str, Any]:
    asked = Run.of(module)
    state = asked.spec["state"]
    wrong = [] if state == "absent" else problems({**asked.spec, "region": asked.aws.region})
    if wrong:
        raise SlipwayError(f"Database {asked.spec['identifier']} cannot be made like this", "; ".join(wrong))
    return {"present": present, "ready": ready, "absent": absent}[state](asked)


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
