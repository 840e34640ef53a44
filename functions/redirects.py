"""Redirects to other functions, for paths that the gateway of a deployment could not match."""

from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.errors import ModelNotInstalled
from shared.http import dialects
from shared.http.service import service
from shared.names import standing_in


async def elsewhere(request: Request) -> Response:
    """Redirect (308) to the same path in a spelling that the gateway matches.

    That spelling ends without a slash and names the model by its id. An id has no "@" and no "/",
    which clients and proxies may encode. Raises UnknownModel, ModelNotInstalled or HTTPException.
    """
    path, params = request.scope["path"], request.path_params
    if name := params.get("model"):
        manifest = service(request).catalogue.find(name)
        is_spelled = name == manifest.id and not request.state.slash
        if is_spelled or not _is_answered(request, manifest.names):
            raise ModelNotInstalled(name, f"textfn models pull {manifest.id}")
        pattern = request.scope["route"].path.replace("{model:path}", "{model}")
        path = pattern.format(**params | {"model": manifest.id})
    elif not request.state.slash:
        raise HTTPException(404)
    path = request.scope["root_path"] + path.removeprefix(request.scope["root_path"])
    query = urlencode(request.query_params.multi_items())
    return Response(None, 308, {"location": f"{quote(path)}?{query}" if query else quote(path)})


def _is_answered(request: Request, names: tuple[str, ...]) -> bool:
    """Tell whether a model with these names, or one that stands in for it, is served."""
    served = service(request).catalogue.served
    return any(each.names == names for each in served) or standing_in(names, served) is not None


routes = [
    Route(path.pattern, elsewhere, methods=["POST"])
    for path in dialects.paths()
    if path.method == "POST"
]
