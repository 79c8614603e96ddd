# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which reason a message of ECS gives: service events, stopped reasons, rollout state reasons, container reasons.

Texts vary: `(service X) …` or `service X …`, typographic apostrophes, cut at 255 characters, names in the middle that
look like causes. So a text is first brought into one form, then judged family by family, the inner cause before the
wrapping. Sources of the wording: the ECS developer guide, the ECS agent, public issue threads (see the tests' table).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._ecs._codes import (
    EXTERNAL,
    PROGRESS,
    TRANSIENT,
    Reason,
    reason_of,
)

Rules = Sequence[tuple[str, str]]

# What says that nobody was reached, whatever was to be reached.
_NETWORK = (
    r"i/o time-?out|time-?out exceeded|deadline exceeded|no such host|connection (issue|refused|reset|timed out)"
    r"|request ?cancel|request ?context cancel|context cancel|send request failed|request send failed"
    r"|failed to do request|network (configuration|connection)|network is unreachable|no route to host"
    r"|statuscode: 0\b|handshake time|client\.timeout|signal: killed|server misbehaving|name resolution"
    r"|unexpected eof|: eof\b|proxyconnect|dial tcp|x509|\b50[0234] [a-z]|could ?not connect|time-?d? ?out"
)
_DENIED = (
    r"access ?denied|not authori[sz]ed|unauthori[sz]ed|forbidden|\b40[13]\b|not allowed to access|no permission"
    r"|(have|has) the (required |proper )?permission|lacks? (the )?(required )?permission"
    r"|access to kms is not allowed"
    r"|missing permission|kmskeynotaccessible|kmsinvalidstate|is disabled|pending deletion|doesn't have"
)
_MISSING = (
    r"can't find|not ?found|does ?n(o|')t exist|no longer exist|nosuchkey|whether the secret exists|can't retrieve"
)
_RETRIED_OFTEN = r"retried ([2-9]|\d\d+) time"


def _family(guard: str, rules: Rules, default: str = "") -> tuple[re.Pattern[str], list[tuple[re.Pattern[str], str]]]:
    compiled = [(re.compile(pattern), code) for pattern, code in rules]
    if default:
        compiled.append((re.compile(""), default))
    return re.compile(guard), compiled


_SCALING = _family(
    r"scaling activity initiated|set desired count to|desired ?count (was |has been )?(updated|changed)"
    r"|updated (the )?(computed ?)?desired ?count|capacity provider.*scal(ing|ed) (in|out)",
    [],
    "scaling",
)

# What the platform says about a deployment as a whole.
_DEPLOYMENTS = [
    _SCALING,
    _family(
        r"lifecycle hook|pause hook|hook target|hookstatus|\bhook\b.*\bfailed status",
        [
            (r"unable to assume", "role_cannot_be_assumed"),
            (r"not authorized|access ?denied|due to user: arn|failed\. user: arn", "iam_permission_denied"),
        ],
        "lifecycle_hook_failed",
    ),
    _family(
        r"invalid networking configuration|manage the elb resources",
        [
            (r"unable to assume|trust", "role_cannot_be_assumed"),
            (r"missing permission|not authorized|access ?denied", "iam_permission_denied"),
        ],
        "target_group_misconfigured",
    ),
    _family(
        r"no rollback candidate|rollback (has )?failed|rollback_failed|(nothing|unable|cannot|can't|not possible) to "
        r"(be )?roll(ed)? ?back",
        [],
        "rollback_impossible",
    ),
    _family(
        r"alarms?(\(s\))? (was |were |is |are |have been |has been )?(detected|triggered|activated|breached|fired)"
        r"|(rolled back|failed|stopped)\b.*\balarm|alarm\S* .*\bin alarm\b|alarm_triggered|triggered alarm",
        [],
        "deployment_alarm_triggered",
    ),
    _family(r"circuit ?breaker.*rolling back|rolling back to", [], "rollback_started"),
    _family(
        r"circuit ?breaker|deployment failed: tasks? failed|tasks failed to start",
        [],
        "circuit_breaker_triggered",
    ),
    _family(
        r"superseded|replaced by (a |an )?(new|another)|(because|by|due to|as) (of )?(a |an )?(new|newer|another) "
        r"(service )?(deployment|revision)|(new|newer|another) (service )?deployment (was|has|is|replac|start)",
        [],
        "superseded",
    ),
    _family(
        r"deployment (has )?(been )?rolled back|rollback (was |has been )?(initiated|requested|started|in progress)"
        r"|rollback deployment was initiated|rollback_(requested|in_progress|successful)|rolling back"
        r"|was rolled back",
        [],
        "rollback_started",
    ),
    _family(
        r"deployment (\S+ )?(has )?(been )?completed|deployment (was |is )?successful|deployment (\S+ )?succeeded"
        r"|service_deployment_completed",
        [],
        "deployment_completed",
    ),
    _family(
        r"deployment (\S+ )?(is )?in progress|deployment (\S+ )?(was |has been )?(created|started)\b"
        r"|service_deployment_in_progress",
        [],
        "deployment_in_progress",
    ),
]

