"""The lists of models, in each dialect's words."""

from typing import Any

import jsonschema_rs
import numpy as np
import openai
import pytest
from conftest import Server

from shared.version import VERSION

SEARCH = "/client/v4/accounts/me/ai/models/search"
SCHEMA = "/client/v4/accounts/me/ai/models/schema"
MINILM = "@hf/sentence-transformers/all-minilm-l6-v2"


def found(server: Server, query: str = "") -> list[str]:
    answer = server.get(f"{SEARCH}?{query}")
    assert answer.status == 200
    return [each["name"] for each in answer.json["result"]]


def test_a_listed_model_has_the_fields_of_the_service(server: Server) -> None:
    answer = server.get(f"{SEARCH}?search=all-minilm")
    (model,) = answer.json["result"]
    manifest = server.service.catalogue.find("all-minilm-l6-v2")
    assert model == {
        "id": "111935e4-6d21-5d86-b949-2ab5600700ba",
        "source": 1,
        "name": MINILM,
        "description": manifest.description,
        "task": {
            "id": "0137cdcf-162a-4108-94f2-1ca59e8c65ee",
            "name": "Text Embeddings",
            "description": "",
        },
        "created_at": "1970-01-01 00:00:00.000",
        "tags": [],
        "properties": [
            {"property_id": "max_input_tokens", "value": "256"},
            {"property_id": "output_dimensions", "value": "384"},
            {"property_id": "stands_in_for", "value": ", ".join(manifest.stands_in_for)},
            {"property_id": "info", "value": manifest.source},
        ],
    }
    info = {"page": 1, "per_page": 100, "count": 1, "total_count": 1}
    assert answer.json["result_info"] == info
    classifier = server.get(f"{SEARCH}?search=minilm-l6-sst2-int8").json["result"][0]
    assert classifier["task"]["name"] == "Text Classification"
    assert classifier["task"]["id"] == "19606750-23ed-4371-aab2-c20349b53a60"


@pytest.mark.parametrize(
    ("query", "included"),
    [
        ("search=MiniLM-L6", True),
        ("search=mpnet", True),  # it stands in for that one
        ("search=llama", False),
        ("author=sentence-transformers", True),
        ("author=sentence", False),
        ("task=Text+Embeddings", True),
        ("task=sentence+similarity", True),
        ("task=Text+Classification", False),
        ("source=1", True),
        ("source=2", False),
        ("search=&task=&author=&source=", True),
        ("hide_experimental=true&include_deprecated=true", True),
        ("search=minilm&task=Translation", False),
    ],
)
def test_every_parameter_narrows_the_list_as_it_says(
    server: Server, query: str, included: bool
) -> None:
    assert (MINILM in found(server, query)) is included


def test_a_catalogued_model_is_listed_only_when_it_is_installed(server: Server) -> None:
    assert "@cf/baai/bge-base-en-v1.5" not in found(server)


@pytest.mark.parametrize("size", [1, 2])
def test_pages_are_apart_complete_and_end(server: Server, size: int) -> None:
    everything = found(server)
    pages: list[list[str]] = []
    while page := found(server, f"per_page={size}&page={len(pages) + 1}"):
        pages.append(page)
        assert len(pages) <= len(everything)  # a list that does not end would be asked for ever
    assert {len(page) for page in pages[:-1]} == {size}
    assert [name for page in pages for name in page] == everything
    past = server.get(f"{SEARCH}?per_page={size}&page=999999999").json
    assert past["result"] == []
    assert past["result_info"]["total_count"] == len(everything)


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=-1", "per_page=0", "per_page=1.5"])
def test_a_page_that_is_no_page_is_refused(server: Server, query: str) -> None:
    answer = server.get(f"{SEARCH}?{query}")
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, 5006)


def test_another_format_is_refused_rather_than_ignored(server: Server) -> None:
    answer = server.get(f"{SEARCH}?format=openrouter")
    assert answer.status == 400
    assert "'/format' is not supported" in answer.json["errors"][0]["message"]


def test_a_schema_is_that_of_the_model_s_task(server: Server) -> None:
    shown = server.get(f"{SCHEMA}?model=@cf/huggingface/distilbert-sst-2-int8").json["result"]
    assert shown["input"]["required"] == ["text"]
    assert shown["output"]["items"]["required"] == ["label", "score"]
    both = server.get(f"{SCHEMA}?model=%40hf%2Fsentence-transformers%2Fall-minilm-l6-v2").json
    required = [each["required"] for each in both["result"]["input"]["anyOf"]]
    assert required == [["text"], ["source", "sentences"]]


