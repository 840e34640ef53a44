"""The OpenAPI document: each path of each dialect with the operation of its form."""

import json
import re
from pathlib import Path as File
from typing import Any

from shared.http.dialects import DIALECTS
from shared.http.dialects.dialect import Dialect, Path
from shared.version import VERSION
from textfn.generating.marked import NotGenerated

SOURCE = File(__file__).with_name("openapi.json")
WIDTH = 120

Json = dict[str, Any]


def document() -> str:
    """Return the text of functions/openapi.json.

    `SOURCE` has three parts from which the paths are made: `forms`, one operation per form;
    `paths`, the fields that one path's operation has of its own; `service`, the paths that belong
    to no dialect. The rest of it is copied.

    Raises NotGenerated if a form has no operation.
    """
    source = json.loads(SOURCE.read_text("utf-8"))
    forms, own, service = (source.pop(name) for name in ("forms", "paths", "service"))
    components = source.pop("components")
    paths: dict[str, Json] = {}
    for dialect in DIALECTS:
        components["schemas"][dialect.ERROR.name] = dialect.ERROR.schema
        for path in dialect.PATHS:
            if path.form not in forms:
                raise NotGenerated(f"{SOURCE}: the form {path.form!r} is missing. Describe it.")
            shown = path.pattern.replace(":path", "")
            special = own.get(shown, {})
            described = _operation(dialect, path, forms[path.form] | special, components)
            paths.setdefault(shown, {})[path.method.lower()] = described
    source["info"]["version"] = VERSION
    source["tags"] += [
        {"name": dialect.TITLE}
        for dialect in DIALECTS
        if dialect.TITLE not in (tag["name"] for tag in source["tags"])
    ]
    for shown, operations in service.items():
        paths.setdefault(shown, {}).update(operations)
    return printed({**source, "paths": paths, "components": components}) + "\n"


def printed(value: Any, indent: int = 0, label: str = "") -> str:
    """Return JSON that has an object or array on one line if it fits."""
    line = label + json.dumps(value, ensure_ascii=False)
    if indent + len(line) < WIDTH or not value or not isinstance(value, dict | list):
        return line
    if isinstance(value, dict):
        opening, closing = "{}"
        items = [printed(each, indent + 2, f"{json.dumps(key)}: ") for key, each in value.items()]
    else:
        opening, closing = "[]"
        items = [printed(each, indent + 2) for each in value]
    margin = "\n" + " " * indent
    return f"{label}{opening}{margin}  {f',{margin}  '.join(items)}{margin}{closing}"


def _operation(dialect: Dialect, path: Path, described: Json, components: Json) -> Json:
    """Return a form's operation with the path's id, tag, variables and errors."""
    variables = re.findall(r"{(\w+)", path.pattern)
    named = [*variables, *described.get("parameters", [])]
    for name in variables:
        components["parameters"].setdefault(name, _variable(name))
    references = [{"$ref": f"#/components/parameters/{name}"} for name in named]
    schema = {"$ref": f"#/components/schemas/{dialect.ERROR.name}"}
    error = {
        "description": "An error, in the format of the dialect.",
        "content": {"application/json": {"schema": schema}},
    }
    return {
        "operationId": _identifier(path.pattern),
        "tags": [dialect.TITLE],
        **described,
        **({"parameters": references} if references else {}),
        "responses": {**described["responses"], "default": error},
    }


def _identifier(pattern: str) -> str:
    """Return the fixed parts of a path as one word: "/openai/{model}/x" is "openaiX"."""
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"{.*?}", "", pattern))
    first, *others = words or ["root"]
    return "".join([first, *(word.capitalize() for word in others)])


def _variable(name: str) -> Json:
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}
