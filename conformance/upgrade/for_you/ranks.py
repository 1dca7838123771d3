"""Whether a call may be of such arrays as an observed one, where the user's text says what it is of."""

import re

from conformance.events.user_code import Use
from conformance.upgrade.for_you.index import Operations

_OF_MORE = re.compile(r"calls/.*(/of-(matrix|cube|number)-|-(matrix|matrices|numbers?)$)")
_OF_PAIRS = re.compile(r"calls/.*-pairs$")
_DRAWN = re.compile(r"draws/[^/]+/(?!\w*(32|64)$)")
"""Draws of a dtype that no sampler gives to who names none."""
_BEFORE_DTYPE = {
    **dict.fromkeys(("randint", "truncated_normal", "beta", "ball", "f", "binomial"), 4),
    **dict.fromkeys(
        ("multivariate_normal", "weibull_min", "double_sided_maxwell", "multinomial"), 4
    ),
    **dict.fromkeys(("gamma", "loggamma", "chisquare", "dirichlet", "generalized_normal"), 3),
    **dict.fromkeys(("geometric", "lognormal", "orthogonal", "pareto", "poisson"), 3),
    **dict.fromkeys(("rayleigh", "t", "wald"), 3),
    "triangular": 5,
}
"""As many arguments by position come before the dtype; of other samplers two."""
_OF_ARRAYS = frozenset({"categorical", "choice", "permutation", "shuffle"})
"""What gives the dtype of an argument."""


def _is_of_default_dtype(use: Use) -> bool:
    """Whether a sampler is called, or named, without a dtype."""
    last = use.name.rpartition(".")[2]
    by_position = use.positional > _BEFORE_DTYPE.get(last, 2)
    return last not in _OF_ARRAYS and not by_position and "dtype" not in use.keywords


def may_be_of(key: str, use: Use, operations: Operations) -> bool:
    """False where the change is of arrays of another rank or length than those in the user's line.

    Args:
        key: The key of the difference, such as `calls/jax.vmap/of-cube-numpy.cross`.
        use: A use of the function.
        operations: What the sources do; `cross of vectors` says what a call is of.

    """
    if _DRAWN.match(key) and _is_of_default_dtype(use):
        return False
    last = use.name.rpartition(".")[2]
    told, numbers = f"{last} of vectors", f"{last} of plain numbers"
    done = operations.by_line.get((use.file, use.line), set())
    if "/at-edges-" in key and numbers in done:
        return False
    said = {each for each in done if each.startswith(told)}
    if not said:
        return True
    if "/at-edges-" in key:
        return f"{told} of plain numbers" not in said
    if _OF_PAIRS.match(key):
        return f"{told} of 2" in said
    return not _OF_MORE.match(key)
