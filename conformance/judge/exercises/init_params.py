"""Draw a network's parameters: a key per layer, split again for weights and biases."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import rounded
from conformance.judge.exercises.exercise import Exercise, Pitfall
from reference.error_bounds.evaluate import Rounded


def _normals(pairs: Any, sizes: Sequence[int]) -> Any:
    both = zip(pairs, sizes[:-1], sizes[1:], strict=True)
    return [(_draws(w, i, o), _draws(b, o)) for (w, b), i, o in both]


def _draws(key: Any, *shape: int) -> np.ndarray:
    return rounded.open_interval(rounded.uniforms(key, shape))


def _normal_tree(draws: Any) -> Any:
    return jax.tree_util.tree_map(rounded.normal, draws)


def _bounded(pairs: Any, sizes: Sequence[int]) -> Rounded:
    return rounded.evaluate(_normal_tree, _normals(pairs, sizes))


def reference(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    """The expected (weights (in, out), biases (out,)) of each layer, with their error bounds."""
    keys = jax.random.split(key, len(layer_sizes) - 1)
    return _bounded([jax.random.split(k) for k in keys], layer_sizes)


def _one_more(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    keys = jax.random.split(key, len(layer_sizes))[: len(layer_sizes) - 1]
    return _bounded([jax.random.split(k) for k in keys], layer_sizes)


def _all_but_the_first(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    keys = jax.random.split(key, len(layer_sizes))[1:]
    return _bounded([jax.random.split(k) for k in keys], layer_sizes)


def _one_key_per_layer(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    keys = jax.random.split(key, len(layer_sizes) - 1)
    return _bounded([(k, k) for k in keys], layer_sizes)


def _one_key(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    return _bounded([jax.random.split(key)] * (len(layer_sizes) - 1), layer_sizes)


def _key_used_bare(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    return _bounded([(key, key)] * (len(layer_sizes) - 1), layer_sizes)


def _swapped(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    keys = jax.random.split(key, len(layer_sizes) - 1)
    return _bounded([jax.random.split(k)[::-1] for k in keys], layer_sizes)


def _two_at_once(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    keys = jax.random.split(key, 2 * (len(layer_sizes) - 1))
    return _bounded(list(zip(keys[::2], keys[1::2], strict=True)), layer_sizes)


def _halves(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    count = len(layer_sizes) - 1
    keys = jax.random.split(key, 2 * count)
    return _bounded(list(zip(keys[:count], keys[count:], strict=True)), layer_sizes)


def _reused(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    keys = jax.random.split(key, len(layer_sizes) - 1)
    return _bounded([(jax.random.split(k)[0],) * 2 for k in keys], layer_sizes)


def _chained(
    layer_sizes: Sequence[int], key: np.ndarray, step: Callable[[Any], tuple[Any, Any, Any]]
) -> Rounded:
    """A key for each layer taken from what the one before left: `step` gives the rest and two keys."""
    pairs, rest = [], key
    for _ in layer_sizes[1:]:
        rest, w, b = step(rest)
        pairs.append((w, b))
    return _bounded(pairs, layer_sizes)


def _three_at_once(rest: Any) -> tuple[Any, Any, Any]:
    rest, w, b = jax.random.split(rest, 3)
    return rest, w, b


def _one_after_another(rest: Any) -> tuple[Any, Any, Any]:
    rest, w = jax.random.split(rest)
    rest, b = jax.random.split(rest)
    return rest, w, b


def _the_same_twice(rest: Any) -> tuple[Any, Any, Any]:
    rest, both = jax.random.split(rest)
    return rest, both, both


def _split_again(rest: Any) -> tuple[Any, Any, Any]:
    rest, both = jax.random.split(rest)
    return rest, *jax.random.split(both)


STEPS = (_three_at_once, _one_after_another, _the_same_twice, _split_again)
"""How keys are split in a loop over the layers."""
CHAINED: tuple[Callable[..., Rounded], ...] = tuple(partial(_chained, step=step) for step in STEPS)


def _uniform(layer_sizes: Sequence[int], key: np.ndarray) -> list[Any]:
    keys = jax.random.split(key, len(layer_sizes) - 1)
    both = zip(keys, layer_sizes[:-1], layer_sizes[1:], strict=True)
    return [
        tuple(
            np.asarray(rounded.uniforms(k, each))
            for k, each in zip(split, ((i, o), (o,)), strict=True)
        )
        for split, i, o in ((jax.random.split(k), i, o) for k, i, o in both)
    ]


def _scaled(
    layer_sizes: Sequence[int], key: np.ndarray, gain: float, scale_biases: bool
) -> Rounded:
    """Weights whose variance is `gain` over the number of inputs, as an initialiser of Flax gives."""
    value, error = reference(layer_sizes, key)

    def scale(parts: Any) -> Any:
        factors = [np.sqrt(gain / inputs) for inputs in layer_sizes[:-1]]
        return [
            (w * f, b * f if scale_biases else b) for (w, b), f in zip(parts, factors, strict=True)
        ]

    rough = [(FACTOR_ERROR * np.abs(w), FACTOR_ERROR * np.abs(b)) for w, b in value]
    widened = [(e + r, f + q) for (e, f), (r, q) in zip(error, rough, strict=True)]
    return Rounded(scale(value), scale(widened))


def _truncated(layer_sizes: Sequence[int], key: np.ndarray, biases_too: bool) -> Rounded:
    """Weights, or all, from `jax.random.truncated_normal` between -2 and 2."""

    def draw(key: Any, *shape: int) -> jax.Array:
        return jax.random.truncated_normal(key, -2, 2, shape)

    found = []
    pairs = list(pairwise(layer_sizes))
    for k, (i, o) in zip(jax.random.split(key, len(pairs)), pairs, strict=True):
        w, b = jax.random.split(k)
        biases = draw(b, o) if biases_too else jax.random.normal(b, (o,))
        found.append((draw(w, i, o), biases))
    return rounded.roughly(found)


def _transposed(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    keys = jax.random.split(key, len(layer_sizes) - 1)
    pairs = [jax.random.split(k) for k in keys]
    both = zip(pairs, layer_sizes[:-1], layer_sizes[1:], strict=True)
    return rounded.evaluate(
        _normal_tree, [(_draws(w, o, i), _draws(b, o)) for (w, b), i, o in both]
    )


def _drawn_transposed(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    value, error = _transposed(layer_sizes, key)
    return Rounded(*([(w.T, b) for w, b in part] for part in (value, error)))


def _wide_biases(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    pairs = [jax.random.split(k) for k in jax.random.split(key, len(layer_sizes) - 1)]
    both = zip(pairs, pairwise(layer_sizes), strict=True)
    draws = [(_draws(w, i, o), _draws(b, i)) for (w, b), (i, o) in both]
    return rounded.evaluate(_normal_tree, draws)


def _constant_biases(layer_sizes: Sequence[int], key: np.ndarray, number: float) -> Rounded:
    value, error = reference(layer_sizes, key)
    filled = [(w, np.full_like(b, number)) for w, b in value]
    return Rounded(filled, [(w, np.zeros_like(b)) for w, b in error])


def _one_bias(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    value, error = reference(layer_sizes, key)
    return Rounded(*([(w, np.full_like(b, b[0])) for w, b in part] for part in (value, error)))


def _in_float16(layer_sizes: Sequence[int], key: np.ndarray) -> list[Any]:
    found, keys = [], jax.random.split(key, len(layer_sizes) - 1)
    for k, shape in zip(keys, pairwise(layer_sizes), strict=True):
        pairs = zip(jax.random.split(k), (shape, shape[1:]), strict=True)
        found.append(tuple(np.asarray(jax.random.normal(k, s, np.float16)) for k, s in pairs))
    return found


def _zero_biases(layer_sizes: Sequence[int], key: np.ndarray) -> Rounded:
    result = reference(layer_sizes, key)
    zeroed = [[(w, np.zeros_like(b)) for w, b in part] for part in result]
    return Rounded(*zeroed)


def draw(shape: Mapping[str, Any], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: the sizes of the layers, and a key of two 32-bit words."""
    words = random.randint(0, 2**32, 2, dtype=np.uint32)
    if turn % 2:
        words = np.asarray([0, random.randint(0, 1000)], np.uint32)  # what PRNGKey(seed) gives
    return {"layer_sizes": list(shape["sizes"]), "key": words}


