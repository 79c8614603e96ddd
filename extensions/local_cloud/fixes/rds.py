# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RDS: states that take their time, and what instances show.

API: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from moto.core.responses import ActionResult
from moto.rds import models, responses
from moto.rds.exceptions import RDSClientError

from ..patching import adds, enter, frozen, is_over, passing, replaces
from ..settings import SETTINGS

# https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html and
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraPostgreSQLReleaseNotes/: some minor versions, the newest last
ENGINE_VERSIONS = {
    "postgres": ("13.20", "13.22", "14.17", "14.19", "15.12", "15.14", "16.8", "16.10", "17.4", "17.6"),
    "aurora-postgresql": ("13.20", "14.17", "14.18", "15.12", "15.13", "16.8", "16.9", "17.4", "17.5"),
    "mysql": ("8.0.41", "8.0.42", "8.4.5"),
    "aurora-mysql": ("8.0.mysql_aurora.3.08.2",),
}
# API_ModifyDBInstance.html: what waits for the maintenance window without ApplyImmediately
DEFERRED = (
    "db_instance_class",
    "engine_version",
    "allocated_storage",
    "multi_az",
    "iops",
    "storage_type",
    "license_model",
)
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage: up to and from 400 GiB
GP3_SMALL, GP3_LARGE, GP3_LARGE_FROM = (3000, 125), (12000, 500), 400


def family_of(engine: str, version: str) -> str:
    """The parameter group family: postgres16, mysql8.0 (API_DBEngineVersion.html)."""
    parts = str(version).split(".")
    return engine.lower() + (parts[0] if "postgres" in engine else ".".join(parts[:2]))


def instance_states() -> None:
    """ "creating", "modifying", "deleting" are states that an instance stays in for a while.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html, "Viewing Amazon RDS DB instance
    status". The call that begins a state answers with it. An instance has no endpoint while it is being created
    (API_DBInstance.html, Endpoint).
    """

    def status(self: Any) -> str:
        return passing(self, self.__dict__.get("final_status", "available"))

    def set_status(self: Any, value: str) -> None:
        self.final_status = value

    models.DBInstance.status = property(status, set_status)
    shown = models.DBInstance.endpoint.fget

    def endpoint(self: Any) -> Any:
        return None if self.status == "creating" else shown(self)

    models.DBInstance.endpoint = property(endpoint)
    _creation_takes_time()
    _modification_takes_time()
    _deletion_takes_time()


def _creation_takes_time() -> None:
    names = (
        "create_db_instance",
        "create_db_instance_read_replica",
        "restore_db_instance_from_db_snapshot",
        "restore_db_instance_to_point_in_time",
    )
    for name in names:

        @replaces(models.RDSBackend, name)
        def create(original: Any, self: Any, *arguments: Any, **options: Any) -> Any:
            _forget_deleted(self)
            instance = original(self, *arguments, **options)
            enter(instance, "creating", SETTINGS.database_seconds)
            return frozen(instance, "creating")


def _modification_takes_time() -> None:
    @replaces(models.RDSBackend, "modify_db_instance")
    def modify(original: Any, self: Any, identifier: str, settings: Any) -> Any:
        instance = self.describe_db_instances(identifier)[0]
        if instance.status != "available":
            raise RDSClientError("InvalidDBInstanceState", f"Database instance {identifier} is not in available state.")
        original(self, identifier, settings)
        enter(instance, "modifying", SETTINGS.database_seconds)
        return instance

    @replaces(models.RDSBackend, "reboot_db_instance")
    def reboot(original: Any, self: Any, identifier: str) -> Any:
        instance = original(self, identifier)
        instance.__dict__.pop("pending_reboot", None)
        enter(instance, "rebooting", SETTINGS.database_seconds)
        return frozen(instance, "rebooting")


def _deletion_takes_time() -> None:
    @replaces(models.RDSBackend, "delete_db_instance")
    def delete(original: Any, self: Any, db_instance_identifier: str, **options: Any) -> Any:
        _forget_deleted(self)
        known = self.databases.get(db_instance_identifier)
        if known is not None and known.status == "deleting":
            message = f"Instance {db_instance_identifier} is already being deleted."
            raise RDSClientError("InvalidDBInstanceState", message)
        instance = original(self, db_instance_identifier, **options)
        if SETTINGS.database_seconds:
            enter(instance, "deleting", SETTINGS.database_seconds)
            self.databases[db_instance_identifier] = instance
        return frozen(instance, "deleting")

    @replaces(models.RDSBackend, "describe_db_instances")
    def describe(original: Any, self: Any, *arguments: Any, **options: Any) -> Any:
        _forget_deleted(self)
        return original(self, *arguments, **options)


