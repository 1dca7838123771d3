"""``flax.nnx.vmap``, of modules whose state has an axis by `StateAxes`, and of functions."""

from collections.abc import Callable, Mapping
from typing import Any

import flax
import jax
from packaging.version import Version

from properties.calls import Axes, FunctionCall, ModuleCall
from properties.subject import ModuleSubject
from properties.transform import Lifted, Transform

_FLOOR = "0.10"
_MADE = {
    "dense": "nnx.Linear({m}, {n}, rngs=rngs)",
    "conv": "nnx.Conv({m}, {n}, kernel_size=(3,), rngs=rngs)",
    "layer-norm": "nnx.LayerNorm({m}, rngs=rngs)",
    "batch-norm": "nnx.BatchNorm({m}, use_running_average=False, rngs=rngs)",
    "embed": "nnx.Embed({vocabulary}, {n}, rngs=rngs)",
}
"""Each module subject as NNX writes it, with the sizes of its dimensions."""


def map_function(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    from flax import nnx

    options = dict[str, Any](axes.options)
    return nnx.vmap(
        function, in_axes=axes.in_axes, out_axes=axes.out_axes, axis_name=axes.name, **options
    )


def _make(call: ModuleCall) -> Callable[[Any], Any]:
    """A function of `nnx.Rngs` that makes the module."""
    from flax import nnx

    text = _MADE[call.subject_name].format(**call.sizes)
    made: Callable[[Any], Any] = eval(f"lambda rngs: {text}", {"nnx": nnx})
    return made


def _state_axes(variable_axes: Mapping[str, Any]) -> Any:
    from flax import nnx

    kinds: dict[str, Any] = {"params": nnx.Param, "batch_stats": nnx.BatchStat}
    return nnx.StateAxes({kinds[name]: axis for name, axis in variable_axes.items()})


def _variables(module: Any) -> dict[str, dict[str, Any]]:
    """The module's own variables by collection, as Linen has them."""
    from flax import nnx

    found: dict[str, dict[str, Any]] = {}
    for name, value in vars(module).items():
        if isinstance(value, nnx.Param):
            found.setdefault("params", {})[name] = _array(value)
        elif isinstance(value, nnx.BatchStat):
            found.setdefault("batch_stats", {})[name] = _array(value)
    return found


def _array(variable: Any) -> Any:
    # `value` is deprecated since flax 0.12, and what replaces it is not in 0.10.
    return variable.get_value() if hasattr(variable, "get_value") else variable.value


def lift(call: ModuleCall) -> Lifted:
    """``nnx.vmap`` of making the module, and of calling it."""
    from flax import nnx

    (axes, *_), make = call.axes, _make(call)
    state_axes, split = _state_axes(call.variable_axes), call.split_rngs.get("params", False)

    def init(rngs: Any, *inputs: Any) -> Any:
        streams = nnx.Rngs(params=rngs["params"])
        create: Any = nnx.vmap(
            make, in_axes=0 if split else None, out_axes=state_axes, axis_size=call.size
        )
        if split:
            create = nnx.split_rngs(splits=call.size)(create)
        return _variables(create(streams))

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        graph, state = nnx.split(make(nnx.Rngs(0)))
        flat = {name: leaf for tree in variables.values() for name, leaf in tree.items()}
        structure = jax.tree_util.tree_structure(state)
        leaves = [flat[name] for name in sorted(flat)]
        module = nnx.merge(graph, jax.tree_util.tree_unflatten(structure, leaves))
        in_axes = (state_axes, *axes.in_axes)
        mapped = nnx.vmap(lambda m, *x: m(*x), in_axes=in_axes, out_axes=axes.out_axes)
        output = mapped(module, *inputs)
        updated = {k: v for k, v in _variables(module).items() if k != "params"}
        return output, updated

    return Lifted(init, apply)


def lacks(subject: ModuleSubject) -> str | None:
    if subject.name in _MADE:
        return None
    return f"{subject.name} is not among the modules that this suite has written in NNX"


def unavailable() -> str | None:
    if Version(flax.__version__) < Version(_FLOOR):
        return f"flax {flax.__version__}: nnx.vmap took other arguments before {_FLOOR}"
    return None


def source(call: FunctionCall | ModuleCall) -> str:
    axes = call.axes[0]
    if isinstance(call, FunctionCall):
        options = "".join(f", {name}={value!r}" for name, value in axes.options)
        return f"""
from flax import nnx

mapped = nnx.vmap(
    function, in_axes={axes.in_axes}, out_axes={axes.out_axes}, axis_name={axes.name!r}{options}
)
"""
    kinds = {"params": "nnx.Param", "batch_stats": "nnx.BatchStat"}
    by_kind = ", ".join(f"{kinds[name]}: {axis}" for name, axis in call.variable_axes.items())
    split = call.split_rngs.get("params", False)
    return f"""
from flax import nnx

state_axes = nnx.StateAxes({{{by_kind}}})


def make(rngs):
    return {_MADE[call.subject_name].format(**call.sizes)}


def collected(module):
    found = {{}}
    for name, value in vars(module).items():
        kind = {{nnx.Param: "params", nnx.BatchStat: "batch_stats"}}.get(type(value))
        if kind:
            found.setdefault(kind, {{}})[name] = value.value
    return found


class lifted:
    @staticmethod
    def init(rngs, *inputs):
        create = nnx.vmap(make, in_axes={0 if split else None}, out_axes=state_axes, axis_size={call.size})
        if {split}:
            create = nnx.split_rngs(splits={call.size})(create)
        return collected(create(nnx.Rngs(params=rngs["params"])))

    @staticmethod
    def apply(variables, *inputs, rngs, mutable):
        graph, state = nnx.split(make(nnx.Rngs(0)))
        flat = {{name: leaf for tree in variables.values() for name, leaf in tree.items()}}
        structure = jax.tree_util.tree_structure(state)
        module = nnx.merge(graph, structure.unflatten([flat[name] for name in sorted(flat)]))
        in_axes = (state_axes, *{axes.in_axes})
        mapped = nnx.vmap(lambda m, *x: m(*x), in_axes=in_axes, out_axes={axes.out_axes})
        output = mapped(module, *inputs)
        updates = {{k: v for k, v in collected(module).items() if k != "params"}}
        return (output, updates) if mutable else output
"""


TRANSFORM = Transform(
    "flax.nnx.vmap",
    "maps an NNX module and its state over a batch",
    map_function,
    lift,
    kinds=("function",),
    unavailable=unavailable,
    lacks=lacks,
    derives_keys=False,
    source=source,
)
