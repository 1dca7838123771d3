"""sharing.*: a lifted module has one set of variables for all examples, or one for each."""

from properties.laws.sharing import lifting, parameters, synchronised

__all__ = ["lifting", "parameters", "synchronised"]
