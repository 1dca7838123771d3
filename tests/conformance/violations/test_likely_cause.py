"""The cause says what raised and where, and whether the compilation cache alone is wrong."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from conformance import own
from conformance.testing import assert_conforms
from conformance.transforms import TRANSFORMS
from conformance.user_subjects.places import short
from conformance.user_subjects.subjects import registered
from conformance.violations import own_code
from conformance.violations.describe import describe
from conformance.violations.likely_cause import likely_cause
from conformance.violations.recheck import ONLY_FROM_CACHE, is_only_from_cache
from properties.call import Axes, Call, FunctionCall, ModuleCall
from properties.law import Violation, violation
from properties.laws import LAWS
from properties.subjects import SUBJECTS

LAW = LAWS["mapping.equals-per-example"]
HONEST = TRANSFORMS["jax.vmap"]
CALL: Call = FunctionCall("square", {"batch": 3, "m": 2, "n": 4}, (Axes((0,)),))


def broken(change: Callable[[Any], Any]) -> Any:
    """`jax.vmap` with its result changed."""
    return attrs.evolve(HONEST, map=lambda f, axes: lambda *a: change(HONEST.map(f, axes)(*a)))


def found_in(transform: Any, call: Call = CALL) -> Violation:
    """What the law finds."""
    found = violation(LAW, transform, call)
    assert found is not None
    return found


def test_an_exception_is_named_with_its_place_in_jax() -> None:
    transform = broken(lambda x: x.reshape(7))
    cause = likely_cause(LAW, transform, found_in(transform))
    assert cause is not None
    assert cause.startswith("TypeError is raised in jax/_src/")
    assert cause.endswith("; the unmapped call does not raise")


def test_an_exception_of_the_unmapped_call_too_is_the_librarys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raising = attrs.evolve(SUBJECTS["square"], function=lambda x: jnp.reshape(x, (7,)))
    found = found_in(broken(lambda x: x.reshape(7)))
    monkeypatch.setitem(SUBJECTS, "square", raising)
    monkeypatch.setattr(
        "conformance.violations.likely_cause.violation", lambda law, transform, call: found
    )
    cause = likely_cause(LAW, HONEST, found)
    assert cause is not None
    assert "the unmapped call raises, too" in cause


def test_another_exception_than_the_one_due_is_named_too() -> None:
    law, call = LAWS["errors.axis-out-of-range"], attrs.evolve(CALL, axes=(Axes((7,)),))
    transform = attrs.evolve(HONEST, map=lambda f, axes: lambda *a: {}[0])
    found = violation(law, transform, call)
    assert found is not None
    assert found.mismatch.due == "ValueError"
    assert likely_cause(law, transform, found) == "KeyError is raised"


def leaks(xs: Any) -> Any:
    return xs - xs.mean(0)


def raises(xs: Any) -> Any:
    raise ValueError("no batches")


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        (leaks, "batched= gives this of the whole batch"),
        (raises, "batched= raises it of the whole"),
        (True, "the function gives this of the whole batch"),
    ],
)
def test_what_a_users_function_gives_of_a_whole_batch_is_no_librarys_fault(
    whole: Any, said: str
) -> None:
    law = LAWS["mapping.whole-batch"]
    subject = own.function("mine", lambda x: x - x.mean(0), [("n",)], batched=whole)
    with registered(subject):
        call = FunctionCall("mine", {"batch": 3, "n": 4}, (Axes((0,)),))
        found = violation(law, HONEST, call)
        assert found is not None
        cause = likely_cause(law, HONEST, found)
    assert cause is not None
    assert said in cause
    assert "library" not in cause


class Normed(nn.Module):
    """One example's axes are all but the first of what nn.GroupNorm normalises."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.GroupNorm(1)(x)


def test_what_a_users_module_gives_of_a_whole_batch_is_its_fault_and_what_takes_axis_0_is_named() -> (
    None
):
    with pytest.raises(AssertionError) as failed:
        assert_conforms(Normed(), [(3, 2)], batched=True, laws=["sharing.native-broadcast"])
    said = " ".join(str(failed.value).split())
    assert "the module gives this of the whole batch, without a map" in said
    assert "nn.GroupNorm, which takes its input's first axis for the batch's" in said


def test_a_users_module_with_a_batch_axis_for_its_norm_conforms() -> None:
    module = nn.GroupNorm(1, reduction_axes=(-2, -1))
    assert_conforms(module, [(3, 2)], batched=True, laws=["sharing.native-broadcast"])


def test_a_known_fault_is_named() -> None:
    transform = broken(lambda x: x[::-1])
    cause = likely_cause(LAW, transform, found_in(transform))
    assert cause == "the examples come out in reverse order (batch-reversed)"


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[None]:
    """A persistent compilation cache of this test alone."""
    config: Any = jax.config
    before = (config.jax_enable_compilation_cache, config.jax_compilation_cache_dir)
    jax.config.update("jax_enable_compilation_cache", True)
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    compilation_cache.reset_cache()
    yield
    jax.config.update("jax_enable_compilation_cache", before[0])
    jax.config.update("jax_compilation_cache_dir", before[1])
    compilation_cache.reset_cache()


@pytest.mark.usefixtures("cache")
def test_what_is_wrong_only_with_the_cache_is_said_to_be() -> None:
    config: Any = jax.config
    transform = broken(lambda x: x + config.jax_enable_compilation_cache)
    found = found_in(transform)
    assert is_only_from_cache(LAW, transform, found)
    assert describe(LAW, transform, found).cause == ONLY_FROM_CACHE
    assert config.jax_enable_compilation_cache


