"""Objects that public calls of JAX and Flax give, one of each type, made anew by each call."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.record import needed

Makers = dict[str, Callable[[], Any]]


def makers() -> Makers:
    """By type, how such an object is made."""
    return {**_of_jax(), **_of_programs(), **_of_meshes(), **_of_linen(), **_of_nnx()}


def _of_jax() -> Makers:
    x = {"a": 1.0, "b": (2.0, None)}

    def tracer() -> Any:
        found: list[Any] = []
        jax.make_jaxpr(found.append)(jnp.ones(2))
        return found[0]

    return {
        "Array": lambda: jnp.arange(3.0),
        "Tracer": tracer,
        "Array of a number": lambda: jnp.float32(2),
        "Key": lambda: needed("jax.random.key")(0),
        "Struct": lambda: jax.eval_shape(jnp.sin, jnp.ones(2)),
        "Aval": lambda: jnp.ones(2).aval,
        "TreeDef": lambda: jax.tree_util.tree_structure(x),
        "Partial": lambda: jax.tree_util.Partial(jnp.add, 1.0),
        "KeyPath": lambda: jax.tree_util.tree_flatten_with_path(x)[0][0][0],
        "Pullback": lambda: jax.vjp(jnp.sin, 1.0)[1],
        "Linear map": lambda: jax.linearize(jnp.sin, 1.0)[1],
        "Device": lambda: jax.devices()[0],
        "finfo": lambda: jnp.finfo(jnp.float32),
        "SVD": lambda: jnp.linalg.svd(jnp.eye(2)),
        "eigh": lambda: jnp.linalg.eigh(jnp.eye(2)),
        "At": lambda: jnp.arange(3.0).at[0],
        "Ref": lambda: needed("jax.new_ref")(jnp.ones(2)),
    }


def _of_programs() -> Makers:
    def custom(name: str) -> Any:
        return needed(f"jax.{name}")(jnp.sin)

    return {
        "Jitted": lambda: jax.jit(jnp.sin),
        "Mapped": lambda: jax.vmap(lambda a: a + 1),
        "Gradient": lambda: jax.grad(lambda a: a * a),
        "Pmapped": lambda: needed("jax.pmap")(lambda a: a + 1),
        "custom_vjp": partial(custom, "custom_vjp"),
        "custom_jvp": partial(custom, "custom_jvp"),
        "Lowered": lambda: jax.jit(jnp.sin).lower(1.0),
        "Compiled": lambda: jax.jit(jnp.sin).lower(1.0).compile(),
        "Traced": lambda: jax.jit(jnp.sin).trace(1.0),
        "ClosedJaxpr": lambda: jax.make_jaxpr(lambda a: jnp.sum(a * 2))(jnp.ones(2)),
        "Jaxpr": lambda: jax.make_jaxpr(lambda a: jnp.sum(a * 2))(jnp.ones(2)).jaxpr,
        "Equation": lambda: jax.make_jaxpr(lambda a: a * 2)(jnp.ones(2)).jaxpr.eqns[0],
        "Jit equation": lambda: jax.make_jaxpr(jax.jit(jnp.sin))(1.0).jaxpr.eqns[0],
        "Variable of a jaxpr": lambda: jax.make_jaxpr(lambda a: a * 2)(1.0).jaxpr.invars[0],
        "Primitive": lambda: jax.make_jaxpr(jnp.sin)(1.0).jaxpr.eqns[0].primitive,
    }


def _of_meshes() -> Makers:
    spec = jax.sharding.PartitionSpec

    def mesh() -> Any:
        return jax.sharding.Mesh(np.array(jax.devices()[:1]), ("i",))

    def placed() -> Any:
        return jax.sharding.NamedSharding(mesh(), spec("i"))

    return {
        "PartitionSpec": lambda: spec("i", None),
        "Mesh": mesh,
        "Made mesh": lambda: needed("jax.make_mesh")((1,), ("i",)),
        "NamedSharding": placed,
        "Sharding": lambda: jnp.ones(2).sharding,
        "Shard": lambda: jnp.ones(2).addressable_shards[0],
    }


class _Net(nn.Module):
    """A small module."""

    width: int = 2

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Dense(self.width)(x)


def _of_linen() -> Makers:
    key, x = jax.random.PRNGKey(0), jnp.ones((1, 2))

    def boxed() -> Any:
        init = nn.with_partitioning(nn.initializers.ones, (None, "i"))
        return nn.Dense(2, kernel_init=init).init(key, x)["params"]["kernel"]

    def state(**more: Any) -> Any:
        optax = needed("optax")
        create = needed("flax.training.train_state.TrainState.create")
        params = {"w": jnp.ones(2)}
        return create(apply_fn=jnp.sin, params=params, tx=optax.sgd(0.1), **more)

    return {
        "Linen module": lambda: nn.Dense(2),
        "Own Linen module": _Net,
        "Bound Linen module": lambda: nn.Dense(2).bind(nn.Dense(2).init(key, x)),
        "Linen variables": lambda: nn.Dense(2).init(key, x),
        "Partitioned": boxed,
        "FrozenDict": lambda: needed("flax.core.freeze")({"a": {"b": jnp.ones(2)}}),
        "TrainState": state,
        "Linen initializer": nn.initializers.lecun_normal,
    }


def _of_nnx() -> Makers:
    def of(name: str) -> Any:
        return needed(f"flax.nnx.{name}")

    def linear() -> Any:
        return of("Linear")(2, 2, rngs=of("Rngs")(0))

    def own() -> Any:
        class Net(of("Module")):  # type: ignore[misc]
            def __init__(self, rngs: Any) -> None:
                self.linear = of("Linear")(2, 2, rngs=rngs)
                self.width = 2

            def __call__(self, x: Any) -> Any:
                return self.linear(x)

        return Net(of("Rngs")(0))

    def optimizer() -> Any:
        optax = needed("optax")
        try:
            return of("Optimizer")(linear(), optax.sgd(0.1), wrt=of("Param"))
        except TypeError:
            return of("Optimizer")(linear(), optax.sgd(0.1))

    def metrics() -> Any:
        return of("MultiMetric")(loss=of("metrics.Average")("loss"))

    variables = {
        kind: partial(lambda kind: of(kind)(jnp.ones(2)), kind) for kind in ("Param", "Variable")
    }
    return {
        **variables,
        "Variable of a number": lambda: of("Param")(jnp.float32(2)),
        "Variable with metadata": lambda: of("Param")(jnp.ones(2), note="mine"),
        "State": lambda: of("state")(linear()),
        "Leaf of a State": lambda: jax.tree_util.tree_leaves(
            of("state")(linear()), is_leaf=lambda leaf: hasattr(leaf, "value")
        )[0],
        "GraphDef": lambda: of("split")(linear())[0],
        "Rngs": lambda: of("Rngs")(0, dropout=1),
        "RngStream": lambda: of("Rngs")(0, dropout=1).dropout,
        "NNX layer": linear,
        "NNX module": own,
        "Dropout": lambda: of("Dropout")(0.5, rngs=of("Rngs")(0)),
        "BatchNorm": lambda: of("BatchNorm")(2, rngs=of("Rngs")(0)),
        "MultiHeadAttention": lambda: of("MultiHeadAttention")(
            2, 4, rngs=of("Rngs")(0), decode=False
        ),
        "Sequential": lambda: of("Sequential")(linear(), jnp.tanh),
        "Optimizer": optimizer,
        "MultiMetric": metrics,
        "Average": lambda: of("metrics.Average")("loss"),
        "NNX jitted": lambda: of("jit")(lambda m: m.kernel.sum()),
        "NNX mapped": lambda: of("vmap")(lambda a: a + 1),
        "ToNNX": lambda: of("bridge.ToNNX")(nn.Dense(2), rngs=of("Rngs")(0)),
        "iter_modules": lambda: [p for p, _ in of("iter_modules")(own())],
        "iter_graph": lambda: [p for p, _ in of("iter_graph")(own())],
    }
