# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several stacks in one command: they share nothing, and none waits for another."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def inventory(directory: Path) -> Path:
    """tvshows twice: as it is, and as `other` with names of its own in the same account."""
    directory.mkdir()
    text = (ROOT / "group_vars" / "tvshows.yml").read_text()
    other = text.replace("tv-shows-api", "other-api").replace("stack_name: tvshows", "stack_name: other")
    groups = directory / "group_vars"
    shutil.copytree(ROOT / "group_vars", groups)
    (groups / "other.yml").write_text(other)
    shutil.copytree(ROOT / "inventories" / "local" / "host_vars", directory / "host_vars")
    shutil.copy(directory / "host_vars" / "tvshows-local.yml", directory / "host_vars" / "other-local.yml")
    hosts = {
        name: {"vars": {"ansible_group_priority": 10}, "hosts": {f"{name}-local": {}}} for name in ("tvshows", "other")
    }
    children = {
        "local": {"hosts": {"tvshows-local": {}, "other-local": {}, "main-account": {}}},
        "accounts": {"hosts": {"main-account": {}}},
        **hosts,
    }
    (directory / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": children}}))
    credentials = ROOT / "extensions" / "local_cloud" / "credentials"
    text = (groups / "local.yml").read_text()
    (groups / "local.yml").write_text(
        text.replace("{{ inventory_dir }}/../../extensions/local_cloud/credentials", str(credentials))
    )
    return directory


def test_two_stacks_in_one_command(empty, tmp_path):
    where = str(inventory(tmp_path / "inventory"))
    first = empty.site(inventory=where)
    assert first.text.count("Still missing, for a person to do") == 2, first.text
    for repository in ("tv-shows-api", "other-api"):
        empty.seed(repository)
        empty.set_secret(f"{repository}/rails-master-key")
    second = empty.site(inventory=where)
    assert second.rc == 0, second.text
    vpcs = empty.client("ec2").describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["slipway:stack"]}])["Vpcs"]
    owners = {tag["Value"] for vpc in vpcs for tag in vpc["Tags"] if tag["Key"] == "slipway:stack"}
    assert owners == {"tvshows", "other"}
    third = empty.site(inventory=where)
    assert (third.changed(), third.changed("other-local")) == (0, 0)


def test_a_failing_stack_does_not_hold_the_other(empty, tmp_path):
    where = str(inventory(tmp_path / "inventory"))
    empty.client("ecr").create_repository(repositoryName="other-api", tags=[{"Key": "team", "Value": "billing"}])
    run = empty.site(inventory=where)
    assert (
        "ECR repository other-api exists and is not of stack other-local" in run.words and "team=billing" in run.words
    )
    assert empty.client("rds").describe_db_instances()["DBInstances"][0]["DBInstanceIdentifier"] == "tv-shows-api-db"
