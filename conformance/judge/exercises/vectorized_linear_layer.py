"""Apply one linear layer to every row: only the inputs are mapped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.judge.exercises import read_errors, rounded
from conformance.judge.exercises.exercise import Exercise, Pitfall, draw_floats
from conformance.judge.exercises.wide_floats import (
    KINDS,
    draw_wide_floats,
    wide_factor,
    wide_kind,
)
from reference.error_bounds.evaluate import Rounded


def _layer(weights: jax.Array, biases: jax.Array, x: jax.Array) -> jax.Array:
    return jnp.dot(x, weights) + biases


def reference(weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray) -> Rounded:
    """The expected outputs (B, out), with their error bounds."""
    return rounded.each([rounded.evaluate(_layer, weights, biases, x) for x in inputs])


def _no_bias(weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray) -> Rounded:
    return reference(weights, np.zeros_like(biases), inputs)


def _transposed(weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray) -> Rounded:
    return reference(weights.T.copy(), biases, inputs)


def _row_zero(weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray) -> Rounded:
    return reference(weights, biases, np.broadcast_to(inputs[:1], inputs.shape))


def _outputs_first(weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray) -> Rounded:
    return rounded.moved(reference(weights, biases, inputs), np.transpose)


def _transposed_if_square(weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray) -> Rounded:
    square = weights.shape[0] == weights.shape[1]
    return reference(weights.T.copy() if square else weights, biases, inputs)


def _bias_twice(weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray) -> Rounded:
    return reference(weights, biases + biases, inputs)


def _subtracted(weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray) -> Rounded:
    return reference(weights, -biases, inputs)


def _softmax(weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray) -> Rounded:
    return rounded.roughly(jax.nn.softmax(np.asarray(inputs @ weights + biases), axis=0))


def _along_the_examples(weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray) -> Rounded:
    """The biases go along the examples where there are as many of them."""
    products = inputs @ weights
    return rounded.roughly(products + (biases[:, None] if len(inputs) == len(biases) else biases))


def _of_fewer_digits(
    dtype: str, weights: np.ndarray, biases: np.ndarray, inputs: np.ndarray
) -> Rounded:
    inputs, weights = (rounded.of_fewer_digits(dtype, each) for each in (inputs, weights))
    return rounded.roughly(inputs @ weights + biases)


def draw(shape: Mapping[str, int], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: `weights` (in, out), `biases` (out,) and `inputs` (B, in).

    Very large inputs meet small weights and the other way round; where the inputs' sizes are mixed,
    the biases are zero, or they would hide the small ones.
    """
    b, i, o = shape["examples"], shape["inputs"], shape["outputs"]
    kind = wide_kind(turn)
    scale = 1 / wide_factor(turn) if kind else np.float32(1)
    biases = draw_floats(random, turn, o)
    return {
        "weights": draw_floats(random, turn, i, o) * scale,
        "biases": np.zeros_like(biases) if kind == KINDS - 1 else biases,
        "inputs": draw_wide_floats(random, turn, b, i),
    }


SIZES = ((1, 1, 1), (3, 2, 4), (2, 4, 3), (3, 3, 3), (1, 3, 2), (4, 1, 2), (4, 2, 1), (21, 20, 18))

SOLUTION = """\
import jax
import jax.numpy as jnp


def vectorized_linear_layer(weights, biases, inputs):
    def layer(weights, biases, x):
        return jnp.dot(x, weights) + biases

    return jax.vmap(layer, in_axes=(None, None, 0))(weights, biases, inputs)
"""

