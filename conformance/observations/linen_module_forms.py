"""What Linen's lifts do with arrays on a mesh, with loops, and with modules that wrap modules."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance.observations.call_forms import Forms, whole
from conformance.observations.meshes import mesh, placed, put, used
from conformance.observations.record import needed

_ONES = nn.initializers.ones
ENSEMBLE: dict[str, Any] = {"variable_axes": {"params": 0}, "split_rngs": {"params": True}}
"""Parameters of its own for each member."""
_SHARED: dict[str, Any] = {"variable_axes": {"params": None}, "split_rngs": {"params": False}}


class _Added(nn.Module):
    """A layer, plus what is given beside its input."""

    @nn.compact
    def __call__(self, x: Any, more: Any = 0.0) -> Any:
        return nn.Dense(2, kernel_init=_ONES)(x) + more


class _Drawn(nn.Module):
    """A layer with the parameters that it draws, which its output does not show."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return 0 * nn.Dense(2)(x)


class _Carried(nn.Module):
    """A layer of a loop's carry, which keeps what it gives."""

    @nn.compact
    def __call__(self, carry: Any, _: Any) -> Any:
        carry = nn.Dense(2, kernel_init=_ONES)(carry)
        self.sow("intermediates", "kept", carry)
        return carry, carry.sum()


def linen() -> Forms:
    """Lifts of arrays on a mesh, and modules that wrap modules."""
    x, key = whole(4, 2), jax.random.key(0)

    def on_mesh(lifted: Any, *more: Any, kind: str = "Explicit") -> Any:
        chosen = mesh((2,), ("x",), kind)
        with used(chosen):
            run = jax.jit(lambda k, *given: lifted().init_with_output(k, *given))
            output, variables = run(key, put(x, chosen, "x"), *more)
            return placed(output), jax.tree_util.tree_map(jnp.shape, variables)

    def lifted(module: Any = _Added, **options: Any) -> Any:
        return nn.vmap(module, **{**ENSEMBLE, **options})

    scanned: dict[str, Any] = {**ENSEMBLE, "variable_axes": {"params": 0, "intermediates": 0}}
    boxed = nn.with_partitioning(_ONES, (None, "m"))
    return {
        "sharded": lambda: on_mesh(lifted()),
        "sharded-shared": lambda: on_mesh(lifted(**_SHARED)),
        "sharded-beside-unmapped": lambda: on_mesh(lifted(in_axes=(0, None)), jnp.ones(2)),
        "sharded-spmd": lambda: on_mesh(lifted(spmd_axis_name="x")),
        "sharded-spmd-shared": lambda: on_mesh(lifted(spmd_axis_name="x", **_SHARED)),
        "sharded-spmd-beside-unmapped": lambda: on_mesh(
            lifted(in_axes=(0, None), spmd_axis_name="x"), jnp.ones(2)
        ),
        "sharded-drawn": lambda: on_mesh(lifted(_Drawn)),
        "sharded-spmd-drawn": lambda: on_mesh(lifted(_Drawn, spmd_axis_name="x")),
        "sharded-auto": lambda: on_mesh(lifted(spmd_axis_name="x"), kind="Auto"),
        "sharded-in-a-loop": lambda: on_mesh(nn.scan(_Carried, length=3, **scanned), jnp.zeros(3)),
        "sharded-in-jit": lambda: on_mesh(nn.jit(_Added)),
        "sharded-in-remat": lambda: on_mesh(nn.remat(_Added)),
        "spmd-beside-unmapped": lambda: lifted(
            in_axes=(0, None), spmd_axis_name="x"
        )().init_with_output(key, x, jnp.ones(2)),
        "loop-that-keeps": lambda: nn.scan(_Carried, length=3, **scanned)().init_with_output(
            key, x, jnp.zeros(3)
        ),
        "loop-of-a-map": lambda: nn.scan(
            nn.vmap(_Carried, in_axes=(0, None), **scanned), length=3, in_axes=0, **scanned
        )().init_with_output(key, x, jnp.zeros(3)),
        "normalised-weights": lambda: lifted(_normalised(_ONES))().init_with_output(key, x)[0],
        "normalised-boxed-weights": lambda: lifted(
            _normalised(boxed), metadata_params={nn.PARTITION_NAME: "n"}
        )().init_with_output(key, x)[0],
        "spectrum-of-boxed-weights": lambda: nn.SpectralNorm(
            nn.Dense(2, kernel_init=boxed)
        ).init_with_output(key, x, update_stats=False)[0],
        **_scopes_and_boxes(),
        "nnx-module-lifted": lambda: _bridged(x),
        "nnx-module-given-keywords": lambda: _bridged(x, args=(2,), kwargs={"out_features": 2}),
        "map-of-apply": lambda: jax.vmap(lambda v, a: nn.Dense(2).apply(v, a), (None, 0))(
            {"params": {"kernel": whole(2, 2), "bias": whole(2)}}, x
        ),
        "map-of-init": lambda: jax.tree_util.tree_map(
            jnp.shape, jax.vmap(lambda k: nn.Dense(2).init(k, x))(jax.random.split(key, 3))
        ),
        "gradient-of-a-lift": lambda: jax.grad(lambda v: lifted(**_SHARED)().apply(v, x).sum())(
            {"params": {"Dense_0": {"kernel": whole(2, 2), "bias": whole(2)}}}
        ),
    }


