"""The languages clients speak. Each module has the same three things.

- path patterns, as constants; `PATHS` are all of them
- envelopes: functions that put a result into the shape its clients read
- `error(error, request_id)`: status and body of an error, by one table
"""

import re
from types import ModuleType

from shared.http.dialects import cloudflare, huggingface, openai, tei

GATEWAY_TO_WORKERS_AI = re.compile("/v1/[^/]+/[^/]+/workers-ai(?!/v1/)(/|$)")


def of(path: str) -> ModuleType:
    """The dialect of a path, known or not: an error must answer in its caller's language."""
    if path.startswith("/client/v4/") or path == "/client/v4":
        return openai if "/ai/v1/" in path else cloudflare
    if GATEWAY_TO_WORKERS_AI.match(path):
        return cloudflare
    if path in tei.PATHS:
        return tei
    return openai if path.startswith("/v1/") or path == "/embeddings" else huggingface
