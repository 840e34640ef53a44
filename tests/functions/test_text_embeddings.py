import base64
import json

import numpy as np
import pytest
from conftest import Server

RUN = "/client/v4/accounts/me/ai/run"
MINILM = f"{RUN}/@hf/sentence-transformers/all-minilm-l6-v2"
TINY = f"{RUN}/@test/tiny-embedder"
FEATURES = "/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction"
STORIES = ["This is a story about an orange cloud", "This is a story about a llama"]


def test_texts_become_vectors_in_the_envelope(server: Server) -> None:
    answer = server.post(MINILM, {"text": STORIES})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    result = answer.json["result"]
    assert answer.json == {"result": result, "success": True, "errors": [], "messages": []}
    assert (result["shape"], result["pooling"]) == ([2, 384], "mean")
    assert np.linalg.norm(result["data"], axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_one_text_is_a_list_of_one(server: Server) -> None:
    one = server.post(MINILM, {"text": STORIES[0]}).json["result"]
    both = server.post(MINILM, {"text": STORIES}).json["result"]
    assert one["shape"] == [1, 384]
    assert one["data"][0] == both["data"][0]


def test_no_texts_are_no_vectors(server: Server) -> None:
    assert server.post(MINILM, {"text": []}).json["result"]["shape"] == [0, 384]


def test_pooling_is_the_request_s_choice_among_the_model_s(server: Server) -> None:
    mean = server.post(TINY, {"text": "hello"}).json["result"]
    cls = server.post(TINY, {"text": "hello", "pooling": "cls"}).json["result"]
    assert (mean["pooling"], cls["pooling"]) == ("mean", "cls")
    assert mean["data"] != cls["data"]
    refused = server.post(MINILM, {"text": "hello", "pooling": "cls"})
    assert refused.status == 400
    assert "'/pooling' must be one of 'mean'" in refused.json["errors"][0]["message"]


def test_a_hundred_texts_are_served_and_one_more_is_refused(server: Server) -> None:
    assert server.post(MINILM, {"text": ["hello"] * 100}).json["result"]["shape"] == [100, 384]
    refused = server.post(MINILM, {"text": ["hello"] * 101})
    assert refused.status == 400
    assert "Length of '/text' must be <= 100 not met" in refused.json["errors"][0]["message"]
    assert refused.json["messages"][0]["message"] == (
        "/text has 101 items; one request may have 100. Send several requests."
    )


WRONG = {
    "no text": ({}, "required properties at '/' are 'source,sentences'"),
    "another field": ({"input": STORIES}, "oneOf at '/' not met, 0 matches: required properties"),
    "a number": ({"text": 5}, "Type mismatch of '/text', 'string,array' not in 'integer'"),
    "null": ({"text": None}, "Type mismatch of '/text', 'string,array' not in 'null'"),
    "true": ({"text": True}, "Type mismatch of '/text', 'string,array' not in 'boolean'"),
    "an empty text": ({"text": ""}, "Length of '/text' must be >= 1 not met"),
    "an empty item": ({"text": ["a", ""]}, "Length of '/text/1' must be >= 1 not met"),
    "a number among texts": ({"text": ["a", 1]}, "Type mismatch of '/text/1', 'string' not in"),
    "token ids": ({"text": [[1, 2]]}, "Type mismatch of '/text/0', 'string' not in 'array'"),
    "a batch": ({"requests": [{"text": "a"}]}, "'/requests' is not supported"),
    "a poll": ({"request_id": "2f4c1d3e"}, "'/request_id' is not supported"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_in_the_words_of_the_service(server: Server, name: str) -> None:
    body, message = WRONG[name]
    answer = server.post(MINILM, body)
    assert answer.status == 400
    assert answer.json["errors"][0]["code"] == 5006
    assert answer.json["errors"][0]["message"].startswith("AiError: Bad input: Error: ")
    assert message in answer.json["errors"][0]["message"]
    assert server.post(MINILM, {"text": "and the next request works"}).status == 200


def test_a_person_is_told_which_field_was_meant(server: Server) -> None:
    help = server.post(MINILM, {"input": STORIES}).json["messages"]
    assert 'Did you mean "text"? The body has "input".' in [each["message"] for each in help]


def test_feature_extraction_gives_bare_vectors(server: Server) -> None:
    one = server.post(FEATURES, {"inputs": "hello", "parameters": {}})
    several = server.post(FEATURES, {"inputs": ["hello", "goodbye"]})
    assert np.shape(one.json) == (384,)
    assert np.shape(several.json) == (2, 384)
    assert several.json[0] == one.json


def test_raw_vectors_can_be_asked_for(server: Server) -> None:
    raw = np.array(server.post(FEATURES, {"inputs": "hello", "normalize": False}).json)
    unit = np.array(server.post(FEATURES, {"inputs": "hello", "normalize": True}).json)
    assert np.linalg.norm(raw) != pytest.approx(1, abs=0.05)
    assert raw / np.linalg.norm(raw) == pytest.approx(unit, abs=1e-6)
    assert server.post(FEATURES, {"inputs": "hello", "normalize": 1}).status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/models/sentence-transformers/all-MiniLM-L6-v2",
        "/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction",
        "/pipeline/feature-extraction/sentence-transformers/all-MiniLM-L6-v2",
        "/hf-inference/models/sentence-transformers/all-MiniLM-L6-v2",
        "/hf-inference/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction",
    ],
)
def test_every_hugging_face_path_gives_the_same_vectors(server: Server, path: str) -> None:
    expected = server.post(MINILM, {"text": ["hello"]}).json["result"]["data"]
    assert server.post(path, {"inputs": ["hello"]}).json == expected


@pytest.mark.parametrize(
    "path",
    [
        "/v1/embeddings",
        "/embeddings",
        "/client/v4/accounts/me/ai/v1/embeddings",
        "/v1/me/gateway/workers-ai/v1/embeddings",
        "/v1/me/gateway/compat/embeddings",
    ],
)
def test_the_openai_route_gives_the_same_numbers_as_float_and_as_base64(
    server: Server, path: str
) -> None:
    request = {"model": "@hf/sentence-transformers/all-minilm-l6-v2", "input": ["hello", "world"]}
    floats = server.post(path, {**request, "encoding_format": "float"}).json
    encoded = server.post(path, {**request, "encoding_format": "base64"}).json
    for index in range(2):
        given = floats["data"][index]
        assert (given["object"], given["index"]) == ("embedding", index)
        decoded = np.frombuffer(base64.b64decode(encoded["data"][index]["embedding"]), "<f4")
        assert np.array_equal(decoded, np.array(given["embedding"], np.float32))
    assert floats["object"] == "list"
    assert floats["model"] == request["model"]
    assert floats["usage"] == {"prompt_tokens": 6, "total_tokens": 6}


def test_the_dimensions_of_the_model_are_served_and_no_others(server: Server) -> None:
    request = {"model": "all-minilm-l6-v2", "input": "hello"}
    assert server.post("/v1/embeddings", {**request, "dimensions": 384}).status == 200
    refused = server.post("/v1/embeddings", {**request, "dimensions": 256})
    assert refused.status == 400
    assert refused.json["error"]["param"] == "dimensions"
    assert "384" in refused.json["error"]["message"]


def test_token_ids_are_refused_with_the_remedy(server: Server) -> None:
    refused = server.post("/v1/embeddings", {"model": "all-minilm-l6-v2", "input": [[1, 2]]})
    assert refused.status == 400
    assert "check_embedding_ctx_length=False" in refused.json["error"]["message"]
    assert (
        server.post("/v1/embeddings", {"model": "all-minilm-l6-v2", "input": [1, 2]}).status == 400
    )


def test_an_unknown_model_is_not_found_in_openai_s_words(server: Server) -> None:
    answer = server.post("/v1/embeddings", {"model": "text-embedding-3-small", "input": "hello"})
    assert answer.status == 404
    assert answer.json["error"]["code"] == "model_not_found"
    assert answer.json["errors"][0]["code"] == 5007


def test_numbers_are_the_shortest_decimals_of_float32(server: Server) -> None:
    answer = server.post(FEATURES, {"inputs": "hello"})
    numbers = answer.body.decode().strip("[]").split(",")
    for number in numbers:
        value = np.float32(number)
        assert float(number) == float(str(value))


def test_cloudflare_s_own_name_of_truncate_is_served(server: Server) -> None:
    """bge-m3 has it; its words are those of the service."""
    long = {"text": "hello " * 40}
    assert server.post(TINY, {**long, "truncate_inputs": True}).json == server.post(TINY, long).json
    refused = server.post(TINY, {**long, "truncate_inputs": False})
    assert "Sequence too long: 42 > 32" in refused.json["errors"][0]["message"]
    assert server.post(TINY, {"text": "hello", "truncate_inputs": False}).status == 200


QUEUE_FORMS = [
    ("?queueRequest=true", {"requests": [{"text": "a"}]}),
    ("?queueRequest=true", {"text": "a"}),
    ("", {"requests": [{"text": "a"}]}),
    ("", {"request_id": "2f4c1d3e"}),
]


@pytest.mark.parametrize(("query", "body"), QUEUE_FORMS)
@pytest.mark.parametrize("model", ["all-minilm-l6-v2", "tiny-sentiment"])
def test_the_queue_is_refused_clearly(
    server: Server, query: str, body: dict[str, object], model: str
) -> None:
    answer = server.post(f"{RUN}/{model}{query}", body)
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, 5006)
    assert "is not supported" in answer.json["errors"][0]["message"]
    assert "ordinary requests" in answer.json["messages"][0]["message"]


