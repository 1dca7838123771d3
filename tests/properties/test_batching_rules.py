"""The catalogue of batching rules: each entry is what it says, and its bound is right."""

from typing import Any

import jax
import numpy as np
import pytest

from properties import oracle
from properties.applicability import unavailable
from properties.call import Axes, FunctionCall, with_dtypes_of
from properties.compare import Expected, Mismatch, assert_agrees
from properties.sizes import sizes
from properties.subject import FunctionSubject
from properties.subjects import RULES
from properties.subjects.batching_rules.entry import of, rule
from properties.unreachable_rules import UNREACHABLE_RULES
from properties.values import KINDS
from tests.properties.affected import affected

ROUNDED = [s for s in RULES if not s.exact]


def named(subject: FunctionSubject) -> str:
    return subject.name


def test_names_are_unique_and_a_rule_is_exempt_or_has_a_subject_that_a_cpu_can_run() -> None:
    names = [subject.name for subject in RULES]
    assert len(set(names)) == len(names) > 200
    primitives = {name.removeprefix("lax.").split(".")[0] for name in names}
    exempt = {name for name, why in UNREACHABLE_RULES.items() if "accelerator" not in why}
    assert not primitives & exempt
    assert all(reason for reason in UNREACHABLE_RULES.values())


def test_a_source_is_the_function() -> None:
    subject = rule("double", "2 * a", of("whole", "n"))
    namespace: dict[str, Any] = {}
    assert subject.source is not None
    exec(subject.source, namespace)
    assert namespace["function"](3) == subject.function(3) == 6
    longer = rule("more", "b = a + 1\nreturn b * b", of("whole", "n"))
    assert longer.function(2) == 9


@pytest.mark.parametrize("kind", KINDS)
def test_examples_of_a_kind_are_as_it_says_and_differ(kind: str) -> None:
    array = of(kind, "n", "n")
    drawn = array.draw(3, {"n": 4}, "float32", (5,))
    again = array.draw(3, {"n": 4}, "float32", (5,))
    assert drawn.shape == (5, 4, 4)
    assert np.array_equal(drawn, again)
    assert all(not np.array_equal(drawn[0], drawn[i]) for i in range(1, 5))
    if kind in ("whole", "few"):
        assert np.array_equal(drawn, np.round(drawn))
        assert np.all(drawn != 0)
    if kind == "lower":
        assert np.array_equal(drawn, np.tril(drawn))
    if kind == "positive-definite":
        assert np.all(np.linalg.eigvalsh(drawn) > 0)
    if kind in ("matrix", "lower"):
        assert np.all(np.linalg.cond(drawn) < 10)


def test_what_the_installed_release_cannot_do_is_what_it_does_not_have() -> None:
    reasons = {s.name: why for s in RULES if (why := unavailable(s))}
    assert len(reasons) < 40
    # It asks whether the source of a broadcast, which the others trace, is a number.
    reasons.pop("lax.pbroadcast_dynamic", None)
    if jax.default_backend() != "gpu":
        for name in [name for name in reasons if "dot_product_attention" in name]:
            assert "cuDNN's attention runs on a GPU" in reasons.pop(name)
    if jax.__version_info__ >= (0, 10):
        missing = ("has no attribute", "cannot import name", "on a CPU since jax")
        assert all(any(words in why for words in missing) for why in reasons.values()), reasons


@pytest.mark.parametrize("subject", ROUNDED, ids=named)
def test_what_is_rounded_is_within_its_bound_and_an_error_is_not(subject: FunctionSubject) -> None:
    if why := unavailable(subject):
        pytest.skip(why)
    if subject.name in affected():
        pytest.skip("a known defect of this release is of it")
    wide = sizes(subject, "distinct", 1)
    if subject.answer is None:
        # Elementwise: many points measure the units that the rules of rounding state.
        wide |= {"m": 100, "n": 60}
    for seed in range(3):
        call = FunctionCall(subject.name, wide, (), seed=seed)
        arguments = call.batch_first(Axes((None,) * len(subject.arguments)))
        got = jax.tree_util.tree_map(np.asarray, jax.jit(subject.function)(*arguments))
        right = oracle.one_example(call)(*arguments)
        assert_agrees(got, Expected(right.value, right.error, got))
        off = jax.tree_util.tree_map(lambda leaf: leaf + 0.01 * (1 + np.abs(leaf)), got)
        wrong = jax.tree_util.tree_map(lambda leaf, one: leaf.astype(one.dtype), off, got)
        with pytest.raises(Mismatch, match="values differ"):
            assert_agrees(wrong, Expected(right.value, right.error, got))


def test_what_rounds_to_float32_is_wrong_in_float64() -> None:
    call = FunctionCall("lax.cholesky", {"batch": 3, "n": 4}, (Axes((0,), 0),), "float64")
    with with_dtypes_of(call):
        right = oracle.of_function(call)
        assert_agrees(right.value, right)
        rounded = [np.asarray(leaf, np.float32).astype(np.float64) for leaf in right.value]
        with pytest.raises(Mismatch, match="values differ"):
            assert_agrees(tuple(rounded), right)


def test_the_imaginary_part_counts() -> None:
    call = FunctionCall("lax.cholesky", {"batch": 3, "n": 4}, (Axes((0,), 0),), "complex64")
    right = oracle.of_function(call)
    product, zeros = (leaf.astype(np.complex64) for leaf in right.value)
    assert_agrees((product, zeros), right)
    with pytest.raises(Mismatch, match="values differ"):
        assert_agrees((product.conj(), zeros), right)
