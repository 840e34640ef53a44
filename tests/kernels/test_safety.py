"""No model and no text makes the C code leave its arrays: gcc's sanitizers watch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from programs import drive, sanitized, write_model, write_texts

OK, MODEL_REFUSED, TEXTS_REFUSED = 0, 2, 3
KERNELS = ["avx512", "avx2", "portable"]
QUIET = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def tensors(config: dict[str, Any], sizes: dict[str, int], seed: int) -> list[Any]:
    """A model of any shape, in the order of kernels/encoder.h."""
    random = np.random.default_rng(seed)
    width, inner = sizes["width"], sizes["inner"]

    def whole(*shape: int) -> Any:
        return random.integers(-64, 65, shape, np.int8)

    def real(*shape: int) -> Any:
        return random.normal(0, 0.05, shape).astype(np.float32)

    def linear(rows: int, columns: int, *, bias: bool = True) -> list[Any]:
        return [whole(rows, columns), real(columns), *([real(columns)] if bias else [])]

    made = [whole(sizes["words"], width), real(sizes["words"], 1), real(sizes["positions"], width)]
    made += [real(width), real(width)]
    if config["relative"]:
        made.append(real(config["heads"], 2 * sizes["positions"] - 1))
    for _ in range(config["layers"]):
        made += [*linear(width, width), *linear(width, width, bias=False)]
        made += [*linear(width, width, bias=False), *linear(width, width), real(width)]
        made += [real(width), real(width), *linear(width, inner), *linear(inner, width)]
        made += [real(width), real(width), real(width)]
    if config["head"]:
        made += [*linear(width, width), *linear(width, sizes["labels"])]
    return made


CONFIGS = st.fixed_dictionaries(
    {
        "numerics": st.just(1),
        "layers": st.integers(1, 3),
        "heads": st.sampled_from([1, 2, 4]),
        "first_only": st.integers(0, 1),
        "relative": st.integers(0, 1),
        "head": st.integers(0, 2),
        "epsilon": st.sampled_from([1e-12, 1e-5, 0.0]),
    }
)
SIZES = st.fixed_dictionaries(
    {
        "width": st.sampled_from([16, 32, 48, 80, 128, 256]),
        "inner": st.sampled_from([16, 32, 112, 512]),
        "words": st.integers(1, 40),
        "positions": st.integers(1, 70),
        "labels": st.sampled_from([1, 2, 3, 16, 17, 40]),
    }
)
LENGTHS = st.lists(st.integers(1, 70), max_size=12)


@QUIET
@given(CONFIGS, SIZES, LENGTHS, st.integers(0, 2**32), st.sampled_from(KERNELS))
def test_every_shape_runs_or_is_refused(
    tmp_path: Path, config: Any, sizes: Any, lengths: Any, seed: int, kernels: str
) -> None:
    write_model(tmp_path / "model", config, tensors(config, sizes, seed))
    ids = np.random.default_rng(seed).integers(0, sizes["words"], sum(lengths))
    write_texts(tmp_path / "texts", lengths, list(ids))
    done = drive([sanitized("address,undefined")], tmp_path, kernels, threads=2)
    too_long = any(length > sizes["positions"] for length in lengths)
    assert done.returncode == (TEXTS_REFUSED if too_long else OK), done.stderr


SMALL = {"width": 32, "inner": 32, "words": 9, "positions": 8, "labels": 3}
PLAIN = {"numerics": 1, "layers": 2, "heads": 2, "first_only": 0, "relative": 1, "head": 1}
PLAIN["epsilon"] = 1e-12  # type: ignore[assignment]


@QUIET
@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=6), st.lists(st.integers(-2, 12)))
@example([8], [0] * 8)
@example([9], [0] * 9)
@example([2**31 - 1], [0])
@example([-1], [])
@example([1], [9])
@example([1], [-1])
def test_lengths_and_ids_of_any_value(tmp_path: Path, lengths: Any, ids: Any) -> None:
    write_model(tmp_path / "model", PLAIN, tensors(PLAIN, SMALL, 1))
    write_texts(tmp_path / "texts", lengths, ids)
    good = all(1 <= length <= 8 for length in lengths) and all(0 <= id < 9 for id in ids)
    done = drive([sanitized("address,undefined")], tmp_path)
    expected = OK if good and sum(lengths) == len(ids) else TEXTS_REFUSED
    assert done.returncode == expected, done.stderr


@QUIET
@given(st.integers(0, 55), st.sampled_from(["type", "rank", "rows", "nan", "infinite", "pairs"]))
def test_a_wrong_tensor_is_refused(tmp_path: Path, index: int, fault: str) -> None:
    made = tensors(PLAIN, SMALL, 1)
    index %= len(made)
    tensor = made[index]
    is_matrix = tensor.dtype == np.int8 and index > 0
    if fault == "type":
        made[index] = tensor.astype(np.int8 if tensor.dtype == np.float32 else np.float32)
    elif fault == "rank":
        made[index] = tensor.reshape(-1) if tensor.ndim == 2 else tensor.reshape(1, -1)
    elif fault == "rows":
        made[index] = np.concatenate([tensor, tensor])
    elif fault in ("nan", "infinite") and tensor.dtype == np.float32:
        tensor.flat[-1] = np.nan if fault == "nan" else np.inf
    elif fault == "pairs" and is_matrix:
        tensor[-2:, -1] = 65, 64
    else:
        return
    write_model(tmp_path / "model", PLAIN, made)
    write_texts(tmp_path / "texts", [1], [0])
    done = drive([sanitized("address,undefined")], tmp_path)
    # Twice the words are other words: their scales no longer fit them.
    assert done.returncode == MODEL_REFUSED, (index, fault, done.stderr)


@QUIET
@given(
    st.dictionaries(st.sampled_from(sorted(PLAIN)), st.integers(-(2**63), 2**63 - 1), min_size=1)
)
def test_a_configuration_of_any_value(tmp_path: Path, changes: Any) -> None:
    config = PLAIN | {name: changes[name] for name in changes if name != "epsilon"}
    write_model(tmp_path / "model", config, tensors(PLAIN, SMALL, 1))
    write_texts(tmp_path / "texts", [1], [0])
    assert drive([sanitized("address,undefined")], tmp_path).returncode in (OK, MODEL_REFUSED)


def test_numbers_that_overflow_stay_inside_the_arrays(tmp_path: Path) -> None:
    made = tensors(PLAIN, SMALL, 1)
    for tensor in made:
        if tensor.dtype == np.float32:
            tensor *= np.float32(1e38)
    write_model(tmp_path / "model", PLAIN, made)
    write_texts(tmp_path / "texts", [8, 3], [1] * 11)
    for kernels in KERNELS:
        done = drive([sanitized("address,undefined")], tmp_path, kernels)
        assert done.returncode == OK, done.stderr


@pytest.mark.parametrize("threads", [2, 8])
def test_threads_share_an_encoder(tmp_path: Path, threads: int) -> None:
    write_model(tmp_path / "model", PLAIN, tensors(PLAIN, SMALL, 1))
    write_texts(tmp_path / "texts", [8, 3, 1] * 200, [1, 2, 3] * 800)
    done = drive([sanitized("thread")], tmp_path, threads=threads)
    assert done.returncode == OK, done.stderr
