"""Linen modules under every lift: what they start with, and what they draw when they are applied."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.cases import KEY, array
from conformance.observations.record import needed
from conformance.observations.started import facts, rounding

SIZE = 4
_COLLECTIONS = ("params", "batch_stats", "noise")
_STREAMS = ("params", "dropout")
_OWN: dict[str, Any] = {
    "variable_axes": dict.fromkeys(_COLLECTIONS, 0),
    "split_rngs": dict.fromkeys(_STREAMS, True),
}
_SHARED: dict[str, Any] = {
    "variable_axes": {"params": None, "batch_stats": 0, "noise": 0},
    "split_rngs": {"params": False, "dropout": True},
}
Made = tuple[Any, tuple[Any, ...]]
"""A module and its inputs."""


class Block(nn.Module):
    """Layers with parameters, statistics and draws; a carry in, a carry out."""

    boxed: bool = False
    """Whether a parameter is in a box that says how it is sharded."""

    @nn.compact
    def __call__(self, x: Any, _: Any = None) -> Any:
        """Give the new carry, and nothing to collect."""
        drawn = nn.initializers.lecun_normal()
        x = nn.Dense(
            SIZE, kernel_init=nn.with_partitioning(drawn, (None, "m")) if self.boxed else drawn
        )(x)
        x = nn.BatchNorm(use_running_average=False)(x)
        x = nn.Dropout(0.5, deterministic=False)(x)
        return nn.Dense(SIZE)(x), None


class Decorated(nn.Module):
    """A module whose methods are lifted."""

    def setup(self) -> None:
        """Make the layers."""
        self.layers = [nn.Dense(SIZE), nn.Dense(SIZE)]

    @nn.jit
    def __call__(self, x: Any) -> Any:
        """Apply the layers."""
        return self.rest(self.layers[0](x))

    @nn.remat
    def rest(self, x: Any) -> Any:
        """Apply the last layer."""
        return self.layers[1](x)


class Holder(nn.Module):
    """A parent of children that have no names, and of one that it calls twice."""

    lift: Callable[[Any], Any]

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Apply two children, the second twice."""
        lifted = self.lift(nn.Dense)
        child = lifted(SIZE)
        return child(child(lifted(SIZE)(x)))