# What ECS reports while all goes its way.
_ROUTINE = [
    _family(
        r"under protection|protected tasks|task protection|scale-in protection|tasks? (is|are) protected",
        [],
        "task_protection",
    ),
    _family(
        r"az[ -]rebalanc|az balanced|availability zone rebalanc",
        [(r"unable to place", "no_capacity")],
        "az_rebalance",
    ),
    _family(
        r"minimumhealthypercent|maximumpercent|because of the service deployment configuration",
        [],
        "deployment_config_blocks",
    ),
    _family(r"consistently start tasks|service_task_start_impaired", [], "scheduler_backoff"),
    _family(r"has reached a steady state|(has )?reached steady state|_steady_state", [], "steady_state"),
    _family(r"has started \d+ (pending )?tasks?", [], "task_started"),
    _family(r"stopped \d+ (running |pending )?tasks?|before image pull could begin", [], "task_stopped_routine"),
    _family(r"draining connections|has begun draining", [], "draining"),
    _family(r"\bderegistered \d+ ", [], "target_deregistered"),
    _family(r"\bregistered \d+ ", [], "target_registered"),
    _family(
        r"service.{0,30}(was|is) not (active|found)|servicenot(active|found)|servicenotfound"
        r"|is (now )?inactive\b.*service"
        r"|referenced (service|cluster) was (not found|inactive)|service (that )?(is|was) (still )?(draining"
        r"|inactive|missing|deleted)|service not found"
        r"|^(missing|inactive)$",
        [],
        "service_inactive",
    ),
]

# Tasks that ended for reasons outside themselves.
_OUTSIDE = [
    _family(
        r"spot (task|instance|container instance).*(interrupt|reclaim|terminat)|spot ?interruption|interrupted.*spot",
        [],
        "spot_interruption",
    ),
    _family(
        r"performing maintenance|task retirement|scheduled for retirement|\bretire[ds]?\b|retirement"
        r"|task maintenance",
        [],
        "platform_retirement",
    ),
    _family(
        r"host ec2|container instance (deregist|\S+ (is|was) (deregist|terminat|stopped|in draining|draining))"
        r"|deregistration forced|in draining state|agent (is |was )?(disconnected|not connected)|agentconnected"
        r"|error \"?agent\"?|^(taskfailedtostart: )?agent\b|ecs agent to start|(un|not )healthy container instance"
        r"|have the agent connected|underlying (host|hardware|instance)|infrastructure (host|health)"
        r"|instance \S+ (stopped|terminated)"
        r"|container ?vanished|container instance (is |was )?(terminated|stopped|disconnected|inactive)"
        r"|container instance .*drain",
        [],
        "host_lost",
    ),
    _family(
        r"(stopped|killed|cancel+ed) by (a |the |an )?(user|customer|operator)|user.?initiated|stopped (manually"
        r"|via stoptask)",
        [],
        "user_stopped",
    ),
]

_HEALTH = [
    _family(
        r"container health check|failed health checks? (on|of"
        r"|in) (the )?container",
        [],
        "container_health_check_failed",
    ),
    _family(
        r"elb health check|is (unhealthy|not healthy) in|load ?balancer health check|lattice.*health|health checks in"
        r"|target\.(failedhealthchecks|timeout|responsecodemismatch)|health checks failed",
        [
            (
                r"target group is not found|targetgroup.?not.?found|zone that is not enabled"
                r"|not configured to receive"
                r"|target\.notinuse|target group .*not (configured|associated)",
                "target_group_misconfigured",
            )
        ],
        "elb_health_check_failed",
    ),
]

