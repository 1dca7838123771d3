"""What a law computes with a map: a name for people, and Python for the script that shows it."""

from collections.abc import Callable

import attrs

from properties.call import Axes, FunctionCall


@attrs.frozen
class Recipe:
    """How a law came to its result, as Python in a standalone script.

    The code sees `jax`, `jnp`, `np`, `function`, `arguments` and, after it is made, `mapped`.
    """

    name: str
    setup_code: Callable[[FunctionCall], str] = lambda call: ""
    """Python that replaces `function` by what is mapped."""
    axes: Callable[[Axes], Axes] = lambda axes: axes
    """The axes that it is mapped with, from the call's only axes."""
    result_code: Callable[[FunctionCall], str] = lambda call: "got = mapped(*arguments)"
    """Python that sets `got`."""

    def called_twice(self) -> "Recipe":
        """The recipe that takes the result of a second call, which finds what the first one compiled."""
        return attrs.evolve(
            self,
            name=f"second call of the {self.name}",
            result_code=lambda call: "\n".join([self.result_code(call)] * 2),
        )


MAP = Recipe("map")
"""The map of the call's arguments."""
TWICE = "jax.tree_util.tree_map(lambda x: np.stack([x, x]), arguments)"
"""Python for the call's arguments twice, stacked along a new first axis."""
SECOND = "got = jax.tree_util.tree_map(lambda x: x[1], twice)"
"""Python for the second of two results, stacked along the first axis."""


def take_second(code: str) -> Callable[[FunctionCall], str]:
    """A `Recipe.result_code`: the second of the two results that `code`, in Python, gives."""
    return lambda call: f"twice = {code}\n{SECOND}"
