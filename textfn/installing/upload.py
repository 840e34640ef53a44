"""Puts an installed model into an S3 bucket, for TEXTFN_MODEL_BUCKET."""

from pathlib import Path

from shared.inference.bucket import MANIFEST
from shared.manifest import Manifest
from textfn.digests import file_sha256
from textfn.failure import Failure


class PushError(Failure):
    """The model is not in the bucket as a whole."""


class Unreachable(PushError):
    exit_code = 3


class NotAllowed(PushError):
    exit_code = 5


class NoBucket(PushError):
    exit_code = 6


def push(manifest: Manifest, prefix: str) -> None:
    """Upload an installed model's files to s3://bucket/prefix. Raises PushError.

    The manifest goes last: before it, a function finds the model as it was, or none.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    digests = _digests(manifest)
    try:
        bucket = Bucket(f"{prefix}/{manifest.id}")
        for name, digest in digests.items():
            bucket.put(manifest.folder / name, digest)
    except (
        BotoCoreError,
        Boto3Error,
        ClientError,
        ValueError,
    ) as error:  # ValueError: the endpoint
        raise _plain(error) from None
    print(f"{manifest.id} is in {prefix}/{manifest.id}")


def _digests(manifest: Manifest) -> dict[str, str]:
    """Return the digests of the files to send. Raises PushError if one is another."""
    if not manifest.installed:
        raise PushError(f"{manifest.id} is not installed: textfn models pull {manifest.id}")
    found = {name: file_sha256(manifest.folder / name) for name in manifest.sha256}
    for name in found:
        if found[name] != manifest.sha256[name]:
            raise PushError(f"{name} is not what the manifest says: textfn models verify")
    return found | {MANIFEST: file_sha256(manifest.folder / MANIFEST)}


class Bucket:
    """What is below s3://bucket/prefix. Raises boto3's and botocore's errors."""

    def __init__(self, prefix: str) -> None:
        import boto3  # a laptop that only serves need not have it

        self._prefix = prefix
        self._bucket, _, self._key = prefix.removeprefix("s3://").partition("/")
        self._client = boto3.client("s3")
        self._client.head_bucket(Bucket=self._bucket)

    def put(self, path: Path, sha256: str) -> None:
        from tqdm import tqdm

        key = f"{self._key}/{path.name}"
        if self._sha256(key) == sha256:
            print(f"{self._prefix}/{path.name} is there")
            return
        size = path.stat().st_size
        print(f"{self._prefix}/{path.name}, {size / 1e6:.1f} MB", flush=True)
        bar = tqdm(desc=path.name, total=size, unit="B", unit_scale=True, disable=None)
        with bar:
            self._client.upload_file(
                str(path),
                self._bucket,
                key,
                ExtraArgs={"Metadata": {"sha256": sha256}},
                Callback=bar.update,
            )

    def _sha256(self, key: str) -> str:
        """Return the sha256 that the object there carries; nothing if there is none."""
        from botocore.exceptions import ClientError

        try:
            there = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return ""
            raise
        return str(there["Metadata"].get("sha256", ""))


def _plain(error: Exception) -> PushError:
    from botocore.exceptions import (
        ClientError,
        ConnectionError,
        HTTPClientError,
        NoCredentialsError,
    )

    cause = error.__context__  # boto3 wraps a refusal of S3 in an error of its own
    refused = next((each for each in (error, cause) if isinstance(each, ClientError)), None)
    status = refused.response["ResponseMetadata"]["HTTPStatusCode"] if refused else 0
    if status == 404:
        return NoBucket(f"there is no such bucket ({error})")
    if status == 403 or isinstance(error, NoCredentialsError):
        return NotAllowed(f"not allowed: s3:PutObject, s3:GetObject, s3:ListBucket ({error})")
    unreachable = isinstance(error, ConnectionError | HTTPClientError)
    return Unreachable(str(error)) if unreachable else PushError(str(error))