# Before the first byte of the program runs.
_START = [
    _family(
        r"no space left|devmapper|thin pool|disk quota exceeded|not enough (disk )?space|insufficient (disk|storage)",
        [],
        "disk_full",
    ),
    _family(
        r"exec format error|matching platform|no matching manifest|operating system does not match"
        r"|cannot be used on this platform|does not match the (specified|host|detected) platform"
        r"|no match for platform"
        r"|unsupported (cpu )?architecture|image platform",
        [],
        "architecture_mismatch",
    ),
    _family(
        r"toomanyrequests|too many requests|pull rate limit|\b429\b|rate limit exceeded",
        [],
        "image_pull_rate_limited",
    ),
    _family(
        r"out ?of ?memory|\boom\b|oom-?kill|due to memory usage|memory limit too low|memory cgroup",
        [],
        "oom_killed",
    ),
]

_TRUST = [
    _family(
        r"iam trust relationship|(unable|failed|cannot|not able) to assume|assume (the |this )?(iam |task "
        r"|execution |service )*role"
        r"|sts:assumerole|role .*(cannot|could not|can't) be (assumed|found)|trust (policy|relationship)"
        r"|unable to assume",
        [],
        "role_cannot_be_assumed",
    ),
]

_SECRET_RULES: Rules = [
    (
        r"marked for deletion|scheduled for deletion|invalid character|cannot unmarshal|unexpected end of json"
        r"|not (a )?valid json|failed to (parse|decode)|unable to (parse|decode)|(unexpected|invalid) arn|arn format"
        r"|malformed|invalid format|in an invalid|failed to satisfy constraint|unexpected.*format|validationexception"
        r"|invalidrequestexception|could not find a secretsmanager secretid|invalid parameter(name| name)",
        "secret_invalid",
    ),
    (
        r"json key|invalid ssm parameter|invalid parameters?\b|parameternotfound|versionnotfound|awscurrent",
        "secret_missing",
    ),
    (_MISSING, "secret_missing"),
    (_DENIED, "secret_access_denied"),
    (r"throttl|rate exceeded", "scheduler_throttled"),
    (_NETWORK, "secrets_unreachable"),
    (_RETRIED_OFTEN, "secrets_unreachable"),
    (r"internal ?(server ?|service ?)?error|internalfailure|serviceunavailable", "internal_error"),
]
# A text that was cut before its cause: what is not retried is nearly always a refusal.
_SECRETS = [
    _family(
        r"env(ironment)?( variable)? files?\b|envfile",
        [(_MISSING, "secret_missing"), (_DENIED, "iam_permission_denied"), (_NETWORK, "secrets_unreachable")],
        "secret_missing",
    ),
    _family(
        r"\basm\b|\bssm\b|secrets ?manager|systems manager|parameter store|json key|kms:|\bkms\b"
        r"|(fetch|fetching|retrieve|retrieved|retrieving) (the )?secret|secret (data|value)|secret(s)? from"
        r"|credentialsparameter",
        _SECRET_RULES,
        "secret_access_denied",
    ),
]

_PULL_RULES: Rules = [
    (r"check whether the image exists", "image_not_found"),
    (r"requires task definition to have execution role", "image_pull_auth"),
    (
        r"no basic auth|incorrect username|authentication required|authorization (failed|token)|insufficient_scope"
        r"|ecr:\w+|credentials: not found|requires? authentication|docker login",
        "image_pull_auth",
    ),
    (
        r"\b403\b|\b401\b|forbidden|not authorized|unauthorized|access ?denied|pull access denied|denied: "
        r"|role has the perm"
        r"|\bno credential|getauthorizationtoken\S*,? .*statuscode: 400|expiredtoken|authorization token has expired",
        "image_pull_auth",
    ),
    (_NETWORK, "registry_unreachable"),
    (
        r"not ?found|manifest unknown|name unknown|does not exist|no such image|\b404\b|invalid reference format"
        r"|image does"
        r"|repository name (must|invalid)|no longer available",
        "image_not_found",
    ),
    (
        r"(manifest|inspect image) has been retried.*failed to resolve ref|failed to resolve ref(erence)?\b",
        "image_not_found",
    ),
    (r"registry auth: service call has been retried 1 t", "image_pull_auth"),
    (
        r"failed to (register|extract|unpack|apply) layer|diffids|invalid tar|checksum|digest (mismatch|invalid)"
        r"|mismatched|snapshotter|unsupported media|mediatype",
        "container_start_failed",
    ),
]
_PULLS = [
    # "unable to pull secrets or registry auth" by now says registry: what names a secret was judged above.
    _family(
        r"registry auth|authorization token|no basic auth|pull secrets|cannotpull|can't pull|cannot pull|(failed"
        r"|unable) to pull|pull (image|command|access)"
        r"|pulling image|ref pull|image manifest|manifest (unknown|for)|resolve ref|inspect image|registry|ecr\b"
        r"|no such image"
        r"|httprea(d|der)seeker|repository .* not found",
        _PULL_RULES,
        "registry_unreachable",
    ),
]

