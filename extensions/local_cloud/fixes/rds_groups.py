# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RDS parameter and subnet groups. API: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.rds import models, responses
from moto.rds.exceptions import DBParameterGroupNotFoundError, RDSClientError

from ..patching import adds, replaces
from .rds import ENGINE_VERSIONS, family_of

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Parameters.html: some of the
# parameters, with their default in the family's group, data type and apply type
POSTGRES_PARAMETERS = (
    ("autovacuum", "1", "boolean", "dynamic"),
    ("autovacuum_max_workers", "GREATEST({DBInstanceClassMemory/64371566592},3)", "integer", "static"),
    ("autovacuum_naptime", "15", "integer", "dynamic"),
    ("autovacuum_vacuum_scale_factor", "0.1", "float", "dynamic"),
    ("checkpoint_timeout", None, "integer", "dynamic"),
    ("default_statistics_target", None, "integer", "dynamic"),
    ("effective_cache_size", "{DBInstanceClassMemory/16384}", "integer", "dynamic"),
    ("effective_io_concurrency", None, "integer", "dynamic"),
    ("idle_in_transaction_session_timeout", "86400000", "integer", "dynamic"),
    ("lock_timeout", None, "integer", "dynamic"),
    ("log_autovacuum_min_duration", "10000", "integer", "dynamic"),
    ("log_connections", None, "boolean", "dynamic"),
    ("log_disconnections", None, "boolean", "dynamic"),
    ("log_lock_waits", None, "boolean", "dynamic"),
    ("log_min_duration_statement", None, "integer", "dynamic"),
    ("log_statement", None, "string", "dynamic"),
    ("log_temp_files", None, "integer", "dynamic"),
    ("maintenance_work_mem", "GREATEST({DBInstanceClassMemory*1024/63963136},65536)", "integer", "dynamic"),
    ("max_connections", "LEAST({DBInstanceClassMemory/9531392},5000)", "integer", "static"),
    ("max_parallel_workers", None, "integer", "dynamic"),
    ("max_replication_slots", "20", "integer", "static"),
    ("max_wal_senders", "20", "integer", "static"),
    ("max_wal_size", "2048", "integer", "dynamic"),
    ("max_worker_processes", None, "integer", "static"),
    ("pg_stat_statements.max", None, "integer", "static"),
    ("pg_stat_statements.track", None, "string", "dynamic"),
    ("random_page_cost", None, "float", "dynamic"),
    ("rds.force_ssl", "1", "boolean", "dynamic"),
    ("rds.logical_replication", "0", "boolean", "static"),
    ("shared_buffers", "{DBInstanceClassMemory/32768}", "integer", "static"),
    ("shared_preload_libraries", "pg_stat_statements", "list", "static"),
    ("statement_timeout", None, "integer", "dynamic"),
    ("timezone", None, "string", "dynamic"),
    ("track_activity_query_size", "4096", "integer", "static"),
    ("wal_buffers", None, "integer", "static"),
    ("work_mem", None, "integer", "dynamic"),
)


