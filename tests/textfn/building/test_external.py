"""Two graphs over one data file, as base-size models have them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from graphs import CHECKPOINTS, TINY_MODELS

from shared.inference.model import BadModel, Model
from shared.manifest import read
from textfn.building import external
from textfn.building.build import build


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """tiny-embedder, built as if it were big."""
    monkeypatch.setattr(external, "BIG", 10_000)
    (tmp_path / "manifest.toml").write_bytes(
        (TINY_MODELS / "tiny-embedder" / "manifest.toml").read_bytes()
    )
    build(CHECKPOINTS / "tiny-embedder", tmp_path)
    return tmp_path


def test_a_big_model_gives_the_same_bits_from_a_data_file(big: Path) -> None:
    apart, whole = Model(read(big)), Model(read(TINY_MODELS / "tiny-embedder"))
    for pooling in ("mean", "cls"):
        found = apart.embed(["hello world", "a"], pooling=pooling).values
        assert np.array_equal(found, whole.embed(["hello world", "a"], pooling=pooling).values)


def test_both_poolings_share_the_weights(big: Path) -> None:
    mean, cls = (onnx.load(big / name, load_external_data=False) for name in
                 ("model.onnx", "model-cls.onnx"))  # fmt: skip
    places = [
        {
            tensor.name: [(entry.key, entry.value) for entry in tensor.external_data]
            for tensor in external.tensors(model)
            if tensor.external_data
        }
        for model in (mean, cls)
    ]
    assert places[0] == places[1]
    assert {("location", external.DATA)} < set(places[0]["word_embeddings"])
    assert not any(int(dict(each)["offset"]) % 4096 for each in places[0].values())


def test_the_second_pooling_is_opened_with_the_model(big: Path) -> None:
    (big / "model-cls.onnx").write_bytes(b"spoiled")
    with pytest.raises(BadModel, match="model-cls.onnx"):
        Model(read(big))


def test_a_small_model_is_one_file(tmp_path: Path) -> None:
    manifest = (TINY_MODELS / "tiny-embedder" / "manifest.toml").read_bytes()
    (tmp_path / "manifest.toml").write_bytes(manifest)
    build(CHECKPOINTS / "tiny-embedder", tmp_path)
    assert not (tmp_path / external.DATA).exists()
