"""A candidate reaches neither the network, other files, the suite nor the next candidate's programs."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from conformance.judge.sandbox import isolation
from conformance.judge.submissions import Submission
from tests.conformance.judge.attacks import RIGHT


@pytest.mark.parametrize("level", ["best", "process"])
def test_no_connection_leaves_the_sandbox(level: str, judge: Callable, best_level: str) -> None:
    level = best_level if level == "best" else level
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = listener.getsockname()
        source = (
            "import socket\ndef vectorized_square(x):\n"
            f"    socket.create_connection({address!r}, timeout=2)\n    return x * x\n"
        )
        (verdict,) = judge(source, level=level)
        if "the network is open" in verdict.lacks:
            return
        assert verdict.verdict == "error"
        assert "Error" in verdict.message, verdict
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_nothing_is_written_outside_the_directory(
    judge: Callable, best_level: str, tmp_path: Path
) -> None:
    places = [str(tmp_path / "escaped"), "/tmp/escaped", "/escaped", "/usr/escaped", "escaped"]
    source = (
        "import os, jax\n"
        f"PLACES = {places!r} + [os.path.join(os.path.dirname(jax.__file__), 'escaped')]\n"
        "def vectorized_square(x):\n"
        "    for place in PLACES:\n"
        "        try: open(place, 'w').write('x')\n"
        "        except OSError: pass\n"
        "    return x * x\n"
    )
    (verdict,) = judge(source)
    assert verdict.verdict == "conforms"
    if best_level == "process":
        assert any("may write" in each for each in verdict.lacks)
        return
    import jax

    everywhere = [Path(place) for place in places] + [Path(jax.__file__).parent / "escaped"]
    assert not [path for path in everywhere if path.exists()]


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("level", ["best", "process"])
def test_no_candidate_changes_what_the_next_one_finds_compiled(
    level: str, judge: Callable, best_level: str, compiled: Path
) -> None:
    source = (
        "import os, jax\n"
        f"PLACES = ['/compiled', {str(compiled)!r}, jax.config.jax_compilation_cache_dir]\n"
        "def spoil(path):\n"
        "    with open(path, 'wb') as file: file.write(b'spoilt')\n"
        "def vectorized_square(x):\n"
        "    for place in PLACES:\n"
        "        there = os.listdir(place) if os.path.isdir(place) else []\n"
        "        for name in [*there, 'new']:\n"
        "            for way in (spoil, os.remove):\n"
        "                try: way(os.path.join(place, name))\n"
        "                except OSError: pass\n"
        "    return x * x\n"
    )
    level = best_level if level == "best" else level
    if level == "process" and os.geteuid() != 0:
        assert any("files and processes" in lack for lack in isolation.lacking(level))
        return
    before = content(compiled)
    assert before
    (verdict,) = judge(source, level=level)
    assert verdict.verdict == "conforms", verdict
    assert content(compiled) == before


def test_a_file_that_loads_only_the_first_time_gets_its_verdicts(
    judge: Callable, monkeypatch: pytest.MonkeyPatch, nothing_left: Callable, best_level: str
) -> None:
    """The second function's processes load the file anew, and may fare otherwise."""
    from conformance.judge import worker_run

    load, loads = worker_run.load, []

    def failing(
        run: worker_run.WorkerRun, submission: Submission, *rest: object
    ) -> worker_run.Loaded:
        loads.append(submission.path)
        ending = b"import os; os._exit(3)" if len(loads) > 2 else b""
        changed = attrs.evolve(submission, source=submission.source + ending)
        return load(run, changed, *rest)

    monkeypatch.setattr(worker_run, "load", failing)
    dot = "def vectorized_dot_product(x, y):\n    return (x * y).sum(1)\n"
    first, second = judge(RIGHT + dot)
    assert (first.exercise, first.verdict) == ("vectorized_dot_product", "conforms")
    assert (second.exercise, second.verdict) == ("vectorized_square", "crashed")
    assert "while the file was loaded" in second.message
    nothing_left(best_level)


def test_the_suite_cannot_be_read(judge: Callable, best_level: str) -> None:
    """Where there are namespaces, neither its modules nor its files are to be found."""
    root = Path(__file__).resolve().parents[3]
    source = (
        "import os, sys\n"
        f"ROOTS = [{str(root)!r}, *sys.path]\n"
        "def vectorized_square(x):\n"
        "    found = [os.path.join(r, n) for r in ROOTS for n in ('reference', 'conformance')\n"
        "             if os.path.isdir(os.path.join(r, n)) and os.listdir(os.path.join(r, n))]\n"
        "    assert not found, found\n"
        "    for name in ('reference.loop', 'conformance.judge.exercises.vectorized_square'):\n"
        "        try: __import__(name)\n"
        "        except ImportError: continue\n"
        "        raise AssertionError(name)\n"
        "    return x * x\n"
    )
    (verdict,) = judge(source)
    if best_level == "process":
        assert any("can be read" in each for each in verdict.lacks)
    else:
        assert verdict.verdict == "conforms", verdict


@pytest.mark.parametrize(
    "name", ["reference.py", "conformance.py", "jax.py", "worker.py", "json.py"]
)
def test_a_file_named_like_a_module_is_only_a_file(name: str, judge: Callable) -> None:
    (verdict,) = judge(RIGHT, name=name)
    assert verdict.verdict == "conforms"
    assert Path(verdict.candidate).name == name
