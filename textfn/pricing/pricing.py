"""Computes dollars for texts on AWS Lambda and on Workers AI."""

import math
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from shared.manifest import Manifest
from shared.names import key
from shared.settings import Settings, default_threads
from textfn.pricing.limits import VCPU_MB

Prices = dict[str, Any]
PRICES: Prices = tomllib.loads((Path(__file__).parent / "prices.toml").read_text("utf-8"))


class Row(NamedTuple):
    """One number of texts per request; dollars per million texts, the last per million tokens."""

    texts_a_request: int
    tokens_per_second: float
    ms_a_request: int
    compute: float
    requests: float
    http_api: float
    by_function_url: float  # which costs nothing itself, so without the HTTP API
    million_texts: float
    million_tokens: float


class Lambda(NamedTuple):
    arch: str
    memory: int  # MB

    def seconds(self, tokens: float, tokens_per_second: float) -> float:
        """Return how long a request takes of which one vCPU does `tokens_per_second`.

        Below 1,769 MB a function has a part of a vCPU. Above, a request of several runs of the
        model uses several vCPUs, whole ones: a run has one thread.
        """
        if self.memory < VCPU_MB:
            vcpus = self.memory / VCPU_MB
        else:
            threads = default_threads({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory)})
            vcpus = min(threads, math.ceil(tokens / Settings.read().token_budget))
        return tokens / tokens_per_second / vcpus

    def dollars(self, seconds: float) -> float:
        gb_second: float = PRICES["lambda"]["gb_second"][self.arch]
        return seconds * self.memory / 1024 * gb_second


def row(texts: int, tokens_per_second: float, tokens_per_text: float, function: Lambda) -> Row:
    seconds = function.seconds(texts * tokens_per_text, tokens_per_second)
    milliseconds = math.ceil(round(seconds * 1000, 6))  # AWS bills whole ones
    compute = function.dollars(milliseconds / 1000) * 1e6 / texts
    requests = PRICES["lambda"]["million_requests"] / texts
    http_api = PRICES["http_api"]["million_requests"] / texts
    together = compute + requests + http_api
    return Row(
        texts,
        tokens_per_second,
        milliseconds,
        compute,
        requests,
        http_api,
        together - http_api,
        together,
        together / tokens_per_text,
    )


def workers_ai(manifest: Manifest, tokens_per_text: float) -> dict[str, Any] | None:
    """Return what Workers AI charges for this model, or for the nearest with a price."""
    names = {key(name) for name in manifest.names}
    for model in PRICES["workers_ai"]["models"]:
        same = key(model["name"]) in names
        if same or manifest.id in model.get("nearest_to", []):
            return {
                "model": model["name"],
                "same_model": same,
                "million_texts": model["million_tokens"] * tokens_per_text,
                "million_tokens": model["million_tokens"],
            }
    return None


def sources() -> dict[str, dict[str, str]]:
    """Return the date and the address of each list of prices."""
    return {
        name: {"date": each["date"].isoformat(), "source": each["source"]}
        for name, each in PRICES.items()
    }
