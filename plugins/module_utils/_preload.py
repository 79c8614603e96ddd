# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every task of ours needs, loaded once in the controller: its workers are forks and have it then."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from ansible_collections.slipway.aws.plugins.module_utils import _aws

MODULES = "ansible_collections.slipway.aws.plugins.modules"
# Loads a parser and a driver that only a migration needs.
LATER = ("migration_sql",)
SERVICES = (
    "acm",
    "application-autoscaling",
    "cloudwatch",
    "ec2",
    "ecr",
    "ecs",
    "elasticache",
    "elbv2",
    "iam",
    "logs",
    "rds",
    "secretsmanager",
    "sns",
)


def load() -> None:
    """Import our modules and read botocore's service models into the loader that `_aws.Clients` uses."""
    for found in pkgutil.iter_modules([str(Path(__file__).resolve().parents[1] / "modules")]):
        if found.name not in LATER:
            importlib.import_module(f"{MODULES}.{found.name}")
    _aws.warm(SERVICES)
