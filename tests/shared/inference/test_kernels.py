"""Our own kernels: the same bits for every instruction set, in any batch, on any thread."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import TESTS
from graphs import CHECKPOINTS, TINY_MODELS, open_graph, run

from shared.inference.batching import Runs
from shared.inference.model import BadModel, Model
from shared.inference.session import Graph, kernel_library
from shared.manifest import BUNDLED, read

SENTENCES = (TESTS.parent / "benchmarks" / "sentences.txt").read_text("utf-8").splitlines()
GOLDEN = json.loads((TESTS / "golden" / "kernels.json").read_text("utf-8"))
MODELS = {name: (BUNDLED if "tiny" not in name else TINY_MODELS) / name for name in GOLDEN}
MINILM = MODELS["all-minilm-l6-v2"]

pytestmark = pytest.mark.skipif(not kernel_library(), reason="this platform has no kernels")


def digest(values: np.ndarray) -> str:
    return hashlib.sha256(values.astype("<f4").tobytes()).hexdigest()


def rows(model: Model, count: int) -> np.ndarray:
    if model.manifest.labels:
        return model.classify(SENTENCES[:count], apply="none").values
    return model.embed(SENTENCES[:count], normalize=False).values


# What another process prints: the digest of a model's numbers, and its name with the fingerprint.
PRINT = """
import sys
from pathlib import Path
from test_kernels import Model, SENTENCES, digest, read, rows
model = Model(read(Path(sys.argv[1])))
print(digest(rows(model, int(sys.argv[2]))), model.embed(SENTENCES[:1]).model)
"""


def elsewhere(folder: Path, count: int, kernels: str) -> list[str]:
    """The same in another process, with the kernels that are named."""
    environ = os.environ | {"TEXTFN_KERNELS": kernels}
    path = [str(TESTS), str(Path(__file__).parent), *sys.path]
    environ["PYTHONPATH"] = os.pathsep.join([os.environ["PYTHONPATH"], *path])
    done = subprocess.run(
        [sys.executable, "-c", PRINT, str(folder), str(count)],
        env=environ,
        capture_output=True,
        text=True,
    )
    if "no kernels named" in done.stderr:
        pytest.skip(f"this processor has no {kernels}")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("name", GOLDEN)
def test_the_numbers_are_those_of_every_processor(name: str) -> None:
    model = Model(read(MODELS[name]))
    assert digest(rows(model, GOLDEN[name]["texts"])) == GOLDEN[name]["sha256"]


@pytest.mark.parametrize("kernels", ["auto", "avx512", "avx2", "i8mm", "dotprod"])
def test_every_instruction_set_has_the_same_bits(kernels: str) -> None:
    found, _ = elsewhere(MINILM, 100, kernels)
    assert found == digest(rows(Model(read(MINILM)), 100))


@pytest.mark.parametrize("name", ["all-minilm-l6-v2", "tiny-embedder"])
def test_the_portable_kernels_have_the_same_bits(name: str) -> None:
    count = 8 if name == "all-minilm-l6-v2" else 100
    found, _ = elsewhere(MODELS[name], count, "portable")
    assert found == digest(rows(Model(read(MODELS[name])), count))


@pytest.mark.parametrize("budget", [1, 100, 256, 5000])
def test_threads_and_the_size_of_runs_change_no_bit(budget: int) -> None:
    manifest = read(MINILM)
    expected = rows(Model(manifest), 120)
    assert np.array_equal(rows(Model(manifest, Runs(3, budget)), 120), expected)


def test_the_standard_graph_answers_without_kernels_and_has_another_fingerprint() -> None:
    ours = Model(read(MINILM))
    found, name = elsewhere(MINILM, 20, "off")
    assert found != digest(rows(ours, 20))
    assert name != ours.embed(["hello"]).model
    assert name.partition("@")[0] == "all-minilm-l6-v2"


@pytest.mark.parametrize("name", ["tiny-mpnet", "tiny-xlm-roberta", "tiny-distilbert"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_every_architecture_is_near_its_standard_graph(
    name: str, pooling: str, tmp_path: Path
) -> None:
    kernels, standard = built(name, pooling, tmp_path)
    cases = json.loads((CHECKPOINTS / name / "golden.json").read_text("utf-8"))
    ids = [case["ids"] for case in cases]
    found = kernels.run(ids, pooling)
    assert found == pytest.approx(run(open_graph(standard), ids), abs=0.06)
    assert np.array_equal(np.concatenate([kernels.run([each], pooling) for each in ids]), found)


def built(name: str, pooling: str, folder: Path) -> tuple[Graph, Path]:
    from textfn.building.checkpoint import read_checkpoint
    from textfn.building.encoder_graph import build_graph
    from textfn.building.external import write_graphs
    from textfn.building.kernel_graph import write_kernel_graph

    encoder, head = read_checkpoint(CHECKPOINTS / name)
    path = folder / "model.onnx"
    write_graphs({path: build_graph(encoder, head, pooling=pooling)})
    written = write_kernel_graph(path)
    assert written
    return Graph(written), path


@pytest.mark.parametrize("ids", [[338], [-1], [0] * 33])
def test_ids_that_the_model_does_not_have_are_refused(ids: list[int]) -> None:
    graph = Graph(MODELS["tiny-embedder"] / "model.kernels.onnx")
    with pytest.raises(Exception, match="vocabulary|positions"):
        graph.run([[1, 2], ids], "mean")
    assert graph.run([[337]], "mean").shape == (1, 16)


def test_a_truncated_file_stops_the_start_with_its_name(tmp_path: Path) -> None:
    folder = shutil.copytree(MINILM, tmp_path / "minilm")
    with (folder / "model.onnx").open("r+b") as file:
        file.truncate(12_000_000)
    with pytest.raises(BadModel, match="minilm/model.onnx: "):
        Model(read(folder))


def test_a_broken_graph_stops_the_start_with_its_name(tmp_path: Path) -> None:
    folder = shutil.copytree(MODELS["tiny-embedder"], tmp_path / "tiny")
    (folder / "model.kernels.onnx").write_bytes(b"no graph")
    with pytest.raises(BadModel, match="tiny/model.kernels.onnx failed"):
        Model(read(folder))


def test_weights_that_could_clip_stop_the_start(tmp_path: Path) -> None:
    folder = shutil.copytree(MODELS["tiny-embedder"], tmp_path / "tiny")
    content = bytearray((folder / "model.onnx").read_bytes())
    content[:] = content.replace(weights(folder), b"\x7f" * len(weights(folder)))
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(BadModel, match="model.onnx.*neighbours that add up to more than 128"):
        Model(read(folder))


def weights(folder: Path) -> bytes:
    import onnx

    model = onnx.load(folder / "model.onnx")
    named = {each.name: each for each in model.graph.initializer}
    found: bytes = named["layers.1.output.weight"].raw_data
    return found
