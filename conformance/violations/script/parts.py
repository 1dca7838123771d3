"""The code of a script, by what may fail and what may not."""

from collections.abc import Sequence

import attrs
import jax
import numpy as np

from properties.compare import Expected
from properties.trees import literal
from reference.error_bounds.agreement import SLACK


@attrs.frozen(kw_only=True)
class Parts:
    """Python of one violation."""

    setup: Sequence[str]
    """Sets the arguments and, where a function is mapped, `function`."""
    attempt: Sequence[str]
    """Makes what is mapped and sets `got`: may raise."""
    expected: Expected | str | None = None
    """Arrays, or Python for what is none; None where the call must raise."""
    drawn: str = ""
    """Python that sets `expected` anew, of the unmapped function: what is drawn differs between releases."""


def arrays(right: Expected) -> list[str]:
    """Python that sets `expected`, the error that is `allowed`, `dtypes` and `structure`."""
    bound = jax.tree_util.tree_map(lambda b: SLACK * np.asarray(b, np.float64), right.bound)
    dtypes = [np.dtype(leaf.dtype).name for leaf in jax.tree_util.tree_leaves(right.like)]
    return [
        f"expected = {literal(right.value)}",
        f"allowed = {literal(bound)}",
        f"dtypes = {dtypes}",
        f"structure = {str(jax.tree_util.tree_structure(right.like))!r}",
    ]
