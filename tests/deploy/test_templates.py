"""The two templates: what they allow, and that every documented path reaches who can answer it."""

import functools
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, NamedTuple

import pytest
from cloudformation import holds, load, sam_routes, select, serverless_routes
from conftest import TESTS
from lambda_events import event
from opened import catalogue

from functions import local
from shared.http import dialects
from shared.http.dialects import cloudflare
from shared.http.dialects.dialect import Path
from shared.manifest import BUNDLED
from shared.settings import PREFIX, Settings
from textfn.pricing.pricing import Lambda

ROOT = TESTS.parent
SAM = load(ROOT / "template.yaml")
SERVERLESS = load(ROOT / "serverless.yml")
ROUTES = sam_routes(SAM)
FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in SAM["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
GLOBALS = SAM["Globals"]["Function"]
MOST_ROUTES = (
    300  # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
)

SERVED = FUNCTIONS["Catalogue"]["Environment"]["Variables"]["TEXTFN_SERVED"]["Fn::Join"][1][0]
SCORES = ("sentence-similarity", "text-classification")
SENTENCES = ["That is a happy dog"]
SIMILARITY = {"inputs": {"source_sentence": "happy", "sentences": SENTENCES}}
GREAT = "This pizza is great!"
# A form whose model chooses the task has a body per task. Of the other forms, OpenAPI has examples.
BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "run": {
        "text-embeddings": {"text": ["hello"]},
        "sentence-similarity": {"source": "a happy person", "sentences": SENTENCES},
        "text-classification": {"text": GREAT},
    },
    "bare": {
        "text-embeddings": {"inputs": ["hello"]},
        "sentence-similarity": SIMILARITY,
        "text-classification": {"inputs": GREAT},
    },
}
OPERATIONS = json.loads((ROOT / "functions" / "openapi.json").read_text("utf-8"))["paths"]
POSTED = [path for path in dialects.paths() if path.method == "POST"]
ANSWERED_BY_GET = {path.pattern for path in dialects.paths() if path.method == "GET"}


def tasks_by_name() -> dict[str, tuple[str, ...]]:
    """Every name of every catalogued model, with the tasks that this deployment answers by it."""
    tasks: dict[str, tuple[str, ...]] = {}
    for manifest in catalogue:
        if manifest.folder.parent == BUNDLED:
            tasks |= {name: manifest.tasks for name in manifest.names if manifest.installed}
            tasks = {name: () for name in manifest.names} | tasks
    for manifest in map(catalogue.find, SERVED.split(",")):
        for original in manifest.stands_in_for:
            scores = tuple(task for task in manifest.tasks if task in SCORES)
            tasks |= {name: scores for name in catalogue.find(original).names}
    return tasks


NAMES = tasks_by_name()


def filled(pattern: str, name: str = "") -> str:
    return pattern.replace(":path", "").format(account="me", gateway="mine", model=name)


class Asked(NamedTuple):
    """A request, the name of the model if it has one, and whether the answer is to be 200."""

    path: str
    body: dict[str, Any]
    name: str
    serves: bool


@functools.cache
def requests() -> list[Asked]:
    """Every path of every dialect by every name, with a body per task that answers the form."""
    return [
        Asked(filled(path.pattern, name), body(path, task, name), name, serves(task, name))
        for path in POSTED
        for name in (NAMES if names_model(path) else [""])
        for task in tasks_of(path, name)
    ]


def names_model(path: Path) -> bool:
    return "{model" in path.pattern or path.form == "embeddings"


def tasks_of(path: Path, name: str) -> tuple[str, ...]:
    """The tasks of a form. Of several, those of the model, or the first if the path names none."""
    tasks = tuple(each.TASK for each in local.tasks_of(path.form))
    return catalogue.find(name).tasks if len(tasks) > 1 and name else tasks[:1]


def serves(task: str, name: str) -> bool:
    return not name or task in NAMES[name]


