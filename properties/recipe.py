"""What a law computes from a map: a name for people, and Python for the script that shows it."""

from collections.abc import Callable

import attrs

from properties.call import Axes, FunctionCall


@attrs.frozen
class Recipe:
    """How a law that blames a call has come to what it got. The texts see ``jax``, ``jnp``, ``np``,
    ``function``, ``arguments`` and, where it has been made, ``mapped``."""

    name: str
    setup_code: Callable[[FunctionCall], str] = lambda call: ""
    """Python that makes of ``function`` what is mapped."""
    axes: Callable[[Axes], Axes] = lambda axes: axes
    """From the call's only axes to those that it is mapped with."""
    result_code: Callable[[FunctionCall], str] = lambda call: "got = mapped(*arguments)"
    """Python that sets ``got``."""


MAP = Recipe("map")
TWICE = "jax.tree_util.tree_map(lambda x: np.stack([x, x]), arguments)"
"""Python for two batches in front of the batch."""
SECOND = "got = jax.tree_util.tree_map(lambda x: x[1], twice)"
"""Python for what came of the second of them."""


def take_second(text: str) -> Callable[[FunctionCall], str]:
    """For `Way.after`: what a nested map, in Python, gives for the second of two equal batches."""
    return lambda call: f"twice = {text}\n{SECOND}"
