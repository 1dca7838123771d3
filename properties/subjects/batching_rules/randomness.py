"""Primitives of PRNG keys. The arguments are the keys' integers, so that axes can stand anywhere."""

from typing import Any

import jax
import numpy as np

from properties.subject import Array, FunctionSubject
from properties.subjects.batching_rules.entry import below, of, rule
from reference.error_bounds.roundoff import SERIES_UNITS, unit_roundoff

_KEY = of("bits", 2, dtype="uint32")


def _keyed(name: str, source: str, *more: Array) -> FunctionSubject:
    text = source.replace("KEY", "random.wrap_key_data(a, impl='threefry2x32')")
    return rule(name, text, _KEY, *more, exact=True)


_GAMMA = "random.gamma(random.wrap_key_data(a, impl='threefry2x32'), b, dtype='float32')"


def _samples(key: Any, shape: Any) -> Any:
    """What the unmapped draw gives, and the room that its iterations have."""
    drawn = jax.random.gamma(
        jax.random.wrap_key_data(key.astype(np.uint32), impl="threefry2x32"),
        shape.astype(np.float32),
        dtype="float32",
    )
    value = np.asarray(drawn, np.float64)
    return value, SERIES_UNITS * unit_roundoff("float32") * np.abs(value)


RANDOMNESS = (
    rule("random_seed", "random.key_data(random.key(a))", of("bits", dtype="uint32"), exact=True),
    _keyed("random_wrap", "random.key_data(KEY)"),
    _keyed("random_split", "random.key_data(random.split(KEY, 3))"),
    _keyed("random_fold_in", "random.key_data(random.fold_in(KEY, b))", below(1000)),
    _keyed("random_clone", "random.key_data(random.clone(KEY))"),
    _keyed("random_bits", "random.bits(KEY, (3, 2))"),
    _keyed("random_bits.bytes", "random.bits(KEY, (3,), 'uint8')"),
    rule("random_gamma", _GAMMA, _KEY, of("positive", "m"), answer=_samples),
    _keyed("random.permutation", "random.permutation(KEY, 7)"),
    _keyed("random.uniform", "random.uniform(KEY, (5,))"),
    *(
        rule(
            name,
            f"key = random.key(a, impl={name!r})\n"
            "return random.bits(key, (3, 2)), random.key_data(random.split(key))",
            of("bits", dtype="uint32"),
            exact=True,
        )
        for name in ("philox2x32", "philox4x32", "threefry4x32")
    ),
    rule(
        "threefry2x32",
        "threefry2x32_p.bind(a[0], a[1], b, b + 1)",
        of("bits", 2, dtype="uint32"),
        of("bits", "m", dtype="uint32"),
        exact=True,
    ),
    # Its bits are documented to differ under a map (jax.random, "Advanced"): only the shape counts.
    rule(
        "rng_bit_generator",
        "0 * lax.rng_bit_generator(a, (3, 2))[1]",
        of("bits", 4, dtype="uint32"),
        exact=True,
    ),
)