_RESOURCES = [
    _family(
        r"logger args|logging driver|log ?driver|log group|log stream|awslogs|amazon cloudwatch|cloudwatch logs"
        r"|firelens|log router|logs:(create|put)",
        [],
        "log_driver_failure",
    ),
    _family(
        r"custom device|device information|device driver|nvidia|cdi device|\bgpu\b.*(not|unavail)|/dev/(?!shm"
        r"|null)\S*.*no such"
        r"|neuron device|inference accelerator",
        [],
        "resource_unavailable_device",
    ),
    _family(
        r"\befs\b|mount\.nfs|elasticfilesystem|cannotcreatevolume|createvolume|volumedriver|fsx|ebs volume|nfs4?\b"
        r"|(create|mount|attach|provision)\w* (the )?(\S+ )?volume|volume \S* ?(could not|cannot|failed)|s3 ?files",
        [],
        "efs_mount_failed",
    ),
    _family(
        r"insufficient ?free ?address|free ip address|not (have )?enough (free )?(ip )?addresses|no (free"
        r"|available) (ip|address)"
        r"|ip address(es)? (is|are) (exhausted|not available)|addresses in subnet",
        [],
        "subnet_ip_exhausted",
    ),
    _family(
        r"invalid(subnet|group|security)\S*notfound|(security group|subnet) \S+ does not exist"
        r"|network ?interface|\beni\b|elastic network|netplugin|\bcni\b|networking ?error|network namespace",
        [
            (r"limit ?exceeded|maximum number|reached the limit", "quota_exceeded"),
            (r"resource:eni", "no_capacity"),
            # The guide's only form without an error code stands for an exhausted subnet.
            (r"create network interface\b.* in subnet '?subnet\S*$", "subnet_ip_exhausted"),
        ],
        "eni_failure",
    ),
]

_ROLES = [
    _family(
        r"register targets|target health|target ?group|load ?balancer|listener|container port"
        r"|elasticloadbalancing|targets? (is"
        r"|are) not",
        [
            (r"not authorized|access ?denied|unauthorized", "iam_permission_denied"),
            (r"throttl|rate exceeded", "scheduler_throttled"),
            (r"too ?many ?targets|limit", "quota_exceeded"),
        ],
        "target_group_misconfigured",
    ),
    _family(r"throttl|rate exceeded", [], "scheduler_throttled"),
    _family(
        r"iam permissions policies|is not authorized to perform|not authorized to perform|unauthorizedoperation"
        r"|accessdenied"
        r"|access denied|iam:passrole|authfailure",
        [],
        "iam_permission_denied",
    ),
]

