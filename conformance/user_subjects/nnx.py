"""The user's own NNX modules as subjects: functions of their state, which give what it becomes."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.nnx.state import StateFunction
from conformance.user_subjects.functions import (
    filled_in,
    options,
    said,
    split_arguments,
    takes,
)
from conformance.user_subjects.inputs import Drawn, SubjectsError
from properties.subject import FunctionSubject
from properties.values import away_from


@attrs.frozen(eq=False)
class StateLeaf(Drawn):
    """An array of a module's state.

    Each example has the module's own values, the floating ones moved without a change of sign; keys are
    drawn. Counters, flags and what is in order stay so.
    """

    initial: Any = None
    is_key: bool = False

    def draw(
        self,
        seed: int,
        sizes: Any,
        dtype: str,
        batch: tuple[int, ...] = (),
        edge_values: bool = False,
    ) -> Any:
        """Values of this array of state, with a leading batch axis where ``batch`` gives its size.

        Args:
            seed: What keys are drawn from, and how far floating values are moved.
            sizes: Not read: the shape is that of the module's own array.
            dtype: Not read: the dtype is that of the module's own array.
            batch: The number of examples, as a tuple of one; empty for one example without a batch axis.
            edge_values: Not read.

        """

        def one(place: int) -> Any:
            start = (seed + 7919 * place) % 2**32
            if self.is_key:
                bits = np.random.RandomState(start).randint(
                    0, 2**32, size=self.initial.shape, dtype=np.uint64
                )
                return bits.astype(self.initial.dtype)
            return away_from(self.initial, start)

        if not batch:
            return one(0)
        rows = [one(place) for place in range(1, batch[0] + 1)]
        return np.stack(rows) if rows else np.zeros((0, *self.initial.shape), self.initial.dtype)


def module(
    name: str,
    module: Any,
    inputs: Sequence[Any],
    *,
    keywords: Mapping[str, Any] | None = None,
    method: str = "__call__",
    **chosen: Any,
) -> FunctionSubject:
    """An NNX module as a subject; see `conformance.own.module`."""
    from flax import nnx

    if not callable(getattr(module, method, None)):
        raise SubjectsError(f"{type(module).__name__} has no method {method!r}")
    try:
        graph, state = nnx.split(module)
    except Exception as error:
        raise SubjectsError(f"the subject {name!r} cannot be split: {said(error)}") from None
    leaves, structure = jax.tree_util.tree_flatten(state)
    arrays, fill = split_arguments(inputs, keywords)
    if not jax.tree_util.tree_leaves(arrays):
        raise SubjectsError(f"the subject {name!r} takes no array: there is nothing to map")

    def merged(values: Sequence[Any]) -> Any:
        wrapped = [_as(leaf, value) for leaf, value in zip(leaves, values, strict=True)]
        return nnx.merge(graph, jax.tree_util.tree_unflatten(structure, wrapped))

    def ran(values: Sequence[Any], *given: Any) -> tuple[Any, list[Any]]:
        made = merged(values)
        output = filled_in(getattr(made, method), fill)(*given)
        return output, list(map(_data, jax.tree_util.tree_leaves(nnx.state(made))))

    changed: Sequence[int] = ()

    def applied(values: Sequence[Any], *given: Any) -> Any:
        output, after = ran(values, *given)
        return output, [after[i] for i in changed]

    applied.of_module = StateFunction(  # type: ignore[attr-defined] # a map of modules looks for it
        merge=merged,
        call=lambda made, *given: filled_in(getattr(made, method), fill)(*given),
        state=lambda made: list(map(_data, jax.tree_util.tree_leaves(nnx.state(made)))),
        changed=lambda: changed,
        has_keys=any(map(_is_key, leaves)),
    )

    specified = tuple(map(_specified, leaves))
    subject = FunctionSubject(name, applied, (specified, *arrays), own=options(**chosen))
    assert subject.own is not None
    changed = takes(subject, subject.arguments, lambda *example: _changes(ran, *example))
    subject = attrs.evolve(subject, own=attrs.evolve(subject.own, has_state=True))
    if not jax.tree_util.tree_leaves(
        takes(subject, subject.arguments, lambda *example: jax.eval_shape(applied, *example))
    ):
        raise SubjectsError(f"the subject {name!r} gives no array: there is nothing to compare")
    return subject


def _changes(ran: Any, *example: Any) -> list[int]:
    """Which arrays of the state a call replaces with others."""
    values = jax.tree_util.tree_leaves(example[0])
    closed = jax.make_jaxpr(lambda *given: ran(*given)[1])(*example).jaxpr
    if len(closed.outvars) != len(values):
        raise SubjectsError(
            "a call changes how many arrays the module's state has: make them before the first call; what "
            "it sows, a method can remove by nnx.pop(self, nnx.Intermediate)"
        )
    before = closed.invars[: len(values)]
    return [i for i, out in enumerate(closed.outvars) if out is not before[i]]


def _is_key(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _data(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _as(leaf: Any, value: Any) -> Any:
    """The value, in place of a leaf: as typed keys where that holds such."""
    if _is_key(leaf):
        return jax.random.wrap_key_data(value, impl=jax.random.key_impl(leaf))
    return jnp.asarray(value)


def _specified(leaf: Any) -> StateLeaf:
    initial = np.asarray(_data(leaf))
    return StateLeaf(initial.shape, dtype=initial.dtype.name, initial=initial, is_key=_is_key(leaf))
