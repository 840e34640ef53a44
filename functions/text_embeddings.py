"""Texts -> vectors."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from functions import tokenize
from shared.http.answers import answer, fits
from shared.http.application import application
from shared.http.body import json_object
from shared.http.computing import compute
from shared.http.dialects import cloudflare, huggingface, openai, tei
from shared.http.fields import (
    Body,
    choice,
    flag,
    no_token_ids,
    not_queued,
    options,
    own_dimensions,
    require,
    some,
    text,
    text_or_texts,
    truncation,
)
from shared.http.lambda_adapter import lambda_handler
from shared.http.routing import asked, post
from shared.inference.library import Library
from shared.inference.model import Model
from shared.inference.result import Result
from shared.settings import settings

library = Library("text-embeddings")
MOST = 2048  # texts outside of Cloudflare's routes: OpenAI's limit
BYTES = {"float": 16, "base64": 6}  # at most, for a number in an answer


async def run(request: Request) -> Response:
    """{"text": str | [str], "pooling"?} -> {"shape", "data", "pooling"}"""
    body = await json_object(request)
    model = library[request.path_params["model"]]
    not_queued(body, request.query_params)
    require(body, ["text"], ["requests"])
    texts = text_or_texts(body, "text", settings.max_texts)
    pooling = choice(body, "pooling", model.manifest.pooling)
    result = await _vectors(request, model, texts, pooling=pooling)
    shaped = {"shape": result.values.shape, "data": result.values, "pooling": pooling}
    return answer(cloudflare.success(shaped), result)


async def feature_extraction(request: Request) -> Response:
    """{"inputs": str | [str], "normalize"?} -> [number] for a text, [[number]] for a list"""
    body = options(await json_object(request))
    result = await _features(request, body)
    return answer(result.values if isinstance(body["inputs"], list) else result.values[0], result)


async def embed(request: Request) -> Response:
    """{"inputs": str | [str], "normalize"?} -> [[number]], of unit length unless asked"""
    result = await _features(request, {"normalize": True, **await json_object(request)})
    return answer(result.values, result)


async def embeddings(request: Request) -> Response:
    """{"model": str, "input": str | [str], "encoding_format"?, "dimensions"?} -> list"""
    body = await json_object(request)
    if "model" not in body and request.url.path in openai.SERVER:
        body = {"model": library.chosen(asked(request)).manifest.id, **body}
    require(body, ["model", "input"])
    model = library[text(body, "model")]
    own_dimensions(body, model.manifest.dimensions)
    encoding = choice(body, "encoding_format", list(BYTES))
    texts = text_or_texts(no_token_ids(body, "input"), "input", MOST)
    result = await _vectors(request, model, texts, BYTES[encoding])
    listed = openai.embeddings(body["model"], result.values, encoding, result.tokens)
    return answer(listed, result)


async def _features(request: Request, body: Body) -> Result:
    model = library.chosen(asked(request))
    require(body, ["inputs"])
    own_dimensions(body, model.manifest.dimensions)
    texts, normalize = some(text_or_texts(body, "inputs", MOST), "inputs"), flag(body, "normalize")
    cut = truncation(body)
    return await _vectors(request, model, texts, normalize=normalize, truncation=cut)


async def _vectors(
    request: Request, model: Model, texts: list[str], width: int = BYTES["float"], **how: Any
) -> Result:
    fits(len(texts), model.manifest.dimensions * width)
    return await compute(request, model.embed, texts, **how)


routes = [
    *post(huggingface.pipeline("feature-extraction"), feature_extraction),
    *post(openai.EMBEDDINGS, embeddings),
    *post([tei.EMBED], embed),
    *tokenize.routes,
]
app = application(*routes, *post(cloudflare.RUN, run), *post(huggingface.BARE, feature_extraction))
handler = lambda_handler(app)
