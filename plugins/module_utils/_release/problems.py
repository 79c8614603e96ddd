# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be wrong with the release's settings and with what task definitions refer to. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def problems(variables: Mapping[str, Any]) -> list[str]:
    """Each one sentence that names the variable. `variables`: those of the host."""
    return [
        *order_problems(variables),
        *migration_problems(variables),
        *secret_problems(variables),
        *image_problems(variables),
    ]


def order_problems(variables: Mapping[str, Any]) -> Iterator[str]:
    services = [it["name"] for it in variables.get("ecs_services_services") or []]
    order = variables.get("release_order") or []
    listed = [name for step in order for name in (step if isinstance(step, list) else [step])]
    for name in listed:
        if name not in services:
            yield f"release_order: {name} is not in ecs_services_services ({', '.join(services) or 'empty'})"
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        yield f"release_order: {name} is there twice"
    for name in services:
        if order and name not in listed:
            yield f"release_order: service {name} is missing, it would never be released"


def migration_problems(variables: Mapping[str, Any]) -> Iterator[str]:
    migration = variables.get("release_migration") or {}
    if not migration:
        return
    definitions = {it["name"]: it for it in variables.get("ecs_services_task_definitions") or []}
    if not migration.get("task_definition"):
        yield "release_migration: task_definition is missing, the name of the task definition that migrates"
        return
    definition = definitions.get(migration["task_definition"])
    if definition is None:
        yield (
            f"release_migration: task_definition {migration['task_definition']} is not in "
            f"ecs_services_task_definitions ({', '.join(definitions) or 'empty'})"
        )
        return
    containers = [it["name"] for it in definition.get("containers") or []]
    if migration.get("container") and migration["container"] not in containers:
        known = f"{definition['name']} ({', '.join(containers)})"
        yield f"release_migration: container {migration['container']} is not in {known}"
    if not migration.get("subnets") and not variables.get("ecs_services_services"):
        yield "release_migration: subnets and security_groups are needed, there is no service to take them from"


def secret_problems(variables: Mapping[str, Any]) -> Iterator[str]:
    secrets = {it["name"]: it for it in variables.get("secrets_items") or []}
    for definition, container in containers(variables):
        for variable, reference in (container.get("secrets") or {}).items():
            name, _hash, key = str(reference).partition("#")
            where = f"ecs_services_task_definitions: {definition['name']}: container {container['name']}: {variable}"
            if name.startswith("arn:"):
                continue
            if name not in secrets:
                yield f"{where} refers to secret {name}, which is not in secrets_items"
            elif key and secrets[name].get("kind") != "json":
                yield f"{where} refers to key {key} of secret {name}, which is not of kind json"


def image_problems(variables: Mapping[str, Any]) -> Iterator[str]:
    """A name without registry and tag is meant as a repository of the stack."""
    repositories = [it["name"] for it in variables.get("ecr_repositories") or []]
    for definition, container in containers(variables):
        image = container["image"]
        registry = image.partition("/")[0]
        plain = ":" not in image and "@" not in image and "." not in registry
        if plain and image not in repositories:
            yield (
                f"ecs_services_task_definitions: {definition['name']}: container {container['name']}: image {image} is "
                f"neither in ecr_repositories ({', '.join(repositories) or 'empty'}) nor a full reference with a tag"
            )


def containers(variables: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for definition in variables.get("ecs_services_task_definitions") or []:
        for container in definition.get("containers") or []:
            yield definition, container