def new_groups_have_the_defaults() -> None:
    """A new group holds the engine's parameters, with Source "engine-default" or "system" (API_Parameter.html)."""

    @replaces(models.DBParameterGroup, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        _fill(self)

    @replaces(models.DBParameterGroup, "update_parameters")
    def update(original: Any, self: Any, parameters: Any) -> None:
        given = [{key: value for key, value in dict(p).items() if key != "Source"} for p in parameters]
        original(self, [{**parameter, "Source": "user"} for parameter in given])
        for parameter in given:
            kept = self.parameters[parameter["ParameterName"]]
            kept.setdefault("DataType", "string")
            kept.setdefault("ApplyType", "static" if parameter.get("ApplyMethod") == "pending-reboot" else "dynamic")
            kept.setdefault("IsModifiable", True)
            if parameter.get("ApplyMethod") == "pending-reboot":
                _pending(self)


def _fill(group: Any) -> None:
    if "postgres" not in str(group.family):
        return
    for name, value, data_type, apply_type in POSTGRES_PARAMETERS:
        parameter = {
            "ParameterName": name,
            "DataType": data_type,
            "ApplyType": apply_type,
            "ApplyMethod": "pending-reboot",
            "IsModifiable": True,
            "Source": "system" if value is not None else "engine-default",
        }
        if value is not None:
            parameter["ParameterValue"] = value
        group.parameters[name] = parameter


def _pending(group: Any) -> None:
    for instance in group.backend.databases.values():
        if instance.db_parameter_group_name == group.name:
            instance.pending_reboot = True


def apply_status() -> None:
    """ParameterApplyStatus is "pending-reboot" until a reboot, after a static parameter or another group.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithParamGroups.html
    """

    def statuses(self: Any) -> list[dict[str, str]]:
        status = "pending-reboot" if self.__dict__.get("pending_reboot") else "in-sync"
        return [
            {"DBParameterGroupName": group.name, "ParameterApplyStatus": status} for group in self.db_parameter_groups()
        ]

    models.DBInstance.db_parameter_group_status_list = property(statuses)

    @replaces(models.DBInstance, "update")
    def update(original: Any, self: Any, **options: Any) -> None:
        before = self.db_parameter_group_name
        original(self, **options)
        if options.get("db_parameter_group_name") not in (None, before):
            self.pending_reboot = True


def default_groups() -> None:
    """default.<family> is there before anybody uses it (USER_WorkingWithParamGroups.html)."""

    def details(self: Any) -> tuple[str, str]:
        family = family_of(self.engine, self.engine_version)
        return family, f"default.{family}"

    models.DBInstance.default_db_parameter_group_details = details

    @replaces(models.RDSBackend, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        for engine, versions in ENGINE_VERSIONS.items():
            for family in dict.fromkeys(family_of(engine, version) for version in versions):
                name = f"default.{family}"
                text = f"Default parameter group for {family}"
                self.db_parameter_groups[name] = models.DBParameterGroup(self, name, text, family)


def missing_groups() -> None:
    """A group that is not there is an error, not an empty list (API_DescribeDBParameterGroups.html, Errors)."""

    @replaces(models.RDSBackend, "describe_db_parameter_groups")
    def describe(original: Any, self: Any, wanted: dict[str, Any]) -> Any:
        found = original(self, wanted)
        name = wanted.get("db_parameter_group_name")
        if name and not found:
            raise DBParameterGroupNotFoundError(name)
        return found


def groups_in_use() -> None:
    """A group that an instance uses, or a default one, is not deleted (API_DeleteDBParameterGroup.html, Errors)."""

    @replaces(models.RDSBackend, "delete_db_parameter_group")
    def delete(original: Any, self: Any, name: str) -> Any:
        if name.startswith("default."):
            raise RDSClientError("InvalidParameterValue", "Default DB parameter group cannot be deleted")
        if any(instance.db_parameter_group_name == name for instance in self.databases.values()):
            message = (
                "One or more database instances are still members of this parameter group, so it cannot be deleted"
            )
            raise RDSClientError("InvalidDBParameterGroupState", message)
        return original(self, name)

    @replaces(models.RDSBackend, "delete_subnet_group")
    def delete_subnets(original: Any, self: Any, name: str) -> Any:
        instances = [i for i in self.databases.values() if i.__dict__.get("_db_subnet_group_name") == name]
        clusters = [c for c in self.clusters.values() if getattr(c, "db_subnet_group_name", None) == name]
        if instances or clusters:
            message = (
                f"Cannot delete the subnet group '{name}' because at least one database instance is still using it."
            )
            raise RDSClientError("InvalidDBSubnetGroupStateFault", message)
        return original(self, name)


def parameters_by_source() -> None:
    """DescribeDBParameters filters by Source (API_DescribeDBParameters.html)."""

    @replaces(responses.RDSResponse, "describe_db_parameters")
    def describe(original: Any, self: Any) -> ActionResult:
        parameters = original(self).result["Parameters"]
        source = self.params.get("Source")
        return ActionResult({"Parameters": [p for p in parameters if source in (None, p.get("Source"))]})


def reset_parameters() -> None:
    """ResetDBParameterGroup gives parameters their defaults back (API_ResetDBParameterGroup.html)."""

    @adds(responses.RDSResponse, "reset_db_parameter_group")
    def reset(self: Any) -> ActionResult:
        name = self.params["DBParameterGroupName"]
        group = self.backend.describe_db_parameter_groups({"db_parameter_group_name": name})[0]
        names = [parameter["ParameterName"] for parameter in self.params.get("Parameters") or []]
        for known in list(group.parameters) if self.params.get("ResetAllParameters") else names:
            group.parameters.pop(known, None)
        kept = dict(group.parameters)
        _fill(group)
        group.parameters.update(kept)
        return ActionResult({"DBParameterGroupName": name})


def engine_default_parameters() -> None:
    """DescribeEngineDefaultParameters lists the parameters of a family (API_DescribeEngineDefaultParameters.html)."""

    @adds(responses.RDSResponse, "describe_engine_default_parameters")
    def describe(self: Any) -> ActionResult:
        family = self.params["DBParameterGroupFamily"]
        group = models.DBParameterGroup(self.backend, f"default.{family}", f"Defaults of {family}", family)
        parameters = [dict(parameter) for parameter in group.parameters.values()]
        return ActionResult({"EngineDefaults": {"DBParameterGroupFamily": family, "Parameters": parameters}})


FIXES = (
    engine_default_parameters,
    new_groups_have_the_defaults,
    apply_status,
    default_groups,
    missing_groups,
    groups_in_use,
    parameters_by_source,
    reset_parameters,
)
