"""Text Embeddings Inference: its paths, its answers, its errors, and no model in the path."""

import huggingface_hub
import numpy as np
import pytest
from conftest import Server

from shared.http.dialects import tei

TINY = "?model=test/tiny-embedder"
SENTIMENT = "?model=test/tiny-sentiment"
HAPPY = {
    "source_sentence": "That is a happy person",
    "sentences": ["That is a happy dog", "Today is a sunny day"],
}


def test_embed_is_nested_for_a_text_and_for_a_list(server: Server) -> None:
    one, two = (server.post("/embed", {"inputs": inputs}) for inputs in ("hello", ["hello", "you"]))
    assert np.shape(one.json) == (1, 384)
    assert np.shape(two.json) == (2, 384)
    assert two.json[0] == one.json[0]
    assert np.linalg.norm(two.json, axis=1) == pytest.approx([1, 1], abs=1e-6)
    raw = server.post("/embed", {"inputs": "hello", "normalize": False}).json
    assert np.linalg.norm(raw) != pytest.approx(1, abs=0.05)


def test_a_model_of_the_query_is_used_and_without_one_the_first(server: Server) -> None:
    assert np.shape(server.post("/embed" + TINY, {"inputs": "hello"}).json) == (1, 16)
    assert server.post("/embed", {"inputs": "a"}).headers["textfn-model"].startswith("all-minilm")
    missing = server.post("/embed?model=nothing", {"inputs": "hello"})
    assert (missing.status, missing.json["error_type"]) == (404, "Validation")


def test_similarity_is_a_list(server: Server) -> None:
    scores = server.post("/similarity", {"inputs": HAPPY}).json
    assert scores == pytest.approx([0.69457736, 0.25687605], abs=0.02)


def test_predict_is_flat_for_one_text_and_nested_for_a_batch(server: Server) -> None:
    great, awful = "This pizza is great!", "This pizza is awful!"
    one = server.post("/predict" + SENTIMENT, {"inputs": great}).json
    assert [each["label"] for each in one] == ["POSITIVE", "NEGATIVE"]
    assert one[0]["score"] > 0.9
    assert server.post("/predict" + SENTIMENT, {"inputs": [great]}).json == one
    batch = server.post("/predict" + SENTIMENT, {"inputs": [[great], [awful]]}).json
    assert batch[0] == one
    assert batch[1][0]["label"] == "NEGATIVE"


def test_raw_scores_are_logits(server: Server) -> None:
    body = {"inputs": "This pizza is great!"}
    raw = server.post("/predict" + SENTIMENT, {**body, "raw_scores": True}).json
    scores = server.post("/predict" + SENTIMENT, body).json
    powers = np.exp([each["score"] for each in raw])
    assert powers / powers.sum() == pytest.approx([each["score"] for each in scores], abs=1e-6)
    assert sum(each["score"] for each in raw) != pytest.approx(1, abs=0.01)


def test_a_pair_is_refused_with_the_way_to_write_a_batch(server: Server) -> None:
    refused = server.post("/predict" + SENTIMENT, {"inputs": ["a", "b"]})
    assert refused.status == 422
    assert '[["one text"], ["another"]]' in refused.json["error"]


def test_tokens_have_ids_texts_and_places(server: Server) -> None:
    (tokens,) = server.post("/tokenize", {"inputs": "Hello  world!"}).json
    assert [each["text"] for each in tokens] == ["[CLS]", "Hello", "world", "!", "[SEP]"]
    assert [each["special"] for each in tokens] == [True, False, False, False, True]
    assert tokens[0] == {"id": 101, "text": "[CLS]", "special": True, "start": None, "stop": None}
    assert (tokens[2]["start"], tokens[2]["stop"]) == (7, 12)
    bare = server.post("/tokenize", {"inputs": ["Hello"], "add_special_tokens": False}).json
    assert [[each["text"] for each in tokens] for tokens in bare] == [["Hello"]]
    (long,) = server.post("/tokenize", {"inputs": "hello " * 1000}).json
    assert len(long) == 1002
    assert len(server.post("/tokenize" + SENTIMENT, {"inputs": "hello"}).json) == 1


