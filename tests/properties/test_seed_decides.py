"""The seed alone decides which calls are drawn, wherever the code is and whatever else is loaded."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from properties import strategies


def _drawn(among: int) -> list[int]:
    found: list[int] = []

    @seed(1)
    @settings(
        database=None, max_examples=300, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(strategies.indices(among))
    def collect(index: int) -> None:
        found.append(index)

    collect()
    return found


@pytest.mark.parametrize("among", [2**31, 5_000, 65])
def test_the_numbers_in_the_users_files_decide_no_draw(
    among: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _drawn(among)
    numbers = ", ".join(str(64 + 7 * n) for n in range(200))
    (tmp_path / f"numbers_{among}.py").write_text(f"NUMBERS = [{numbers}]\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__(f"numbers_{among}")
    try:
        assert _drawn(among) == before
    finally:
        del sys.modules[f"numbers_{among}"]
    assert before[0] == 0
    assert min(before) >= 0
    assert max(before) < among
    assert len(set(before)) > 50
