# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the monitoring settings of an inventory, in words, before anything is touched. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.alarms import MISSING, names, window
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.metrics import METRICS, SOURCES, WHOLE, source

RETENTIONS = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
SUBSCRIBERS = ("email", "pagerduty", "https")
_GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,256}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_STATISTIC = re.compile(r"SampleCount|Average|Sum|Minimum|Maximum|IQM|(p|tm|wm|tc|ts)\d{1,2}(\.\d+)?|p100")
_DAY, _WEEK = 86400, 604800
# What a name in an alarm has to be found in: the variable, and how its names are got from it.
_LISTS = {"service": "ecs_services_services", "load_balancer": "alb_load_balancers"}
_ENGINES = {"database": "database_engine", "cache": "cache_engine"}


def problems(variables: Mapping[str, Any]) -> list[str]:
    """Each problem as one sentence that names the variable and the item. `variables`: those of the host.

    A name in an alarm is looked for only where the variable that would hold it is given.
    """
    topics = variables.get("monitoring_topics") or {}
    if not isinstance(topics, Mapping):
        return ["monitoring_topics: has to be a dictionary of name: list of subscribers"]
    found = list(_topics(topics, variables))
    found += list(_log_groups(variables))
    found += list(_filters(variables.get("monitoring_metric_filters") or []))
    alarms = variables.get("monitoring_alarms") or []
    given = [alarm.get("name") for alarm in alarms]
    for alarm in alarms:
        name = alarm.get("name")
        if given.count(name) > 1:
            found.append(f"monitoring_alarms: {name} is there twice")
        found += [f"monitoring_alarms: {name}: {problem}" for problem in _alarm(alarm, topics, variables)]
    return list(dict.fromkeys(found))


