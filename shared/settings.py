"""Every environment variable the service reads: its name, its default and a line of help."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from shared.errors import Failure

PREFIX = "TEXTFN_"


class BadSetting(Failure):
    """A setting that stops the start: its name, its value and what is allowed."""

    exit_code = 2


@dataclass(frozen=True)
class Parser:
    """Reads one value; `allowed` says in words what it takes."""

    allowed: str
    read: Callable[[str], Any]
    secret: bool = False


def _one_of(*choices: str) -> Parser:
    return Parser(" or ".join(choices), lambda text: choices[choices.index(text)])


def _positive(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,11}", text):
        raise ValueError(text)
    return int(text)


def _whole(text: str) -> int:
    return 0 if text == "0" else _positive(text)


def _hashes(text: str) -> frozenset[bytes]:
    hashes = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in hashes):
        raise ValueError
    return frozenset(map(bytes.fromhex, hashes))


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_./-]+", text.strip()):
        raise ValueError(text)
    return text.strip()


# S3's rule for names of buckets, and a prefix.
BUCKET = "s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/]+)*"


def _bucket(text: str) -> str:
    if not re.fullmatch(BUCKET, text.rstrip("/")):
        raise ValueError
    return text.rstrip("/")


def _model(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise ValueError
    return text


POSITIVE = Parser("a whole number above 0", _positive)
WHOLE = Parser("a whole number", _whole)
HASHES = Parser("sha256 hashes in lower-case hex, separated by commas", _hashes, secret=True)
NAME = Parser("a name", _name)
NAMES = Parser("names, separated by commas", lambda text: tuple(map(_name, text.split(","))))
BUCKET_PREFIX = Parser("s3://bucket/prefix", _bucket)
MODEL = Parser("the id of a model", _model)
FOLDER = Parser("a folder that exists", lambda text: Path(text).resolve(strict=True))


# Linux's cgroup v2: "QUOTA PERIOD", or "max PERIOD" where there is no limit.
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def processors(cpu_max: Path = CPU_MAX) -> int:
    """How many this process may use: a container often sees more than its limit allows."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = cpu_max.read_text().split()
    except (OSError, ValueError):
        return count
    return count if quota == "max" else max(1, min(count, int(quota) // int(period)))


def default_threads(environ: Mapping[str, str]) -> int:
    """Lambda shows two cores but grants one per 1,769 MB of memory (AWS's figure)."""
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    return max(1, int(memory) // 1769) if memory else processors()


def _setting(default: Any, parser: Parser, help: str) -> Any:
    return field(default=default, metadata={"parser": parser, "help": help})


@dataclass(frozen=True)
class Settings:
    """Field `max_texts` is the variable TEXTFN_MAX_TEXTS, and so on."""

    tokens: frozenset[bytes] = _setting(frozenset(), HASHES, "sha256 of each bearer token")
    tokens_parameter: str = _setting(
        "", NAME, "an SSM SecureString that holds the same, for a function on AWS"
    )
    auth: str = _setting("token", _one_of("token", "none"), "none: open to everybody, explicitly")
    models_dir: Path | None = _setting(None, FOLDER, "a second folder of models")
    model_bucket: str = _setting(
        "", BUCKET_PREFIX, "where a model that is not here is fetched from"
    )
    model: str = _setting("", MODEL, "the id of the model that is fetched from there")
    served: tuple[str, ...] = _setting(
        (), NAMES, "ids of the models that the other functions of a deployment serve"
    )
    stand_ins: str = _setting(
        "on", _one_of("on", "off"), "whether a model may score in place of one not installed"
    )
    max_texts: int = _setting(100, POSITIVE, "most texts in one request on the Cloudflare routes")
    max_body_bytes: int = _setting(2_097_152, POSITIVE, "largest body of a request")
    deadline_seconds: int = _setting(25, POSITIVE, "longest computation for one request")
    max_waiting: int = _setting(64, POSITIVE, "most requests computed or waiting at a time")
    token_budget: int = _setting(256, POSITIVE, "padded tokens in one run of a model")
    threads: int = _setting(default_threads(os.environ), POSITIVE, "runs at a time")
    cache_mb: int = _setting(32, WHOLE, "memory for texts that come again; 0 keeps none")
    metrics: str = _setting(
        "on", _one_of("on", "off"), "whether CloudWatch reads metrics in the log, on Lambda"
    )
    log_level: str = _setting(
        "info", _one_of("debug", "info", "warning", "error"), "least level that is logged"
    )

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises BadSetting for an unknown TEXTFN_ name or a value that is not allowed."""
        known = {PREFIX + each.name.upper(): each for each in fields(cls)}
        values = {}
        for name, text in environ.items():
            if name.startswith(PREFIX):
                if name not in known:
                    raise BadSetting(f"{name} is not a setting; there are {', '.join(known)}")
                values[known[name].name] = _parse(name, text, known[name].metadata["parser"])
        settings = cls(**values)
        if bool(settings.model_bucket) != bool(settings.model):
            raise BadSetting("TEXTFN_MODEL_BUCKET and TEXTFN_MODEL go together: give both or none")
        return settings


def _parse(name: str, text: str, parser: Parser) -> Any:
    try:
        return parser.read(text)
    except (ValueError, OSError):
        shown = "(not shown)" if parser.secret else repr(text)
        raise BadSetting(f"{name}={shown} is not allowed: give {parser.allowed}") from None


settings = Settings.read(os.environ)
ON_LAMBDA = "AWS_LAMBDA_RUNTIME_API" in os.environ
