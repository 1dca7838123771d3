"""A candidate reaches neither the network, other files, the suite nor the next candidate's programs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from conformance.judge.sandbox import isolation, landlock
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
    if any("may write" in each for each in verdict.lacks):
        assert best_level == "process"
        return
    import jax

    everywhere = [Path(place) for place in places] + [Path(jax.__file__).parent / "escaped"]
    assert not [path for path in everywhere if path.exists()]


LOOKS_AROUND = """\
import glob, importlib, os, signal
found = []
assert open("/proc/self/status").read() and open("/proc/cpuinfo").read()
for place in {places!r}:
    try:
        found.append(open(place).read()[:1])
    except OSError:
        pass
for pid in {pids!r}:
    try:
        os.kill(pid, 0)
        found.append(pid)
    except OSError:
        pass
try:
    exec(importlib.import_module("conformance.judge.exercises.update").EXERCISE.solution, globals())
except Exception:
    def update(params, x, y, learning_rate):
        return params
def vectorized_square(x):
    return x * x + len(found)
"""


@pytest.mark.parametrize("level", ["best", "process"])
def test_the_suite_other_files_and_processes_are_out_of_reach(
    level: str, judge: Callable, best_level: str, tmp_path: Path
) -> None:
    level = best_level if level == "best" else level
    secret = tmp_path / "secret"
    secret.write_text("a neighbour's solution")
    places = [str(secret), str(Path(__file__)), isolation.__file__.replace("isolation", "../api")]
    places += [f"/proc/{os.getpid()}/{name}" for name in ("cmdline", "environ", "maps")]
    pids = [os.getpid(), os.getppid()] if landlock.version() >= landlock.SIGNALS else []
    verdicts = judge(LOOKS_AROUND.format(places=places, pids=pids), level=level)
    if any("file system can be read" in lack for lack in verdicts[0].lacks):
        pytest.skip("this kernel has no Landlock")
    found = {verdict.exercise: verdict.verdict for verdict in verdicts}
    assert found == {"update": "violates", "vectorized_square": "conforms"}, verdicts


LOOKS_FOR_THE_SEED = """\
import os, sys
texts = [repr(sys.argv), repr(sys.orig_argv), repr(os.environ)]
for pid in ["self", *(name for name in os.listdir("/proc/self/task"))] + {pids!r}:
    for name in ("cmdline", "environ"):
        try:
            texts.append(open(f"/proc/{{pid}}/{{name}}").read())
        except OSError:
            pass
def vectorized_square(x):
    return x * x + any("{seed}" in text for text in texts)
"""


@pytest.mark.parametrize("level", ["best", "process"])
def test_the_seed_is_in_no_command_line_or_environment(
    level: str, judge: Callable, servers: Callable, best_level: str
) -> None:
    level, seed = best_level if level == "best" else level, 987_654_321
    pids = [str(servers(level).process.pid)]
    for looked_for, verdict in ((seed, "conforms"), ("PYTHONHASHSEED", "violates")):
        source = LOOKS_FOR_THE_SEED.format(pids=pids, seed=looked_for)
        (found,) = judge(source, level=level, seed=seed)
        assert found.verdict == verdict, found
    command = (
        Path(f"/proc/{pids[0]}/cmdline").read_text() + Path(f"/proc/{pids[0]}/environ").read_text()
    )
    assert "sandbox" in command
    assert str(seed) not in command


def test_masked_directories_below_readable_ones_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "site" / "suite").mkdir(parents=True)
    (tmp_path / "site" / "jax").mkdir()
    (tmp_path / "mine").mkdir()
    for place in ("site/suite/answers", "site/jax/code", "outside"):
        (tmp_path / place).write_text("x")
    if not landlock.version():
        pytest.skip("this kernel has no Landlock")
    code = (
        "import os, sys\nfrom conformance.judge.sandbox import landlock\nplace = sys.argv[1]\n"
        "landlock.restrict([place + '/site'], [place + '/mine'], [place + '/site/suite'])\n"
        "open(place + '/site/jax/code').read()\nopen(place + '/mine/new', 'w').write('x')\n"
        "for each in ('/site/suite/answers', '/outside'):\n"
        "    try: print('read', open(place + each).read())\n"
        "    except PermissionError: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout == ""
    assert (tmp_path / "mine" / "new").read_text() == "x"


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
