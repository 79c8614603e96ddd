# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ECR. API: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ecr import models, responses
from moto.ecr.exceptions import RepositoryNotFoundException

from ..patching import replaces

# digest: the content of every layer and configuration that was pushed; served under /local-cloud/layers/
LAYERS: dict[str, bytes] = {}


def digests() -> None:
    """The digest of an image is the SHA-256 of its manifest (API_ImageIdentifier.html, imageDigest).

    That is OCI's definition: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
    """

    def create(self: Any) -> None:
        self._image_digest = "sha256:" + hashlib.sha256(self.image_manifest.encode()).hexdigest()

    assert hasattr(models.Image, "_create_digest")
    models.Image._create_digest = create


def sizes() -> None:
    """The size of an image is that of its configuration and layers (API_ImageDetail.html, imageSizeInBytes)."""

    def size(self: Any) -> int:
        manifest = json.loads(self.image_manifest)
        parts = [manifest.get("config", {}), *manifest.get("layers", []), *manifest.get("manifests", [])]
        return sum(int(part.get("size", 0)) for part in parts)

    assert hasattr(models.Image, "get_image_size_in_bytes")
    models.Image.get_image_size_in_bytes = size


def batches_of_images() -> None:
    """BatchGetImage answers with the tag that was asked for, and says what is missing (API_BatchGetImage.html)."""

    @replaces(models.ECRBackend, "batch_get_image")
    def get(_original: Any, self: Any, repository_name: str, registry_id: Any = None, image_ids: Any = None) -> Any:
        repository = self.repositories.get(repository_name)
        if repository is None:
            raise RepositoryNotFoundException(repository_name, registry_id or self.account_id)
        answer: dict[str, list[Any]] = {"images": [], "failures": []}
        for wanted in image_ids or []:
            image = next((image for image in repository.images if _is(image, wanted)), None)
            if image is None:
                failure = {"failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
                answer["failures"].append({"imageId": dict(wanted), **failure})
                continue
            tag = {"imageTag": wanted["imageTag"]} if wanted.get("imageTag") else {}
            answer["images"].append(
                {
                    "registryId": image.registry_id,
                    "repositoryName": image.repository_name,
                    "imageId": {"imageDigest": image.get_image_digest(), **tag},
                    "imageManifest": image.image_manifest,
                    "imageManifestMediaType": image.image_manifest_media_type,
                }
            )
        return answer


def _is(image: Any, wanted: Any) -> bool:
    digest, tag = wanted.get("imageDigest"), wanted.get("imageTag")
    return digest in (None, image.get_image_digest()) and (not tag or tag in image.image_tags) and bool(digest or tag)


class TagTakenError(ServiceException):
    """ImageTagAlreadyExistsException."""

    code = "ImageTagAlreadyExistsException"


def immutable_tags() -> None:
    """Another image under a tag that is immutable is refused by its own error (API_PutImage.html, Errors)."""

    @replaces(models.ECRBackend, "put_image")
    def put(original: Any, self: Any, repository_name: str, image_manifest: str, image_tag: str, *rest: Any) -> Any:
        repository = self.repositories.get(repository_name)
        taken = repository and any(
            image_tag in image.image_tags and image.image_manifest != image_manifest for image in repository.images
        )
        if taken and repository.image_tag_mutability == "IMMUTABLE":
            raise TagTakenError(
                f"The image tag '{image_tag}' already exists in the '{repository_name}' repository and cannot be"
                " overwritten because the repository is immutable."
            )
        return original(self, repository_name, image_manifest, image_tag, *rest)


def scan_on_push() -> None:
    """With scanOnPush an image is scanned as it arrives (API_ImageScanningConfiguration.html)."""

    @replaces(models.ECRBackend, "put_image")
    def put(original: Any, self: Any, repository_name: str, *arguments: Any, **options: Any) -> Any:
        image = original(self, repository_name, *arguments, **options)
        repository = self.repositories[repository_name]
        if repository.image_scanning_configuration.get("scanOnPush") and image.last_scan is None:
            image.last_scan = datetime.today()  # noqa: DTZ002 (moto compares it with times without a zone)
        return image


def moved_tags() -> None:
    """An image whose last tag moves to another one stays, untagged (API_PutImage.html)."""

    @replaces(models.ECRBackend, "put_image")
    def put(original: Any, self: Any, repository_name: str, *arguments: Any, **options: Any) -> Any:
        before = list(self.repositories[repository_name].images) if repository_name in self.repositories else []
        image = original(self, repository_name, *arguments, **options)
        kept = self.repositories[repository_name].images
        for old in before:
            if old not in kept:
                old.image_tags, old.image_tag = [], None
                kept.append(old)
        return image


def layers() -> None:
    """What was uploaded can be fetched again (API_GetDownloadUrlForLayer.html)."""

    @replaces(models.ECRBackend, "complete_layer_upload")
    def complete(original: Any, self: Any, repository_name: str, *arguments: Any, **options: Any) -> Any:
        repository = self.repositories.get(repository_name)
        contents = [bytes(upload.layer_parts) for upload in repository.uploads.values()] if repository else []
        answer = original(self, repository_name, *arguments, **options)
        for content in contents:
            LAYERS["sha256:" + hashlib.sha256(content).hexdigest()] = content
        return answer

    @replaces(responses.ECRResponse, "get_download_url_for_layer")
    def url(_original: Any, self: Any) -> ActionResult:
        digest = self._get_param("layerDigest")
        host = self.headers.get("Host", "127.0.0.1")
        return ActionResult({"downloadUrl": f"http://{host}/local-cloud/layers/{digest}", "layerDigest": digest})


FIXES = (digests, sizes, batches_of_images, immutable_tags, scan_on_push, moved_tags, layers)
