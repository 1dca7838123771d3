"""Every public layer of Linen and NNX that no list names: made with what its signature needs."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.cases import KEY, array
from conformance.observations.linen_lifts import by_path
from conformance.observations.nnx_lifts import state_by_path
from conformance.observations.record import Absent, needed
from conformance.observations.started import facts, rounding

_SIZE = 4
_ARGUMENTS: dict[str, Any] = {
    "features": _SIZE,
    "in_features": _SIZE,
    "out_features": _SIZE,
    "hidden_features": _SIZE,
    "num_features": _SIZE,
    "num_embeddings": 5,
    "num_heads": 2,
    "num_groups": 2,
    "kernel_size": (2, 2),
    "rate": 0.5,
    "lora_rank": 2,
    "rank": 2,
    "epsilon": 1e-5,
    "layer_instance": None,
    "negative_slope_init": 0.01,
}
"""By the name of a parameter, what is given."""
_EXCEPT = frozenset(
    {
        *(
            "Module",
            "Object",
            "Pytree",
            "Sequential",
            "RNN",
            "Bidirectional",
            "RNNCellBase",
            "List",
        ),
        *("Dict", "Rngs", "RngStream", "Optimizer", "ModelAndOptimizer", "TrainState", "LoRA"),
        *("Metric", "MultiMetric", "Average", "Accuracy", "Welford", "ToLinen", "ToNNX"),
        *("WeightNorm", "SpectralNorm", "LoRALinear", "EinsumEmbed", "Data", "Static", "Scan"),
        *("PytreeMeta", "HashableMapping", "Statistics"),
    }
)
"""Classes that are no layers, or are made of another one, which lists have."""


def names(library: str, listed: Mapping[str, Any]) -> Iterator[str]:
    """The public classes of modules of `flax.linen` or `flax.nnx` that are not listed yet."""
    try:
        found, module = needed(library), needed(f"{library}.Module")
    except Absent:
        return
    known = {name.split("-")[0] for name in listed} | _EXCEPT
    for name in sorted(vars(found)):
        kind = vars(found)[name]
        # A generic alias is a class to `inspect`, and none to `issubclass`.
        is_class = inspect.isclass(kind) and module in getattr(kind, "__mro__", ())
        if is_class and name not in known:
            yield name


def of_linen(name: str) -> dict[str, Any]:
    """The variables of a layer of Linen, and what it gives with ones for them."""
    kind = needed(f"flax.linen.{name}")
    layer = kind(**_given(kind))
    rngs = {"params": jax.random.key(KEY), "dropout": jax.random.key(KEY)}

    def use(inputs: tuple[Any, ...]) -> dict[str, Any]:
        variables = layer.init(rngs, *inputs)
        ones = jax.tree_util.tree_map(jnp.ones_like, variables)
        output = layer.apply(ones, *inputs, rngs={"dropout": rngs["dropout"]})
        return facts(by_path(variables)) | _applied(output)

    return _first(use)


def of_nnx(name: str) -> dict[str, Any]:
    """The Variables of a layer of NNX, and what it gives."""
    kind = needed(f"flax.nnx.{name}")

    def use(inputs: tuple[Any, ...]) -> dict[str, Any]:
        layer = kind(**_given(kind))
        found = facts(state_by_path(layer))
        return found | _applied(layer(*inputs))

    return _first(use)


def _given(kind: type) -> dict[str, Any]:
    """By name, the arguments that a class needs. Raises TypeError where one is not known."""
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(vars(kind).get("__init__", kind)).parameters.items():
        if name == "rngs":
            given[name] = needed("flax.nnx.Rngs")(0)
        elif parameter.default is parameter.empty and name in _ARGUMENTS:
            given[name] = _ARGUMENTS[name]
    return given


def _first(use: Callable[[tuple[Any, ...]], dict[str, Any]]) -> dict[str, Any]:
    """What is found with the first kind of input that the layer takes."""
    error: Exception | None = None
    for inputs in _inputs():
        try:
            return use(inputs)
        except Absent:
            raise
        except Exception as raised:
            error = error or raised
    raise error or TypeError("no input")


def _inputs() -> Iterator[tuple[Any, ...]]:
    rows = jnp.asarray(array(3, _SIZE))
    yield (rows,)
    yield (jnp.arange(3),)
    yield (rows, rows)
    yield ((rows, rows), rows)
    yield (jnp.asarray(array(1, 3, 3, _SIZE)),)
    image = jnp.zeros((1, 3, 3, _SIZE))
    yield ((image, image), image)


def _applied(output: Any) -> dict[str, Any]:
    leaves = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(output)]
    return {
        f"applied/output-{i}" if i else "applied/output": {
            "value": leaf,
            "bound": rounding(leaf),
            "plain": None,
        }
        for i, leaf in enumerate(leaves)
    }


def forms(library: str, listed: Mapping[str, Any]) -> dict[str, Callable[[], dict[str, Any]]]:
    """By name, what observes each such layer."""
    of = of_linen if library == "flax.linen" else of_nnx
    return {name: partial(of, name) for name in names(library, listed)}