def test_what_is_tokenized_whole_is_limited(server: Server) -> None:
    assert server.post("/tokenize", {"inputs": "q" * 65_536}).status == 200
    refused = server.post("/tokenize", {"inputs": ["q" * 65_536, "q"]})
    assert refused.status == 422
    assert "has 65537 characters; send at most 65536 in one request" in refused.json["error"]


def test_the_times_of_an_answer_are_whole_milliseconds(server: Server) -> None:
    times = {"x-compute-type": "cpu", "x-compute-time": "12346", "x-total-time": "12346"}
    assert tei.headers(12.3456) == times
    assert times.keys() <= server.post("/embed", {"inputs": "a text of this test"}).headers.keys()


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings"])
def test_the_openai_paths_of_the_server_need_no_model(server: Server, path: str) -> None:
    expected = server.post("/embed", {"inputs": "hello"}).json
    answer = server.post(path, {"input": "hello"}).json
    assert answer["model"] == "all-minilm-l6-v2"
    assert [each["embedding"] for each in answer["data"]] == expected
    tiny = server.post(path + TINY, {"input": "hello"}).json
    assert (tiny["model"], np.shape(tiny["data"][0]["embedding"])) == ("tiny-embedder", (16,))
    wanted = server.post(path + TINY, {"input": "hello", "model": "all-minilm-l6-v2"}).json
    assert wanted["data"] == answer["data"]


LONG = "hello " * 300
WRONG = {
    "no text": ("/embed", {"inputs": []}, 400, "Empty", "`inputs` cannot be empty"),
    "an empty text": ("/embed", {"inputs": ""}, 400, "Empty", "`inputs` cannot be empty"),
    "no sentences": (
        "/similarity",
        {"inputs": {"source_sentence": "a", "sentences": []}},
        400,
        "Empty",
        "`inputs.sentences` cannot be empty",
    ),
    "no inputs": ("/embed", {}, 422, "Validation", '"inputs"'),
    "a long text": (
        "/embed",
        {"inputs": LONG, "truncate": False},
        422,
        "Validation",
        "`inputs` must have less than 256 tokens. Given: 302",
    ),
    "a prompt": ("/embed", {"inputs": "a", "prompt_name": "query"}, 422, "Validation", "prompts"),
    "dimensions": ("/embed", {"inputs": "a", "dimensions": 8}, 422, "Validation", "returns 384"),
    "a batch": (
        "/embed",
        {"inputs": ["a"] * 2049},
        422,
        "Validation",
        "batch size 2049 > maximum allowed batch size 2048",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_in_the_words_of_the_server(server: Server, name: str) -> None:
    path, body, status, kind, words = WRONG[name]
    answer = server.post(path, body)
    assert (answer.status, answer.json["error_type"]) == (status, kind)
    assert set(answer.json) == {"error", "error_type"}
    assert words in answer.json["error"]


@pytest.mark.parametrize("path", ["/", "/invocations"])
def test_the_root_of_a_server_of_one_model_answers_by_the_body(server: Server, path: str) -> None:
    vectors = server.post(path, {"inputs": ["hello", "a llama"]})
    assert vectors.body == server.post("/embed", {"inputs": ["hello", "a llama"]}).body
    pair = {"inputs": {"source_sentence": "hello", "sentences": ["a llama"]}}
    assert server.post(path, pair).body == server.post("/similarity", pair).body
    named = f"{path}?model=minilm-l6-sst2-int8"
    labels = server.post(named, {"inputs": "great"}).json
    assert [each["label"] for each in labels] == ["POSITIVE", "NEGATIVE"]


def test_reading_the_root_is_public_and_asking_it_is_not(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set(monkeypatch, tokens=frozenset([b"\0" * 32]))
    assert server.get("/").status == 200
    assert server.get("/ping").status == 200
    assert server.post("/", {"inputs": "hello"}).status == 401


def test_the_hub_s_client_takes_the_address_for_a_model(server: Server) -> None:
    with huggingface_hub.InferenceClient(server.url) as client:
        vectors = client.feature_extraction(["hello", "a llama"])
        assert np.array(vectors).shape == (2, 384)
        scores = client.sentence_similarity("a happy person", other_sentences=["a happy dog"])
    assert scores == pytest.approx([0.69], abs=0.2)
