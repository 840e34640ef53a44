"""Every field that an original knows is served, refused or harmless on every route."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from conftest import Answer, Server

from shared.http import dialects
from shared.http.dialects.dialect import Dialect
from shared.http.dialects.known_fields import HARMLESS, REFUSED, FieldRules

# The parameters of the originals, with values that ask for something else than the default. From
# Workers AI's model schemas and batch API, OpenAI's embeddings API, the Hugging Face Inference API
# (huggingface_hub's types, api-inference-community, transformers' pipelines) and the OpenAPI
# document of Text Embeddings Inference.
CLOUDFLARE: dict[str, Any] = {
    "pooling": "cls",
    "requests": [{"text": "another"}],
    "request_id": "2f4c1d3e",
    "queueRequest": True,
    "truncate_inputs": False,
    "query": "another",
    "contexts": [{"text": "another"}],
    "queries": ["another"],
    "documents": ["another"],
    "instruction": "Represent this sentence",
    "options": {"rejectIfBusy": True},
}
OPENAI: dict[str, Any] = {
    "model": "all-minilm-l6-v2",
    "encoding_format": "base64",
    "dimensions": 8,
    "user": "me",
    "input_type": "query",
    "truncate_prompt_tokens": 1,
}
HUGGING_FACE: dict[str, Any] = {
    "normalize": False,
    "prompt": "query: ",
    "prompt_name": "query",
    "truncate": False,
    "truncation_direction": "left",
    "top_k": 1,
    "function_to_apply": "none",
    "return_all_scores": False,
    "candidate_labels": ["sport", "politics"],
    "hypothesis_template": "This is about {}.",
    "multi_label": True,
    "multi_class": True,
    "text_pair": "another",
    "truncation": False,
    "max_length": 2,
    "padding": "max_length",
    "use_cache": True,
    "wait_for_model": True,
    "use_gpu": True,
}
TEI: dict[str, Any] = {
    "raw_scores": True,
    "return_text": True,
    "texts": ["another"],
    "add_special_tokens": False,
    "ids": [1, 2],
}
KNOWN = CLOUDFLARE | OPENAI | HUGGING_FACE | TEI
# Over the limit of the tiny models, so that truncation and its side show.
TEXT = "The quick brown fox jumps over the lazy dog 1234567890. This pizza is great! " * 3
EMBEDDER, CLASSIFIER = "@test/tiny-embedder", "@test/tiny-sentiment"


class Request(NamedTuple):
    path: str
    task: str
    body: dict[str, Any]

    @property
    def dialect(self) -> Dialect:
        return dialects.of(self.path.partition("?")[0])

    @property
    def rules(self) -> FieldRules:
        return self.dialect.FIELDS[self.task]

    def ask(self, server: Server, more: dict[str, Any], query: str = "") -> Answer:
        path = f"{self.path}{'&' if '?' in self.path else '?'}{query}" if query else self.path
        return server.post(path, {**more, **self.body})


def requests() -> Iterator[Request]:
    """A short request to every path of every dialect, for every task that answers there."""
    pair = {"source_sentence": "hello", "sentences": [TEXT]}
    bodies: dict[tuple[str, str], dict[str, Any]] = {
        ("run", "text-embeddings"): {"text": TEXT},
        ("run", "sentence-similarity"): {"source": "hello", "sentences": [TEXT]},
        ("run", "text-classification"): {"text": TEXT},
        ("bare", "text-embeddings"): {"inputs": TEXT},
        ("bare", "sentence-similarity"): {"inputs": pair},
        ("bare", "text-classification"): {"inputs": TEXT},
        ("root", "text-embeddings"): {"inputs": TEXT},
        ("root", "sentence-similarity"): {"inputs": pair},
        ("root", "text-classification"): {"inputs": TEXT},
        ("feature-extraction", "text-embeddings"): {"inputs": TEXT},
        ("sentence-similarity", "sentence-similarity"): {"inputs": pair},
        ("text-classification", "text-classification"): {"inputs": TEXT},
        ("embeddings", "text-embeddings"): {"input": TEXT, "model": EMBEDDER},
        ("embed", "text-embeddings"): {"inputs": TEXT},
        ("similarity", "sentence-similarity"): {"inputs": pair},
        ("predict", "text-classification"): {"inputs": TEXT},
        ("tokenize", "tokenize"): {"inputs": TEXT},
    }
    for path in dialects.paths():
        for form, task in bodies:
            if form == path.form:
                model = CLASSIFIER if task == "text-classification" else EMBEDDER
                filled = path.pattern.replace("{model:path}", model)
                filled = filled.replace("{account}", "me").replace("{gateway}", "default")
                filled += f"?model={model}" * (path in dialects.tei.PATHS)
                yield Request(filled, task, bodies[form, task])


REQUESTS = list(requests())
READ = ("parameters", True)
each_request = pytest.mark.parametrize(
    "request_", REQUESTS, ids=lambda each: f"{each.path} {each.task}"
)


def assert_right(server: Server, request: Request, name: str, place: str, answer: Answer) -> None:
    """The field was served, or is harmless and changed nothing, or was refused by its name."""
    plain = request.ask(server, {}).body
    if name in request.rules.served and (not place or (place, request.rules.parameters) == READ):
        assert answer.body != plain, f"{name} is ignored"
    elif answer.status == 200:
        assert name in HARMLESS or name in request.rules.harmless
        assert answer.body == plain
    else:
        assert name in REFUSED
        assert answer.status == (422 if request.dialect is dialects.tei else 400)
        assert f"'{name}' " in answer.body.decode()


def test_every_path_of_every_dialect_is_asked() -> None:
    """Except the one whose `input` is the body of another path."""
    posted = [path.form for path in dialects.paths() if path.method == "POST"]
    by_model = [form for form in posted if form in ("run", "bare", "root")]
    assert len(REQUESTS) == len(posted) - posted.count("run-named") + 2 * len(by_model)


@each_request
def test_a_known_field_is_served_refused_or_harmless(server: Server, request_: Request) -> None:
    named = {"model"} if "?model=" in request_.path else set()
    for name in KNOWN.keys() - request_.body.keys() - named:
        answer = request_.ask(server, {name: KNOWN[name]})
        assert_right(server, request_, name, "", answer)


@each_request
@pytest.mark.parametrize("place", ["parameters", "options"])
def test_it_is_so_in_parameters_and_in_options(
    server: Server, request_: Request, place: str
) -> None:
    for name in KNOWN.keys() - request_.body.keys():
        answer = request_.ask(server, {place: {name: KNOWN[name]}})
        assert_right(server, request_, name, place, answer)


@each_request
def test_a_field_in_the_query_is_no_field_of_the_body(server: Server, request_: Request) -> None:
    for name in REFUSED.keys() - {"model", *request_.rules.harmless}:
        answer = request_.ask(server, {}, f"{name}=another")
        assert f"'{name}' " in answer.body.decode()
        assert answer.status in (400, 422)
    assert request_.ask(server, {}, "version=1&cursor=x").status == 200


@each_request
def test_a_value_that_asks_for_what_is_done_anyway_changes_nothing(
    server: Server, request_: Request
) -> None:
    for name, refusal in REFUSED.items():
        for value in refusal.done_anyway if name not in request_.rules.served else ():
            answer = request_.ask(server, {name: value})
            assert (answer.status, answer.body) == (200, request_.ask(server, {}).body)


@each_request
def test_null_and_a_field_that_no_original_knows_change_nothing(
    server: Server, request_: Request
) -> None:
    unknown = {"colour": "blue", "parameters": {"colour": 1}, "options": {"colour": []}}
    absent = dict.fromkeys(REFUSED.keys() - request_.body.keys())
    for more in (unknown, absent):
        assert request_.ask(server, more).body == request_.ask(server, {}).body


REFUSALS = {
    "/models/@test/tiny-sentiment": (
        {"inputs": "hello", "parameters": {"candidate_labels": ["a", "b"]}},
        "'candidate_labels' asks for zero-shot classification, which no model here does. "
        "Remove the field.",
    ),
    "/pipeline/text-classification/@test/tiny-sentiment": (
        {"inputs": [{"text": "hello", "text_pair": "world"}]},
        "'text_pair' asks for a pair of texts; this service takes single texts. Remove the field.",
    ),
    "/models/@test/tiny-embedder/pipeline/feature-extraction": (
        {"inputs": "hello", "pooling": "mean"},
        "'pooling' is not a field of this route, which has one pooling per model. "
        "Remove the field.",
    ),
    "/models/@test/tiny-embedder/pipeline/sentence-similarity": (
        {"inputs": {"source_sentence": "a", "sentences": ["b"], "truncate": False}},
        "'truncate' is in 'inputs', where this route does not read it. Send it beside the texts.",
    ),
    "/embed": (
        {"inputs": "hello", "model": "tiny-embedder"},
        "Input validation error: 'model' is in the body; this route reads it in the URL. "
        "Name the model in the URL.",
    ),
    "/similarity": (
        {"inputs": {"source_sentence": "a", "sentences": ["b"]}, "prompt_name": "query"},
        "Input validation error: 'prompt_name' is set; this model has no prompts. "
        "Remove the field.",
    ),
    "/tokenize": (
        {"inputs": "a", "prompt_name": "query"},
        "Input validation error: 'prompt_name' is set; this route puts no prompt of a request "
        "before texts. Remove the field.",
    ),
}


@pytest.mark.parametrize("path", REFUSALS)
def test_a_refusal_says_why_and_what_to_do(server: Server, path: str) -> None:
    body, words = REFUSALS[path]
    assert server.post(path, body).json["error"] == words


def test_a_refusal_of_cloudflare_is_in_its_words_with_ours_beside(server: Server) -> None:
    body = {"source": "a", "sentences": ["b"], "pooling": "cls"}
    answer = server.post("/client/v4/accounts/me/ai/run/@test/tiny-embedder", body)
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, 5006)
    assert "'/pooling' is not supported" in answer.json["errors"][0]["message"]
    assert "which has one pooling per model" in answer.json["messages"][0]["message"]
