"""What a subtle mutant is: a fault and its trigger, a predicate of the call."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from properties.call import Axes, ModuleCall
from properties.mutants.mutant import leaves
from properties.transform import Lifted, Transform
from reference.loop import number_of_examples
from reference.types import Array, PyTree

Fault = Callable[[Array], Array]
LiftFault = Callable[[Lifted, ModuleCall], Lifted]


def disturbed(leaf: Array) -> Array:
    """The array with one added; booleans inverted, keys as they are."""
    if leaf.dtype == jnp.bool_:
        return jnp.logical_not(leaf)
    if not jnp.issubdtype(leaf.dtype, jnp.number):
        return leaf
    return leaf + jnp.ones((), leaf.dtype)


@attrs.frozen
class Use:
    """One call of a mapped function, which the map accepted."""

    axes: Axes
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    turn: int
    """How often this mapped function has been called, this call included."""

    @property
    def leaves(self) -> list[Array]:
        """The arrays of the arguments."""
        return jax.tree_util.tree_leaves(self.arguments)

    @property
    def in_axes(self) -> Sequence[Any]:
        """The entry of each argument: an axis, None or a tree of them."""
        return self.axes.in_axes

    @property
    def size(self) -> int:
        """The number of examples; -1 where trees of axes say it."""
        if not all(axis is None or isinstance(axis, int) for axis in self.in_axes):
            return -1
        stated = dict(self.axes.options).get("axis_size")
        return number_of_examples(self.arguments, self.in_axes, stated)

    @property
    def dtypes(self) -> set[str]:
        """The names of the dtypes of the arguments."""
        return {str(leaf.dtype) for leaf in map(jnp.asarray, self.leaves)}

    @property
    def mapped_shapes(self) -> list[tuple[tuple[int, ...], int]]:
        """The shape of each mapped array, with its batch axis counted from the front."""
        return [
            (np.shape(leaf), axis % max(np.ndim(leaf), 1))
            for argument, axis in zip(self.arguments, self.in_axes, strict=False)
            if isinstance(axis, int)
            for leaf in jax.tree_util.tree_leaves(argument)
        ]

    def tracers(self) -> set[str]:
        """The names of the classes of the arguments that are traced."""
        return {type(leaf).__name__ for leaf in self.leaves if isinstance(leaf, jax.core.Tracer)}


@attrs.frozen
class SubtleMutant:
    """One fault with its trigger."""

    name: str
    sentence: str
    """What it does, and where: "with a batch of one, the result is wrong"."""
    mutate: Callable[[Transform], Transform]
    """Gives the broken transform."""
    lifts: bool
    """Whether it breaks the lifting of modules, not the mapping of functions."""
    where: Callable[[Any], bool]
    """The trigger: of a `Use` of a mapped function, or of the call of a lift."""


def of_map(
    name: str,
    sentence: str,
    where: Callable[[Use], bool],
    result: Fault = disturbed,
    argument: Callable[[Use, int, Array], Array] | None = None,
) -> SubtleMutant:
    """A mutant of a transform's `map`.

    Args:
        name: Its name.
        sentence: What it does, and where.
        where: The trigger.
        result: What it does to each array of a result.
        argument: `argument(use, number, leaf)`: what it does to arrays of arguments instead.
    """

    def mutate(transform: Transform) -> Transform:
        def mapping(function: Callable[..., PyTree], axes: Axes) -> Callable[..., PyTree]:
            mapped, turns = transform.map(function, axes), 0

            def broken(*arguments: PyTree, **keywords: PyTree) -> PyTree:
                nonlocal turns
                turns += 1
                use = Use(axes, arguments, keywords, turns)
                if argument is None:
                    got = mapped(*arguments, **keywords)
                    return leaves(result, got) if where(use) else got
                # What the map refuses is refused before anything is changed.
                jax.eval_shape(mapped, *arguments, **keywords)
                changed = [
                    leaves(partial(argument, use, i), each) for i, each in enumerate(arguments)
                ]
                return mapped(*(changed if where(use) else arguments), **keywords)

            return broken

        return attrs.evolve(transform, map=mapping)

    return SubtleMutant(name, sentence, mutate, lifts=False, where=where)


def of_lift(
    name: str, sentence: str, where: Callable[[ModuleCall], bool], fault: LiftFault
) -> SubtleMutant:
    """A mutant of a transform's `lift`: the fault, where the call triggers it."""

    def mutate(transform: Transform) -> Transform:
        def lift(call: ModuleCall) -> Lifted:
            lifted = transform.lift(call)
            return fault(lifted, call) if where(call) else lifted

        return attrs.evolve(transform, lift=lift)

    return SubtleMutant(name, sentence, mutate, lifts=True, where=where)


def noting_triggers(
    transform: Transform, mutants: Collection[SubtleMutant], triggered: set[str]
) -> Transform:
    """The transform as it is, which adds to `triggered` the names of the mutants that misbehave."""

    def note(lifts: bool, use: Use | ModuleCall) -> None:
        of_kind = (mutant for mutant in mutants if mutant.lifts is lifts)
        triggered.update(mutant.name for mutant in of_kind if mutant.where(use))

    def mapping(function: Callable[..., PyTree], axes: Axes) -> Callable[..., PyTree]:
        mapped, turns = transform.map(function, axes), 0

        def noted(*arguments: PyTree, **keywords: PyTree) -> PyTree:
            nonlocal turns
            turns += 1
            result = mapped(*arguments, **keywords)
            note(False, Use(axes, arguments, keywords, turns))
            return result

        return noted

    def lift(call: ModuleCall) -> Lifted:
        note(True, call)
        return transform.lift(call)

    noting = attrs.evolve(transform, map=mapping)
    return attrs.evolve(noting, lift=lift) if transform.maps_modules else noting