def _scopes_and_boxes() -> Forms:
    """Parameters of a shared scope, and in boxes."""
    return {
        "shared-scope": _shared_scope,
        "own-box": _own_box,
        "unboxed-under-an-entered-mesh": _unboxed_under_a_mesh,
    }


def _normalised(kernel: Any) -> Any:
    class Normalised(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return nn.WeightNorm(nn.Dense(2, kernel_init=kernel))(x)

    return Normalised


def _shared_scope() -> Any:
    """Whose parameters are whose, where a child shares its parent's scope and has children."""

    class Child(nn.Module):
        child: Any

        @nn.compact
        def __call__(self, x: Any) -> Any:
            return self.child(x)

    class Parent(nn.Module):
        main: Any

        def setup(self) -> None:
            needed("flax.linen.share_scope")(self, self.main)

        @nn.compact
        def __call__(self, x: Any) -> Any:
            return self.main(nn.Dense(2)(x))

    variables = Parent(Child(nn.Dense(2))).init(jax.random.key(0), whole(4, 2))
    return jax.tree_util.tree_map(jnp.shape, variables)


def _own_box() -> Any:
    """The axes that a box of the user's own is told of."""
    told = []

    class Box(nn.Partitioned):  # type: ignore[type-arg]  # Flax's base is not typed
        def add_axis(self, index: int, params: Any) -> Any:
            told.append(("added", index))
            return super().add_axis(index, params)

        def remove_axis(self, index: int, params: Any) -> Any:
            told.append(("removed", index))
            return super().remove_axis(index, params)

    class Boxed(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return x @ self.param("kernel", lambda key: Box(whole(2, 2), ("i", "o")))

    lifted = nn.vmap(Boxed, metadata_params={nn.PARTITION_NAME: "m"}, **ENSEMBLE)()
    variables = lifted.init(jax.random.key(0), whole(4, 2))
    lifted.apply(variables, whole(4, 2))
    return str(told), str(variables["params"]["kernel"].names)


def _unboxed_under_a_mesh() -> str:
    """Whether a parameter's names lay it out under `with mesh:`."""
    box = nn.with_partitioning(_ONES, ("m", None))(jax.random.key(0), (2, 2))
    with jax.sharding.Mesh(jax.devices()[:1], ("m",)):
        traced = str(jax.make_jaxpr(box.unbox)())
    return "laid out by its names" if "sharding_constraint" in traced else "not laid out"


def _bridged(x: Any, **given: Any) -> Any:
    given = given or {"args": (2, 2)}
    module = nn.vmap(needed("flax.nnx.bridge.ToLinen"), **ENSEMBLE)(
        needed("flax.nnx.Linear"), **given
    )
    return jax.tree_util.tree_map(jnp.shape, module.init(jax.random.key(0), x))
