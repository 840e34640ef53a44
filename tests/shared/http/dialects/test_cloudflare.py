"""Paths of Cloudflare's API beside the run route of a model."""

import pytest
from conftest import Server

NAMED = "/client/v4/accounts/me/ai/run"
MINILM = "@hf/sentence-transformers/all-minilm-l6-v2"


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (MINILM, {"text": ["a story"]}),
        (MINILM, {"source": "a happy person", "sentences": ["a happy dog"]}),
        ("@cf/huggingface/distilbert-sst-2-int8", {"text": "great"}),
    ],
)
def test_the_body_may_name_the_model(server: Server, model: str, given: object) -> None:
    answer = server.post(NAMED, {"model": model, "input": given}, cf_aig_gateway_id="default")
    assert answer.status == 200
    assert answer.body == server.post(f"{NAMED}/{model}", given).body


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model": MINILM}, "required properties at '/' are 'model,input'"),
        ({"input": {"text": "a"}}, "required properties at '/' are 'model,input'"),
        ({"model": MINILM, "input": "a"}, "Type mismatch of '/input', 'object' not in 'string'"),
        ({"model": 5, "input": {}}, "Type mismatch of '/model', 'string' not in 'integer'"),
        ({"model": MINILM, "input": {"text": "a", "pooling": "max"}}, "'/pooling' must be one of"),
        ({"model": MINILM, "input": {"text": "a", "prompt_name": "q"}}, "'/prompt_name' is not"),
        ({"model": "@cf/no/such", "input": {"text": "a"}}, "No such model @cf/no/such or task"),
    ],
)
def test_what_is_wrong_is_named_as_on_the_other_path(
    server: Server, body: object, words: str
) -> None:
    answer = server.post(NAMED, body)
    assert answer.status == 400
    assert words in answer.json["errors"][0]["message"]
