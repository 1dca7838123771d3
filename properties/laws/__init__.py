"""The laws: a file or folder per group of ids. Importing this package registers all of them."""

from properties.law import LAWS
from properties.laws import (
    axes,
    collectives,
    errors,
    gradients,
    mapping,
    nesting,
    parallel,
    randomness,
    sharing,
)

__all__ = [
    "LAWS",
    "axes",
    "collectives",
    "errors",
    "gradients",
    "mapping",
    "nesting",
    "parallel",
    "randomness",
    "sharing",
]
