"""Gradients of maps whose arrays are sharded: what the laws notice, and what they leave."""

from typing import Any

import attrs
import jax
import pytest
from jax.interpreters import batching

from conformance import own
from conformance.transforms import TRANSFORMS
from conformance.user_subjects.subjects import registered
from properties.call import Axes, FunctionCall
from properties.law import violation
from properties.laws import LAWS
from properties.subjects import SUBJECTS
from reference.error_bounds.bounded_array import UnsupportedPrimitive

SHARDED, EXPLICIT = "parallel.sharded-gradients", "parallel.explicit-gradients"
VMAP = TRANSFORMS["jax.vmap"]
PRODUCT = FunctionCall("matmul", {"batch": 4, "m": 2, "k": 3, "n": 3}, (Axes((0, None), 0),))
CONVOLUTION = FunctionCall("lax.conv_general_dilated", {"batch": 4}, (Axes((0, None), 0),))


def _skip_where_it_does_not_apply(law: str, call: FunctionCall) -> None:
    reason = LAWS[law].skip_reason(VMAP, SUBJECTS[call.subject_name])
    if reason is not None:
        pytest.skip(reason)


@pytest.mark.parametrize("law", [SHARDED, EXPLICIT])
def test_the_gradients_as_they_are_pass(law: str) -> None:
    _skip_where_it_does_not_apply(law, PRODUCT)
    assert violation(LAWS[law], VMAP, PRODUCT) is None


def test_a_rule_that_fails_where_a_gradient_says_how_it_is_sharded_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As jax 0.7.2 did for every convolution (jax-ml/jax#32157): no other law had shown it."""
    _skip_where_it_does_not_apply(SHARDED, CONVOLUTION)
    primitive: Any = jax.lax.conv_general_dilated_p
    rules = next(
        table
        for table in (batching.fancy_primitive_batchers, batching.primitive_batchers)
        if primitive in table
    )
    honest = rules[primitive]

    def refusing(*given: Any, **parameters: Any) -> Any:
        if parameters.get("out_sharding") is not None:
            raise NotImplementedError
        return honest(*given, **parameters)

    assert violation(LAWS[SHARDED], VMAP, CONVOLUTION) is None, "the control"
    monkeypatch.setitem(rules, primitive, refusing)
    jax.clear_caches()
    found = violation(LAWS[SHARDED], VMAP, CONVOLUTION)
    elsewhere = [
        violation(LAWS[law], VMAP, CONVOLUTION)
        for law in ("mapping.equals-per-example", "gradients.per-example", "gradients.shared-sum")
    ]
    jax.clear_caches()
    assert elsewhere == [None] * 3
    if jax.__version_info__ < (0, 7, 2):
        pytest.skip(
            f"jax {jax.__version__} does not say how a gradient of a convolution is sharded"
        )
    assert found is not None
    assert "NotImplementedError" in str(found)


@pytest.mark.parametrize("law", [SHARDED, EXPLICIT])
def test_a_users_function_says_itself_how_it_is_sharded(law: str) -> None:
    mine = own.function("mine", lambda x: x * 2, [("n",)])
    with registered(mine):
        item = LAWS[law]
        assert not item.applies_to(VMAP, mine) or item.skip_reason(VMAP, mine) is not None


def test_an_error_that_names_a_way_out_is_no_violation() -> None:
    _skip_where_it_does_not_apply(EXPLICIT, PRODUCT)

    def raising(function: Any, axes: Any) -> Any:
        def mapped(*arguments: Any) -> Any:
            raise ValueError("specify it by out_sharding")

        return mapped

    with pytest.raises(UnsupportedPrimitive, match="a way out"):
        LAWS[EXPLICIT].check(attrs.evolve(VMAP, map=raising), PRODUCT)
