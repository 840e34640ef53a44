"""Events as API Gateway sends them: tests/events/*.json with another path and body."""

import base64
import copy
import json
from typing import Any

from conftest import TESTS


def event(version: str, path: str, body: object, *, encoded: bool = False) -> dict[str, Any]:
    """Return a POST of JSON; `version` "1.0" is a REST API's event, "2.0" an HTTP API's."""
    made = copy.deepcopy(
        json.loads((TESTS / "events" / f"api_gateway_v{version[0]}.json").read_text())
    )
    content = json.dumps(body)
    made["body"] = base64.b64encode(content.encode()).decode() if encoded else content
    made["isBase64Encoded"] = encoded
    if version == "2.0":
        made["rawPath"] = made["requestContext"]["http"]["path"] = path
    else:
        made["path"] = made["requestContext"]["path"] = path
    return made
