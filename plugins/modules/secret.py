# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secret
short_description: Secrets of a stack - generated, composed, JSON and set by hand
description:
  - Makes the secrets of a stack and keeps them, all in one call.
  - Takes the place of M(community.aws.secretsmanager_secret), which cannot make an empty secret and would need the
    values in its arguments. Here no value that is generated or composed is ever in an argument, a result, a diff,
    a log or an error.
  - A generated value is made once and never again. A secret that a person sets is made empty and never written.
  - A composed value is written only where it differs from what is there, whoever changed it.
  - A secret of ours that is scheduled for deletion is taken back, with its value.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  items:
    description: The secrets.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The secret's name.
        type: str
        required: true
      kind:
        description:
          - V(generated) is a random value. V(composed) is O(items[].value) with its placeholders filled in.
          - V(json) is a JSON object of O(items[].keys). V(manual) is set by a person.
        type: str
        required: true
        choices: [generated, composed, json, manual]
      length:
        description: How many characters a generated value has.
        type: int
        default: 32
      charset:
        description:
          - Of what a generated value consists.
          - V(ascii) has letters, digits and the punctuation that databases and shells take as it is.
        type: str
        default: alphanumeric
        choices: [alphanumeric, hex, ascii]
      exclude:
        description: Characters that a generated value must not have.
        type: str
        default: ''
      value:
        description:
          - The template of a composed value. C({database.endpoint}) is a key of a role's result from O(facts),
            C({database.password}) the value of the secret that the database names, C({secret.name}) the value of a
            secret and C({secret.name#key}) a key of a JSON secret; C({cache.scheme}) is C(rediss) or C(redis).
          - What stands behind C(://) is percent-encoded; C({database.password:raw}) and C({database.password:url})
            say it explicitly. Every other brace is text.
        type: str
      keys:
        description:
          - The keys of a JSON secret, each a dictionary with C(kind) (V(generated), V(composed), V(literal) or
            V(manual)), C(value), C(length), C(charset) and C(exclude).
          - Generated keys are made once, keys set by a person are never written, keys that are not listed are kept.
        type: dict
      description:
        description: The secret's description. Left alone where it is not given.
        type: str
      kms_key:
        description: The KMS key, by id, ARN or alias. Left alone where it is not given.
        type: str
      replicas:
        description: The regions that hold a replica, exactly. Left alone where it is not given.
        type: list
        elements: str
  replicas:
    description: O(items[].replicas) of the items that do not say.
    type: list
    elements: str
  kms_key:
    description: O(items[].kms_key) of the items that do not say.
    type: str
  facts:
    description:
      - "The results of the roles that templates name, for example C({database: {endpoint: …}})."
      - Without it composed values are left for a later call, as are the composed keys of JSON secrets.
    type: dict
  only:
    description:
      - V(composed) keeps only what has a template, composed secrets and JSON secrets with composed keys. The others are
        read and not touched, for a call after one that has kept them.
    type: str
    choices: [all, composed]
    default: all
  recovery_days:
    description: For how many days a removed secret can be taken back, 7 to 30. V(0) removes it at once.
    type: int
    default: 7
  state:
    description: V(absent) removes the stack's own secrets of these names.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keep the secrets that need nothing else
  slipway.aws.secret:
    stack: {name: tvshows, environment: prod, role: secrets}
    items: &secrets
      - {name: tv-shows-api/database-password, kind: generated}
      - name: tv-shows-api/database-url
        kind: composed
        value: "postgresql://{database.username}:{database.password}@{database.endpoint}:{database.port}/{database.name}"
      - {name: tv-shows-api/rails-master-key, kind: manual}

- name: Compose the others, once the database is there
  slipway.aws.secret:
    stack: {name: tvshows, environment: prod, role: secrets}
    items: *secrets
    only: composed
    facts:
      database: "{{ database_result }}"
"""

RETURN = r"""
changes:
  description: The plan, each step with C(action), resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
result:
  description: V(secrets_result) of role secrets, C(secrets) by name with C(arn), C(kind) and C(has_value).
  type: dict
  returned: always
waiting:
  description: What a person has to do before every secret has its value, each with C(name), C(what) and C(command).
  type: list
  elements: dict
  returned: always
"""

from copy import deepcopy
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, outcome, table, walk
from ansible_collections.slipway.aws.plugins.module_utils._secrets.apply import handlers
from ansible_collections.slipway.aws.plugins.module_utils._secrets.describe import read, result, texts
from ansible_collections.slipway.aws.plugins.module_utils._secrets.plan import (
    plan,
    plan_removal,
    plan_restore,
    waiting,
)
from ansible_collections.slipway.aws.plugins.module_utils._secrets.problems import problems
from ansible_collections.slipway.aws.plugins.module_utils._secrets.values import Decision, Values, needed, templates

ARGUMENTS: dict[str, Any] = {
    "items": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True, "choices": ["generated", "composed", "json", "manual"]},
            "length": {"type": "int", "default": 32},
            "charset": {"type": "str", "default": "alphanumeric", "choices": ["alphanumeric", "hex", "ascii"]},
            "exclude": {"type": "str", "default": ""},
            "value": {"type": "str", "no_log": True},
            "keys": {"type": "dict", "no_log": True},
            "description": {"type": "str"},
            "kms_key": {"type": "str", "no_log": False},
            "replicas": {"type": "list", "elements": "str"},
        },
    },
    "replicas": {"type": "list", "elements": "str"},
    "kms_key": {"type": "str", "no_log": False},
    "facts": {"type": "dict"},
    "only": {"type": "str", "choices": ["all", "composed"], "default": "all"},
    "recovery_days": {"type": "int", "default": 7},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(module: Any) -> dict[str, Any]:
    items = taken(module)
    stack, aws, days = Stack.of(module.params), Clients.of(module), module.params["recovery_days"]
    for problem in problems({"secrets_items": items, "secrets_recovery_days": days, "stack_region": aws.region}):
        raise SlipwayError(problem)
    if module.params["state"] == "absent":
        return removed(module, stack, aws, items)
    return kept(module, stack, aws, items)


def taken(module: Any) -> list[dict[str, Any]]:
    """The items, with their values taken out of what the module prints as its invocation.

    Nothing else that this module returns comes from a value. So the values are also taken out of the list by which
    Ansible masks results: it would mask the letters of a short literal in the middle of every name and ARN.
    """
    items: list[dict[str, Any]] = deepcopy(module.params["items"])
    for item in items:
        for field in ("replicas", "kms_key"):
            item[field] = module.params[field] if item[field] is None else item[field]
    for item in module.params["items"]:
        for field in ("value", "keys"):
            module.no_log_values.difference_update(leaves(item.get(field)))
            if item.get(field) is not None:
                item[field] = "(value)"
    return items


def leaves(value: Any) -> set[str]:
    """The texts in a structure, as Ansible collects them for its masking."""
    if isinstance(value, (dict, list)):
        parts = value.values() if isinstance(value, dict) else value
        return {text for part in parts for text in leaves(part)}
    return set() if value is None else {str(value)}


def kept(module: Any, stack: Stack, aws: Clients, items: list[dict[str, Any]]) -> dict[str, Any]:
    kinds, facts = {item["name"]: item["kind"] for item in items}, given(module.params["facts"], stack, aws.region)
    mine = items if module.params["only"] == "all" else [item for item in items if templates(item)]
    inputs = needed(mine, facts)
    current = read(aws, dict.fromkeys([*kinds, *sorted(inputs)]))
    restored = plan_restore(current, [item["name"] for item in mine], stack)
    walk(restored, handlers(aws, current, {}), check=module.check_mode)
    unreadable = {change.name for change in restored} if module.check_mode else set()
    present = [name for name, have in current.items() if have["has_value"] and name not in unreadable]
    values = Values(mine, facts, texts(aws, inputs.intersection(present)), present, check=module.check_mode)
    # What check mode cannot read because it waits for its deletion comes back as it was.
    decisions = {name: Decision() if name in unreadable else it for name, it in values.decide().items()}
    changes = plan(current, mine, decisions, stack)
    walk(changes, handlers(aws, current, decisions), check=module.check_mode)
    everything = [*restored, *changes]
    after = read(aws, kinds) if everything and not module.check_mode else current
    waits = waiting(decisions, aws.region)
    return outcome(everything, result=result(kinds, after), waiting=waits, report=report(everything, waits))


def removed(module: Any, stack: Stack, aws: Clients, items: list[dict[str, Any]]) -> dict[str, Any]:
    current = read(aws, [item["name"] for item in items])
    changes, days = plan_removal(current, stack), module.params["recovery_days"]
    walk(changes, handlers(aws, current, {}, recovery_days=days), check=module.check_mode)
    return outcome(changes, result=result({}, {}), waiting=[])


def given(facts: dict[str, Any] | None, stack: Stack, region: str) -> dict[str, Any] | None:
    """The facts with those of the stack itself, None where this call composes nothing."""
    if facts is None:
        return None
    return {**facts, "stack": {"name": stack.name, "environment": stack.environment, "region": region}}


def report(changes: list[Change], waits: list[dict[str, str]]) -> list[dict[str, Any]]:
    tables = [table(changes)] if changes else []
    if waits:
        rows = [[it["name"], it["what"], it["command"]] for it in waits]
        tables.append({"title": "Secrets that wait for a person", "columns": ["secret", "what", "how"], "rows": rows})
    return tables


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