def body(path: Path, task: str, name: str) -> dict[str, Any]:
    if path.form in BODIES:
        return BODIES[path.form][task]
    content = OPERATIONS[path.pattern.replace(":path", "")]["post"]["requestBody"]["content"]
    example: dict[str, Any] = next(iter(content["application/json"]["examples"].values()))["value"]
    if path.form != "embeddings":
        return example
    named = {} if "{model" in path.pattern else {"model": name}
    return {"input": example["input"], **named}


def call(function: str, method: str, path: str, body: object) -> tuple[int, dict[str, str], str]:
    module, _, name = FUNCTIONS[function]["Handler"].rpartition(".")
    made = event("2.0", path, body)
    made["requestContext"]["http"]["method"] = method
    answer = getattr(importlib.import_module(module), name)(made, None)
    return answer["statusCode"], answer.get("headers") or {}, answer["body"]


def test_every_path_of_every_dialect_is_asked_and_served() -> None:
    served = {each.path for each in requests() if each.serves}
    for path in POSTED:
        assert served & {filled(path.pattern, name) for name in ("", *NAMES)}, path.pattern


@pytest.mark.parametrize("name", NAMES)
def test_a_model_s_every_path_has_a_function_that_answers_or_says_how_to_install_it(
    name: str,
) -> None:
    for path, body, _, serves in (each for each in requests() if each.name == name):
        function = select(ROUTES, "POST", path)
        status, _, answered = call(function, "POST", path, body)
        assert function != "Catalogue", path
        assert status == 200 if serves else (status in (400, 404) and "7003" not in answered), path
        assert serves or name in answered, path  # the function's own error names the model


def test_paths_that_name_no_model_have_a_function_that_answers() -> None:
    for path, body, _, _ in (each for each in requests() if not each.name):
        function = select(ROUTES, "POST", path)
        assert function != "Catalogue"
        assert call(function, "POST", path, body)[0] == 200, path


@pytest.mark.parametrize("pattern", sorted({"/", "/health", "/openapi.json", *ANSWERED_BY_GET}))
def test_a_get_reaches_the_catalogue(pattern: str) -> None:
    path = filled(pattern)
    assert select(ROUTES, "GET", path) == "Catalogue"
    status, _, answered = call("Catalogue", "GET", path, {})
    assert status == (400 if pattern == cloudflare.SCHEMA else 200), answered


@pytest.mark.parametrize("name", NAMES)
def test_a_spelling_that_no_route_matches_is_redirected_to_one_that_does(name: str) -> None:
    encoded = name.replace("@", "%40").replace("/", "%2F").upper()
    for path, body, _, serves in (each for each in requests() if each.name == name):
        if f"/{name}" not in path or not serves:
            continue
        sent = path.replace(f"/{name}", f"/{encoded}")
        if (function := select(ROUTES, "POST", sent)) == "Catalogue":
            status, headers, _ = call("Catalogue", "POST", sent, body)
            assert status == 308, sent
            sent = headers["location"]
            function = select(ROUTES, "POST", sent)
        assert function != "Catalogue", sent
        assert call(function, "POST", sent, body)[0] == 200, sent


@pytest.mark.parametrize("name", SERVED.split(","))
def test_a_slash_at_the_end_of_a_path_is_redirected_away_where_no_route_matches(name: str) -> None:
    for path, body, _, _ in (
        each for each in requests() if each.name in (name, "") and each.serves
    ):
        if (function := select(ROUTES, "POST", f"{path}/")) == "Catalogue":
            status, headers, _ = call("Catalogue", "POST", f"{path}/", body)
            assert status == 308, path
            path = headers["location"]
            function = select(ROUTES, "POST", path)
        assert function != "Catalogue", path
        assert call(function, "POST", path, body)[0] == 200, path


def test_what_nobody_has_reaches_the_catalogue() -> None:
    for path in ("/nowhere", "/models/someone/else", f"{cloudflare.ACCOUNT}/ai/run/@cf/x/y"):
        assert select(ROUTES, "POST", path) == "Catalogue"