FACTOR_ERROR = 1e-6
"""A bound on the rounding of a factor, as a share of the value: it is computed in float32, in any order."""
SIZES = ((1, 1), (2, 3), (3, 3), (2, 4, 1), (3, 2, 2), (1, 3, 2), (2, 2, 2, 2, 2, 2), (3, 18, 2, 1))
HAPPENED = "The numbers are drawn from other keys than the contract names."
CHANGE = (
    "Split `key` into one key for each layer, and each of those once more: the first for the "
    "weights, the second for the biases."
)

SOLUTION = """\
import jax


def init_params(layer_sizes, key):
    def layer(inputs, outputs, key):
        for_weights, for_biases = jax.random.split(key)
        weights = jax.random.normal(for_weights, (inputs, outputs))
        return weights, jax.random.normal(for_biases, (outputs,))

    keys = jax.random.split(key, len(layer_sizes) - 1)
    return [layer(*sizes) for sizes in zip(layer_sizes[:-1], layer_sizes[1:], keys)]
"""

KEYS: tuple[Callable[..., Rounded], ...] = (
    _one_key_per_layer,
    _one_key,
    _all_but_the_first,
    *CHAINED,
)
"""Where the weights' keys come from in a network whose biases are zeros."""
FACTORS: tuple[Callable[[int, int], float], ...] = (
    lambda inputs, outputs: 0.1,
    lambda inputs, outputs: 0.01,
    lambda inputs, outputs: (1 / inputs) ** 0.5,
    lambda inputs, outputs: (2 / inputs) ** 0.5,
    lambda inputs, outputs: (2 / (inputs + outputs)) ** 0.5,
)
"""What initialisers in tutorials multiply a layer's weights by."""


