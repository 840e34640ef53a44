"""Events as AWS sends them, from tests/events."""

import copy
import json
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parent.parent / "events"
KINDS = ("REST API", "HTTP API", "function URL")
RUN = "/client/v4/accounts/me/ai/run"


def event(kind: str, path: str, body: object, **headers: str) -> dict[str, Any]:
    """A POST with the API token of the tests; `path` as this kind of gateway writes it."""
    file = "api_gateway_v1.json" if kind == "REST API" else "api_gateway_v2.json"
    made: dict[str, Any] = copy.deepcopy(json.loads((EVENTS / file).read_text()))
    sent = {"authorization": "Bearer secret", **headers}
    made["body"] = json.dumps(body)
    made["headers"].update(sent)
    context = made["requestContext"]
    if kind == "REST API":
        made["multiValueHeaders"].update({name: [value] for name, value in sent.items()})
        made["path"] = context["path"] = path
    else:
        made["rawPath"] = context["http"]["path"] = path
    if kind == "function URL":
        host = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws"
        made["headers"]["host"] = context["domainName"] = host
    return made


# Events of other services, sent by mistake or to keep a function warm, and malformed events.
ODD = {
    "nothing": {},
    "a list": [],
    "null": None,
    "a string": "wake up",
    "EventBridge": {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-10-08T16:53:06Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {},
    },
    "SQS": {"Records": [{"messageId": "1", "body": "{}", "eventSource": "aws:sqs"}]},
    "S3": {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "a"}}}]},
    "two colons in Host": event("HTTP API", "/embed", {"inputs": "a"}, host="a:b:c"),
    "no headers": {**event("HTTP API", "/embed", {"inputs": "a"}), "headers": None},
    "no base64": {
        **event("HTTP API", "/embed", {}), "body": "\u00e9", "isBase64Encoded": True
    },
}  # fmt: skip
