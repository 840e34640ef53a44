"""The served models, in the format of each dialect. It reads manifests and opens no model."""

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from functions import page, redirects
from shared.errors import ModelNotInstalled, Unsupported
from shared.http.answers import answer
from shared.http.application import application
from shared.http.dialects import cloudflare, openai, tei
from shared.http.fields import Fields, number
from shared.http.lambda_adapter import lambda_handler
from shared.http.routing import endpoints, model_name
from shared.http.service import service
from shared.manifest import Manifest
from shared.names import Catalogue, key

SCHEMAS = json.loads(page.OPENAPI)["components"]["schemas"]
MOST_PER_PAGE = 100


async def names(request: Request) -> Response:
    """Return every name of every model that the embeddings requests of this dialect reach."""
    served = service(request).catalogue.served
    embedders = (each for each in served if "text-embeddings" in each.tasks)
    return answer(openai.models(name for each in embedders for name in each.names))


async def name(request: Request) -> Response:
    """One of these names, in any spelling."""
    asked = request.path_params["model"]
    manifest = _served(request, asked, "text-embeddings")
    return answer(openai.model(next(each for each in manifest.names if key(each) == key(asked))))


async def search(request: Request) -> Response:
    """Return the served models that match `search`, `task`, `author` and `source`, in pages."""
    query = dict(request.query_params)
    if "format" in query:
        raise Unsupported("/format", "Models are listed in Cloudflare's own format only.")
    page, per_page = number(query, "page", 1), number(query, "per_page", MOST_PER_PAGE)
    served = service(request).catalogue.served
    found = [cloudflare.model(each) for each in served if matches(each, query)]
    return answer(cloudflare.paged(found, page, min(per_page, MOST_PER_PAGE)))


async def schema(request: Request) -> Response:
    """Return the JSON Schemas of a model's input and output on Cloudflare's routes."""
    query = Fields(dict(request.query_params))
    query.require(["model"])
    manifest = service(request).catalogue.find(query.text("model"))
    settings = service(request).settings
    each = [cloudflare.schemas(task, manifest, SCHEMAS, settings) for task in manifest.tasks]
    sides = {side: [found[side] for found in each] for side in ("input", "output")}
    shown = {side: of[0] if len(of) == 1 else {"anyOf": of} for side, of in sides.items()}
    return answer(cloudflare.success(shown))


async def info(request: Request) -> Response:
    """Describe one model in the format of Text Embeddings Inference."""
    catalogue, settings = service(request).catalogue, service(request).settings
    by_default = catalogue.default("text-embeddings") or catalogue.default("text-classification")
    return answer(tei.info(_served(request, model_name(request) or by_default), settings))


def _served(request: Request, name: str, task: str = "") -> Manifest:
    """The served model of a name. Raises UnknownModel or ModelNotInstalled."""
    catalogue = service(request).catalogue
    manifest = catalogue.find(name, task)
    if manifest not in catalogue.served:
        raise ModelNotInstalled(name, f"textfn models pull {manifest.id}")
    return manifest


def matches(manifest: Manifest, query: Mapping[str, str]) -> bool:
    """Tell whether a search finds a model.

    The parameters for experimental and deprecated models change nothing: no model here is either.
    """
    names = [name.lower() for name in (*manifest.names, *manifest.stands_in_for)]
    authors = {"", *(part for name in names for part in name.lstrip("@").split("/")[:-1])}
    tasks = {"", *(cloudflare.TASKS[task][0].lower() for task in manifest.tasks)}
    return (
        query.get("search", "").lower() in "\n".join([*names, manifest.description.lower()])
        and query.get("author", "").lower() in authors
        and query.get("task", "").lower() in tasks
        and query.get("source", "") in ("", "1", "1.0")
    )


routes = endpoints(
    {"models": names, "model": name, "search": search, "schema": schema, "info": info}
)
app = application(*page.routes, *routes, *redirects.routes)
handler = lambda_handler(app, Catalogue.read, __name__)
