"""The laws, by group. Importing this package registers all of them."""

from properties.law import LAWS
from properties.laws import (
    axes,
    collectives,
    errors,
    gradients,
    lifting,
    mapping,
    nesting,
    parallel,
    randomness,
    sharing,
    structure,
    synchronised,
)

__all__ = [
    "LAWS",
    "axes",
    "collectives",
    "errors",
    "gradients",
    "lifting",
    "mapping",
    "nesting",
    "parallel",
    "randomness",
    "sharing",
    "structure",
    "synchronised",
]
