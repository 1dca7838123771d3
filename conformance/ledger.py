"""Known defects of released software. Each entry was earned by a reproducer.

In its versions a defect's calls are set aside from the law they break, and its minimal call is run on
its own: still broken is ``known-defect``, gone is ``fixed-defect``.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import jax
from packaging.specifiers import SpecifierSet

from properties import expected
from properties.calls import Axes, Call, FunctionCall


@attrs.frozen
class Defect:
    """One known violation."""

    id: str
    transform: str
    versions: Mapping[str, str]
    """PEP 440 specifiers by package; all must match."""
    affects: Callable[[Any], bool]
    """Whether a call with a single combination of axes is one that the defect concerns."""
    law: str
    """The law that the minimal call is held to."""
    call: Call
    """A minimal call that shows it."""
    seen: str
    """What happens, in one or two sentences."""
    upstream: str
    """Where it was reported, or that no report was found, and when that was looked for."""

    def concerns(self, versions: Mapping[str, str | None]) -> bool:
        """Whether these installed versions are in the defect's range."""
        return all(
            (installed := versions.get(package)) is not None
            and SpecifierSet(specifier).contains(installed, prereleases=True)
            for package, specifier in self.versions.items()
        )


def in_force(defects: Iterable[Defect], versions: Mapping[str, str | None]) -> list[Defect]:
    """The defects whose range holds the installed versions."""
    return [defect for defect in defects if defect.concerns(versions)]


def _has_negative_axis(call: FunctionCall) -> bool:
    (axes,) = call.axes
    return axes.out_axes < 0 or any(axis is not None and axis < 0 for axis in axes.in_axes)


def _has_negative_axis_not_in_front(call: FunctionCall) -> bool:
    """A negative axis that names any place but the front, in any leaf it applies to."""
    (axes,) = call.axes
    ranks = [
        (axis, len(array.dims))
        for tree, axis in zip(call.subject.arguments, axes.in_axes, strict=True)
        for array in jax.tree_util.tree_leaves(tree)
    ]
    ranks += [(axes.out_axes, rank) for rank in expected.output_ranks(call)]
    return any(axis is not None and axis < 0 and axis + rank + 1 != 0 for axis, rank in ranks)


def _square_call(in_axis: int, out_axis: int) -> FunctionCall:
    return FunctionCall("square", {"batch": 3, "m": 2, "n": 4}, (Axes((in_axis,), out_axis),))


_PMAP_SAYS = (
    "The docstring of jax.pmap asks for non-negative axes; nothing checks it. No report of this was "
    "found on jax-ml/jax on 2026-11-21; https://github.com/jax-ml/jax/pull/3925 was the same for vmap."
)

DEFECTS: tuple[Defect, ...] = (
    Defect(
        id="pmap-negative-axis-wrong-answer",
        transform="jax.pmap",
        versions={"jax": ">=0.8.0"},
        affects=_has_negative_axis_not_in_front,
        law="axes.negative-count-from-end",
        call=_square_call(0, -1),
        seen="Since pmap became jit of shard_map, out_axes=-1 silently gives an array of the wrong "
        "shape, (6, 4, 1) for (2, 4, 3), and in_axes=-1 raises errors that speak of shardings or squeezing.",
        upstream=_PMAP_SAYS,
    ),
    Defect(
        id="pmap-negative-axis-bare-assertion",
        transform="jax.pmap",
        versions={"jax": "<0.8.0"},
        affects=_has_negative_axis,
        law="axes.negative-count-from-end",
        call=_square_call(-1, 0),
        seen="A negative axis in in_axes or out_axes ends in a bare AssertionError such as (-1, 2).",
        upstream=_PMAP_SAYS,
    ),
)
