"""Texts -> labels with probabilities, best first."""

from starlette.requests import Request
from starlette.responses import Response

from shared.dialects import cloudflare, huggingface
from shared.lambda_adapter import lambda_handler
from shared.library import Library
from shared.model import Array
from shared.payload import require, text, text_or_texts
from shared.web import answer, application, compute, json_object, post

library = Library("text-classification")
MOST = 2048


async def run(request: Request) -> Response:
    """{"text": str} -> [{"label", "score"}]"""
    body = await json_object(request)
    model = library[request.path_params["model"]]
    require(body, ["text"])
    result = await compute(request, model.classify, [text(body, "text")])
    return answer(cloudflare.success(ranked(model.manifest.labels, result.values[0])), result)


async def classify(request: Request) -> Response:
    """{"inputs": str | [str]} -> [[{"label", "score"}]], one list a text"""
    body = await json_object(request)
    model = library[request.path_params["model"]]
    require(body, ["inputs"])
    result = await compute(request, model.classify, text_or_texts(body, "inputs", MOST))
    return answer([ranked(model.manifest.labels, each) for each in result.values], result)


def ranked(labels: tuple[str, ...], probabilities: Array) -> list[dict[str, object]]:
    order = probabilities.argsort()[::-1]
    return [{"label": labels[index], "score": probabilities[index]} for index in order]


routes = post(huggingface.pipeline("text-classification"), classify)
app = application(*post([cloudflare.RUN], run), *routes, *post(huggingface.BARE, classify))
handler = lambda_handler(app)
