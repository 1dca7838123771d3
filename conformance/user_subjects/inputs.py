"""The inputs of one example, as a user writes them: shapes, ranges, arrays, keys, and trees of these."""

import dataclasses
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from properties.subject import Array

Dim = str | int
Draw = Callable[[np.random.RandomState, tuple[int, ...]], Any]


class SubjectsError(Exception):
    """Subjects that cannot be used, in one sentence."""


@attrs.frozen(eq=False)
class Drawn(Array):
    """An array whose values a function draws, example by example."""

    values: Draw = np.random.RandomState.standard_normal
    base: int = 0
    """Taken off the seed, so that arrays of one tree that are drawn together have one seed."""
    apart: bool = True
    """Draw again where an example is the same as one before it."""

    def draw(
        self,
        seed: int,
        sizes: Any,
        dtype: str,
        batch: tuple[int, ...] = (),
        edge_values: bool = False,
    ) -> Any:
        """Values of this array, with a leading batch axis where ``batch`` gives its size.

        Args:
            seed: What the values are drawn from.
            sizes: The size of each dimension that has a name.
            dtype: The dtype, where the array has none of its own.
            batch: The number of examples, as a tuple of one; empty for one example without a batch axis.
            edge_values: Not read: the function decides what is drawn.

        Raises:
            SubjectsError: The function draws another shape than the array has.

        """
        shape, kind = self.shape(sizes), jnp.dtype(self.dtype or dtype)
        random = [np.random.RandomState((seed - self.base) % 2**32)]
        if not batch:
            return self._one(random[0], shape, kind)
        seeds = random[0].randint(2**31 - 1, size=batch[0])
        drawn: dict[bytes, Any] = {}
        rows = []
        for start in seeds:
            row = self._one(np.random.RandomState(start), shape, kind)
            for again in range(1, 20 if self.apart else 0):
                if row.tobytes() not in drawn:
                    break
                row = self._one(np.random.RandomState((start + again) % 2**32), shape, kind)
            drawn[row.tobytes()] = row
            rows.append(row)
        return np.stack(rows) if rows else np.zeros((0, *shape), kind)

    def _one(self, random: np.random.RandomState, shape: tuple[int, ...], kind: Any) -> Any:
        row = np.asarray(self.values(random, shape))
        if row.shape != shape:
            raise SubjectsError(f"an input was drawn with shape {row.shape}, and then {shape}")
        return row.astype(kind)


@attrs.frozen(eq=False)
class TypedKey(Drawn):
    """PRNG keys as `jax.random.key` makes them. They are drawn as integers and wrapped in the function."""

    impl: Any = None


@attrs.frozen
class Static:
    """An argument that is no array: every example has the same, and no map sees it."""

    value: Any


def array(*shape: Dim, dtype: str = "float32") -> Array:
    """An input of standard normal values of that dtype, whatever the subject's other inputs have."""
    return Array(tuple(shape), dtype=jnp.dtype(dtype).name)


def indices(*shape: Dim, below: Dim, dtype: str = "int32") -> Array:
    """An input of indices, each at least 0 and less than ``below``, a number or a dimension."""
    return Array(tuple(shape), below, dtype=dtype)


def between(low: float, high: float, *shape: Dim) -> Array:
    """An input of floats drawn uniformly from an interval.

    Raises:
        SubjectsError: The first two are not the ends of an interval.

    """
    if not (_are_numbers(low, high) and low <= high):
        raise SubjectsError(
            f"own.between(low, high, *shape) takes two numbers and then the shape, not {low!r}, {high!r}"
        )
    return Drawn(tuple(shape), values=lambda random, s: random.uniform(low, high, size=s))


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, numbers.Real) for value in values)


def positive(*shape: Dim) -> Array:
    """An input of floats between 0.5 and 3."""
    return between(0.5, 3.0, *shape)


def probabilities(*shape: Dim) -> Array:
    """An input of numbers between 0 and 1 that sum to 1 along the last axis; a number where there is none."""

    def drawn(random: np.random.RandomState, size: tuple[int, ...]) -> Any:
        weights = random.uniform(0.1, 1.0, size=size)
        return weights / weights.sum(-1, keepdims=True) if size else weights

    return Drawn(tuple(shape), values=drawn)


def integers(*shape: Dim, low: int = -100, high: int = 100, dtype: str = "int32") -> Array:
    """An input of integers of at least ``low`` and less than ``high``.

    Raises:
        SubjectsError: There are no such integers, or a range was given where the shape is due.

    """
    if not (_are_numbers(low, high) and low < high):
        raise SubjectsError(f"own.integers needs low < high, not low={low!r} and high={high!r}")
    if 0 in shape:
        given = ", ".join(map(repr, shape))
        raise SubjectsError(
            f"own.integers({given}) asks for an array of shape ({given}), which is empty: give a range by "
            "name, as in own.integers('n', low=0, high=4)"
        )
    return Drawn(tuple(shape), dtype=dtype, values=lambda r, s: r.randint(low, high, size=s))


def booleans(*shape: Dim) -> Array:
    """An input of booleans, such as a mask."""
    return Drawn(tuple(shape), dtype="bool", values=lambda r, s: r.randint(2, size=s))


def key(*shape: Dim) -> Array:
    """An input of typed PRNG keys, as `jax.random.key` makes them."""
    made = jax.random.key(0)
    return _key_like(made, shape)


def _key_like(made: Any, shape: Sequence[Dim]) -> TypedKey:
    data = jax.random.key_data(made)
    width = data.shape[made.ndim :]
    return TypedKey(
        (*shape, *width), dtype=data.dtype.name, values=_bits, impl=jax.random.key_impl(made)
    )


