# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put an image into a repository of the embedded AWS, over the API, as a push would.

    . .local/aws.env
    python extensions/local_cloud/push_image.py tv-shows-api 1.0.0

The image is an OCI image with one small layer. Equal content has the equal digest, so a second push changes nothing.
Prints `changed`, `digest`, `repository` and `tag`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import tools

# https://github.com/opencontainers/image-spec/blob/main/media-types.md
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CREATED = "1970-01-01T00:00:00Z"


def build(content: str, architecture: str) -> tuple[str, list[bytes]]:
    """(manifest, blobs) of an image: the same for the same content, whenever it is built."""
    archive = _layer(content)
    layer = gzip.compress(archive, mtime=0)
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": {"Cmd": ["/bin/true"], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(archive)]},
        "history": [{"created": CREATED, "created_by": "push_image.py"}],
    }
    config_blob = json.dumps(config, sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(CONFIG, config_blob),
        "layers": [_descriptor(LAYER, layer)],
    }
    return json.dumps(manifest, sort_keys=True), [config_blob, layer]


def push(ecr: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    repository, tag = arguments.repository, arguments.tag
    known = _digest_of(ecr, repository, tag)
    manifest, blobs = build(arguments.content or f"{repository}:{tag}", arguments.architecture)
    digest = _digest(manifest.encode())
    if known == digest or (known and arguments.if_missing):
        return {"changed": False, "digest": known, "repository": repository, "tag": tag}
    for blob in blobs:
        _upload(ecr, repository, blob)
    ecr.put_image(repositoryName=repository, imageManifest=manifest, imageManifestMediaType=MANIFEST, imageTag=tag)
    return {"changed": True, "digest": digest, "repository": repository, "tag": tag}


def _digest_of(ecr: Any, repository: str, tag: str) -> str | None:
    try:
        found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])["images"]
    except ecr.exceptions.RepositoryNotFoundException:
        message = f"There is no repository {repository} to push to. Provisioning makes it; push again after that."
        raise tools.ToolError(message) from None
    return str(found[0]["imageId"]["imageDigest"]) if found else None


def _upload(ecr: Any, repository: str, blob: bytes) -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html"""
    digest = _digest(blob)
    if ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])["layers"]:
        return
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(blob) - 1,
        layerPartBlob=blob,
    )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])


def _layer(content: str) -> bytes:
    body = content.encode()
    entry = tarfile.TarInfo("app/content")
    entry.size = len(body)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(entry, io.BytesIO(body))
    return stream.getvalue()


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "size": len(blob), "digest": _digest(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def main() -> int:
    parser = tools.parser("Put an image into a repository of the embedded AWS, as a push would.")
    parser.add_argument("repository")
    parser.add_argument("tag")
    parser.add_argument("--architecture", choices=("amd64", "arm64"), default="amd64")
    parser.add_argument("--content", help="what the image holds; default: its repository and tag")
    parser.add_argument("--if-missing", action="store_true", help="leave a tag alone that is there, whatever it holds")
    arguments = parser.parse_args()
    return tools.run(lambda: push(tools.client("ecr", arguments), arguments))


if __name__ == "__main__":
    sys.exit(main())
