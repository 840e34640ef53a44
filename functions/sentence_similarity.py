"""A text and sentences -> the cosine of each sentence with the text.

A bare URL names a model and no task, so the body decides: similarity, or else vectors.
"""

from starlette.requests import Request
from starlette.responses import Response

from functions import text_embeddings
from functions.opened import models
from shared.errors import WrongType
from shared.http.answers import answer
from shared.http.application import application
from shared.http.computing import compute
from shared.http.dialects import cloudflare
from shared.http.fields import MOST_TEXTS, Fields
from shared.http.lambda_adapter import lambda_handler
from shared.http.routing import Form, forms, model_name, named, reads
from shared.http.service import service
from shared.inference.library import Library

TASK = "sentence-similarity"


@reads(TASK)
async def run(request: Request, fields: Fields) -> Response:
    """{"source": str, "sentences": [str]} -> [number]. `text` replaces a missing `source`."""
    model = models(request, TASK)[request.path_params["model"]]
    if "text" in fields:
        fields = fields.with_defaults(source=fields["text"])
    fields.require(["source", "sentences"])
    source = fields.text("source")
    sentences = fields.texts("sentences", service(request).settings.max_texts)
    pooling = cloudflare.poolings(model.manifest)[0]
    result = await compute(request, fields, model.similarity, source, sentences, pooling=pooling)
    return answer(cloudflare.success(result.values), result)


@reads(TASK)
async def similarity(request: Request, fields: Fields) -> Response:
    """{"inputs": {"source_sentence": str, "sentences": [str]}} -> [number]; or the inner object"""
    model = models(request, TASK)[model_name(request)]
    given = fields["inputs"] if "inputs" in fields else fields.body
    if not isinstance(given, dict):
        raise WrongType("/inputs", ["object"], given)
    inputs = Fields(given)
    if "sourceSentence" in inputs:  # so in the table of their docs, not in the examples
        inputs = inputs.with_defaults(source_sentence=inputs["sourceSentence"])
    inputs.require(["source_sentence", "sentences"])
    source, truncation = inputs.text("source_sentence"), fields.truncation()
    sentences = inputs.some_texts("sentences", MOST_TEXTS, "inputs/sentences")
    how = {"truncation": truncation, "prompt_name": fields.prompt_name(model.manifest.prompts)}
    result = await compute(request, fields, model.similarity, source, sentences, **how)
    return answer(result.values, result)


def similarity_or_vectors(request: Request, fields: Fields) -> Form:
    """`source` or `sentences` ask for similarity, any other field asks for vectors."""
    asks_for_vectors = fields.body and not fields.has_any("source", "sentences")
    return text_embeddings.run if asks_for_vectors else run


def by_inputs(request: Request, fields: Fields) -> Form:
    """If `inputs` is a string or a list, it asks for vectors, anything else for similarity."""
    asks_for_vectors = isinstance(fields.get("inputs"), str | list)
    return text_embeddings.feature_extraction if asks_for_vectors else similarity


def by_root_inputs(request: Request, fields: Fields) -> Form:
    """An object as `inputs` asks for similarity, anything else for vectors of unit length."""
    return similarity if isinstance(fields.get("inputs"), dict) else text_embeddings.embed


FORMS: dict[str, Form] = {
    "run": similarity_or_vectors,
    "run-named": named(similarity_or_vectors),
    "root": by_root_inputs,
    "bare": by_inputs,
    "sentence-similarity": similarity,
    "similarity": similarity,
}
app = application(*forms({**text_embeddings.FORMS, **FORMS}))
handler = lambda_handler(app, Library, __name__)
