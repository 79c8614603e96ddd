# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rollouts from a script: clients that answer as AWS would at the time that a fake clock shows.

A scenario is a dict (a YAML document of tests/unit/plugins/module_utils/_ecs/timelines):

  looks:       [{at, deployments, task_sets, service, sd, briefs, targets}]; what a look leaves out is as in the one
               before. A deployment is [id, status, rollout, desired, running, pending, failed, reason].
  definitions: task definition of each deployment id; `created`: seconds since the start, -600 for what is not named
  events:      [[at, message]], tasks: [{id, by, at, stopped, reason, code, exits, box, ran}]: visible from
               their time on
  denied, missing: operations that are refused, or that the client does not have
  throttled:   [from, to] in which DescribeServices is throttled
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

T0 = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
ARN = "arn:aws:ecs:eu-west-1:111122223333"
_SESSION = botocore.session.get_session()
_MODELS: dict[str, Any] = {}
KEYS = ("id", "status", "rolloutState", "desiredCount", "runningCount", "pendingCount", "failedTasks")


class Account:
    """Stands for Clients: the clients of one account, by script of a service."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = {script.scenario.get("service_name", "web"): script for script in scripts}

    def client(self, service: str) -> Any:
        first = next(iter(self.scripts.values()))
        return first.client(service) if len(self.scripts) == 1 else Crowd(service, self.scripts)


class Crowd:
    """One client for several services, each with its script; what names no service goes to the one named last."""

    def __init__(self, service: str, scripts: dict[str, Script]) -> None:
        self._clients = {name: script.client(service) for name, script in scripts.items()}
        self._last = next(iter(self._clients))

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            named = asked.get("service") or asked.get("serviceName") or (asked.get("services") or [""])[0]
            self._last = named if named in self._clients else self._last
            return getattr(self._clients[self._last], name)(**asked)

        return call


class FakeClock:
    """A clock that moves only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.now += seconds


def when(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code} in a test"}}, operation)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Client:
    """Checks the parameters of each call against botocore's model, then asks the script."""

    def __init__(self, service: str, script: Script) -> None:
        if service not in _MODELS:
            _MODELS[service] = _SESSION.get_service_model(service)
        self._model, self._script = _MODELS[service], script
        self._operations = {_snake(name): name for name in self._model.operation_names}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._operations or self._operations[name] in self._script.missing:
            raise AttributeError(name)
        operation = self._operations[name]

        def call(**parameters: Any) -> Any:
            report = ParamValidator().validate(parameters, self._model.operation_model(operation).input_shape)
            assert not report.has_errors(), report.generate_report()
            return self._script.answer(operation, parameters)

        return call


