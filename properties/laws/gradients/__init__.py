"""gradients.*: the derivative of a map is the map of the derivative."""

from properties.laws.gradients import of_maps, whole_batch

__all__ = ["of_maps", "whole_batch"]
