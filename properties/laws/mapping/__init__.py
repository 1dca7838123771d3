"""mapping.*: a mapped function is the function applied to each example."""

from properties.laws.mapping import structure, values

__all__ = ["structure", "values"]