class Script:
    def __init__(self, scenario: dict[str, Any], clock: FakeClock) -> None:
        self.scenario, self.clock, self.start = scenario, clock, clock.monotonic()
        self.missing = set(scenario.get("missing", ()))
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.written: list[tuple[str, dict[str, Any]]] = []

    @property
    def at(self) -> float:
        return self.clock.monotonic() - self.start

    def client(self, service: str) -> Client:
        return Client(service, self)

    def answer(self, operation: str, parameters: dict[str, Any]) -> Any:
        self.calls.append((operation, parameters))
        if operation in self.scenario.get("denied", ()):
            raise error("AccessDeniedException", operation)
        return getattr(self, _snake(operation))(parameters)

    def look(self) -> dict[str, Any]:
        """The script's present: all looks up to now, one over the other."""
        now: dict[str, Any] = {}
        for look in self.scenario["looks"]:
            if look["at"] <= self.at:
                now = {**now, **look}
        return now

    def _definition(self, identifier: str) -> str:
        short = self.scenario.get("definitions", {}).get(identifier, "web:1")
        return f"{ARN}:task-definition/{short}"

    def _created(self, identifier: str) -> datetime:
        return when(self.scenario.get("created", {}).get(identifier, -600))

    def _deployment(self, row: list[Any]) -> dict[str, Any]:
        entry = {key: value for key, value in zip(KEYS, row, strict=False) if value is not None}
        if len(row) > len(KEYS):
            entry["rolloutStateReason"] = row[len(KEYS)]
        entry |= {"taskDefinition": self._definition(row[0]), "createdAt": self._created(row[0])}
        return entry

    def _task_set(self, row: list[Any]) -> dict[str, Any]:
        identifier, status, stability, desired, running = row
        return {
            "id": identifier,
            "taskSetArn": f"{ARN}:task-set/prod/web/{identifier}",
            "externalId": f"d-{identifier[-3:]}",
            "status": status,
            "stabilityStatus": stability,
            "computedDesiredCount": desired,
            "runningCount": running,
            "pendingCount": desired - running,
            "taskDefinition": self._definition(identifier),
            "createdAt": self._created(identifier),
        }

    def describe_services(self, asked: dict[str, Any]) -> Any:
        cluster, services = asked["cluster"], asked["services"]
        first, last = self.scenario.get("throttled", (1, 0))
        if first <= self.at <= last:
            raise error("ThrottlingException", "DescribeServices")
        look = self.look()
        if look.get("service") == "missing":
            return {"services": [], "failures": [{"arn": services[0], "reason": "MISSING"}]}
        entry = {
            "serviceName": services[0],
            "serviceArn": f"{ARN}:service/{cluster}/{services[0]}",
            "status": "ACTIVE",
            "desiredCount": 2,
            "deployments": [self._deployment(row) for row in look.get("deployments", ())],
            "events": [
                {"id": f"e{place}", "createdAt": when(at), "message": message}
                for place, (at, message) in enumerate(self.scenario.get("events", ()))
                if at <= self.at
            ][::-1],
        }
        if "task_sets" in look:
            entry |= {"deployments": [], "taskSets": [self._task_set(row) for row in look["task_sets"]]}
        if look.get("sd"):
            entry["currentServiceDeployment"] = look.get("current", self._arn(look["sd"]))
        return {"services": [{**entry, **self.scenario.get("service", {}), **look.get("service", {})}]}

    def _arn(self, deployment: dict[str, Any]) -> str:
        return f"{ARN}:service-deployment/prod/web/{deployment.get('name', 'ours')}"

    def list_tasks(self, asked: dict[str, Any]) -> Any:
        tasks = [task for task in self.scenario.get("tasks", ()) if task.get("at", 0) <= self.at]
        stopped = [task for task in tasks if "stopped" in task and task["stopped"] <= self.at]
        shown = stopped if asked.get("desiredStatus") == "STOPPED" else [task for task in tasks if task not in stopped]
        size, start = self.scenario.get("page", 100), int(asked.get("nextToken", "0"))
        more = {"nextToken": str(start + size)} if len(shown) > start + size else {}
        return {"taskArns": [f"{ARN}:task/prod/{task['id']}" for task in shown[start : start + size]], **more}

    def describe_tasks(self, asked: dict[str, Any]) -> Any:
        tasks = asked["tasks"]
        assert 0 < len(tasks) <= 100, "DescribeTasks takes 1 to 100 tasks"
        wanted = {arn.rpartition("/")[2] for arn in tasks}
        return {"tasks": [self._task(task) for task in self.scenario["tasks"] if task["id"] in wanted]}

    def _task(self, task: dict[str, Any]) -> dict[str, Any]:
        names = ["web", *(box["name"] for box in self.scenario.get("sidecars", ()))]
        over = "stopped" in task and task["stopped"] <= self.at
        entry: dict[str, Any] = {
            "taskArn": f"{ARN}:task/prod/{task['id']}",
            "taskDefinitionArn": self._definition(task["by"]),
            "startedBy": task["by"],
            "createdAt": when(task.get("at", 0)),
            "lastStatus": "STOPPED" if over else task.get("status", "RUNNING"),
            "containers": [{"name": name, "lastStatus": "STOPPED" if over else "RUNNING"} for name in names],
        }
        if task.get("ran", True):
            entry["startedAt"] = when(task.get("at", 0) + 5)
        if task.get("pulling"):
            entry["pullStartedAt"] = when(task["at"] + 10)
        if over:
            entry |= {"stoppedAt": when(task["stopped"]), "stoppedReason": task["reason"], "stopCode": task.get("code")}
            for box, code in zip(entry["containers"], task.get("exits", ()), strict=False):
                box["exitCode"] = code
            if task.get("box"):
                entry["containers"][0]["reason"] = task["box"]
        return entry

    def describe_task_definition(self, asked: dict[str, Any]) -> Any:
        options = {"awslogs-group": "/ecs/web", "awslogs-stream-prefix": "web", "awslogs-region": "eu-west-1"}
        box = {"name": "web", "logConfiguration": {"logDriver": "awslogs", "options": options}}
        told = {"taskDefinitionArn": f"{ARN}:task-definition/web:7", "status": "ACTIVE", "networkMode": "awsvpc"}
        boxes = [{**box, **self.scenario.get("container", {})}, *self.scenario.get("sidecars", ())]
        return {"taskDefinition": {**told, "containerDefinitions": boxes, **self.scenario.get("definition", {})}}

    def describe_service_deployments(self, asked: dict[str, Any]) -> Any:
        found = self.look().get("sd")
        if not found:
            return {"serviceDeployments": []}
        entry = {
            "serviceDeploymentArn": self._arn(found),
            "createdAt": self._created("sd"),
            "targetServiceRevision": {"arn": f"{ARN}:service-revision/prod/web/{found.get('revision', '222')}"},
        }
        return {
            "serviceDeployments": [{**entry, **{key: found[key] for key in found if key not in ("revision", "name")}}]
        }

    def list_service_deployments(self, asked: dict[str, Any]) -> Any:
        rows = self.look().get("briefs", ())
        return {
            "serviceDeployments": [
                {
                    "serviceDeploymentArn": f"{ARN}:service-deployment/prod/web/{row['name']}",
                    "targetServiceRevisionArn": f"{ARN}:service-revision/prod/web/{row.get('revision', '0')}",
                    "createdAt": when(row.get("created", -600)),
                    "status": row["status"],
                    "statusReason": row.get("reason", ""),
                }
                for row in rows
            ]
        }

    def describe_target_health(self, asked: dict[str, Any]) -> Any:
        rows = self.look().get("targets", ())
        return {
            "TargetHealthDescriptions": [
                {"Target": {"Id": ip, "Port": 3000}, "TargetHealth": {"State": state, "Reason": reason}}
                for ip, state, reason in rows
            ]
        }

    def describe_target_groups(self, asked: dict[str, Any]) -> Any:
        return {"TargetGroups": [{"HealthCheckIntervalSeconds": 10, "HealthyThresholdCount": 3}]}

    def describe_alarms(self, asked: dict[str, Any]) -> Any:
        return {
            "MetricAlarms": [
                {"AlarmName": asked["AlarmNames"][0], "StateValue": "ALARM", "StateReason": "too many 5xx"}
            ]
        }

    def get_log_events(self, asked: dict[str, Any]) -> Any:
        return {
            "events": [
                {"message": line + "\n"} for line in self.scenario.get("log", ("boot", "KeyError: DATABASE_URL"))
            ]
        }

    def update_service(self, asked: dict[str, Any]) -> Any:
        self.written.append(("UpdateService", asked))
        self.scenario = self.scenario["after_update"]
        self.start = self.clock.monotonic()
        return {"service": self.describe_services({**asked, "services": [asked["service"]]})["services"][0]}

    def stop_service_deployment(self, asked: dict[str, Any]) -> Any:
        self.written.append(("StopServiceDeployment", asked))
        self.scenario = self.scenario["after_stop"]
        self.start = self.clock.monotonic()
        return {"serviceDeploymentArn": asked["serviceDeploymentArn"]}

    def describe_clusters(self, asked: dict[str, Any]) -> Any:
        return {"clusters": [{"clusterName": name, "status": "ACTIVE"} for name in asked["clusters"] if name == "prod"]}

    def run_task(self, asked: dict[str, Any]) -> Any:
        self.written.append(("RunTask", asked))
        if "failures" in self.scenario:
            return {"tasks": [], "failures": self.scenario["failures"]}
        return {"tasks": [self._task(self.scenario["tasks"][0])], "failures": []}

    def stop_task(self, asked: dict[str, Any]) -> Any:
        self.written.append(("StopTask", asked))
        after = self.scenario.get("stops_after", 10)
        stopped = {"reason": asked["reason"], "code": "UserInitiated", "exits": [143]}
        if after is not None:
            self.scenario["tasks"][0] |= {**stopped, "stopped": self.at + after}
        return {"task": {}}
