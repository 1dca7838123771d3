"""sharing.*: a lifted module has one set of variables for all examples, or one for each."""

from properties.laws.sharing import gradients, parameters, synchronised

__all__ = ["gradients", "parameters", "synchronised"]
