"""What is said of an environment in which packages want other releases than those that are installed."""

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import pytest

from conformance.runner import environment_info


class Distribution:
    """As `importlib.metadata` has them."""

    version = "0.3"

    def __init__(self, name: str, requires: Sequence[str] | None) -> None:
        self.metadata, self.requires = {"Name": name}, requires


@pytest.mark.parametrize(
    ("requires", "said"),
    [
        (["jax==0.0.1", "numpy"], ["weather 0.3 requires jax==0.0.1"]),
        (["jax>=0.4", "flax"], []),
        (["jax==0.0.1; python_version < '3'"], []),
        (["jax==0.0.1; extra == 'old'"], []),
        (["not a requirement ="], []),
        (None, []),
    ],
)
def test_what_is_not_met_is_named(
    monkeypatch: pytest.MonkeyPatch, requires: Any, said: list[str]
) -> None:
    installed = [Distribution("weather", requires)]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: installed)
    assert environment_info.unmet() == said
