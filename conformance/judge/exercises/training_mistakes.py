"""Training with one mistake or with two: in the network, the loss, the averaging over devices, the step.

All is computed in float32: it is for recognising an answer, never for a verdict.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import jax
import numpy as np

from conformance.judge.exercises import other_losses, other_networks, rounded, training
from conformance.judge.exercises.exercise import Pitfall
from conformance.judge.exercises.other_losses import LAST, LOSSES
from conformance.judge.exercises.other_networks import NETWORKS
from conformance.judge.exercises.other_slopes import SLOPES
from conformance.judge.exercises.other_steps import STEPS
from conformance.judge.exercises.way import Way
from reference.error_bounds.evaluate import Rounded

PLACES = {"network": "In the network: ", "loss": "In the loss: ", "average": "", "step": ""}
"""The parts of a step of training that may be wrong, and how a symptom there begins."""

ALONE = {"network": other_networks.ALONE, "loss": other_losses.ALONE}
"""Further mistakes, which are not tried together with others: each would be with all of those."""


@attrs.frozen
class Parts:
    """How each part of a step of training is computed.

    Attributes:
        network: takes params and `x`.
        loss: takes the network's answers and the targets.
        average: takes the devices' gradients, along a first axis, and gives the gradient that each
            steps by, along such an axis again. None for a step without devices.
        step: takes params, a gradient and the rate.

    """

    network: Callable[..., Any] = training.forward
    loss: Callable[..., Any] = training.squared_mean
    average: Callable[..., Any] | None = None
    step: Callable[..., Any] = training.stepped


def of_the_loss() -> Iterator[Pitfall]:
    """Mistakes in a loss: the least usual ones, and two at once."""
    for way in LAST:
        yield _pitfall((("loss", way),), partial(_loss, _with(Parts(), (("loss", way),))))
    for mistakes in _combined({"network": NETWORKS, "loss": LOSSES}, (2,)):
        yield _pitfall(mistakes, partial(_loss, _with(Parts(), mistakes)))


def of_a_step() -> Iterator[Pitfall]:
    """Mistakes in a step: one in the network or the loss, and two at once in any two parts."""
    ways = {"network": (*NETWORKS, *SLOPES), "loss": LOSSES, "step": STEPS}
    for mistakes in _from_one_to_two(ways):
        if [place for place, _ in mistakes] != ["step"]:
            yield _pitfall(mistakes, partial(_step, _with(Parts(), mistakes)))


def of_a_step_over_devices(averages: Sequence[Way]) -> Iterator[Pitfall]:
    """Mistakes in a step over devices: one in a part that every step has, and two at once.

    Args:
        averages: the mistakes in averaging the gradient, each alone one of the exercise's own.

    """
    ways = {
        "network": (*NETWORKS, *SLOPES),
        "loss": LOSSES,
        "average": averages,
        "step": STEPS,
    }
    for mistakes in _from_one_to_two(ways):
        if [place for place, _ in mistakes] != ["average"]:
            parts = _with(Parts(average=averaged), mistakes)
            yield _pitfall(mistakes, partial(_step_over_devices, parts))


def over_devices(average: Callable[..., Any]) -> Callable[..., Any]:
    """A step over devices with another way to average the gradient, for a pitfall's reference."""
    return partial(_step_over_devices, Parts(average=average))


def averaged(gradients: Any) -> Any:
    """The mean over the devices, which is along the first axis, for each of them."""
    return jax.tree_util.tree_map(
        lambda g: np.broadcast_to(g.mean(0, keepdims=True), g.shape), gradients
    )


Mistakes = tuple[tuple[str, Way], ...]
"""The parts that are wrong, in their order, and how."""


def _combined(ways: Mapping[str, Sequence[Way]], counts: Sequence[int]) -> Iterator[Mistakes]:
    for count in counts:
        for places in itertools.combinations(ways, count):
            for chosen in itertools.product(*(ways[place] for place in places)):
                yield tuple(zip(places, chosen, strict=True))


def _from_one_to_two(ways: Mapping[str, Sequence[Way]]) -> Iterator[Mistakes]:
    """One mistake of these, one of those that are tried alone, then two of these at once."""
    yield from _combined(ways, (1,))
    yield from _combined(ALONE, (1,))
    yield from _combined(ways, (2,))


def _with(parts: Parts, mistakes: Mistakes) -> Parts:
    return attrs.evolve(parts, **{place: way.compute for place, way in mistakes})


def _pitfall(mistakes: Mistakes, reference: Callable[..., Any]) -> Pitfall:
    symptoms = [symptom(place, way) for place, way in mistakes]
    fixes = list(dict.fromkeys(way.fix for _, way in mistakes))
    if len(mistakes) > 1:
        symptoms = ["Two things are wrong.", *(f"({n}) {s}" for n, s in enumerate(symptoms, 1))]
        fixes = [f"({n}) {fix}" for n, fix in enumerate(fixes, 1)] if len(fixes) > 1 else fixes
    name = "-and-".join(way.id for _, way in mistakes)
    return Pitfall(name, " ".join(symptoms), " ".join(fixes), reference)


def symptom(place: str, way: Way) -> str:
    """What a mistake does, with the part that it is in before it.

    Args:
        place: one of `PLACES`.
        way: the mistake.

    """
    if not PLACES[place]:
        return way.symptom
    return f"{PLACES[place]}{way.symptom[0].lower()}{way.symptom[1:]}"


def _loss(parts: Parts, params: Any, x: np.ndarray, y: np.ndarray) -> Rounded:
    answers = _compiled(parts.network, None)(params, x)
    return rounded.roughly(_compiled(parts.loss, None)(answers, y))


def _step(parts: Parts, params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float) -> Rounded:
    found = _gradient(parts, params, x, y)
    return rounded.roughly(_compiled(parts.step, None)(params, found, np.float32(learning_rate)))


def _step_over_devices(
    parts: Parts, params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float
) -> Rounded:
    assert parts.average is not None
    gradients = parts.average(_gradient(parts, params, x, y))
    step = _compiled(parts.step, (None, 0, None))
    return rounded.roughly(step(params, gradients, np.float32(learning_rate)))


def _gradient(parts: Parts, params: Any, x: np.ndarray, y: np.ndarray) -> Any:
    """The gradient by params; over devices, each device's along a first axis.

    It goes through the network's answers, so that each network and each loss is compiled once for
    all their combinations.
    """
    devices = parts.average is not None
    data, both = ((None, 0), (0, 0)) if devices else (None, None)
    answers = _compiled(parts.network, data)(params, x)
    by_answers = _compiled(_slope(parts.loss), both)(answers, y)
    of_network = _compiled(_pullback(parts.network), (None, 0, 0) if devices else None)
    return jax.device_get(of_network(params, x, by_answers))


@functools.cache
def _slope(loss: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of a loss by the answers, which stand for the network."""
    return jax.grad(loss)


@functools.cache
def _pullback(network: Callable[..., Any]) -> Callable[..., Any]:
    """What gradients by the network's answers are by its params."""

    def pull(params: Any, x: jax.Array, by_answers: jax.Array) -> Any:
        return jax.vjp(lambda params: network(params, x), params)[1](by_answers)[0]

    return pull


@functools.cache
def _compiled(function: Callable[..., Any], in_axes: Any) -> Callable[..., Any]:
    """The function, mapped over devices where axes are given for it, and compiled."""
    return jax.jit(function if in_axes is None else jax.vmap(function, in_axes=in_axes))
