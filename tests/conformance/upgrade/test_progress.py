"""Lines about cells where there is no terminal: stages, items done of all, time left, problems at once."""

import io
import itertools

import pytest
from rich.console import Console

from conformance.upgrade import progress


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(100, 5)
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))


@pytest.mark.usefixtures("seconds")
def test_lines_are_few_and_say_what_is_left() -> None:
    text = io.StringIO()
    cells = progress.CellProgress(Console(file=text, width=100), None)
    cells.stage("jax", "building", 0, None)
    cells.stage("jax", "building", 0, None)
    for done in range(0, 100, 10):
        cells.stage("jax", "running", done, 100)
    cells.stage("jax", "running", 100, 100)
    cells.problem("flax", "it cannot be built")
    lines = text.getvalue().splitlines()
    assert lines[:2] == ["jax: building", "jax: running 0 of 100 items"]
    assert lines[-2:] == ["jax: observing", "flax: it cannot be built"]
    between = lines[2:-2]
    assert 2 <= len(between) <= 6
    assert all(" of 100 items, about " in line and line.endswith(" s left") for line in between)
