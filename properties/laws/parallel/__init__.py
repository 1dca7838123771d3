"""parallel.*: mapping over devices gives what mapping on one device gives."""

from properties.laws.parallel import agreement

__all__ = ["agreement"]
