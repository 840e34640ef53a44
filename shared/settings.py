"""The settings: each environment variable that is read, its default and a line of help."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from shared.errors import Failure

PREFIX = "TEXTFN_"


class BadSetting(Failure):
    """A setting that stops the start. The message has its name, its value and what is allowed."""

    exit_code = 2


@dataclass(frozen=True)
class Parser:
    """`read` parses a value or raises ValueError or OSError; `allowed` says what it accepts."""

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


# A bucket's name by S3's rules, and a prefix.
BUCKET = "s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/]+)*"


def _bucket(text: str) -> str:
    if not re.fullmatch(BUCKET, text.rstrip("/")):
        raise ValueError
    return text.rstrip("/")


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise ValueError(text)
    return Path(text).resolve()


def _model(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise ValueError
    return text


POSITIVE = Parser("a whole number of 1 or more", _positive)
WHOLE = Parser("a whole number of 0 or more", _whole)
HASHES = Parser(
    "sha256 hashes in lower-case hexadecimal, separated by commas; `textfn token new` prints one",
    _hashes,
    secret=True,
)
NAME = Parser("a name of letters, digits, '_', '.', '/' and '-'", _name)
NAMES = Parser("names, separated by commas", lambda text: tuple(map(_name, text.split(","))))
BUCKET_PREFIX = Parser("s3://bucket/prefix", _bucket)
MODEL = Parser("the id of a model: letters, digits, '.', '_' and '-'", _model)
FOLDER = Parser("a folder that exists", _folder)


# Linux's cgroup v2 writes "QUOTA PERIOD" here, or "max PERIOD" without a limit.
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def processors(cpu_max: Path = CPU_MAX) -> int:
    """The number of processors that this process may use. A container may see more than that."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = cpu_max.read_text().split()
    except (OSError, ValueError):
        return count
    return count if quota == "max" else max(1, min(count, int(quota) // int(period)))


def default_threads(environ: Mapping[str, str]) -> int:
    """Lambda shows two processors, but grants one per 1,769 MB of memory (AWS's figure)."""
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    return max(1, int(memory) // 1769) if memory else processors()


def _setting(default: Any, parser: Parser, help: str) -> Any:
    return field(default=default, metadata={"parser": parser, "help": help})


@dataclass(frozen=True)
class Settings:
    """One field per environment variable: `max_texts` is TEXTFN_MAX_TEXTS."""

    tokens: frozenset[bytes] = _setting(
        frozenset(), HASHES, "sha256 hashes of the API tokens, in hexadecimal, separated by commas"
    )
    tokens_parameter: str = _setting(
        "", NAME, "name of the SSM SecureString that holds these hashes, for a function on AWS"
    )
    auth: str = _setting(
        "token",
        _one_of("token", "none"),
        "`token`: only with an API token; `none`: open to everybody",
    )
    models_dir: Path | None = _setting(None, FOLDER, "a second folder of models")
    model_bucket: str = _setting(
        "", BUCKET_PREFIX, "where S3 has a model that is not in the bundle: `s3://bucket/prefix`"
    )
    model: str = _setting("", MODEL, "id of the model to fetch from `TEXTFN_MODEL_BUCKET`")
    served: tuple[str, ...] = _setting(
        (),
        NAMES,
        "ids of the models that other functions of the deployment serve, for the catalogue",
    )
    stand_ins: str = _setting(
        "on", _one_of("on", "off"), "`on`: a model may score in place of one that is not installed"
    )
    max_texts: int = _setting(100, POSITIVE, "maximum texts per request on the Cloudflare routes")
    max_body_bytes: int = _setting(
        2_097_152, POSITIVE, "maximum size of a request's body, in bytes"
    )
    deadline_seconds: int = _setting(25, POSITIVE, "maximum seconds to compute one request")
    max_waiting: int = _setting(
        64, POSITIVE, "maximum requests that are computed or waiting at a time"
    )
    token_budget: int = _setting(256, POSITIVE, "maximum tokens per run of a model, with padding")
    threads: int = field(
        default_factory=lambda: default_threads(os.environ),
        metadata={
            "parser": POSITIVE,
            "help": "runs of a model at a time",
            "shown": "processors",
        },
    )
    kernels: str = _setting(
        "auto",
        _one_of("auto", "off", "avx512", "avx2", "i8mm", "dotprod", "portable"),
        "`auto`: our own kernels for the processor, whose numbers have the same bits on every one; "
        "`off`: onnxruntime's; the others are for tests",
    )
    cache_mb: int = _setting(
        32, WHOLE, "megabytes of memory for the results of repeated texts; `0`: no cache"
    )
    metrics: str = _setting(
        "on", _one_of("on", "off"), "`on`: log lines on Lambda contain metrics for CloudWatch"
    )
    log_level: str = _setting(
        "info",
        _one_of("debug", "info", "warning", "error"),
        "lowest level that is logged: `debug`, `info`, `warning` or `error`",
    )

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Raises BadSetting for an unknown TEXTFN_ name or a value that is not allowed."""
        known = {PREFIX + each.name.upper(): each for each in fields(cls)}
        values = {}
        for name, text in environ.items():
            if name.startswith(PREFIX):
                if name not in known:
                    raise BadSetting(f"{name} is not a setting. Use one of {', '.join(known)}.")
                values[known[name].name] = _parse(name, text, known[name].metadata["parser"])
        settings = cls(**values)
        if bool(settings.model_bucket) != bool(settings.model):
            raise BadSetting(
                f"TEXTFN_MODEL_BUCKET is {settings.model_bucket!r} and TEXTFN_MODEL is "
                f"{settings.model!r}. Set both or neither."
            )
        return settings


def _parse(name: str, text: str, parser: Parser) -> Any:
    try:
        return parser.read(text)
    except (ValueError, OSError):
        shown = "not a list of hashes" if parser.secret else repr(text)
        raise BadSetting(f"{name} is {shown}. Set it to {parser.allowed}.") from None
