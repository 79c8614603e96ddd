# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_image
short_description: Finds the images that a release runs, by digest
description:
  - For each repository that the stack's containers use, the image is O(digest) or O(tag), else what the services run,
    else what the last good release recorded, else O(default_tag). It is looked up in ECR and returned by digest.
  - Changes nothing. A missing image is returned under C(missing) with the commands that push it.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
  services:
    description: The services, as the variable C(ecs_services_services) has them.
    type: list
    elements: dict
    default: []
  task_definitions:
    description: The task definitions, as the variable C(ecs_services_task_definitions) has them.
    type: list
    elements: dict
    default: []
  repositories:
    description: C(ecr_result.repositories), each, with C(uri).
    type: dict
    default: {}
  tag:
    description: The tag that is asked for, one for all repositories or a dictionary by repository.
    type: raw
    default: ""
  digest:
    description: The digest that is asked for, one for all repositories or a dictionary by repository.
    type: raw
    default: ""
  default_tag:
    description: The tag where nothing runs and nothing is recorded, one or a dictionary by repository.
    type: raw
    default: ""
  recorded:
    description: The digests of the last good release by repository.
    type: dict
    default: {}
  records_table:
    description: The DynamoDB table to look for O(recorded) in, where nothing is asked for and nothing runs.
    type: str
    default: ""
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Find the images
  slipway.aws.release_image:
    stack: {name: tvshows, environment: prod, role: release}
    cluster: tvshows-prod
    services: "{{ ecs_services_services }}"
    task_definitions: "{{ ecs_services_task_definitions }}"
    repositories: "{{ ecr_result.repositories }}"
    tag: "1.4.2"
"""

RETURN = r"""
images:
  description: A reference with digest for each repository that has its image.
  type: dict
  returned: always
digests:
  description: The digest for each repository that has its image.
  type: dict
  returned: always
sources:
  description: Who chose the image of each repository, one of asked, running, record and inventory.
  type: dict
  returned: always
running:
  description: The task definition revision that each service runs, by the task definition's name.
  type: dict
  returned: always
missing:
  description: Images that are not there, each C(what) and C(how), a list of commands.
  type: list
  elements: dict
  returned: always
"""

from dataclasses import replace
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, each, execute
from ansible_collections.slipway.aws.plugins.module_utils._ecs import api
from ansible_collections.slipway.aws.plugins.module_utils._ecs.service.resolve import service_name
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._release import images
from ansible_collections.slipway.aws.plugins.module_utils._release.record import NoTableError, last_good

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "default": []},
    "task_definitions": {"type": "list", "elements": "dict", "default": []},
    "repositories": {"type": "dict", "default": {}},
    "tag": {"type": "raw", "default": ""},
    "digest": {"type": "raw", "default": ""},
    "default_tag": {"type": "raw", "default": ""},
    "recorded": {"type": "dict", "default": {}},
    "records_table": {"type": "str", "default": ""},
}


def run(module: Any) -> dict[str, Any]:
    stack, aws, params = Stack.of(module.params), Clients.of(module), module.params
    uris = {name: it.get("uri", "") for name, it in params["repositories"].items()}
    running = running_definitions(aws, params["cluster"], params["services"], stack)
    names = images.used_repositories(params["task_definitions"], uris)
    asked = images.Asked(params["tag"], params["digest"], params["default_tag"])
    now = images.running_digests(running.values(), uris)
    open_still = [name for name in names if images.choose(name, replace(asked, default_tag=""), now, {}) is None]
    recorded = params["recorded"] or (last_digests(aws, params["records_table"], stack.prefix) if open_still else {})
    choices = {name: choice for name in names if (choice := images.choose(name, asked, now, recorded)) is not None}
    found = images.digests(aws.client("ecr"), choices)
    return {
        "changed": False,
        "images": {name: f"{uris[name]}@{digest}" for name, digest in found.items()},
        "digests": found,
        "sources": {name: choice.source for name, choice in choices.items()},
        "running": {name: definition["taskDefinitionArn"] for name, definition in running.items()},
        "missing": images.missing(names, choices, found, uris, aws.region),
    }


def last_digests(aws: Clients, table: str, stack: str) -> dict[str, str]:
    """Of the last good release. An account without the table has no record."""
    try:
        return dict(last_good(aws.client("dynamodb"), table, stack).get("images", {})) if table else {}
    except NoTableError:
        return {}


def running_definitions(
    aws: Clients, cluster: str, services: list[dict[str, Any]], stack: Stack
) -> dict[str, dict[str, Any]]:
    """{name of the task definition: the revision that its first service runs}."""
    ecs = aws.client("ecs")
    names = {service_name(it, stack): it["task_definition"] for it in services}
    found = api.services(ecs, cluster, list(names)) if names else []
    arns = {names[it["serviceName"]]: it["taskDefinition"] for it in reversed(found)}
    described = each(lambda arn: api.task_definition(ecs, arn), arns.values())
    return {name: it for name, it in zip(arns, described, strict=True) if it is not None}


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
