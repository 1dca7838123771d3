"""Calls: one use of a transform on a subject, as plain data that round-trips through JSON."""

import functools
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from properties.generated_modules.grammar import Node
from properties.programs import source
from properties.programs.grammar import Program
from properties.subject import FunctionSubject, ModuleSubject
from properties.subjects import SUBJECTS

Axis = int | None

# Keys and values never share a stream with each other or between arguments.
_STRIDE = 7919


def _tuple(value: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(value)


def _pairs(value: Any) -> tuple[tuple[str, Any], ...]:
    """A mapping, or pairs as JSON has them, as what can be hashed."""
    pairs = value.items() if isinstance(value, Mapping) else value
    return tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in pairs)


def _axes_tuple(value: Any) -> tuple["Axes", ...]:
    return tuple(a if isinstance(a, Axes) else Axes(**a) for a in value)


@attrs.frozen
class Axes:
    """Where the batch axis is: in each argument (None: not mapped), and in the result."""

    in_axes: tuple[Axis, ...] = attrs.field(converter=_tuple)
    out_axes: int = 0
    """None (against its type) only in calls that must raise."""
    name: str | None = None
    """What the mapped axis is called, for collectives."""
    options: tuple[tuple[str, Any], ...] = attrs.field(default=(), converter=_pairs)
    """Further options of the transform, by the names of its own parameters; may be given as a mapping."""
    batch: int | None = None
    """The number of examples, where it is not that of the call. A function's calls alone have it."""

    @property
    def leading(self) -> "Axes":
        """The same arguments mapped, every batch axis in front."""
        return Axes(tuple(None if axis is None else 0 for axis in self.in_axes), name=self.name)


@attrs.frozen
class FunctionCall:
    """A map of a function: the same values for every combination of axes in `axes`."""

    subject_name: str
    sizes: Mapping[str, int]
    """The size of every dimension by name, `batch` among them."""
    axes: tuple[Axes, ...] = attrs.field(converter=_axes_tuple)
    dtype: str = "float32"
    seed: int = 0
    edge_values: bool = False
    eager: bool = False

    @property
    def subject(self) -> FunctionSubject:
        """The catalogue's function of that name."""
        subject = SUBJECTS[self.subject_name]
        assert isinstance(subject, FunctionSubject)
        return subject

    def only(self, axes: Axes) -> "FunctionCall":
        """This call with a single combination of axes, and with its number of examples."""
        if axes.batch is None:
            return attrs.evolve(self, axes=(axes,))
        sizes = {**self.sizes, "batch": axes.batch}
        return attrs.evolve(self, axes=(attrs.evolve(axes, batch=None),), sizes=sizes)

    def batch_first(self, axes: Axes) -> tuple[Any, ...]:
        """The arguments with every batch axis in front; an unmapped argument has none."""
        single = self.only(axes)
        return tuple(
            _draw(argument, self.seed + i * _STRIDE, single, mapped=axis is not None)
            for i, (argument, axis) in enumerate(
                zip(self.subject.arguments, axes.in_axes, strict=True)
            )
        )

    def arguments(self, axes: Axes) -> tuple[Any, ...]:
        """The arguments as the transform takes them, batch axes where `axes` says."""
        return tuple(map(move_batch_axis, self.batch_first(axes), axes.in_axes))

    def example(self) -> tuple[Any, ...]:
        """Arguments of one example: shapes and dtypes count, not values."""
        return tuple(
            _draw(argument, self.seed, self, mapped=False) for argument in self.subject.arguments
        )


@attrs.frozen
class ProgramCall(FunctionCall):
    """A map of a generated program; its subject's name is that of a family of them."""

    program: Program = attrs.field(kw_only=True)

    @property
    def subject(self) -> FunctionSubject:
        """The program, as a function of the catalogue."""
        return _program_subject(self.subject_name, self.program)


@functools.lru_cache(maxsize=64)
def _program_subject(family: str, program: Program) -> FunctionSubject:
    subject = SUBJECTS[family]
    assert isinstance(subject, FunctionSubject)
    return attrs.evolve(
        subject,
        function=source.function(program),
        arguments=source.arguments(program),
        source=source.source(program),
    )