EXERCISE = Exercise(
    name="vectorized_linear_layer",
    signature="vectorized_linear_layer(weights, biases, inputs)",
    task="(in, out), (out,), (B, in) to (B, out): only inputs are mapped",
    law="mapping.broadcasts-unmapped",
    shapes=tuple({"examples": b, "inputs": i, "outputs": o} for b, i, o in SIZES),
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    pitfalls=(
        Pitfall(
            "bias-missing",
            "The biases were not added.",
            "Compute `x @ weights + biases` for each row.",
            _no_bias,
        ),
        Pitfall(
            "weights-transposed",
            "The weights were used transposed.",
            "They are (in, out): `x @ weights`, without `.T`.",
            _transposed,
        ),
        Pitfall(
            "weights-transposed",
            "Square weights were used transposed.",
            "They are (in, out): `x @ weights`, without `.T`.",
            _transposed_if_square,
        ),
        Pitfall(
            "sums-multiplied",
            "Each example's inputs were added up, and multiplied by the sums of the weights.",
            "Multiply first, then add up: `x @ weights`, in `einsum` `'bi,io->bo'`, with one letter for the "
            "inputs of both.",
            lambda weights, biases, inputs: rounded.roughly(
                inputs.sum(1)[:, None] * weights.sum(0) + biases
            ),
        ),
        Pitfall(
            "weights-reshaped",
            "The weights were turned round by `reshape`, which counts the same numbers off in other rows.",
            "They are (in, out) already: `x @ weights`, without `.reshape`.",
            lambda weights, biases, inputs: rounded.roughly(
                inputs @ weights.reshape(weights.T.shape).T + biases
            ),
        ),
        Pitfall("bias-added-twice", "The biases were added twice.", "Add them once.", _bias_twice),
        Pitfall(
            "bias-multiplied",
            "The products were multiplied by the biases.",
            "Add them: `x @ weights + biases`.",
            lambda weights, biases, inputs: rounded.roughly((inputs @ weights) * biases),
        ),
        Pitfall(
            "bias-as-a-column",
            "The biases were made a column, (out, 1), and added to every output of every example.",
            "Add them as they are: (out,) goes along the last axis, one for each output. No `[:, None]`.",
            lambda weights, biases, inputs: rounded.roughly(
                (inputs @ weights)[:, None, :] + biases[:, None]
            ),
        ),
        Pitfall(
            "biases-along-the-examples",
            "Where there are as many examples as outputs, each example got one bias for all of its outputs.",
            "Add them as they are: (out,) goes along the last axis, one for each output. No `[:, None]`.",
            _along_the_examples,
        ),
        *(
            Pitfall(
                "not-accurate",
                f"The inputs and weights were rounded to `{dtype}` before they were multiplied.",
                "Leave them in float32: the answer's last digits depend on it.",
                partial(_of_fewer_digits, dtype),
            )
            for dtype in ("bfloat16", "float16")
        ),
        Pitfall(
            "bias-added-for-each-input",
            "The biases were added once for each input.",
            "Add them once, after the sum of the products: a loop over the inputs ends before.",
            lambda weights, biases, inputs: reference(weights, len(weights) * biases, inputs),
        ),
        Pitfall(
            "products-averaged",
            "The products were averaged over the inputs.",
            "Add them up: `x @ weights`, or `jnp.sum` in place of `jnp.mean`.",
            lambda weights, biases, inputs: rounded.roughly(
                inputs @ weights / np.float32(len(weights)) + biases
            ),
        ),
        Pitfall(
            "products-scaled",
            "The products were divided by the root of the number of inputs.",
            "Leave the factor out: `x @ weights + biases`.",
            lambda weights, biases, inputs: rounded.roughly(
                inputs @ weights / np.sqrt(np.float32(len(weights))) + biases
            ),
        ),
        Pitfall(
            "biases-meet-the-weights",
            "The biases were added to the weights, before the product.",
            "Multiply first, and then add: `x @ weights + biases`.",
            lambda weights, biases, inputs: rounded.roughly(inputs @ (weights + biases)),
        ),
        Pitfall("bias-subtracted", "The biases were subtracted.", "Add them.", _subtracted),
        Pitfall(
            "first-bias-only",
            "The first bias was added to all outputs.",
            "Add `biases` as they are, one for each output: no `[0]`.",
            lambda weights, biases, inputs: reference(
                weights, np.full_like(biases, biases[0]), inputs
            ),
        ),
        *(
            Pitfall(
                "biases-meet-the-inputs",
                f"{which} added to the inputs, before the product.",
                "Multiply first, and then add: `x @ weights + biases`.",
                lambda weights, biases, inputs, part=part: rounded.roughly(
                    (inputs + biases[part]) @ weights
                ),
            )
            for which, part in (
                ("The first bias was", slice(1)),
                ("The biases were", slice(None)),
            )
        ),
        Pitfall(
            "products-summed",
            "The products were added up over the outputs, too.",
            "Leave one number for each output: `x @ weights`, in `einsum` `'bi,io->bo'`.",
            lambda weights, biases, inputs: rounded.roughly(
                (inputs @ weights).sum(1, keepdims=True) + biases
            ),
        ),
        *(
            Pitfall(
                "biases-summed",
                f"The {what} of the biases was added to every output.",
                "Add `biases` as they are, one for each output.",
                lambda weights, biases, inputs, of=of: rounded.roughly(
                    np.asarray(inputs @ weights + of(biases), np.float32)
                ),
            )
            for what, of in (("sum", np.sum), ("mean", np.mean))
        ),
        Pitfall(
            "arguments-in-another-order",
            "The weights were multiplied by the biases, and the inputs added: the arguments changed places.",
            "Name the mapped function's arguments in the order they are given in: weights, biases, inputs.",
            lambda weights, biases, inputs: rounded.roughly(weights @ biases + inputs),
        ),
        Pitfall(
            "activation-added",
            "`softmax` over the examples was applied to the right values.",
            "Leave it out: the task asks for the values themselves.",
            _softmax,
        ),
        Pitfall(
            "row-zero-broadcast",
            "Every row was given the answer of the first one.",
            "Map `inputs`: `in_axes=(None, None, 0)`.",
            _row_zero,
        ),
        Pitfall(
            "wrong-out-axes",
            "The values are right but the outputs come first.",
            "Leave the examples first: `out_axes=0`.",
            _outputs_first,
        ),
        Pitfall(
            "wrong-in-axes",
            "Arguments were mapped together that do not have the same number of examples.",
            "Only the inputs are mapped: `in_axes=(None, None, 0)`.",
        ),
    ),
    expects_map=True,
    read_error=read_errors.of_linear_layer,
    further_reading=("https://docs.jax.dev/en/latest/automatic-vectorization.html",),
)
