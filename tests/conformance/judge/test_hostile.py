"""Nothing a candidate does harms the machine, the next candidate, or the verdict."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from conformance.judge.sandbox import isolation
from conformance.judge.submissions import Submission

RIGHT = "def vectorized_square(x):\n    return x * x\n"


@attrs.frozen
class Attack:
    """A hostile candidate, and the verdicts that are right for it."""

    source: str
    verdicts: tuple[str, ...]
    says: str = ""


def body(*lines: str, before: str = "") -> str:
    return f"{before}\ndef vectorized_square(x):\n" + "\n".join(f"    {line}" for line in lines)


FRAME = "\n".join(
    (
        "import json, os, struct",
        "def frame(header, blobs=()):",
        "    text = json.dumps({**header, 'arrays': [len(b) for b in blobs]}).encode()",
        "    body = struct.pack('<I', len(text)) + text + b''.join(blobs)",
        "    return struct.pack('<Q', len(body)) + body",
    )
)

ATTACKS: dict[str, Attack] = {
    "infinite-loop": Attack(body("while True: pass"), ("timeout",)),
    "infinite-loop-on-load": Attack("while True: pass\n" + RIGHT, ("timeout",), "loading"),
    "sleep": Attack(body("import time; time.sleep(10_000)"), ("timeout",)),
    "stops-itself": Attack(
        body("import os; os.kill(os.getpid(), 19)", "return x * x"), ("timeout",)
    ),
    "recursion": Attack(body("return vectorized_square(x)"), ("error",), "RecursionError"),
    "fork-bomb": Attack(
        body("import os", "while True: os.fork()"), ("error", "crashed", "timeout")
    ),
    "thread-bomb": Attack(
        body(
            "import threading, time",
            "while True: threading.Thread(target=time.sleep, args=(1000,)).start()",
        ),
        ("error", "crashed"),
    ),
    "memory-bomb": Attack(
        body("import numpy as np; held = []", "while True: held.append(np.empty(10**8))"),
        ("error",),
        "allocate",
    ),
    "memory-bomb-at-once": Attack(
        body("import numpy as np", "return np.ones(10**10)"), ("error",), "Unable to allocate"
    ),
    "memory-bomb-of-many": Attack(
        body(
            "import os, time",
            "for _ in range(20):",
            "    if os.fork() == 0:",
            "        held = bytearray(10**9)",
            "        for place in range(0, 10**9, 4096): held[place] = 1",
            "        time.sleep(1000)",
            "time.sleep(1000)",
        ),
        ("crashed", "timeout"),
    ),
    "huge-output": Attack(
        body("import numpy as np", "return np.zeros(10**8, np.float32)"), ("violates",), "400000000"
    ),
    "huge-output-of-nothing": Attack(
        body("import numpy as np", "return np.broadcast_to(np.float32(0), (10**12,))"),
        ("violates",),
        "1000000000000",
    ),
    "flood-with-right-answer": Attack(
        body(
            "import sys",
            "for stream in (sys.stdout, sys.stderr):",
            "    for _ in range(100): print('x' * 10_000, file=stream)",
            "return x * x",
        ),
        ("conforms",),
    ),
    "flood-without-end": Attack(
        body("import sys", "while True: print('x' * 10_000); print('y' * 10_000, file=sys.stderr)"),
        ("timeout",),
    ),
    "os-exit": Attack(body("import os; os._exit(0)"), ("crashed",), "exit status 0"),
    "os-exit-on-load": Attack("import os; os._exit(0)\n" + RIGHT, ("crashed",), "exit status 0"),
    "sys-exit": Attack(body("import sys; sys.exit(0)"), ("error",), "SystemExit"),
    "sys-exit-on-load": Attack("import sys; sys.exit(0)\n" + RIGHT, ("error",), "SystemExit"),
    "keyboard-interrupt": Attack(body("raise KeyboardInterrupt"), ("error",), "KeyboardInterrupt"),
    "signal-ignoring": Attack(
        body(
            "import signal",
            "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:",
            "    signal.signal(number, signal.SIG_IGN)",
            "while True: pass",
        ),
        ("timeout",),
    ),
    "kills-its-parent": Attack(
        body(
            "import os",
            "try: os.kill(os.getppid(), 9)",
            "except PermissionError: pass",
            "return x * x",
        ),
        ("conforms",),
    ),
    "segmentation-fault": Attack(
        body("import ctypes; ctypes.string_at(0)"), ("crashed",), "signal 11"
    ),
    "abort": Attack(body("import os; os.abort()"), ("crashed",), "signal 6"),
    "stack-overflow": Attack(
        body(
            "import sys, threading",
            "sys.setrecursionlimit(10**8)",
            "def deep(n): return max([n], key=lambda v: deep(v + 1))",
            "return deep(0)",
        ),
        ("crashed", "error"),
    ),
    "equal-to-everything": Attack(
        body(
            "return Equal()",
            before="class Equal:\n    shape = dtype = property(lambda self: self)\n"
            "    def __eq__(self, other): return True\n    __hash__ = None\n",
        ),
        ("violates",),
    ),
    "nan-as-wildcard": Attack(body("return x * float('nan')"), ("violates",), "nan"),
    "infinity": Attack(body("return x + float('inf')"), ("violates",), "inf"),
    "lying-subclass": Attack(
        body(
            "return (x * 0 + 7).view(Liar)",
            before="import numpy as np\nclass Liar(np.ndarray):\n"
            "    def __eq__(self, other): return np.ones(self.shape, bool)\n"
            "    def __sub__(self, other): return np.zeros(self.shape)\n    __rsub__ = __sub__\n"
            "    def __abs__(self): return np.zeros(self.shape)\n"
            "    def tobytes(self, *a): return b''\n",
        ),
        ("violates",),
    ),
    "object-array": Attack(
        body("import numpy as np", "return np.array([v * v for v in x], dtype=object)"),
        ("violates",),
        "object",
    ),
    "pickle": Attack(
        body(
            "import numpy as np; return np.array([Bomb()], dtype=object)",
            before="import os\nclass Bomb:\n"
            "    def __reduce__(self): return os.system, ('touch escaped',)\n",
        ),
        ("violates",),
    ),
    "patches-the-libraries": Attack(
        body(
            "return x * 0",
            before="import sys, builtins, json, struct\nimport numpy as np, jax\n"
            "import numpy.testing\nnp.array_equal = np.allclose = np.equal = lambda *a, **k: True\n"
            "np.abs = lambda v: v * 0\nnp.any = lambda *a, **k: False\n"
            "np.testing.assert_allclose = lambda *a, **k: None\n"
            "try:\n    import chex\n    chex.assert_trees_all_close = lambda *a, **k: None\n"
            "except ImportError: pass\n"
            "jax.jit = jax.vmap = lambda f, *a, **k: f\n"
            "jax.random.PRNGKey = lambda seed: np.zeros(2, np.uint32)\n"
            "jax.numpy.allclose = jax.numpy.array_equal = lambda *a, **k: True\n"
            "sys.modules['sandbox.observe'].take = lambda: {}\n",
        ),
        ("violates",),
    ),
    "patches-the-worker": Attack(
        body(
            "return x * 0",
            before="import sys\nworker = sys.modules['sandbox.worker']\n"
            "worker.answer = lambda module, header, arrays: ({'id': header['id'], 'correct': True,"
            " 'verdict': 'conforms', 'dtypes': [], 'weak': [], 'answer': {'value': True}}, [])\n",
        ),
        ("violates", "crashed"),
    ),
    "breaks-the-worker": Attack(
        body("return x * x", before="import json\njson.dumps = lambda *a, **k: '}{'\n"),
        ("crashed",),
    ),
    "finds-a-reference-in-memory": Attack(
        body(
            "import gc, sys",
            "import numpy as np",
            "found = [m for m in sys.modules if m.split('.')[0] in ('reference', 'properties')]",
            "found += [m for m in sys.modules if m.startswith(('conformance', 'hypothesis'))]",
            "known = [o for o in gc.get_objects() if type(o).__name__ in NAMES]",
            "arrays = [o for o in gc.get_objects() if isinstance(o, np.ndarray)",
            "          and o.shape == x.shape and o.dtype == np.float64 and np.allclose(o, x * x)]",
            "frame, seen = sys._getframe(), []",
            "while frame is not None:",
            "    seen += [*frame.f_locals.values(), *frame.f_globals.values()]",
            "    frame = frame.f_back",
            "known += [o for o in seen if type(o).__name__ in NAMES]",
            "arrays += [o for o in seen if isinstance(o, np.ndarray) and o is not x",
            "           and o.shape == x.shape and np.allclose(o, x * x)]",
            "assert not found and not known and not arrays, (found, known, arrays)",
            "return x * 0",
            before="NAMES = ('Expectations', 'Exercise', 'Answer', 'Pitfall', 'Rounded')\n",
        ),
        ("violates",),
    ),
    "writes-to-the-pipe": Attack(
        body(
            "for fd in range(3, 256):",
            "    try: os.write(fd, frame({'id': 0, 'verdict': 'conforms'}))",
            "    except OSError: pass",
            "return x * 0",
            before=FRAME,
        ),
        ("violates", "crashed"),
    ),
    "writes-noise-to-the-pipe": Attack(
        body(
            "for fd in range(3, 256):",
            "    try: os.write(fd, b'\\xff' * 4096)",
            "    except OSError: pass",
            "return x * x",
            before="import os",
        ),
        ("crashed",),
        "is no answer",
    ),
    "closes-every-descriptor": Attack(
        body("import os; os.closerange(0, 4096)", "return x * x"), ("crashed",)
    ),
    "reads-the-requests": Attack(
        body("import os; os.read(100, 10**6)", "return x * x"), ("timeout", "crashed")
    ),
    "answers-from-call-counts": Attack(
        body(
            "global count", "count += 1", "return x * x if count <= 4 else x", before="count = 0\n"
        ),
        ("violates",),
    ),
    "wrong-now-and-then": Attack(
        body("import os", "return x * x + (os.urandom(1)[0] < 128)"), ("violates",)
    ),
    "remembers-the-last-answer": Attack(
        body(
            "global kept",
            "kept = x * x if kept is None or kept.shape != x.shape else kept",
            "return kept",
            before="kept = None\n",
        ),
        ("violates",),
    ),
    "changes-the-input": Attack(body("x *= x", "return x"), ("violates",), "changed"),
    "reads-stdin": Attack(body("input()", "return x * x"), ("error",), "EOFError"),
    "leaves-a-daemon": Attack(
        body(
            "if os.fork() == 0:",
            "    os.setsid()",
            "    if os.fork() == 0:",
            "        for fd in range(3, 256):",
            "            try: os.close(fd)",
            "            except OSError: pass",
            "        time.sleep(10_000)",
            "    os._exit(0)",
            "return x * x",
            before="import os, time",
        ),
        ("conforms",),
    ),
    "leaves-a-daemon-without-a-supervisor": Attack(
        body(
            "if os.fork() == 0:",
            "    os.setsid()",
            "    for fd in range(3, 256):",
            "        try: os.close(fd)",
            "        except OSError: pass",
            "    time.sleep(10_000)",
            "try: os.kill(os.getppid(), 9)",
            "except PermissionError: pass",
            "return x * x",
            before="import os, time",
        ),
        ("conforms",),
    ),
    "exception-that-cannot-be-printed": Attack(
        body("raise ValueError('\\ud800')"), ("error",), "ValueError"
    ),
    "takes-the-input-apart": Attack(
        body("y = x * x; x.resize(0, refcheck=False)", "return y"), ("violates",), "changed"
    ),
    "exception-that-will-not-be-read": Attack(
        body(
            "raise Odd",
            before="class Odd(Exception):\n    def __str__(self): raise RuntimeError\n",
        ),
        ("error",),
        "cannot be read",
    ),
    "fills-its-directory": Attack(
        body(
            "with open('much', 'wb') as file:",
            "    while True: file.write(b'x' * 10**6); file.flush()",
        ),
        ("error", "crashed"),
    ),
}


WITHOUT_NAMESPACES = (
    "fork-bomb",
    "thread-bomb",
    "memory-bomb",
    "memory-bomb-of-many",
    "os-exit",
    "signal-ignoring",
    "kills-its-parent",
    "leaves-a-daemon",
    "leaves-a-daemon-without-a-supervisor",
    "fills-its-directory",
    "segmentation-fault",
    "writes-noise-to-the-pipe",
    "changes-the-input",
)
"""Attacks that the weaker level has to withstand by other means."""

CASES = [("best", name) for name in ATTACKS] + [("process", name) for name in WITHOUT_NAMESPACES]


@pytest.mark.parametrize(("level", "name"), CASES, ids=[f"{name}-{level}" for level, name in CASES])
def test_an_attack_ends_as_the_right_verdict_and_leaves_nothing(
    level: str, name: str, judge: Callable, nothing_left: Callable, best_level: str
) -> None:
    attack = ATTACKS[name]
    level = best_level if level == "best" else level
    (verdict,) = judge(attack.source, level=level)
    reached = "getppid" in attack.source and any("user are not" in lack for lack in verdict.lacks)
    assert verdict.verdict in (("crashed", "conforms") if reached else attack.verdicts), verdict
    assert attack.says in verdict.message, verdict
    nothing_left(level)
    (next_one,) = judge(RIGHT, level=level)
    assert next_one.verdict == "conforms", next_one
    assert next_one.printed == ""


def test_wrong_only_after_many_calls_is_found_within_the_calls_made(judge: Callable) -> None:
    late = "global n\n    n += 1\n    return x * x if n <= 30 else x * x + 1"
    (verdict,) = judge(f"n = 0\ndef vectorized_square(x):\n    {late}\n", examples=100)
    assert verdict.verdict == "violates"


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


def test_terminal_escapes_and_flood_are_tamed(judge: Callable) -> None:
    from conformance.judge import feedback

    source = body("print('\\x1b[2J' + 'x' * 100_000)", "return x + 1")
    (verdict,) = judge(source)
    shown = feedback.text(verdict)
    assert verdict.printed_bytes > 100_000
    assert "\x1b" not in shown
    assert len(shown) < 4000
