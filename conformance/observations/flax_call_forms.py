"""Ways to call `nn.vmap` and `nnx.vmap`, and what a user does to NNX modules around them."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms, called, whole
from conformance.observations.nnx_parts import layer, leaves, of_nnx
from conformance.observations.record import needed

_ONES = nn.initializers.ones


class Dense(nn.Module):
    """A layer whose parameters are one, with another method and a collection."""

    features: int = 2

    @nn.compact
    def __call__(self, x: Any, scale: Any = 1) -> Any:
        """Give the layer's output, and sow it."""
        y = nn.Dense(self.features, kernel_init=_ONES)(x) * scale
        self.sow("intermediates", "y", y)
        return y

    def other(self, x: Any) -> Any:
        """Apply twice as much."""
        return 2 * self(x)


def linen() -> Forms:
    """Forms of `nn.vmap`: its options, how it is started and applied."""
    x, key = whole(3, 2), jax.random.key(0)
    own: dict[str, Any] = {"variable_axes": {"params": 0}, "split_rngs": {"params": True}}
    shared: dict[str, Any] = {"variable_axes": {"params": None}, "split_rngs": {"params": False}}

    def started(
        *inputs: Any, rngs: Any = key, module: Any = Dense, call: Any = None, **options: Any
    ) -> Any:
        made = nn.vmap(module, **{**own, **options})()
        return made.init_with_output(rngs, *inputs, **(call or {}))

    def output(*inputs: Any, **options: Any) -> Any:
        return started(*inputs, **options)[0]

    def applied(method: Any = None, rngs: Any = None, mutable: Any = False, **options: Any) -> Any:
        made = nn.vmap(Dense, **{**shared, **options})()
        variables = {"params": {"Dense_0": {"kernel": whole(2, 2), "bias": whole(2)}}}
        return made.apply(variables, x, method=method, rngs=rngs, mutable=mutable)

    sown = ["intermediates"]
    negative = {"variable_axes": {"params": -1}}
    return {
        "ensemble": lambda: output(x),
        "shared": lambda: output(x, **shared),
        "one-input": lambda: output(x, in_axes=None, axis_size=2),
        "in-axes-a-list": lambda: output(x, whole(3), in_axes=[0, 0]),
        "in-axes-a-tuple": lambda: output(x, 2.0, in_axes=(0, None)),
        "in-axes-negative": lambda: output(x, in_axes=-1),
        "in-axes-a-dict": lambda: output({"a": x}, module=_of_dict(), in_axes=({"a": 0},)),
        "out-axes-negative": lambda: output(x, out_axes=-1),
        "out-axes-none": lambda: output(x, out_axes=None),
        "keyword": lambda: output(x, call={"scale": whole(3)}),
        "keyword-all": lambda: output(call={"x": x}),
        "params-negative": lambda: started(x, **negative),
        "params-at-1": lambda: started(x, variable_axes={"params": 1})[1],
        "params-of-all-collections": lambda: started(x, variable_axes={True: 0}),
        "params-not-given": lambda: output(x, variable_axes={}),
        "stream-not-given": lambda: output(x, split_rngs={}),
        "streams-of-all": lambda: output(x, split_rngs={True: True}),
        "key-of-one-stream": lambda: output(x, rngs={"params": key}),
        "key-of-numbers": lambda: output(x, rngs=jax.random.PRNGKey(0)),
        "rngs-one-key": lambda: applied(rngs=key),
        "no-example": lambda: output(jnp.zeros((0, 2))),
        "no-element": lambda: output(jnp.zeros((3, 0))),
        "methods": lambda: applied(method="other", methods=["__call__", "other"]),
        "method-not-lifted": lambda: applied(method="other"),
        "method-a-function": lambda: applied(method=Dense.other),
        "sown": lambda: applied(
            mutable=["intermediates"], variable_axes={"params": None, "intermediates": 0}
        ),
        "sown-not-lifted": lambda: applied(mutable=sown),
        "axis-name": lambda: output(x, module=_summed(), axis_name="i"),
        "instance": lambda: nn.vmap(Dense(), **own).init_with_output(key, x),
        "metadata": lambda: output(x, metadata_params={"partition_name": "i"}),
        "spmd-axis-name": lambda: output(x, spmd_axis_name="i"),
        "jit-static": lambda: nn.jit(Dense, static_argnums=2)().init_with_output(key, x, 2)[0],
        "frozen-variables": lambda: type(Dense().init(key, x)).__name__,
    }


