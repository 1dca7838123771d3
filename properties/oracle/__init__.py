"""The oracles: what a call is expected to give, in float64 with a bound on rounding.

Laws compare with `properties.compare` what a transform gives and what an oracle expects. Nothing
here calls a mapping transform. May be imported by laws, strategies and everything above them.
"""

from properties.oracle import collectives, derivatives, functions, modules, variables
from properties.oracle.collectives import of_collective, of_transpose
from properties.oracle.derivatives import of_derivative, of_weighted, sum_error
from properties.oracle.functions import from_first, of_function, one_example, shape_of_function
from properties.oracle.modules import (
    applied,
    module_evaluator,
    mutable,
    of_each,
    of_module,
    output_ranks,
    updates_differ,
)
from properties.oracle.placement import gathered, member
from properties.oracle.variables import drawn_variables, of_variables, variable_shapes

__all__ = [
    "applied",
    "clear_caches",
    "drawn_variables",
    "from_first",
    "gathered",
    "member",
    "module_evaluator",
    "mutable",
    "of_collective",
    "of_derivative",
    "of_each",
    "of_function",
    "of_module",
    "of_transpose",
    "of_variables",
    "of_weighted",
    "one_example",
    "output_ranks",
    "shape_of_function",
    "sum_error",
    "updates_differ",
    "variable_shapes",
]


def clear_caches() -> None:
    """Forget the traces of all subjects: where a name means another one now."""
    for module in (collectives, derivatives, functions, modules, variables):
        module.clear_caches()
