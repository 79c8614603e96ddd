# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Smaller fixes of other services, a function for each."""

from __future__ import annotations

import copy
import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.backup import models as backup
from moto.backup import responses as backup_responses
from moto.backup import urls as backup_urls
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.dynamodb.models.table import Table
from moto.efs import responses as efs_responses
from moto.efs import urls as efs_urls
from moto.iam import access_control
from moto.iam import models as iam
from moto.iam import responses as iam_responses
from moto.iam.exceptions import NotFoundException as NoSuchEntity
from moto.kms import models as kms
from moto.s3 import models as s3
from moto.sns import models as sns
from moto.wafv2 import responses as wafv2_responses

from ..patching import adds, replaces


def dynamodb_table_id() -> None:
    """A table has a TableId.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
    """

    @replaces(Table, "describe")
    def describe(original: Any, self: Any, base_key: str = "TableDescription") -> dict[str, Any]:
        answer: dict[str, Any] = original(self, base_key)
        answer[base_key]["TableId"] = self.__dict__.setdefault("table_id", str(uuid.uuid4()))
        return answer


def kms_keys_by_arn() -> None:
    """KeyId is an id or an ARN in every call.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
    """
    for name in ("schedule_key_deletion", "cancel_key_deletion", "enable_key", "disable_key"):

        @replaces(kms.KmsBackend, name)
        def call(original: Any, self: Any, key_id: str, *arguments: Any, **options: Any) -> Any:
            return original(self, key_id.rsplit(":key/", 1)[-1], *arguments, **options)


def wafv2_resources() -> None:
    """ListResourcesForWebACL.

    https://docs.aws.amazon.com/waf/latest/APIReference/API_ListResourcesForWebACL.html
    """

    @adds(wafv2_responses.WAFV2Response, "list_resources_for_web_acl")
    def resources(self: Any) -> tuple[int, dict[str, str], str]:
        acl = self.wafv2_backend.wacls.get(self._get_param("WebACLArn"))
        return 200, {}, json.dumps({"ResourceArns": list(acl.associated_resources) if acl else []})


def backup_vaults() -> None:
    """A vault that is not there is "access denied", so that nobody can probe for names.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/API_DescribeBackupVault.html, and the error as it comes:
    https://github.com/hashicorp/terraform-provider-aws/issues/16430
    """

    @replaces(backup.BackupBackend, "describe_backup_vault")
    def describe(original: Any, self: Any, backup_vault_name: str) -> Any:
        if backup_vault_name not in self.vaults:
            error = JsonRESTError("AccessDeniedException", "Insufficient privileges to perform this action.")
            error.code = 403
            raise error
        return original(self, backup_vault_name)


def backup_selections() -> None:
    """Create-, Get-, List- and DeleteBackupSelection.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupSelection.html
    """
    owner = backup_responses.BackupResponse

    def of(self: Any) -> dict[str, dict[str, Any]]:
        plan = self.path.split("/plans/")[1].split("/")[0]
        self.backup_backend.get_backup_plan(plan, None)
        found: dict[str, dict[str, Any]] = self.backup_backend.__dict__.setdefault("selections", {}).setdefault(
            plan, {}
        )
        return found

    def plan_of(self: Any) -> str:
        return str(self.path.split("/plans/")[1].split("/")[0])

    @adds(owner, "create_backup_selection")
    def create(self: Any) -> str:
        selection = json.loads(self.body)["BackupSelection"]
        if any(known["BackupSelection"]["SelectionName"] == selection["SelectionName"] for known in of(self).values()):
            message = "Backup selection with the same name already exists."
            raise JsonRESTError("AlreadyExistsException", message)
        identity = str(uuid.uuid4())
        created = datetime.now(UTC).timestamp()
        of(self)[identity] = {"BackupSelection": selection, "SelectionId": identity, "CreationDate": created}
        return json.dumps({"SelectionId": identity, "BackupPlanId": plan_of(self), "CreationDate": created})

    @adds(owner, "list_backup_selections")
    def listed(self: Any) -> str:
        briefs = [
            {
                "SelectionId": identity,
                "BackupPlanId": plan_of(self),
                "SelectionName": known["BackupSelection"]["SelectionName"],
                "IamRoleArn": known["BackupSelection"].get("IamRoleArn"),
                "CreationDate": known["CreationDate"],
            }
            for identity, known in of(self).items()
        ]
        return json.dumps({"BackupSelectionsList": briefs})

    @adds(owner, "get_backup_selection")
    def get(self: Any) -> str:
        identity = self.path.rstrip("/").rsplit("/", 1)[1]
        if identity not in of(self):
            raise JsonRESTError("ResourceNotFoundException", "Cannot find Backup selection.")
        return json.dumps({**of(self)[identity], "BackupPlanId": plan_of(self)})

    @adds(owner, "delete_backup_selection")
    def delete(self: Any) -> str:
        of(self).pop(self.path.rstrip("/").rsplit("/", 1)[1], None)
        return "{}"

    handler = backup_urls.response.dispatch
    backup_urls.url_paths["{0}/backup/plans/(?P<name>[^/]+)/selections/?$"] = handler
    backup_urls.url_paths["{0}/backup/plans/(?P<name>[^/]+)/selections/(?P<selection>[^/]+)$"] = handler


