"""The laws, by group. Importing this package registers all of them."""

from properties.laws import axes, mapping, parallel, sharing
from properties.law import LAWS

__all__ = ["LAWS", "axes", "mapping", "parallel", "sharing"]
