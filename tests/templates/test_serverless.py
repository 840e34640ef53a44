"""serverless.yml, as version 3 packages it: without credentials, and without a warning."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cloudformation import load, sam_routes
from conftest import BIN, ROOT, packaged, run, transformed

Service = tuple[dict[str, Any], Path]
OWN = ("Description", "Code", "CodeUri", "FunctionName", "Tags", "SnapStart", "Role")


def test_it_makes_the_routes_of_the_template(service: Service) -> None:
    resources = service[0]["Resources"]
    made = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::ApiGatewayV2::Route":
            _, (_, integration) = resource["Properties"]["Target"]["Fn::Join"]
            arn = resources[integration["Ref"]]["Properties"]["IntegrationUri"]
            function = arn["Fn::GetAtt"][0].removesuffix("LambdaFunction")
            made[resource["Properties"]["RouteKey"]] = function
    assert made == sam_routes(load(ROOT / "template.yaml"))


def test_its_functions_are_the_template_s(service: Service) -> None:
    sam = transformed(load(ROOT / "template.yaml"), Auth="none")["Resources"]
    for name in ("TextEmbeddings", "SentenceSimilarity", "TextClassification", "Catalogue"):
        ours = service[0]["Resources"][f"{name}LambdaFunction"]["Properties"]
        theirs = sam[name]["Properties"]
        assert {key: value for key, value in ours.items() if key not in OWN} == {
            key: value for key, value in theirs.items() if key not in OWN
        }


def test_its_other_resources_are_the_template_s(service: Service) -> None:
    sam = transformed(load(ROOT / "template.yaml"), Auth="none")["Resources"]
    ours = Counter(each["Type"] for each in service[0]["Resources"].values())
    theirs = Counter(each["Type"] for each in sam.values())
    for kind in (
        "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::IAM::Role",
        "AWS::Lambda::Permission", "AWS::Lambda::Url", "AWS::Logs::LogGroup",
        "AWS::Logs::MetricFilter", "AWS::ApiGatewayV2::ApiMapping",
    ):  # fmt: skip
        assert ours[kind] == theirs[kind], kind
    stage = service[0]["Resources"]["HttpApiStage"]["Properties"]
    expected = load(ROOT / "template.yaml")["Resources"]["HttpApi"]["Properties"]
    assert stage["AccessLogSettings"] == expected["AccessLogSettings"]
    assert stage["DefaultRouteSettings"] == expected["DefaultRouteSettings"]
    assert len(service[0]["Resources"]) < 500  # CloudFormation's limit


def test_it_has_the_template_s_parameters_and_rules(service: Service) -> None:
    template = load(ROOT / "template.yaml")
    for section in ("Parameters", "Conditions", "Rules"):
        assert service[0][section] == template[section]


@pytest.mark.parametrize(
    ("option", "alias"),
    [("snapStart=true", "snapstart"), ("provisionedConcurrency=2", "provisioned")],
)
def test_warm_starts_send_requests_to_a_version(tmp_path: Path, option: str, alias: str) -> None:
    resources = packaged(tmp_path, f"--param={option}")[0]["Resources"]
    _, (_, name) = resources["HttpApiIntegrationTextEmbeddings"]["Properties"]["IntegrationUri"][
        "Fn::Join"
    ]
    assert name == alias


def test_cfn_lint_finds_nothing_that_deploys_wrong(service: Service) -> None:
    """Not told: dependencies that are written twice, which is the framework's habit, and what of
    the parameters and conditions only template.yaml uses."""
    ignored = ("W3005", "W2001", "W8001")
    done = run(BIN / "cfn-lint", "--ignore-checks", *ignored, "--", service[1])
    assert (done.returncode, done.stdout) == (0, "")
