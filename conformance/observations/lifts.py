"""What Flax's modules start with under every lift and transform, beside what the plain module does."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from conformance.observations import linen_lifts, nnx_lifts
from conformance.observations.record import Observation, many
from conformance.observations.selection import EVERYTHING, Selection
from conformance.observations.started import attempted, fixed_stream

Leaves = Mapping[str, Any]


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`lifts/flax.linen|flax.nnx/LIFT/tree`, and each leaf beside it as {value, bound, plain}.

    Where the lift refuses, {type, line} under `lifts/flax.linen|flax.nnx/LIFT`. The draws are of a
    stream that is the same in all releases.
    """
    with fixed_stream():
        if selection.has_transform("flax.linen.vmap"):
            yield from _of("flax.linen", linen_lifts.lifts(), linen_lifts.started, _linen)
        if selection.has_transform("flax.nnx.vmap"):
            yield from _of("flax.nnx", nnx_lifts.transforms(), nnx_lifts.started, _nnx)


def _of(
    library: str,
    lifts: Mapping[str, Any],
    started: Callable[[str, Leaves], Leaves],
    plain: Callable[[], Leaves],
) -> Iterator[Observation]:
    without = attempted(plain)
    for lift in lifts:
        yield from many(
            f"lifts/{library}/{lift}", partial(attempted, partial(started, lift, without))
        )


def _linen() -> Leaves:
    module, inputs = linen_lifts.lifts()["plain"]()
    return linen_lifts.by_path(linen_lifts.initial(module, inputs))


def _nnx() -> Leaves:
    return nnx_lifts.state_by_path(nnx_lifts.transforms()["plain"]())
