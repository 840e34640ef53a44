"""The checks that an installation and a bundle have in common."""

from textfn.checking.checks import compare


def test_another_version_is_untested_and_a_missing_package_fails() -> None:
    found = {"numpy": "1.0", "onnxruntime": "", "anyio": "4"}
    checks = list(compare(found, {"numpy": "2.0", "onnxruntime": "1", "anyio": "4"}, "install"))
    assert [(each.state, each.found) for each in checks] == [
        ("fail", "missing: onnxruntime"),
        ("warn", "untested: numpy 1.0 instead of 2.0"),
    ]
