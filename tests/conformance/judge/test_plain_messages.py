"""What a student is told says what happened to the file, and nothing of how it is judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.judge import feedback
from conformance.judge.error_texts import of_text
from conformance.judge.sandbox.tracebacks import condensed, without_foreign

LIMITS = {
    "BlockingIOError: [Errno 11] Resource temporarily unavailable": "too-many-processes",
    "RuntimeError: can't start new thread": "too-many-processes",
    "MemoryError: Unable to allocate 381. MiB for an array": "too-much-memory",
    "MemoryError: ": "too-much-memory",
    "OSError: [Errno 12] Cannot allocate memory": "too-much-memory",
    "JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes": "too-much-memory",
    "OSError: [Errno 28] No space left on device": "too-much-disk",
    "OSError: [Errno 27] File too large": "too-much-disk",
    "OSError: [Errno 9] Bad file descriptor": None,
    "RuntimeError: cannot reuse already awaited coroutine": None,
    "BlockingIOError: would block": None,
}


@pytest.mark.parametrize("text", LIMITS)
def test_a_limit_that_was_met_is_named(text: str) -> None:
    found = of_text(text, {})
    assert (found and found.pitfall) == LIMITS[text]


def test_a_fork_bomb_is_told_that_it_started_too_many_processes(judge: Callable) -> None:
    bomb = "import os\ndef vectorized_square(x):\n    while True: os.fork()\n"
    (verdict,) = judge(bomb)
    if verdict.verdict == "error":  # else it was stopped first, and the message has the limit
        assert verdict.diagnosis.pitfall == "too-many-processes"
    else:
        assert "more processes than its limit" in verdict.message, verdict


CALLBACK = """\
import jax, numpy as np
def host(x):
    return np.asarray(x) / np.ones((7, 7))[:, :3] @ np.ones(5)