def test_no_route_of_november_2026_is_lost_or_leads_elsewhere() -> None:
    lines = (TESTS / "deploy" / "routes_2026_11.txt").read_text("utf-8").splitlines()
    frozen = dict(line.rsplit(" ", 1) for line in lines)
    assert len(frozen) == 136
    assert frozen.items() <= ROUTES.items()


def test_both_templates_have_the_same_routes_and_the_gateway_takes_as_many() -> None:
    assert serverless_routes(SERVERLESS) == ROUTES
    assert len(ROUTES) <= MOST_ROUTES


def test_no_route_has_a_character_that_a_gateway_might_refuse() -> None:
    for route in ROUTES.keys() - {"$default"}:
        assert re.fullmatch(r"POST (/|(/([A-Za-z0-9._-]+|\{[a-z]+\+?\}))+)", route), route


def test_both_templates_have_the_same_functions() -> None:
    assert SERVERLESS["functions"].keys() == FUNCTIONS.keys()
    for name, function in SERVERLESS["functions"].items():
        assert function["handler"] == FUNCTIONS[name]["Handler"]
        assert function["role"] == FUNCTIONS[name]["Role"]["Fn::GetAtt"][0]
    assert SERVERLESS["provider"]["runtime"] == GLOBALS["Runtime"]
    assert SERVERLESS["provider"]["timeout"] == GLOBALS["Timeout"]
    shared = SERVERLESS["provider"]["environment"]
    assert shared == "${self:custom.globals.Environment.Variables}"


def test_both_templates_allow_the_same_to_pages_of_other_origins() -> None:
    (_, gateway, _) = SAM["Resources"]["HttpApi"]["Properties"]["DefinitionBody"][
        "x-amazon-apigateway-cors"
    ]["Fn::If"]
    extension = SERVERLESS["resources"]["extensions"]["HttpApi"]["Properties"]
    (_, framework, _) = extension["CorsConfiguration"]["Fn::If"]
    (_, url, _) = SAM["Resources"]["SimilarityUrl"]["Properties"]["Cors"]["Fn::If"]
    assert {name[0].upper() + name[1:]: value for name, value in gateway.items()} == framework
    assert framework == url


def test_serverless_is_given_every_parameter_with_its_default() -> None:
    given = {
        each["ParameterKey"]: each["ParameterValue"]
        for each in SERVERLESS["provider"]["stackParameters"]
    }
    expected = {
        name: f"${{param:{name}, '{parameter.get('Default', '')}'}}"
        for name, parameter in SAM["Parameters"].items()
        if name not in ("ProvisionedConcurrency", "SnapStart", "Release")
    }
    assert given == expected


def test_every_variable_is_a_setting() -> None:
    known = {PREFIX + each.name.upper() for each in fields(Settings)}
    named = {*GLOBALS["Environment"]["Variables"]}.union(*map(_variables, FUNCTIONS))
    assert {name for name in named if name.startswith(PREFIX)} <= known
    assert GLOBALS["Environment"]["Variables"]["ORT_DISABLE_TELEMETRY"] == "1"
    assert GLOBALS["Environment"]["Variables"]["TOKENIZERS_PARALLELISM"] == "false"


def test_the_catalogue_knows_which_models_are_served() -> None:
    bundled = {each.id for each in catalogue if each.installed and each.folder.parent == BUNDLED}
    assert set(SERVED.split(",")) == bundled


def _variables(function: str) -> dict[str, Any]:
    found: dict[str, Any] = FUNCTIONS[function]["Environment"]["Variables"]
    return found


