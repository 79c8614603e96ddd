# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.slipway.aws.plugins.filter.certificates_of import FilterModule

certificates_of = FilterModule().filters()["certificates_of"]


def test_the_filter_collects_from_load_balancers_and_adds_more():
    balancers = [{"name": "web", "certificate": {"domain": "a.example.com"}}]
    assert certificates_of(balancers, [{"domain": "b.example.com"}]) == [
        {"domain": "a.example.com"},
        {"domain": "b.example.com"},
    ]
    assert certificates_of([]) == []


def test_anything_but_lists_is_refused():
    with pytest.raises(AnsibleFilterError, match="takes lists, not dict"):
        certificates_of({"name": "web"})
