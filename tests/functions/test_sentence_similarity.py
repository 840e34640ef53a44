import numpy as np
import pytest
from conftest import Server

RUN = "/client/v4/accounts/me/ai/run/@hf/sentence-transformers/all-minilm-l6-v2"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PIPELINE = f"/models/{MODEL}/pipeline/sentence-similarity"
SOURCE = "That is a happy person"
SENTENCES = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]
PUBLISHED = [0.69457736, 0.94291490, 0.25687605]


def test_scores_are_in_the_envelope_on_the_cloudflare_route(server: Server) -> None:
    answer = server.post(RUN, {"source": SOURCE, "sentences": SENTENCES})
    assert answer.status == 200
    assert answer.json["result"] == pytest.approx(PUBLISHED, abs=0.02)
    assert answer.json["success"] is True


def test_a_text_serves_as_a_missing_source(server: Server) -> None:
    expected = server.post(RUN, {"source": SOURCE, "sentences": SENTENCES}).json
    assert server.post(RUN, {"text": SOURCE, "sentences": SENTENCES}).json == expected
    both = {"text": "ignored", "source": SOURCE, "sentences": SENTENCES}
    assert server.post(RUN, both).json == expected


@pytest.mark.parametrize(
    "path",
    [
        f"/models/{MODEL}",
        PIPELINE,
        f"/pipeline/sentence-similarity/{MODEL}",
        f"/hf-inference/models/{MODEL}",
        f"/hf-inference/models/{MODEL}/pipeline/sentence-similarity",
    ],
)
@pytest.mark.parametrize("spelling", ["source_sentence", "sourceSentence"])
def test_scores_are_a_bare_list_on_every_hugging_face_path(
    server: Server, path: str, spelling: str
) -> None:
    answer = server.post(path, {"inputs": {spelling: SOURCE, "sentences": SENTENCES}})
    assert answer.status == 200
    assert answer.json == pytest.approx(PUBLISHED, abs=0.02)


def test_the_inner_object_alone_is_understood(server: Server) -> None:
    answer = server.post(f"/models/{MODEL}", {"source_sentence": SOURCE, "sentences": SENTENCES})
    assert answer.json == pytest.approx(PUBLISHED, abs=0.02)


def test_the_snake_case_spelling_wins(server: Server) -> None:
    inputs = {"source_sentence": SOURCE, "sourceSentence": "ignored", "sentences": SENTENCES}
    assert server.post(PIPELINE, {"inputs": inputs}).json == pytest.approx(PUBLISHED, abs=0.02)


def test_no_sentences_have_no_scores(server: Server) -> None:
    assert server.post(RUN, {"source": SOURCE, "sentences": []}).json["result"] == []


def test_a_bare_url_chooses_the_task_by_the_body(server: Server) -> None:
    assert np.shape(server.post(f"/models/{MODEL}", {"inputs": SOURCE}).json) == (384,)
    assert server.post(RUN, {"text": SOURCE}).json["result"]["shape"] == [1, 384]


def test_an_explicit_pipeline_refuses_another_task_s_body(server: Server) -> None:
    answer = server.post(PIPELINE, {"inputs": SOURCE})
    assert answer.status == 400
    assert answer.json == {
        "error": "Input should be a valid dictionary: received `inputs` in `parameters`"
    }


WRONG = {
    "an empty object": ({}, "required properties at '/' are 'source,sentences'"),
    "no sentences": ({"source": "a"}, "required properties at '/' are 'source,sentences'"),
    "one sentence": ({"source": "a", "sentences": "b"}, "Type mismatch of '/sentences', 'array'"),
    "101 sentences": (
        {"source": "a", "sentences": ["b"] * 101},
        "Length of '/sentences' must be <= 100 not met",
    ),
    "an empty source": ({"source": "", "sentences": ["b"]}, "Length of '/source' must be >= 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_in_the_words_of_the_service(server: Server, name: str) -> None:
    body, message = WRONG[name]
    answer = server.post(RUN, body)
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, 5006)
    assert message in answer.json["errors"][0]["message"]
    assert server.post(RUN, {"source": "a", "sentences": ["b"]}).status == 200


def test_missing_fields_are_refused_in_hugging_face_s_words(server: Server) -> None:
    answer = server.post(PIPELINE, {"inputs": {"source_sentence": SOURCE}})
    assert answer.status == 400
    assert answer.json == {"error": "Field required: received `sentences` in `parameters`"}


def test_long_texts_are_cut_or_refused_as_the_caller_says(server: Server) -> None:
    inputs = {"source_sentence": "one " * 300 + "two " * 300, "sentences": ["two " * 254]}
    right = server.post(PIPELINE, {"inputs": inputs}).json
    left = server.post(PIPELINE, {"inputs": inputs, "truncation_direction": "left"}).json
    assert left == pytest.approx([1], abs=1e-6)
    assert right[0] < 0.99
    refused = server.post(PIPELINE, {"inputs": inputs, "parameters": {"truncate": False}})
    assert refused.status == 400
    assert "has 602 tokens; this model takes 256" in refused.json["error"]
