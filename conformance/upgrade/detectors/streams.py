"""PRNG streams: other draws from the same key, and all that follows from them."""

from collections.abc import Iterator, Mapping, Sequence

from conformance.events.records import Environment, Header
from conformance.upgrade.detectors.draws import is_sound, rounds_alike
from conformance.upgrade.difference import Difference, ObservationPair, Value
from conformance.upgrade.kinds import DifferenceKind

CHANGED = DifferenceKind(
    "prng-stream-changed",
    "PRNG stream changed",
    ("PRNG stream changed", "PRNG streams changed"),
    "The same seed gives other numbers.",
    "Make stored results anew, or keep to values that you stored.",
    50,
    "work",
)
KINDS = (CHANGED,)

_SAMPLED = "threefry2x32"
"""The PRNG that samplers are observed with."""
_JAXPRS = "jaxprs/jax.vmap/"
_DRAWS = frozenset({"random_bits", "random_gamma", "rng_bit_generator", "threefry2x32"})

PARTITIONABLE = (
    "JAX's default of jax_threefry_partitionable changed (in jax 0.5.0): set "
    "jax.config.update('jax_threefry_partitionable', {old}) to keep the old stream, or make stored "
    "results anew."
)


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each PRNG whose draws changed by more than rounding."""
    here, there = _environment(pair.before), _environment(pair.after)
    changed = [key for key, was, now in pair.of("prng") if not rounds_alike(was, now)]
    by_name: dict[str, list[str]] = {}
    for key in changed:
        by_name.setdefault(key.split("/")[1], []).append(key)
    flags = [side.threefry_partitionable if side else None for side in (here, there)]
    flipped = flags[0] != flags[1] and "threefry2x32" in by_name
    if flipped and "prng/rbg/bits/uint32" not in changed:
        # rbg draws by itself, and splits its keys with Threefry.
        by_name["threefry2x32"] += by_name.pop("rbg", [])
    for name, mine in sorted(by_name.items()):
        own = [key for key in mine if key.startswith(f"prng/{name}/")]
        observed = sum(key.startswith(f"prng/{name}/") for key in pair.old)
        explained = _explained(name, here, there, pair)
        explained += _sampled(name, mine, pair)
        others = len(mine) - len(own) + len(explained)
        follow = f"; {others} changes follow from it" if others else ""
        by_flag = flipped and name.startswith("threefry")
        yield Difference(
            CHANGED,
            f"prng/{name}",
            f"the draws of {name} changed, {len(own)} of {observed} observed{follow}",
            PARTITIONABLE.format(old=flags[0]) if by_flag else None,
            consequences=(*mine, *explained),
        )


def _environment(header: Header | None) -> Environment | None:
    return header.environment if header else None


def _explained(
    name: str, here: Environment | None, there: Environment | None, pair: ObservationPair
) -> list[str]:
    """What was drawn from the default PRNG, and is what that PRNG should give in both environments."""
    if here is None or there is None or not name == here.prng == there.prng:
        return []
    drawn = pair.of("parameters", "outputs", "gradients")
    drawing = [name for name in _drawing(pair.old) if name in _drawing(pair.new)]
    return [
        key
        for key, *both in drawn
        if all(_is_right(value, draws=_is_of_any(key, drawing)) for value in both)
    ]


def _sampled(name: str, changed: Sequence[str], pair: ObservationPair) -> list[str]:
    """The draws of samplers that the other bits of their PRNG explain."""
    if name != _SAMPLED or not any(key.startswith(f"prng/{name}/bits/") for key in changed):
        return []
    return [key for key, *both in pair.of("draws") if is_sound(*both)]


def _is_right(value: Value, *, draws: bool) -> bool:
    """Whether a leaf depends on draws, and is what the reference gives with the same PRNG."""
    return (
        isinstance(value, dict)
        and (draws or bool(value.get("keyed")))
        and value.get("agrees") is True
    )


def _drawing(observed: Mapping[str, Value]) -> list[str]:
    """The functions that are traced to primitives that draw, be it from a key of their own."""
    return [
        key.removeprefix(_JAXPRS)
        for key, value in observed.items()
        if key.startswith(_JAXPRS)
        and isinstance(value, dict)
        and not _DRAWS.isdisjoint(value.get("primitives", ()))
    ]


def _is_of_any(key: str, functions: Sequence[str]) -> bool:
    """Whether an observation is of one of these functions."""
    _, transform, rest = (*key.split("/", 2), "", "")[:3]
    return transform == "jax.vmap" and any(
        rest == name or rest.startswith(f"{name}/") for name in functions
    )
