"""Readiness: a check that the models compute the numbers that were published for them.

A load balancer asks a server for it. A Lambda function that cannot open its model never starts.
"""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.http.answers import answer
from shared.http.service import service
from shared.inference.library import Library
from shared.inference.references import missed

NO_MODEL = "No model is installed. Run `textfn models pull NAME`; `textfn models list` has names."


async def readyz(request: Request) -> Response:
    """Answer 200, or 503 with `reason`: no model, a pooling that cannot run, a missed reference.

    `missed` lists, per model, the origins of the references that it misses, and other faults.
    """
    library: Library = service(request).library
    call = service(request).host.call
    found = {each.manifest.id: await call(partial(missed, each)) for each in library.opened}
    faulty = [name for name in found if found[name]]
    if not found or faulty:
        reason = f"Not as published: {', '.join(faulty)}." if found else NO_MODEL
        return answer({"status": "not ready", "missed": found, "reason": reason}, status=503)
    return answer({"status": "ready", "missed": found})


routes = [Route("/readyz", readyz)]
