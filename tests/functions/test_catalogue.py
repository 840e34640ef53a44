"""The lists of models, in each dialect's words."""

import numpy as np
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


def test_a_name_that_is_listed_is_a_name_that_works(server: Server) -> None:
    for name in found(server, "task=Text+Embeddings"):
        answer = server.post(f"/client/v4/accounts/me/ai/run/{name}", {"text": "hello"})
        assert np.shape(answer.json["result"]["data"])[0] == 1