_CONTAINERS = [
    _family(
        r"dependency graph|container ordering|taskdependency|dependencies cannot be resolved|depend(s|ency"
        r"|ent) (on |container )"
        r"|dependency \S+ (did|never|exited|failed)|dependson",
        [],
        "container_dependency_failed",
    ),
    _family(
        r"port is already allocated|address already in use|ports? (is|are) not available|already using a port"
        r"|\bport .*in use"
        r"|\bport .*already|insufficient ports|resource:ports|listen tcp.*bind|bind for ",
        [],
        "port_conflict",
    ),
    _family(
        r"executable file not found|exec: |starting container process caused.*no such file|stat \S+: no such file"
        r"|exec user process caused.*no such file|exec \S+: (no such file|permission denied)|command not found"
        r"|entrypoint.*(not found|no such|permission)",
        [],
        "command_not_found",
    ),
    _family(
        r"cannotstop|cannotinspect|cannotdescribe|cannotkill|failed sending sig|unable to (stop|kill"
        r"|inspect) container",
        [],
        "container_stop_failed",
    ),
    _family(
        r"timeouterror|could not transition to|timed out after waiting|did not (start|stop) (in|within)"
        r"|time-?d? ?out (while )?waiting"
        r"|timed out (before|while)|(start|stop) ?timeout",
        [(r"ephemeral ?storage", "internal_error")],
        "start_timeout",
    ),
]

_PLACEMENT = [
    _family(
        r"task ?definition.*(inactive|does not exist|not found|deregistered|is not active|no longer)"
        r"|(inactive|unable to describe) task ?definition",
        [],
        "task_definition_inactive",
    ),
    _family(
        r"(cpu|memory) configuration is above|no fargate configuration|invalid '?(cpu|memory)|(cpu|memory) (value"
        r"|unit)s? "
        r"(is|are )?(invalid|not supported|unsupported)|above your limit|task size|minimum memory limit",
        [],
        "invalid_cpu_memory",
    ),
    _family(
        r"reached the limit|more vcpu capacity|limit ?exceeded|limit was exceeded|quota|countexceeded"
        r"|maximum number of"
        r"|exceeds? (the|your) limit"
        r"|exceeded (the|your) limit",
        [],
        "quota_exceeded",
    ),
    _family(
        r"capacity|container instances? (were|was) found|no container instance|insufficient (cpu|memory|gpu"
        r"|resource)|resource:"
        r"|attribute|could not launch \d+|compute strategy|constraint unsatisfied|no active instances"
        r"|placement constraint|unfulfillable|service_task_placement",
        [],
        "no_capacity",
    ),
    _family(
        r"internal ?(server ?|service ?)?error|internalfailure|service ?unavailable|serverexception",
        [],
        "internal_error",
    ),
    _family(r"unable to place a task", [], "no_capacity"),
]

_GENERIC = [
    _family(
        r"cannotstart|cannotcreate|containerruntime|runtime create failed|\boci\b|\brunc\b|containerd|shim"
        r"|task failed to start"
        r"|dockerstate|hostconfig|invalidvolume|resourceinitializationerror|taskfailedtostart|failed to launch a task"
        r"|failed to (create|start) (the )?(container|task)|invalid mount|bind source",
        [],
        "container_start_failed",
    ),
    _family(r"essential container", [], "essential_container_exited"),
    _family(r"deployment (\S+ )?failed|service_deployment_failed", [], "circuit_breaker_triggered"),
]

_FAMILIES = [
    *_DEPLOYMENTS,
    *_ROUTINE,
    *_OUTSIDE,
    *_START,
    *_TRUST,
    *_SECRETS,
    *_HEALTH,
    *_RESOURCES,
    *_PULLS,
    *_ROLES,
    *_CONTAINERS,
    *_PLACEMENT,
    *_GENERIC,
]

# What a stop code says where the text says nothing.
_BY_STOP_CODE = {
    "SpotInterruption": "spot_interruption",
    "TerminationNotice": "host_lost",
    "InfrastructureHealth": "host_lost",
    "UserInitiated": "user_stopped",
    "TaskFailedToStart": "container_start_failed",
    "EssentialContainerExited": "essential_container_exited",
    "ServiceSchedulerInitiated": "task_stopped_routine",
}
# Codes that only say that it ended, not why.
_GENERIC_CODES = ("essential_container_exited", "container_start_failed")
# Exit codes that a shell or a runtime gives when there was nothing to run.
_EXIT_CODES = {126: "command_not_found", 127: "command_not_found"}

_PREFIX = re.compile(
    r"^\W*service[ ,]+(?!(?:deployment|not|was|is|has|that|inactive|discovery)\b)(\([^)]*\)|[^\s,]+)\s*(?=\S)"
    r"|^\(service [^)]*\)\s*"
)
_ENTITY = re.compile(
    r"\((deployment|task|taskset|instance|port|container-instance|target-group|elb|service)[ :][^()]*\)"
)
_ARN = re.compile(r"arn:aws[\w-]*:([\w-]*)\S*")
_IMAGE = re.compile(r"\S*\.dkr\.ecr[\w.-]*/(?!v2/)\S*|docker\.io/\S*|public\.ecr\.aws/(?!v2/)\S*|ghcr\.io/\S*")


