"""A model that is too big for a bundle: fetched from S3 before it is opened, each file checked."""

import hashlib
import shutil
from pathlib import Path

from shared.errors import Failure
from shared.inference.locking import locked
from shared.manifest import BadManifest, Manifest, read

MANIFEST = "manifest.toml"
# By the status that S3 answers: a HEAD, which asks for the size, has no more.
WHY = {
    404: "it is not there; `textfn models push` puts it there",
    403: "it is not there, or this function may not read it: s3:GetObject allows that, and with "
    "s3:ListBucket on the bucket S3 tells which",
}


class CannotFetch(Failure):
    """The model cannot be had; the message begins with the object's name."""


def fetch(prefix: str, model: str, folder: Path) -> Path:
    """Brings s3://bucket/prefix/MODEL/ into a folder of that name, whole and right, or not at all.

    Files that are there and right from an earlier start are not fetched again. Raises CannotFetch.
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
    """What is below s3://bucket/prefix. Raises CannotFetch."""

    def __init__(self, prefix: str) -> None:
        import boto3  # 0.2 s, which only those pay who keep their models in S3

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
    shutil.rmtree(destination, ignore_errors=True)  # room for both is not certain
    for name, expected in manifest.sha256.items():
        objects.download(name, staging / name)
        if (found := _sha256(staging / name)) != expected:
            raise objects.refusal(name, f"sha256 {found}, the manifest says {expected}")
    return staging.rename(destination)


def _manifest(objects: Objects, model: str, staging: Path) -> Manifest:
    try:
        manifest = read(staging)
    except BadManifest as error:
        raise objects.refusal(MANIFEST, str(error)) from None
    if manifest.id != model:
        raise objects.refusal(MANIFEST, f"it is that of {manifest.id}")
    if strangers := [name for name in manifest.sha256 if Path(name).name != name]:
        raise objects.refusal(MANIFEST, f"{strangers[0]} is no name of a file")
    return manifest


def _is_right(folder: Path, manifest: Manifest) -> bool:
    """Whether a folder holds this manifest and its files."""
    wanted = {MANIFEST: _sha256(manifest.folder / MANIFEST), **manifest.sha256}
    return all(
        (folder / name).exists() and _sha256(folder / name) == wanted[name] for name in wanted
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
