"""Lines about cells where there is no terminal: stages, items done of all, time left, problems at once."""

import io
import itertools
from collections.abc import Iterator

import pytest
from rich.console import Console

from conformance.events.user_code import Use, UserSources
from conformance.upgrade import progress
from conformance.upgrade.cells import NOTHING, Work
from conformance.upgrade.for_you import before_it_runs

ALL = Work(100, frozenset({"draws", "costs"}))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[float]:
    clock = itertools.count(100.0, 5.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    return clock


@pytest.fixture
def text() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def cells(text: io.StringIO) -> progress.CellProgress:
    return progress.CellProgress(Console(file=text, width=100), None)


@pytest.mark.usefixtures("clock")
def test_lines_are_few_and_say_what_is_left(
    cells: progress.CellProgress, text: io.StringIO
) -> None:
    cells.stage("jax", "building", NOTHING, None)
    cells.stage("jax", "building", NOTHING, ALL)
    for done in range(0, 100, 10):
        cells.stage("jax", "running", Work(done), ALL)
    cells.problem("flax", "it cannot be built")
    lines = text.getvalue().splitlines()
    assert lines[:2] == ["jax: building", "jax: running 0 of 102 items"]
    assert lines[-1] == "flax: it cannot be built"
    between = lines[3:-1]
    assert 2 <= len(between) <= 8
    assert all(" of 102 items, about " in line and line.endswith(" left") for line in between)


def test_observations_count_as_items_and_in_the_time_that_is_left(
    cells: progress.CellProgress, text: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    assert progress.effort(ALL) == 100 + 95 + 75
    for seconds, done in ((0, Work(10)), (45, Work(100)), (20, Work(100)), (20, Work(100))):
        now += seconds
        cells.stage("jax", "running", done, ALL)
    now += 55
    cells.stage("jax", "running", Work(100, frozenset({"draws", "gradients"})), ALL)
    assert text.getvalue().splitlines() == [
        "jax: running 10 of 102 items",
        # 90 checks took 45 s, and what is left takes as long as 170.
        "jax: observing 100 of 102 items, about 85 s left",
        # Nothing ended since; the time goes by.
        "jax: observing 100 of 102 items, about 65 s left",
        "jax: observing 100 of 102 items, about 45 s left",
        "jax: observing 101 of 102 items, about 57 s left",
    ]


def test_that_it_takes_longer_is_said_once_the_time_has_run_out(
    cells: progress.CellProgress, text: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    for seconds, done in ((0, Work(10)), (90, Work(100)), (160, Work(100)), (20, Work(100))):
        now += seconds
        cells.stage("jax", "running", done, ALL)
    now += 20
    cells.stage("jax", "running", Work(100, frozenset({"draws", "gradients"})), ALL)
    assert [line.partition(" items, ")[2] for line in text.getvalue().splitlines()[1:]] == [
        "about 3 min left",
        "about 10 s left",
        "longer than estimated",
        "about 2 min left",
    ]


@pytest.mark.usefixtures("clock")
def test_what_does_not_apply_is_not_counted_beyond_the_plan(
    cells: progress.CellProgress, text: io.StringIO
) -> None:
    cells.stage("jax", "running", Work(1898, frozenset({"draws"})), ALL)
    assert text.getvalue() == "jax: observing 101 of 102 items\n"


FIX = Use(file="a.py", line=3, name="jax.numpy.fix")


@pytest.mark.parametrize(
    ("uses", "gone", "said"),
    [
        ([FIX], True, ["FOR YOU, SO FAR  1 file  1 thing to do", "  a.py:3  jax.numpy.fix  gone"]),
        ([FIX], False, ["FOR YOU, SO FAR  1 file", "  of 1 name of JAX and Flax that your files"]),
        ([], False, ["FOR YOU, SO FAR  1 file", "  your files use no name of JAX or Flax"]),
    ],
)
def test_what_is_known_before_anything_runs_is_said_with_where_the_rest_comes(
    uses: list[Use],
    gone: bool,
    said: list[str],
    cells: progress.CellProgress,
    text: io.StringIO,
) -> None:
    key = "names/jax.numpy.fix"
    new = {key: {"absent": "no fix"} if gone else True}
    sources = UserSources(files=1, uses=uses, unreadable=[])
    cells.found("jax 1 to jax 2", before_it_runs(sources, {}, {}, {key: True}, new))
    first, *lines, last = text.getvalue().splitlines()
    assert first == "jax 1 to jax 2"
    assert [line.startswith(words) for line, words in zip(lines, said, strict=True)] == [True, True]
    assert last == "  Now the checks run: the whole answer comes at the end, these lines in it."