def _with_zero_biases(
    layer_sizes: Sequence[int],
    key: np.ndarray,
    way: Callable[..., Rounded],
    factor: Callable[[int, int], float],
) -> Rounded:
    layers = [
        (w * np.float32(factor(*w.shape)), np.zeros_like(b, np.float32))
        for w, b in way(layer_sizes, key).value
    ]
    return rounded.roughly([(np.asarray(w, np.float32), b) for w, b in layers])


def _of_tutorials() -> Iterator[Pitfall]:
    """Weights from other keys, scaled or both, with biases of zeros: what most tutorials write."""
    keys = [(reference, ()), *((way, ((HAPPENED, CHANGE),)) for way in KEYS)]
    scaled = ("The weights are scaled by a factor.", "Leave the factor out.")
    biases = (
        "The biases are zeros.",
        "Draw them, too, each layer's from the second of its two keys.",
    )
    for (way, of_keys), factor in itertools.product(keys, (None, *FACTORS)):
        told = [*of_keys, *([scaled] if factor else []), biases]
        if len(told) == 1:
            continue
        ids = ("wrong-key-derivation",) * len(of_keys) + ("scaled",) * (factor is not None)
        numbered = [[f"({n}) {each[part]}" for n, each in enumerate(told, 1)] for part in (0, 1)]
        yield Pitfall(
            "-and-".join((*ids, "zero-biases")),
            " ".join([f"{'Three' if len(told) > 2 else 'Two'} things are wrong.", *numbered[0]]),
            " ".join(numbered[1]),
            partial(_with_zero_biases, way=way, factor=factor or (lambda inputs, outputs: 1.0)),
        )


EXERCISE = Exercise(
    name="init_params",
    signature="init_params(layer_sizes, key)",
    task="a list of (weights, biases): a key per layer, split again for both, normal draws",
    law="randomness.keys-draw-independently",
    shapes=tuple({"sizes": sizes} for sizes in SIZES),
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    tree=True,
    pitfalls=(
        Pitfall(
            "key-reused",
            "The biases are drawn from the same key as the weights of their layer.",
            "Draw them from the second of each layer's two keys: a key is used once.",
            _reused,
        ),
        *(
            Pitfall("wrong-key-derivation", HAPPENED, CHANGE, way)
            for way in (
                _one_more,
                _all_but_the_first,
                _one_key_per_layer,
                _one_key,
                _key_used_bare,
                _swapped,
                _two_at_once,
                _halves,
                *CHAINED,
            )
        ),
        *(
            Pitfall(
                "weights-scaled",
                "The draws are scaled by a factor of the number of a layer's inputs.",
                "Leave the factor out: the contract asks for normal draws as they are.",
                partial(_scaled, gain=gain, scale_biases=scale_biases),
            )
            for gain in (1.0, 2.0)
            for scale_biases in (False, True)
        ),
        Pitfall(
            "drawn-uniformly",
            "The numbers are uniform draws from [0, 1).",
            "Draw them with `jax.random.normal`.",
            _uniform,
        ),
        *(
            Pitfall(
                "draws-cut-off",
                "The numbers are draws from a normal distribution that is cut off at -2 and 2.",
                "Draw them with `jax.random.normal`.",
                partial(_truncated, biases_too=biases_too),
            )
            for biases_too in (False, True)
        ),
        Pitfall(
            "weights-transposed",
            "The weights are (out, in).",
            "Draw them as (in, out), so that `x @ weights` works.",
            _transposed,
        ),
        Pitfall(
            "weights-transposed",
            "The weights were drawn as (out, in), and transposed after.",
            "Draw them as (in, out), without `.T`: the numbers come in another order otherwise.",
            _drawn_transposed,
        ),
        Pitfall(
            "biases-as-wide-as-inputs",
            "Each layer has as many biases as inputs.",
            "Draw one for each output: `(layer_sizes[i + 1],)`.",
            _wide_biases,
        ),
        *(
            Pitfall(
                "constant-biases",
                f"All biases are {number:g} instead of normal draws.",
                "Draw them from the second of each layer's two keys.",
                partial(_constant_biases, number=number),
            )
            for number in (1.0, 0.1, 0.01)
        ),
        Pitfall(
            "one-bias-for-all",
            "One bias was drawn for each layer, and given to all of its outputs.",
            "Draw one for each output: `jax.random.normal(key, (outputs,))`.",
            _one_bias,
        ),
        Pitfall(
            "drawn-in-float16",
            "The numbers were drawn in `float16`: these are other draws, not rounded ones.",
            "Draw them in float32, the default: no `dtype`.",
            _in_float16,
        ),
        Pitfall(
            "zero-biases",
            "The biases are zeros instead of normal draws.",
            "Draw them from the second of each layer's two keys.",
            _zero_biases,
        ),
    ),
    rare_pitfalls=tuple(_of_tutorials()),
    further_reading=("https://docs.jax.dev/en/latest/random-numbers.html",),
)
