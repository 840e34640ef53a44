"""Fetch a model that is too large for a bundle from S3, and check every file of it."""

import hashlib
import shutil
from pathlib import Path

from shared.errors import Failure
from shared.inference.locking import locked
from shared.manifest import BadManifest, Manifest, read

MANIFEST = "manifest.toml"
# S3 answers a HEAD request, which asks for the size, with a status and no reason.
WHY = {
    404: "the object does not exist. Upload the model with `textfn models push`.",
    403: "the object does not exist, or this function may not read it. Allow s3:GetObject; if "
    "s3:ListBucket on the bucket is allowed too, S3 says which of the two it is.",
}


class CannotFetch(Failure):
    """A model that cannot be fetched. The message begins with the name of the S3 object."""


def fetch(prefix: str, model: str, folder: Path) -> Path:
    """Download s3://bucket/prefix/MODEL/ into folder/MODEL, and return that folder.

    The folder appears only when all files have the sha256 of the manifest. A complete folder of an
    earlier start is used again. Raises CannotFetch.
    """
    staging, destination = folder / ".fetch" / model, folder / model
    staging.parent.mkdir(parents=True, exist_ok=True)
    with locked(staging.parent / "lock"):  # another process may want the same model
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            return _fetch(Objects(f"{prefix}/{model}"), model, staging, destination)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


class Objects:
    """The objects below s3://bucket/prefix. Raises CannotFetch."""

    def __init__(self, prefix: str) -> None:
        import boto3  # takes 0.2 s, which a function without a bucket saves

        self.prefix = prefix
        self._bucket, _, self._key = prefix.removeprefix("s3://").partition("/")
        self._client = boto3.client("s3")

    def download(self, name: str, path: Path) -> None:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.download_file(self._bucket, f"{self._key}/{name}", str(path))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise self.refusal(name, WHY.get(status, str(error))) from None
        except (Boto3Error, BotoCoreError, OSError) as error:  # OSError: the disk is full
            raise self.refusal(name, str(error)) from None

    def refusal(self, name: str, why: str) -> CannotFetch:
        return CannotFetch(f"{self.prefix}/{name}: {why}")


def _fetch(objects: Objects, model: str, staging: Path, destination: Path) -> Path:
    objects.download(MANIFEST, staging / MANIFEST)
    manifest = _manifest(objects, model, staging)
    if _is_right(destination, manifest):
        return destination
    shutil.rmtree(destination, ignore_errors=True)  # the disk may not have room for both
    for name, expected in manifest.sha256.items():
        objects.download(name, staging / name)
        if (found := _sha256(staging / name)) != expected:
            raise objects.refusal(
                name, f"its sha256 is {found}; the manifest has {expected}. Upload the model again."
            )
    return staging.rename(destination)


def _manifest(objects: Objects, model: str, staging: Path) -> Manifest:
    try:
        manifest = read(staging)
    except BadManifest as error:
        raise objects.refusal(MANIFEST, str(error)) from None
    if manifest.id != model:
        raise objects.refusal(
            MANIFEST, f"its id is {manifest.id}, not {model}. Upload the model again."
        )
    return manifest


def _is_right(folder: Path, manifest: Manifest) -> bool:
    """Tell whether a folder has this manifest and all its files, unchanged."""
    wanted = {MANIFEST: _sha256(manifest.folder / MANIFEST), **manifest.sha256}
    return all(
        (folder / name).exists() and _sha256(folder / name) == wanted[name] for name in wanted
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