def _of_dict() -> Any:
    class OfDict(nn.Module):
        @nn.compact
        def __call__(self, tree: Any) -> Any:
            return nn.Dense(2, kernel_init=_ONES)(tree["a"])

    return OfDict


def _summed() -> Any:
    class Summed(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return jax.lax.psum(nn.Dense(2, kernel_init=_ONES)(x), "i")

    return Summed


def nnx() -> Forms:
    """Forms of `nnx.vmap`, and of what is done with modules, Variables and streams."""
    return {**_mapped_modules(), **_modules(), **_variables(), **_streams()}


def _apply(module: Any, x: Any) -> Any:
    return module(x)


def _ensemble() -> Any:
    def make(rngs: Any) -> Any:
        return of_nnx("Linear")(2, 2, kernel_init=_ONES, rngs=rngs)

    return of_nnx("split_rngs")(splits=3)(of_nnx("vmap")(make))(of_nnx("Rngs")(0))


def _made_without_split() -> Any:
    """An ensemble whose streams the map takes as they are."""
    made = of_nnx("vmap")(lambda rngs: of_nnx("Linear")(2, 2, rngs=rngs), axis_size=3)
    return made(of_nnx("Rngs")(0)).kernel.value.shape


def _counting() -> Any:
    class Counting(of_nnx("Module")):  # type: ignore[misc]  # the base is looked up, it may be absent
        def __init__(self) -> None:
            self.count = of_nnx("Variable")(jnp.zeros(()))

        def __call__(self, x: Any) -> Any:
            self.count.value = self.count.value + 1
            return x

    return Counting()


def _mapped_modules() -> Forms:
    x = whole(3, 2)

    def vmap(*arguments: Any, **options: Any) -> Any:
        return of_nnx("vmap")(*arguments, **options)

    def axes(**kinds: Any) -> Any:
        return of_nnx("StateAxes")({of_nnx(kind): axis for kind, axis in kinds.items()})

    def closed_over() -> Any:
        counting = _counting()
        vmap(lambda a: counting(a) + 1)(x)
        return counting.count.value

    def counted() -> Any:
        counting = _counting()
        vmap(_apply, in_axes=(None, 0))(counting, x)
        return counting.count.value

    return {
        "shared": lambda: vmap(_apply, in_axes=(None, 0))(layer(), x),
        "ensemble": lambda: vmap(_apply, in_axes=(0, None))(_ensemble(), x),
        "in-axes-a-list": lambda: vmap(_apply, in_axes=[None, 0])(layer(), x),
        "in-axes-negative": lambda: vmap(_apply, in_axes=(None, -2))(layer(), x),
        "in-axes-by-state": lambda: vmap(_apply, in_axes=(axes(Param=0), None))(_ensemble(), x),
        "module-not-given-an-axis": lambda: vmap(_apply)(_ensemble(), x),
        "keyword": lambda: vmap(_apply, in_axes=(None, 0))(layer(), x=x),
        "bound-method": lambda: vmap(layer().__call__)(x),
        "instance": lambda: vmap(layer())(x),
        "class": lambda: vmap(of_nnx("Dropout"), in_axes=None, axis_size=2)(0.5),
        "axis-size-alone": lambda: called(vmap(lambda: jnp.ones(2), axis_size=3)),
        "streams-not-split": _made_without_split,
        "closed-over-and-changed": closed_over,
        "changed-though-shared": counted,
        "gives-an-argument": lambda: vmap(lambda m: m)(_ensemble())(x[0]),
        "jax-vmap": lambda: jax.vmap(_apply, in_axes=(None, 0))(layer(), x),
        "jax-jit": lambda: jax.jit(_apply)(layer(), x),
        "jit": lambda: of_nnx("jit")(_apply)(layer(), x),
        "gradient": lambda: leaves(of_nnx("grad")(lambda m, a: m(a).sum())(layer(), x)),
        "gradient-by-jax": lambda: leaves(jax.grad(lambda m, a: m(a).sum())(layer(), x)),
        "no-example": lambda: vmap(_apply, in_axes=(None, 0))(layer(), x[:0]),
    }


def _modules() -> Forms:
    """What a module may have, and what it is."""

    def holding(value: Callable[[], Any]) -> Callable[[], Any]:
        def form() -> Any:
            module = _counting()
            module.held = value()
            return sorted(
                str(path) for path, _ in jax.tree_util.tree_leaves_with_path(_pure(module))
            )

        return form

    return {
        "holds-a-list": holding(lambda: [layer(), layer()]),
        "holds-a-dict": holding(lambda: {"a": layer()}),
        "holds-a-tuple": holding(lambda: (layer(),)),
        "holds-an-array": holding(lambda: jnp.ones(2)),
        "holds-a-numpy-array": holding(lambda: np.ones(2)),
        "holds-a-function": holding(lambda: jnp.tanh),
        "leaves-of-a-module": lambda: len(jax.tree_util.tree_leaves(layer())),
        "leaves-of-a-state": lambda: [
            type(leaf).__name__ for leaf in jax.tree_util.tree_leaves(of_nnx("state")(layer()))
        ],
        "kind-of-a-state": lambda: isinstance(of_nnx("state")(layer()), Mapping),
        "split-and-merge": lambda: of_nnx("merge")(*of_nnx("split")(layer()))(whole(2)),
        "attributes-of-a-layer": lambda: sorted(vars(layer())),
        "dropout-without-streams": lambda: of_nnx("Dropout")(0.5)(jnp.ones(2)),
        "dropout-deterministic": lambda: of_nnx("Dropout")(0.5, deterministic=True)(jnp.ones(2)),
        "batch-norm-not-told": lambda: of_nnx("BatchNorm")(2, rngs=of_nnx("Rngs")(0))(whole(3, 2)),
    }


def _pure(module: Any) -> Any:
    state = of_nnx("state")(module)
    try:
        return needed("flax.nnx.to_pure_dict")(state)
    except Exception:
        return state.to_pure_dict() if hasattr(state, "to_pure_dict") else state.flat_state()


def _variables() -> Forms:
    """What is done to a Variable."""

    def variable() -> Any:
        return of_nnx("Param")(jnp.ones(2))

    def added() -> Any:
        made = variable()
        made += 1
        return type(made).__name__

    def set_item() -> Any:
        made = variable()
        made[...] = jnp.zeros(2)
        return made.value

    def set_value() -> Any:
        made = variable()
        made.value = jnp.zeros(2)
        return made.value

    return {
        "variable-value": lambda: variable().value,
        "variable-plus": lambda: variable() + 1,
        "variable-added-to": added,
        "variable-item-set": set_item,
        "variable-value-set": set_value,
        "variable-equals": lambda: type(variable() == variable()).__name__,
        "variable-is-a-tree": lambda: [
            type(a).__name__ for a in jax.tree_util.tree_leaves(variable())
        ],
        "variable-as-array": lambda: jnp.sum(variable()),
        "variable-vmapped": lambda: jax.vmap(lambda a: a + 1)(variable()),
        "variable-metadata": lambda: sorted(
            map(str, getattr(variable(), "get_metadata", lambda: vars(variable()))())
        ),
    }


def _streams() -> Forms:
    """What is done with streams of keys."""

    def rngs(*arguments: Any, **streams: Any) -> Any:
        return of_nnx("Rngs")(*arguments, **streams)

    def split(**options: Any) -> Any:
        made = rngs(0, noise=1)
        with of_nnx("split_rngs")(made, **options):
            return made.noise.key.value.shape

    return {
        "rngs-default": lambda: jax.random.key_data(rngs(0).anything()),
        "rngs-no-default": lambda: rngs(params=0).noise(),
        "rngs-called": lambda: jax.random.key_data(rngs(0)()),
        "rngs-a-key": lambda: jax.random.key_data(rngs(jax.random.key(0)).params()),
        "rngs-a-dict": lambda: jax.random.key_data(rngs({"params": 0}).params()),
        "rngs-drawing": lambda: rngs(0).normal((2,)),
        "split-in-a-block": lambda: split(splits=3),
        "split-in-two": lambda: split(splits=(2, 3)),
        "split-of-one-stream": lambda: split(splits=3, only="noise"),
    }
