import numpy as np
import pytest
from conftest import Server

RUN = "/client/v4/accounts/me/ai/run/@test/tiny-sentiment"
GREAT, AWFUL = "This pizza is great!", "This pizza is awful!"


def test_a_text_is_classified_best_label_first(server: Server) -> None:
    for text, best in ((GREAT, "POSITIVE"), (AWFUL, "NEGATIVE")):
        answer = server.post(RUN, {"text": text})
        assert answer.status == 200
        first, second = answer.json["result"]
        assert (first["label"], set(first)) == (best, {"label", "score"})
        assert first["score"] > 0.9
        assert first["score"] + second["score"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "path",
    [
        "/models/test/tiny-sentiment",
        "/models/test/tiny-sentiment/pipeline/text-classification",
        "/pipeline/text-classification/test/tiny-sentiment",
        "/hf-inference/models/test/tiny-sentiment",
        "/hf-inference/models/test/tiny-sentiment/pipeline/text-classification",
    ],
)
def test_hugging_face_answers_are_nested_for_a_text_and_for_a_list(
    server: Server, path: str
) -> None:
    one = server.post(path, {"inputs": GREAT, "parameters": {}}).json
    both = server.post(path, {"inputs": [GREAT, AWFUL]}).json
    assert [each["label"] for each in one[0]] == ["POSITIVE", "NEGATIVE"]
    assert both[0] == one[0]
    assert [each["label"] for each in both[1]] == ["NEGATIVE", "POSITIVE"]


PATH = "/models/test/tiny-sentiment"


@pytest.mark.parametrize("where", ["root", "parameters"])
def test_top_k_and_the_function_are_read_at_the_root_and_in_parameters(
    server: Server, where: str
) -> None:
    def ask(**options: object) -> list[dict[str, float]]:
        more = {"parameters": options} if where == "parameters" else options
        found: list[list[dict[str, float]]] = server.post(PATH, {"inputs": GREAT, **more}).json
        return found[0]

    assert [each["label"] for each in ask(top_k=1)] == ["POSITIVE"]
    assert len(ask(top_k=7)) == 2
    both = {"inputs": AWFUL, "top_k": 1, "parameters": {"inputs": GREAT, "top_k": 2}}
    assert [each["label"] for each in server.post(PATH, both).json[0]] == ["NEGATIVE"]
    softmax, none = ask(function_to_apply="softmax"), ask(function_to_apply="none")
    assert softmax == ask()
    logits = np.array([each["score"] for each in none])
    assert np.exp(logits) / np.exp(logits).sum() == pytest.approx(
        [each["score"] for each in softmax], abs=1e-6
    )
    assert 1 / (1 + np.exp(-logits)) == pytest.approx(
        [each["score"] for each in ask(function_to_apply="sigmoid")], abs=1e-6
    )


@pytest.mark.parametrize("name", ["sigmoid", "SIGMOID", "Sigmoid"])
def test_the_case_of_the_function_does_not_matter(server: Server, name: str) -> None:
    """transformers reads it in upper case, huggingface_hub sends lower case."""
    none = server.post(PATH, {"inputs": GREAT, "function_to_apply": "none"}).json[0]
    found = server.post(PATH, {"inputs": GREAT, "function_to_apply": name}).json[0]
    expected = [1 / (1 + np.exp(-each["score"])) for each in none]
    assert [each["score"] for each in found] == pytest.approx(expected, abs=1e-6)


def test_without_all_scores_the_best_label_is_left_as_transformers_does(server: Server) -> None:
    def labels(**options: object) -> list[str]:
        (found,) = server.post(PATH, {"inputs": GREAT, **options}).json
        return [each["label"] for each in found]

    assert labels(return_all_scores=False) == ["POSITIVE"]
    assert labels(return_all_scores=True) == ["POSITIVE", "NEGATIVE"]
    assert labels(return_all_scores=False, top_k=2) == ["POSITIVE", "NEGATIVE"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"top_k": 0}, "/top_k is too small. Send 1 or more."),
        ({"top_k": "1"}, "Input should be a valid integer: received `top_k` in `parameters`"),
        ({"top_k": True}, "Input should be a valid integer: received `top_k` in `parameters`"),
        ({"function_to_apply": "tanh"}, "Send one of: softmax, sigmoid, none."),
        ({"parameters": [1]}, "Input should be a valid dictionary: received `parameters`"),
        ({"inputs": "great " * 40, "truncate": False}, "has 42 tokens; this model takes 32"),
    ],
)
def test_a_wrong_option_is_refused(server: Server, options: dict[str, object], error: str) -> None:
    answer = server.post(PATH, {"inputs": GREAT, **options})
    assert answer.status == 400
    assert error in answer.json["error"]


WRONG = {
    "nothing": ({}, "required properties at '/' are 'text'"),
    "a list": ({"text": [GREAT]}, "Type mismatch of '/text', 'string' not in 'array'"),
    "a batch": ({"requests": [{"text": GREAT}]}, "'/requests' is not supported"),
    "an empty text": ({"text": ""}, "Length of '/text' must be >= 1 not met"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_in_the_words_of_the_service(server: Server, name: str) -> None:
    body, message = WRONG[name]
    answer = server.post(RUN, body)
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, 5006)
    assert message in answer.json["errors"][0]["message"]
    assert server.post(RUN, {"text": GREAT}).status == 200


def test_missing_inputs_are_refused_in_hugging_face_s_words(server: Server) -> None:
    answer = server.post("/models/test/tiny-sentiment", {})
    assert answer.status == 400
    assert answer.json == {"error": "Field required: received `inputs` in `parameters`"}


def test_a_classifier_has_no_vectors(server: Server) -> None:
    answer = server.post("/v1/embeddings", {"model": "tiny-sentiment", "input": GREAT})
    assert answer.status == 404
    answer = server.post("/pipeline/feature-extraction/test/tiny-sentiment", {"inputs": GREAT})
    assert answer.status == 404
