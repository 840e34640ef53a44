"""What is said of the size of a bundle."""

import pytest

from textfn.bundling.inventory import MOST_UNZIPPED, TooBig, check_size, check_upload


def test_a_bundle_that_aws_would_refuse_is_refused_with_its_biggest_parts() -> None:
    sizes = {"models/big/model.onnx.data": MOST_UNZIPPED - 9, "numpy/a.so": 10}
    with pytest.raises(TooBig, match=r"models/big 262\.1 MB, numpy 0\.0 MB.*smaller model"):
        check_size(sizes)
    assert "models/big" in check_size({"models/big/model.onnx": 250_000_000})[0]
    assert check_size({"models/small/model.onnx": 100_000_000}) == []


def test_a_zip_for_which_s3_is_needed_is_told() -> None:
    assert check_upload(52_428_800) == []
    assert "S3" in check_upload(52_428_801)[0]
