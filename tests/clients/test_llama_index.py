import asyncio

from conftest import STORIES


def test_llama_index_embeds(url: str, vectors: list[list[float]]) -> None:
    from llama_index.embeddings.cloudflare_workersai import CloudflareEmbedding, base

    base.API_URL_TEMPLATE = url + "/client/v4/accounts/{}/ai/run/{}"
    model = "@hf/sentence-transformers/all-minilm-l6-v2"
    client = CloudflareEmbedding(account_id="me", auth_token="any", model=model)
    assert client.get_text_embedding_batch(STORIES) == vectors
    assert client.get_query_embedding(STORIES[1]) == vectors[1]
    assert asyncio.run(client.aget_text_embedding(STORIES[0])) == vectors[0]
