"""Which ways to call a transform are accepted, and what each gives; of the others, what they raise."""

import functools
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations import (
    bridge_forms,
    call_forms,
    device_forms,
    edge_values,
    equations,
    every_function,
    flax_call_forms,
    layer_option_forms,
    linen_module_forms,
    linen_program_forms,
    mesh_forms,
    nnx_graph_forms,
    nnx_module_forms,
    nnx_operator_forms,
    nnx_option_forms,
    nnx_program_forms,
    part_maps,
    placed_maps,
    plain_calls,
    protocol_forms,
    public_functions,
    rule_forms,
    statistics_functions,
    switched_forms,
    traced_maps,
    tree_functions,
)
from conformance.observations.code_names import function_given, is_made_of
from conformance.observations.record import Absent, Observation, described, needed, one
from conformance.observations.selection import EVERYTHING, Selection
from conformance.observations.started import fixed_stream


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`calls/TRANSFORM/FORM`: {gives, values}, or {type, line} where the call is refused.

    `gives` is the tree of the result with shapes, dtypes and weak types; `values` are its arrays, None
    each where the call was only traced.
    """
    mine = (*selection.names, *selection.keywords)
    with fixed_stream():
        every = [
            (f"calls/{transform}/{name}", call)
            for transform in _FORMS
            if _is_wanted(transform, selection)
            for name, call in _forms(transform, sweeps=selection.sweeps).items()
        ]
        for key, call in selection.of_part(every):
            if not selection.only_their_calls or _is_theirs(key, call, mine):
                yield from one(key, partial(_given, call))


def _is_theirs(key: str, call: Callable[[], Any], mine: tuple[str, ...]) -> bool:
    """Whether the user's code uses all that a call is made of."""
    if public_functions.PREFIX in key:
        told = function_given(call)
        return told is not None and told[0] in mine
    return is_made_of(call, mine)


def _forms(transform: str, *, sweeps: bool) -> call_forms.Forms:
    swept: call_forms.Forms = {}
    if sweeps and transform == "jax.vmap":
        swept = every_function.vmapped() | public_functions.forms() | tree_functions.forms()
    return _FORMS[transform]() | swept


def form(key: str) -> Callable[[], Any] | None:
    """The call that is observed under a key of this group, such as `calls/jax.vmap/keyword`."""
    _, transform, name = key.split("/", 2)
    return _forms_of(transform).get(name)


@functools.cache
def _forms_of(transform: str) -> call_forms.Forms:
    return _forms(transform, sweeps=True) if transform in _FORMS else {}


def _is_wanted(transform: str, selection: Selection) -> bool:
    """Whether a transform is selected, and where only the user's names count, of a library among them."""
    library = transform.rpartition(".")[0]
    named = library == "jax" or any(name.startswith(f"{library}.") for name in selection.names)
    return selection.has_transform(transform) and (named or not selection.only_their_calls)


def _vmap() -> call_forms.Forms:
    return {
        **_of_map(jax.vmap),
        **call_forms.vmap_alone(),
        **placed_maps.vmapped(),
        **mesh_forms.vmapped(),
        **switched_forms.vmapped(),
        **edge_values.vmapped(),
        **protocol_forms.vmapped(),
        **rule_forms.vmapped(),
        **statistics_functions.vmapped(),
        **traced_maps.vmapped(),
        **plain_calls.plain(),
        **equations.equations(),
    }


def _pmap() -> call_forms.Forms:
    def pmap(*arguments: Any, **options: Any) -> Any:
        return needed("jax.pmap")(*arguments, **options)

    return {
        **call_forms.axes(pmap),
        **call_forms.axis_names(pmap),
        **call_forms.pmap_alone(),
        **mesh_forms.pmapped(),
        **device_forms.pmapped(),
    }


def _shard_map() -> call_forms.Forms:
    return {
        **call_forms.shard_map(),
        **placed_maps.shard_mapped(),
        **mesh_forms.shard_mapped(),
        **part_maps.shard_mapped(),
        **device_forms.shard_mapped(),
        **traced_maps.shard_mapped(),
    }


def _linen() -> call_forms.Forms:
    forms = (
        flax_call_forms,
        linen_module_forms,
        linen_program_forms,
        bridge_forms,
        layer_option_forms,
    )
    return {name: call for module in forms for name, call in module.linen().items()}


def _nnx() -> call_forms.Forms:
    forms = (
        *(flax_call_forms, nnx_module_forms, nnx_program_forms, bridge_forms),
        *(nnx_operator_forms, nnx_option_forms, nnx_graph_forms, layer_option_forms),
    )
    return {name: call for module in forms for name, call in module.nnx().items()}


def _of_map(map: Callable[..., Any]) -> call_forms.Forms:
    of_all = (call_forms.axes, call_forms.functions, call_forms.axis_names, call_forms.inside)
    return {name: call for forms in of_all for name, call in forms(map).items()}


_FORMS: dict[str, Callable[[], call_forms.Forms]] = {
    "jax.vmap": _vmap,
    "jax.pmap": _pmap,
    "jax.shard_map": _shard_map,
    "flax.linen.vmap": _linen,
    "flax.nnx.vmap": _nnx,
}


# What a class says of itself in a tree may hold sets, whose order is chance.
_CLASS = re.compile(r"CustomNode\((\w+)\[.*", re.DOTALL)


def _given(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        result = call()
        leaves, tree = jax.tree_util.tree_flatten(result)
        kinds = [_kind(leaf) for leaf in leaves]
        text = _CLASS.sub(r"\1", str(tree).removeprefix("PyTreeDef(").removesuffix(")"))
        return {"gives": f"{text} of {', '.join(kinds)}", "values": [_value(a) for a in leaves]}
    except Absent:
        raise
    except Exception as error:
        return described(error)


def _kind(leaf: Any) -> str:
    if not hasattr(leaf, "dtype"):
        return type(leaf).__name__
    spec = getattr(getattr(leaf, "sharding", None), "spec", ())
    if isinstance(leaf, jax.ShapeDtypeStruct) and any(spec):
        return f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]@{tuple(spec)}"
    weak = " weak" if getattr(leaf, "weak_type", False) else ""
    return f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]{weak}"


def _value(leaf: Any) -> Any:
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return None
    if not hasattr(leaf, "dtype"):
        return leaf if isinstance(leaf, str | int | float | bool) else type(leaf).__name__
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    array = np.asarray(leaf)
    # Of Python's objects, as of a Variable that a release does not take for an array, only that they are.
    return "objects" if array.dtype == object else array
