"""What is mapped: the kinds of subjects. The subjects themselves are in `properties/subjects`."""

import fnmatch
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs
import jax

from properties import values
from properties.profile import Tier

Sizes = Mapping[str, int]

AXIS = "batch"
"""The name of the batch axis, for collectives, and of its size."""


@attrs.frozen
class Array:
    """One array of one example: its dimensions by name, and where its values come from."""

    dims: tuple[str | int, ...]
    """A name is a dimension whose size calls choose, a number one that is always that large."""
    below: str | int | None = None
    """Where set, the array holds indices below that, or below the size of that dimension."""
    kind: str = "normal"
    """Which values it holds: a name in `values.KINDS`."""
    dtype: str | None = None
    """Where set, the array has that dtype, whatever the call's is."""

    def shape(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape of one example's array at these sizes."""
        return tuple(_size(dim, sizes) for dim in self.dims)

    def draw(
        self,
        seed: int,
        sizes: Sizes,
        dtype: str,
        batch: tuple[int, ...] = (),
        edge_values: bool = False,
    ) -> Any:
        """Values of this array, with a leading batch axis where `batch` gives its size."""
        shape = batch + self.shape(sizes)
        if self.below is not None:
            return values.indices(seed, shape, _size(self.below, sizes), self.dtype or "int32")
        return values.draw(seed, shape, self.dtype or dtype, edge_values, self.kind)


def _size(dim: str | int, sizes: Sizes) -> int:
    return sizes[dim] if isinstance(dim, str) else dim


@attrs.frozen
class OwnOptions:
    """What a user says about a subject of theirs."""

    tolerance: tuple[float, float] | None = None
    """Relative and absolute, in place of any bound on rounding."""
    batch_sizes: tuple[int, ...] = ()
    """The sizes of the batch; none means those that the suite chooses."""
    axes: tuple[int, ...] | None = None
    """Where the batch axis may stand; None means anywhere."""
    without: Mapping[str, str] = attrs.field(factory=dict)
    """Transforms and laws that are left out, by names or globs, each with the reason."""

    batched: Any = None
    """True where the subject takes a whole batch in front of each input, too; or the function that does."""
    has_state: bool = False
    """The first argument is a module's state, and the second result what becomes of it."""
    axis_name: str | None = None
    """The name of the batch axis in the collectives of a function of kind `collective`."""

    def reason_without(self, *names: str) -> str | None:
        """Why what has one of these names is left out; None where it is not."""
        for glob, reason in self.without.items():
            if any(fnmatch.fnmatchcase(name, glob) for name in names):
                return f"left out by the subject's author: {reason}"
        return None


@attrs.frozen(eq=False)
class FunctionSubject:
    """A function of one example."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    """One pytree of `Array` per argument."""
    dtypes: tuple[str, ...] = ("float32",)
    exact: bool = False
    """Nothing in it rounds: the result must have the same bits as the unmapped function's."""
    edge_values: bool = False
    """It only moves or compares: values at the edges (infinities, NaN) are in order, too."""
    source: str | None = None
    """Python that defines `function` in a script; None where the function is its own source."""
    answer: Callable[..., Any] | None = None
    """The expected result in float64 and its bound, where the unmapped function's is not the only
    one: `answer(*arguments)` gives (value, absolute error). Of a collective: from all examples, stacked
    in front, to all their results."""
    from_first: Callable[..., Any] | None = None
    """What all examples, stacked in front, give together, where JAX documents that under a map it all
    comes of the first of them."""
    kind: str = "function"
    """`function`; `rule`: it stands for a primitive's batching rule; `collective`: it communicates
    with the other examples along the axis that is named `AXIS`; `draw`: its first argument is a key;
    `large`: it is of tiny examples, for maps of many; `placed`: it says where values live; `option`:
    it asks of operations what no value shows; `program`: it stands for generated programs."""
    own: OwnOptions | None = None
    """Set where it is a user's own: then the second oracle judges what the first cannot."""
    is_variant: bool = False
    """It varies the parameters of a primitive that other subjects reach, too."""
    most_axes: int | None = None
    """At most as many combinations of axes are traced together: fewer of what is large and says little of
    axes. None means as many as the profile has."""

    @property
    def tier(self) -> Tier:
        """What it costs: those that stand for a batching rule are hundreds."""
        return "catalogue" if self.kind in ("rule", "option") else "standard"


@attrs.frozen(eq=False)
class ModuleSubject:
    """A module: parameters, and perhaps other collections and streams, and a function of one example."""

    name: str
    module: Callable[..., Any]
    """The reference, a function of a scope and one example's inputs, and of the hyperparameters."""
    inputs: tuple[Any, ...]
    """One pytree of `Array` per input."""
    hyperparameters: Mapping[str, Any] = attrs.field(factory=dict)
    """Given to the module by name; a string stands for the size of that dimension."""
    collections: tuple[str, ...] = ("params",)
    streams: tuple[str, ...] = ("params",)
    draws: bool = True
    """Some initialiser uses its key."""
    names: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """What the axes of each parameter are called, where the module says it."""
    no_gradient: str | None = None
    """Why there is none by its parameters, in reverse mode; None where there is."""
    native_broadcast: str | None = None
    """Why the unmapped module does not take leading batch axes; None where it does."""
    ranks: Mapping[str, int] = attrs.field(factory=dict)
    """The least rank among the variables of a collection, where it is not 1 or more."""
    boxed: bool = False
    """Some of its variables carry metadata, such as the names of their axes."""
    in_setup: bool = False
    """It makes variables in `setup`, as `nn.Embed` does."""
    own: OwnOptions | None = None
    """Set where it is a user's own: then the second oracle judges what the first cannot."""

    @property
    def tier(self) -> Tier:
        """What it costs."""
        return "standard"

    def configure(self, sizes: Sizes) -> dict[str, Any]:
        """The hyperparameters at these sizes."""

        def resolve(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(resolve(item) for item in value)
            return sizes[value] if isinstance(value, str) else value

        return {name: resolve(value) for name, value in self.hyperparameters.items()}

    def reference(self, sizes: Sizes) -> Callable[..., Any]:
        """The reference's function of a scope and one example's inputs, at these sizes."""
        return partial(self.module, **self.configure(sizes))


@attrs.frozen(eq=False)
class UseSubject(ModuleSubject):
    """A documented use of lifted modules, which each transform writes in its own words."""

    sentence: str = ""


@attrs.frozen(eq=False)
class ModuleFamily(UseSubject):
    """A family of generated modules, which each transform writes in its own words."""

    kinds: tuple[str, ...] = ()
    """One of these at least is in each of them: see `properties.generated_modules.grammar`."""


Subject = FunctionSubject | ModuleSubject


def dims(subject: Subject) -> tuple[str, ...]:
    """The names of all dimensions, in order of appearance."""
    arguments = subject.arguments if isinstance(subject, FunctionSubject) else subject.inputs
    names = [
        dim for array in jax.tree_util.tree_leaves(arguments) for dim in (*array.dims, array.below)
    ]
    if isinstance(subject, ModuleSubject):
        names += [
            v
            for value in subject.hyperparameters.values()
            for v in (value if isinstance(value, tuple) else (value,))
        ]
    found = dict.fromkeys(name for name in names if isinstance(name, str))
    return tuple(name for name in found if name != AXIS)
