import os

import pytest
from conftest import STORIES

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it fetches a list of prices otherwise
import litellm


def test_litellm_embeds_by_the_openai_route(url: str, vectors: list[list[float]]) -> None:
    import litellm

    model, base = "openai/@hf/sentence-transformers/all-minilm-l6-v2", f"{url}/v1"
    answer = litellm.embedding(model, input=STORIES, api_base=base, api_key="any")
    assert [each["embedding"] for each in answer.data] == [
        pytest.approx(each, abs=1e-7) for each in vectors
    ]
    assert answer.usage.prompt_tokens == 20


def test_litellm_raises_what_the_server_refuses(url: str) -> None:
    with pytest.raises(litellm.NotFoundError, match="No such model"):
        litellm.embedding("openai/nothing", input="a", api_base=f"{url}/v1", api_key="any")


def test_litellm_embeds_by_the_hugging_face_api(url: str, vectors: list[list[float]]) -> None:
    model = f"{url}/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction"
    answer = litellm.embedding(
        "huggingface/minilm",
        input=STORIES,
        input_type="feature-extraction",
        api_base=model,
        api_key="any",
    )
    assert [each["embedding"] for each in answer.data] == vectors
