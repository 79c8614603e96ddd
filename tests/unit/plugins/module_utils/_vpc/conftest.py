# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest

SPEC = {
    "cidr": "10.0.0.0/16",
    "nat": "single",
    "endpoints": ["s3", "ecr.api"],
    "subnets": [
        {"name": "public-a", "tier": "public", "cidr": "10.0.1.0/24", "zone": "a"},
        {"name": "public-b", "tier": "public", "cidr": "10.0.2.0/24", "zone": "b"},
        {"name": "private-a", "tier": "private", "cidr": "10.0.10.0/24", "zone": "a"},
        {"name": "private-b", "tier": "private", "cidr": "10.0.20.0/24", "zone": "b"},
        {"name": "database-a", "tier": "database", "cidr": "10.0.100.0/24", "zone": "a"},
        {"name": "database-b", "tier": "database", "cidr": "10.0.200.0/24", "zone": "b"},
    ],
    "security_groups": [
        {
            "name": "alb",
            "ingress": [{"port": 80, "from": "0.0.0.0/0"}, {"port": 443, "from": "0.0.0.0/0"}],
            "egress": [{"port": 3000, "to": "ecs"}],
        },
        {
            "name": "ecs",
            "ingress": [{"port": 3000, "from": "alb"}],
            "egress": [{"port": 443, "to": "0.0.0.0/0"}, {"port": 5432, "to": "database"}],
        },
        {"name": "database", "ingress": [{"port": 5432, "from": "ecs"}]},
    ],
}


@pytest.fixture
def spec():
    """The network of a web application with a database, as an inventory has it."""
    return copy.deepcopy(SPEC)
