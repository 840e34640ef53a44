"""The real all-mpnet-base-v2, where it is installed: `make test-mpnet` pulls it (404 MB)."""

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import TESTS
from running import serving

from shared.inference.library import Library
from shared.inference.model import Model
from shared.settings import Settings

NAME = "sentence-transformers/all-mpnet-base-v2"
GOLDEN = json.loads((TESTS / "golden" / "all_mpnet_base_v2.json").read_text("utf-8"))
PUBLISHED, TORCH = GOLDEN["published"]["vectors"], GOLDEN["torch"]
SOURCE = "That is a happy person"
# The sentences of the documents' example, and fp32's scores by torch.
SCORES = {
    "That is a happy dog": 0.763965,
    "That is a very happy person": 0.966622,
    "Today is a sunny day": 0.314772,
}
FOLDER = Path(os.environ["MPNET"]) if "MPNET" in os.environ else None


@pytest.fixture(scope="module")
def library() -> Library:
    made = Library(Settings(models_dir=FOLDER))
    if not made.catalogue.find(NAME).installed:
        pytest.skip("all-mpnet-base-v2 is not installed; make test-mpnet pulls it")
    return made


@pytest.fixture(scope="module")
def model(library: Library) -> Model:
    return library.of("text-embeddings")[NAME]


@pytest.fixture(scope="module")
def base(library: Library) -> Iterator[str]:
    with serving(**{"TEXTFN_MODELS_DIR": str(FOLDER)} if FOLDER else {}) as (base, _):
        yield base


def test_the_documents_example_has_its_scores(base: str) -> None:
    inputs = {"source_sentence": SOURCE, "sentences": list(SCORES)}
    request = urllib.request.Request(
        f"{base}/models/{NAME}", json.dumps({"inputs": inputs}).encode()
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["textfn-model"].startswith("all-mpnet-base-v2@")
        assert json.load(answer) == pytest.approx(list(SCORES.values()), abs=0.01)


def test_the_scores_of_fp32_are_torch_s() -> None:
    vectors = np.array([TORCH[text] for text in (SOURCE, *SCORES)])
    assert vectors[1:] @ vectors[0] == pytest.approx(list(SCORES.values()), abs=2e-6)


def test_the_published_vectors_are_met(model: Model) -> None:
    """Text Embeddings Inference publishes two vectors, and so their cosine."""
    published = unit(np.array(list(PUBLISHED.values())))
    found = model.embed(list(PUBLISHED), normalize=True).values
    assert np.einsum("nd,nd->n", published, found).min() >= 0.995
    assert published[0] @ published[1] == pytest.approx(0.63974, abs=1e-5)
    assert found[0] @ found[1] == pytest.approx(0.63974, abs=0.02)


@pytest.mark.parametrize("text", TORCH, ids=lambda text: text[:30])
def test_a_text_s_vector_is_close_to_torch_s(model: Model, text: str) -> None:
    """Also of digits and signs, whose activations need scales of their own, and of a long text."""
    found = model.embed([text], normalize=True).values[0]
    assert found @ np.array(TORCH[text]) >= 0.994


def test_a_text_has_the_same_vector_in_any_company(model: Model) -> None:
    alone = np.concatenate([model.embed([text]).values for text in TORCH])
    assert (model.embed(list(TORCH)).values == alone).all()


def unit(vectors: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    normalized: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)  # type: ignore[type-arg]
    return normalized
