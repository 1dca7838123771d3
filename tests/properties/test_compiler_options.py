"""Compiling in less time, where a process may, and as users do where it matters."""

import jax
import numpy as np
import pytest
from jax._src import compiler

from properties import compiler_options

ONE = np.ones(3, np.float32)


@pytest.fixture
def given(monkeypatch) -> list[dict]:
    """The options that each program is compiled with."""
    seen = []
    get = compiler.get_compile_options

    def noted(*arguments, env_options_overrides=None, **others):
        seen.append(dict(env_options_overrides or {}))
        return get(*arguments, env_options_overrides=env_options_overrides, **others)

    monkeypatch.setattr(compiler, "get_compile_options", noted)
    return seen


def compile_new_program() -> None:
    np.testing.assert_array_equal(jax.jit(lambda x: x * 3)(ONE), 3 * ONE)


def test_every_program_is_compiled_fast_but_where_the_default_is_asked_for(given):
    fast = dict(compiler_options.fast())
    assert fast["xla_backend_optimization_level"] == 0
    given.clear()
    with compiler_options.fast_everywhere():
        compile_new_program()
        with compiler_options.defaults():
            compile_new_program()
        compile_new_program()
    compile_new_program()
    assert given == [fast, {}, fast, {}]


def test_what_a_program_asks_for_itself_comes_first(given):
    asked = {"xla_backend_optimization_level": 2}
    compiler_options.fast()
    given.clear()
    with compiler_options.fast_everywhere():
        jax.jit(lambda x: x * 3).lower(ONE).compile(compiler_options=asked)
    assert given == [{**compiler_options.fast(), **asked}]


def test_a_release_without_the_name_compiles_as_it_does(monkeypatch):
    compiler_options.fast()
    get = compiler.get_compile_options
    monkeypatch.delattr(compiler, "get_compile_options")
    with compiler_options.fast_everywhere():
        assert not hasattr(compiler, "get_compile_options")
        monkeypatch.setattr(compiler, "get_compile_options", get, raising=False)
        compile_new_program()
