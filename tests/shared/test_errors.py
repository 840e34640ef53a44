"""Every error in every dialect: each has a status, its own body, and no text that was sent."""

import json
import re
from collections.abc import Iterator
from types import ModuleType

import jsonschema_rs
import pytest
from conftest import Server

from shared import errors
from shared.errors import TextfnError
from shared.http import dialects
from shared.http.access import Access
from shared.http.dialects import DIALECTS, cloudflare, huggingface, openai, tei
from shared.http.dialects.dialect import Dialect, Path

ID = "2f4c1d3e-0000-4000-8000-000000000000"
EXAMPLES: list[TextfnError] = [
    errors.EmptyBody(),
    errors.UnreadableRequest(),
    errors.NotHttp(),
    errors.NotJson("unexpected character: line 1 column 1 (char 0)"),
    errors.MissingField(["text"], ["requests"], given={"input": "a secret"}),
    errors.WrongType("/text", ["string"], 5),
    errors.TooShort("/text/3"),
    errors.TooLong(256, "302"),
    errors.TooMany("/text", 100, 101),
    errors.TooSmall("/top_k", 1),
    errors.Empty("/inputs"),
    errors.NotOneOf("/pooling", ["mean", "cls"]),
    errors.Unsupported("/dimensions", "This model has 384 dimensions, no others."),
    errors.InputTooLarge(2_097_152, 3_000_000),
    errors.AnswerTooLarge(1023, 2048),
    errors.UnknownModel("@cf/x/y", ["@cf/x/z"], ["all-minilm-l6-v2"]),
    errors.ModelNotInstalled("@cf/x/y", "textfn models pull y"),
    errors.AccessDenied(),
    errors.MissingCredentials(),
    errors.InvalidToken(),
    errors.UnknownPath("/nowhere", "/somewhere"),
    errors.MethodNotAllowed("POST"),
    errors.UnsupportedEncoding("gzip"),
    errors.Overloaded(1),
    errors.DeadlineExceeded(25),
    errors.BodyTooSlow(25),
    errors.InternalError(),
]

# name: Cloudflare's status and code, Hugging Face's status, OpenAI's status and code, TEI's status
# and type
TABLE = {
    "EmptyBody": (400, 3003, 400, 400, None, 422, "Validation"),
    "UnreadableRequest": (400, 5006, 400, 400, None, 422, "Validation"),
    "NotHttp": (400, 5006, 400, 400, None, 422, "Validation"),
    "NotJson": (400, 5006, 400, 400, None, 422, "Validation"),
    "MissingField": (400, 5006, 400, 400, None, 422, "Validation"),
    "WrongType": (400, 5006, 400, 400, None, 422, "Validation"),
    "TooShort": (400, 5006, 400, 400, None, 400, "Empty"),
    "TooLong": (400, 5006, 400, 400, None, 422, "Validation"),
    "TooMany": (400, 5006, 400, 400, None, 422, "Validation"),
    "TooSmall": (400, 5006, 400, 400, None, 422, "Validation"),
    "Empty": (400, 5006, 400, 400, None, 400, "Empty"),
    "NotOneOf": (400, 5006, 400, 400, None, 422, "Validation"),
    "Unsupported": (400, 5006, 400, 400, None, 422, "Validation"),
    "InputTooLarge": (413, 3006, 413, 413, None, 413, "Validation"),
    "AnswerTooLarge": (413, 3006, 413, 413, None, 413, "Validation"),
    "UnknownModel": (400, 5007, 404, 404, "model_not_found", 404, "Validation"),
    "ModelNotInstalled": (400, 5007, 404, 404, "model_not_found", 404, "Validation"),
    "AccessDenied": (401, 10000, 401, 401, "invalid_api_key", 401, "Validation"),
    "MissingCredentials": (400, 9106, 401, 401, "invalid_api_key", 401, "Validation"),
    "InvalidToken": (401, 1000, 401, 401, "invalid_api_key", 401, "Validation"),
    "UnknownPath": (404, 7003, 404, 404, "unknown_url", 404, "Validation"),
    "MethodNotAllowed": (405, 10405, 405, 405, "method_not_supported", 405, "Validation"),
    "UnsupportedEncoding": (415, 10415, 415, 415, None, 415, "Validation"),
    "Overloaded": (429, 3040, 429, 429, "rate_limit_exceeded", 429, "Overloaded"),
    "DeadlineExceeded": (408, 3007, 408, 408, None, 408, "Overloaded"),
    "BodyTooSlow": (408, 3007, 408, 408, None, 408, "Overloaded"),
    "InternalError": (500, 5000, 500, 500, None, 424, "Backend"),
}
STATUS_COLUMNS = 0, 2, 3, 5
of_each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.TITLE)