@attrs.frozen
class ModuleCall:
    """A lift of a module. `variable_axes` and `split_rngs` are Linen's words for it."""

    subject_name: str
    sizes: Mapping[str, int]
    axes: tuple[Axes, ...] = attrs.field(converter=_axes_tuple)
    variable_axes: Mapping[str, Axis]
    split_rngs: Mapping[str, bool]
    key: int = 0
    """The seed of the PRNG keys."""
    typed_keys: bool = False
    """Keys of `jax.random.key`, not of `jax.random.PRNGKey`."""
    seed: int = 0
    """The seed of the values."""
    dtype: str = "float32"
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """Further options of the lift: one of the transform's `Transform.variants`."""
    init_jitted: bool = False
    """Initialise under jit and apply without it, instead of the opposite, which compiles less."""

    @property
    def subject(self) -> ModuleSubject:
        """The catalogue's module of that name."""
        subject = SUBJECTS[self.subject_name]
        assert isinstance(subject, ModuleSubject)
        return subject

    @property
    def size(self) -> int:
        """The number of examples."""
        return self.sizes["batch"]

    def only(self, axes: Axes) -> "ModuleCall":
        """This call with a single combination of axes."""
        return attrs.evolve(self, axes=(axes,))

    def sharing(self) -> "ModuleCall":
        """This call with parameters shared by all examples."""
        return self.with_params(None, split=False)

    def ensemble(self, axis: int = 0) -> "ModuleCall":
        """This call with parameters and key of its own for each example, stacked along `axis`."""
        return self.with_params(axis, split=True)

    def with_params(self, axis: Axis, split: bool) -> "ModuleCall":
        """This call with the parameters' axis and the splitting of their key as given."""
        return attrs.evolve(
            self,
            variable_axes={**self.variable_axes, "params": axis},
            split_rngs={**self.split_rngs, "params": split},
        )

    def without_stream(self, name: str) -> "ModuleCall":
        """This call with a stream left out of `split_rngs`."""
        kept = {stream: split for stream, split in self.split_rngs.items() if stream != name}
        return attrs.evolve(self, split_rngs=kept)

    def rngs(self) -> dict[str, Any]:
        """One root key per stream."""
        make = jax.random.key if self.typed_keys else jax.random.PRNGKey
        return {name: make(self.key + i) for i, name in enumerate(self.subject.streams)}

    def batch_first(self, axes: Axes) -> tuple[Any, ...]:
        """The inputs with every batch axis in front; an unmapped input has none."""
        return tuple(
            _draw(array, self.seed + i * _STRIDE, self, mapped=axis is not None)
            for i, (array, axis) in enumerate(zip(self.subject.inputs, axes.in_axes, strict=True))
        )

    def inputs(self, axes: Axes) -> tuple[Any, ...]:
        """The inputs as the transform takes them, batch axes where `axes` says."""
        return tuple(map(move_batch_axis, self.batch_first(axes), axes.in_axes))

    def example(self) -> tuple[Any, ...]:
        """Inputs of one example: shapes and dtypes count, not values."""
        return tuple(_draw(array, self.seed, self, mapped=False) for array in self.subject.inputs)


@attrs.frozen
class GeneratedModuleCall(ModuleCall):
    """A lift of a generated module; its subject's name is that of a family of them.

    In `variable_axes`, "state" is every collection but the parameters.
    """

    module: Node = attrs.field(kw_only=True)


Call = FunctionCall | ModuleCall

WIDE = ("float64", "int64", "uint64", "complex128")
"""Dtypes that JAX has under `jax.enable_x64` only."""


def with_dtypes_of(call: Call) -> AbstractContextManager[Any]:
    """Where the call's dtype exists."""
    return x64() if call.dtype in WIDE else nullcontext()


def x64() -> AbstractContextManager[Any]:
    """`jax.enable_x64`, which was `jax.experimental.enable_x64` before 0.8."""
    enabled: AbstractContextManager[Any]
    if hasattr(jax, "enable_x64"):
        enabled = jax.enable_x64(True)
        return enabled
    from jax.experimental import enable_x64  # type: ignore[attr-defined]

    enabled = enable_x64()
    return enabled


def move_batch_axis(tree: Any, axis: Axis) -> Any:
    """Move the leading axis of every leaf to `axis`; None leaves the tree alone."""
    if axis is None:
        return tree
    return jax.tree_util.tree_map(lambda leaf: np.moveaxis(np.asarray(leaf), 0, axis), tree)


def _draw(tree: Any, seed: int, call: Call, mapped: bool) -> Any:
    leaves, structure = jax.tree_util.tree_flatten(tree)
    batch = (call.sizes["batch"],) if mapped else ()
    edge_values = isinstance(call, FunctionCall) and call.edge_values
    return jax.tree_util.tree_unflatten(
        structure,
        [
            array.draw(seed + j, call.sizes, call.dtype, batch, edge_values)
            for j, array in enumerate(leaves)
        ],
    )


def variables_like(shapes: Any, seed: int) -> Any:
    """Variables of these shapes with values unlike any initialiser's: no zeros, no two slices alike.

    Statistics (every collection but `params`) are positive, as variances must be.
    """
    leaves, structure = jax.tree_util.tree_flatten_with_path(shapes)
    drawn = []
    for i, (path, leaf) in enumerate(leaves):
        random = np.random.RandomState(seed + i)
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            value = random.randint(100, size=leaf.shape)
        elif "params" in str(path[0]):
            value = random.standard_normal(leaf.shape)
        else:
            value = random.uniform(0.5, 2.0, size=leaf.shape)
        drawn.append(value.astype(leaf.dtype))
    return jax.tree_util.tree_unflatten(structure, drawn)


STORED_NAMES = {"edge_values": "special", "typed_keys": "typed", "init_jitted": "flipped"}
"""Fields that the event log, stored cases, plans and digests know by another name."""


def digest(calls: Sequence[Call]) -> int:
    """A checksum of the calls: the same for the same calls, in every release of this suite."""
    return zlib.crc32(f"[{', '.join(map(_canonical, calls))}]".encode())


def _canonical(call: Call) -> str:
    fields = attrs.asdict(call, recurse=False).items()
    inner = ", ".join(f"{STORED_NAMES.get(name, name)}={value!r}" for name, value in fields)
    return f"{type(call).__name__}({inner})"