@pytest.mark.usefixtures("cache")
def test_what_is_wrong_without_the_cache_too_is_not() -> None:
    transform = broken(lambda x: x + 1)
    assert not is_only_from_cache(LAW, transform, found_in(transform))


@pytest.mark.parametrize("name", ["flax.linen.vmap", "flax.nnx.vmap"])
@pytest.mark.parametrize("raises", [False, True])
def test_of_a_module_it_says_whether_making_it_unmapped_raises(name: str, raises: bool) -> None:
    honest = TRANSFORMS[name]
    if reason := honest.unavailable():
        pytest.skip(reason)
    law = LAWS["sharing.equals-per-example"]
    sharing: Any = {"variable_axes": {"params": None}, "split_rngs": {"params": False}}
    call = ModuleCall("dense", {"batch": 3, "m": 2, "n": 4}, (Axes((0,), 0),), **sharing)
    broken = attrs.evolve(
        honest, lift=lambda call: honest.lift(call)._replace(apply=lambda *_: 1 / 0)
    )
    if raises:
        broken = attrs.evolve(broken, make_unmapped=lambda call: 1 / 0)
    found = violation(law, broken, call)
    assert found is not None
    cause = likely_cause(law, broken, found)
    assert cause is not None
    assert cause.startswith("ZeroDivisionError is raised")
    said = "raises, too: the fault is the library's" if raises else "does not raise"
    assert f"; making the module unmapped {said}" in cause


@pytest.mark.parametrize("traced_alone", [True, False])
def test_a_call_that_is_right_without_jit_says_so(traced_alone: bool) -> None:
    def change(x: jax.Array) -> jax.Array:
        wrong = isinstance(x, jax.core.Tracer) or not traced_alone
        return x.at[0, 0, 0].add(7.5) if wrong else x

    transform = broken(change)
    cause = likely_cause(LAW, transform, found_in(transform))
    assert (cause is not None and cause.startswith("the same call is right without jax.jit")) == (
        traced_alone
    )


@jax.custom_batching.custom_vmap
def centred(x: Any) -> Any:
    return x - x.mean()


@centred.def_vmap
def centred_rule(size: int, batched: Any, x: Any) -> Any:
    return x - x.mean(axis=0), True


@jax.custom_batching.custom_vmap
def scaled(x: Any) -> Any:
    return x * 2


@scaled.def_vmap
def scaled_rule(size: int, batched: Any, x: Any) -> Any:
    return x.reshape(7), True


def of_own(function: Any) -> str:
    with registered(own.function("mine", function, [("n",)])):
        found = found_in(HONEST, FunctionCall("mine", {"batch": 3, "n": 4}, (Axes((0,)),)))
        cause = likely_cause(LAW, HONEST, found)
    assert cause is not None
    return cause


def test_a_users_own_batching_rule_is_named() -> None:
    line = inspect.unwrap(centred_rule).__code__.co_firstlineno
    rule = f"own rule under a map, centred_rule ({short(__file__)}, line {line})"
    assert rule in of_own(centred)


def test_an_exception_is_named_with_its_place_in_the_users_code() -> None:
    cause = of_own(scaled)
    assert cause.startswith(f"TypeError is raised in {short(__file__)}, scaled_rule (line")
    assert ", by jax/_src/" in cause
    assert "own rule under a map, scaled_rule" in cause


def test_a_function_without_a_rule_of_its_own_names_none() -> None:
    assert own_code.batching_rules(CALL) == []
    with registered(own.function("mine", lambda x: x * 2, [("n",)])):
        assert (
            own_code.batching_rules(FunctionCall("mine", {"batch": 3, "n": 4}, (Axes((0,)),))) == []
        )


def running_total(x: Any) -> Any:
    return np.cumsum(x).reshape(np.shape(x)).astype(x.dtype)


def called_back(x: Any) -> Any:
    like = jax.ShapeDtypeStruct(x.shape, x.dtype)
    old = "vmap_method" not in inspect.signature(jax.pure_callback).parameters
    how = {"vectorized": True} if old else {"vmap_method": "expand_dims"}
    return jax.pure_callback(running_total, like, x, **how)


@pytest.mark.parametrize(
    "law",
    [
        "mapping.equals-per-example",
        "nesting.composes",
        "nesting.commutes",
        "parallel.explicit-mesh",
    ],
)
def test_a_callback_that_mixes_the_examples_of_a_batch_is_named(law: str) -> None:
    """Laws that map by JAX besides the loop give the wrong result, too: the function is right unmapped."""
    with registered(own.function("mine", called_back, [("n",)])):
        call = FunctionCall("mine", {"batch": 4, "n": 2}, (Axes((0,)),))
        if (reason := LAWS[law].skip_reason(HONEST, call.subject)) is not None:
            pytest.skip(reason)
        found = violation(LAWS[law], HONEST, call)
        assert found is not None
        cause = likely_cause(LAWS[law], HONEST, found)
    assert cause is not None
    line = running_total.__code__.co_firstlineno
    assert cause.startswith(
        f"the function's callback, running_total ({short(__file__)}, line {line})"
    )


def test_a_callback_for_each_example_is_not_named() -> None:
    def one_by_one(x: Any) -> Any:
        like = jax.ShapeDtypeStruct(x.shape, x.dtype)
        old = "vmap_method" not in inspect.signature(jax.pure_callback).parameters
        how = {} if old else {"vmap_method": "sequential"}
        return jax.pure_callback(running_total, like, x, **how)

    with registered(own.function("mine", one_by_one, [("n",)])):
        call = FunctionCall("mine", {"batch": 4, "n": 2}, (Axes((0,)),))
        assert own_code.callbacks_of_batches(call) == []
        assert violation(LAW, HONEST, call) is None
