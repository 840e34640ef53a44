"""template.yaml, as AWS's own tools and a stand-in for AWS see it."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest
from cloudformation import load, sam_routes
from conftest import BIN, ENVIRONMENT, ROOT, run, transformed
from moto import mock_aws

FUNCTIONS = ("TextEmbeddings", "SentenceSimilarity", "TextClassification", "Catalogue")
MOST_BYTES = 262_144_000  # of an unzipped function


def test_sam_and_cfn_lint_find_nothing() -> None:
    done = run(BIN / "sam", "validate", "--lint")
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(BIN / "cfn-lint", "template.yaml")
    assert (done.returncode, done.stdout) == (0, "")


def test_sam_build_makes_each_function_s_folder(built: Path) -> None:
    for name in FUNCTIONS:
        size = sum(path.stat().st_size for path in (built / name).rglob("*") if path.is_file())
        assert size < MOST_BYTES
        handler = load(built / "template.yaml")["Resources"][name]["Properties"]["Handler"]
        assert (built / name / f"{handler.rpartition('.')[0].replace('.', '/')}.py").exists()
    assert not (built / "Catalogue" / "numpy").exists()
    assert (built / "TextEmbeddings" / "models" / "all-minilm-l6-v2" / "model.onnx").exists()


def test_what_sam_built_has_the_routes_and_rules_of_the_template(built: Path) -> None:
    """The aliases of YAML are written out on the way, which CloudFormation asks for."""
    text = (built / "template.yaml").read_text()
    assert not [line for line in text.splitlines() if line.lstrip().startswith(("*", "<<"))]
    assert sam_routes(load(built / "template.yaml")) == sam_routes(load(ROOT / "template.yaml"))
    assert load(built / "template.yaml")["Rules"] == load(ROOT / "template.yaml")["Rules"]


def test_the_transform_keeps_the_rules_and_makes_few_permissions() -> None:
    made = transformed(load(ROOT / "template.yaml"), Auth="none")
    assert made["Rules"].keys() == {"ExactlyOneWayIn", "OneKindOfWarmth", "DomainWithCertificate",
                                  "ModelWithBucket"}  # fmt: skip
    kinds = [each["Type"] for each in made["Resources"].values()]
    assert kinds.count("AWS::Lambda::Permission") == 8
    assert len(kinds) < 100
    assert "AWS::Lambda::Function" in kinds and "AWS::Serverless::Function" not in kinds


def test_a_release_publishes_a_version_though_only_parameters_changed() -> None:
    def versions(**parameters: str) -> list[str]:
        made = transformed(load(ROOT / "template.yaml"), Auth="none", **parameters)["Resources"]
        return sorted(name for name in made if made[name]["Type"] == "AWS::Lambda::Version")

    assert versions(Memory="3538") == versions(Memory="1769")
    assert not set(versions(Release="1")) & set(versions(Release="2"))


STACKS: dict[str, dict[str, str]] = {
    "parameter": {"TokensParameter": "/textfn/tokens", "AlarmTopic": "arn:aws:sns:us-east-1:1:t"},
    "hashes": {"TokenHashes": "ab" * 32, "Dashboard": "off", "ReservedConcurrency": "-1"},
    "open": {
        "Auth": "none",
        "FunctionUrls": "on",
        "ModelBucket": "s3://mine/models",
        "EmbeddingModel": "mfaq",
        "Architecture": "arm64",
    },
}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_is_made_with_what_was_asked_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions, roles, logs and outputs: moto makes no HTTP API, alias, alarm or function URL."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", ENVIRONMENT["AWS_DEFAULT_REGION"])
    with mock_aws():
        stack = _stack(STACKS[name])
        kinds = [each["ResourceType"] for each in stack["Resources"]]
        made = boto3.client("lambda").list_functions()["Functions"]
        by_handler = {each["Handler"].split(".")[1]: each for each in made}
        assert set(by_handler) == {
            "text_embeddings", "sentence_similarity", "text_classification", "catalogue"
        }  # fmt: skip
        catalogue = by_handler["catalogue"]["Environment"]["Variables"]
        embeddings = by_handler["text_embeddings"]
        variables = embeddings["Environment"]["Variables"]
        access = {each for each in variables if each in _access(STACKS[name])}
        assert access == set(_access(STACKS[name])) and len(access) == 1
        served = catalogue.pop("TEXTFN_SERVED")
        fetched = {each: variables.pop(each) for each in list(variables) if "_MODEL" in each}
        assert catalogue == variables
        assert served == "all-minilm-l6-v2,minilm-l6-sst2-int8" + ",mfaq" * (name == "open")
        assert fetched == (
            {"TEXTFN_MODEL_BUCKET": "s3://mine/models", "TEXTFN_MODEL": "mfaq"}
            if name == "open"
            else {}
        )
        assert embeddings["Runtime"] == "python3.13"
        assert (embeddings["Timeout"], embeddings["MemorySize"]) == (29, 1769)
        assert ("AWS::CloudWatch::Dashboard" in kinds) is (name != "hashes")
        assert stack["Outputs"]["Embeddings"].startswith("curl https://")
        roles = json.dumps(_policies())
        assert ("ssm:GetParameter" in roles) is (name == "parameter")
        assert ("arn:aws:s3:::mine/models/*" in roles) is (name == "open")


def _access(parameters: dict[str, str]) -> list[str]:
    names = {
        "TokensParameter": "TEXTFN_TOKENS_PARAMETER",
        "TokenHashes": "TEXTFN_TOKENS",
        "Auth": "TEXTFN_AUTH",
    }
    return [names[each] for each in parameters if each in names]


def _stack(parameters: dict[str, str]) -> dict[str, Any]:
    boto3.client("s3").create_bucket(Bucket="bundles")
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("empty.py", "")
    boto3.client("s3").put_object(Bucket="bundles", Key="function.zip", Body=bundle.getvalue())
    client = boto3.client("cloudformation")
    template = transformed(load(ROOT / "template.yaml"), **parameters)
    for name, output in list(template["Outputs"].items()):
        if (
            "Fn::GetAtt" in output["Value"]
        ):  # of domains and function URLs, which moto does not make
            del template["Outputs"][name]
    client.create_stack(
        StackName="textfn",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    stack = client.describe_stacks(StackName="textfn")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {
        "Outputs": {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]},
        "Resources": client.list_stack_resources(StackName="textfn")["StackResourceSummaries"],
    }


def _policies() -> list[Any]:
    client = boto3.client("iam")
    return [
        client.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
        for role in client.list_roles()["Roles"]
        for policy in client.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    ]
