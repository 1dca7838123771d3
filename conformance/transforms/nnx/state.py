"""A function of an NNX module's state, mapped as users map the module itself: with `nnx.StateAxes`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import jax.numpy as jnp

from reference.types import Array, PyTree


@attrs.frozen(eq=False)
class StateFunction:
    """What a function of (state, *inputs) that gives (output, changed state) is made of."""

    merge: Callable[[Sequence[Array]], Any]
    """The module with these arrays as its state."""
    call: Callable[..., PyTree]
    """`call(module, *inputs)` gives the output, and may change the module's state."""
    state: Callable[[Any], list[Array]]
    """The arrays of a module's state."""
    changed: Callable[[], Sequence[int]]
    """Which of them a call changes."""
    has_keys: bool
    """Some of them are keys, whose own axis is no axis of the array."""


def of(function: Callable[..., PyTree], in_axes: Sequence[Any], out_axes: Any) -> Any:
    """The `StateFunction` that a map with these axes maps as a module; None where it maps a function.

    A state that all examples share and that a call changes cannot be mapped as a module: each example
    would leave another one.
    """
    found = getattr(function, "of_module", None)
    if found is None or not isinstance(out_axes, int):
        return None
    alone = isinstance(in_axes[0], int) or (in_axes[0] is None and not found.changed())
    return found if alone else None


def map_module(
    mapping: Callable[..., Callable[..., PyTree]],
    function: StateFunction,
    in_axes: Sequence[Any],
    out_axes: int,
    options: Mapping[str, Any],
) -> Callable[..., PyTree]:
    """The map of the module, as a function of its state.

    Args:
        mapping: `nnx.vmap` or `nnx.pmap`.
        function: What is mapped.
        in_axes: The batch axis of each array of the state, and those of the inputs. A state that has
            keys is mapped in front.
        out_axes: Where the batch axis of the output, and of the changed state, is.
        options: The map's other options.

    """
    from flax import nnx

    given, *others = in_axes
    axis = 0 if function.has_keys and given is not None else given
    by_kind: dict[Any, Any] = {...: axis}

    def mapped(values: Sequence[Array], *inputs: PyTree) -> tuple[PyTree, list[Array]]:
        if axis != given:
            values = [jnp.moveaxis(value, given, axis) for value in values]
        module = function.merge(values)
        axes = (nnx.StateAxes(by_kind), *others)
        over = mapping(function.call, in_axes=axes, out_axes=out_axes, **options)
        output = over(module, *inputs)
        after = function.state(module)
        return output, [jnp.moveaxis(after[i], axis, out_axes) for i in function.changed()]

    return mapped
