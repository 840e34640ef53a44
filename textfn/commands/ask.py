"""`textfn embed`, `classify`, `similarity`: an installed model on the command line, no server."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from textfn.failure import Failure, WrongCommand
from textfn.parser import Parser

if TYPE_CHECKING:  # the help is shown without numpy and onnxruntime
    from shared.inference.model import Model
    from shared.inference.result import Result

CHUNK = 256  # texts; enough for full runs of a model, few enough to answer a pipe soon
TEXTS = """TEXT: one per argument, or one per line of stdin; an empty one is refused.
Each text gives one line of JSON:"""
CODES = "exit codes: 0 done; 1 failed; 2 wrong command or setting; 130 stopped (Ctrl-C)"

# The fields of one line beside its text, for a chunk of texts; and the result they come from.
Answers = Callable[[Sequence[str]], tuple[list[dict[str, Any]], "Result"]]
Command = Callable[[argparse.Namespace], int]


class NotText(Failure):
    """A text that is not UTF-8 or is empty."""


def add_embed(parser: Parser) -> None:
    _add_arguments(
        parser,
        embed,
        "Compute embeddings of texts.",
        '{"text": str, "embedding": [number, ...]}',
        'example: textfn embed "an orange cloud"\n'
        "         textfn embed < texts.txt > vectors.jsonl",
    )


def add_classify(parser: Parser) -> None:
    _add_arguments(
        parser,
        classify,
        "Compute labels of texts, with scores.",
        '{"text": str, "labels": [{"label": str, "score": number}, ...]}, best label first',
        'example: textfn classify "This pizza is great!"',
    )


def add_similarity(parser: Parser) -> None:
    _add_arguments(
        parser,
        similarity,
        "Compare sentences with the text SOURCE.",
        '{"text": str, "score": number}, the cosine with SOURCE',
        'example: textfn similarity --source "a happy person" "a happy dog" "a sunny day"',
    )
    parser.add_argument("--source", required=True, help="the text to compare sentences with")


def _add_arguments(parser: Parser, command: Command, summary: str, line: str, example: str) -> None:
    parser.description = f"{summary}\n\n{TEXTS}\n{line}"
    parser.epilog = f"{example}\n\n{CODES}"
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="default: the lines of stdin")
    parser.add_argument(
        "--model", help="name of an installed model; default: TEXTFN_DEFAULT_..., or the first"
    )
    parser.set_defaults(run=command)


def embed(options: argparse.Namespace) -> int:
    model = _model("text-embeddings", options)

    def answers(texts: Sequence[str]) -> tuple[list[dict[str, Any]], "Result"]:
        result = model.embed(texts)
        return [{"embedding": vector} for vector in result.values], result

    return _answer(options, answers)


def classify(options: argparse.Namespace) -> int:
    model = _model("text-classification", options)
    labels = model.manifest.labels

    def answers(texts: Sequence[str]) -> tuple[list[dict[str, Any]], "Result"]:
        result = model.classify(texts)
        ranked = [
            [{"label": labels[each], "score": scores[each]} for each in scores.argsort()[::-1]]
            for scores in result.values
        ]
        return [{"labels": each} for each in ranked], result

    return _answer(options, answers)


def similarity(options: argparse.Namespace) -> int:
    model = _model("sentence-similarity", options)
    if not options.source:
        raise WrongCommand("--source is empty: give at least one character")
    (source,) = _decoded([os.fsencode(options.source)])

    def answers(texts: Sequence[str]) -> tuple[list[dict[str, Any]], "Result"]:
        result = model.similarity(source, texts)
        return [{"score": score} for score in result.values], result

    return _answer(options, answers)


def _model(task: str, options: argparse.Namespace) -> "Model":
    """Open the named model, or the first of the task."""
    if not options.texts and sys.stdin.isatty():
        raise WrongCommand("there is no text: give texts as arguments, or lines on stdin")
    from shared.inference.library import open_model
    from shared.settings import Settings

    return open_model(Settings.read(), task, options.model)


def _answer(options: argparse.Namespace, answers: Answers) -> int:
    """Print one line per text, a chunk at a time: memory does not grow with the input."""
    import orjson

    done, cut, stand_in = 0, False, ""
    # A progress line on the terminal that also shows the answers would stand between them.
    shows_progress = sys.stderr.isatty() and not sys.stdout.isatty()
    texts = _decoded(map(os.fsencode, options.texts) if options.texts else sys.stdin.buffer)
    for chunk in _chunks(texts):
        fields, result = answers(chunk)
        for text, each in zip(chunk, fields, strict=True):
            sys.stdout.buffer.write(
                orjson.dumps(
                    {"text": text, **each},
                    option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE,
                )
            )
        sys.stdout.buffer.flush()
        done, cut = done + len(chunk), cut or result.truncated > 0
        if result.stand_in_for:
            stand_in = f"{result.model}; stand-in for {result.stand_in_for}"
        if shows_progress and done > CHUNK:
            print(f"\r{done} texts", end="", file=sys.stderr, flush=True)
    if shows_progress and done > CHUNK:
        print(file=sys.stderr)
    if stand_in:
        print(f"answered by {stand_in}", file=sys.stderr)
    if cut:
        print("some texts were cut: the model takes fewer tokens", file=sys.stderr)
    return 0


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield CHUNK texts at a time; an error comes after the texts before it."""
    chunk: list[str] = []
    try:
        for text in texts:
            chunk.append(text)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    except NotText:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield each line without its end. Raises NotText with the number of the line."""
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise NotText(f"text {number} is not UTF-8: {error.reason}") from None
        if not text:
            raise NotText(f"text {number} is empty: remove it or give at least one character")
        yield text
