import asyncio

import pytest
import requests
from conftest import MINILM, STORIES
from langchain_cloudflare.embeddings import CloudflareWorkersAIEmbeddings

Vectors = list[list[float]]


def cloudflare(url: str) -> CloudflareWorkersAIEmbeddings:
    from langchain_cloudflare.embeddings import CloudflareWorkersAIEmbeddings

    model, base = "@hf/sentence-transformers/all-minilm-l6-v2", f"{url}/client/v4/accounts"
    client = CloudflareWorkersAIEmbeddings(
        api_base_url=base, account_id="me", api_token="any", model_name=model
    )
    return client


def test_langchain_cloudflare_embeds(url: str, vectors: Vectors) -> None:
    assert cloudflare(url).embed_documents(STORIES) == vectors
    assert cloudflare(url).embed_query(STORIES[1]) == vectors[1]
    assert asyncio.run(cloudflare(url).aembed_documents(STORIES)) == vectors


def test_langchain_cloudflare_cuts_long_lists_itself(url: str, vectors: Vectors) -> None:
    assert cloudflare(url).embed_documents(STORIES * 60) == vectors * 60


def test_langchain_cloudflare_raises_what_the_server_refuses(url: str) -> None:
    client = cloudflare(url)
    with pytest.raises(requests.HTTPError) as raised:
        client.embed_documents([""])
    assert raised.value.response.json()["errors"][0]["code"] == 5006


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_langchain_community_embeds(url: str, vectors: Vectors) -> None:
    from langchain_community.embeddings.cloudflare_workersai import CloudflareWorkersAIEmbeddings

    client = CloudflareWorkersAIEmbeddings(
        api_base_url=f"{url}/client/v4/accounts",
        account_id="me",
        api_token="any",
        model_name=MINILM,
    )
    assert client.embed_documents(STORIES) == vectors
    assert client.embed_query(STORIES[0]) == vectors[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_langchain_community_embeds_by_the_hugging_face_api(url: str, vectors: Vectors) -> None:
    from langchain_community.embeddings import HuggingFaceInferenceAPIEmbeddings

    model = f"{url}/models/sentence-transformers/all-MiniLM-L6-v2"
    client = HuggingFaceInferenceAPIEmbeddings(api_url=model, api_key="any")
    assert client.embed_documents(STORIES) == vectors
    assert client.embed_query(STORIES[0]) == vectors[0]


def test_langchain_huggingface_embeds(url: str, vectors: Vectors) -> None:
    from huggingface_hub import AsyncInferenceClient, InferenceClient
    from langchain_huggingface import HuggingFaceEndpointEmbeddings

    model = f"{url}/models/sentence-transformers/all-MiniLM-L6-v2"
    client = HuggingFaceEndpointEmbeddings(huggingfacehub_api_token="any")
    client.client = InferenceClient(model, token="any")
    assert client.embed_documents(STORIES) == [pytest.approx(each, abs=1e-7) for each in vectors]
    client.async_client = AsyncInferenceClient(model, token="any")
    found = asyncio.run(client.aembed_query(STORIES[1]))
    assert found == pytest.approx(vectors[1], abs=1e-7)
