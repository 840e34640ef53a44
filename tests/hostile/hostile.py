"""One route of each dialect and the format of its errors, for the tests of hostile requests."""

import socket
from typing import Any, NamedTuple

from conftest import Answer, Server


class Route(NamedTuple):
    """`field` holds the texts; `invalid` is the status of a body that is refused."""

    dialect: str
    path: str
    field: str
    invalid: int
    more: dict[str, Any]

    def body(self, texts: object, **more: object) -> dict[str, Any]:
        return {self.field: texts, **self.more, **more}

    def raw(self, value: bytes) -> bytes:
        """Return a body with this JSON in place of the texts."""
        model = b', "model": "all-minilm-l6-v2"' if self.more else b""
        return b'{"%s": %s%s}' % (self.field.encode(), value, model)


RUN = "/client/v4/accounts/me/ai/run/all-minilm-l6-v2"
ROUTES = [
    Route("cloudflare", RUN, "text", 400, {}),
    Route("huggingface", "/models/sentence-transformers/all-MiniLM-L6-v2", "inputs", 400, {}),
    Route("openai", "/v1/embeddings", "input", 400, {"model": "all-minilm-l6-v2"}),
    Route("tei", "/embed", "inputs", 422, {}),
]


def vectors(route: Route, answer: Answer) -> list[list[float]]:
    """Return the vectors of an answer to a list of texts."""
    assert answer.status == 200, answer.body
    if route.dialect == "cloudflare":
        return answer.json["result"]["data"]  # type: ignore[no-any-return]
    if route.dialect == "openai":
        return [each["embedding"] for each in answer.json["data"]]
    return answer.json  # type: ignore[no-any-return]


def refusal(dialect: str, answer: Answer) -> str:
    """Return all texts of a refusal. Fails if it is not in the format of the dialect."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    body = answer.json
    if dialect in ("cloudflare", "openai"):
        assert body["success"] is False
        assert body["errors"][0]["code"] >= 1000
        texts = [each["message"] for each in [*body["errors"], *body["messages"]]]
        return " ".join([*texts, body["error"]["message"]] if dialect == "openai" else texts)
    assert set(body) == ({"error"} if dialect == "huggingface" else {"error", "error_type"})
    return body["error"] if isinstance(body["error"], str) else " ".join(body["error"])


def assert_served(server: Server) -> None:
    """Check that the requests before have broken nothing."""
    assert server.post(RUN, {"text": "hello"}).status == 200


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    """Return the head of a request, as a client without an HTTP library may write it."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode(
        "latin-1"
    )


def exchange(server: Server, request: bytes, *, half_closed: bool = False) -> bytes:
    """Return all bytes that the server sends until it closes, or is silent for 2 s."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as connection:
        connection.sendall(request)
        if half_closed:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except (TimeoutError, ConnectionResetError):
            pass
    return received