def test_a_schema_has_the_poolings_of_the_model_and_the_limits_of_the_service(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def embeddings(model: str) -> tuple[Any, Any]:
        shown = server.get(f"{SCHEMA}?model={model}").json["result"]
        return shown["input"]["anyOf"][0], shown["output"]["anyOf"][0]

    server.set(monkeypatch, max_texts=7)
    for model, poolings in (("all-minilm-l6-v2", ["mean"]), ("tiny-embedder", ["mean", "cls"])):
        taken, returned = embeddings(model)
        assert taken["properties"]["pooling"]["enum"] == poolings
        assert taken["properties"]["pooling"]["default"] == "mean"
        assert returned["properties"]["pooling"] == {"enum": poolings}
        assert taken["properties"]["text"]["oneOf"][1]["maxItems"] == 7
        jsonschema_rs.validate(taken, {"text": "a", "pooling": poolings[-1]})
        path = f"/client/v4/accounts/me/ai/run/{model}"
        for pooling in ("mean", "cls"):
            is_taken = server.post(path, {"text": "a", "pooling": pooling}).status == 200
            assert is_taken is (pooling in poolings)
        answer = server.post(path, {"text": "a"}).json["result"]
        jsonschema_rs.validate(returned, answer)
    both = server.get(f"{SCHEMA}?model=tiny-embedder").json["result"]["input"]["anyOf"]
    assert both[1]["properties"]["sentences"]["maxItems"] == 7


def test_a_schema_of_no_model_is_refused(server: Server) -> None:
    assert server.get(SCHEMA).json["errors"][0]["code"] == 5006
    answer = server.get(f"{SCHEMA}?model=@cf/baai/bge-base-en-v1.6")
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, 5007)
    assert "@cf/baai/bge-base-en-v1.5" in answer.json["messages"][1]["message"]


def test_info_tells_what_the_model_takes(server: Server) -> None:
    info = server.get("/info?model=test/tiny-embedder").json
    model = server.post("/embed?model=test/tiny-embedder", {"inputs": "a"}).headers["textfn-model"]
    assert info == {
        "model_id": "tiny-embedder",
        "model_sha": model.removeprefix("tiny-embedder@"),
        "model_dtype": "int8",
        "model_type": {"embedding": {"pooling": "cls"}},
        "max_concurrent_requests": 64,
        "max_input_length": 32,
        "max_batch_tokens": 256,
        "max_batch_requests": None,
        "max_client_batch_size": 2048,
        "auto_truncate": True,
        "tokenization_workers": server.service.settings.threads,
        "version": VERSION,
        "sha": None,
        "docker_label": None,
    }
    classifier = server.get("/info?model=test/tiny-sentiment").json["model_type"]["classifier"]
    assert classifier == {
        "id2label": {"0": "NEGATIVE", "1": "POSITIVE"},
        "label2id": {"NEGATIVE": 0, "POSITIVE": 1},
    }
    assert server.get("/info").json["model_id"] == "all-minilm-l6-v2"
    assert server.get("/info?model=mfaq").status == 404
    assert server.get("/info?model=nothing").json["error_type"] == "Validation"


def test_info_promises_room_for_a_text_of_the_longest_length(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set(monkeypatch, token_budget=8)
    info = server.get("/info?model=test/tiny-embedder").json
    assert info["max_batch_tokens"] == info["max_input_length"] == 32


OPENAI = ["/v1/models", "/client/v4/accounts/me/ai/v1/models"]


@pytest.mark.parametrize("path", OPENAI)
def test_openai_s_list_has_what_embeddings_reach_and_nothing_else(
    server: Server, path: str
) -> None:
    names = [each["id"] for each in server.get(path).json["data"]]
    assert "tiny-sentiment" not in names and "minilm-l6-sst2-int8" not in names
    for name in names:
        body = {"model": name, "input": "hello"}
        assert server.post(f"{path.removesuffix('models')}embeddings", body).status == 200
        assert server.get(f"{path}/{name}").json == {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": "textfn",
        }


@pytest.mark.parametrize("path", OPENAI)
def test_one_model_has_its_path_in_any_spelling_of_its_name(server: Server, path: str) -> None:
    listed = "@hf/sentence-transformers/all-minilm-l6-v2"
    for spelling in (
        listed,
        "%40hf%2Fsentence-transformers%2Fall-minilm-l6-v2",
        "hf/Sentence-Transformers/all-MiniLM-L6-v2/",
    ):
        assert server.get(f"{path}/{spelling}").json["id"] == listed


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gpt-4", "No such model gpt-4"),
        ("tiny-sentiment", "tiny-sentiment is a model for text-classification"),
        ("@cf/baai/bge-base-en-v1.5", "textfn models pull bge-base-en-v1.5"),
    ],
)
def test_a_model_that_embeddings_do_not_reach_is_openai_s_404(
    server: Server, name: str, words: str
) -> None:
    answer = server.get(f"/v1/models/{name}")
    assert answer.status == 404
    error = answer.json["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "model_not_found")
    assert words in error["message"]
    with pytest.raises(openai.NotFoundError):
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none").models.retrieve(name)


def test_openai_s_client_finds_a_model_by_each_name_of_the_list(server: Server) -> None:
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none")
    for each in client.models.list():
        assert client.models.retrieve(each.id) == each


def test_embeddings_tell_of_a_classifier_what_it_is(server: Server) -> None:
    """They suggested the very name that was asked for."""
    body = {"model": "minilm-l6-sst2-int8", "input": "a"}
    message = server.post("/v1/embeddings", body).json["error"]["message"]
    assert "Did you mean minilm-l6-sst2-int8" not in message
    assert "minilm-l6-sst2-int8 is a model for text-classification." in message


def test_a_name_that_is_listed_is_a_name_that_works(server: Server) -> None:
    for name in found(server, "task=Text+Embeddings"):
        answer = server.post(f"/client/v4/accounts/me/ai/run/{name}", {"text": "hello"})
        assert np.shape(answer.json["result"]["data"])[0] == 1
