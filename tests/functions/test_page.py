import hashlib
import re

import pytest
from conftest import Server

from shared.version import VERSION


def test_health_is_public_and_short(server: Server) -> None:
    answer = server.get("/health")
    assert (answer.status, answer.json) == (
        200,
        {"status": "ok", "textfn-version": VERSION},
    )


@pytest.mark.parametrize("path", ["/v1/models", "/client/v4/accounts/me/ai/v1/models"])
def test_the_list_of_models_has_every_installed_name_and_no_other(
    server: Server, path: str
) -> None:
    listed = server.get(path).json
    names = {each["id"] for each in listed["data"]}
    assert listed["object"] == "list"
    assert {"all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2"} <= names
    assert "@cf/baai/bge-base-en-v1.5" not in names
    shape = {"object": "model", "created": 0, "owned_by": "textfn"}
    assert all(each == {"id": each["id"]} | shape for each in listed["data"])


def test_an_unknown_path_is_answered_in_the_caller_s_dialect(server: Server) -> None:
    cloudflare = server.post("/client/v4/accounts/me/ai/rum/x", {"text": "a"})
    assert cloudflare.status == 404
    assert [each["code"] for each in cloudflare.json["errors"]] == [7003, 7000]
    openai = server.post("/v1/embedding", {})
    assert (openai.status, openai.json["error"]["code"]) == (404, "unknown_url")
    assert "Did you mean /v1/embeddings?" in openai.json["error"]["message"]
    hugging_face = server.post("/model/x", {})
    assert hugging_face.status == 404
    assert isinstance(hugging_face.json["error"], str)


@pytest.mark.parametrize(
    "task", ["feature-extraction", "sentence-similarity", "text-classification"]
)
def test_a_slip_in_a_task_s_path_is_answered_with_the_right_one(server: Server, task: str) -> None:
    error = server.post(f"/pipelines/{task}/x", {}).json["error"]
    assert f"Did you mean /pipeline/{task}/{{model}}?" in error


def test_a_model_that_is_not_installed_is_refused_at_once_with_the_command(server: Server) -> None:
    answer = server.post("/models/BAAI/bge-base-en-v1.5", {"inputs": "hello"})
    assert answer.status == 404
    assert "textfn models pull bge-base-en-v1.5" in answer.json["error"]
    answer = server.post("/v1/embeddings", {"model": "@cf/baai/bge-base-en-v1.5", "input": "hello"})
    assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")


VERIFY = ["/client/v4/user/tokens/verify", "/client/v4/accounts/me/tokens/verify"]


@pytest.mark.parametrize("path", VERIFY)
def test_a_token_is_verified_in_the_words_of_the_service(
    server: Server, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    token = frozenset([hashlib.sha256(b"good").digest()])
    server.set(monkeypatch, tokens=token)
    good = server.get(path, authorization="Bearer good")
    assert (good.status, good.json["result"]["status"]) == (200, "active")
    assert re.fullmatch("[0-9a-f]{32}", good.json["result"]["id"])
    assert good.json["messages"] == [
        {"code": 10000, "message": "This API Token is valid and active", "type": None}
    ]
    bad = server.get(path, authorization="Bearer bad")
    assert bad.status == 401
    assert bad.json["errors"] == [{"code": 1000, "message": "Invalid API Token"}]
    assert server.get(path).json["errors"][0]["code"] == 9106
    assert server.get("/openapi.json").status == 200  # public, like the page


def test_a_wrong_model_on_a_bare_url_is_answered_with_the_right_one(server: Server) -> None:
    answer = server.post("/models/sentence-transformers/all-MiniLM-L6-v3", {"inputs": "hello"})
    assert answer.status == 404
    assert "Did you mean sentence-transformers/all-MiniLM-L6-v2" in answer.json["error"]
