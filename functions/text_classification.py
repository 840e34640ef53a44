"""Texts -> labels with scores, best first."""

from starlette.requests import Request
from starlette.responses import Response

from functions.opened import models
from shared.http.answers import answer
from shared.http.application import application
from shared.http.computing import compute
from shared.http.dialects import cloudflare
from shared.http.fields import MOST_TEXTS, Fields
from shared.http.lambda_adapter import lambda_handler
from shared.http.routing import Form, forms, model_name, named, reads
from shared.inference.library import Library
from shared.inference.numerics import FUNCTIONS, Array
from shared.manifest import Manifest

TASK = "text-classification"


@reads(TASK)
async def run(request: Request, fields: Fields) -> Response:
    """{"text": str} -> [{"label", "score"}]"""
    model = models(request, TASK)[request.path_params["model"]]
    fields.require(["text"])
    result = await compute(request, fields, model.classify, [fields.text("text")])
    return answer(cloudflare.success(ranked(model.manifest.labels, result.values[0])), result)


@reads(TASK)
async def classify(request: Request, fields: Fields) -> Response:
    """{"inputs": str | [str], "top_k"?, "function_to_apply"?} -> [[{"label", "score"}]]"""
    model = models(request, TASK)[request.path_params["model"]]
    fields.require(["inputs"])
    texts, truncation = fields.text_or_texts("inputs", MOST_TEXTS), fields.truncation()
    top_k = fields.integer("top_k") or (1 if fields.flag("return_all_scores") is False else None)
    apply = fields.any_case("function_to_apply").choice(
        "function_to_apply", functions(model.manifest)
    )
    how = {"apply": apply, "truncation": truncation}
    result = await compute(request, fields, model.classify, texts, **how)
    return answer([ranked(model.manifest.labels, row)[:top_k] for row in result.values], result)


@reads(TASK)
async def predict(request: Request, fields: Fields) -> Response:
    """{"inputs": str | [[str]], "raw_scores"?} -> [{"score", "label"}]; [[...]] for a batch"""
    model = models(request, TASK)[model_name(request)]
    fields.require(["inputs"])
    texts, truncation = fields.sequences("inputs", MOST_TEXTS), fields.truncation()
    how = {"apply": "none" if fields.flag("raw_scores") else "", "truncation": truncation}
    result = await compute(request, fields, model.classify, texts, **how)
    lists = [ranked(model.manifest.labels, row) for row in result.values]
    return answer(lists if fields.is_batch("inputs") else lists[0], result)


def functions(manifest: Manifest) -> list[str]:
    """Return the functions that make scores of logits, the model's own first."""
    return sorted(FUNCTIONS, key=lambda name: name != manifest.function)


def ranked(labels: tuple[str, ...], scores: Array) -> list[dict[str, object]]:
    """Return the labels of one text with its scores, float32 [labels], best first."""
    order = scores.argsort()[::-1]
    return [{"label": labels[index], "score": scores[index]} for index in order]


FORMS: dict[str, Form] = {
    "run": run,
    "run-named": named(run),
    "root": predict,
    "bare": classify,
    "text-classification": classify,
    "predict": predict,
}
app = application(*forms(FORMS))
handler = lambda_handler(app, Library, __name__)