def s3_policies_with_conditions() -> None:
    """A statement whose condition does not hold says nothing.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html. moto evaluates no
    conditions and takes them to hold; the usual ones (aws:SecureTransport is false, another account) do not hold for
    the calls of a stack, so such statements are left out.
    """

    @replaces(s3.FakeBucket, "get_permission")
    def permission(_original: Any, self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return access_control.PermissionResult.NEUTRAL
        policy = json.loads(self.policy)
        statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        kept = [statement for statement in statements if not statement.get("Condition")]
        if not kept:
            return access_control.PermissionResult.NEUTRAL
        return access_control.IAMPolicy(json.dumps({**policy, "Statement": kept})).is_action_permitted(action, resource)


def iam_managed_policies_once() -> None:
    """The 1,300 policies of AWS are parsed once and not at every reset: half a second, and no behaviour."""
    parsed: list[Any] = []

    @replaces(iam.IAMBackend, "_init_aws_policies")
    def policies(original: Any, self: Any) -> list[Any]:
        if not parsed:
            parsed.extend(original(self))
        return [copy.copy(policy) for policy in parsed]


def iam_wildcards() -> None:
    """`*` stands for any characters, `?` for one, and everything else for itself.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """

    @replaces(access_control.IAMPolicyStatement, "_match")
    def match(_original: Any, _self: Any, pattern: str, string: str) -> re.Match[str] | None:
        return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), string)


def iam_simulation() -> None:
    """SimulatePrincipalPolicy, by the identity's policies, without conditions and boundaries.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """

    @adds(iam_responses.IamResponse, "simulate_principal_policy")
    def simulate(self: Any) -> ActionResult:
        arn = self._get_param("PolicySourceArn")
        documents = _policies_of(self.backend, arn)
        resources = self._get_param("ResourceArns") or ["*"]
        results = [
            {
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": _decide(documents, action, resource),
                "MatchedStatements": [],
                "MissingContextValues": [],
            }
            for action in self._get_param("ActionNames") or []
            for resource in resources
        ]
        return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def _policies_of(backend: Any, arn: str) -> list[str]:
    name = arn.rsplit("/", 1)[-1]
    try:
        role = backend.get_role(name)
    except NoSuchEntity:
        raise NoSuchEntity(f"The policy source {arn} cannot be found.") from None
    attached = [policy.document for policy in role.managed_policies.values()]
    return [text for text in [*attached, *role.policies.values()] if text]


def _decide(documents: list[str], action: str, resource: str) -> str:
    decisions = []
    for document in documents:
        text = document if isinstance(document, str) else json.dumps(document)
        decisions.append(access_control.IAMPolicy(_as_policy(text)).is_action_permitted(action, resource))
    if access_control.PermissionResult.DENIED in decisions:
        return "explicitDeny"
    return "allowed" if access_control.PermissionResult.PERMITTED in decisions else "implicitDeny"


def _as_policy(text: str) -> str:
    policy = json.loads(text)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    plain = [{key: value for key, value in statement.items() if key != "Condition"} for statement in statements]
    return json.dumps({**policy, "Statement": plain})


def sns_subscriptions_by_mail() -> None:
    """A subscription by mail is pending until a person confirms it.

    https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html, SubscriptionArn, and API_Subscription.html
    """

    def listed(subscriptions: Any) -> list[Any]:
        return [
            {
                "SubscriptionArn": "PendingConfirmation" if entry.protocol in ("email", "email-json") else entry.arn,
                "Owner": entry.arn.split(":")[4],
                "Protocol": entry.protocol,
                "Endpoint": entry.endpoint,
                "TopicArn": entry.topic.arn,
            }
            for entry in subscriptions
        ]

    for name in ("list_subscriptions", "list_subscriptions_by_topic"):

        @replaces(sns.SNSBackend, name)
        def call(original: Any, self: Any, *arguments: Any, **options: Any) -> Any:
            found, token = original(self, *arguments, **options)
            return listed(found), token


def efs_tags() -> None:
    """DescribeTags and CreateTags, deprecated and still there.

    https://docs.aws.amazon.com/efs/latest/ug/API_DescribeTags.html
    """

    @adds(efs_responses.EFSResponse, "describe_tags")
    def describe(self: Any) -> tuple[str, dict[str, str]]:
        found = self.efs_backend.list_tags_for_resource(_file_system(self))
        return json.dumps({"Tags": found}), {"Content-Type": "application/json"}

    @adds(efs_responses.EFSResponse, "create_tags")
    def create(self: Any) -> tuple[str, dict[str, str]]:
        tags = {tag["Key"]: tag["Value"] for tag in json.loads(self.body)["Tags"]}
        self.efs_backend.tag_resource(_file_system(self), tags)
        return "{}", {"Content-Type": "application/json"}

    handler = efs_urls.response.dispatch
    for path in ("{0}/2015-02-01/tags/<file_system_id>", "{0}/2015-02-01/create-tags/<file_system_id>"):
        efs_urls.url_paths[path] = handler
        efs_urls.url_paths[path + "/"] = handler


def _file_system(response: Any) -> str:
    return str([part for part in response.path.split("/") if part][-1])


FIXES = (
    dynamodb_table_id,
    kms_keys_by_arn,
    wafv2_resources,
    backup_vaults,
    backup_selections,
    s3_policies_with_conditions,
    iam_managed_policies_once,
    iam_wildcards,
    iam_simulation,
    sns_subscriptions_by_mail,
    efs_tags,
)
