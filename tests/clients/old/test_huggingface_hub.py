"""huggingface_hub before 0.28 puts the pipeline before the model."""

import os
from typing import Any

import pytest
from conftest import STORIES

os.environ["HF_INFERENCE_ENDPOINT"] = os.environ["TEXTFN_URL"]  # read when it is imported


def inference(url: str) -> Any:
    os.environ["HF_INFERENCE_ENDPOINT"] = url
    from huggingface_hub import InferenceClient

    client = InferenceClient("sentence-transformers/all-MiniLM-L6-v2", token="any")
    return client


def test_it_is_an_old_one() -> None:
    import huggingface_hub

    assert huggingface_hub.__version__ < "0.28"


def test_it_embeds(url: str, vectors: list[list[float]]) -> None:
    found = inference(url).feature_extraction(STORIES)
    assert found.tolist() == [pytest.approx(each, abs=1e-7) for each in vectors]


def test_it_compares(url: str) -> None:
    sentences = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    scores = inference(url).sentence_similarity("That is a happy person", other_sentences=sentences)
    assert scores == pytest.approx([0.69457736, 0.94291490, 0.25687605], abs=0.02)


def test_it_classifies(url: str) -> None:
    best, other = inference(url).text_classification(
        "This pizza is great!", model="test/tiny-sentiment"
    )
    assert (best.label, other.label) == ("POSITIVE", "NEGATIVE")
    assert best.score > 0.9


def test_it_reads_the_errors(url: str) -> None:
    from huggingface_hub.errors import HfHubHTTPError

    with pytest.raises(HfHubHTTPError, match="textfn models pull mfaq"):
        inference(url).feature_extraction("hello", model="clips/mfaq")