def _topics(topics: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    secrets = {it.get("name") for it in variables.get("secrets_items") or []}
    for name, subscribers in topics.items():
        where = f"monitoring_topics: {name}"
        if not _TOPIC.fullmatch(str(name)):
            yield f"{where}: a topic's name takes letters, digits, - and _"
        if not isinstance(subscribers or [], list):
            yield f"{where}: has to be a list of subscribers"
            continue
        for item in subscribers or []:
            yield from (f"{where}: {problem}" for problem in _subscriber(item, secrets))
    for name in variables.get("monitoring_topic_names") or {}:
        if name not in topics:
            yield f"monitoring_topic_names: {name}: there is no such topic in monitoring_topics"


def _subscriber(item: Any, secrets: set[Any]) -> Iterator[str]:
    if not isinstance(item, Mapping) or len(item) != 1 or not set(item) & set(SUBSCRIBERS):
        yield f"{item!r} is no subscriber, those are {', '.join(f'{{{it}: …}}' for it in SUBSCRIBERS)}"
        return
    ((kind, value),) = item.items()
    if kind == "email" and not _EMAIL.fullmatch(str(value)):
        yield f"{value!r} is no mail address"
    if kind == "https" and not str(value).startswith("https://"):
        yield f"{value!r} does not start with https://"
    if kind == "pagerduty" and secrets and str(value).partition("#")[0] not in secrets:
        yield f"pagerduty names the secret with the integration key, and secrets_items has no {value}"


def _log_groups(variables: Mapping[str, Any]) -> Iterator[str]:
    stack = f"/ecs/{variables.get('stack_name', '')}-{variables.get('stack_environment', '')}"
    tasks = str((variables.get("ecs_services_logs") or {}).get("group") or stack)
    for item in variables.get("monitoring_log_groups") or []:
        where = f"monitoring_log_groups: {item.get('name')}"
        if not _GROUP.fullmatch(str(item.get("name") or "")):
            yield f"{where}: a log group's name takes letters, digits and . - _ / #, at most 512"
        if item.get("name") == tasks:
            yield f"{where}: is the log group of the tasks, set ecs_services_logs.retention_days for it"
        days = item.get("retention_days")
        if days is not None and days not in RETENTIONS:
            nearest = min(RETENTIONS, key=lambda known: abs(known - int(days)))
            yield f"{where}: retention_days is {days}, AWS knows {nearest} next to it (0 is for ever)"


def _filters(items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for item in items:
        where = f"monitoring_metric_filters: {item.get('name')}"
        missing = [field for field in ("log_group", "pattern", "namespace", "metric") if item.get(field) is None]
        if missing:
            yield f"{where}: {', '.join(missing)} missing"
        if str(item.get("namespace") or "").startswith("AWS/"):
            yield f"{where}: namespaces that start with AWS/ are AWS's own"


def _alarm(alarm: Mapping[str, Any], topics: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    yield from _source(alarm, variables)
    yield from _limits(alarm)
    yield from _window(alarm)
    for topic in names(alarm.get("topic")):
        if topic not in topics:
            yield f"topic: there is no {topic} in monitoring_topics, it has {', '.join(topics) or 'none'}"
    if alarm.get("missing") not in (None, *MISSING):
        yield f"missing is {alarm['missing']!r}, it has to be one of {', '.join(MISSING)}"
    if alarm.get("statistic") is not None and not _STATISTIC.fullmatch(str(alarm["statistic"])):
        yield f"statistic is {alarm['statistic']!r}, it has to be Average, Sum, Minimum, Maximum, SampleCount or p95"


def _source(alarm: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    given = [name for name in SOURCES if alarm.get(name) not in (None, "", False)]
    both_of_alb = given == ["load_balancer", "target_group"]
    if bool(given) == bool(alarm.get("namespace")) or (len(given) > 1 and not both_of_alb):
        yield f"name one of {', '.join(SOURCES)}, or namespace with metric and dimensions"
        return
    yield from _metrics(alarm)
    if given:
        yield from _names(alarm, variables)


def _metrics(alarm: Mapping[str, Any]) -> Iterator[str]:
    rate, kind = alarm.get("rate"), source(alarm)[0]
    if (rate is None) == (alarm.get("metric") is None):
        yield "give either metric, or rate with the two metrics of a percentage"
        return
    if rate is not None and (not isinstance(rate, list) or len(rate) != 2):
        yield "rate takes two metrics: the part and the whole"
        return
    for metric in rate if rate is not None else [alarm["metric"]]:
        if kind and metric not in METRICS[kind]:
            yield f"{kind.replace('_', ' ')} has no metric {metric}, it has {', '.join(sorted(METRICS[kind]))}"


def _names(alarm: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    for kind, variable in _LISTS.items():
        name, items = alarm.get(kind), variables.get(variable)
        known = [it.get("name") for it in items or []]
        if name and items is not None and name not in known:
            yield f"{kind}: there is no {name} in {variable}, it has {', '.join(map(str, known)) or 'none'}"
    for kind, variable in _ENGINES.items():
        if str(alarm.get(kind)).lower() in WHOLE and str(variables.get(variable, "?")) in ("", "none", "None"):
            yield f"{kind}: the stack has none, {variable} is not set"
    if alarm.get("target_group"):
        yield from _target_group(alarm, variables)


def _target_group(alarm: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    balancers = variables.get("alb_load_balancers")
    if balancers is None:
        return
    group, balancer = alarm["target_group"], alarm.get("load_balancer")
    if not balancer and len(balancers) > 1:
        yield "target_group: the stack has several load balancers, say which with load_balancer"
    known = [it.get("name") for one in balancers for it in one.get("target_groups") or []]
    if group not in known:
        yield f"target_group: there is no {group} in alb_load_balancers, it has {', '.join(map(str, known)) or 'none'}"


def _limits(alarm: Mapping[str, Any]) -> Iterator[str]:
    if (alarm.get("above") is None) == (alarm.get("below") is None):
        yield "give either above or below"
    for field in ("above", "below", "percent_of"):
        value = alarm.get(field)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            yield f"{field} is {value!r}, it has to be a number"
    share = alarm.get("percent_of")
    if share is not None and (alarm.get("rate") or (isinstance(share, (int, float)) and share <= 0)):
        yield "percent_of takes a positive number, and does not go with rate"


def _window(alarm: Mapping[str, Any]) -> Iterator[str]:
    found = window(str(alarm.get("for")))
    if found is None:
        yield f"for is {alarm.get('for')!r}, it has to be like 2x300s, or 2/3x60s for two periods out of three"
        return
    datapoints, periods, seconds = found
    if seconds not in (10, 20, 30) and (seconds == 0 or seconds % 60):
        yield f"for: a period has 10, 20, 30 seconds or whole minutes, not {seconds} s"
    if not 1 <= datapoints <= periods:
        yield f"for: {datapoints} out of {periods} periods cannot be"
    longest = _WEEK if seconds >= 3600 else _DAY
    if periods * seconds > longest:
        yield f"for: {periods} periods of {seconds} s are longer than the {longest // 3600} hours that AWS takes"
