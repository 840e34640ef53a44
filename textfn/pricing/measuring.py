"""How fast a model runs here, and everything that `textfn cost` shows."""

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

from shared.errors import ModelNotInstalled
from shared.inference.model import Model
from shared.manifest import Manifest
from shared.names import Catalogue
from shared.settings import Settings
from textfn.pricing.pricing import Lambda, row, sources, workers_ai

SENTENCES = (
    Path(__file__).parents[1] / "building" / "calibration.txt"
)  # 96, as mixed as the benchmarks' are
TOKENS_A_TEXT = 29  # the mean of benchmarks/sentences.txt
SECONDS = 2.0  # of measuring, for each number of texts a request


def figures(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is shown. Raises UnknownModel, ModelNotInstalled or BadManifest."""
    manifest = Catalogue.read(Settings.read()).find(options.model)
    speeds, tokens_a_text = _speeds(options, manifest)
    function = Lambda(options.arch, options.memory)
    sizes = zip(options.texts_a_request, speeds, strict=True)
    cold_start = options.init_ms and function.dollars(options.init_ms / 1000)
    return {
        "model": manifest.id,
        "arch": options.arch,
        "memory_mb": options.memory,
        "tokens_a_text": round(tokens_a_text, 1),
        "measured_here": not options.tokens_per_second,
        "rows": [row(*each, tokens_a_text, function)._asdict() for each in sizes],
        "workers_ai": workers_ai(manifest, tokens_a_text),
        "cold_start": cold_start and {"init_ms": options.init_ms, "dollars": cold_start},
        "prices": sources(),
    }


def measure(model: Model, texts_a_request: int) -> tuple[float, float]:
    """Tokens a second of processor time, and the mean tokens of a text.

    Processor time, because it is the same however many threads share the work and whatever else
    the machine does.
    """
    sentences = itertools.cycle(SENTENCES.read_text("utf-8").splitlines())
    run = model.classify if model.manifest.labels else model.embed
    run(list(itertools.islice(sentences, texts_a_request)))  # the first one is slower
    tokens = texts = 0
    start, until = time.process_time(), time.monotonic() + SECONDS
    while time.monotonic() < until:
        tokens += run(list(itertools.islice(sentences, texts_a_request))).tokens
        texts += texts_a_request
    return tokens / (time.process_time() - start), tokens / texts


def _speeds(options: argparse.Namespace, manifest: Manifest) -> tuple[list[float], float]:
    """Tokens a second for each number of texts a request, and tokens a text."""
    if options.tokens_per_second:
        given = [options.tokens_per_second] * len(options.texts_a_request)
        return given, options.tokens_a_text or TOKENS_A_TEXT
    if not manifest.installed:
        raise ModelNotInstalled(options.model, f"textfn models pull {manifest.id}")
    model = Model(manifest)
    measured = [measure(model, texts) for texts in options.texts_a_request]
    speeds, tokens = [speed for speed, _ in measured], [mean for _, mean in measured]
    return speeds, options.tokens_a_text or sum(tokens) / len(tokens)