def _normal(text: str) -> str:
    """The text in one form: lower case, plain quotes, no names that somebody chose."""
    plain = " ".join(text.replace("\u2019", "'").replace("\u2018", "'").split()).lower()
    plain = plain.replace("\u201c", '"').replace("\u201d", '"')
    plain = _ARN.sub(r"arn:\1", plain)
    plain = _PREFIX.sub("", plain, count=1) or plain
    plain = _ENTITY.sub(r"(\1)", plain)
    return _IMAGE.sub("(image)", plain)


def _code_of(text: str) -> str:
    plain = _normal(text)
    # This wrapping names both; only what follows it says which.
    bare = plain.replace("unable to pull secrets or registry auth", "registry auth").replace(
        "ecs deployment", "deployment"
    )
    for guard, rules in _FAMILIES:
        if guard.search(bare):
            for pattern, code in rules:
                if pattern.search(bare):
                    return code
    return ""


def classify(text: str | None, stop_code: str | None = None) -> Reason | None:
    """The reason that one message gives; None where it says nothing that is known.

    stop_code: a task's stopCode, which decides where the text does not.
    """
    text = text or ""
    code = _code_of(text) if text.strip() else ""
    if code in ("", *_GENERIC_CODES) and stop_code in ("SpotInterruption", "TerminationNotice", "UserInitiated"):
        code = _BY_STOP_CODE[stop_code]
    code = code or _BY_STOP_CODE.get(stop_code or "", "")
    return reason_of(code, text) if code else None


def _weight(reason: Reason) -> int:
    """How much a reason explains: the end itself, a dependency that failed, the failure of one container."""
    if reason.code in _GENERIC_CODES or reason.class_ == PROGRESS:
        return 0
    return 1 if reason.code == "container_dependency_failed" else 2


def _of_containers(containers: Sequence[Mapping[str, Any]]) -> Reason | None:
    found = [reason for box in containers if (reason := classify(box.get("reason")))]
    return max(found, key=_weight, default=None)


def _of_exit_codes(containers: Sequence[Mapping[str, Any]], text: str) -> Reason | None:
    codes = [_EXIT_CODES[box["exitCode"]] for box in containers if box.get("exitCode") in _EXIT_CODES]
    if codes:
        return reason_of(codes[0], text)
    exited = any(box.get("exitCode") is not None for box in containers)
    return reason_of("essential_container_exited", text) if exited else None


def classify_task(task: Mapping[str, Any]) -> Reason | None:
    """The most specific reason for which a task (an entry of DescribeTasks) ended; None while nothing is wrong.

    A stop from outside (scaling, a person, Spot, a lost host) explains every exit code that follows from it.
    """
    containers: Sequence[Mapping[str, Any]] = task.get("containers") or []
    text = task.get("stoppedReason") or ""
    stopped = classify(text, task.get("stopCode"))
    if stopped and stopped.class_ in (PROGRESS, EXTERNAL, TRANSIENT) and stopped.code != "task_stopped_routine":
        return stopped
    if stopped and _weight(stopped) == 2:
        return stopped
    inner = _of_containers(containers)
    if inner and _weight(inner) > (_weight(stopped) if stopped else -1):
        return inner
    ended = bool(stopped or task.get("lastStatus") in ("STOPPED", "DEPROVISIONING", "STOPPING"))
    if ended and not (stopped and stopped.code == "container_dependency_failed"):
        exited = _of_exit_codes(containers, text or (inner.text if inner else ""))
        if exited and (not stopped or exited.code not in _GENERIC_CODES):
            return exited
    if stopped or inner:
        return stopped or inner
    return _of_health(task, containers)


def _of_health(task: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]) -> Reason | None:
    if task.get("healthStatus") == "UNHEALTHY" or any(box.get("healthStatus") == "UNHEALTHY" for box in containers):
        return reason_of("container_health_check_failed", "The container health check reports UNHEALTHY.")
    return None
