"""sharing.*: a lifted module has one set of variables for all examples, or one for each."""

from properties.laws.sharing import (
    collections,
    generated,
    gradients,
    metadata,
    parameters,
    synchronised,
    uses,
    variants,
)

__all__ = [
    "collections",
    "generated",
    "gradients",
    "metadata",
    "parameters",
    "synchronised",
    "uses",
    "variants",
]
