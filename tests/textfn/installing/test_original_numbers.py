"""Added models give the numbers of transformers' pipeline and of sentence-transformers' `encode`.

tests/golden/make_added.py made the folders and computed the numbers, for each text alone.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adding import added, models_in
from conftest import TESTS
from running import serving

from shared.inference.model import Model
from textfn.checking.model import problems

FOLDERS = TESTS / "fixtures" / "added"
FUNCTIONS = {
    "last-token-classifier": "softmax",
    "regression": "none",
    "multi-label": "sigmoid",
    "one-label": "sigmoid",
}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with models_in(tmp_path / "models", monkeypatch) as folder:
        yield folder


@contextmanager
def posting(models: Path) -> Iterator[Callable[[str, object], Any]]:
    """Give a function that posts a body to a path of a server with these models."""
    with serving(TEXTFN_MODELS_DIR=str(models)) as (base, _):

        def post(path: str, body: object) -> Any:
            request = urllib.request.Request(base + path, json.dumps(body).encode())
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)

        yield post


def golden(name: str) -> Any:
    return json.loads((FOLDERS / name / "golden.json").read_text("utf-8"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_classifier_gives_the_scores_of_transformers_pipeline(models: Path, name: str) -> None:
    manifest = added(models, FOLDERS / name)
    assert manifest.function == FUNCTIONS[name]
    cases = golden(name)
    expected = np.array([[case["scores"][label] for label in manifest.labels] for case in cases])
    texts, model = [case["text"] for case in cases], Model(manifest)
    assert model.classify(texts).values == pytest.approx(expected, abs=1e-5)
    alone = [model.classify([text]).values[0] for text in texts]
    assert np.array(alone) == pytest.approx(expected, abs=1e-5)
    assert problems(manifest) == []


@pytest.mark.parametrize("name", ["lower-cased", "last-token-embedder"])
def test_an_embedder_gives_the_vectors_of_sentence_transformers(models: Path, name: str) -> None:
    manifest = added(models, FOLDERS / name)
    model = Model(manifest)
    for prompt in {case["prompt_name"] for case in golden(name)}:
        cases = [case for case in golden(name) if case["prompt_name"] == prompt]
        expected = np.array([case["vector"] for case in cases])
        found = model.embed([case["text"] for case in cases], prompt_name=prompt or "").values
        assert found == pytest.approx(expected, abs=2e-5)
    assert problems(manifest) == []


def test_every_route_has_the_model_s_own_function_and_names(models: Path) -> None:
    added(models, FOLDERS / "multi-label", "--name", "acme/moods", "--alias", "@cf/acme/moods")
    case = golden("multi-label")[1]
    expected = {label: pytest.approx(score, abs=1e-5) for label, score in case["scores"].items()}
    with posting(models) as post:

        def scores(labels: Any) -> dict[str, float]:
            return {each["label"]: each["score"] for each in labels}

        for name in ("moods", "acme/moods"):
            assert scores(post(f"/models/{name}", {"inputs": case["text"]})[0]) == expected
            path = f"/models/{name}/pipeline/text-classification"
            assert scores(post(path, {"inputs": [case["text"]]})[0]) == expected
            assert scores(post(f"/predict?model={name}", {"inputs": case["text"]})) == expected
        run = "/client/v4/accounts/me/ai/run/@cf/acme/moods"
        assert scores(post(run, {"text": case["text"]})["result"]) == expected
        asked = {"inputs": case["text"], "parameters": {"function_to_apply": "softmax"}}
        assert sum(scores(post("/models/moods", asked)[0]).values()) == pytest.approx(1)
        raw = post("/predict?model=moods", {"inputs": case["text"], "raw_scores": True})
        logits = np.array([scores(raw)[label] for label in expected])
        assert 1 / (1 + np.exp(-logits)) == pytest.approx(list(case["scores"].values()), abs=1e-5)


def test_a_request_names_a_prompt_of_the_model(models: Path) -> None:
    added(models, FOLDERS / "last-token-embedder", "--name", "decoder")
    cases = golden("last-token-embedder")
    texts = [each["text"] for each in cases[:4]]
    vectors = {
        name or "": np.array([each["vector"] for each in cases if each["prompt_name"] == name][:4])
        for name in (None, "query")
    }
    units = {
        name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in vectors.items()
    }
    with posting(models) as post:
        for name in ("", "query"):
            prompt = {"prompt_name": name} if name else {}
            found = post("/models/decoder/pipeline/feature-extraction", {"inputs": texts} | prompt)
            assert np.array(found) == pytest.approx(vectors[name], abs=2e-5)
            found = post("/embed?model=decoder", {"inputs": texts} | prompt)
            assert np.array(found) == pytest.approx(units[name], abs=2e-5)
            inputs = {"source_sentence": texts[0], "sentences": texts[1:]}
            body = {"inputs": inputs, "parameters": prompt}
            expected = units[name][1:] @ units[name][0]
            found = post("/similarity?model=decoder", body)
            assert found == pytest.approx(list(expected), abs=1e-5)
        with pytest.raises(urllib.error.HTTPError) as refused:
            post("/embed?model=decoder", {"inputs": texts, "prompt_name": "passage"})
    words = "'prompt_name' is set; the model has no such prompt. Send one of document, query."
    assert words in json.load(refused.value)["error"]
