"""What is said where the optional dependencies of upgrade are not installed."""

import importlib.util

import pytest

from conformance.upgrade import extra


@pytest.mark.parametrize("lacking", ["uv", "filelock"])
def test_the_extra_is_named_where_it_is_not_installed(
    lacking: str, monkeypatch: pytest.MonkeyPatch
):
    assert extra.missing_extra() is None
    monkeypatch.setattr(extra, "uv_executable", lambda: None if lacking == "uv" else "uv")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == lacking else find(name)
    )
    assert extra.missing_extra() == (
        f"building environments needs {lacking}, not installed here: "
        "pip install 'vmap-conformance[upgrade]'"
    )
