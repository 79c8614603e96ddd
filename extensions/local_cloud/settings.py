# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be set about the embedded AWS, at its start and while it runs.

All times are seconds, but for the two that say milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

ENVIRONMENT_PREFIX = "LOCAL_CLOUD_"


@dataclass
class Settings:
    """The settings, with their defaults: quick enough for tests, slow enough for a wait to be seen in ECS."""

    latency_ms: float = 0.0  # added to every API call
    connect_ms: float = 0.0  # added to every new connection, in place of TCP and TLS across a network
    database_seconds: float = 0.0  # an RDS instance or cluster is "creating", "modifying" or "deleting" that long
    cache_seconds: float = 0.0  # the same for ElastiCache
    load_balancer_seconds: float = 0.0  # a load balancer is "provisioning" that long
    nat_gateway_seconds: float = 0.0  # a NAT gateway is "pending" that long
    certificate_seconds: float = 0.0  # from the validation record's presence to ISSUED
    certificate_needs_record: bool = False  # whether a certificate waits until its CNAME is in Route 53
    task_start_seconds: float = 0.3  # PROVISIONING to RUNNING
    task_stop_seconds: float = 0.1  # DEACTIVATING to STOPPED
    task_run_seconds: float = 0.3  # how long a one-off task runs before it ends by itself
    task_retry_seconds: float = 0.2  # the scheduler's pause after a task that failed
    target_healthy_seconds: float = 0.1  # from registration to the first verdict of a health check
    deregistration_seconds: float = 0.0  # a target is "draining" that long
    alarm_bake_seconds: float = 0.3  # how long deployment alarms are watched after the tasks are healthy
    stage_seconds: float = 0.1  # one lifecycle stage of a blue/green, linear or canary deployment
    rollback_new_deployment: bool = False  # a rollback is a deployment with an id of its own, as some accounts show it
    faults_file: str = ""  # a JSON list of faults, read again whenever it changes

    def update(self, values: Mapping[str, Any]) -> None:
        """Take over `values`; ValueError names what is unknown or not of its type, and then nothing changes."""
        known = {field.name: type(field.default) for field in fields(self)}
        checked = {}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"There is no setting {name!r}. The settings are: {', '.join(sorted(known))}.")
            checked[name] = _convert(name, value, known[name])
        for name, value in checked.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _convert(name: str, value: Any, kind: type) -> Any:
    if kind is str:
        return str(value)
    if kind is bool:
        text = str(value).lower()
        if text not in ("true", "false", "1", "0", "yes", "no"):
            raise ValueError(f"Setting {name!r} is true or false, not {value!r}.")
        return text in ("true", "1", "yes")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"Setting {name!r} is a number, not {value!r}.") from None
    if not 0 <= number < float("inf"):
        raise ValueError(f"Setting {name!r} is a number from 0 up, not {value!r}.")
    return number


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings that are given as LOCAL_CLOUD_<NAME>; other variables with the prefix are left alone."""
    names = {ENVIRONMENT_PREFIX + field.name.upper(): field.name for field in fields(Settings)}
    return {name: environment[variable] for variable, name in names.items() if variable in environment}


SETTINGS = Settings()