def everything(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a template."""
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value
    for child in children if isinstance(value, dict | list) else []:
        yield from everything(child)


def test_a_role_may_do_what_its_functions_do_and_nothing_else() -> None:
    statements = [
        each
        for name in ("ModelRole", "CatalogueRole")
        for each in everything(SAM["Resources"][name]["Properties"])
        if "Resource" in each
    ]
    assert all(
        function["Role"]["Fn::GetAtt"][0].endswith("Role") for function in FUNCTIONS.values()
    )
    actions = {action for each in statements for action in _list(each["Action"])}
    assert actions == {
        "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments",
        "xray:PutTelemetryRecords", "ssm:GetParameter", "kms:Decrypt", "s3:GetObject",
    }  # fmt: skip
    anywhere = {name for each in statements if each["Resource"] == "*" for name in each["Action"]}
    assert anywhere == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    assert "s3:GetObject" not in json.dumps(SAM["Resources"]["CatalogueRole"])


def _list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    "resources", [SAM["Resources"], SERVERLESS["resources"]["Resources"]], ids=["sam", "serverless"]
)
def test_only_a_function_url_that_was_asked_for_lets_everybody_call(resources: Any) -> None:
    """Those of the other file, which are strings in serverless.yml, are checked in it."""
    opened = [
        each
        for each in everything(resources)
        if each.get("Type") == "AWS::Lambda::Url"
        or isinstance(each.get("Properties"), dict)
        and each["Properties"].get("Principal") == "*"
    ]
    assert len(opened) == 6
    assert {each["Condition"] for each in opened} == {"HasFunctionUrls"}


def test_nothing_runs_forever_or_without_a_ceiling() -> None:
    parameters = SAM["Parameters"]
    assert GLOBALS["Timeout"] == 29
    own = {name for function in FUNCTIONS.values() for name in function}
    assert not own & {"Timeout", "ReservedConcurrentExecutions"}
    assert GLOBALS["ReservedConcurrentExecutions"]["Fn::If"][1] == {"Ref": "ReservedConcurrency"}
    assert parameters["ReservedConcurrency"]["Default"] == 10
    settings = SAM["Resources"]["HttpApi"]["Properties"]["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
    assert settings["ThrottlingBurstLimit"] == {"Ref": "ThrottleBurst"}
    assert parameters["ThrottleRate"]["Default"] <= 20
    for resource in SAM["Resources"].values():
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert resource["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_the_alarm_on_spending_counts_as_the_bill_does() -> None:
    metrics = SAM["Resources"]["SpendingAlarm"]["Properties"]["Metrics"]
    arithmetic = metrics[0]["Expression"]["Fn::Sub"].replace("${Memory}", "1769")
    an_hour = eval(arithmetic, {"billed": 3_600_000})  # milliseconds
    assert an_hour == pytest.approx(Lambda("x86_64", 1769).dollars(3600))


DEFAULTS = {name: each.get("Default", "") for name, each in SAM["Parameters"].items()}


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({}, True),
        ({"TokensParameter": "/textfn/tokens"}, False),
        ({"TokenHashes": "ab" * 32}, False),
        ({"Auth": "none"}, False),
        ({"TokensParameter": "/textfn/tokens", "TokenHashes": "ab" * 32}, True),
        ({"TokensParameter": "/textfn/tokens", "Auth": "none"}, True),
        ({"Auth": "none", "SnapStart": "on", "ProvisionedConcurrency": 2}, True),
        ({"Auth": "none", "SnapStart": "on"}, False),
        ({"Auth": "none", "ModelBucket": "s3://mine/models"}, True),
        ({"Auth": "none", "EmbeddingModel": "mfaq"}, True),
        ({"Auth": "none", "ModelBucket": "s3://mine/models", "EmbeddingModel": "mfaq"}, False),
        ({"Auth": "none", "DomainName": "text.example.com"}, True),
        ({"Auth": "none", "DomainName": "text.example.com", "CertificateArn": "arn"}, False),
    ],
)
def test_the_rules_refuse_what_is_open_by_mistake_or_cannot_be(
    values: dict[str, Any], refused: bool
) -> None:
    values = DEFAULTS | values
    assertions = [
        assertion["Assert"]
        for rule in SAM["Rules"].values()
        if "RuleCondition" not in rule or holds(rule["RuleCondition"], values)
        for assertion in rule["Assertions"]
    ]
    assert all(holds(each, values) for each in assertions) is not refused


def test_every_parameter_is_in_the_docs_and_says_what_it_is() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    for name in SAM["Parameters"]:
        assert f"`{name}`" in page, name
