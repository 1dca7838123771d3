"""The laws, by group. Importing this package registers all of them."""

from properties.law import LAWS
from properties.laws import axes, collectives, mapping, parallel, sharing

__all__ = ["LAWS", "axes", "collectives", "mapping", "parallel", "sharing"]