def _forget_deleted(backend: Any) -> None:
    for things in (backend.databases, backend.clusters):
        for identifier in [key for key, thing in things.items() if is_over(thing, "deleting")]:
            del things[identifier]


def cluster_states() -> None:
    """The same for clusters: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html"""
    shown, kept = models.DBCluster.status.fget, models.DBCluster.status.fset
    models.DBCluster.status = property(lambda self: passing(self, shown(self)), kept)

    @replaces(models.RDSBackend, "create_db_cluster")
    def create(original: Any, self: Any, settings: Any) -> Any:
        _forget_deleted(self)
        cluster = original(self, settings)
        cluster.status = "available"
        enter(cluster, "creating", SETTINGS.database_seconds)
        return frozen(cluster, "creating")

    @replaces(models.RDSBackend, "modify_db_cluster")
    def modify(original: Any, self: Any, settings: Any) -> Any:
        cluster = original(self, settings)
        current = self.clusters[settings.get("new_db_cluster_identifier") or cluster.db_cluster_identifier]
        enter(current, "modifying", SETTINGS.database_seconds)
        return current

    @replaces(models.RDSBackend, "delete_db_cluster")
    def delete(original: Any, self: Any, cluster_identifier: str, *arguments: Any, **options: Any) -> Any:
        cluster = original(self, cluster_identifier, *arguments, **options)
        if SETTINGS.database_seconds:
            enter(cluster, "deleting", SETTINGS.database_seconds)
            self.clusters[cluster_identifier] = cluster
        return frozen(cluster, "deleting")

    @replaces(models.RDSBackend, "describe_db_clusters")
    def describe(original: Any, self: Any, *arguments: Any, **options: Any) -> Any:
        _forget_deleted(self)
        return original(self, *arguments, **options)


def resource_ids() -> None:
    """Each instance has its own DbiResourceId (API_DBInstance.html): IAM database authentication names it."""

    @replaces(models.RDSBackend, "create_db_instance")
    def create(original: Any, self: Any, settings: Any) -> Any:
        instance = original(self, settings)
        self.databases[settings["db_instance_identifier"]].dbi_resource_id = _resource_id()
        return instance

    @replaces(models.RDSBackend, "create_db_instance_read_replica")
    def replicate(original: Any, self: Any, settings: Any) -> Any:
        instance = original(self, settings)
        replica = self.databases[settings["db_instance_identifier"]]
        replica.dbi_resource_id = _resource_id()
        replica.replicas = []
        replica.tags = list(settings.get("tags") or [])
        return instance


def _resource_id() -> str:
    return "db-" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _position in range(26))


