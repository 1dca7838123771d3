"""Candidates that deceive: wrong answers that compare equal, patched libraries, forged messages."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.judge.attacks import (
    Attack,
    assert_right_verdict_and_nothing_left,
    at_each_level,
    body,
)

FRAME = "\n".join(
    (
        "import json, os, struct",
        "def frame(header, blobs=()):",
        "    text = json.dumps({**header, 'arrays': [len(b) for b in blobs]}).encode()",
        "    body = struct.pack('<I', len(text)) + text + b''.join(blobs)",
        "    return struct.pack('<Q', len(body)) + body",
    )
)

ATTACKS = {
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
        without_namespaces=True,
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
    "changes-the-input": Attack(
        body("x *= x", "return x"), ("violates",), "changed", without_namespaces=True
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
}


@at_each_level(ATTACKS)
def test_an_attack_ends_as_the_right_verdict_and_leaves_nothing(
    level: str, attack: Attack, judge: Callable, nothing_left: Callable, best_level: str
) -> None:
    level = best_level if level == "best" else level
    assert_right_verdict_and_nothing_left(level, attack, judge, nothing_left)


def test_wrong_only_after_many_calls_is_found_within_the_calls_made(judge: Callable) -> None:
    late = "global n\n    n += 1\n    return x * x if n <= 30 else x * x + 1"
    (verdict,) = judge(f"n = 0\ndef vectorized_square(x):\n    {late}\n", examples=100)
    assert verdict.verdict == "violates"


def test_terminal_escapes_and_flood_are_tamed(judge: Callable) -> None:
    from conformance.judge import feedback

    source = body("print('\\x1b[2J' + 'x' * 100_000)", "return x + 1")
    (verdict,) = judge(source)
    shown = feedback.text(verdict)
    assert verdict.printed_bytes > 100_000
    assert "\x1b" not in shown
    assert len(shown) < 4000
