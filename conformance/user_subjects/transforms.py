"""Maps of the user's own, or of a library, as transforms."""

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from conformance.transforms import TRANSFORMS, third_party
from conformance.transforms.linen.modules import made_importable
from conformance.user_subjects.inputs import SubjectsError
from properties.call import Axes, FunctionCall
from properties.transform import Transform


def transform(
    name: str,
    vmap_like: Callable[..., Any],
    *,
    summary: str = "a map of the user's own",
    restrictions: Mapping[str, str] | None = None,
    takes_axis_size: bool | None = None,
) -> Transform:
    """A map that is held to the laws of `jax.vmap`.

    What means nothing must raise under it, in whatever class of exceptions and whatever words.

    Args:
        name: What it is called in reports.
        vmap_like: ``vmap_like(function, in_axes=..., out_axes=...)`` gives the mapped function; it is given
            ``axis_size`` and ``axis_name`` by name where a call has them.
        summary: What it does, in a few words.
        restrictions: By the ids of laws, why the map does not promise what they say. Those of
            ``equinox.filter_vmap`` and ``haiku.vmap`` are known.
        takes_axis_size: It maps a function none of whose arguments is mapped where ``axis_size`` is given.
            By default what takes ``axis_size`` by its signature does.

    Made again under its name, as in each of several tests, it takes the place of the former one.

    Raises:
        SubjectsError: where a transform of the suite has the name, or a restriction gives no reason.

    """
    if not callable(vmap_like):
        raise SubjectsError(f"the transform {name!r} cannot be called: {vmap_like!r}")
    if name in TRANSFORMS and name not in MADE:
        raise SubjectsError(f"there is a transform {name!r} already")
    for law, reason in (restrictions or {}).items():
        if not (isinstance(reason, str) and reason.strip()):
            raise SubjectsError(f"restrictions={{{law!r}: {reason!r}}} gives no reason")

    def map_function(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
        named = {"axis_name": axes.name} if axes.name is not None else {}
        mapped: Callable[..., Any] = vmap_like(
            function, in_axes=axes.in_axes, out_axes=axes.out_axes, **named, **dict(axes.options)
        )
        return partial(_call, mapped)

    if takes_axis_size is None:
        takes_axis_size = _takes(vmap_like, "axis_size")
    MADE[name] = None
    return Transform(
        name,
        summary,
        map_function,
        kinds=("function",),
        accepts_axis_size_only=takes_axis_size,
        raises_as_documented=False,
        restrictions={**_known_restrictions(vmap_like), **(restrictions or {})},
        source=partial(_source, name),
    )


def _takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function can be given an argument of the name, as far as its signature says."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return True
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _known_restrictions(vmap_like: Callable[..., Any]) -> Mapping[str, str]:
    """Those of a shipped map, where the user's is the same function of its library."""
    for shipped in third_party.SHIPPED:
        library, name = shipped.name.split(".")
        if vmap_like is getattr(sys.modules.get(library), name, _ABSENT):
            return shipped.restrictions
    return {}


_ABSENT = object()
MADE: dict[str, str | None] = {}
"""The transforms that `transform` made: the module that lists each, if one does."""


def _source(name: str, call: FunctionCall) -> str:
    """Python that sets `mapped`: it finds the map where its author listed it."""
    origin = MADE.get(name)
    if origin is None:
        return f"mapped = ...  # {name} of function"
    (axes,) = call.axes
    return (
        f"{made_importable(origin)}\nfrom {origin} import TRANSFORMS\nfrom properties.call import Axes\n\n"
        f"transform = next(each for each in TRANSFORMS if each.name == {name!r})\n"
        f"axes = Axes({axes.in_axes!r}, {axes.out_axes!r}, {axes.name!r}, {axes.options!r})\n"
        f"mapped = transform.map(function, axes)"
    )


def _call(mapped: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """Call what a map gave, which may be an object that cannot be hashed, as `jax.jit` wants it."""
    return mapped(*arguments, **named)
