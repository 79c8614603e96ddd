# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a module meets boto3: its arguments, one session, lazy clients, and the way out of main()."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, explain
from ansible_collections.slipway.aws.plugins.module_utils._under_lease import run_under

try:
    import boto3
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:  # AnsibleAWSModule reports a missing boto3 in its own words
    boto3 = None
    BotoCoreError = ClientError = Exception

THREADS = 16
T = TypeVar("T")

STACK_ARGUMENT: dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "name": {"type": "str", "required": True},
        "environment": {"type": "str", "required": True},
        "role": {"type": "str", "required": True},
        "tags": {"type": "dict", "default": {}},
    },
}


def aws_module(argument_spec: dict[str, Any], *, stack: bool = True, **options: Any) -> AnsibleAWSModule:
    """An AnsibleAWSModule with check mode and, unless `stack` is false, our option `stack`."""
    arguments = {"stack": STACK_ARGUMENT, **argument_spec} if stack else argument_spec
    return AnsibleAWSModule(argument_spec=arguments, **{"supports_check_mode": True, **options})


# botocore's loader keeps the service models that it has read: one for all sessions of the process.
_loader: Any = None


def new_session(**options: Any) -> Any:
    """A boto3 session that shares the process's loader."""
    global _loader  # noqa: PLW0603
    inner = botocore.session.Session()
    if _loader is None:
        _loader = inner.get_component("data_loader")
    inner.register_component("data_loader", _loader)
    return boto3.session.Session(botocore_session=inner, **options)


def warm(services: Iterable[str]) -> None:
    """Read what making clients of these services reads, so that a fork of this process finds it in memory."""
    # Nothing of the user's is read for it: a profile that does not exist is an error of the task that needs it.
    with _without("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        _make_clients(services)


def _make_clients(services: Iterable[str]) -> None:
    session = new_session(region_name="us-east-1", aws_access_key_id="-", aws_secret_access_key="-")  # noqa: S106
    for service in services:
        session.client(service)


@contextlib.contextmanager
def _without(*names: str) -> Iterator[None]:
    """The environment without these variables for a while."""
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


class Clients:
    """Clients of one boto3 session, each made at its first use.

    One session a process: its loader keeps the parsed service models, and making clients is not thread safe.
    """

    def __init__(self, session: Any, *, endpoint_url: str | None = None, verify: Any = None, config: Any = None):
        self._session, self._endpoint_url, self._verify, self._config = session, endpoint_url, verify, config
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._lock = threading.RLock()
        self.api_calls = 0
        session.events.register("before-send.*", self._count)

    def _count(self, **_kwargs: Any) -> None:
        self.api_calls += 1

    @classmethod
    def of(cls, module: AnsibleAWSModule) -> Clients:
        region, endpoint_url, options = get_aws_connection_info(module)
        config = Config(
            retries={"mode": "standard", "max_attempts": 8},
            max_pool_connections=THREADS,
            user_agent_extra="slipway.aws",
        )
        if options.get("aws_config") is not None:
            config = config.merge(options["aws_config"])
        session = new_session(
            region_name=region,
            profile_name=options.get("profile_name"),
            aws_access_key_id=options.get("aws_access_key_id"),
            aws_secret_access_key=options.get("aws_secret_access_key"),
            aws_session_token=options.get("aws_session_token"),
        )
        return cls(session, endpoint_url=endpoint_url, verify=options.get("verify"), config=config)

    @property
    def region(self) -> str:
        return str(self._session.region_name)

    def client(self, service: str, region: str | None = None) -> Any:
        """The client of a service ("ecs", "application-autoscaling"), in another region where one is named."""
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._session.client(
                    service,
                    region_name=region or self.region,
                    endpoint_url=self._endpoint_url,
                    verify=self._verify,
                    config=self._config,
                )
            return self._clients[service, region]


def pages(client: Any, operation: str, key: str, **arguments: Any) -> list[Any]:
    """All items under `key` of all pages of a paginated operation ("describe_subnets")."""
    if not client.can_paginate(operation):
        return list(getattr(client, operation)(**arguments).get(key, []))
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page.get(key, [])]


def together(reads: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """The results of independent reads, made side by side. The first error is raised once all have ended."""
    if len(reads) < 2:
        return {name: read() for name, read in reads.items()}
    with ThreadPoolExecutor(max_workers=min(THREADS, len(reads))) as pool:
        futures = {name: pool.submit(read) for name, read in reads.items()}
    return {name: future.result() for name, future in futures.items()}


def each(function: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
    """function(item) for every item, side by side, in the order of the items."""
    work = list(items)
    if len(work) < 2:
        return [function(item) for item in work]
    with ThreadPoolExecutor(max_workers=min(THREADS, len(work))) as pool:
        return list(pool.map(function, work))


def batches(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Slices of at most `size`, for calls that take a limited number at once."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in sorted(tags.items())]


def tag_dict(tags: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    return {tag[key]: tag.get(value, "") for tag in tags or ()}


def execute(module: AnsibleAWSModule, run: Callable[[AnsibleAWSModule], dict[str, Any]]) -> None:
    """main() of every module: the only place from which a module exits or fails."""
    try:
        result = run_under(lambda: run(module), lambda: Clients.of(module).client("dynamodb"), check=module.check_mode)
    except (SlipwayError, ClientError, BotoCoreError) as error:
        failure = explain(error)
        module.fail_json(msg=failure.text, **failure.details)
    else:
        module.exit_json(**result)
