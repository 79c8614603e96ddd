# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_publish
short_description: Builds an image from a directory and pushes it to ECR
description:
  - Builds with whichever of Docker and Podman answers, and pushes to a repository of the stack, tagged with the commit
    of the directory. An image that the repository has under that tag is neither built nor pushed again.
  - The password of the registry goes to the standard input of C(login), and never into a list of arguments.
version_added: 0.1.0
author: Slipway contributors (@slipway)
options:
  source:
    description: The directory, with its Dockerfile.
    type: path
    required: true
  repository:
    description: The name of the repository in ECR.
    type: str
    required: true
  tag:
    description: The tag. Without it the commit of O(source), which then may have no changes that are not committed.
    type: str
    default: ""
  file:
    description: The Dockerfile, from O(source). Without it what the builder takes.
    type: str
    default: ""
  platform:
    description: What the image has to run on.
    type: str
    default: linux/amd64
  builders:
    description: The commands to try, in this order.
    type: list
    elements: str
    default: [docker, podman]
attributes:
  check_mode:
    support: full
    description: Says whether it would build and push.
  diff_mode:
    support: none
    description: An image has no difference that could be shown.
  idempotent:
    support: full
    description: A tag that is there is left alone.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Publish what is in the directory
  slipway.aws.image_publish:
    source: /home/anna/tv-shows-api
    repository: tv-shows-api
"""

RETURN = r"""
reference:
  description: The image, with registry and tag.
  type: str
  returned: always
tag:
  description: The tag.
  type: str
  returned: always
builder:
  description: The command that built it, "" where nothing was built.
  type: str
  returned: always
"""

import base64
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils._aws import Clients, aws_module, execute
from ansible_collections.slipway.aws.plugins.module_utils._errors import SlipwayError, is_code

ARGUMENTS: dict[str, Any] = {
    "source": {"type": "path", "required": True},
    "repository": {"type": "str", "required": True},
    "tag": {"type": "str", "default": ""},
    "file": {"type": "str", "default": ""},
    "platform": {"type": "str", "default": "linux/amd64"},
    "builders": {"type": "list", "elements": "str", "default": ["docker", "podman"]},
}
LAST_LINES = 20


def run(module: Any) -> dict[str, Any]:
    params, ecr = module.params, Clients.of(module).client("ecr")
    tag = params["tag"] or commit_of(module, params["source"])
    reference = f"{repository_uri(ecr, params['repository'])}:{tag}"
    told = {"reference": reference, "tag": tag, "builder": ""}
    if has_image(ecr, params["repository"], tag):
        return {"changed": False, **told}
    if not module.check_mode:
        told["builder"] = publish(module, ecr, reference)
    return {"changed": True, **told}


def publish(module: Any, ecr: Any, reference: str) -> str:
    """Builds, logs in, pushes. Returns the builder."""
    params, builder = module.params, builder_of(module, module.params["builders"])
    file = ["--file", f"{params['source']}/{params['file']}"] if params["file"] else []
    build = [builder, "build", "--platform", params["platform"], "--tag", reference, *file, params["source"]]
    do(module, f"Building {reference}", build)
    user, password = credentials(ecr)
    login = [builder, "login", "--username", user, "--password-stdin", reference.partition("/")[0]]
    do(module, "Logging in to the registry", login, data=password)
    do(module, f"Pushing {reference}", [builder, "push", reference])
    return builder


def builder_of(module: Any, names: list[str]) -> str:
    """The first that answers. Docker without its daemon does not."""
    tried = []
    for name in names:
        path = module.get_bin_path(name)
        if path is None:
            tried.append(f"{name} is not installed")
            continue
        rc, _out, error = module.run_command([path, "info"])
        if rc == 0:
            return str(path)
        tried.append(f"{name}: {(error.strip() or 'it does not answer').splitlines()[-1]}")
    raise SlipwayError(
        "No image can be built here", "; ".join(tried), "Nothing was pushed. Start one of them and repeat the run."
    )


def commit_of(module: Any, source: str) -> str:
    rc, commit, _error = module.run_command(["git", "-C", source, "rev-parse", "HEAD"])
    if rc != 0:
        raise SlipwayError(f"{source} has no commit to tag an image with", "", "Give a tag: -e image_tag=…")
    _rc, changes, _error = module.run_command(["git", "-C", source, "status", "--porcelain", "--", source])
    if changes.strip():
        raise SlipwayError(
            f"{source} has changes that are not committed",
            f"an image of commit {commit.strip()[:12]} would not be what that commit says",
            "Commit them, or give a tag of its own: -e image_tag=…",
        )
    return str(commit.strip())


def repository_uri(ecr: Any, name: str) -> str:
    try:
        (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    except Exception as error:
        if is_code(error, "RepositoryNotFound"):
            raise SlipwayError(
                f"There is no repository {name}", "", "Make it first: ansible-playbook site.yml"
            ) from error
        raise
    return str(found["repositoryUri"])


def has_image(ecr: Any, name: str, tag: str) -> bool:
    try:
        return bool(ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])["imageDetails"])
    except Exception as error:
        if is_code(error, "ImageNotFound"):
            return False
        raise


def credentials(ecr: Any) -> tuple[str, str]:
    """User and password of the registry, for twelve hours."""
    (token,) = ecr.get_authorization_token()["authorizationData"]
    user, _colon, password = base64.b64decode(token["authorizationToken"]).decode().partition(":")
    return user, password


def do(module: Any, what: str, command: list[str], data: str | None = None) -> None:
    rc, out, error = module.run_command(command, data=data)
    if rc != 0:
        last = "\n".join((error.strip() or out.strip()).splitlines()[-LAST_LINES:])
        raise SlipwayError(f"{what} failed (exit code {rc})", last, "Correct the cause and repeat the run.")


def main() -> None:
    execute(aws_module(ARGUMENTS, stack=False), run)


if __name__ == "__main__":
    main()
