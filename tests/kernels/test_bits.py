"""Equal bits: every instruction set of x86 and of arm64, two compilers, 1,000 varied texts."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from programs import ROOT, cross, drive, sanitized, write_graph, write_texts

from shared.inference.tokenization import Tokenization

MODELS = ["models/all-minilm-l6-v2", "models/minilm-l6-sst2-int8"]
MODELS += ["tests/fixtures/models/tiny-embedder", "tests/fixtures/models/tiny-sentiment"]
SENTENCES = (ROOT / "benchmarks" / "sentences.txt").read_text("utf-8").splitlines()
# Words repeated, cut and joined: from one token to the most that a model takes.
TEXTS = [*SENTENCES, *(" ".join(SENTENCES[n : n + n % 9])[: 7 * n] for n in range(500))][:1000]
# An emulator, a sanitizer and the portable kernels get fewer texts of the real models.
FEW = 24


class Case(NamedTuple):
    """A model and texts in a folder, with the rows of the best kernels of this processor."""

    folder: Path
    few: Path

    def same(self, few: bool = False) -> bool:
        folder = self.few if few else self.folder
        return (folder / "rows").read_bytes() == (folder / "expected").read_bytes()


@pytest.fixture(scope="module", params=MODELS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    source = ROOT / request.param
    real = request.param.startswith("models")
    tokenization = Tokenization(source / "tokenizer.json", 256 if real else 32)
    ids = [tokenization.encode(text, "right")[0] for text in TEXTS]
    folders = []
    for texts in (ids, ids[:: len(ids) // FEW] if real else ids):
        folders.append(tmp_path_factory.mktemp("model"))
        write_graph(folders[-1] / "model", source / "model.kernels.onnx")
        write_texts(folders[-1] / "texts", [len(each) for each in texts], sum(texts, []))
        assert drive([cross("textfn-linux-x86_64.so")], folders[-1]).returncode == 0
        (folders[-1] / "rows").rename(folders[-1] / "expected")
    return Case(*folders)


@pytest.mark.parametrize("kernels", ["avx512", "avx2", "portable"])
def test_x86_has_the_same_bits(case: Case, kernels: str) -> None:
    few = kernels == "portable"
    done = drive([cross("textfn-linux-x86_64.so")], case.few if few else case.folder, kernels)
    if "no kernels named" in done.stderr:
        pytest.skip(f"this processor has no {kernels}")
    assert done.returncode == 0 and case.same(few)


@pytest.mark.parametrize("kernels", ["i8mm", "dotprod", "portable"])
def test_arm64_has_the_same_bits(case: Case, kernels: str) -> None:
    emulator = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if not emulator:
        pytest.skip("qemu-user is not installed")
    command = [emulator, "-cpu", "max", cross("textfn-linux-aarch64.so")]
    done = drive(command, case.few, kernels)
    assert done.returncode == 0, done.stderr
    assert case.same(few=True)


def test_gcc_has_the_same_bits_in_four_threads(case: Case) -> None:
    done = drive([sanitized("address,undefined")], case.few, threads=4)
    assert done.returncode == 0, done.stderr
    assert case.same(few=True)
