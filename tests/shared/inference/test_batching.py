from hypothesis import given
from hypothesis import strategies as st

from shared.inference.batching import pad, padded, plan

LENGTHS = st.lists(st.integers(1, 512), max_size=60)


@given(LENGTHS, st.integers(1, 1024))
def test_every_text_is_in_one_run_and_no_run_exceeds_the_budget(
    lengths: list[int], budget: int
) -> None:
    runs = plan(lengths, budget)
    assert sorted(index for run in runs for index in run) == list(range(len(lengths)))
    for run in runs:
        size = len(run) * padded(max(lengths[index] for index in run))
        assert size <= budget or len(run) == 1


def test_one_long_text_does_not_make_short_ones_pay() -> None:
    lengths = [3] * 99 + [512]
    runs = plan(lengths, 256)
    total = sum(len(run) * padded(max(lengths[index] for index in run)) for run in runs)
    assert total == 99 * 4 + 512  # padded together they would be 51,200


def test_a_run_is_padded_to_a_multiple_of_four_and_masked() -> None:
    input_ids, attention_mask = pad([[7, 8, 9, 10, 11], [5]])
    assert input_ids.tolist() == [[7, 8, 9, 10, 11, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0, 0]]
    assert attention_mask.tolist() == [[1, 1, 1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]]
