# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that bring log groups, topics and alarms from what is to what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch import alarms
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.describe import Current
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import Place
from ansible_collections.slipway.aws.plugins.module_utils._owner import (
    ROLE_TAG,
    STACK_TAG,
    Stack,
    managed,
    require_ours,
)
from ansible_collections.slipway.aws.plugins.module_utils._plan import Change, compare

LOG_GROUP, FILTER, TOPIC, SUBSCRIPTION, ALARM = (
    "log group",
    "metric filter",
    "SNS topic",
    "SNS subscription",
    "CloudWatch alarm",
)
EXACT = ("email", "https")  # subscriptions of other protocols are somebody else's
PAGERDUTY = "https://events.pagerduty.com/integration/{}/enqueue"


@dataclass(frozen=True)
class Subscription:
    """One subscriber. `shown` stands for it in plans, since an endpoint may hold a key."""

    protocol: str
    shown: str
    endpoint: str | None = field(repr=False)  # None while the secret with its key has no value


@dataclass(frozen=True)
class Wanted:
    """What the inventory asks for, by AWS's names. None is not managed."""

    log_groups: dict[str, dict[str, Any]] | None
    adopted: frozenset[str]
    filters: dict[str, dict[str, Any]] | None
    topics: dict[str, list[Subscription]] | None
    alarms: dict[str, dict[str, Any]] | None


def topic_names(params: Mapping[str, Any], stack: Stack) -> dict[str, str]:
    """{the inventory's name: AWS's name}"""
    given = params.get("topic_names") or {}
    return {name: str(given.get(name) or stack.named(name)) for name in params.get("topics") or {}}


def alarm_names(params: Mapping[str, Any], stack: Stack) -> dict[str, str]:
    return {it["name"]: str(it.get("aws_name") or stack.named(it["name"])) for it in params.get("alarms") or []}


def filter_name(item: Mapping[str, Any], stack: Stack) -> str:
    return str(item.get("aws_name") or stack.named(item["name"]))


def keys(params: Mapping[str, Any]) -> list[str]:
    """The secrets that hold keys of services which alarms go to."""
    subscribers = [it for some in (params.get("topics") or {}).values() for it in some or []]
    return sorted({str(it["pagerduty"]) for it in subscribers if it.get("pagerduty")})


def desired(
    params: Mapping[str, Any], stack: Stack, place: Place, texts: Mapping[str, str | None], *, check: bool = False
) -> Wanted:
    """From the module's options. `texts` are the values of the secrets in keys()."""
    topics = {name: place.arn("sns", aws_name) for name, aws_name in topic_names(params, stack).items()}
    resources, named = params.get("resources") or {}, alarm_names(params, stack)
    groups, filters, given = params.get("log_groups"), params.get("metric_filters"), params.get("alarms")
    return Wanted(
        log_groups=None if groups is None else {it["name"]: _log_group(it, stack) for it in groups},
        adopted=frozenset(it["name"] for it in groups or [] if it.get("adopt")),
        filters=None
        if filters is None
        else {f"{it['log_group']} {filter_name(it, stack)}": _filter(it, stack) for it in filters},
        topics=None
        if params.get("topics") is None
        else {
            aws_name: list(dict.fromkeys(_subscription(it, texts) for it in params["topics"][name] or []))
            for name, aws_name in topic_names(params, stack).items()
        },
        alarms=None
        if given is None
        else {
            named[it["name"]]: {
                **alarms.wanted(it, resources, topics, stack.prefix, check=check),
                "tags": stack.owned(),
            }
            for it in given
        },
    )


