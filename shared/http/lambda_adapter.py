"""An ASGI application as a Lambda handler, which has an answer to every event."""

import functools
import json
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from mangum import Mangum
from starlette.applications import Starlette

from shared.errors import NotHttp, TextfnError, UnreadableRequest
from shared.http import access, dialects, telemetry
from shared.http.hosts import Lambda
from shared.http.service import Service, make_service
from shared.settings import Settings

# Headers that nothing here reads. Mangum fails where a port is no number: "[::1]:3000", "443,80".
UNREAD = ("host", "x-forwarded-port")

Event = Any  # JSON
Answer = dict[str, Any]
log = logging.getLogger("textfn")


def lambda_handler(app: Starlette, open_models: Callable[[Settings], Any], module: str) -> Any:
    """Return `handler(event, context)` for API Gateway, function URLs and load balancers.

    `open_models` makes the Library, or the Catalogue of a function without models. On Lambda this
    calls it at import, so that a cold start pays for it and a snapshot of SnapStart holds it.
    Elsewhere the first event calls it, because the local server imports the functions too. So does
    a `module` that another function imports: Lambda names its own in `_HANDLER`.

    Raises on Lambda what `start` raises.
    """
    started = functools.cache(lambda: start(app, open_models))
    logging.getLogger("mangum").setLevel(logging.CRITICAL)  # it logs paths as they were sent
    mangum = Mangum(app, lifespan="off")  # Mangum would run the lifespan on every invocation
    if is_lambda() and _is_entry(module):
        started()

    def handler(event: Event, context: Any) -> Answer:
        started()
        if not _is_http(event):
            return _warm_up() if _is_warm_up(event) else _refusal("", NotHttp(), context)
        try:
            return mangum(_readable(event), context)
        except Exception as error:  # Mangum's: the application answers its own errors
            log.warning("an event could not be read: %s", telemetry.place(error))
            return _refusal(_path(event), UnreadableRequest(), context)

    return handler


def start(
    app: Starlette,
    open_models: Callable[[Settings], Any],
    environ: Mapping[str, str] = os.environ,
) -> Service:
    """Make the service of an application in this environment of Lambda.

    Raises BadSetting; NotProtected or Unreadable if no API token can be checked; and what
    `open_models` raises.
    """
    settings = Settings.read(environ)
    access.require_protection(not is_lambda(), settings)
    log.setLevel(settings.log_level.upper())
    host = Lambda(settings)
    made: Service = make_service(settings, host, open_models(settings))
    app.state.service = made
    _register_for_snapshots(made.access.forget, host.restored)
    return made


def _is_entry(module: str) -> bool:
    """Tell whether Lambda calls the handler of this module; every one counts if nothing says so."""
    named = os.environ.get("_HANDLER", "").replace("/", ".").rpartition(".")[0]
    return named in ("", module)


def is_lambda() -> bool:
    return "AWS_LAMBDA_RUNTIME_API" in os.environ


def _register_for_snapshots(*hooks: Callable[[], None]) -> None:
    try:
        import snapshot_restore_py as snapshots  # Lambda's runtime has it where it takes snapshots
    except ImportError:
        return
    for hook in hooks:
        snapshots.register_after_restore(hook)


def _is_http(event: Event) -> bool:
    return isinstance(event, dict) and isinstance(event.get("requestContext"), dict)


def _is_warm_up(event: Event) -> bool:
    """Tell whether a schedule sent the event, to keep an environment warm."""
    return isinstance(event, dict) and event.get("source") == "aws.events"


def _readable(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event without the headers that stop Mangum, and its path without a stage."""
    changed = {**event, "headers": _read_headers(event.get("headers"))}
    if event.get("multiValueHeaders"):
        changed["multiValueHeaders"] = _read_headers(event["multiValueHeaders"])
    context = event["requestContext"]
    http = context.get("http") or {}
    routed = (event.get("httpMethod"), event.get("path"), http.get("method"), http.get("path"))
    if not all(isinstance(each, str | None) for each in routed):
        raise TypeError("a method or a path that is no text")
    if event.get("version") == "2.0":
        path = _without_stage(http["path"], context)
        changed["requestContext"] = {**context, "http": {**http, "path": path}}
    elif event.get("path") == context.get("path"):  # an HTTP API's: a REST API's has no stage
        changed["path"] = _without_stage(event["path"], context)
    return changed


def _read_headers(headers: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (headers or {}).items() if name.lower() not in UNREAD}


def _without_stage(path: str, context: dict[str, Any]) -> str:
    """HTTP APIs leave the stage in the path, unless it is $default."""
    stage = f"/{context.get('stage')}"
    return path.removeprefix(stage) if f"{path}/".startswith(f"{stage}/") else path


def _path(event: dict[str, Any]) -> str:
    path = event.get("rawPath") or event.get("path")
    return path if isinstance(path, str) else ""


def _warm_up() -> Answer:
    return _answer(200, {"ok": True})


def _refusal(path: str, error: TextfnError, context: Any) -> Answer:
    status, body = dialects.of(path).error(error, getattr(context, "aws_request_id", ""))
    return _answer(status, body)


def _answer(status: int, body: Any) -> Answer:
    headers = {"content-type": "application/json"}
    return {
        "statusCode": status,
        "headers": headers,
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
