"""mapping.*: a mapped function is the function applied to each example."""

from properties.laws.mapping import (
    again,
    effects,
    large,
    options,
    programs,
    structure,
    values,
    whole_batch,
)

__all__ = ["again", "effects", "large", "options", "programs", "structure", "values", "whole_batch"]
