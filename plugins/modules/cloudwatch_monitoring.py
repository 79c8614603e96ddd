# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_monitoring
short_description: Log groups, alarms and where they go, of a stack
description:
  - Keeps log groups with their retention, metric filters, SNS topics with their subscriptions and CloudWatch alarms of
    a stack, all in one call. What is left out is not managed.
  - Takes the place of M(amazon.aws.cloudwatchlogs_log_group), M(community.aws.sns_topic) and
    M(amazon.aws.cloudwatch_metric_alarm), of which the last always reports a change where an alarm has metric math,
    and which would take a task for each part.
  - Alarms name what they watch and a metric by a short name, the dimensions follow. They are exact - every field is
    compared, and an alarm of the stack that is not listed any more is removed, as is a topic. Log groups are never
    removed but by O(state=absent).
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  log_groups:
    description: Log groups.
    type: list
    elements: dict
    suboptions:
      name:
        description: The log group's name.
        type: str
        required: true
      retention_days:
        description: For how long events are kept; V(0) is for ever. Left alone where it is not given.
        type: int
      kms_key:
        description: ARN of the KMS key. Left alone where it is not given.
        type: str
      adopt:
        description: Whether a group that exists without tags of a stack, such as one that RDS made, is taken over.
        type: bool
        default: false
  metric_filters:
    description: Metric filters on log groups. Those with the stack's prefix that are not listed are removed.
    type: list
    elements: dict
    suboptions:
      name:
        description: The filter's name in the stack.
        type: str
        required: true
      aws_name:
        description: The filter's name. Without it V(<stack>-<environment>-<name>).
        type: str
      log_group:
        description: The log group.
        type: str
        required: true
      pattern:
        description: The filter pattern.
        type: str
        required: true
      namespace:
        description: The namespace of the metric.
        type: str
        required: true
      metric:
        description: The metric's name.
        type: str
        required: true
      value:
        description: What a match counts.
        type: str
        default: '1'
      default:
        description: The metric's value while nothing matches. Without it there is none then.
        type: float
      unit:
        description: The metric's unit.
        type: str
        default: None
  topics:
    description:
      - SNS topics by their names in the stack, each a list of subscribers.
      - "A subscriber is C({email: address}), C({https: URL}), or C({pagerduty: secret}) where the secret (V(name) or
        V(name#key)) holds the integration key; it is read in the module and appears nowhere. A secret that nobody has
        set yet is waited for. Chat services are not there yet."
      - Subscriptions by mail and HTTPS are exact, those of other protocols stay.
    type: dict
  topic_names:
    description: AWS's names of topics that are not V(<stack>-<environment>-<name>).
    type: dict
  alarms:
    description: Alarms. The stack's own ones that are not listed are removed.
    type: list
    elements: dict
    suboptions:
      name:
        description: The alarm's name in the stack.
        type: str
        required: true
      aws_name:
        description: The alarm's name. Without it V(<stack>-<environment>-<name>).
        type: str
      service:
        description: The service that is watched. Metrics are V(cpu), V(memory), V(running_tasks), V(pending_tasks) and
          V(desired_tasks), the last three with Container Insights.
        type: str
      load_balancer:
        description: The load balancer that is watched. Metrics are V(requests), V(http_2xx), V(http_4xx), V(http_5xx),
          V(response_time) in seconds, V(connection_errors), V(balancer_4xx), V(balancer_5xx), V(connections) and
          V(rejected_connections).
        type: str
      target_group:
        description: The target group that is watched, with O(alarms[].load_balancer) where there are several. Metrics
          are V(requests), V(http_2xx), V(http_4xx), V(http_5xx), V(response_time), V(connection_errors),
          V(healthy_hosts), V(unhealthy_hosts) and V(requests_per_target).
        type: str
      database:
        description: V(true) for the stack's database, or the identifier of an instance. Metrics are V(cpu),
          V(connections), V(free_memory) in MiB, V(free_storage) in GiB, V(read_latency), V(write_latency),
          V(queue_depth), V(replica_lag), V(aurora_lag), V(capacity) and V(capacity_used).
        type: raw
      cache:
        description: V(true) for all nodes of the stack's cache, or the identifier of a node. Metrics are V(cpu),
          V(engine_cpu), V(memory), V(free_memory) in MiB, V(connections), V(evictions), V(replica_lag) and V(swap).
        type: raw
      namespace:
        description: The namespace of a metric of one's own.
        type: str
      dimensions:
        description: The dimensions of a metric of one's own.
        type: dict
      metric:
        description: The metric, by its name above, or as it is called in O(alarms[].namespace).
        type: str
      rate:
        description: Two metrics, the part and the whole; the alarm looks at the percentage.
        type: list
        elements: str
      percent_of:
        description: What 100 percent are; the alarm looks at the percentage of that, for example of the connections
          that a database takes.
        type: float
      above:
        description: The alarm goes off above this.
        type: float
      below:
        description: The alarm goes off below this.
        type: float
      for:
        description: For how long, V(2x300s) is two periods of 300 seconds, V(2/3x60s) two out of three of a minute.
        type: str
        required: true
      statistic:
        description: V(Average), V(Sum), V(Minimum), V(Maximum), V(SampleCount), or a percentile such as V(p95). Without
          it what fits the metric.
        type: str
      missing:
        description: What silence means. Without it V(not_breaching) for counts and rates and V(missing) for the others.
        type: str
        choices: [missing, ignore, breaching, not_breaching]
      topic:
        description: The topic that it goes to, or a list of them.
        type: raw
      notify_ok:
        description: Whether the end of the alarm goes there too.
        type: bool
        default: true
      enabled:
        description: Whether it goes there at all.
        type: bool
        default: true
      description:
        description: What the alarm says. Without it what is watched and the limit.
        type: str
  resources:
    description:
      - What alarms may name, as the results of other roles have it - C(cluster), C(services) (list of C(name) and
        C(aws_name)), C(load_balancers) and C(target_groups) (AWS's full names by name), C(database) (C(identifier),
        C(engine)) and C(cache) (C(identifier), C(mode), C(replicas), C(shards)).
    type: dict
    default: {}
  account_id:
    description: The account that ARNs are made for. Without it STS is asked.
    type: str
  state:
    description: V(absent) removes the stack's own alarms and topics, and the log groups and filters that are listed.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - slipway.aws.stack
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keep the alarms and where they go
  slipway.aws.cloudwatch_monitoring:
    stack: {name: tvshows, environment: prod, role: monitoring}
    topics:
      critical: [{pagerduty: tv-shows-api/pagerduty-key}]
      warning: [{email: team@example.com}]
    alarms:
      - {name: web-cpu, service: web, metric: cpu, above: 80, for: 2x300s, topic: warning}
      - {name: crowd, database: true, metric: connections, percent_of: 200, above: 80, for: 1x300s, topic: critical}
      - {name: error-rate, load_balancer: web, rate: [http_5xx, requests], above: 5, for: 1x300s, topic: critical}
    resources:
      cluster: tvshows-prod
      load_balancers: {web: app/tvshows-prod-web/50dc6c495c0c9188}
      database: {identifier: tvshows-prod, engine: postgres}

- name: Keep a log group, and nothing else
  slipway.aws.cloudwatch_monitoring:
    stack: {name: tvshows, environment: prod, role: monitoring}
    log_groups:
      - {name: /ecs/tvshows-prod, retention_days: 30}
"""

RETURN = r"""
changes:
  description: The plan, each step with C(action), resource, name, before, after and reason.
  type: list
  elements: dict
  returned: always
result:
  description: V(monitoring_result) of role monitoring - C(topics), C(alarms) and C(log_groups), ARNs by name.
  type: dict
  returned: always
waiting:
  description: Subscriptions that wait for a person to set their key, each with C(name) and C(what).
  type: list
  elements: dict
  returned: always
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, each, execute
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch import api
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.apply import handlers
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.describe import Scope, read
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.plan import (
    alarm_names,
    desired,
    keys,
    plan,
    plan_removal,
    result,
    topic_names,
    waiting,
)
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.problems import problems
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import Place
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, outcome, table, walk

ARGUMENTS: dict[str, Any] = {
    "log_groups": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "retention_days": {"type": "int"},
            "kms_key": {"type": "str", "no_log": False},
            "adopt": {"type": "bool", "default": False},
        },
    },
    "metric_filters": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "aws_name": {"type": "str"},
            "log_group": {"type": "str", "required": True},
            "pattern": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "metric": {"type": "str", "required": True},
            "value": {"type": "str", "default": "1"},
            "default": {"type": "float"},
            "unit": {"type": "str", "default": "None"},
        },
    },
    "topics": {"type": "dict"},
    "topic_names": {"type": "dict"},
    "alarms": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "aws_name": {"type": "str"},
            "service": {"type": "str"},
            "load_balancer": {"type": "str"},
            "target_group": {"type": "str"},
            "database": {"type": "raw"},
            "cache": {"type": "raw"},
            "namespace": {"type": "str"},
            "dimensions": {"type": "dict"},
            "metric": {"type": "str"},
            "rate": {"type": "list", "elements": "str"},
            "percent_of": {"type": "float"},
            "above": {"type": "float"},
            "below": {"type": "float"},
            "for": {"type": "str", "required": True},
            "statistic": {"type": "str"},
            "missing": {"type": "str", "choices": ["missing", "ignore", "breaching", "not_breaching"]},
            "topic": {"type": "raw"},
            "notify_ok": {"type": "bool", "default": True},
            "enabled": {"type": "bool", "default": True},
            "description": {"type": "str"},
        },
    },
    "resources": {"type": "dict", "default": {}},
    "account_id": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
