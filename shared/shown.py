"""The parts of a request that an error may show: types and names, never a text."""

import re


def json_type(value: object) -> str:
    """Return JSON Schema's name for the type of a parsed value."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def printable(name: str) -> str:
    """Return 100 characters of a name or path at most, with "?" for all but printable ASCII."""
    return re.sub(r"[^!-~]", "?", name[:100])


def is_plain(name: str) -> bool:
    """Tell whether a field's name is too short and simple to be a text."""
    return re.fullmatch(r"[A-Za-z_-]{1,32}", name) is not None
