"""Which pooling each route uses, for a model whose own pooling is cls, as bge's is.

The expected numbers are torch's, of both poolings: tests/golden/make_references.py made them.
"""

import json
from typing import Any

import numpy as np
import pytest
from conftest import Server
from graphs import CHECKPOINTS, cosines
from numpy.typing import NDArray
from opened import embeddings

TORCH = {
    case["text"]: case
    for case in json.loads((CHECKPOINTS / "tiny-embedder" / "golden.json").read_text("utf-8"))
    if "text" in case
}
TEXTS = ["hello world", "That is a happy person", "Great hamburger"]
NAME = "@test/tiny-embedder"
ACCOUNT, GATEWAY = "/client/v4/accounts/me", "/v1/me/default"

CLOUDFLARE = [
    f"{ACCOUNT}/ai/run/{NAME}",
    f"{GATEWAY}/workers-ai/{NAME}",
    f"{GATEWAY}/workers-ai/run/{NAME}",
]
OF_CLOUDFLARE_AND_OPENAI = [
    f"{ACCOUNT}/ai/v1/embeddings",
    f"{GATEWAY}/workers-ai/v1/embeddings",
    f"{GATEWAY}/compat/embeddings",
]
OPENAI = ["/v1/embeddings", "/embeddings"]
HUGGING_FACE = [
    f"/models/{NAME}",
    f"/hf-inference/models/{NAME}",
    f"/models/{NAME}/pipeline/feature-extraction",
    f"/hf-inference/models/{NAME}/pipeline/feature-extraction",
    f"/pipeline/feature-extraction/{NAME}",
]
TEI = [f"/embed?model={NAME}"]
MEAN = [*CLOUDFLARE, *OF_CLOUDFLARE_AND_OPENAI]
CLS = [*OPENAI, *HUGGING_FACE, *TEI]
SIMILARITY = {
    **dict.fromkeys(CLOUDFLARE, "mean"),
    f"/models/{NAME}": "cls",
    f"/models/{NAME}/pipeline/sentence-similarity": "cls",
    f"/pipeline/sentence-similarity/{NAME}": "cls",
    f"/similarity?model={NAME}": "cls",
}


def torch(pooling: str) -> NDArray[np.float32]:
    """Unit vectors of TEXTS."""
    vectors = np.array([TORCH[text][pooling] for text in TEXTS], np.float32)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def vectors(server: Server, path: str, **more: Any) -> NDArray[np.float32]:
    if path in CLOUDFLARE:
        found = server.post(path, {"text": TEXTS, **more}).json["result"]["data"]
    elif "embeddings" in path:
        answer = server.post(path, {"model": NAME, "input": TEXTS, **more}).json
        found = [each["embedding"] for each in answer["data"]]
    else:
        found = server.post(path, {"inputs": TEXTS, **more}).json
    return np.array(found, np.float32)


@pytest.mark.parametrize("path", [*MEAN, *CLS])
def test_cloudflare_s_routes_default_to_mean_and_the_others_to_the_model_s_own(
    server: Server, path: str
) -> None:
    pooling, other = ("mean", "cls") if path in MEAN else ("cls", "mean")
    found = vectors(server, path)
    assert cosines(found, torch(pooling)).min() >= 0.999
    assert cosines(found, torch(other)).max() < 0.99
    model = embeddings[NAME]
    assert np.array_equal(found, model.embed(TEXTS, pooling=pooling).values)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_cloudflare_s_routes_take_the_pooling_that_is_asked_for(
    server: Server, pooling: str
) -> None:
    found = vectors(server, CLOUDFLARE[0], pooling=pooling)
    assert cosines(found, torch(pooling)).min() >= 0.999


@pytest.mark.parametrize("path", SIMILARITY)
def test_similarity_has_the_pooling_of_its_route(server: Server, path: str) -> None:
    source, *sentences = TEXTS
    if path in CLOUDFLARE:
        found = server.post(path, {"source": source, "sentences": sentences}).json["result"]
    else:
        inputs = {"source_sentence": source, "sentences": sentences}
        found = server.post(path, {"inputs": inputs}).json
    pooling, other = ("mean", "cls") if SIMILARITY[path] == "mean" else ("cls", "mean")
    expected, wrong = (torch(each)[1:] @ torch(each)[0] for each in (pooling, other))
    assert np.abs(wrong - expected).max() > 0.03
    assert found == pytest.approx(expected, abs=0.01)


def test_info_names_the_pooling_of_its_routes(server: Server) -> None:
    info = server.get(f"/info?model={NAME}").json
    assert info["model_type"] == {"embedding": {"pooling": "cls"}}
    answered = server.post(f"/embed?model={NAME}", {"inputs": TEXTS}).headers["textfn-model"]
    assert answered == f"{info['model_id']}@{info['model_sha']}"
