# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the two tools share that do a person's work on the embedded AWS: its client, and their way of failing."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError


class ToolError(Exception):
    """What failed, why, and what to do."""


def parser(description: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--endpoint-url", default=os.environ.get("AWS_ENDPOINT_URL"), help="default: AWS_ENDPOINT_URL")
    made.add_argument("--region", default=os.environ.get("AWS_REGION") or "us-east-1")
    return made


def client(service: str, arguments: argparse.Namespace) -> Any:
    """A boto3 client for the embedded AWS; these tools never touch a real account."""
    if not arguments.endpoint_url or not _is_loopback(arguments.endpoint_url):
        raise ToolError(
            f"The endpoint {arguments.endpoint_url!r} is not on this machine. Start the embedded AWS and read its"
            " exports first: `. .local/aws.env`."
        )
    return boto3.client(
        service,
        region_name=arguments.region,
        endpoint_url=arguments.endpoint_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def run(work: Callable[[], dict[str, Any]]) -> int:
    """Print what was done as JSON, or what went wrong as one line."""
    try:
        result = work()
    except (ToolError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
