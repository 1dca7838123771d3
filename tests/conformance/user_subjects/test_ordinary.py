"""Ordinary functions and modules are judged, soundly both ways: no false alarm, and a fault is noticed."""

from collections.abc import Callable
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import ordinary_functions
import ordinary_modules
import pytest
import research_functions
from flax import nnx

from conformance import own
from conformance.runner.items import Item
from conformance.runner.run_item import run_item
from conformance.transforms import TRANSFORMS
from conformance.user_subjects import subjects
from properties.call import Axes
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.transform import Transform

ONE_CALL = attrs.evolve(PROFILES["quick"], examples=1, shapes=1, combinations=2)
VMAP = TRANSFORMS["jax.vmap"]
EVERY_FOURTH = [*list(ordinary_functions.FUNCTIONS)[::4], "expm"]
"""The whole table takes minutes; each of its kinds is here."""


def _rolled(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    return _after(VMAP.map(function, axes), lambda leaf: jnp.roll(leaf, 1, axes.out_axes))


def _first(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    def repeated(leaf: Any) -> Any:
        return jnp.broadcast_to(jnp.take(leaf, jnp.array([0]), axis=axes.out_axes), leaf.shape)

    return _after(VMAP.map(function, axes), repeated)


def _after(mapped: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *arguments: jax.tree_util.tree_map(change, mapped(*arguments))


FAULTS = {"rolled": attrs.evolve(VMAP, map=_rolled), "first": attrs.evolve(VMAP, map=_first)}


def outcome(subject: Any, transform: Transform, law: str = "mapping.equals-per-example") -> Any:
    with subjects.registered(subject):
        return run_item(Item(LAWS[law], transform, subject), ONE_CALL)


@pytest.mark.parametrize("name", EVERY_FOURTH)
def test_a_function_is_judged_and_each_fault_is_noticed(name: str) -> None:
    subject = ordinary_functions.subject(name)
    sound = outcome(subject, VMAP)
    assert sound.outcome == "holds"
    assert sound.oracle in ("float64", "estimated", "to the bit", "estimated and float64")
    assert {fault: outcome(subject, FAULTS[fault]).outcome for fault in FAULTS} == {
        "rolled": "violated",
        "first": "violated",
    }


@pytest.mark.parametrize("name", ["kmeans", "half-precision", "gae"])
def test_a_method_is_judged_and_each_fault_is_noticed(name: str) -> None:
    subject = research_functions.subject(name)
    assert outcome(subject, VMAP).outcome == "holds"
    assert {outcome(subject, fault).outcome for fault in FAULTS.values()} == {"violated"}


@pytest.mark.parametrize(
    ("name", "oracle"),
    [("einsum", "float64"), ("at_set", "float64"), ("cholesky", "estimated")],
)
def test_the_result_says_which_oracle_judged(name: str, oracle: str) -> None:
    assert outcome(ordinary_functions.subject(name), VMAP).oracle == oracle


def test_what_only_moves_and_has_no_rule_is_judged_to_the_bit() -> None:
    subject = subjects.function("parts", lambda x: jnp.real(jax.lax.complex(x, x))[::-1], [("n",)])
    assert outcome(subject, VMAP).oracle == "to the bit"


def test_a_declared_tolerance_stands_in_place_of_the_bound() -> None:
    subject = subjects.function("loose", jnp.tanh, [("n",)], tolerance=0.5)
    off = attrs.evolve(VMAP, map=lambda f, axes: _after(VMAP.map(f, axes), lambda leaf: leaf + 0.1))
    result = outcome(subject, off)
    assert (result.outcome, result.oracle) == ("holds", "declared")
    exact = attrs.evolve(subject, own=attrs.evolve(subject.own, tolerance=(0.0, 1e-3)))
    assert outcome(exact, off).outcome == "violated"


@pytest.mark.parametrize("name", ["batch-norm-eval", "steps", "partitioned", "share-scope"])
@pytest.mark.parametrize("law", ["sharing.equals-per-example", "sharing.no-batch-axis"])
def test_a_linen_module_conforms(name: str, law: str) -> None:
    subject = ordinary_modules.subject(name)
    assert outcome(subject, TRANSFORMS["flax.linen.vmap"], law).outcome == "holds"


@pytest.mark.parametrize("name", ["nnx-train", "nnx-counter", "nnx-draws"])
def test_an_nnx_module_with_state_conforms(name: str) -> None:
    pytest.importorskip("flax.nnx", reason="this flax has no nnx")
    subject = ordinary_modules.subject(name)
    assert outcome(subject, VMAP).outcome == "holds"
    assert outcome(subject, FAULTS["rolled"]).outcome == "violated"


@pytest.mark.parametrize("name", ["partitioned", "in-setup", "embed"])
def test_a_defect_of_flax_is_not_laid_to_the_users_module(name: str) -> None:
    subject, law = ordinary_modules.subject(name), "sharing.nested"
    transform = TRANSFORMS["flax.linen.vmap"]
    for seed in range(3):
        profile = attrs.evolve(PROFILES["ci"], seed=seed)
        with subjects.registered(subject):
            result = run_item(Item(LAWS[law], transform, subject), profile)
        assert (result.outcome, result.examples > 0) == ("holds", True), (seed, result.detail)


def test_boxed_variables_and_those_made_in_setup_are_known() -> None:
    names = ("partitioned", "in-setup", "embed", "encode", "cnn")
    made = [ordinary_modules.subject(name) for name in names]
    assert [subject.boxed for subject in made] == [True, False, False, False, False]
    assert [subject.in_setup for subject in made] == [False, True, True, True, False]


@pytest.mark.parametrize(
    "function",
    [lambda x, y: (x + 1, y * 2), lambda x, y: (x * y, jnp.zeros(3))],
    ids=["each-of-one-argument", "constant"],
)
def test_a_result_that_nothing_mapped_reaches_need_not_be_sharded(
    function: Callable[..., Any],
) -> None:
    subject = subjects.function("placed", function, [("n",), ("n",)])
    for seed in range(2):
        profile = attrs.evolve(PROFILES["ci"], seed=seed)
        with subjects.registered(subject):
            item = Item(LAWS["parallel.sharded-jit-agrees"], VMAP, subject)
            result = run_item(item, profile)
        assert (result.outcome, result.examples > 0) == ("holds", True), (seed, result.detail)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: (jnp.arange(3.0), 2.5), "not-applicable"),
        (lambda x: (jnp.arange(3.0), x), "holds"),
    ],
    ids=["whatever-it-is-given", "in-part"],
)
def test_one_result_of_what_gives_the_same_to_all_is_in_order(
    function: Callable[..., Any], expected: str
) -> None:
    subject = own.function("mine", function, [(4,)])
    assert outcome(subject, VMAP, "errors.out-axes-none").outcome == expected


class Stateless(nnx.Module):
    """No parameters: the state that it is a function of has no arrays."""

    def __call__(self, x: Any) -> Any:
        return jax.nn.relu(x)


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        ("mapping.equals-per-example", "holds"),
        ("mapping.broadcasts-unmapped", "holds"),
        ("gradients.per-example", "holds"),
        ("gradients.shared-sum", "holds"),
        ("errors.axis-out-of-range", "not-applicable"),
        ("errors.sizes-disagree", "not-applicable"),
        ("errors.keywords", "not-applicable"),
    ],
)
def test_a_state_without_arrays_has_no_batch_axis(law: str, expected: str) -> None:
    subject = own.module("mine", Stateless(), [(4,)])
    several = attrs.evolve(PROFILES["ci"], examples=3)
    with subjects.registered(subject):
        assert run_item(Item(LAWS[law], VMAP, subject), several).outcome == expected
