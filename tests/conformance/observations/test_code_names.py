"""The names of JAX and Flax in a function's code: those that distinguish it, helpers followed."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest
from jax import lax

from conformance.observations import array_functions, calls
from conformance.observations.code_names import function_given, is_made_of, names_in
from conformance.observations.meshes import mesh
from conformance.observations.nnx_parts import of_nnx
from conformance.observations.record import needed
from conformance.observations.selection import Selection
from conformance.transforms.nnx.uses import USES
from properties.subjects import SUBJECTS


def looked_up(name: str) -> Callable[[], Any]:
    return lambda: needed(f"jax.scipy.special.{name}")


def given(name: str) -> Any:
    return needed(f"jax.numpy.{name}")


def applied(made: Callable[[], Any], shape: tuple[int, ...]) -> Any:
    tables = [list(group) for group in ("ab", "c")]
    return made().init({"params": tables, "dropout": [shape]}, jnp.ones(shape))


def told() -> Any:
    return given("LSTMCell")


def imported(x: Any) -> Any:
    from jax.experimental.sparse import BCOO

    return BCOO.fromdense(x)


def in_a_default(x: Any, function: Callable[..., Any] = jnp.linalg.det) -> Any:
    return function(x)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda x: x.sum() + jnp.ones(3), set()),
        (lambda x: jax.vmap(jnp.linalg.inv)(x), {"inv"}),
        (
            lambda x: jax.jit(lambda a: lax.cond(a > 0, jnp.sinc, jnp.i0, a))(x),
            {"cond", "sinc", "i0"},
        ),
        (functools.partial(lax.cumsum, axis=1), set()),
        (functools.partial(jax.grad, jnp.sinc), {"grad", "sinc"}),
        (functools.partial(given, "interp"), {"interp"}),
        (functools.partial(given, "no-such-name"), set()),
        (functools.partial(applied, functools.partial(nn.Conv, 4, (3,)), (1, 5, 2)), {"Conv"}),
        (looked_up("xlogy"), {"xlogy"}),
        (told, {"LSTMCell"}),
        (imported, {"BCOO"}),
        (in_a_default, {"det"}),
        (lambda: of_nnx("split_rngs")(of_nnx("Rngs")(0)), {"split_rngs"}),
        (lambda: jax.tree_util.tree_map(jnp.float32, {"a": 1}), set()),
        (lambda: mesh((2,), ("i",), "Explicit"), {"Mesh", "AxisType"}),
        (lambda f: jax.vmap(f, in_axes=1, spmd_axis_name="i"), {"spmd_axis_name"}),
        (lambda f: jax.vmap(f, axis_size=3), {"axis_size"}),
        (functools.partial(jax.jit, donate_argnums=0), {"donate_argnums"}),
        (SUBJECTS["psum-scatter"].function, {"psum_scatter"}),
        (USES["use.dropout-of-members"], {"Dropout", "RngState", "StateAxes", "split_rngs"}),
    ],
)
def test_the_names_in_a_function(function: Callable[..., Any], names: set[str]) -> None:
    assert names_in(function) == names


def test_a_metric_that_a_helper_is_told_counts() -> None:
    call = calls.form("calls/flax.nnx.vmap/metric-Average-masked")
    assert call is not None
    assert names_in(call) == {"Average"}


def test_the_layers_of_a_class_count() -> None:
    assert names_in(calls._FORMS["flax.linen.vmap"]()["in-bfloat16-batch-norm"]) == {"BatchNorm"}


def test_a_function_of_two_has_the_name_that_it_looks_up_and_no_other() -> None:
    for name in ("interp", "kron"):
        assert names_in(array_functions._of_two("jax.numpy", name)) == {name}


def test_code_is_made_of_names_where_it_uses_no_others_nor_what_goes_with_them() -> None:
    mapped = lambda x: jax.vmap(jax.value_and_grad(jnp.sinc))(x)  # noqa: E731 (its source is code)
    assert is_made_of(mapped, ["jax.numpy.sinc", "jax.grad"])
    assert is_made_of(mapped, ["numpy.sinc", "jax.hessian", "jax.jvp"])
    assert not is_made_of(mapped, ["jax.numpy.sinc"])
    assert not is_made_of(mapped, ["jax.grad"])


def test_a_frozen_dictionary_is_no_ref() -> None:
    made = lambda: needed("jax.new_ref")  # noqa: E731 (its source is code)
    assert not is_made_of(made, ["flax.core.freeze"])
    assert is_made_of(made, ["jax.new_ref"])


def test_a_mesh_alone_is_no_explicit_mesh() -> None:
    explicit = lambda: mesh((2,), ("i",), "Explicit")  # noqa: E731 (its source is code)
    assert is_made_of(explicit, ["jax.make_mesh"])
    assert not is_made_of(explicit, ["jax.sharding.Mesh", "jax.sharding.PartitionSpec"])
    placed = lambda x: jax.device_put(x, jax.sharding.PartitionSpec("i"))  # noqa: E731
    assert is_made_of(placed, ["jax.sharding.Mesh"])


def test_a_function_that_a_call_is_told_by_name_is_what_it_is_about() -> None:
    call = functools.partial(given, "jax.numpy.sum", "float32", {"where": 1})
    assert function_given(call) == ("jax.numpy.sum", {"where"})
    assert function_given(functools.partial(given, "interp")) is None
    assert function_given(given) is None


def test_only_calls_made_of_the_users_names_are_observed_where_that_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It is asked which calls are made, not what they give.
    monkeypatch.setattr(calls, "_given", lambda call: {})

    def observed(*names: str, keywords: tuple[str, ...] = ()) -> set[str]:
        chosen = Selection(names=names, keywords=keywords, only_their_calls=True)
        return {key.removeprefix("calls/") for key, _ in calls.observe(chosen)}

    few = observed("jax.numpy.linalg.det")
    assert {"jax.vmap/in-axes-an-integer", "jax.vmap/keyword"} <= few
    assert not any(key.startswith(("jax.pmap/", "flax.")) for key in few)
    assert "jax.vmap/axis-size" not in few
    assert "jax.vmap/axis-size" in observed("jax.vmap", keywords=("axis_size",))
    more = observed("jax.pmap", "flax.nnx.Module")
    assert "jax.pmap/in-axes-an-integer" in more
    assert "jax.pmap/argument-on-another-device" not in more
    assert any(key.startswith("flax.nnx.vmap/") for key in more)
    assert not any(key.startswith("flax.linen.") for key in more)
