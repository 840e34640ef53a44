"""All functions in one application, for a laptop. Here a gateway's part is done: a URL that names a
model goes to the function that has the model."""

from starlette.requests import Request
from starlette.responses import Response

from functions import (
    catalogue,
    page,
    readiness,
    sentence_similarity,
    text_classification,
    text_embeddings,
)
from shared.http.application import application
from shared.http.dialects import cloudflare, huggingface
from shared.http.routing import post


async def run(request: Request) -> Response:
    model = request.path_params["model"]
    if model in sentence_similarity.library:
        return await sentence_similarity.run(request)
    if model in text_classification.library:
        return await text_classification.run(request)
    return await text_embeddings.run(request)


async def bare(request: Request) -> Response:
    model = request.path_params["model"]
    if model in sentence_similarity.library:
        return await sentence_similarity.bare(request)
    if model in text_classification.library:
        return await text_classification.classify(request)
    return await text_embeddings.feature_extraction(request)


app = application(
    *text_embeddings.routes,
    *text_classification.routes,
    *sentence_similarity.routes,
    *page.routes,
    *catalogue.routes,
    *readiness.routes,
    *post(cloudflare.RUN, run),
    *post(huggingface.BARE, bare),
)
