"""A text and sentences -> the cosine of each sentence with the text.

A bare URL names a model, not a task, so what is no similarity request is one for vectors.
"""

from starlette.requests import Request
from starlette.responses import Response

from functions import text_embeddings
from shared.errors import WrongType
from shared.http.answers import answer
from shared.http.application import application
from shared.http.body import json_object
from shared.http.computing import compute
from shared.http.dialects import cloudflare, huggingface, tei
from shared.http.fields import not_queued, options, require, some, text, texts, truncation
from shared.http.lambda_adapter import lambda_handler
from shared.http.routing import asked, post
from shared.inference.library import Library
from shared.settings import settings

library = Library("sentence-similarity")
MOST = 2048


async def run(request: Request) -> Response:
    """{"source": str, "sentences": [str]} -> [number]; a `text` serves as a missing `source`"""
    body = await json_object(request)
    if body and not body.keys() & {"source", "sentences"}:
        return await text_embeddings.run(request)
    model = library[request.path_params["model"]]
    not_queued(body, request.query_params)
    body = {"source": body["text"], **body} if "text" in body else body
    require(body, ["source", "sentences"])
    source, sentences = text(body, "source"), texts(body, "sentences", settings.max_texts)
    result = await compute(request, model.similarity, source, sentences)
    return answer(cloudflare.success(result.values), result)


async def similarity(request: Request) -> Response:
    """{"inputs": {"source_sentence": str, "sentences": [str]}} -> [number]; or the inner object"""
    body = options(await json_object(request))
    model = library.chosen(asked(request))
    inputs = body.get("inputs", body)
    if not isinstance(inputs, dict):
        raise WrongType("/inputs", ["object"], inputs)
    if "sourceSentence" in inputs:  # as the documents' table spells it, their examples do not
        inputs = {"source_sentence": inputs["sourceSentence"], **inputs}
    require(inputs, ["source_sentence", "sentences"])
    source, sentences = text(inputs, "source_sentence"), texts(inputs, "sentences", MOST)
    how = {"truncation": truncation(body)}
    some(sentences, "inputs/sentences")
    result = await compute(request, model.similarity, source, sentences, **how)
    return answer(result.values, result)


async def bare(request: Request) -> Response:
    """A string or a list of `inputs` asks for vectors, anything else for similarity."""
    body = await json_object(request)
    if isinstance(body.get("inputs"), str | list):
        return await text_embeddings.feature_extraction(request)
    return await similarity(request)


routes = [
    *post(huggingface.pipeline("sentence-similarity"), similarity),
    *post([tei.SIMILARITY], similarity),
]
app = application(
    *routes,
    *text_embeddings.routes,
    *post(cloudflare.RUN, run),
    *post(huggingface.BARE, bare),
)
handler = lambda_handler(app)
