# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.describe import log_group, metric_filter
from ansible_collections.slipway.aws.plugins.module_utils._cloudwatch.plan import (
    Subscription,
    Wanted,
    desired,
    host,
    plan,
    plan_alarms,
    plan_removal,
    plan_subscriptions,
    waiting,
)
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError
from ansible_collections.slipway.aws.plugins.module_utils._iam.policy import Place
from ansible_collections.slipway.aws.plugins.module_utils._owner import Stack

STACK = Stack("tvshows", "prod", "monitoring", {})
PLACE = Place("111122223333", "us-east-1")
OURS = {"slipway:stack": "tvshows", "slipway:environment": "prod", "slipway:role": "monitoring"}
MAIL = Subscription("email", "team@example.com", "team@example.com")
KEY = Subscription("https", "pagerduty, key of app/pd", "https://events.pagerduty.com/integration/k/enqueue")
NO_KEY = Subscription("https", "pagerduty, key of app/pd", None)


def current(**parts):
    return {"log_groups": {}, "filters": {}, "topics": {}, "subscriptions": {}, "alarms": {}, **parts}


def nothing(**parts):
    return Wanted(
        **{"log_groups": None, "adopted": frozenset(), "filters": None, "topics": None, "alarms": None, **parts}
    )


def there(protocol, endpoint, arn="arn:aws:sns:::s"):
    return {"arn": arn, "protocol": protocol, "endpoint": endpoint}


@pytest.mark.parametrize(
    ("have", "want", "steps"),
    [
        pytest.param([], [MAIL], ["create"], id="a new address"),
        pytest.param([there("email", "Team@Example.com")], [MAIL], [], id="the same address in capitals"),
        pytest.param([there("email", "team@example.com", "PendingConfirmation")], [MAIL], [], id="not confirmed yet"),
        pytest.param([there("email", "old@example.com")], [], ["delete"], id="an address that is not wanted any more"),
        pytest.param([there("email", "old@example.com", "PendingConfirmation")], [], [], id="what lapses by itself"),
        pytest.param([there("lambda", "arn:f")], [], [], id="another protocol is somebody else's"),
        pytest.param([there("https", KEY.endpoint)], [KEY], [], id="the same key"),
        pytest.param([there("https", "https://old/")], [KEY], ["create", "delete"], id="another key"),
        pytest.param([there("https", "https://old/")], [NO_KEY], [], id="while the key is missing nothing is ended"),
    ],
)
def test_subscriptions(have, want, steps):
    assert [change.action for change in plan_subscriptions("t", have, want)] == steps


def test_no_key_is_shown():
    changes = plan_subscriptions("t", [there("https", "https://old.example/secret-key")], [KEY])
    assert "integration/k" not in repr((changes, KEY)) and "secret-key" not in repr(changes)
    assert host("https://a.example/one") != host("https://a.example/two")
    assert host("https://u:secret@a.example/one").startswith("https://a.example/…")


def test_what_is_not_managed_is_not_touched():
    have = current(
        alarms={"tvshows-prod-a": {"arn": "a", "tags": OURS}}, topics={"tvshows-prod-t": {"arn": "t", "tags": OURS}}
    )
    assert plan(have, nothing(), STACK) == []
    assert [change.action for change in plan(have, nothing(alarms={}, topics={}), STACK)] == ["delete", "delete"]


@pytest.mark.parametrize(
    ("tags", "steps"),
    [
        pytest.param(OURS, ["delete"], id="ours"),
        pytest.param({**OURS, "slipway:role": "ecs_services"}, [], id="another role's"),
        pytest.param({**OURS, "slipway:stack": "jiki"}, [], id="another stack's"),
        pytest.param({}, [], id="nobody's"),
    ],
)
def test_only_a_left_over_alarm_of_this_role_goes(tags, steps):
    have = current(alarms={"tvshows-prod-a": {"arn": "a", "tags": tags}})
    assert [change.action for change in plan_alarms(have, {}, STACK)] == steps
    assert [change.action for change in plan_removal(have, nothing(), STACK)] == steps


def test_a_name_too_long_is_refused():
    with pytest.raises(SlipwayError, match="too long"):
        plan_alarms(current(), {"x" * 256: {"tags": OURS}}, STACK)


@pytest.mark.parametrize(
    ("tags", "adopt", "refused"),
    [
        pytest.param({}, True, False, id="of nobody, and asked for"),
        pytest.param({}, False, True, id="of nobody"),
        pytest.param({"slipway:stack": "jiki"}, True, True, id="of another stack, whatever is asked for"),
        pytest.param(OURS, False, False, id="ours"),
    ],
)
def test_whose_log_group_it_is(tags, adopt, refused):
    have = current(log_groups={"/a": {"arn": "a", "retention_days": 7, "kms_key": "", "tags": tags}})
    groups = [{"name": "/a", "retention_days": 30, "adopt": adopt}]
    wanted = desired({"log_groups": groups, "metric_filters": None, "alarms": None}, STACK, PLACE, {})
    if refused:
        with pytest.raises(SlipwayError, match="log group /a exists"):
            plan(have, wanted, STACK)
    else:
        (change,) = plan(have, wanted, STACK)
        assert change.after["retention_days"] == 30


def test_filters_of_others_stay():
    have = current(
        filters={"/a theirs": {"group": "/a", "name": "theirs"}, "/a tvshows-prod-x": {"name": "tvshows-prod-x"}}
    )
    assert [change.name for change in plan(have, nothing(filters={}), STACK)] == ["/a tvshows-prod-x"]


def test_a_missing_key_is_waited_for():
    params = {"topics": {"critical": [{"pagerduty": "app/pd"}], "info": None}}
    assert waiting(desired(params, STACK, PLACE, {"app/pd": "k"})) == []
    (wait,) = waiting(desired(params, STACK, PLACE, {"app/pd": None}))
    assert wait["name"] == "tvshows-prod-critical: pagerduty, key of app/pd"


def test_log_groups_and_filters_as_aws_describes_them():
    group = {"arn": "arn:aws:logs:r:1:log-group:/a:*", "logGroupName": "/a"}
    assert log_group(group, {}) == {
        "arn": "arn:aws:logs:r:1:log-group:/a",
        "retention_days": 0,
        "kms_key": "",
        "tags": {},
    }
    found = {
        "filterName": "f",
        "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
    }
    assert metric_filter("/a", found)["unit"] == "None" and metric_filter("/a", found)["default"] is None
