"""What an error may show of a request: types and names, never a text."""

import re


def json_type(value: object) -> str:
    """JSON Schema's name for the type of a parsed value."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def printable(name: str) -> str:
    """At most 100 characters of a model's name or a path, with "?" for all but printable ASCII."""
    return re.sub(r"[^!-~]", "?", name[:100])


def is_plain(name: str) -> bool:
    """Whether the name of a field is short and simple enough to be no text."""
    return re.fullmatch(r"[A-Za-z_-]{1,32}", name) is not None