def raw_key(*shape: Dim) -> Array:
    """An input of raw PRNG keys, as `jax.random.PRNGKey` makes them."""
    made = jax.random.PRNGKey(0)
    return Drawn((*shape, *made.shape), dtype=made.dtype.name, values=_bits)


def _bits(random: np.random.RandomState, shape: tuple[int, ...]) -> Any:
    return random.randint(0, 2**32, size=shape, dtype=np.uint64)


def generated(draw: Callable[[np.random.RandomState], Any]) -> Any:
    """An input that a function of the user's draws.

    ``draw(random)`` gives one example of it, an array or a tree of arrays whose shapes are always the
    same, from a `numpy.random.RandomState`.
    """
    leaves, structure = jax.tree_util.tree_flatten(draw(np.random.RandomState(0)))

    def place(i: int) -> Draw:
        return lambda random, shape: jax.tree_util.tree_leaves(draw(random))[i]

    drawn = [
        Drawn(np.shape(leaf), dtype=_dtype(leaf), values=place(i), base=i, apart=False)
        for i, leaf in enumerate(leaves)
    ]
    return jax.tree_util.tree_unflatten(structure, drawn)


def examples(*values: Any) -> Any:
    """An input that takes its values from these, each that of one example: an array or a tree of arrays.

    With one value alone all examples are equal, which hides most of what a map can do wrong.
    """
    if not values:
        raise SubjectsError("own.examples needs the value of one example at least")
    return generated(lambda random: values[random.randint(len(values))])


def static(value: Any) -> Static:
    """An argument that is no array and is the same in every call, such as a number of steps."""
    return Static(value)


def arguments(inputs: Any) -> tuple[Any, ...]:
    """The specifications of a user's inputs: one pytree of `Array` each, or `Static`.

    Raises:
        SubjectsError: where one of them says nothing that can be drawn.

    """
    if _is_shape(inputs) and len(inputs):
        # One bare shape in place of a list of them.
        inputs = [inputs]
    if isinstance(inputs, Array | Static) or hasattr(inputs, "shape"):
        inputs = [inputs]
    if not isinstance(inputs, tuple | list):
        raise SubjectsError(f"inputs are a list with one entry per argument, not {inputs!r}")
    return tuple(map(argument, inputs))


def argument(entry: Any) -> Any:
    """The specification of one argument."""
    if isinstance(entry, Static):
        return entry
    if isinstance(entry, bool | float | complex | str | bytes) or callable(entry):
        return Static(entry)
    specified = _specified(entry)
    # None, say: there is no array in it that could be mapped.
    return specified if jax.tree_util.tree_leaves(specified) else Static(specified)


def _is_shape(entry: Any) -> bool:
    plain = type(entry) in (tuple, list)
    return plain and all(isinstance(d, str | int) and not isinstance(d, bool) for d in entry)


def _specified(entry: Any) -> Any:
    if isinstance(entry, Array):
        return entry
    if _is_shape(entry):
        return Array(tuple(entry))
    # A variable of NNX has both, too, and is a tree: it stays the variable that it is.
    if hasattr(entry, "shape") and hasattr(entry, "dtype") and jax.tree_util.all_leaves([entry]):
        return _like(entry)
    children, structure = jax.tree_util.tree_flatten(entry, is_leaf=lambda node: node is not entry)
    if len(children) == 1 and children[0] is entry:
        raise SubjectsError(_unusable(entry))
    return jax.tree_util.tree_unflatten(structure, [_specified(child) for child in children])


def _unusable(entry: Any) -> str:
    if isinstance(entry, int):
        return (
            f"the input {entry!r} is a number: write () for a scalar array, ({entry!r},) for a vector, "
            f"or own.static({entry!r}) for an argument that is no array"
        )
    if dataclasses.is_dataclass(entry):
        return (
            f"the input {type(entry).__name__} is a dataclass that JAX does not know as a tree: "
            "register it with jax.tree_util.register_dataclass"
        )
    return (
        f"the input {entry!r} is neither a shape, an array nor a tree of these: wrap it in own.static "
        "where it is no array"
    )


def _dtype(leaf: Any) -> str:
    return jnp.dtype(jax.dtypes.canonicalize_dtype(jnp.result_type(leaf))).name


def _like(entry: Any) -> Array:
    """An input of an array's shape and dtype, its values within the array's own range."""
    if jnp.issubdtype(entry.dtype, jax.dtypes.prng_key):
        return _key_like(entry, entry.shape)
    shape, dtype = tuple(entry.shape), _dtype(entry)
    if isinstance(entry, jax.ShapeDtypeStruct):
        return Array(shape, dtype=dtype) if dtype != "bool" else booleans(*shape)
    if dtype == "bool":
        return booleans(*shape)
    if dtype == "uint32" and shape[-1:] == np.shape(jax.random.PRNGKey(0)):
        # A raw key, most likely; any integers will do where it is none.
        return Drawn(shape, dtype=dtype, values=_bits)
    values = np.asarray(entry)
    if jnp.issubdtype(dtype, jnp.complexfloating) or not values.size:
        return Array(shape, dtype=dtype)
    low, high = values.min(), values.max()
    if jnp.issubdtype(dtype, jnp.integer):
        last = int(high) + 1
        return Drawn(shape, dtype=dtype, values=lambda r, s: r.randint(int(low), last, size=s))
    if low == high or not np.isfinite([float(low), float(high)]).all():
        return Array(shape, dtype=dtype)
    span = (float(low), float(high))
    return Drawn(shape, dtype=dtype, values=lambda r, s: r.uniform(*span, size=s))
