"""The laws, by group. Importing this package registers all of them."""

from properties.law import LAWS
from properties.laws import axes, mapping, parallel, sharing

__all__ = ["LAWS", "axes", "mapping", "parallel", "sharing"]
