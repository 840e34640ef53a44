"""The generated parts of template.yaml and serverless.yml, in lines of YAML."""

import re
from collections.abc import Mapping

WIDTH = 90  # characters per line of template.yaml, without indentation

Parts = dict[str, list[str]]


def sam(routes: Mapping[str, str]) -> Parts:
    """Return the `parameters` of the routes, and the routes of each function."""
    parts = {"parameters": _parameters(routes)}
    for name, paths in _by_function(routes).items():
        first, *others = paths
        lines = _first_of_function(first, _integration(name))
        lines += [line for path in others for line in _route(path, _integration(name))]
        parts[_part(name)] = lines
    return parts


def serverless(routes: Mapping[str, str]) -> Parts:
    """Return the events of each function."""
    return {
        _part(name): [f"- httpApi: POST {path}" for path in paths]
        for name, paths in _by_function(routes).items()
    }


def _by_function(routes: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the paths of each function, those without a variable first."""
    paths = sorted(routes, key=lambda path: "{" in path)
    return {name: [path for path in paths if routes[path] == name] for name in routes.values()}


def _part(name: str) -> str:
    """ "text_embeddings" is the TextEmbeddings of both files."""
    return f"routes of {name.title().replace('_', '')}"


def _integration(name: str) -> str:
    """ "text_embeddings" has the integration "embeddings", which is the alias of its routes too."""
    return name.rpartition("_")[2]


def _variables(path: str) -> list[str]:
    return re.findall(r"{(\w+)\+?}", path)


def _parameters(routes: Mapping[str, str]) -> list[str]:
    """Return one parameter per variable, with an alias of the variable's name."""
    names = dict.fromkeys(name for path in routes for name in _variables(path))
    shape = "in: path, required: true, schema: {type: string}"
    return [f"{name}: &{name} {{name: {name}, {shape}}}" for name in names]


def _first_of_function(path: str, integration: str) -> list[str]:
    """Return the first route of a function. Its other routes are aliases of it."""
    reference = f"#/components/x-amazon-apigateway-integrations/{integration}"
    return [
        f"{path}:",
        *(f"  parameters: {each}" for each in _aliases(path)),
        f"  post: &{integration}",
        "    x-amazon-apigateway-integration:",
        f'      $ref: "{reference}"',
    ]


def _route(path: str, integration: str) -> list[str]:
    """Return the route in one line, or in two if one would be too long."""
    parameters = "".join(f"parameters: {each}, " for each in _aliases(path))
    operation = f"{{{parameters}post: *{integration}}}"
    line = f"{path}: {operation}"
    return [line] if len(line) <= WIDTH else [f"{path}:", f"  {operation}"]


def _aliases(path: str) -> list[str]:
    """Return the list of a path's parameters; nothing if it has none."""
    names = ", ".join(f"*{name}" for name in _variables(path))
    return [f"[{names}]"] if names else []