def _function(lift: Callable[[Any, Any], Any]) -> Any:
    """A module that lifts a function of itself and of its input."""

    class Lifting(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return lift(nn.Dense(SIZE), x)

    return Lifting()


def _identity(variables: Any) -> Any:
    return variables


def _vmap(module: Any, **options: Any) -> Any:
    return nn.vmap(module, **{**_OWN, **options})


def _scan(module: Any, **options: Any) -> Any:
    return nn.scan(module, **{**_OWN, "length": 3, **options})


def _labelled(module: Any, **options: Any) -> Any:
    return needed("flax.linen.add_metadata_axis")(module, **options)


def _shared(module: Any) -> Any:
    return nn.vmap(module, **_SHARED)


class Mapped(nn.Module):
    """A module whose child's parameters go through a function, both ways."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Apply the child."""
        first: dict[str, Any] = {"init": self.is_initializing(), "mutable": True}
        return nn.map_variables(Block, "params", _identity, _identity, **first)()(x)


def lifts() -> dict[str, Callable[[], Made]]:
    """Each lift by name, with the plain module first."""
    x, rows = jnp.asarray(array(3, SIZE)), (jnp.asarray(array(3, SIZE)), jnp.zeros(3))
    broadcast: dict[str, Any] = {
        "variable_axes": {"batch_stats": 0, "noise": 0},
        "variable_broadcast": "params",
        "split_rngs": {"params": False, "dropout": True},
    }
    labelled = {"metadata_params": {nn.PARTITION_NAME: "layers"}}
    return {
        "plain": lambda: (Block(), (x,)),
        "jit": lambda: (nn.jit(Block)(), (x,)),
        "remat": lambda: (nn.remat(Block)(), (x,)),
        "vmap-shared": lambda: (_shared(Block)(), rows),
        "vmap-ensemble": lambda: (_vmap(Block)(), rows),
        "vmap-ensemble-of-one-input": lambda: (
            _vmap(Block, in_axes=None, axis_size=3)(),
            (x, None),
        ),
        "vmap-metadata": lambda: (_vmap(Block, **labelled)(boxed=True), rows),
        "vmap-of-jit": lambda: (_vmap(nn.jit(Block))(), rows),
        "vmap-of-vmap": lambda: (_vmap(_vmap(Block, in_axes=None, axis_size=2))(), rows),
        "scan": lambda: (_scan(Block)(), (x, None)),
        "scan-broadcast": lambda: (nn.scan(Block, length=3, **broadcast)(), (x, None)),
        "scan-metadata": lambda: (_scan(Block, **labelled)(boxed=True), (x, None)),
        "scan-of-jit": lambda: (_scan(nn.jit(Block))(), (x, None)),
        "map_variables": lambda: (Mapped(), (x,)),
        "add_metadata_axis": lambda: (
            needed("flax.linen.add_metadata_axis")(Block, variable_axes={"params": 0}, **labelled)(
                boxed=True
            ),
            (x,),
        ),
        "decorated-methods": lambda: (Decorated(), (x,)),
        "children-plain": lambda: (Holder(_identity), (x,)),
        "children-jit": lambda: (Holder(nn.jit), (x,)),
        "children-remat": lambda: (Holder(nn.remat), (x,)),
        "children-vmap": lambda: (Holder(_vmap), (x,)),
        "cond": lambda: (_function(_cond), (x,)),
        "vjp": lambda: (_function(_vjp), (x,)),
        "bridge": lambda: (_bridged(), (x,)),
        "bridge-vmap": lambda: (_vmap(_ToLinen)(), (x,)),
        "bridge-jit": lambda: (nn.jit(_ToLinen)(), (x,)),
    }


def _cond(child: Any, x: Any) -> Any:
    return nn.cond(True, lambda m, a: m(a), lambda m, a: m(a) + 1, child, x)


def _vjp(child: Any, x: Any) -> Any:
    value, pullback = nn.vjp(lambda m, a: m(a), child, x)
    return pullback(jnp.ones_like(value))[1]


def _bridged() -> Any:
    nnx: Any = needed("flax.nnx")
    return needed("flax.nnx.bridge.ToLinen")(nnx.Linear, args=(SIZE, SIZE))


class _ToLinen(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        return _bridged()(x)


def started(lift: str, plain: Mapping[str, Any]) -> dict[str, Any]:
    """What the module starts with under a lift, and its output where all its variables are one.

    Args:
        lift: A name of `lifts`.
        plain: The variables of the plain module by path.

    """
    module, inputs = lifts()[lift]()
    variables = initial(module, inputs)
    found = facts(by_path(variables), plain)
    ones = jax.tree_util.tree_map(jnp.ones_like, variables)
    output, updated = module.apply(ones, *inputs, rngs=_keys(), mutable=list(_COLLECTIONS[1:]))
    for name, leaf in by_path({"output": output, "updated": updated}).items():
        value = np.asarray(leaf[0] if isinstance(leaf, tuple) else leaf)
        found[f"applied/{name}"] = {"value": value, "bound": rounding(value), "plain": None}
    return found


def initial(module: Any, inputs: tuple[Any, ...]) -> Any:
    """The variables that a module starts with, in their boxes."""
    return module.init(_keys(), *inputs)


def _keys() -> dict[str, Any]:
    return {name: jax.random.key(KEY + i) for i, name in enumerate(_STREAMS)}


def by_path(tree: Any) -> dict[str, Any]:
    """The leaves by path; with what a box says beside the value, where there is one."""

    def boxed(leaf: Any) -> bool:
        return hasattr(leaf, "unbox")

    leaves = jax.tree_util.tree_flatten_with_path(tree, is_leaf=boxed)[0]
    found = {}
    for path, leaf in leaves:
        name = "/".join(str(getattr(k, "key", getattr(k, "idx", k))) for k in path)
        found[name] = (leaf.unbox(), _of_box(leaf)) if boxed(leaf) else leaf
    return found


def _of_box(box: Any) -> str:
    names = getattr(box, "names", None)
    return f"{type(box).__name__}{names if names is not None else ''}"
