"""Programs that are lowered with one context."""

import inspect
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest
from jax._src.interpreters import mlir

from conformance.runner import mlir_context


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """The thread of each context that JAX itself makes."""
    contexts: list[int] = []
    make = mlir.make_ir_context

    def counted():
        contexts.append(threading.get_ident())
        return make()

    monkeypatch.setattr(mlir, "make_ir_context", counted)
    monkeypatch.setattr(mlir_context, "_taken", 0)
    return contexts


def lower_new_program() -> None:
    answer = jax.jit(lambda x: x + 1)(np.ones(3, np.float32))
    np.testing.assert_array_equal(answer, [2, 2, 2])


def test_programs_share_a_context_that_is_renewed(made, monkeypatch):
    monkeypatch.setattr(mlir_context, "PROGRAMS", 2)
    with mlir_context.shared():
        for _ in range(3):
            lower_new_program()
    assert len(made) == 2


def test_afterwards_each_program_has_its_own(made):
    with pytest.raises(ZeroDivisionError), mlir_context.shared():
        raise ZeroDivisionError
    for _ in range(3):
        lower_new_program()
    assert len(made) == 3


def test_another_thread_makes_its_own(made):
    with mlir_context.shared():
        lower_new_program()
        thread = threading.Thread(target=lower_new_program)
        thread.start()
        thread.join()
        lower_new_program()
    first, second = made
    assert first == threading.get_ident() != second


@jax.jit
def evaluated_earlier(x):
    with jax.ensure_compile_time_eval():
        ones = jax.numpy.ones(3)
        solved = jax.numpy.linalg.solve(jax.numpy.eye(3), ones) + jax.numpy.sort(ones)
    return x * solved


def test_what_is_evaluated_while_a_program_is_lowered_has_a_context_of_its_own(tmp_path):
    # A program that is looked for in the compilation cache is copied: into the one around it, if they share.
    cached = """
import sys
import jax, numpy as np
jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
from conformance.runner import mlir_context
SOURCE
with mlir_context.shared():
    print(evaluated_earlier(np.ones(3, np.float32)).tolist())
"""
    source = inspect.getsource(evaluated_earlier.__wrapped__)
    done = subprocess.run(
        [sys.executable, "-c", cached.replace("SOURCE", source), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[2.0, 2.0, 2.0]\n", done.stderr


def test_a_release_without_the_name_lowers_as_it_does(monkeypatch):
    make = mlir.make_ir_context
    monkeypatch.delattr(mlir, "make_ir_context")
    with mlir_context.shared():
        assert not hasattr(mlir, "make_ir_context")
        monkeypatch.setattr(mlir, "make_ir_context", make, raising=False)
        lower_new_program()
