"""One line of JSON per request on Lambda, which CloudWatch also reads as metrics.

A line never holds a text, an API token or a key: it names a request by its route's pattern and an
exception by its place. The metrics are in CloudWatch's embedded metric format, version 1.
"""

import os
import re
import time
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import orjson

from shared.settings import Settings

ROOT = Path(__file__).parents[2]
FUNCTION = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
# CloudWatch's names of units. A custom metric costs money, so there are as few as the alarms need.
METRICS = {
    "Duration": "Milliseconds",
    "Tokens": "Count",
    "ServerErrors": "Count",
    "ColdStart": "Count",
}


def line(
    scope: MutableMapping[str, Any],
    status: int,
    headers: Mapping[str, str],
    request_id: str,
    seconds: float,
    *,
    is_cold: bool,
) -> dict[str, Any]:
    """Return the log line of a request. `headers` are the answer's, `seconds` its whole time."""
    timing = dict(re.findall(r"(\w+);dur=([\d.]+)", headers.get("server-timing", "")))
    return {
        "level": "ERROR" if status >= 500 else "INFO",
        "message": "request",
        "request_id": request_id,
        "lambda_request_id": getattr(scope.get("aws.context"), "aws_request_id", ""),
        "trace_id": _trace_id(),
        "function": FUNCTION,
        "method": scope["method"] if scope["method"] in ("GET", "POST", "OPTIONS") else "other",
        "route": getattr(scope.get("route"), "path", "none"),
        "status": status,
        "model": headers.get("textfn-model", ""),
        "truncated": int(headers.get("textfn-truncated", 0)),
        "tokenize_ms": float(timing.get("tokenize", 0)),
        "infer_ms": float(timing.get("infer", 0)),
        "Duration": round(seconds * 1000, 2),
        "Tokens": int(headers.get("textfn-tokens", 0)),
        "ServerErrors": int(status >= 500),
        "ColdStart": int(is_cold),
    }


def tell(line: dict[str, Any], settings: Settings) -> None:
    """Print a request's line, with the metrics directive if TEXTFN_METRICS is on.

    Without metrics TEXTFN_LOG_LEVEL decides: at "warning" and "error" only failed requests remain.
    """
    if settings.metrics == "on":
        line["_aws"] = _metrics()
    elif settings.log_level in ("warning", "error") and line["level"] == "INFO":
        return
    print(orjson.dumps(line).decode(), flush=True)


def place(error: BaseException) -> str:
    """Return an exception's type, the lines of textfn on its way, and the line that raised it.

    The message stays out: it may hold what was sent.
    """
    *through, last = traceback.extract_tb(error.__traceback__)
    ours = tuple(str(ROOT / folder) for folder in ("functions", "shared"))
    frames = [*(each for each in through if each.filename.startswith(ours)), last]
    lines = [f"{os.path.basename(each.filename)}:{each.lineno} {each.name}" for each in frames]
    return f"{type(error).__name__} at {' > '.join(lines)}"


def _metrics() -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": unit} for name, unit in METRICS.items()]
    directive = {"Namespace": "textfn", "Dimensions": [["function"]], "Metrics": metrics}
    return {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}


def _trace_id() -> str:
    """Return X-Ray's trace id, which the runtime sets for each invocation."""
    root = re.match(r"Root=([0-9a-f-]{1,64})", os.environ.get("_X_AMZN_TRACE_ID", ""))
    return root[1] if root else ""
