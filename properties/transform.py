"""The interface of what maps, which laws use. `conformance/transforms` implements it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from properties.call import ModuleCall
from properties.profile import Tier
from reference.keys import LINEN, Derivation
from reference.types import PyTree

NEW_AXIS = "members"
"""What the axis of an ensemble is called, in the metadata of parameters that name their axes."""


def _without_names(*arguments: Any) -> Any:
    raise TypeError("this module does not say what the axes of its parameters are called")


class Lifted(NamedTuple):
    """A module under a lifted transform, or the unmapped module itself."""

    init: Callable[..., Any]
    """`init(rngs, *inputs)` gives the variables, by collection."""
    apply: Callable[..., Any]
    """`apply(variables, rngs, *inputs)` gives (output, updated collections other than params)."""
    names: Callable[..., Any] = _without_names
    """`names(rngs, *inputs)` gives, by parameter, what its axes are called after `init`."""


def _maps_no_modules(call: ModuleCall) -> Lifted:
    raise TypeError("this transform maps functions, not modules")


def _has_no_uses(call: ModuleCall) -> "Used":
    raise TypeError("this transform has no documented use of modules")


class Used(NamedTuple):
    """A documented use of a transform."""

    mapped: Callable[[], PyTree]
    """Gives what the transform gives."""
    expected: PyTree
    """What the loop over the unmapped module gives: it must be that, bit for bit."""


@attrs.frozen
class Transform:
    """A mapping transform, such as `jax.vmap` or `flax.linen.vmap`."""

    name: str
    summary: str
    """What it does, in a few words."""
    map: Callable[..., Callable[..., Any]]
    """`map(function, axes)` gives the mapped function; `axes` is an `Axes`."""
    lift: Callable[[ModuleCall], Lifted] = _maps_no_modules
    """`lift(call)` gives the module of the call's subject under the transform."""
    unlifted: Callable[[ModuleCall], Lifted] = _maps_no_modules
    """`unlifted(call)` gives the framework's own module, unmapped."""
    make_unmapped: Callable[[ModuleCall], object] | None = None
    """`make_unmapped(call)` makes the framework's own module, unmapped, as far as its initialisation."""
    use: Callable[[ModuleCall], Used] = _has_no_uses
    """`use(call)` is the documented use that the call's subject names."""
    raises_as_documented: bool = True
    """Whether it raises what `jax.vmap` raises for a call that means nothing, and names what is wrong.
    A map of the user's own must raise, in whatever class and words."""
    missing_stream: type[Exception] = KeyError
    """What a lifted module raises for a stream that `split_rngs` leaves out."""
    kinds: tuple[str, ...] = ("function", "collective", "draw")
    """The kinds of functions that it is checked with: `rule` where it maps by batching rules itself."""
    tier: Tier = "standard"
    """What it costs: `standard`, or `derived` where it is made of another transform that is checked."""
    traceable: bool = True
    """Whether several calls may be traced into one compilation."""
    max_batch_size: Callable[[], int | None] = lambda: None
    """The largest batch it can map: the number of devices; None where there is no limit."""
    accepts_axis_size_only: bool = True
    """Whether, given `axis_size`, it maps a function of which no argument is mapped."""
    unavailable: Callable[[], str | None] = lambda: None
    """Why this release does not have it; None where it has."""
    missing_module_reason: Callable[[Any], str | None] = lambda subject: None
    """Why it has no module of a subject's kind; None where it has."""
    restrictions: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """By the ids of laws, why it does not promise what they say: a map of another library, say."""
    variants: Callable[[ModuleCall], Mapping[str, Sequence[Mapping[str, Any]]]] = lambda call: {}
    """`ModuleCall.options` to try, by group. Those of three groups must not change the result:
    `options` of the transform itself, other `spellings` of the same axes, and `nests` of it and other
    lifts. `synchronised` takes statistics along the batch axis; `aliases` passes a module twice, first
    with the same axes, then with others, which is an error. `uses` are ways to write every documented use."""
    derivation: Derivation = LINEN
    """How it derives the keys of parameters."""
    source: Callable[[Any], str] = lambda call: ""
    """For a standalone script: Python that defines `mapped` for a call of `function`, or
    `lifted` and `plain` for a call of a module. It may import JAX, Flax and NumPy only."""

    @property
    def maps_modules(self) -> bool:
        """Whether it lifts modules; every transform maps functions."""
        return self.lift is not _maps_no_modules
