"""One step of gradient descent across devices, with the gradient averaged over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import read_errors, rounded, training, training_mistakes
from conformance.judge.exercises.exercise import MORE_THAN_DEVICES, Exercise, Pitfall
from conformance.judge.exercises.way import Way
from reference.error_bounds.evaluate import Rounded


def _step(params: Any, x: Any, y: Any, rate: Any) -> Any:
    return training.step(params, x, y, rate)


def _expanded(params: Any, x: Any, y: Any, rate: Any) -> Any:
    return training.step(params, x, y, rate, training.mean_squared_expanded)


def _full_batch(
    params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float, step: Any = _step
) -> Rounded:
    joined = x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])
    return rounded.evaluate(step, params, *joined, np.float32(learning_rate))


def reference(params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float) -> Rounded:
    """The params after the step, repeated for each device along a new axis 0, with error bounds."""
    return rounded.each([_full_batch(params, x, y, learning_rate)] * len(x))


def _of_the_expanded_loss(
    params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float
) -> Rounded:
    return rounded.each([_full_batch(params, x, y, learning_rate, _expanded)] * len(x))


def draw(shape: Mapping[str, Any], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: params, `x` (D, B, in), `y` (D, B, out) and a learning rate."""
    drawn = training.draw_data(shape, random, turn, shape["devices"], shape["examples"])
    return {**drawn, "learning_rate": training.draw_rate(random, turn)}


DEVICES = 8
"""How many there are where a candidate runs."""
SIZES = (
    (1, 1, (1, 1)),
    (2, 1, (2, 3)),
    (3, 2, (3, 3, 3)),
    (4, 3, (2, 4, 1)),
    (8, 2, (3, 2, 2)),
    (2, 2, (1, 3, 2)),
    (4, 21, (2, 3)),
    (8, 1, (4, 3, 2, 2, 2)),
)


def _of_device(place: int, gradients: Any) -> Any:
    """One device's gradient for each of them."""
    return jax.tree_util.tree_map(lambda g: np.broadcast_to(g[place], g.shape), gradients)


def _of_one_kind(place: int, gradients: Any) -> Any:
    """The mean over the devices of every layer's weights, or biases, and the others as they are."""
    mean = training_mistakes.averaged(gradients)
    return [
        tuple(m if n == place else g for n, (g, m) in enumerate(zip(own, means, strict=True)))
        for own, means in zip(gradients, mean, strict=True)
    ]


def _reduced(reduction: Callable[..., np.ndarray], gradients: Any) -> Any:
    """What all devices' gradients are reduced to, for each of them."""
    return jax.tree_util.tree_map(
        lambda g: np.broadcast_to(reduction(g, axis=0), g.shape), gradients
    )


AVERAGES = (
    Way(
        "gradient-not-averaged",
        "Every device stepped along the gradient of its own data.",
        "Average the gradient before the step: `jax.lax.pmean(gradient, axis_name)`.",
        lambda gradients: gradients,
    ),
    *(
        Way(
            "one-devices-gradient",
            f"Every device stepped along the gradient of the {which} device's data alone.",
            "Average the gradients of all: `jax.lax.pmean(gradient, axis_name)`.",
            partial(_of_device, place),
        )
        for which, place in (("first", 0), ("last", -1))
    ),
    Way(
        "gradient-summed",
        "The step is as many times too long as there are devices: gradients were added up, not averaged.",
        "Use `jax.lax.pmean` in place of `jax.lax.psum`, and `learning_rate` as it is given.",
        lambda gradients: _scaled(training_mistakes.averaged(gradients), 1),
    ),
    Way(
        "gradient-averaged-twice",
        "The gradient was divided by the number of devices twice.",
        "Average it once: `jax.lax.pmean` divides by the number of devices already.",
        lambda gradients: _scaled(training_mistakes.averaged(gradients), -1),
    ),
)

ALONE = (
    *(
        Way(
            "gradients-extreme",
            f"Every device stepped along the {which} of the devices' gradients.",
            "Average them: `jax.lax.pmean(gradient, axis_name)`.",
            partial(_reduced, reduction),
        )
        for which, reduction in (("largest", np.max), ("smallest", np.min))
    ),
    *(
        Way(
            "some-gradients-not-averaged",
            f"The gradients of the {which} were averaged over the devices, and the others were not.",
            "Average all of them: `jax.lax.pmean(gradients, axis_name)` takes the whole list.",
            partial(_of_one_kind, place),
        )
        for which, place in (("weights", 0), ("biases", 1))
    ),
    Way(
        "divided-by-all-devices",
        f"The sum of the gradients was divided by {DEVICES}, as many as there are devices, whatever `x` has.",
        "Use `jax.lax.pmean`, or divide by `jax.lax.psum(1, axis_name)`: not by `jax.device_count()`.",
        lambda gradients: jax.tree_util.tree_map(
            lambda g: np.broadcast_to(g.sum(0) / np.float32(DEVICES), g.shape), gradients
        ),
    ),
)
"""Further ways to join the gradients, which are tried as the only mistake."""