GATEWAY = "/v1/me/gateway/workers-ai"


@pytest.mark.parametrize("path", [GATEWAY, f"{GATEWAY}/run"])
def test_both_forms_of_the_gateway_answer_as_the_service(server: Server, path: str) -> None:
    name = "@hf/sentence-transformers/all-minilm-l6-v2"
    expected = server.post(MINILM, {"text": "hello"}).json
    assert server.post(f"{path}/{name}", {"text": "hello"}).json == expected
    assert server.post(f"{path}/{name}?gateway=x", {"text": "hello"}).json == expected
    scores = server.post(f"{path}/{name}", {"source": "hello", "sentences": ["hello"]}).json
    assert scores["result"] == pytest.approx([1], abs=1e-6)
    labels = server.post(f"{path}/@test/tiny-sentiment", {"text": "great"}).json["result"]
    assert labels[0]["label"] == "POSITIVE"
    wrong = server.post(f"{path}/{name}", {"text": 5})
    assert (wrong.status, wrong.json["errors"][0]["code"]) == (400, 5006)


SPELLINGS = [
    "@hf/sentence-transformers/all-minilm-l6-v2",
    "hf/sentence-transformers/all-minilm-l6-v2",
    "@HF/Sentence-Transformers/All-MiniLM-L6-v2",
    "%40hf/sentence-transformers/all-minilm-l6-v2",
    "@hf%2Fsentence-transformers%2Fall-minilm-l6-v2",
    "%2540hf%252Fsentence-transformers%252Fall-minilm-l6-v2",
    "workers-ai/@hf/sentence-transformers/all-minilm-l6-v2",
    "all-minilm-l6-v2/",
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_model_is_found_by_any_spelling_on_every_route(server: Server, name: str) -> None:
    expected = server.post(MINILM, {"text": "hello"}).json["result"]["data"]
    assert server.post(f"{RUN}/{name}", {"text": "hello"}).json["result"]["data"] == expected
    assert server.post(f"{GATEWAY}/{name}", {"text": "hello"}).json["result"]["data"] == expected
    assert server.post(f"/models/{name}", {"inputs": ["hello"]}).json == expected
    answer = server.post("/v1/embeddings", {"model": name, "input": "hello"}).json
    assert [each["embedding"] for each in answer["data"]] == expected


LONG = "one " * 300 + "two " * 300


def test_a_long_text_is_cut_where_the_caller_says(server: Server) -> None:
    for side, kept in (("right", "one"), ("left", "two"), ("Left", "two")):
        whole = server.post(FEATURES, {"inputs": LONG, "truncation_direction": side})
        part = server.post(FEATURES, {"inputs": f"{kept} " * 254})
        assert whole.json == part.json
        assert whole.headers["textfn-truncated"] == "1"
        assert part.headers["textfn-truncated"] == "0"
        options = {"truncate": True, "truncation_direction": side}
        inner = server.post(FEATURES, {"inputs": LONG, "parameters": options})
        assert inner.json == whole.json


def test_a_long_text_is_refused_when_it_may_not_be_cut(server: Server) -> None:
    for body in (
        {"inputs": [LONG], "truncate": False},
        {"inputs": LONG, "parameters": {"truncate": False, "truncation_direction": "left"}},
    ):
        refused = server.post(FEATURES, body)
        assert refused.status == 400
        assert "has 602 tokens; this model takes 256" in refused.json["error"]
    assert server.post(FEATURES, {"inputs": "one " * 254, "truncate": False}).status == 200


def test_no_text_is_refused_in_hugging_face_s_words(server: Server) -> None:
    answer = server.post(FEATURES, {"inputs": []})
    assert answer.status == 400
    assert answer.json["error"] == (
        "Value error, The inputs are invalid, at least one input is required: "
        "received `[]` in `parameters`"
    )


def test_the_model_must_be_named_where_the_service_asks_for_it(server: Server) -> None:
    answer = server.post("/client/v4/accounts/me/ai/v1/embeddings", {"input": "hello"})
    assert answer.status == 400
    assert '"model"' in answer.json["error"]["message"]


MFAQ = "textfn models pull mfaq"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/client/v4/accounts/me/ai/run/clips/mfaq", 400),
        ("/models/clips/mfaq", 404),
        ("/models/clips/mfaq/pipeline/sentence-similarity", 404),
        ("/v1/embeddings", 404),
        ("/client/v4/accounts/me/ai/v1/embeddings", 404),
        ("/embed?model=mfaq", 404),
        ("/similarity?model=mfaq", 404),
    ],
)
def test_a_catalogued_model_that_is_not_installed_is_refused_with_the_command_that_installs_it(
    server: Server, path: str, status: int
) -> None:
    inputs = {"source_sentence": "a", "sentences": ["b"]} if "similarity" in path else "a"
    body = {"text": "a", "inputs": inputs, "input": "a", "model": "clips/mfaq"}
    answer = server.post(path, body)
    assert answer.status == status
    found = answer.json.get("error") or answer.json["messages"]
    assert MFAQ in json.dumps(found)
    if path.startswith("/client/v4/accounts/me/ai/run"):
        assert answer.json["errors"][0]["code"] == 5007
    if "v1" in path:
        assert answer.json["error"]["code"] == "model_not_found"
