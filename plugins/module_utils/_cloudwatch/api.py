# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls to CloudWatch, CloudWatch Logs, SNS and the tagging API, one function each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import batches, pages
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, is_code

Raw = dict[str, Any]


def account(sts: Any) -> str:
    return str(sts.get_caller_identity()["Account"])


def tagged(tagging: Any, tags: Mapping[str, str], types: Sequence[str]) -> dict[str, dict[str, str]]:
    """{ARN: tags} of everything that has these tags. It may lag behind, so its silence proves nothing."""
    filters = [{"Key": key, "Values": [value]} for key, value in tags.items()]
    found = pages(
        tagging, "get_resources", "ResourceTagMappingList", TagFilters=filters, ResourceTypeFilters=list(types)
    )
    return {
        it["ResourceARN"].removesuffix(":*"): {tag["Key"]: tag["Value"] for tag in it.get("Tags", [])} for it in found
    }


def alarms_by_prefix(cloudwatch: Any, prefix: str) -> list[Raw]:
    return pages(cloudwatch, "describe_alarms", "MetricAlarms", AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"])


def alarms_by_name(cloudwatch: Any, names: Sequence[str]) -> list[Raw]:
    return [
        alarm
        for some in batches(names, 100)
        for alarm in cloudwatch.describe_alarms(AlarmNames=list(some), AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    ]


def alarm_tags(cloudwatch: Any, arn: str) -> list[dict[str, str]]:
    return list(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"])


def put_alarm(cloudwatch: Any, name: str, **settings: Any) -> None:
    cloudwatch.put_metric_alarm(AlarmName=name, **settings)


def tag_alarm(cloudwatch: Any, arn: str, pairs: list[dict[str, str]]) -> None:
    cloudwatch.tag_resource(ResourceARN=arn, Tags=pairs)


def delete_alarm(cloudwatch: Any, name: str) -> None:
    """An alarm that is gone already is no error to AWS."""
    try:
        cloudwatch.delete_alarms(AlarmNames=[name])
    except Exception as error:
        if not is_code(error, "ResourceNotFound"):
            raise


def log_group(logs: Any, name: str) -> Raw | None:
    """A log group as DescribeLogGroups gives it, None where there is none."""
    found = pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    return next((dict(group) for group in found if group["logGroupName"] == name), None)


def log_group_tags(logs: Any, arn: str) -> dict[str, str]:
    return dict(logs.list_tags_for_resource(resourceArn=arn)["tags"])


def create_log_group(logs: Any, name: str, **settings: Any) -> None:
    logs.create_log_group(logGroupName=name, **settings)


def retention(logs: Any, name: str, days: int) -> None:
    """How long a group keeps its events; 0 is for ever."""
    if days:
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    else:
        logs.delete_retention_policy(logGroupName=name)


def log_group_key(logs: Any, name: str, key: str) -> None:
    logs.associate_kms_key(logGroupName=name, kmsKeyId=key)


def tag_log_group(logs: Any, arn: str, tags: Mapping[str, str]) -> None:
    logs.tag_resource(resourceArn=arn, tags=dict(tags))


def delete_log_group(logs: Any, name: str) -> None:
    try:
        logs.delete_log_group(logGroupName=name)
    except Exception as error:
        if not is_code(error, "ResourceNotFound"):
            raise


def metric_filters(logs: Any, group: str) -> list[Raw]:
    """The metric filters of a log group, none where there is no such group."""
    try:
        return pages(logs, "describe_metric_filters", "metricFilters", logGroupName=group)
    except Exception as error:
        if is_code(error, "ResourceNotFound"):
            return []
        raise


def put_metric_filter(logs: Any, group: str, name: str, pattern: str, transformation: Raw) -> None:
    logs.put_metric_filter(
        logGroupName=group, filterName=name, filterPattern=pattern, metricTransformations=[transformation]
    )


def delete_metric_filter(logs: Any, group: str, name: str) -> None:
    try:
        logs.delete_metric_filter(logGroupName=group, filterName=name)
    except Exception as error:
        if not is_code(error, "ResourceNotFound"):
            raise


def subscriptions(sns: Any, arn: str) -> list[Raw] | None:
    """The subscriptions of a topic, None where there is no such topic."""
    try:
        return pages(sns, "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn)
    except Exception as error:
        if is_code(error, "NotFound"):
            return None
        raise


def topic_tags(sns: Any, arn: str) -> list[dict[str, str]]:
    return list(sns.list_tags_for_resource(ResourceArn=arn)["Tags"])


def create_topic(sns: Any, name: str, tags: list[dict[str, str]]) -> None:
    sns.create_topic(Name=name, Tags=tags)


def tag_topic(sns: Any, arn: str, tags: list[dict[str, str]]) -> None:
    sns.tag_resource(ResourceArn=arn, Tags=tags)


def delete_topic(sns: Any, arn: str) -> None:
    """A topic that is gone already is no error to AWS. Its subscriptions go with it."""
    sns.delete_topic(TopicArn=arn)


def subscribe(sns: Any, arn: str, protocol: str, endpoint: str) -> None:
    sns.subscribe(TopicArn=arn, Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True)


def unsubscribe(sns: Any, arn: str) -> None:
    try:
        sns.unsubscribe(SubscriptionArn=arn)
    except Exception as error:
        if not is_code(error, "NotFound"):
            raise


def secret_text(secrets: Any, reference: str) -> str | None:
    """The value of a secret, or of one key of a JSON secret (name#key); None while nobody has set it."""
    name, _rest, key = reference.partition("#")
    try:
        text = secrets.get_secret_value(SecretId=name).get("SecretString")
    except secrets.exceptions.ResourceNotFoundException:
        return None
    if not key or text is None:
        return text or None
    try:
        value = json.loads(text).get(key)
    except (ValueError, AttributeError):
        raise SlipwayError(f"The value of secret {name} is no JSON object", f"{reference} asks for its key") from None
    return str(value) if value else None