SETTINGS = ("log_groups", "metric_filters", "topics", "topic_names", "alarms")


def run(module: Any) -> dict[str, Any]:
    params, stack, aws = module.params, Stack.of(module.params), Clients.of(module)
    for problem in problems({f"monitoring_{name}": params[name] for name in SETTINGS if params[name] is not None}):
        raise SlipwayError(problem)
    place = Place(params["account_id"] or api.account(aws.client("sts")), aws.region)
    absent = params["state"] == "absent"
    texts = {} if absent else integration_keys(aws, params)
    wanted = desired(params, stack, place, texts, check=absent or module.check_mode)
    current = read(aws, scope(params, stack, place))
    changes = plan_removal(current, wanted, stack) if absent else plan(current, wanted, stack)
    walk(changes, handlers(aws, wanted, place), check=module.check_mode)
    waits = [] if absent else waiting(wanted)
    return outcome(changes, result=result(params, stack, place), waiting=waits, report=report(changes, waits))


def scope(params: Mapping[str, Any], stack: Stack, place: Place) -> Scope:
    groups, filters = params["log_groups"] or [], params["metric_filters"] or []
    return Scope(
        stack,
        place,
        log_groups=[it["name"] for it in groups],
        # Those of our log groups too, to find filters that are not listed any more.
        filter_groups=sorted({it["log_group"] for it in filters} | {it["name"] for it in groups})
        if params["metric_filters"] is not None
        else [],
        topics=None if params["topics"] is None else list(topic_names(params, stack).values()),
        alarms=None if params["alarms"] is None else list(alarm_names(params, stack).values()),
    )


def integration_keys(aws: Clients, params: Mapping[str, Any]) -> dict[str, str | None]:
    """The keys with which alarms reach other services, by the secrets that hold them."""
    wanted = keys(params)
    secrets = aws.client("secretsmanager") if wanted else None
    return dict(zip(wanted, each(lambda name: api.secret_text(secrets, name), wanted), strict=True))


def report(changes: list[Change], waits: list[dict[str, str]]) -> list[dict[str, Any]]:
    tables = [table(changes)] if changes else []
    if waits:
        rows = [[it["name"], it["what"]] for it in waits]
        tables.append(
            {"title": "Subscriptions that wait for a person", "columns": ["subscription", "what"], "rows": rows}
        )
    return tables


def main() -> None:
    execute(aws_module(ARGUMENTS), run)


if __name__ == "__main__":
    main()
