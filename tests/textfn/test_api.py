"""`textfn.open` and what it returns, against the numbers of independent implementations."""

import json
import multiprocessing
import pickle
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from conftest import TESTS

import textfn

SENTENCES = (TESTS.parent / "benchmarks" / "sentences.txt").read_text("utf-8").split("\n")
PUBLISHED = json.loads((TESTS / "golden" / "published.json").read_text("utf-8"))
GUIDE = (TESTS.parent / "docs" / "python.md").read_text("utf-8")

minilm = textfn.open("all-minilm-l6-v2")
sentiment = textfn.open("minilm-l6-sst2-int8")
tiny = textfn.open("tiny-embedder")


def test_vectors_are_near_those_of_torch() -> None:
    with np.load(TESTS / "golden" / "references.npz") as references:
        lines, expected = references["lines"][::8], references["vectors"][::8]
    vectors = minilm.embed(SENTENCES[line - 1] for line in lines)
    assert (vectors.shape, vectors.dtype) == ((30, 384), np.float32)
    cosines = (vectors * expected).sum(axis=1)
    assert cosines.min() >= 0.990
    assert cosines.mean() >= 0.9985


def test_vectors_that_are_not_normalized_are_near_the_published_one() -> None:
    text = "What is Deep Learning?"
    expected = np.array(PUBLISHED[text]["vector"])
    found = minilm.embed([text], normalize=False)[0]
    assert np.linalg.norm(found - expected) < 0.1 * np.linalg.norm(expected)
    assert np.linalg.norm(minilm.embed([text])) == pytest.approx(1, abs=1e-6)


def test_similarities_are_those_that_hugging_face_publishes() -> None:
    sentences = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    scores = minilm.similarity("That is a happy person", sentences)
    assert (scores.shape, scores.dtype) == ((3,), np.float32)
    assert scores == pytest.approx([0.69457736, 0.94291490, 0.25687605], abs=0.02)


def test_labels_come_with_the_best_one_first_and_add_up_to_1() -> None:
    good, bad = sentiment.classify(["This pizza is great!", "This pizza is awful."])
    assert [each["label"] for each in good] == ["POSITIVE", "NEGATIVE"]
    assert [each["label"] for each in bad] == ["NEGATIVE", "POSITIVE"]
    assert sum(each["score"] for each in good) == pytest.approx(1)
    json.dumps(good)  # plain Python numbers


def test_the_pooling_of_a_call_is_used() -> None:
    default, mean, cls = (tiny.embed(["hello world"], pooling=each) for each in ("", "mean", "cls"))
    assert np.array_equal(default, cls)  # the model's own
    assert not np.allclose(mean, cls, atol=0.01)


def test_no_texts_give_no_rows() -> None:
    assert minilm.embed([]).shape == (0, 384)
    assert minilm.similarity("a", []).shape == (0,)
    assert sentiment.classify([]) == []


def test_texts_may_be_any_iterable_of_strings() -> None:
    texts = ["an orange cloud", "a llama"]
    expected = minilm.embed(texts)
    for each in (tuple(texts), iter(texts), np.array(texts), dict.fromkeys(texts)):
        assert np.array_equal(minilm.embed(each), expected)


@pytest.mark.parametrize(
    "name", ["sentence-transformers/all-MiniLM-L6-v2", "@hf/sentence-transformers/ALL-minilm-l6-v2"]
)
def test_any_name_of_a_model_opens_it(name: str) -> None:
    model = textfn.open(name)
    assert model.name == "all-minilm-l6-v2"
    assert repr(model) == "textfn.open('all-minilm-l6-v2')"
    assert np.array_equal(model.embed(["a"]), minilm.embed(["a"]))


def test_an_unknown_name_is_told_with_those_that_look_like_it() -> None:
    with pytest.raises(textfn.UnknownModel, match="No such model all-minilm-l6") as error:
        textfn.open("all-minilm-l6")
    assert "id you mean all-minilm-l6-v2" in error.value.__notes__[0]


@pytest.mark.parametrize("name", ["bge-base-en-v1.5", "@cf/huggingface/distilbert-sst-2-int8"])
def test_a_model_that_is_not_installed_is_told_with_the_command_and_no_other_answers(
    name: str,
) -> None:
    with pytest.raises(textfn.ModelNotInstalled, match="textfn models pull "):
        textfn.open(name)


def test_a_task_that_the_model_cannot_do_is_refused_with_those_that_it_can() -> None:
    for call in (sentiment.embed, lambda texts: sentiment.similarity("a", texts)):
        with pytest.raises(ValueError, match="minilm-l6-sst2-int8 is a model for text-classific"):
            call(["a"])
    with pytest.raises(ValueError, match="for text-embeddings and sentence-similarity, not for"):
        minilm.classify(["a"])


def test_a_pooling_that_the_model_has_not_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(ValueError, match="pooling is 'cls'; all-minilm-l6-v2 has 'mean'"):
        minilm.embed(["a"], pooling="cls")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ("a text", "texts is one string; give a list of strings"),
        (["a", None], r"texts\[1\] is None; give strings only"),
        ([["a", "b"]], r"texts\[0\] is of type list"),
        (b"bytes", r"texts\[0\] is of type int"),
        (3, "texts is of type int; give a list of strings"),
        (None, "texts is None; give a list of strings"),
    ],
)
def test_what_is_not_a_list_of_strings_is_refused_with_its_place(
    texts: Iterable[str], said: str
) -> None:
    for call in (minilm.embed, sentiment.classify):
        with pytest.raises(TypeError, match=said):
            call(texts)
    with pytest.raises(TypeError, match=said.replace("texts", "sentences")):
        minilm.similarity("a", texts)


def test_a_source_that_is_not_one_string_is_refused() -> None:
    with pytest.raises(TypeError, match="source is of type list; give one string"):
        minilm.similarity(["a"], ["b"])  # type: ignore[arg-type]


def test_a_pickle_holds_the_name() -> None:
    pickled = pickle.dumps(minilm)
    assert len(pickled) < 200
    assert np.array_equal(pickle.loads(pickled).embed(["a"]), minilm.embed(["a"]))


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # Python 3.12, of forks
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_method_can_be_sent_to_other_processes(method: str) -> None:
    minilm.embed(SENTENCES[:40])  # so that the threads of this process run already
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.apply_async(minilm.embed, [SENTENCES[:40]]).get(timeout=60)
    assert np.array_equal(found, minilm.embed(SENTENCES[:40]))


def test_the_import_is_light_and_open_is_not() -> None:
    code = "import sys, textfn; {}; print(*sys.modules)"
    for call, expected in [("textfn.open", set()), ("textfn.open('tiny-embedder')", {"numpy"})]:
        done = subprocess.run(
            [sys.executable, "-c", code.format(call)], capture_output=True, text=True, check=True
        )
        heavy = {"numpy", "onnxruntime", "tokenizers", "uvicorn", "starlette", "orjson"}
        assert heavy & set(done.stdout.split()) >= expected
        if not expected:
            assert not heavy & set(done.stdout.split())


def test_the_guide_works(tmp_path: Path) -> None:
    script = tmp_path / "guide.py"
    script.write_text("\n".join(re.findall(r"^```python\n(.*?)^```", GUIDE, re.M | re.S)))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
