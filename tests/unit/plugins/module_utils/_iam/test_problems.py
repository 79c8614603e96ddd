# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._iam.problems import problems

STACK = {"stack_name": "tvshows", "stack_environment": "prod"}
GOOD = {
    "identity_task_buckets": [{"name": "tvshows-assets", "access": "read"}],
    "identity_task_tables": [{"name": "jiki-config"}],
    "identity_task_statements": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:::q"}],
    "identity_task_policies": ["arn:aws:iam::aws:policy/service-role/X"],
    "identity_roles": [{"name": "migration"}],
    "ecs_services_task_definitions": [{"name": "m", "task_role": "migration"}, {"name": "n", "task_role": "arn:x"}],
}


def test_good_settings_have_no_problem():
    assert problems({**STACK, **GOOD}) == [] and problems(STACK) == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"stack_name": "x" * 60}, "identity_execution_name: xxx", id="a name too long"),
        pytest.param({"identity_task_name": "a b"}, "identity_task_name: a b is no name", id="a name AWS refuses"),
        pytest.param({"identity_task_buckets": ["a"]}, "identity_task_buckets: 'a' has to be", id="a bare bucket"),
        pytest.param({"identity_task_buckets": [{"name": "A"}]}, "A is no name of a bucket", id="a bucket's name"),
        pytest.param(
            {"identity_task_tables": [{"name": "abc", "access": "all"}]}, "abc: access is 'all'", id="a table's access"
        ),
        pytest.param({"identity_task_statements": [{"Effect": "Maybe"}]}, "statement 1: Effect has to be", id="effect"),
        pytest.param(
            {"identity_task_statements": [{"Effect": "Allow", "Action": "a"}]}, "Resource is missing", id="resource"
        ),
        pytest.param(
            {"identity_task_statements": [{"Effect": "Allow", "Action": "a", "Resource": "r", "Acton": 1}]},
            "Acton is not known",
            id="misspelt",
        ),
        pytest.param({"identity_task_policies": ["X"]}, "identity_task_policies: X is no ARN", id="a policy's name"),
        pytest.param({"identity_roles": [{"name": "task"}]}, "identity_roles: task is there twice", id="twice"),
        pytest.param(
            {"ecs_services_task_definitions": [{"name": "m", "task_role": "migraton"}]},
            "ecs_services_task_definitions: m: task_role: there is no role migraton",
            id="a role that does not exist",
        ),
    ],
)
def test_a_problem_names_the_variable(variables, words):
    assert any(words in problem for problem in problems({**STACK, **variables}))