def storage_of_gp3() -> None:
    """A gp3 volume always shows its IOPS and throughput (CHAP_Storage.html#gp3-storage)."""

    @replaces(models.DBInstance, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        _complete_gp3(self)

    @replaces(models.DBInstance, "update")
    def update(original: Any, self: Any, **options: Any) -> None:
        original(self, **options)
        _complete_gp3(self)


def _complete_gp3(instance: Any) -> None:
    if instance.db_cluster_identifier or instance.storage_type != "gp3":
        return
    small = int(instance.allocated_storage) < GP3_LARGE_FROM
    iops, throughput = GP3_SMALL if small else GP3_LARGE
    instance.iops = instance.iops or iops
    instance.storage_throughput = instance.storage_throughput or throughput


def monitoring_fields() -> None:
    """Performance Insights is shown as it was asked for (API_DBInstance.html, PerformanceInsightsEnabled)."""

    def take(instance: Any, options: dict[str, Any]) -> None:
        enabled = options.get("enable_performance_insights")
        if enabled is not None:
            instance.performance_insights_enabled = bool(enabled)
        if getattr(instance, "performance_insights_enabled", False):
            days = options.get("performance_insights_retention_period")
            instance.performance_insights_retention_period = days or getattr(
                instance, "performance_insights_retention_period", 7
            )

    @replaces(models.DBInstance, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        self.performance_insights_enabled = False
        take(self, options)

    @replaces(models.DBInstance, "update")
    def update(original: Any, self: Any, **options: Any) -> None:
        original(self, **options)
        take(self, options)


def pending_changes() -> None:
    """Without ApplyImmediately some changes wait as PendingModifiedValues (API_ModifyDBInstance.html)."""

    @replaces(models.DBInstance, "update")
    def update(original: Any, self: Any, **options: Any) -> None:
        deferred = {}
        by_modification = "db_instance_identifier" in options and "source_db_instance_identifier" not in options
        if by_modification and not options.get("apply_immediately"):
            deferred = {key: options.pop(key) for key in DEFERRED if options.get(key) is not None}
        original(self, **options)
        waiting = {k: v for k, v in deferred.items() if str(v) != str(getattr(self, k, None))}
        earlier = {k: v for k, v in getattr(self, "pending_modified_values", {}).items() if k not in options}
        self.pending_modified_values = {**earlier, **waiting}


def cluster_members_have_the_subnet_group() -> None:
    """A member of a cluster is in the cluster's subnet group and behind its security groups (API_DBInstance.html)."""

    @replaces(models.DBInstanceClustered, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        name = getattr(self.cluster, "db_subnet_group_name", None)
        if name and not options.get("db_subnet_group_name"):
            self.db_subnet_group_name = name


def engine_versions() -> None:
    """A major version stands for its default minor version (API_CreateDBInstance.html, EngineVersion)."""

    @replaces(models.DBInstance, "__init__")
    def initialise(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        version = options.get("engine_version")
        if version:
            options["engine_version"] = _full_version(options.get("engine", ""), version)
        original(self, *arguments, **options)

    @replaces(models.RDSBackend, "modify_db_instance")
    def modify(original: Any, self: Any, identifier: str, settings: Any) -> Any:
        instance = self.describe_db_instances(identifier)[0]
        if settings.get("engine_version"):
            same = str(instance.engine_version).startswith(f"{settings['engine_version']}.")
            full = instance.engine_version if same else _full_version(instance.engine, settings["engine_version"])
            settings["engine_version"] = full
        return original(self, identifier, settings)

    @replaces(models.DBCluster, "__init__")
    def initialise_cluster(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        if options.get("engine_version"):
            options["engine_version"] = _full_version(options.get("engine", ""), options["engine_version"])
        original(self, *arguments, **options)


def _full_version(engine: str, version: str) -> str:
    known = [full for full in ENGINE_VERSIONS.get(engine, ()) if full == version or full.startswith(f"{version}.")]
    if not known and engine in ENGINE_VERSIONS and "." not in str(version):
        raise RDSClientError("InvalidParameterCombination", f"Cannot find version {version} for {engine}")
    return known[-1] if known else version


def describe_engine_versions() -> None:
    """DescribeDBEngineVersions (API_DescribeDBEngineVersions.html), which moto does not have."""

    @adds(responses.RDSResponse, "describe_db_engine_versions")
    def describe(self: Any) -> ActionResult:
        wanted = self.params
        versions = [
            _engine_version(engine, version, default=version == _full_version(engine, version.split(".")[0]))
            for engine, known in ENGINE_VERSIONS.items()
            if wanted.get("Engine") in (None, engine)
            for version in known
            if _fits(engine, version, wanted)
        ]
        if wanted.get("DefaultOnly"):
            versions = versions[-1:]
        return ActionResult({"DBEngineVersions": versions})


def _fits(engine: str, version: str, wanted: Any) -> bool:
    asked = wanted.get("EngineVersion")
    family = wanted.get("DBParameterGroupFamily")
    return (not asked or version == asked or version.startswith(f"{asked}.")) and family in (
        None,
        family_of(engine, version),
    )


def _engine_version(engine: str, version: str, *, default: bool) -> dict[str, Any]:
    newer = [other for other in ENGINE_VERSIONS[engine] if _key(other) > _key(version)]
    return {
        "Engine": engine,
        "EngineVersion": version,
        "MajorEngineVersion": version.split(".", maxsplit=1)[0],
        "DBParameterGroupFamily": family_of(engine, version),
        "DBEngineDescription": "PostgreSQL" if "postgres" in engine else "MySQL",
        "DBEngineVersionDescription": f"{engine} {version}",
        "Status": "available",
        "ValidUpgradeTarget": [
            {
                "Engine": engine,
                "EngineVersion": target,
                "AutoUpgrade": default,
                "IsMajorVersionUpgrade": target.split(".")[0] != version.split(".", maxsplit=1)[0],
            }
            for target in newer
        ],
        "ExportableLogTypes": ["postgresql", "upgrade"] if engine == "postgres" else ["postgresql"],
        "SupportsLogExportsToCloudwatchLogs": True,
        "SupportsReadReplica": True,
    }


def _key(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


FIXES = (
    instance_states,
    cluster_states,
    resource_ids,
    storage_of_gp3,
    monitoring_fields,
    pending_changes,
    cluster_members_have_the_subnet_group,
    engine_versions,
    describe_engine_versions,
)
