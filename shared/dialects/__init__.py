"""The languages clients speak. Each module has the same three things.

- path patterns, as constants; `PATHS` are all of them
- envelopes: functions that put a result into the shape its clients read
- `error(error, request_id)`: status and body of an error, by one table
"""

from types import ModuleType

from shared.dialects import cloudflare, huggingface, openai


def of(path: str) -> ModuleType:
    """The dialect of a path, known or not: an error must answer in its caller's language."""
    if path.startswith("/client/v4/") or path == "/client/v4":
        return openai if "/ai/v1/" in path else cloudflare
    return openai if path.startswith("/v1/") else huggingface
