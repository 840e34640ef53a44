"""How fast a model runs here, and everything that `textfn cost` shows."""

import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shared.errors import ModelNotInstalled
from shared.inference.model import Model
from shared.manifest import Manifest
from textfn.known import find
from textfn.pricing.limits import TOKENS_PER_TEXT
from textfn.pricing.pricing import Lambda, row, sources, workers_ai

# 96 lines, as mixed as those of the benchmarks.
SENTENCES = Path(__file__).parents[1] / "building" / "calibration.txt"
SECONDS = 2.0  # of measuring, for each number of texts per request


def figures(
    name: str,
    function: Lambda,
    texts_per_request: Sequence[int],
    tokens_per_second: float | None = None,
    tokens_per_text: float | None = None,
    init_ms: float | None = None,
) -> dict[str, Any]:
    """Return everything that is shown, one row per number of texts per request.

    Without `tokens_per_second`, of one vCPU, the model is measured here. Raises UnknownModel,
    ModelNotInstalled, BadManifest or BadModel.
    """
    manifest = find(name)
    if tokens_per_second:
        speeds = [tokens_per_second] * len(texts_per_request)
        tokens = tokens_per_text or TOKENS_PER_TEXT
    else:
        speeds, measured = _measured(name, manifest, texts_per_request)
        tokens = tokens_per_text or measured
    sizes = zip(texts_per_request, speeds, strict=True)
    cold_start = init_ms and function.dollars(init_ms / 1000)
    return {
        "model": manifest.id,
        "arch": function.arch,
        "memory_mb": function.memory,
        "tokens_a_text": round(tokens, 1),
        "measured_here": not tokens_per_second,
        "rows": [row(*each, tokens, function)._asdict() for each in sizes],
        "workers_ai": workers_ai(manifest, tokens),
        "cold_start": cold_start and {"init_ms": init_ms, "dollars": cold_start},
        "prices": sources(),
    }


def measure(model: Model, texts_per_request: int) -> tuple[float, float]:
    """Return tokens per second of processor time, and the mean number of tokens per text.

    Processor time is the same however many threads share the work and whatever else the machine
    does.
    """
    sentences = itertools.cycle(SENTENCES.read_text("utf-8").splitlines())
    run = model.classify if model.manifest.labels else model.embed
    run(list(itertools.islice(sentences, texts_per_request)))  # the first one is slower
    tokens = texts = 0
    start, until = time.process_time(), time.monotonic() + SECONDS
    while time.monotonic() < until:
        tokens += run(list(itertools.islice(sentences, texts_per_request))).tokens
        texts += texts_per_request
    return tokens / (time.process_time() - start), tokens / texts


def _measured(
    name: str, manifest: Manifest, texts_per_request: Sequence[int]
) -> tuple[list[float], float]:
    """Measure each number of texts per request: tokens per second, and tokens per text."""
    if not manifest.installed:
        command = f"textfn models pull {manifest.id}, or give --tokens-per-second"
        raise ModelNotInstalled(name, command)
    model = Model(manifest)
    measured = [measure(model, texts) for texts in texts_per_request]
    speeds, tokens = [speed for speed, _ in measured], [mean for _, mean in measured]
    return speeds, sum(tokens) / len(tokens)
