"""`textfn embed`, `classify`, `similarity`: an installed model on the command line, no server."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import orjson

from shared.errors import UnknownModel
from shared.inference.library import Library
from shared.inference.result import Result
from shared.manifest import BadManifest
from shared.settings import Settings

CHUNK = 256  # texts; enough for full runs of a model, few enough to answer a pipe soon
CODES = "exit codes: 0 done; 1 not done, and a line says why; 2 wrong command; 130 stopped (Ctrl-C)"
TEXTS = (
    "Texts are the arguments, or else the lines of stdin. Each gives a line of JSON, in order:\n"
)

# Fields of a line beside its text, of one chunk of texts; and the result they come from.
Answers = Callable[[Sequence[str]], tuple[list[dict[str, Any]], Result]]


class NotText(ValueError):
    """A text that is not UTF-8."""


def add_to(commands: Any) -> None:
    _add(
        commands,
        "embed",
        embed,
        "vectors of texts",
        '{"text": str, "embedding": [number, ...]}',
        'textfn embed "an orange cloud"; textfn embed < texts.txt > vectors.jsonl',
    )
    _add(
        commands,
        "classify",
        classify,
        "labels of texts, with scores",
        '{"text": str, "labels": [{"label": str, "score": number}, ...]}, best label first',
        'textfn classify "This pizza is great!"',
    )
    parser = _add(
        commands,
        "similarity",
        similarity,
        "how close sentences are to a text",
        '{"text": str, "score": number}, the cosine with SOURCE',
        'textfn similarity --source "a happy person" "a happy dog" "a sunny day"',
    )
    parser.add_argument("--source", required=True, help="what the sentences are compared with")


def _add(
    commands: Any,
    name: str,
    command: Callable[[argparse.Namespace], int],
    help: str,
    line: str,
    example: str,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=TEXTS + line,
        epilog=f"example: {example}\n\n{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="default: the lines of stdin")
    parser.add_argument("--model", help="any name of an installed model; default: the first")
    parser.set_defaults(command=lambda options: _run(name, command, options))
    return parser


def embed(options: argparse.Namespace) -> int:
    model = Library(Settings.read()).of("text-embeddings")[options.model]

    def answers(texts: Sequence[str]) -> tuple[list[dict[str, Any]], Result]:
        result = model.embed(texts)
        return [{"embedding": vector} for vector in result.values], result

    return _answer(options, answers)


def classify(options: argparse.Namespace) -> int:
    model = Library(Settings.read()).of("text-classification")[options.model]
    labels = model.manifest.labels

    def answers(texts: Sequence[str]) -> tuple[list[dict[str, Any]], Result]:
        result = model.classify(texts)
        ranked = [
            [{"label": labels[each], "score": scores[each]} for each in scores.argsort()[::-1]]
            for scores in result.values
        ]
        return [{"labels": each} for each in ranked], result

    return _answer(options, answers)


def similarity(options: argparse.Namespace) -> int:
    model = Library(Settings.read()).of("sentence-similarity")[options.model]
    (source,) = _decoded([os.fsencode(options.source)])

    def answers(texts: Sequence[str]) -> tuple[list[dict[str, Any]], Result]:
        result = model.similarity(source, texts)
        return [{"score": score} for score in result.values], result

    return _answer(options, answers)


def _run(
    name: str, command: Callable[[argparse.Namespace], int], options: argparse.Namespace
) -> int:
    """The command, with every foreseen end as a line on stderr and an exit code."""
    if not options.texts and sys.stdin.isatty():
        return _failed(name, "give texts as arguments, or lines on stdin", 2)
    try:
        return command(options)
    except UnknownModel as error:
        return _failed(name, f"{error} {error.hint}".rstrip(), 1)
    except (NotText, BadManifest) as error:
        return _failed(name, str(error), 1)
    except KeyboardInterrupt:
        return _failed(name, "stopped", 130)


def _answer(options: argparse.Namespace, answers: Answers) -> int:
    """A chunk at a time, so that memory does not grow with the input."""
    done, cut = 0, False
    model = ""
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
        done, cut, model = done + len(chunk), cut or result.truncated > 0, result.model
        if shows_progress and done > CHUNK:
            print(f"\r{done} texts", end="", file=sys.stderr, flush=True)
    if shows_progress and done > CHUNK:
        print(file=sys.stderr)
    if "; stand-in for " in model:
        print(f"answered by {model}", file=sys.stderr)
    if cut:
        print("some texts were cut: the model takes fewer tokens", file=sys.stderr)
    return 0


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """CHUNK texts at a time; those before one that is no text are not lost to it."""
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
    """Each line without its end. Raises NotText with the number of the line."""
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise NotText(f"text {number} is not UTF-8: {error.reason}") from None


def _failed(name: str, message: str, code: int) -> int:
    print(f"textfn {name}: {message}", file=sys.stderr)
    return code
