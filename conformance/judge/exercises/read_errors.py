"""What the sizes in an error's text say of a call of one exercise: where the text alone says less."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.judge.exercises.exercise import Pitfall

Arguments = Mapping[str, Any]
Shape = tuple[int, ...]

_CONTRACTED = (
    re.compile(r"contracting dimensions .*got \((\d+),\) and \((\d+),\)"),
    re.compile(r"not aligned: (\d+) \(dim \d+\) != (\d+) \(dim \d+\)"),
)
_CORE = re.compile(r"mismatch in its core dimension .*\(size (\d+) is different from (\d+)\)")
_SHAPE = re.compile(r"\(((?:\d+,? ?)*)\)")
_BROADCAST = re.compile(
    r"(?:ncompatible shapes for broadcasting|broadcast together)(.*)", re.DOTALL
)


def contracted(text: str) -> tuple[int, int] | None:
    """The inner sizes of two factors that do not fit, the left one's first; None of another error.

    Args:
        text: the exception's type and message, JAX's or NumPy's.

    """
    for pattern in _CONTRACTED:
        if found := pattern.search(text):
            return int(found[1]), int(found[2])
    found = _CORE.search(text)  # which names the second factor's first
    return (int(found[2]), int(found[1])) if found else None


def broadcast(text: str) -> list[Shape]:
    """The shapes that do not fit each other in one operation; none of another error.

    Args:
        text: the exception's type and message, JAX's or NumPy's.

    """
    found = _BROADCAST.search(text)
    shapes = _SHAPE.findall(found[1]) if found else []
    return [tuple(int(size) for size in each.replace(",", " ").split()) for each in shapes][:2]


def of_add(text: str, arguments: Arguments) -> Pitfall | None:
    """An addition of matrices whose axes of examples `in_axes` gives."""
    if contracted(text):
        return Pitfall("another-operation", "Matrices were multiplied.", "Add them: `a + b`.")
    if "inconsistent sizes" in text:
        return Pitfall(
            "wrong-in-axes",
            "The arrays were mapped over axes that are not as long as each other: not those that "
            "`in_axes` names.",
            "Pass all of `in_axes` on as it is, in its order and with its signs: "
            "`jax.vmap(jnp.add, in_axes=in_axes, out_axes=out_axes)(a, b)`.",
        )
    met, a, b = broadcast(text), arguments["a"], arguments["b"]
    examples = a.shape[arguments["in_axes"][0]]
    if len(met) == 2 and len(met[0]) == 2 and met[0] == met[1][::-1] and examples not in met[0]:
        return Pitfall(
            "axes-swapped",
            "The rows and columns of one of the two matrices changed places.",
            "Add them as the map gives them, `a + b`: no `.T`, `transpose` or `swapaxes`.",
        )
    if len(met) == 2 and set(met) != {a.shape, b.shape} and all(len(each) == 3 for each in met):
        (examples, *one), (others, *other) = met
        if examples == others == a.shape[arguments["in_axes"][0]] and one == other[::-1]:
            return Pitfall(
                "axes-swapped",
                "The examples come first in both, but the rows and columns of one changed places.",
                "Move the axis with `jnp.moveaxis(a, in_axes[0], 0)`, which leaves the others in their "
                "order: `swapaxes` and `transpose` do not.",
            )
    return None


def of_dot(text: str, arguments: Arguments) -> Pitfall | None:
    """A dot product of the rows of two arrays of one shape."""
    if contracted(text):
        return Pitfall(
            "factors-do-not-fit",
            "Two arrays were multiplied that are not one row of each: their sizes differ.",
            "Map axis 0 of both, `jax.vmap(jnp.dot, in_axes=(0, 0))(x, y)`: what is not mapped comes "
            "whole, with all its rows.",
        )
    if "inconsistent sizes" in text:
        return Pitfall(
            "wrong-in-axes",
            "The arrays were mapped over axes that are not as long as each other.",
            "Map axis 0 of both, the rows: `jax.vmap(jnp.dot, in_axes=(0, 0))(x, y)`.",
        )
    return None


def of_linear_layer(text: str, arguments: Arguments) -> Pitfall | None:
    """A layer whose `inputs` are (B, in), its weights (in, out)."""
    (rows, inputs), outputs = arguments["inputs"].shape, arguments["weights"].shape[1]
    met, product = broadcast(text), contracted(text)
    if product:
        of_examples = _of_examples(product, rows, {inputs, outputs}, "inputs", "(None, None, 0)")
        return of_examples or FACTORS_OF_A_LAYER
    if inputs != outputs and set(met) in (
        {(inputs,), (inputs, outputs)},
        {(rows, inputs), (inputs, outputs)},
    ):
        return Pitfall(
            "elementwise-product",
            "The inputs met the weights in an operation that takes both element by element, as `*` does.",
            "Multiply them as matrices, which adds up over the inputs: `x @ weights`.",
        )
    if inputs != outputs and set(met) in (
        {(inputs,), (outputs,)},
        {(rows, inputs), (outputs,)},
    ):
        return Pitfall(
            "biases-meet-the-inputs",
            "The biases, one for each output, met what has one number for each input.",
            "Multiply first, and then add: `x @ weights + biases`. The product adds up over the inputs and "
            "leaves one number for each output: no `(x + biases) @ weights`, and no sum over the other axis.",
        )
    if met and set(met) == {(rows, outputs), (outputs, 1)}:
        return Pitfall(
            "bias-as-a-column",
            "The biases were made a column, of shape (out, 1).",
            "Add them as they are: (out,) goes along the last axis, one for each output. No `[:, None]`.",
        )
    return None


_TAKEN_APART = re.compile(
    r"ValueError: (not enough values to unpack|too many values to unpack)|"
    r"TypeError: cannot unpack non-iterable"
)
TAKEN_APART = Pitfall(
    "taken-apart-otherwise",
    "A value was taken apart into another number of names than it has parts.",
    "Print what the line shown takes apart. Where it is `params`, that has a pair for each layer, however "
    "many there are: `for weights, biases in params`. Where it is a gradient, that is made like the argument "
    "it is taken by: the first one, unless `argnums` says otherwise.",
)

FACTORS_OF_A_LAYER = Pitfall(
    "factors-do-not-fit",
    "A product met two arrays whose inner sizes differ.",
    "Compute `x @ weights + biases` of each row `x` of `inputs`: no `weights @ x`, no `.T`, the biases added "
    "to the product and not to a factor, `(x + biases) @ weights`, and only `inputs` mapped, "
    "`in_axes=(None, None, 0)`.",
)
FACTORS = Pitfall(
    "factors-do-not-fit",
    "A product in the network met two arrays whose inner sizes differ.",
    "Each layer is `x @ weights + biases`, with `x` (B, in) and weights (in, out): no `.T`, no "
    "`weights @ x`. A pair is (weights, biases), in this order; no variable of the loop may be named `x`; "
    "and the inputs `x` go before the targets `y`.",
)


def of_network(text: str, arguments: Arguments) -> Pitfall | None:
    """Layers that follow each other, for inputs `x` (..., B, in) and, where there are any, targets `y`."""
    x, y = arguments["x"], arguments.get("y")
    if _TAKEN_APART.match(text):
        return TAKEN_APART
    sizes = [np.shape(weights) for weights, _ in arguments["params"]]
    widths = {size for shape in sizes for size in shape}
    product, met = contracted(text), broadcast(text)
    if product:
        return _fed_the_inputs(product, sizes) or _of_examples(
            product, x.shape[-2], widths, "x", "(None, 0)"
        )
    by = _differentiated_by(met, arguments)
    if by is not None:
        return by
    if y is None or x.shape[-1] in {y.shape[-1] - 1, *(outputs for _, outputs in sizes)}:
        return None  # what was cut off from the network's answers has such a shape, too
    if met in ([x.shape[n:], y.shape[n:]] for n in range(x.ndim)):
        return Pitfall(
            "network-not-applied",
            "The inputs themselves, or what has their shape, were compared with the targets.",
            "Compare what the network gives: `neural_network(params, x) - y`.",
        )
    return None


def _differentiated_by(met: list[Shape], arguments: Arguments) -> Pitfall | None:
    """Whether parameters met what is shaped like another argument, as a gradient by it is."""
    params = {np.shape(array) for layer in arguments["params"] for array in layer}
    data = {name: arguments[name].shape for name in ("x", "y") if name in arguments}
    if "learning_rate" not in arguments or len(met) != 2 or met[0] not in params:
        return None
    named = [name for name, shape in data.items() if shape == met[1]]
    if len(named) != 1 or met[1] in params:
        return None
    return Pitfall(
        "gradient-by-the-data",
        f"The parameters met what is shaped like `{named[0]}`: the gradient was taken by `{named[0]}`.",
        "Take it by the parameters, which go first: `jax.grad(loss)(params, x, y)`, no `argnums=1`.",
    )


def _fed_the_inputs(product: tuple[int, int], sizes: list[Shape]) -> Pitfall | None:
    """Whether a later layer was given what is as wide as `x`, and as nothing that a layer gives."""
    first, outputs = sizes[0][0], {each[1] for each in sizes}
    later = {each[0] for each in sizes[1:]} - {first}
    if first in outputs or product[0] != first or product[1] not in later:
        return None
    return Pitfall(
        "layers-do-not-follow",
        "A layer that is not the first one of `params` was given the inputs `x`.",
        "Go on with each layer's result: `x = jnp.tanh(x @ weights + biases)`, or `h = ... h @ weights ...` "
        "with `h = x` before the loop; and take the layers in their order, from the first one on: no "
        "`params[1:]`, which leaves it out, and no `reversed`. A function that is made in a loop uses the "
        "loop's last `weights` and `biases`, unless it keeps its own: `lambda h, w=w, b=b: ...`.",
    )


def _of_examples(
    product: tuple[int, int], rows: int, widths: set[int], name: str, in_axes: str
) -> Pitfall | None:
    """Whether a product met the number of examples, which no layer is as wide as."""
    if rows not in product or rows in widths or not set(product) <= {rows, *widths}:
        return None
    return Pitfall(
        "examples-multiplied",
        f"A product took the axis of examples of `{name}` for the numbers of one example.",
        f"Each row of `{name}` is an example: map axis 0 of it, `in_axes={in_axes}`, or multiply from the "
        f"left, `{name} @ weights`.",
    )
