"""The OpenAPI document, against the routes and against what the server answers."""

import json
from typing import Any

import pytest
import schemathesis
from conftest import TESTS, Server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

DOCUMENT = json.loads((TESTS.parent / "functions" / "openapi.json").read_text("utf-8"))
OPERATIONS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
EXAMPLES_AN_OPERATION = 6


def test_the_paths_of_the_document_are_the_routes(server: Server) -> None:
    routes = {
        (route.path.replace(":path", ""), method.lower())
        for route in server.app.routes
        for method in route.methods - {"HEAD"}
    }
    assert {(path, method) for path, method, _ in OPERATIONS} == routes


def test_it_is_served_as_it_is(server: Server) -> None:
    answer = server.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == DOCUMENT


def examples() -> list[Any]:
    found = []
    for path, method, operation in OPERATIONS:
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name, example in body.get("examples", {}).items():
            found.append(pytest.param(path, example["value"], id=f"{method} {path} {name}"))
    return found


@pytest.mark.parametrize(("path", "body"), examples())
def test_an_example_of_the_document_is_answered(server: Server, path: str, body: Any) -> None:
    classified = "pizza" in json.dumps(body)
    model = "@test/tiny-sentiment" if classified else "@hf/sentence-transformers/all-minilm-l6-v2"
    filled = path.format(account="me", gateway="default", model=model)
    answer = server.post(filled + ("?model=test/tiny-sentiment" * classified), body)
    assert answer.status == 200


def test_every_operation_that_takes_a_body_has_an_example() -> None:
    for path, method, operation in OPERATIONS:
        if method == "post":
            content = operation["requestBody"]["content"]["application/json"]
            assert content["examples"], path


@pytest.mark.parametrize(("path", "method"), [(path, method) for path, method, _ in OPERATIONS])
def test_whatever_is_sent_the_answer_is_as_documented(
    server: Server, path: str, method: str
) -> None:
    """Requests that schemathesis makes up, of the document's shapes and of others."""
    operation = SCHEMA[path][method]
    valid = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
    classified = "classification" in path or path == "/predict"
    model = "test/tiny-sentiment" if classified else "sentence-transformers/all-MiniLM-L6-v2"
    wrong = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

    @settings(
        max_examples=EXAMPLES_AN_OPERATION,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(valid, wrong) if operation.body or operation.query else valid)
    def check(case: schemathesis.Case) -> None:
        if "{model}" in path:
            case.path_parameters["model"] = model
        elif "model" in (case.query or {}):
            case.query["model"] = model
        response = case.call(base_url=server.url)
        case.validate_response(response, checks=CHECKS)

    check()
