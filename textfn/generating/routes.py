"""The routes of an HTTP API: the paths of every dialect, with every name of every model.

An HTTP API matches whole segments of a path. "{proxy+}" matches the rest of a path and must be
its end. So a path whose model decides the function has one route per name of a model.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from collections.abc import Iterator
from types import ModuleType

from functions import local
from shared.http.dialects import DIALECTS
from shared.http.dialects.dialect import Path
from shared.names import Catalogue
from textfn.generating.marked import NotGenerated

MODEL = "{model:path}"
# A model's name has one, two or three segments.
SEGMENTS = ("{name}", "{owner}/{name}", "{vendor}/{owner}/{name}")


def routes(catalogue: Catalogue) -> dict[str, str]:
    """Return the function that a POST to each path reaches, such as "text_embeddings".

    Raises NotGenerated for a path that would lead to two functions.
    """
    found: dict[str, str] = {}
    for dialect in DIALECTS:
        for path in dialect.PATHS:
            for route, function in _routes_of(path, catalogue) if path.method == "POST" else ():
                if found.setdefault(route, function) != function:
                    raise NotGenerated(
                        f"{route} leads to {found[route]} and to {function}. "
                        "Give the path another pattern, or the model another name."
                    )
    return found


def _routes_of(path: Path, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    tasks = local.tasks_of(path.form)
    if len(tasks) > 1 and MODEL in path.pattern:
        for manifest in catalogue:
            task = next(each for each in tasks if each.TASK in manifest.tasks)
            for name in manifest.names:
                yield path.pattern.replace(MODEL, _matched(name)), _function(task)
    elif path.pattern.endswith(MODEL):
        yield path.pattern.replace(MODEL, "{proxy+}"), _function(tasks[0])
    else:
        for segments in SEGMENTS if MODEL in path.pattern else ("",):
            yield path.pattern.replace(MODEL, segments), _function(tasks[0])


def _matched(name: str) -> str:
    """Return a name as a route has it: no route key has "@", so a variable replaces it."""
    return "{vendor}/" + name.partition("/")[2] if name.startswith("@") else name


def _function(task: ModuleType) -> str:
    return task.__name__.rpartition(".")[2]
