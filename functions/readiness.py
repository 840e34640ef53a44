"""Whether the models compute what was published of them, for whoever routes requests here.

In a deployment of single functions nobody asks: a function that cannot open its model never starts.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from functions import sentence_similarity, text_classification, text_embeddings
from shared.http.answers import answer
from shared.http.computing import in_turn
from shared.inference import references

TASKS = (text_embeddings, sentence_similarity, text_classification)


async def readyz(request: Request) -> Response:
    """Each open model runs its references; 503 names the models and the references missed."""
    models = {each.manifest.id: each for task in TASKS for each in task.library.opened()}
    missed = {name: await in_turn(references.missed, models[name]) for name in models}
    if any(missed.values()):
        return answer({"status": "not ready", "missed": missed}, status=503)
    return answer({"status": "ready", "missed": missed})


routes = [Route("/readyz", readyz)]