def vectorized_square(x):
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.jit(lambda v: jax.pure_callback(host, shape, v))(x)
"""


@pytest.mark.parametrize("level", ["namespaces", "process"])
def test_a_callbacks_traceback_keeps_the_students_own_lines(
    level: str, judge: Callable, best_level: str
) -> None:
    if level == "namespaces" != best_level:
        pytest.skip("there are no namespaces here")
    (verdict,) = judge(CALLBACK, level=level, patience=20.0)
    assert verdict.verdict == "error", verdict
    shown = feedback.text(verdict)
    assert "ValueError: " in verdict.message
    assert "Traceback" not in verdict.message
    assert "line 3 in host: return np.asarray(x)" in shown
    assert 'File "solution.py", line 3, in host' in verdict.printed
    for of_the_judge in ("sandbox", "site-packages", "start_worker"):
        assert of_the_judge not in shown


def test_only_frames_of_others_are_left_out() -> None:
    own = '  File "/candidate/work/hw.py", line 3, in f\n    return 1 / 0\n           ~~^~~\n'
    ours = '  File "/usr/lib/python3/site-packages/jax/x.py", line 9, in g\n    h()\n    ^^^\n'
    text = (
        f"before\nTraceback (most recent call last):\n{ours}{own}{ours}ZeroDivisionError: by zero\n"
    )
    assert without_foreign(text) == text.replace(ours, "")
    assert without_foreign("File of mine\n  line 3\n") == "File of mine\n  line 3\n"
    message, frames = condensed(text, lambda file: file.startswith("/candidate/"))
    assert message == "before\nZeroDivisionError: by zero\n"
    assert frames == [("/candidate/work/hw.py", 3, "f")]
    assert condensed(f"no heading\n{own}", lambda file: True) == (f"no heading\n{own}", [])


def test_a_file_that_breaks_python_is_told_so(judge: Callable) -> None:
    (verdict,) = judge("import builtins\nbuiltins.len = lambda *a: 0 / 0\n")
    assert verdict.verdict == "crashed"
    assert "the file seems to have changed Python" in verdict.message
    assert "start_worker" not in verdict.printed
    (verdict,) = judge("import os\nos._exit(71)\n")
    assert verdict.message.startswith("its process ended with exit status 71")


def test_what_came_in_place_of_numbers_is_a_sentence(judge: Callable) -> None:
    for answer, said in (("{}", "a dict object"), ("Odd()", "an Odd object"), ("None", "None")):
        (verdict,) = judge(
            f"class Odd: pass\ndef vectorized_square(x):\n    return {answer}\n", patience=20.0
        )
        assert verdict.message.startswith(f"the answer is {said}; expected"), verdict
    (verdict,) = judge("async def vectorized_square(x):\n    return x * x\n", patience=20.0)
    assert verdict.diagnosis.pitfall == "async-function"
    assert verdict.printed == ""  # no warning that nobody awaited it


def test_an_error_without_words_is_its_name(judge: Callable) -> None:
    (verdict,) = judge("def vectorized_square(x):\n    raise KeyError\n")
    assert verdict.message == "KeyError"


def test_an_argument_changed_in_place_is_named_where_the_answer_is_wrong_too(
    judge: Callable,
) -> None:
    layer = (
        "def vectorized_linear_layer(weights, biases, inputs):\n"
        "    {}\n"
        "    return inputs @ weights + biases\n"
    )
    (verdict,) = judge(layer.format("biases += 1"), patience=20.0)
    assert verdict.verdict == "violates"
    assert "the function also changes what it is given, in place: biases" in verdict.remarks
    (verdict,) = judge(layer.format("biases = biases + 1"), patience=20.0)
    assert verdict.verdict == "violates"
    assert verdict.remarks == ()


def test_a_misspelt_function_is_named_beside_one_that_is_judged(judge: Callable) -> None:
    square = "def vectorized_square(x):\n    return x * x\n"
    (verdict,) = judge(square + "def vectorised_dot_product(x, y): ...\n", patience=20.0)
    assert verdict.verdict == "conforms"
    (remark,) = verdict.remarks
    assert remark.startswith(
        "vectorised_dot_product was not judged: it would have to be called vec"
    )
    for name in ("dot_product", "square", "loss", "train", "forward", "update_all", "add"):
        (verdict,) = judge(square + f"def {name}(x, y): ...\n", patience=20.0)
        assert verdict.remarks == (), name


def test_a_task_for_devices_that_uses_none_has_a_remark(judge: Callable) -> None:
    alone = "import jax\ndef parallel_compute(data):\n    return jax.vmap(lambda x: x * x)(data)\n"
    for none in (alone, f"# equal shards\n{alone}"):
        (verdict,) = judge(none, patience=20.0)
        assert verdict.verdict == "conforms"
        assert "no map over devices" in verdict.remarks[0]
    for other in (alone.replace("vmap", "pmap"), alone.replace("x * x", "x")):
        (verdict,) = judge(other, patience=20.0)
        assert verdict.remarks == (), verdict


BREAKS_PYTHON = (
    "def vectorized_square(x):\n    return x * x\nimport builtins\nbuiltins.isinstance = None\n"
)
BREAKS_IN_A_CALL = (
    "import json\ndef vectorized_square(x):\n    json.dumps = None\n    return x * x\n"
)


@pytest.mark.parametrize(
    "source", [BREAKS_PYTHON, BREAKS_IN_A_CALL], ids=["at the top", "in a call"]
)
def test_what_breaks_the_judges_own_code_is_no_bare_exit_status(
    judge: Callable, source: str
) -> None:
    (verdict,) = judge(source, patience=20.0)
    assert verdict.verdict == "crashed"
    assert "the judge's own code in its process failed" in verdict.message


@pytest.mark.parametrize("status", [0, 1, 70])
@pytest.mark.parametrize("source", ["{}", "def vectorized_square(x):\n    {}\n"])
def test_no_exit_status_of_a_file_is_blamed_on_the_judge(
    judge: Callable, source: str, status: int
) -> None:
    (verdict,) = judge("import os\n" + source.format(f"os._exit({status})"), patience=20.0)
    assert verdict.verdict == "crashed"
    assert f"its process ended with exit status {status} " in verdict.message


def test_a_signal_is_named(judge: Callable) -> None:
    (verdict,) = judge("import ctypes\nctypes.string_at(0)\n", patience=20.0)
    assert "signal 11 (segmentation fault)" in verdict.message


def test_the_answers_axes_are_told_by_what_the_task_asks_for(judge: Callable) -> None:
    one = (
        "import jax.numpy as jnp\ndef loss_fn(params, x, y):\n"
        "    for w, b in params:\n        x = jnp.tanh(x @ w + b)\n"
    )
    (verdict,) = judge(one + "    return jnp.mean((x - y) ** 2, keepdims=True)\n", patience=20.0)
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.pitfall == "too-many-axes"
    assert "reshape(-1)" not in verdict.diagnosis.fix


def test_an_array_of_as_many_rows_as_there_are_devices_is_told_to_be_one(judge: Callable) -> None:
    (verdict,) = judge(
        "import jax, jax.numpy as jnp\ndef parallel_scale(x, factor):\n"
        "    fs = jnp.full((jax.device_count(),), factor)\n    return jax.pmap(jnp.multiply)(x, fs)\n",
        patience=20.0,
    )
    assert verdict.diagnosis is not None
    assert "more in one array than in another" in verdict.diagnosis.symptom, verdict


def test_a_module_that_lies_beside_is_no_package_to_install(
    judge: Callable, tmp_path: Path
) -> None:
    (tmp_path / "my_helpers.py").write_text("def square(x):\n    return x * x\n")
    source = "import {}\ndef vectorized_square(x):\n    return {}.square(x)\n"
    for name, remarks in (("my_helpers", 0), ("a_package_that_nobody_has", 1)):
        (verdict,) = judge(source.replace("{}", name))
        assert verdict.verdict == "error"
        assert len(verdict.remarks) == remarks, verdict
