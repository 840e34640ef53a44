"""The routes of the gateway, from the dialects and the manifests."""

import dataclasses

import pytest
from conftest import TESTS

from shared.http import dialects
from shared.http.dialects import cloudflare, huggingface, openai, tei
from shared.manifest import BUNDLED, Manifest, read
from shared.names import Catalogue
from textfn.generating import templates
from textfn.generating.marked import NotGenerated
from textfn.generating.routes import routes

FROZEN = TESTS / "deploy" / "routes_2026_11.txt"
# The models and dialects of November 2026, when the list was made from templates written by hand.
MODELS = (
    "all-minilm-l6-v2",
    "all-mpnet-base-v2",
    "bge-base-en-v1.5",
    "bge-large-en-v1.5",
    "bge-small-en-v1.5",
    "distilbert-sst-2-int8",
    "mfaq",
    "minilm-l6-sst2-int8",
)
# The routes that came later.
SINCE = {
    path: "SentenceSimilarity"
    for path in ("/", "/invocations", "/client/v4/accounts/{account}/ai/run")
}
DIALECTS = (cloudflare, tei, openai, huggingface)


def test_the_routes_are_those_that_were_written_by_hand() -> None:
    lines = FROZEN.read_text("utf-8").splitlines()
    frozen = dict(line.removeprefix("POST ").split(" ") for line in lines)
    assert frozen.pop("$default") == "Catalogue"
    found = routes(Catalogue(read(BUNDLED / name) for name in MODELS))
    found = {path: name for path, name in found.items() if dialects.of(path) in DIALECTS}
    assert {path: name.title().replace("_", "") for path, name in found.items()} == (frozen | SINCE)


def tiny(name: str, *aliases: str) -> Manifest:
    manifest = read(TESTS / "fixtures" / "models" / name)
    return dataclasses.replace(manifest, aliases=aliases)


def test_a_model_has_a_route_per_name_for_each_path_that_ends_in_it() -> None:
    found = routes(Catalogue([tiny("tiny-embedder", "@test/a/b", "a/B")]))
    for path in ("/models/tiny-embedder", "/models/{vendor}/a/b", "/models/a/B"):
        assert found[path] == "sentence_similarity"
    assert found["/pipeline/feature-extraction/{proxy+}"] == "text_embeddings"
    for path in ("/models/{name}", "/models/{owner}/{name}", "/models/{vendor}/{owner}/{name}"):
        assert found[f"{path}/pipeline/feature-extraction"] == "text_embeddings"


def test_names_that_a_gateway_cannot_tell_apart_are_refused() -> None:
    both = [tiny("tiny-embedder", "@a/x/y"), tiny("tiny-sentiment", "@b/x/y")]
    with pytest.raises(NotGenerated, match="{vendor}/x/y leads to .* Give"):
        routes(Catalogue(both))


def test_a_line_of_the_template_that_is_too_long_becomes_two() -> None:
    long = f"/models/{'x' * 70}/{{name}}"
    parts = templates.sam(
        {"/embed": "text_embeddings", "/models/x": "text_embeddings", long: "text_embeddings"}
    )
    assert parts["parameters"] == [
        "name: &name {name: name, in: path, required: true, schema: {type: string}}"
    ]
    assert parts["routes of TextEmbeddings"] == [
        "/embed:",
        "  post: &embeddings",
        "    x-amazon-apigateway-integration:",
        '      $ref: "#/components/x-amazon-apigateway-integrations/embeddings"',
        "/models/x: {post: *embeddings}",
        f"{long}:",
        "  {parameters: [*name], post: *embeddings}",
    ]
