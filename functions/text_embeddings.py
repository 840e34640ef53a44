"""Texts -> vectors."""

from starlette.requests import Request
from starlette.responses import Response

from functions import tokenize
from functions.opened import models
from shared.errors import MissingField
from shared.http.answers import answer, check_answer_fits
from shared.http.application import application
from shared.http.computing import compute
from shared.http.dialects import cloudflare, openai
from shared.http.fields import MOST_TEXTS, Fields
from shared.http.lambda_adapter import lambda_handler
from shared.http.routing import Form, forms, model_name, named, reads
from shared.http.service import service
from shared.inference.library import Library
from shared.inference.result import Result

TASK = "text-embeddings"
BYTES = {"float": 16, "base64": 6}  # the most that one number takes in an answer


@reads(TASK)
async def run(request: Request, fields: Fields) -> Response:
    """{"text": str | [str], "pooling"?} -> {"shape", "data", "pooling"}"""
    model = models(request, TASK)[request.path_params["model"]]
    if "text" not in fields:
        raise MissingField(["text"], ["requests"], given=fields.body)
    fields.check_dimensions(model.manifest.dimensions)
    texts = fields.text_or_texts("text", service(request).settings.max_texts)
    pooling = fields.choice("pooling", cloudflare.poolings(model.manifest))
    check_answer_fits(request, len(texts), model.manifest.dimensions * BYTES["float"])
    how = {"pooling": pooling, "truncation": fields.truncation("truncate_inputs")}
    result = await compute(request, fields, model.embed, texts, **how)
    shaped = {"shape": result.values.shape, "data": result.values, "pooling": pooling}
    return answer(cloudflare.success(shaped), result)


@reads(TASK)
async def feature_extraction(request: Request, fields: Fields) -> Response:
    """{"inputs": str | [str], "normalize"?} -> [number] for a text, [[number]] for a list"""
    result = await _features(request, fields)
    return answer(result.values if isinstance(fields["inputs"], list) else result.values[0], result)


@reads(TASK)
async def embed(request: Request, fields: Fields) -> Response:
    """{"inputs": str | [str], "normalize"?} -> [[number]], of unit length by default"""
    result = await _features(request, fields.with_defaults(normalize=True))
    return answer(result.values, result)


@reads(TASK)
async def embeddings(request: Request, fields: Fields) -> Response:
    """{"model": str, "input": str | [str], "encoding_format"?, "dimensions"?} -> OpenAI's list"""
    path = request.scope["route"].path
    if "model" not in fields and (path in openai.SERVER or "model" in request.path_params):
        named = models(request, TASK)[model_name(request)].manifest.id
        fields = fields.with_defaults(model=named)
    fields.require(["model", "input"])
    model = models(request, TASK)[fields.text("model")]
    fields.check_dimensions(model.manifest.dimensions)
    encoding = fields.choice("encoding_format", list(BYTES))
    fields.check_no_token_ids("input")
    texts = fields.text_or_texts("input", MOST_TEXTS)
    check_answer_fits(request, len(texts), model.manifest.dimensions * BYTES[encoding])
    pooling = openai.pooling(path, model.manifest)
    result = await compute(request, fields, model.embed, texts, pooling=pooling)
    listed = openai.embeddings(fields["model"], result.values, encoding, result.tokens)
    return answer(listed, result)


async def _features(request: Request, fields: Fields) -> Result:
    model = models(request, TASK)[model_name(request)]
    fields.require(["inputs"])
    fields.check_dimensions(model.manifest.dimensions)
    texts = fields.text_or_some_texts("inputs", MOST_TEXTS)
    how = {
        "normalize": fields.flag("normalize"),
        "truncation": fields.truncation(),
        "prompt_name": fields.prompt_name(model.manifest.prompts),
    }
    check_answer_fits(request, len(texts), model.manifest.dimensions * BYTES["float"])
    return await compute(request, fields, model.embed, texts, **how)


FORMS: dict[str, Form] = {
    "run": run,
    "run-named": named(run),
    "root": embed,
    "bare": feature_extraction,
    "feature-extraction": feature_extraction,
    "embeddings": embeddings,
    "embed": embed,
    "tokenize": tokenize.tokenize,
}
app = application(*forms(FORMS))
handler = lambda_handler(app, Library, __name__)
