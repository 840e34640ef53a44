"""Texts -> vectors."""

from starlette.requests import Request
from starlette.responses import Response

from shared.dialects import cloudflare, huggingface, openai
from shared.errors import Unsupported
from shared.lambda_adapter import lambda_handler
from shared.library import Library
from shared.payload import choice, flag, require, text, text_or_texts
from shared.settings import settings
from shared.web import answer, application, compute, json_object, post

library = Library("text-embeddings")
MOST = 2048  # texts outside of Cloudflare's routes: OpenAI's limit


async def run(request: Request) -> Response:
    """{"text": str | [str], "pooling"?} -> {"shape", "data", "pooling"}"""
    body = await json_object(request)
    model = library[request.path_params["model"]]
    require(body, ["text"], ["requests"])
    if "requests" in body:
        raise Unsupported("/requests", "Batches are not served here: send one request a batch.")
    texts = text_or_texts(body, "text", settings.max_texts)
    pooling = choice(body, "pooling", model.manifest.pooling)
    result = await compute(request, model.embed, texts, pooling=pooling)
    shaped = {"shape": result.values.shape, "data": result.values, "pooling": pooling}
    return answer(cloudflare.success(shaped), result)


async def feature_extraction(request: Request) -> Response:
    """{"inputs": str | [str], "normalize"?} -> [number] for a text, [[number]] for a list"""
    body = await json_object(request)
    model = library[request.path_params["model"]]
    require(body, ["inputs"])
    texts, normalize = text_or_texts(body, "inputs", MOST), flag(body, "normalize")
    result = await compute(request, model.embed, texts, normalize=normalize)
    return answer(result.values if isinstance(body["inputs"], list) else result.values[0], result)


async def embeddings(request: Request) -> Response:
    """{"model": str, "input": str | [str], "encoding_format"?, "dimensions"?} -> list"""
    body = await json_object(request)
    require(body, ["model", "input"])
    model = library[text(body, "model")]
    if _is_token_ids(body["input"]):
        raise Unsupported(
            "/input", "Send texts, not token ids (LangChain: check_embedding_ctx_length=False)."
        )
    encoding = choice(body, "encoding_format", ["float", "base64"])
    if body.get("dimensions") not in (None, model.manifest.dimensions):
        raise Unsupported(
            "/dimensions", f"This model has {model.manifest.dimensions} dimensions, no others."
        )
    result = await compute(request, model.embed, text_or_texts(body, "input", MOST))
    listed = openai.embeddings(body["model"], result.values, encoding, result.tokens)
    return answer(listed, result)


def _is_token_ids(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(each, int | list) for each in value)


routes = [
    *post(huggingface.pipeline("feature-extraction"), feature_extraction),
    *post(openai.EMBEDDINGS, embeddings),
]
app = application(
    *post([cloudflare.RUN], run), *routes, *post(huggingface.BARE, feature_extraction)
)
handler = lambda_handler(app)
