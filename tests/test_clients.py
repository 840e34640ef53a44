"""The Python SDKs, unmodified; tests/clients has the others, which need environments of their own.

The lines that point a client here are those of docs/clients.md.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cloudflare
import huggingface_hub
import numpy as np
import openai
import pytest
from cloudflare import AsyncCloudflare, Cloudflare
from conftest import Server
from huggingface_hub import AsyncInferenceClient, InferenceClient
from openai import AsyncOpenAI, OpenAI

MINILM = "@hf/sentence-transformers/all-minilm-l6-v2"
HAPPY = "That is a happy person"
SENTENCES = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]
PUBLISHED = [0.69457736, 0.94291490, 0.25687605]
GREAT = "This pizza is great!"
STORIES = ["This is a story about an orange cloud", "This is a story about a llama"]


@pytest.fixture
def url(server: Server) -> str:
    return server.url


@pytest.fixture
def vectors(server: Server) -> Any:
    """What plain HTTP answers, for comparison."""
    answer = server.post(f"/client/v4/accounts/me/ai/run/{MINILM}", {"text": STORIES})
    return np.array(answer.json["result"]["data"], np.float32)


def finished(work: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: asyncio.run drops the event loop that Mangum made in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def workers_ai(url: str) -> Cloudflare:
    from cloudflare import Cloudflare

    client = Cloudflare(base_url=f"{url}/client/v4", api_token="any")
    return client


def inference(url: str) -> InferenceClient:
    from huggingface_hub import InferenceClient

    client = InferenceClient(f"{url}/models/sentence-transformers/all-MiniLM-L6-v2", token="any")
    return client


def embeddings(url: str) -> OpenAI:
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/client/v4/accounts/me/ai/v1", api_key="any")
    return client


def test_cloudflare_embeds(url: str, vectors: Any) -> None:
    with workers_ai(url) as client:
        result = client.ai.run(MINILM, account_id="me", text=STORIES)
    assert result["shape"] == [2, 384]
    assert np.array_equal(np.array(result["data"], np.float32), vectors)


def test_cloudflare_compares(url: str) -> None:
    with workers_ai(url) as client:
        body = {"source": HAPPY, "sentences": SENTENCES}
        scores = client.ai.run(MINILM, account_id="me", extra_body=body)
    assert scores == pytest.approx(PUBLISHED, abs=0.02)


def test_cloudflare_classifies(url: str) -> None:
    with workers_ai(url) as client:
        best, other = client.ai.run("@test/tiny-sentiment", account_id="me", text=GREAT)
    assert (best.label, other.label) == ("POSITIVE", "NEGATIVE")
    assert best.score > 0.9
    assert best.score + other.score == pytest.approx(1, abs=1e-6)


def test_cloudflare_reads_the_errors(url: str) -> None:
    with workers_ai(url) as client:
        with pytest.raises(cloudflare.BadRequestError) as raised:
            client.ai.run(MINILM, account_id="me", extra_body={"text": 5})
        assert [each.code for each in raised.value.errors] == [5006]
        with pytest.raises(cloudflare.BadRequestError) as raised:
            client.ai.run("@cf/baai/bge-base-en-v1.5", account_id="me", text="hello")
        assert [each.code for each in raised.value.errors] == [5007]
        assert "textfn models pull bge-base-en-v1.5" in str(raised.value.body)


def test_cloudflare_lists_all_models_and_stops(url: str) -> None:
    with workers_ai(url) as client:
        listed = list(client.ai.models.list(account_id="me", per_page=1))
        schema = client.ai.models.schema.get(account_id="me", model=MINILM)
        token = client.user.tokens.verify()
    names = [each["name"] for each in listed]
    assert names.count(MINILM) == 1
    assert len(names) == len(set(names)) >= 3
    assert schema.to_dict()["input"]["anyOf"][0]["required"] == ["text"]
    assert token.status == "active"


def test_cloudflare_asynchronously(url: str, vectors: Any) -> None:
    async def ask() -> Any:
        async with AsyncCloudflare(base_url=f"{url}/client/v4", api_token="any") as client:
            return await client.ai.run(MINILM, account_id="me", text=STORIES)

    assert np.array_equal(np.array(finished(ask())["data"], np.float32), vectors)


def test_huggingface_hub_embeds(url: str, vectors: Any) -> None:
    with inference(url) as client:
        assert np.array_equal(client.feature_extraction(STORIES), vectors)
        assert np.array_equal(client.feature_extraction(STORIES[0]), vectors[0])
        raw = client.feature_extraction(STORIES[0], normalize=False)
    assert np.linalg.norm(raw) != pytest.approx(1, abs=0.05)


def test_huggingface_hub_compares(url: str) -> None:
    with inference(url) as client:
        scores = client.sentence_similarity(HAPPY, other_sentences=SENTENCES)
    assert scores == pytest.approx(PUBLISHED, abs=0.02)


def test_huggingface_hub_classifies(url: str) -> None:
    for path in (
        "/models/test/tiny-sentiment",
        "/hf-inference/models/test/tiny-sentiment/pipeline/text-classification",
    ):
        with InferenceClient(url + path, token="any") as client:
            best, other = client.text_classification(GREAT)
            (only,) = client.text_classification(GREAT, top_k=1)
            raw = client.text_classification(GREAT, function_to_apply="none")
        assert (best.label, other.label, only.label) == ("POSITIVE", "NEGATIVE", "POSITIVE")
        assert best.score > 0.9
        assert raw[0].score != best.score


def test_huggingface_hub_reads_the_errors(url: str) -> None:
    long = "hello " * 300
    with inference(url) as client:
        with pytest.raises(huggingface_hub.errors.HfHubHTTPError) as raised:
            client.feature_extraction(long, truncate=False)
        assert "has 302 tokens; this model takes 256" in str(raised.value)
        kept = client.feature_extraction("one " * 300 + long, truncation_direction="left")
        assert np.array_equal(kept, client.feature_extraction("hello " * 254))
    with InferenceClient(f"{url}/models/clips/mfaq", token="any") as client:
        with pytest.raises(huggingface_hub.errors.HfHubHTTPError) as raised:
            client.sentence_similarity(HAPPY, other_sentences=SENTENCES)
    assert "textfn models pull mfaq" in str(raised.value)


def test_huggingface_hub_asynchronously(url: str) -> None:
    async def ask() -> list[float]:
        model = f"{url}/models/sentence-transformers/all-mpnet-base-v2"
        async with AsyncInferenceClient(model, token="any") as client:
            return await client.sentence_similarity(HAPPY, other_sentences=SENTENCES)

    assert finished(ask()) == pytest.approx(PUBLISHED, abs=0.02)


def test_openai_embeds(url: str, vectors: Any) -> None:
    with embeddings(url) as client:
        encoded = client.embeddings.create(model=MINILM, input=STORIES)
        floats = client.embeddings.create(model=MINILM, input=STORIES, encoding_format="float")
    for answer in (encoded, floats):
        found = np.array([each.embedding for each in answer.data], np.float32)
        assert np.array_equal(found, vectors)
    assert encoded.usage.total_tokens == floats.usage.prompt_tokens == 20
    assert encoded.model == MINILM


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1", "all-minilm-l6-v2"),
        ("/v1/me/gateway/workers-ai/v1", MINILM),
        ("/v1/me/gateway/compat", f"workers-ai/{MINILM}"),
    ],
)
def test_openai_embeds_at_every_base(url: str, vectors: Any, path: str, model: str) -> None:
    with OpenAI(base_url=url + path, api_key="any") as client:
        answer = client.embeddings.create(model=model, input=STORIES)
    assert np.array_equal(np.array([each.embedding for each in answer.data], np.float32), vectors)


def test_openai_reads_the_errors_and_the_models(url: str) -> None:
    with embeddings(url) as client:
        with pytest.raises(openai.NotFoundError) as missing:
            client.embeddings.create(model="text-embedding-3-small", input="hello")
        with pytest.raises(openai.BadRequestError) as refused:
            client.embeddings.create(model=MINILM, input="hello", dimensions=8)
        names = [each.id for each in client.models.list()]
    assert missing.value.code == "model_not_found"
    assert refused.value.param == "dimensions"
    assert MINILM in names


def test_openai_asynchronously(url: str, vectors: Any) -> None:
    async def ask() -> Any:
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="any") as client:
            return await client.embeddings.create(model=MINILM, input=STORIES)

    found = [each.embedding for each in finished(ask()).data]
    assert np.array_equal(np.array(found, np.float32), vectors)


class Places:
    """Refuses once; says how often it was asked."""

    asked = 0

    def acquire(self, blocking: bool) -> bool:
        self.asked += 1
        return self.asked > 1

    def release(self) -> None:
        pass


def test_the_sdks_come_again_when_a_retry_makes_sense_and_only_then(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = server.service.host
    monkeypatch.setattr(host, "semaphore", places := Places())
    with workers_ai(url) as client:
        assert client.ai.run(MINILM, account_id="me", text="hello")["shape"] == [1, 384]
    assert places.asked == 2
    monkeypatch.setattr(host, "semaphore", places := Places())
    with embeddings(url) as client:
        assert len(client.embeddings.create(model=MINILM, input="hello").data[0].embedding) == 384
    assert places.asked == 2
    monkeypatch.setattr(host, "seconds_left", lambda *_: -1)
    with workers_ai(url) as client, pytest.raises(cloudflare.APIStatusError) as raised:
        client.ai.run(MINILM, account_id="me", text="never computed before")
    assert raised.value.status_code == 408
    assert places.asked == 3


def test_a_token_that_is_wrong_is_told_in_each_sdk_s_exception(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set(monkeypatch, tokens=frozenset([b"\0" * 32]))
    with workers_ai(server.url) as client, pytest.raises(cloudflare.AuthenticationError) as first:
        client.ai.run(MINILM, account_id="me", text="hello")
    assert [each.code for each in first.value.errors] == [10000]
    with embeddings(server.url) as client, pytest.raises(openai.AuthenticationError) as second:
        client.embeddings.create(model=MINILM, input="hello")
    assert second.value.code == "invalid_api_key"
    with inference(server.url) as client:
        with pytest.raises(huggingface_hub.errors.HfHubHTTPError) as third:
            client.feature_extraction("hello")
    assert third.value.response.status_code == 401
