"""The interface that laws speak to. What implements it lives in ``conformance/transforms``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from properties.call import ModuleCall
from properties.profile import Tier
from reference.keys import LINEN, Derivation

NEW_AXIS = "members"
"""What the axis of an ensemble is called, in the metadata of parameters that name their axes."""


def _without_names(*arguments: Any) -> Any:
    raise TypeError("this module does not say what the axes of its parameters are called")


class Lifted(NamedTuple):
    """A module under a lifted transform, or the unmapped module itself."""

    init: Callable[..., Any]
    """``init(rngs, *inputs)`` gives the variables, by collection."""
    apply: Callable[..., Any]
    """``apply(variables, rngs, *inputs)`` gives (output, updated collections other than params)."""
    names: Callable[..., Any] = _without_names
    """``names(rngs, *inputs)`` gives, by parameter, what its axes are called after ``init``."""


def _maps_no_modules(call: ModuleCall) -> Lifted:
    raise TypeError("this transform maps functions, not modules")


@attrs.frozen
class Transform:
    """What does the mapping."""

    name: str
    summary: str
    map: Callable[..., Callable[..., Any]]
    """``map(function, axes)`` gives the mapped function; ``axes`` is an `Axes`."""
    lift: Callable[[ModuleCall], Lifted] = _maps_no_modules
    """``lift(call)`` gives the module of the call's subject under the transform."""
    unlifted: Callable[[ModuleCall], Lifted] = _maps_no_modules
    """``plain(call)`` gives the framework's own module, unmapped."""
    missing_stream: type[Exception] = KeyError
    """What a lifted module raises for a stream that ``split_rngs`` leaves out."""
    kinds: tuple[str, ...] = ("function", "collective", "draw")
    """The kinds of functions that it is held to the laws with: those of rules where it maps by them."""
    tier: Tier = "standard"
    """What it costs: `standard`, or `derived` where it is made of another one that is checked, too."""
    traceable: bool = True
    """Several calls may be traced into one compilation."""
    max_batch_size: Callable[[], int | None] = lambda: None
    """The largest batch it can map: the number of devices; None where there is no limit."""
    accepts_axis_size_only: bool = True
    """Told ``axis_size``, it maps a function none of whose arguments is mapped."""
    unavailable: Callable[[], str | None] = lambda: None
    """Why this release does not have it; None where it does."""
    missing_module_reason: Callable[[Any], str | None] = lambda subject: None
    """Why it has no module of a subject's kind; None where it has."""
    restrictions: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """By the ids of laws, why it does not promise what they say: a map of another library, say."""
    variants: Callable[[ModuleCall], Mapping[str, Sequence[Mapping[str, Any]]]] = lambda call: {}
    """By group, `ModuleCall.options` that must not change what the lifted module gives: ``options``
    of the transform itself, other ``spellings`` of the same axes, and ``nests`` with other lifts. Two
    groups do more: ``synchronised``, statistics taken along the batch axis, and ``aliases``, a module
    given twice, in a way that changes nothing and in one that is an error."""
    derivation: Derivation = LINEN
    """How it derives the keys of parameters."""
    source: Callable[[Any], str] = lambda call: ""
    """For a standalone script: Python that defines ``mapped`` for a call of ``function``, or
    ``lifted`` and ``plain`` for a call of a module. It may import JAX, Flax and NumPy only."""

    @property
    def maps_modules(self) -> bool:
        """Whether it lifts modules; every transform maps functions."""
        return self.lift is not _maps_no_modules
