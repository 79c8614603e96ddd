# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classifier against messages as ECS really wrote them, whole and as they are mangled on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.slipway.aws.plugins.module_utils._ecs._codes import CLASS_OF, HINT_OF
from ansible_collections.slipway.aws.plugins.module_utils._ecs.reasons import classify, classify_task

HERE = Path(__file__).parent
MESSAGES = yaml.safe_load((HERE / "messages.yml").read_text())["messages"]
NAMES = [f"{entry['code']}: {entry['text'][:60]}" for entry in MESSAGES]
CUT = 255


def whole(entry):
    return entry["text"]


def with_typographic_apostrophes(entry):
    return entry["text"].replace("'", "\u2019")


def with_the_other_prefix(entry):
    """`(service x) …` for `service x …` and the other way round."""
    text = entry["text"]
    if text.startswith("(service ") and ", taskSet" not in text:
        name, rest = text.removeprefix("(service ").split(")", 1)
        return f"service {name}{rest}"
    if text.startswith("service "):
        name, rest = text.removeprefix("service ").split(" ", 1)
        return f"(service {name.strip('()')}) {rest}"
    return text


def as_a_placement_event(entry):
    return f"(service web) was unable to place a task. Reason: {entry['text']}"


@pytest.mark.parametrize("form", [whole, with_typographic_apostrophes, with_the_other_prefix])
@pytest.mark.parametrize("entry", MESSAGES, ids=NAMES)
def test_a_real_message_has_its_reason_in_every_form(entry, form):
    text = form(entry)
    reason = classify(text)
    assert reason is not None
    assert (reason.code, reason.text) == (entry["code"], text)


@pytest.mark.parametrize("entry", MESSAGES, ids=NAMES)
def test_a_message_cut_at_255_characters_has_the_same_reason(entry):
    if entry.get("cut_loses_it"):
        assert classify(entry["text"][:CUT]).code == entry["cut_loses_it"]
    else:
        assert classify(entry["text"][:CUT]).code == entry["code"]


def test_the_table_is_large_and_nearly_every_code_is_in_it():
    assert len(MESSAGES) >= 200
    assert len({entry["text"] for entry in MESSAGES}) == len(MESSAGES)
    assert set(CLASS_OF) - {entry["code"] for entry in MESSAGES} == {"superseded"}


def test_each_code_has_a_class_and_each_failure_says_what_to_do():
    assert set(HINT_OF) == set(CLASS_OF)
    assert [code for code, class_ in CLASS_OF.items() if class_ == "failure" and not HINT_OF[code]] == []