def leaves(error: type[TextfnError]) -> Iterator[type[TextfnError]]:
    """Errors that are raised: all but the two that only head a family."""
    for child in error.__subclasses__():
        if child is not errors.InvalidInput:
            yield child
        yield from leaves(child)


def named(error: TextfnError) -> str:
    return type(error).__name__


def test_every_error_is_among_the_examples_and_in_the_table() -> None:
    names = {error.__name__ for error in leaves(TextfnError)}
    assert names == {named(error) for error in EXAMPLES} == set(TABLE)


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_an_error_has_the_status_and_code_of_each_dialect(error: TextfnError) -> None:
    status, body = cloudflare.error(error, ID)
    assert (status, body["errors"][0]["code"]) == TABLE[named(error)][:2]
    assert huggingface.error(error, ID)[0] == TABLE[named(error)][2]
    status, body = openai.error(error, ID)
    assert (status, body["error"]["code"]) == TABLE[named(error)][3:5]
    status, body = tei.error(error, ID)
    assert (status, body["error_type"]) == TABLE[named(error)][5:]


@of_each_dialect
@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_an_error_has_a_status_of_its_kind_and_the_body_of_the_documents(
    error: TextfnError, dialect: Dialect
) -> None:
    status, body = dialect.error(error, ID)
    assert status in {TABLE[named(error)][column] for column in STATUS_COLUMNS}
    jsonschema_rs.validate(dialect.ERROR.schema, body)


@of_each_dialect
@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_an_error_never_echoes_a_text(error: TextfnError, dialect: Dialect) -> None:
    assert "secret" not in json.dumps(dialect.error(error, ID))


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_cloudflare_errors_are_the_envelope(error: TextfnError) -> None:
    _, body = cloudflare.error(error, ID)
    assert set(body) == {"result", "success", "errors", "messages"}
    assert body["success"] is False
    assert body["result"] == ({} if isinstance(error, errors.InvalidInput) else None)
    for each in [*body["errors"], *body["messages"]]:
        assert isinstance(each["code"], int) and isinstance(each["message"], str)


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_hugging_face_errors_are_one_string_or_several(error: TextfnError) -> None:
    _, body = huggingface.error(error, ID)
    assert set(body) == {"error"}
    assert isinstance(body["error"], str)


def test_two_missing_fields_are_two_hugging_face_errors() -> None:
    error = errors.MissingField(["source_sentence", "sentences"])
    assert huggingface.error(error, ID)[1] == {
        "error": [
            "Field required: received `source_sentence` in `parameters`",
            "Field required: received `sentences` in `parameters`",
        ]
    }


# https://platform.openai.com/docs/guides/error-codes
OPENAI_TYPES = {408: "server_error", 429: "requests", 500: "server_error"}
PARAMS = {
    "WrongType": "text",
    "TooShort": "text/3",
    "TooLong": "inputs",
    "TooMany": "text",
    "TooSmall": "top_k",
    "Empty": "inputs",
    "NotOneOf": "pooling",
    "Unsupported": "dimensions",
}


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_openai_errors_have_a_type_and_name_the_field_at_fault(error: TextfnError) -> None:
    status, body = openai.error(error, ID)
    assert body["error"]["type"] == OPENAI_TYPES.get(status, "invalid_request_error")
    assert body["error"]["param"] == PARAMS.get(named(error))
    assert body["error"]["message"] == f"{error} {error.hint}".strip()


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_openai_errors_serve_openai_and_cloudflare_clients(error: TextfnError) -> None:
    _, body = openai.error(error, ID)
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert {**body, "error": None} == {**cloudflare.error(error, ID)[1], "error": None}


