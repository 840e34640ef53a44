"""Texts -> labels with scores, best first."""

from starlette.requests import Request
from starlette.responses import Response

from shared.http.answers import answer
from shared.http.application import application
from shared.http.body import json_object
from shared.http.computing import compute
from shared.http.dialects import cloudflare, huggingface, tei
from shared.http.fields import (
    choice,
    flag,
    integer,
    is_batch,
    not_queued,
    options,
    require,
    sequences,
    text,
    text_or_texts,
    truncation,
)
from shared.http.lambda_adapter import lambda_handler
from shared.http.routing import asked, post
from shared.inference.library import Library
from shared.inference.numerics import Array

library = Library("text-classification")
MOST = 2048
FUNCTIONS = ["softmax", "sigmoid", "none"]


async def run(request: Request) -> Response:
    """{"text": str} -> [{"label", "score"}]"""
    body = await json_object(request)
    model = library[request.path_params["model"]]
    not_queued(body, request.query_params)
    require(body, ["text"])
    result = await compute(request, model.classify, [text(body, "text")])
    return answer(cloudflare.success(ranked(model.manifest.labels, result.values[0])), result)


async def classify(request: Request) -> Response:
    """{"inputs": str | [str], "top_k"?, "function_to_apply"?} -> [[{"label", "score"}]]"""
    body = options(await json_object(request))
    model = library[request.path_params["model"]]
    require(body, ["inputs"])
    texts, cut = text_or_texts(body, "inputs", MOST), truncation(body)
    top_k, apply = integer(body, "top_k"), choice(body, "function_to_apply", FUNCTIONS)
    result = await compute(request, model.classify, texts, apply=apply, truncation=cut)
    return answer([ranked(model.manifest.labels, row)[:top_k] for row in result.values], result)


async def predict(request: Request) -> Response:
    """{"inputs": str | [[str]], "raw_scores"?} -> [{"score", "label"}], of a batch [[...]]"""
    body = await json_object(request)
    model = library.chosen(asked(request))
    require(body, ["inputs"])
    texts, cut = sequences(body, "inputs", MOST), truncation(body)
    apply = "none" if flag(body, "raw_scores") else "softmax"
    result = await compute(request, model.classify, texts, apply=apply, truncation=cut)
    lists = [ranked(model.manifest.labels, row) for row in result.values]
    return answer(lists if is_batch(body["inputs"]) else lists[0], result)


def ranked(labels: tuple[str, ...], scores: Array) -> list[dict[str, object]]:
    order = scores.argsort()[::-1]
    return [{"label": labels[index], "score": scores[index]} for index in order]


routes = [
    *post(huggingface.pipeline("text-classification"), classify),
    *post([tei.PREDICT], predict),
]
app = application(*routes, *post(cloudflare.RUN, run), *post(huggingface.BARE, classify))
handler = lambda_handler(app)