def _averaged(data: np.ndarray) -> np.ndarray:
    """The mean over the devices, for each of them."""
    return np.broadcast_to(data.mean(0, keepdims=True), data.shape)


def _scaled(gradients: Any, power: int) -> Any:
    """The gradients, along a first axis of devices, times a power of their number."""
    return jax.tree_util.tree_map(lambda g: g * np.float32(len(g)) ** power, gradients)


SOLUTION = """\
import jax
import jax.numpy as jnp


def loss(params, x, y):
    for weights, biases in params:
        x = jnp.tanh(jnp.dot(x, weights) + biases)
    return jnp.mean((x - y) ** 2)


def step(params, x, y, learning_rate):
    gradients = jax.lax.pmean(jax.grad(loss)(params, x, y), "devices")
    return jax.tree_util.tree_map(lambda p, g: p - learning_rate * g, params, gradients)


parallel_step = jax.pmap(step, axis_name="devices", in_axes=(None, 0, 0, None))


def parallel_update(params, x, y, learning_rate):
    return parallel_step(params, x, y, learning_rate)
"""

EXERCISE = Exercise(
    name="parallel_update",
    signature="parallel_update(params, x, y, learning_rate)",
    task=(
        "one step on (D, b, in) data across D devices with the gradient averaged; params come "
        "without an axis of devices and go back with one, the same on every device"
    ),
    law="parallel.data-parallel-step",
    shapes=tuple({"devices": d, "examples": b, "layers": layers} for d, b, layers in SIZES),
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    tree=True,
    pitfalls=(
        read_errors.FACTORS,
        *(
            Pitfall(way.id, way.symptom, way.fix, training_mistakes.over_devices(way.compute))
            for way in (*AVERAGES, *ALONE)
        ),
        Pitfall(
            "data-averaged",
            "The data of the devices were averaged, and the gradient taken of that mean.",
            "Take the gradient of each device's own data, and average the gradients: "
            "`jax.lax.pmean(gradient, axis_name)`.",
            lambda params, x, y, learning_rate: reference(
                params, _averaged(x), _averaged(y), learning_rate
            ),
        ),
        Pitfall(
            "divided-by-the-examples",
            "The sum of the devices' gradients was divided by the number of examples that a device has, "
            "not by the number of devices.",
            "Use `jax.lax.pmean`, which divides by the number of devices: inside the map `x.shape[0]` is a "
            "number of examples.",
            lambda params, x, y, learning_rate: reference(
                params, x, y, learning_rate * len(x) / x.shape[1]
            ),
        ),
        Pitfall(
            "params-not-returned-per-device",
            "The answer has no axis of devices.",
            "Make the step inside `pmap`, and return what it returns, with its first axis, every device's "
            "parameters one after another: no `[0]` of it, and no `out_axes=None`. Parameters that no map "
            "gives are repeated: `jnp.stack([p] * len(x))` for each array.",
            _full_batch,
        ),
        Pitfall(
            "as-many-as-devices",
            f"There are {DEVICES} copies of the parameters, as many as there are devices, whatever `x` has.",
            "Take the number from the data: `len(x)`, not `jax.device_count()`.",
            lambda params, x, y, learning_rate: rounded.each(
                [_full_batch(params, x, y, learning_rate)] * DEVICES
            ),
        ),
        Pitfall(
            "shapes-do-not-fit",
            "Arrays with an axis of devices were passed on as if they had none, or without as if "
            "they had one.",
            "Parameters that all devices share go with `None` in `in_axes`, replicated ones with 0.",
        ),
        Pitfall(
            "scalar-not-broadcast",
            "A number, such as the learning rate, was mapped over the devices, and has no axis to map.",
            "Only the data are mapped, and the rest is shared: "
            "`jax.pmap(..., in_axes=(None, 0, 0, None))`, or 0 in place of the first for replicated params.",
        ),
        Pitfall(
            "params-unchanged",
            "The parameters came back as they were.",
            "Return the stepped ones. If it does, the gradient is cut "
            "off: look for `stop_gradient`, and for a loss that does not use what it is differentiated by.",
            lambda params, x, y, learning_rate: reference(params, x, y, 0.0),
        ),
        MORE_THAN_DEVICES,
    ),
    rare_pitfalls=tuple(training_mistakes.of_a_step_over_devices(AVERAGES)),
    also_right=(_of_the_expanded_loss,),
    builds_on=("update", "loss_fn", "neural_network"),
    expects_map=True,
    expects_devices=True,
    read_error=read_errors.of_network,
    further_reading=(
        "https://docs.jax.dev/en/latest/_autosummary/jax.pmap.html",
        "https://docs.jax.dev/en/latest/_autosummary/jax.lax.pmean.html",
    ),
)