def asked(path: Path) -> str:
    """The path with an "x" for each variable."""
    return re.sub("{.*?}", "x", path.pattern)


RETRIES = {
    "Overloaded": "true",
    "DeadlineExceeded": "false",
    "BodyTooSlow": "false",
    "InputTooLarge": "false",
    "AnswerTooLarge": "false",
}


@of_each_dialect
@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_an_error_reaches_the_client_as_its_dialect_says(
    error: TextfnError, dialect: Dialect, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(Access, "check", refuse)
    path = asked(dialect.PATHS[0])
    answer = server.post(path, {"text": "a secret"}, x_request_id="my-id")
    assert (answer.status, answer.json) == dialect.error(error, "my-id")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == "my-id"
    assert answer.headers.get("x-should-retry") == RETRIES.get(named(error))
    assert ("retry-after" in answer.headers) == isinstance(error, errors.Overloaded)
    assert ("accept-encoding" in answer.headers) == isinstance(error, errors.UnsupportedEncoding)
    assert ("allow" in answer.headers) == isinstance(error, errors.MethodNotAllowed)


INVALID = "Input validation error: "
TEI_WORDS = {
    errors.TooLong(512, "600"): INVALID + "`inputs` must have less than 512 tokens. Given: 600",
    errors.TooMany("/inputs", 32, 40): INVALID + "batch size 40 > maximum allowed batch size 32",
    errors.Empty("/inputs/sentences"): INVALID + "`inputs.sentences` cannot be empty",
    errors.TooShort("/inputs/3"): INVALID + "`inputs.3` cannot be empty",
    errors.EmptyBody(): INVALID + "The request has no body. Send a JSON object.",
    errors.Overloaded(1): "Model is overloaded",
    errors.UnknownModel(
        "x", ["y"]
    ): "No such model x or task. Did you mean y? Models served here: none.",
}


@pytest.mark.parametrize("error", TEI_WORDS, ids=named)
def test_tei_errors_are_in_the_words_of_the_server(error: TextfnError) -> None:
    assert tei.error(error, ID)[1]["error"] == TEI_WORDS[error]


HUGGING_FACE_WORDS = {
    errors.WrongType("/inputs", ["string", "array"], 5): "Input should be a valid string or list: "
    "received `inputs` in `parameters`",
    errors.WrongType("/", ["object"], 5): "Input should be a valid dictionary: received `body` in "
    "`parameters`",
    errors.Empty("/inputs"): "Value error, The inputs are invalid, at least one input is required: "
    "received `[]` in `parameters`",
    errors.AccessDenied(): "Invalid credentials in Authorization header",
    errors.UnknownModel(
        "x", ["y"]
    ): "No such model x or task. Did you mean y? Models served here: none.",
}


@pytest.mark.parametrize("error", HUGGING_FACE_WORDS, ids=named)
def test_hugging_face_errors_are_in_the_words_of_the_service(error: TextfnError) -> None:
    assert huggingface.error(error, ID)[1]["error"] == HUGGING_FACE_WORDS[error]


# https://developers.cloudflare.com/workers-ai/platform/errors/ and answers that were seen; where
# none was, words like them (shared/http/dialects/cloudflare.py says which).
WORDS = {
    "EmptyBody": "Request is missing headers or body: body",
    "UnreadableRequest": "SyntaxError: headers or body are not UTF-8 text",
    "NotHttp": "Error: not a request",
    "NotJson": "SyntaxError: unexpected character: line 1 column 1 (char 0)",
    "MissingField": "Error: oneOf at '/' not met, 0 matches: "
    "required properties at '/' are 'text', required properties at '/' are 'requests'",
    "WrongType": "Error: Type mismatch of '/text', 'string' not in 'integer'",
    "TooShort": "Error: Length of '/text/3' must be >= 1 not met",
    "TooLong": "Error: Sequence too long: 302 > 256",
    "TooMany": "Error: Length of '/text' must be <= 100 not met",
    "TooSmall": "Error: '/top_k' must be >= 1",
    "Empty": "Error: Length of '/inputs' must be >= 1 not met",
    "NotOneOf": "Error: '/pooling' must be one of 'mean,cls'",
    "Unsupported": "Error: '/dimensions' is not supported",
    "InputTooLarge": "Request is too large",
    "AnswerTooLarge": "Request is too large",
    "UnknownModel": "No such model @cf/x/y or task",
    "ModelNotInstalled": "No such model @cf/x/y or task",
    "AccessDenied": "Authentication error",
    "MissingCredentials": "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
    "InvalidToken": "Invalid API Token",
    "UnknownPath": "Could not route to /nowhere, perhaps your object identifier is invalid?",
    "MethodNotAllowed": "Method not allowed",
    "UnsupportedEncoding": "Unsupported media type",
    "Overloaded": "Capacity temporarily exceeded, please try again.",
    "DeadlineExceeded": "Request timeout",
    "BodyTooSlow": "Request timeout",
    "InternalError": "Internal server error",
}


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_cloudflare_errors_are_in_the_words_of_the_service(error: TextfnError) -> None:
    first = cloudflare.error(error, ID)[1]["errors"][0]
    words = WORDS[named(error)]
    assert first["message"] == (
        f"AiError: Bad input: {words} ({ID})" if first["code"] == 5006 else words
    )


def test_several_missing_fields_are_one_cloudflare_error() -> None:
    error = errors.MissingField(["source", "sentences"])
    assert cloudflare.error(error, ID)[1]["errors"][0]["message"] == (
        f"AiError: Bad input: Error: required properties at '/' are 'source,sentences' ({ID})"
    )


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_cloudflare_errors_say_beside_the_service_s_words_what_to_do(error: TextfnError) -> None:
    _, body = cloudflare.error(error, ID)
    code = body["errors"][0]["code"]
    told = [text for text in (str(error), error.hint) if text]
    assert body["messages"] == [{"code": code, "message": text} for text in told]


def test_an_unknown_path_has_both_errors_of_the_service() -> None:
    found = cloudflare.error(errors.UnknownPath("/client/v4/x"), ID)[1]["errors"]
    assert [each["code"] for each in found] == [7003, 7000]
    assert found[1]["message"] == "No route for that URI"


def test_a_limit_is_told_with_what_was_given_and_what_to_do() -> None:
    assert str(errors.TooMany("/text", 100, 101)) == (
        "/text has 101 items; one request may have 100. Send several requests."
    )
    assert "2097152" in str(errors.InputTooLarge(2_097_152, 3_000_000))
    assert "3000000" in str(errors.InputTooLarge(2_097_152, 3_000_000))


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/client/v4", cloudflare),
        ("/client/v4/nonsense", cloudflare),
        ("/client/v4/accounts/me/ai/run/x", cloudflare),
        ("/client/v4/accounts/me/ai/v1/nonsense", openai),
        ("/v1/nonsense", openai),
        ("/embeddings", openai),
        ("/v1/me/gateway/workers-ai/@cf/x/y", cloudflare),
        ("/v1/me/gateway/workers-ai/run/@cf/x/y", cloudflare),
        ("/v1/me/gateway/workers-ai", cloudflare),
        ("/v1/me/gateway/workers-ai/v1/embeddings", openai),
        ("/v1/me/gateway/compat/embeddings", openai),
        ("/embed", tei),
        ("/info", tei),
        ("/models/nonsense", huggingface),
        ("/nonsense", huggingface),
        ("/api/nonsense", huggingface),
    ],
)
def test_an_unknown_path_has_the_dialect_of_its_neighbours(path: str, dialect: ModuleType) -> None:
    assert dialects.of(path) is dialect


@of_each_dialect
def test_a_path_of_a_dialect_has_the_errors_of_the_dialect(dialect: Dialect) -> None:
    for path in dialect.PATHS:
        assert dialects.of(asked(path)) is dialect


@of_each_dialect
def test_a_path_with_a_typo_is_answered_with_the_right_one(
    dialect: Dialect, server: Server
) -> None:
    for path in dialect.PATHS:
        shown = path.pattern.replace(":path", "")
        answer = server.post(f"/x{shown.removeprefix('/')}", {})
        assert answer.status == 404
        assert f"Did you mean {shown}?" in json.dumps(answer.json)


def test_names_from_outside_are_made_printable() -> None:
    assert errors.UnknownModel("a\r\nb\u202e" + "x" * 200).model == "a??b?" + "x" * 95
