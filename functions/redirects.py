"""Another function's path that the gateway could not match: a redirect to one that it can."""

from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import ModelNotInstalled
from shared.http.dialects import cloudflare, huggingface, openai, tei
from shared.http.routing import post
from shared.manifest import Manifest, find, key, served


async def elsewhere(request: Request) -> Response:
    """Another function's path as the gateway could not match it: 308 to one that it can.

    That one ends in no slash and has the model's id, which has no "@" and no "/" that somebody on
    the way might write in another way.
    """
    path, params = request.scope["path"], request.path_params
    if name := params.get("model"):
        manifest = find(name)
        if not answers(manifest) or (name == manifest.id and not request.state.slash):
            raise ModelNotInstalled(name, f"textfn models pull {manifest.id}")
        pattern = request.scope["route"].path.replace("{model:path}", "{model}")
        path = pattern.format(**params | {"model": manifest.id})
    elif not request.state.slash:
        raise HTTPException(404)
    query = urlencode(request.query_params.multi_items())
    return Response(None, 308, {"location": f"{quote(path)}?{query}" if query else quote(path)})


def answers(manifest: Manifest) -> bool:
    """Whether the model or one that stands in for it is served."""
    names = {key(name) for name in manifest.names}
    return any(each == manifest or names & set(map(key, each.stands_in_for)) for each in served())


# For the paths that other functions serve: only a deployment sends them here, for want of a match.
TASKS = ("feature-extraction", "sentence-similarity", "text-classification")
routes = post(
    [
        *tei.POSTED,
        *openai.EMBEDDINGS,
        *huggingface.pipeline(*TASKS),
        *cloudflare.RUN,
        *huggingface.BARE,
    ],
    elsewhere,
)