def _log_group(item: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    return {"retention_days": item.get("retention_days"), "kms_key": item.get("kms_key"), "tags": stack.owned()}


def _filter(item: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    default = item.get("default")
    return {
        "group": item["log_group"],
        "name": filter_name(item, stack),
        "pattern": item["pattern"],
        "namespace": item["namespace"],
        "metric": item["metric"],
        "value": str(item.get("value") or "1"),
        "default": None if default is None else float(default),
        "unit": item.get("unit") or "None",
    }


def _subscription(item: Mapping[str, Any], texts: Mapping[str, str | None]) -> Subscription:
    if item.get("pagerduty"):
        key, shown = texts.get(str(item["pagerduty"])), f"pagerduty, key of {item['pagerduty']}"
        if key is None:
            return Subscription("https", shown, None)
        return Subscription("https", shown, key if key.startswith("https://") else PAGERDUTY.format(key.strip()))
    protocol = "email" if item.get("email") else "https"
    endpoint = str(item[protocol])
    return Subscription(protocol, endpoint if protocol == "email" else host(endpoint), endpoint)


def host(endpoint: str) -> str:
    """An endpoint without its path, which often holds a key; a few letters of its hash tell it from others there."""
    short = sha256(endpoint.encode()).hexdigest()[:8]
    return f"https://{urlsplit(endpoint).hostname}/… ({short})"


def plan(current: Current, wanted: Wanted, stack: Stack) -> list[Change]:
    """Log groups before the filters on them, topics before the alarms that go to them, and after those that went."""
    return [
        *(plan_log_groups(current, wanted, stack) if wanted.log_groups is not None else []),
        *(plan_filters(current, wanted, stack) if wanted.filters is not None else []),
        *(plan_topics(current, wanted, stack) if wanted.topics is not None else []),
        *(plan_alarms(current, wanted.alarms, stack) if wanted.alarms is not None else []),
        *(plan_left_topics(current, wanted, stack) if wanted.topics is not None else []),
    ]


def plan_log_groups(current: Current, wanted: Wanted, stack: Stack) -> list[Change]:
    """Never deletes one: what has been logged is gone then. A group that AWS made can be adopted."""
    groups = wanted.log_groups or {}
    for name, have in current["log_groups"].items():
        if not (name in wanted.adopted and STACK_TAG not in have["tags"]):
            require_ours(stack, LOG_GROUP, name, have["tags"])
    return compare(LOG_GROUP, _ours(current["log_groups"], groups), groups)


def plan_filters(current: Current, wanted: Wanted, stack: Stack) -> list[Change]:
    """Filters bear no tags: ours are those with our prefix, in the log groups that are looked at."""
    filters = wanted.filters or {}
    known = {key: it for key, it in current["filters"].items() if key in filters or _prefixed(it["name"], stack)}
    return compare(FILTER, known, filters, purge=True)


def _prefixed(name: str, stack: Stack) -> bool:
    return name.startswith(stack.named(""))


def plan_topics(current: Current, wanted: Wanted, stack: Stack) -> list[Change]:
    topics, changes = wanted.topics or {}, []
    for name, subscribers in topics.items():
        have = current["topics"].get(name)
        if have is not None:
            require_ours(stack, TOPIC, name, have["tags"])
        known = {} if have is None else {name: {"tags": managed(have["tags"], stack.owned())}}
        changes += compare(TOPIC, known, {name: {"tags": stack.owned()}})
        changes += plan_subscriptions(name, current["subscriptions"].get(name, []), subscribers)
    return changes


def plan_left_topics(current: Current, wanted: Wanted, stack: Stack) -> list[Change]:
    """Topics of ours that are not in the inventory any more, once no alarm goes there."""
    return [
        Change("delete", TOPIC, name, {"arn": it["arn"]}, None, "not in the inventory")
        for name, it in current["topics"].items()
        if name not in (wanted.topics or {}) and _of_role(it["tags"], stack)
    ]


def _of_role(tags: Mapping[str, str], stack: Stack) -> bool:
    return stack.owns(tags) and tags.get(ROLE_TAG) == stack.role


def plan_subscriptions(topic: str, have: Iterable[Mapping[str, str]], want: Iterable[Subscription]) -> list[Change]:
    """Mail and HTTPS are exact. One that is not confirmed yet counts as there; it cannot be ended, it lapses."""
    there = {_same_place(it["protocol"], it["endpoint"]): it for it in have if it["protocol"] in EXACT}
    wanted = list(want)
    places = {_same_place(it.protocol, it.endpoint) for it in wanted if it.endpoint is not None}
    waiting = {it.protocol for it in wanted if it.endpoint is None}
    changes = [
        Change("create", SUBSCRIPTION, f"{topic}: {it.shown}", None, {"topic": topic, "protocol": it.protocol})
        for it in wanted
        if it.endpoint is not None and _same_place(it.protocol, it.endpoint) not in there
    ]
    for place, it in there.items():
        # While a key is missing, the subscription that is there may be the one that the key belongs to.
        if place not in places and it["protocol"] not in waiting and it["arn"].startswith("arn:"):
            shown = it["endpoint"] if it["protocol"] == "email" else host(it["endpoint"])
            changes.append(
                Change("delete", SUBSCRIPTION, f"{topic}: {shown}", {"arn": it["arn"]}, None, "not in the inventory")
            )
    return changes


def _same_place(protocol: str, endpoint: str | None) -> tuple[str, str]:
    return protocol, (endpoint or "").casefold() if protocol == "email" else (endpoint or "")


def plan_alarms(current: Current, wanted: Mapping[str, Mapping[str, Any]], stack: Stack) -> list[Change]:
    """Exact: an alarm of ours that is not in the inventory goes."""
    for name in wanted:
        if len(name) > 255:
            raise SlipwayError(f"The name of alarm {name} is too long", f"{len(name)} characters, AWS takes 255")
        if name in current["alarms"]:
            require_ours(stack, ALARM, name, current["alarms"][name]["tags"])
    left = [name for name, it in current["alarms"].items() if name not in wanted and _of_role(it["tags"], stack)]
    known = {name: it for name, it in _ours(current["alarms"], wanted).items() if name in wanted}
    gone = [
        Change("delete", ALARM, name, {"arn": current["alarms"][name]["arn"]}, None, "not in the inventory")
        for name in left
    ]
    return [*compare(ALARM, known, wanted), *gone]


def _ours(
    current: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """With those tags only that we manage."""
    return {
        name: {**it, "tags": managed(it["tags"], wanted[name]["tags"]) if name in wanted else it["tags"]}
        for name, it in current.items()
    }


def plan_removal(current: Current, wanted: Wanted, stack: Stack) -> list[Change]:
    """What is ours, alarms first; what is not ours stays."""
    alarms_left = {name: it for name, it in current["alarms"].items() if _of_role(it["tags"], stack)}
    topics = {name: it for name, it in current["topics"].items() if _of_role(it["tags"], stack)}
    groups = {name: it for name, it in current["log_groups"].items() if stack.owns(it["tags"])}
    filters = {key: it for key, it in current["filters"].items() if key in (wanted.filters or {})}
    return [
        *(Change("delete", ALARM, name, {"arn": it["arn"]}) for name, it in alarms_left.items()),
        *(Change("delete", TOPIC, name, {"arn": it["arn"]}) for name, it in topics.items()),
        *(Change("delete", FILTER, key, dict(it)) for key, it in filters.items() if _prefixed(it["name"], stack)),
        *(Change("delete", LOG_GROUP, name, {"arn": it["arn"]}) for name, it in groups.items()),
    ]


def waiting(wanted: Wanted) -> list[dict[str, str]]:
    """Subscriptions whose key nobody has set yet."""
    return [
        {"name": f"{topic}: {it.shown}", "what": "set the key, it is subscribed by the next run then"}
        for topic, subscribers in (wanted.topics or {}).items()
        for it in subscribers
        if it.endpoint is None
    ]


def result(params: Mapping[str, Any], stack: Stack, place: Place) -> dict[str, Any]:
    """monitoring_result, see _stack.MonitoringResult; ARNs follow from the names."""
    return {
        "topics": {name: place.arn("sns", it) for name, it in topic_names(params, stack).items()},
        "alarms": {name: place.arn("cloudwatch", f"alarm:{it}") for name, it in alarm_names(params, stack).items()},
        "log_groups": {it["name"]: place.arn("logs", f"log-group:{it['name']}") for it in params["log_groups"] or []},
    }
