"""Downloads files from the Hugging Face Hub: resumed after a break, checked by digest.

Over plain HTTP, which every mirror speaks (HF_ENDPOINT); HF_TOKEN opens a gated repository.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx2
from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    FileMetadataError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
)
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status
from tqdm import tqdm

from textfn.digests import require_download
from textfn.failure import Failure

# Every error is one line; the library's own warnings would repeat it.
logging.getLogger("huggingface_hub").setLevel(logging.ERROR)

TIMEOUT = 10.0  # seconds without a byte


class HubError(Failure):
    """The file could not be had from the Hub."""


class Unreachable(HubError):
    exit_code = 3


class CutOff(HubError):
    exit_code = 4


class NotAllowed(HubError):
    exit_code = 5


class NotThere(HubError):
    exit_code = 6


class TooManyRequests(HubError):
    exit_code = 7


class HubFailed(HubError):
    exit_code = 8


@dataclass(frozen=True)
class RemoteFile:
    """A file at one commit. Its `etag` is a sha256 (LFS) or git's sha1 of the blob."""

    name: str
    url: str
    commit: str
    size: int
    etag: str


def look_up(repository: str, revision: str, name: str) -> RemoteFile:
    """Ask the Hub for a file's commit, size and digest. Raises HubError."""
    with _plain_words(f"{repository}/{name}"):
        url = hf_hub_url(repository, name, revision=revision)
        found = get_hf_file_metadata(url)
        if found.commit_hash is None or found.etag is None or found.size is None:
            raise FileMetadataError
    return RemoteFile(name, url, found.commit_hash, found.size, found.etag)


def fetch(file: RemoteFile, folder: Path, bar: tqdm, sha256: str = "") -> str:
    """Write the file into the folder and return its sha256. Raises HubError, WrongDigest, OSError.

    What arrived before a break stays there as NAME.part; the next call goes on from it.
    """
    whole, part = folder / file.name, folder / f"{file.name}.part"
    before = bar.n
    if not whole.exists():
        with _plain_words(file.name), part.open("ab") as content:
            _download(file, content, lambda: bar.update(before + content.tell() - bar.n))
        part.rename(whole)
    bar.update(before + file.size - bar.n)
    return require_download(whole, sha256 or file.etag)


def _download(file: RemoteFile, content: BinaryIO, show: Callable[[], object]) -> None:
    """Ask for what is missing; ask again after a break, as long as anything arrives."""
    while True:
        before = content.tell()
        try:
            for _ in _stream(file, content):
                show()
            return
        except httpx2.TransportError:
            if content.tell() == before:
                raise


def _stream(file: RemoteFile, content: BinaryIO) -> Iterator[None]:
    """Write what arrives, chunk by chunk."""
    headers = build_hf_headers(headers={"Accept-Encoding": "identity"})
    if content.tell():
        headers["Range"] = f"bytes={content.tell()}-"
    with get_session().stream("GET", file.url, headers=headers, timeout=TIMEOUT) as response:
        # A part that is whole or too long has no rest: 416.
        if response.status_code == 416:
            return
        if response.status_code != 206:
            hf_raise_for_status(response)
            _empty(content)
        for chunk in response.iter_raw():
            content.write(chunk)
            _refuse_too_many(file, content)
            yield


def _refuse_too_many(file: RemoteFile, content: BinaryIO) -> None:
    """A server that sends without an end would fill the disk before a digest is compared."""
    if content.tell() > file.size:
        _empty(content)
        raise HubFailed(f"{file.name}: more than the {file.size} bytes that the Hub named arrived")


def _empty(content: BinaryIO) -> None:
    content.seek(0)
    content.truncate()


@contextmanager
def _plain_words(what: str) -> Iterator[None]:
    """Turn whatever the client raises into a HubError of one line."""
    try:
        yield
    except HfHubHTTPError as error:
        raise _refusal(error.response.status_code, what) from None
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
        raise Unreachable(f"{what}: the Hub cannot be reached ({error})") from None
    except (ValueError, httpx2.LocalProtocolError) as error:
        raise HubError(
            f"{what}: the request cannot be sent ({str(error).splitlines()[0]})"
        ) from None
    except OfflineModeIsEnabled:
        raise Unreachable(f"{what}: HF_HUB_OFFLINE is set, so the Hub is not asked") from None
    except FileMetadataError:
        raise HubFailed(f"{what}: the answer has no commit, digest or size; not a Hub") from None
    except httpx2.HTTPError as error:
        raise CutOff(f"{what}: the connection was cut ({type(error).__name__})") from None
    except OSError as error:
        if error.errno is not None:  # the disk's, not the Hub's
            raise
        raise CutOff(f"{what}: the connection was cut before all bytes were here") from None


def _refusal(status: int, what: str) -> HubError:
    if status in (401, 403):
        return NotAllowed(
            f"{what}: access denied ({status}). If the repository is gated, accept its terms on "
            "its page and set HF_TOKEN to an API token of the Hub that may read it"
        )
    if status == 404:
        return NotThere(
            f"{what}: there is no such file at this revision (404). Only weights in safetensors "
            "are read: a pickle could run anything"
        )
    if status == 429:
        return TooManyRequests(
            f"{what}: too many requests (429). Wait a few minutes, then pull again"
        )
    return HubFailed(f"{what}: the Hub answered {status}. Pull again later")
