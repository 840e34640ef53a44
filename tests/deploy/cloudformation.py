"""Templates as data, and the rules of AWS that its documentation states."""

import re
from pathlib import Path
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` is {"Ref": "x"}, `!If x` {"Fn::If": x}."""


def _short_form(loader: Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".")
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


Loader.add_multi_constructor("!", _short_form)


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader)
    return loaded


def sam_routes(template: dict[str, Any]) -> dict[str, str]:
    """Return the logical id of the function of each route key."""
    body = template["Resources"]["HttpApi"]["Properties"]["DefinitionBody"]
    integrations = body["components"]["x-amazon-apigateway-integrations"]
    routes = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            if method != "parameters":
                reference = operation["x-amazon-apigateway-integration"]["$ref"]
                _, values = integrations[reference.rsplit("/", 1)[1]]["uri"]["Fn::Sub"]
                function = values["Arn"]["Fn::If"][2]["Fn::GetAtt"][0]
                key = path if path == "$default" else f"{method.upper()} {path}"
                routes[key] = function
    return routes


def serverless_routes(service: dict[str, Any]) -> dict[str, str]:
    return {
        "$default" if event["httpApi"] == "*" else event["httpApi"]: name
        for name, function in service["functions"].items()
        for event in function["events"]
    }


def select(routes: dict[str, str], method: str, path: str) -> str:
    """Return the function to which an HTTP API sends a request.

    A full match goes before one with {proxy+}, and that before $default. The documentation does not
    say which of several matches of one kind is taken, so they must lead to the same function.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
    """
    full, greedy = [], []
    for key, function in routes.items():
        allowed, _, pattern = key.partition(" ")
        if allowed == method and re.fullmatch(_expression(pattern), path):
            (greedy if pattern.endswith("+}") else full).append((pattern.count("{"), function))
    for found in (full, greedy):
        if found:
            functions = {function for count, function in found if count == min(found)[0]}
            assert len(functions) == 1, f"{method} {path} is ambiguous"
            return functions.pop()
    return routes["$default"]


def _expression(pattern: str) -> str:
    parts = re.split(r"(\{\w+\+?\})", pattern)
    return "".join(
        (".+" if part.endswith("+}") else "[^/]+") if part.startswith("{") else re.escape(part)
        for part in parts
    )


def holds(condition: Any, values: dict[str, Any]) -> bool:
    """Tell whether a rule's condition holds for values of the parameters."""
    ((function, arguments),) = condition.items()
    match function:
        case "Fn::Equals":
            left, right = (values[each["Ref"]] if isinstance(each, dict) else each
                           for each in arguments)  # fmt: skip
            return str(left) == str(right)
        case "Fn::Not":
            return not holds(arguments[0], values)
        case "Fn::And":
            return all(holds(each, values) for each in arguments)
        case "Fn::Or":
            return any(holds(each, values) for each in arguments)
    raise ValueError(function)
